"""Forms of pages: what was typed becomes the body that the API's view takes, and what it answers becomes a page again.

A page's form is sent to the API's own view, in the same process: `attempt(request, lambda: bills.pay_bill(request,
PayIn(...)))`. So a rule, a throttle, a first answer exist once. Each form carries a key, by which sending it twice takes
effect once, and the estate it was shown for, so that a form of one estate never acts in another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils import timezone
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from clustr.audit.refusals import RequestInProgress
from clustr.kit.errors import Invalid, Refusal, Unavailable
from clustr.kit.money import SIGNS, InvalidAmount, Money
from clustr.kit.texts import holds_card_number
from clustr.wallets.refusals import PinIncorrect, PinLocked, PinRequired
from clustr.web import errors
from clustr.web.actors import Request
from clustr.web.pages.words import said_of, said_of_value
from clustr.web.refusals import FormOfAnotherEstate

KEY, ESTATE_FIELD = "form_key", "form_estate"
_KEY = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)
_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]{1,2})?", re.ASCII)
_SECRET = ("pin", "old_pin", "code")
_UNDECIDED = {RequestInProgress.code, PinRequired.code, PinIncorrect.code, PinLocked.code}
"""Refusals that say nothing of what became of an earlier try with the same key."""


@dataclass
class Attempt:
    """What became of a form: the API's answer, or why there is none. `errors` by field; `problem` stands above the form."""

    values: Mapping[str, str] = field(default_factory=dict)
    answer: dict[str, Any] | None = None
    problem: str = ""
    code: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    status: int = 200
    key: str = ""

    @property
    def done(self) -> bool:
        return self.answer is not None


def attempt(request: Request, send: Callable[[], HttpResponse], *, keyed: bool = True) -> Attempt:
    """Send what was typed to a view of the API. What was typed stays for the form to be shown again, secrets apart. After an
    outcome that nobody heard, while an earlier tap is still at work, or where only the PIN was wrong, the form keeps its key:
    sending it again is the same request. Not `keyed`: a step of several that one form takes, each harmless to repeat; the key
    goes along to the last of them."""
    hold_to_form(request, keyed=keyed)
    values, kept = typed_before(request), "" if keyed else key_of(request)
    try:
        answer = send()
    except ValidationError as error:
        found = {_field(item["loc"]): _said_of(item) for item in error.errors()}
        return Attempt(values, problem=_elsewhere(request, found), errors=found, code="invalid", status=422, key=kept)
    except Refusal as refusal:
        status = errors.of_refusal(request, refusal).status_code
        by_field = {each.field.split(".")[-1]: said_of_value(each.code, each.message) for each in refusal.errors}
        if isinstance(refusal, Invalid) and refusal.field in request.POST:
            by_field.setdefault(refusal.field, said_of(refusal))
        undecided = isinstance(refusal, Unavailable) or refusal.code in _UNDECIDED
        key = key_of(request) if undecided else kept
        shown = _elsewhere(request, by_field) if refusal.errors else said_of(refusal)
        return Attempt(values, problem=shown, code=refusal.code, errors=by_field, status=status, key=key)
    return Attempt(values, answer=json.loads(answer.content) if answer.content else {}, key=kept)


def together(*tries: Attempt) -> Attempt:
    """Several checks of one form: the last, where all went well; else the first that did not, with what any found wrong, at a
    field or with the whole."""
    failed = [tried for tried in tries if not tried.done]
    if not failed:
        return tries[-1]
    found = {name: said for tried in reversed(failed) for name, said in tried.errors.items()}
    problems = dict.fromkeys(tried.problem for tried in failed if tried.problem)
    return replace(failed[0], errors=found, problem=" ".join(problems))


def _said_of(wrong: ErrorDetails) -> str:
    typed = wrong["input"]
    return (
        typed.said
        if isinstance(typed, Unreadable)
        else said_of_value(wrong["type"], wrong["msg"], _field(wrong["loc"]))
    )


def _field(where: tuple[int | str, ...]) -> str:
    """The field of a form that a place in the body stands for: `("destination", "account_number")` -> `account_number`."""
    names = [part for part in where if isinstance(part, str) and part.isidentifier()]
    return names[-1] if names else ""


def _elsewhere(request: Request, errors: Mapping[str, str]) -> str:
    """What is wrong with values that the form has no field for: said above it, so that it is said at all."""
    return " ".join(said for name, said in errors.items() if name not in request.POST)


def typed_before(request: Request) -> dict[str, str]:
    """What was typed, for the form to be shown again: no PIN, no code, and no card's number wherever it was typed."""
    return {
        name: value
        for name, value in request.POST.items()
        if isinstance(value, str) and name not in _SECRET and not holds_card_number(value)
    }


def hold_to_form(request: Request, *, keyed: bool = True) -> None:
    """Take the form's key, and refuse a form that was shown for another estate than the one chosen now."""
    if request.POST.get(ESTATE_FIELD) != str(request.actor.cluster_id):
        raise FormOfAnotherEstate
    request.__dict__["form_key"] = (keyed and key_of(request)) or None


def key_of(request: Request) -> str:
    """The key that a form was sent with; "" where it has none."""
    key = request.POST.get(KEY, "")
    return key if _KEY.fullmatch(key) else ""


def fresh_key() -> str:
    """The key of a form that was not sent yet."""
    return str(uuid4())


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What stands in a body for what was typed and is no value: it is refused there, with all else that is wrong, and this is said
    of it."""

    said: str


def go(request: Request, to: str, *arguments: Any, said: Any = "", wrong: Any = "") -> HttpResponse:
    """On to another page, which says what happened, or what did not."""
    if wrong:
        messages.error(request, str(wrong))
    elif said:
        messages.success(request, str(said))
    return HttpResponseRedirect(resolve_url(to, *arguments), status=303)


def typed(request: Request, *names: str) -> dict[str, Any]:
    """These fields as they were typed, without those that were left empty."""
    sent = {name: request.POST.get(name, "").strip() for name in names}
    return {name: value for name, value in sent.items() if value}


def typed_amount(request: Request, name: str = "amount") -> dict[str, str]:
    """An amount as people type it, "₦5,000.00" or "5000", as the API takes it. A comma only where thousands part. Left empty it
    stays so, and is refused: to the API no amount at all may mean everything."""
    currency = request.actor.currency
    text = request.POST.get(name, "").strip().removeprefix(SIGNS.get(currency, currency)).removeprefix(currency).strip()
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    return {name: text}


def typed_day(request: Request, name: str, *, end: bool = False) -> dict[str, datetime | str]:
    """A day as the browser sends it, as an instant of the estate's clock: its beginning, or its `end`."""
    text = request.POST.get(name, "").strip()
    if not text:
        return {}
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return {name: text}  # the body says what is wrong with it
    moment = time(23, 59, 59) if end else time(0, 0)
    return {name: datetime.combine(day, moment, tzinfo=timezone.get_current_timezone())}


def typed_minor(request: Request, name: str, currency: str) -> dict[str, Any]:
    """An amount as people type it, in minor units as the API takes it. Left empty it stays away, and is refused there."""
    text = typed_amount(request, name)[name].removeprefix("$").removeprefix(currency).strip()
    if not text:
        return {}
    try:
        return {name: Money.parse(text, currency).minor}
    except InvalidAmount as refusal:
        return {name: Unreadable(said_of_value("invalid_amount", refusal.detail))}
