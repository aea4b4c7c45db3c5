"""Running what is due: wallet debits in batches, each batch one transaction, each period of an order once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from clustr.audit import commands as audit
from clustr.audit.types import Subject
from clustr.clusters import queries as clusters
from clustr.kit.crashpoints import crash_points
from clustr.kit.errors import refusals_from_database
from clustr.kit.ids import new_id
from clustr.kit.prepared import fetch_prepared
from clustr.kit.tenancy import in_tenant
from clustr.recurring.commands.moving import Due, Outcome, move_money
from clustr.recurring.commands.ordering import stop_order
from clustr.recurring.figures import tell_runs
from clustr.recurring.models import RecurringPayment
from clustr.recurring.notices import tell_of_order
from clustr.recurring.policies import Step, after_failure, after_success
from clustr.recurring.types import Happening, OrderState, Processed, RunState, StoppedBy

BATCH = 1_000

# The order's row is locked for the batch: of two sweeps at once each takes what the other has not, and whoever pauses an
# order waits for its run or comes first. A period that was tried before goes on with its run. Whether somebody is a member
# is looked up by key for each: asked by EXISTS, the planner would read every membership of the cluster for each batch.
_CLAIM = """
SELECT o.id, o.user_id, o.title, o.amount_minor, coalesce(o.max_minor, o.amount_minor), o.currency, o.frequency,
  o.bill_type, o.anchor_on + o.anchor_at, o.timezone, o.end_at, o.next_period, o.failed_attempts,
  coalesce((SELECT true FROM clusters_membership m WHERE m.cluster_id = o.cluster_id AND m.user_id = o.user_id
    AND m.joined_at <= %(now)s AND (m.left_at IS NULL OR m.left_at > %(now)s) LIMIT 1), false),
  (SELECT w.id FROM wallets_wallet w
   WHERE w.cluster_id = o.cluster_id AND w.user_id = o.user_id AND w.currency = o.currency),
  CASE WHEN o.failed_attempts > 0 THEN (SELECT r.id FROM recurring_run r
    WHERE r.cluster_id = o.cluster_id AND r.order_id = o.id AND r.period = o.next_period) END
FROM recurring_payment o
WHERE o.cluster_id = %(cluster)s AND o.state = 'active' AND o.next_run_at <= %(now)s
  AND (%(only)s::uuid IS NULL OR o.id = %(only)s)
ORDER BY o.next_run_at, o.id LIMIT %(limit)s FOR NO KEY UPDATE OF o SKIP LOCKED"""

_NOTE = """
SELECT recurring_note_runs(%b::uuid[], %b::integer[], %b::uuid[], %b::timestamptz[], %b::text[], %b::bigint[],
  %b::bigint[], %b::text[], %b::bigint[], %b::text[], %b::text[], %b::integer[], %b::timestamptz[], %b::smallint[], %s)"""


def process_payment(*, cluster_id: UUID, recurring_payment_id: UUID, now: datetime) -> Processed:
    """Run one order's period, if it is due and nobody else is at it."""
    return in_tenant(cluster_id, lambda: _run_batch(cluster_id, now, 1, recurring_payment_id))


def process_recurring_payments_of(
    *,
    cluster_id: UUID,
    now: datetime,
    batches: int | None = None,
    progress: Callable[[Processed], None] = lambda _: None,
) -> Processed:
    """Run everything that is due in a cluster, the longest due first, in batches; what was missed runs period after period.
    Answers what it did. At most so many `batches`; may run beside itself. `progress` hears of each batch."""
    done = Processed()
    in_tenant(cluster_id, lambda: _retime_orders(cluster_id))
    while batches is None or batches > 0:
        ran = in_tenant(cluster_id, lambda: _run_batch(cluster_id, now, BATCH, None))
        if not ran.total:
            break
        done += ran
        progress(ran)
        batches = None if batches is None else batches - 1
    return done


def _retime_orders(cluster_id: UUID) -> int:
    """Let the orders of a cluster that moved to another time zone follow its wall clock; answers how many. A period keeps
    its number, and so runs once whatever the zone."""
    timezone = clusters.system_actor(cluster_id=cluster_id).timezone
    moved = RecurringPayment.objects.select_for_update(no_key=True).filter(
        cluster_id=cluster_id, state=OrderState.ACTIVE
    )
    count = 0
    for order in moved.exclude(timezone=timezone).order_by("id")[:BATCH]:
        order.timezone = timezone
        if not order.failed_attempts:
            order.next_run_at = order.schedule.due_at(order.next_period)
        order.save(update_fields=["timezone", "next_run_at"])
        count += 1
    return count


