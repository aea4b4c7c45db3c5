"""The only writer of the trail, of first answers and of throttles."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from clustr.audit import anchors, queries
from clustr.audit.anchors import Anchor
from clustr.audit.models import Block, IdempotencyKey
from clustr.audit.refusals import IdempotencyKeyReused, RequestInProgress
from clustr.audit.types import Answer, Bucket, Claim, Subject
from clustr.kit.actor import Actor
from clustr.kit.ids import new_id
from clustr.kit.prepared import fetch_prepared
from clustr.kit.tenancy import current_tenant, tenant

_PURGE_AT_ONCE = 5_000
_EVENTS_OF_A_BLOCK = 20_000


def record(
    *,
    actor: Actor,
    action: str,
    subject_kind: str,
    subject_id: UUID,
    at: datetime,
    reason: str = "",
    facts: Mapping[str, Any] | None = None,
    journal: UUID | None = None,
) -> UUID:
    """Write one act ("bills.cancelled") into the trail, in the transaction under way.

    `facts` are small JSON facts (old and new amount, counts): ids and values, never names, addresses, PINs or tokens.
    """
    event, origin = new_id(), actor.origin
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_event (cluster_id, id, at, actor_id, action, subject_kind, subject_id, reason, ip,"
            " user_agent, request_id, changes, journal)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                current_tenant(),
                event,
                at,
                actor.user_id,
                action,
                subject_kind,
                subject_id,
                reason,
                origin.ip,
                origin.user_agent,
                origin.request_id,
                json.dumps(facts or {}),
                journal,
            ],
        )
    return event


def record_batch(
    *,
    actor: Actor,
    action: str,
    subject_kind: str,
    subjects: Sequence[Subject],
    at: datetime,
    reason: str = "",
) -> int:
    """Write one act on each of many subjects, in one statement of the transaction under way; answers how many."""
    if not subjects:
        return 0
    current_tenant()
    origin = actor.origin
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT audit_record_batch(%s, %s, %s, %s, %s::uuid[], %s, %s, %s, %s, %s::jsonb[], %s::uuid[])",
            [
                at,
                actor.user_id,
                action,
                subject_kind,
                [subject.id for subject in subjects],
                reason,
                origin.ip,
                origin.user_agent,
                origin.request_id,
                [json.dumps(subject.facts) for subject in subjects],
                [subject.journal for subject in subjects],
            ],
        )
        (written,) = cursor.fetchone()
    return int(written)


def claim_request(claim: Claim) -> Answer | None:
    """Claim the request for the transaction under way; the first answer if there is one already.

    Refuses with IdempotencyKeyReused (other input) and RequestInProgress (the first is still running). A claim ends
    with its transaction: a refusal leaves no key.
    """
    current_tenant()
    ((verdict, status, answer, needs),) = fetch_prepared(
        "SELECT verdict, status, answer, needs FROM audit_claim(%s, %s)", [claim.scope, claim.body]
    )
    return Answer(status, answer, tuple(needs)) if is_repeat(verdict) else None


def is_repeat(verdict: str) -> bool:
    """What SQL's `audit_claim` said of a request: a repeat, or ours to execute. Refuses as `claim_request`."""
    if verdict == "running":
        raise RequestInProgress(retry_after_seconds=1)
    if verdict == "reused":
        raise IdempotencyKeyReused
    return verdict == "replay"


def keep_answer(claim: Claim, answer: Answer, *, at: datetime) -> None:
    """Keep the first answer of a claimed request, in the transaction of its effect."""
    fetch_prepared(
        "SELECT audit_keep(%s, %s, %s, %s::smallint, %s, %s::text[], %s)",
        [claim.scope, claim.user_id, claim.body, answer.status, answer.text, list(answer.needs), at],
    )


