"""The ways a view does its work: `once()` for what changes something, `once_between()` where the outside world is asked in
the middle, `once_in_one_statement()` for what is asked so often that a command does all that `once()` does by itself, and
`read()` for what changes nothing.

A view parses (by its types), makes one call down, and shapes the answer (by its types):

    @router.post("create_bill/", response={201: BillOut}, summary="Create a bill")
    def create_bill(request: Request, body: BillIn) -> HttpResponse:
        return once(request, body, 201, lambda: bill_out(commands.create_bill(actor=request.actor, now=request.now, ...)))
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast, overload

from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from pydantic import BaseModel

from clustr.audit import commands as audit
from clustr.audit.refusals import RequestInProgress
from clustr.audit.types import Answer, Bucket, Claim
from clustr.kit.actor import Actor, noting_permissions
from clustr.kit.crashpoints import crash_point
from clustr.kit.errors import TooMany
from clustr.kit.tenancy import in_tenant
from clustr.web.actors import Request, actor_of
from clustr.web.schemas import ChangesIn

__all__ = [
    "Request",
    "actor_of",
    "json_answer",
    "once",
    "once_between",
    "once_in_one_statement",
    "once_keeping_facts",
    "read",
    "read_value",
    "take_turn",
]

A = TypeVar("A")
P = TypeVar("P")
Q = TypeVar("Q")

KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotent-Replayed"
_JSON = "application/json"
_NOTHING: Any = object()
_PINS = {"pin", "old_pin"}
"""Say who asks, not what is asked: no part of what a repeat must have in common with the first."""


@overload
def once(
    request: Request, body: BaseModel | bytes | None, status: int, work: Callable[[], BaseModel]
) -> HttpResponse: ...
@overload
def once(
    request: Request,
    body: BaseModel | bytes | None,
    status: int,
    work: Callable[[P | None], BaseModel],
    *,
    before: Callable[[], P] | None,
    again: Callable[[], object] | None = None,
) -> HttpResponse: ...
def once(
    request: Request,
    body: BaseModel | bytes | None,
    status: int,
    work: Callable[..., BaseModel],
    *,
    before: Any = _NOTHING,
    again: Callable[[], object] | None = None,
) -> HttpResponse:
    """Do `work` in the cluster's transaction, once per Idempotency-Key, and answer with `status` and what it returns.

    `body` is the whole input beside the address: a repeat with another input is refused. `work` may run again from the
    start when PostgreSQL asks for it; the commands it calls join the transaction. `before` runs outside and ahead of
    that transaction, and not for a repeat: for what must stay even if `work` is refused (a PIN attempt); its result, or
    None where there is nothing to do before, is handed to `work`. A PIN is no part of the input, so that repeats do not
    tell which was right; `again` runs ahead of a repeat's answer, where it must come with the PIN that the first one set.
    Takes a turn of the user's throttle.
    """
    take_turn(request)
    actor = actor_of(request)
    claim = _claim(request, body)
    arguments: tuple[Any, ...] = () if before is _NOTHING else (None,)
    if before is not _NOTHING and before is not None:
        known = _answered(actor, claim)
        if known is not None:
            if again is not None:
                again()
            return _replay(known, actor)
        arguments = (before(),)
        crash_point("door.once.checked")

    def answer() -> tuple[Answer, bool]:
        first = audit.claim_request(claim) if claim else None
        if first is not None and again is not None:
            raise RequestInProgress(retry_after_seconds=1)  # the first ended in this instant: this one is asked again
        if first is not None:
            return first, True
        crash_point("door.once.claimed")
        with noting_permissions() as needed:
            text = work(*arguments).model_dump_json(by_alias=True)
        made = Answer(status, text, tuple(sorted(needed)))
        crash_point("door.once.worked")
        if claim:
            audit.keep_answer(claim, made, at=request.now)
        crash_point("door.once.kept")
        return made, False

    given, repeated = in_tenant(actor.cluster_id, answer)
    if not repeated:
        crash_point("door.once.committed")
    return _replay(given, actor) if repeated else json_answer(given.text, given.status)


def once_between(
    request: Request,
    body: BaseModel | None,
    status: int,
    *,
    record: Callable[[Claim | None, A | None], P],
    ask: Callable[[P], Q],
    shape: Callable[[Q], BaseModel],
    before: Callable[[], A] | None = None,
    complete: Callable[[str], BaseModel] | None = None,
    at_once: Callable[[P], BaseModel | None] | None = None,
) -> HttpResponse:
    """For what asks the outside world, once per Idempotency-Key: `record` in the cluster's transaction what will be asked,
    `ask` outside any transaction, then keep the answer that `shape` makes of it in a transaction again. Where the answer
    holds what must not be kept, `shape` leaves it out and `complete` makes the whole of what is kept, every time. `at_once`:
    the answer where nothing is left to ask, kept in the transaction of `record`.

    Nothing is held while the world answers. `record` gets the request's claim, to know what an earlier try of the same
    request has begun, and the result of `before`, which is as in `once()`. Takes a turn of the user's throttle.
    """
    take_turn(request)
    actor = actor_of(request)
    claim = _claim(request, body)
    checked = None
    if before is not None:
        answered = _answered(actor, claim)
        if answered is not None:
            return _replay(_completed(answered, complete), actor)
        checked = before()

    def kept(answer: BaseModel) -> Answer:
        made = Answer(status, answer.model_dump_json(by_alias=True), tuple(sorted(needed)))
        if claim:
            audit.keep_answer(claim, made, at=request.now)
        return made

    def first() -> tuple[Answer | None, bool, P | None]:
        known = audit.claim_request(claim) if claim else None
        if known is not None:
            return known, True, None
        recorded = record(claim, checked)
        answer = at_once(recorded) if at_once else None
        return (kept(answer) if answer else None), False, recorded

    def last() -> tuple[Answer, bool]:
        other = audit.claim_request(claim) if claim else None
        return (kept(shape(asked)), False) if other is None else (other, True)

    with noting_permissions() as needed:
        given, repeated, recorded = in_tenant(actor.cluster_id, first)
        if given is None:
            crash_point("door.between.recorded")
            asked = ask(cast(P, recorded))
    if given is None:
        crash_point("door.between.asked")
        given, repeated = in_tenant(actor.cluster_id, last)
        crash_point("door.between.kept")
    given = _completed(given, complete)
    return _replay(given, actor) if repeated else json_answer(given.text, given.status)


def once_in_one_statement(
    request: Request,
    body: BaseModel,
    status: int,
    act: Callable[[Claim | None, P | None], tuple[str, bool]],
    shape: Callable[[str], BaseModel],
    *,
    before: Callable[[], P] | None,
) -> HttpResponse:
    """As `once()`, for a command that claims the request, takes effect, and keeps the facts of the answer in one
    statement. `act` answers these facts and whether they are an earlier request's; `shape` makes the answer of them, the
    first time and every time after."""
    take_turn(request)
    actor = actor_of(request)
    claim = _claim(request, body)
    prepared = None
    if before is not None:
        known = _answered(actor, claim)
        if known is not None:
            return _replay(Answer(known.status, shape(known.text).model_dump_json(by_alias=True)), actor)
        prepared = before()
        crash_point("door.once.checked")
    facts, repeated = act(claim, prepared)
    if not repeated:
        crash_point("door.once.committed")
    answer = Answer(status, shape(facts).model_dump_json(by_alias=True))
    return _replay(answer, actor) if repeated else json_answer(answer.text, answer.status)


def once_keeping_facts(
    request: Request,
    body: BaseModel | None,
    status: int,
    work: Callable[[], str],
    shape: Callable[[str], BaseModel],
    *,
    before: Callable[[], None] | None = None,
) -> HttpResponse:
    """As `once()`, where the answer holds a secret: kept beside the key are the facts that `work` answers, without it,
    and `shape` makes the answer of them, the first time and every time after. `before` is as there."""
    take_turn(request)
    actor = actor_of(request)
    claim = _claim(request, body)
    if before is not None:
        known = _answered(actor, claim)
        if known is not None:
            return _replay(Answer(known.status, shape(known.text).model_dump_json(by_alias=True)), actor)
        before()

    def answer() -> tuple[str, bool]:
        first = audit.claim_request(claim) if claim else None
        if first is not None:
            return first.text, True
        facts = work()
        if claim:
            audit.keep_answer(claim, Answer(status, facts), at=request.now)
        return facts, False

    facts, repeated = in_tenant(actor.cluster_id, answer)
    made = Answer(status, shape(facts).model_dump_json(by_alias=True))
    return _replay(made, actor) if repeated else json_answer(made.text, made.status)


def _answered(actor: Actor, claim: Claim | None) -> Answer | None:
    """What the same request was answered before, if it was."""
    return in_tenant(actor.cluster_id, lambda: audit.claim_request(claim)) if claim else None


def _completed(kept: Answer, complete: Callable[[str], BaseModel] | None) -> Answer:
    if complete is None:
        return kept
    return Answer(kept.status, complete(kept.text).model_dump_json(by_alias=True), kept.needs)


def read(request: Request, work: Callable[[], BaseModel]) -> HttpResponse:
    """Answer 200 with what `work` returns, read in one read-only transaction of the cluster."""
    return json_answer(read_value(request, work).model_dump_json(by_alias=True))


def read_value(request: Request, work: Callable[[], P]) -> P:
    """What `work` returns, read in one read-only transaction of the cluster: for answers that are not JSON."""

    def looking() -> P:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        return work()

    return in_tenant(actor_of(request).cluster_id, looking)


def take_turn(request: Request) -> None:
    """Refuse with 429 when the user changes things too fast: so many a minute, so many at once."""
    env = settings.ENV
    bucket = Bucket(f"writes:{request.signed_in.user_id}", env.THROTTLE_MONEY_PER_MINUTE, env.THROTTLE_MONEY_BURST)
    _wait_for(bucket)


def take_turn_to_ask_a_bank(request: Request) -> None:
    """Refuse with 429 when a user, or an estate's people together, ask too often whose bank account it is: each answer costs the
    time of a bank, and tells a name. Outside any transaction, once `request.actor` is there."""
    env, actor = settings.ENV, request.actor
    _wait_for(
        Bucket(f"names:{actor.member_id}", env.THROTTLE_NAMES_PER_MINUTE, env.THROTTLE_NAMES_PER_MINUTE),
        Bucket(f"names-of:{actor.cluster_id}", env.THROTTLE_NAMES_PER_ESTATE, env.THROTTLE_NAMES_PER_ESTATE),
    )


def _wait_for(*buckets: Bucket) -> None:
    wait = audit.take_turn(*buckets)
    if wait > 0:
        raise TooMany(retry_after_seconds=int(wait) + 1)


def json_answer(text: str, status: int = 200) -> HttpResponse:
    """An answer whose JSON is written already."""
    return HttpResponse(text, status=status, content_type=_JSON)


def _replay(first: Answer, actor: Actor) -> HttpResponse:
    """The first answer again, for who may still ask for it: a permission lost meanwhile counts here too."""
    for permission in first.needs:
        actor.require(permission)
    answer = json_answer(first.text, first.status)
    answer[REPLAYED_HEADER] = "true"
    return answer


def _claim(request: Request, body: BaseModel | bytes | None) -> Claim | None:
    key = request.__dict__.get("form_key") or request.headers.get(KEY_HEADER)  # a page's form carries its own
    if key is None:
        return None
    return Claim.of(
        user_id=request.signed_in.user_id,
        path=f"{request.method} {request.path}",
        key=key,
        body=_canonical(body),
        secret=_digest_secret(settings.SECRET_KEY),
    )


def _canonical(body: BaseModel | bytes | None) -> bytes:
    """The input without what does not matter: the order of keys, spaces, PINs, and, but for changes, whether a default was
    spelt out."""
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    said = body.model_dump(mode="json", exclude=_PINS, exclude_unset=isinstance(body, ChangesIn))
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


@cache
def _digest_secret(secret_key: str) -> bytes:
    return hashlib.sha256(b"clustr.idempotency-digest\x00" + secret_key.encode()).digest()