def _run_batch(cluster_id: UUID, now: datetime, limit: int, only: UUID | None) -> Processed:
    with crash_points("recurring.run"):
        claimed = _claim(cluster_id, now, limit, only)
        gone = [due for due in claimed if not due.is_member]
        for due in gone:
            _stop_for_departure(due, now)
        here = list({due.user_id: due for due in reversed(claimed) if due.is_member}.values())  # one of each wallet
        outcomes = move_money(batch=here, now=now)
        steps = {due.id: _step(due, outcomes[due.id], now) for due in here}
        _note(here, outcomes, steps, now)
        _note_bills(here, outcomes)
        _note_pauses(cluster_id, [due.id for due in here if steps[due.id].order is OrderState.PAUSED], now)
        done = _done([step.run for step in steps.values()], len(gone))
        _tell_figures(cluster_id, here, outcomes, done)
    return done


def _done(states: Sequence[RunState], stopped: int) -> Processed:
    return Processed(
        completed=states.count(RunState.COMPLETED),
        nothing_due=states.count(RunState.NOTHING_DUE),
        retrying=states.count(RunState.RETRYING),
        failed=states.count(RunState.FAILED),
        stopped=stopped,
    )


def _tell_figures(cluster_id: UUID, here: Sequence[Due], outcomes: dict[UUID, Outcome], done: Processed) -> None:
    if not done.total:
        return
    moved: dict[str, int] = {}
    for due in here:
        if outcomes[due.id].moved_minor:
            moved[due.currency] = moved.get(due.currency, 0) + outcomes[due.id].moved_minor
    bill_payments = sum(len(outcomes[due.id].bill_payments) for due in here)
    contributions = sum(1 for due in here if not due.bill_type and outcomes[due.id].moved_minor)
    tell_runs(cluster_id=cluster_id, done=done, contributions=contributions, bill_payments=bill_payments, moved=moved)


def _claim(cluster_id: UUID, now: datetime, limit: int, only: UUID | None) -> list[Due]:
    with refusals_from_database(), connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"cluster": cluster_id, "now": now, "limit": limit, "only": only})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return [Due._make((*row[:-1], row[-1] or new_id())) for row in rows]


def _step(due: Due, outcome: Outcome, now: datetime) -> Step:
    if outcome.failure:
        return after_failure(
            period=due.period,
            failed_attempts=due.failed_attempts,
            most=settings.ENV.RECURRING_MAX_FAILURES,
            first_wait=timedelta(hours=settings.ENV.RECURRING_RETRY_HOURS),
            now=now,
        )
    run = RunState.COMPLETED if outcome.moved_minor else RunState.NOTHING_DUE
    return after_success(schedule=due.schedule, period=due.period, run=run)


def _note(here: Sequence[Due], outcomes: dict[UUID, Outcome], steps: dict[UUID, Step], now: datetime) -> None:
    if not here:
        return
    columns = zip(*(_line(due, outcomes[due.id], steps[due.id]) for due in here), strict=True)
    with refusals_from_database():
        fetch_prepared(_NOTE, [*map(list, columns), now])


def _line(due: Due, outcome: Outcome, step: Step) -> tuple[Any, ...]:
    return (
        due.id,
        due.period,
        due.run_id,
        due.schedule.due_at(due.period),
        step.run.value,
        due.most_minor,
        outcome.moved_minor,
        outcome.failure.value,
        outcome.short_minor,
        step.order.value,
        step.stopped_by.value,
        step.next_period,
        step.next_run_at,
        step.failed_attempts,
    )


def _note_bills(here: Sequence[Due], outcomes: dict[UUID, Outcome]) -> None:
    made = [(due.run_id, payment) for due in here for payment in outcomes[due.id].bill_payments]
    if made:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO recurring_runbill (cluster_id, run_id, id)"
                " SELECT kit_tenant(), t.run, t.id FROM unnest(%s::uuid[], %s::uuid[]) AS t(run, id)",
                [[run_id for run_id, _ in made], [payment for _, payment in made]],
            )


def _note_pauses(cluster_id: UUID, paused: Sequence[UUID], now: datetime) -> None:
    if not paused:
        return
    audit.record_batch(
        actor=clusters.system_actor(cluster_id=cluster_id),
        action="recurring.paused",
        subject_kind="recurring_payment",
        subjects=[Subject(order_id) for order_id in paused],
        at=now,
        reason="It failed as often as it may.",
    )


def _stop_for_departure(due: Due, now: datetime) -> None:
    order = RecurringPayment.objects.get(id=due.id)
    stop_order(order=order, state=OrderState.CANCELLED, by=StoppedBy.DEPARTURE, reason="", now=now)
    audit.record(
        actor=clusters.system_actor(cluster_id=order.cluster_id),
        action="recurring.cancelled",
        subject_kind="recurring_payment",
        subject_id=order.id,
        at=now,
        reason="Its member has left.",
    )
    tell_of_order(order=order, happening=Happening.CANCELLED, now=now)