def take_turn(*buckets: Bucket) -> float:
    """Take a turn from every bucket or from none; answers the seconds to wait, 0.0 when the turn was given.

    Runs on its own, outside any transaction, so that a refused request still counts and nobody waits for another's
    work. Exact for all processes together; the database's clock decides.
    """
    if connection.in_atomic_block:
        raise transaction.TransactionManagementError("a throttle must not wait for, nor be undone with, an effect")
    ((wait,),) = fetch_prepared(
        "SELECT audit_throttle(%s::text[], %s::float8[], %s::int[], %s::int[])",
        [
            [bucket.name for bucket in buckets],
            [60 / bucket.per_minute for bucket in buckets],
            [max(bucket.burst, bucket.cost) for bucket in buckets],
            [bucket.cost for bucket in buckets],
        ],
    )
    return float(wait)


def close_blocks(*, now: datetime) -> int:
    """Close what every cluster's trail has that is complete into blocks, each in a transaction of its own; answers how
    many events were closed. May run beside itself and beside any act; no act waits for it."""
    clusters, since, horizon = queries.clusters_with_news()
    closed = sum(_close_blocks_of(cluster_id, since, now) for cluster_id in clusters)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit_horizon AS h (horizon) VALUES (%s::text::xid8)"
            " ON CONFLICT (one) DO UPDATE SET horizon = EXCLUDED.horizon WHERE h.horizon < EXCLUDED.horizon",
            [horizon],
        )
    return closed


def _close_blocks_of(cluster_id: UUID, since: int, now: datetime) -> int:
    closed = 0
    while True:
        with tenant(cluster_id), connection.cursor() as cursor:
            cursor.execute("SELECT audit_close_block(%s, %s, %s)", [since, _EVENTS_OF_A_BLOCK, now])
            events = int(cursor.fetchone()[0])
        closed += events
        if events < _EVENTS_OF_A_BLOCK:
            return closed


def write_anchors(*, heads: Sequence[Block], now: datetime) -> None:
    """Write a signed anchor outside the database for each of these last blocks. `now` is later than they were read, so
    that an anchor is never dated before the block it names.

    The database notes an anchor once it is on the disk, so that one that is missing there later is missed.
    """
    if not heads:
        return
    anchors.append([Anchor(head.cluster_id, head.seq, head.total, bytes(head.digest), now) for head in heads])
    for head in heads:
        with tenant(head.cluster_id), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO audit_anchor (cluster_id, seq, at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
                [head.cluster_id, head.seq, now],
            )


def forget_idle_throttles() -> int:
    """Drop the buckets that are full again: they say nothing."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_throttle WHERE tat < clock_timestamp() - interval '1 minute'")
        return int(cursor.rowcount)


def forget_answers(*, cluster_id: UUID, before: datetime) -> int:
    """Drop the cluster's first answers that are older than this; answers how many. Permanent business keys stay."""
    dropped = 0
    while True:
        with tenant(cluster_id), connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM audit_idempotency_key WHERE cluster_id = %s AND scope IN"
                " (SELECT scope FROM audit_idempotency_key WHERE cluster_id = %s AND at < %s LIMIT %s)",
                [cluster_id, cluster_id, before, _PURGE_AT_ONCE],
            )
            gone = int(cursor.rowcount)
        dropped += gone
        if gone < _PURGE_AT_ONCE:
            return dropped


def blank_in_answers(*, about: UUID, texts: Collection[str]) -> None:
    """In the first answers of the current cluster to a person, or that name them by their id, leave these texts empty wherever one is a
    whole value: the person is forgotten, and a repeat is still answered. One at a time for a cluster."""
    unwanted = {text for text in texts if text}
    theirs = Q(user_id=about) | Q(answer__contains=str(about))
    found = IdempotencyKey.objects.filter(theirs, cluster_id=current_tenant())
    held = list(found.order_by("scope"))
    for row in held:
        row.answer = json.dumps(_without(json.loads(row.answer), unwanted), ensure_ascii=False, separators=(",", ":"))
    # The application's role may add and drop answers, and change none.
    IdempotencyKey.objects.filter(cluster_id=current_tenant(), scope__in=[row.scope for row in held]).delete()
    IdempotencyKey.objects.bulk_create(held)


def _without(said: Any, unwanted: set[str]) -> Any:
    match said:
        case dict():
            return {name: _without(value, unwanted) for name, value in said.items()}
        case list():
            return [_without(value, unwanted) for value in said]
        case _:
            return "" if said in unwanted else said
