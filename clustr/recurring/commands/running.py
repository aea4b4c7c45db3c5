"""Running what is due: wallet debits in batches, each batch one transaction, each period of an order once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from clustr.audit import commands as audit
from clustr.audit.types import Subject
from clustr.bills import commands as bills
from clustr.bills.types import BillType
from clustr.clusters import queries as clusters
from clustr.kit.crashpoints import crash_points
from clustr.kit.errors import refusals_from_database
from clustr.kit.ids import new_id, reference_of
from clustr.kit.prepared import fetch_prepared
from clustr.kit.tenancy import in_tenant
from clustr.recurring.commands.ordering import stop_order
from clustr.recurring.models import RecurringPayment
from clustr.recurring.notices import tell_of_order
from clustr.recurring.policies import Open, Step, after_failure, after_success, divide_among_bills
from clustr.recurring.schedule import Schedule
from clustr.recurring.types import Frequency, Happening, OrderState, Processed, RunFailure, RunState, StoppedBy

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


class _Due(NamedTuple):
    """An order whose period is due, as `_CLAIM` reads it."""

    id: UUID
    user_id: UUID
    title: str
    amount_minor: int
    most_minor: int
    currency: str
    frequency: str
    bill_type: str
    anchor: datetime
    timezone: str
    end_at: datetime | None
    period: int
    failed_attempts: int
    is_member: bool
    wallet_id: UUID | None
    run_id: UUID

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.anchor, Frequency(self.frequency), self.timezone, self.end_at)


@dataclass(slots=True)
class _Outcome:
    """What an attempt moved, or why it moved nothing."""

    moved_minor: int = 0
    failure: RunFailure = RunFailure.NONE
    short_minor: int = 0
    bill_payments: Sequence[UUID] = ()


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
        outcomes = _contribute(here, now) | _pay_bills(here, now)
        steps = {due.id: _step(due, outcomes[due.id], now) for due in here}
        _note(here, outcomes, steps, now)
        _note_bills(here, outcomes)
        _note_pauses(cluster_id, [due.id for due in here if steps[due.id].order is OrderState.PAUSED], now)
    states = [step.run for step in steps.values()]
    return Processed(
        completed=states.count(RunState.COMPLETED),
        nothing_due=states.count(RunState.NOTHING_DUE),
        retrying=states.count(RunState.RETRYING),
        failed=states.count(RunState.FAILED),
        stopped=len(gone),
    )


def _claim(cluster_id: UUID, now: datetime, limit: int, only: UUID | None) -> list[_Due]:
    with refusals_from_database(), connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"cluster": cluster_id, "now": now, "limit": limit, "only": only})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return [_Due._make((*row[:-1], row[-1] or new_id())) for row in rows]


def _contribute(here: Sequence[_Due], now: datetime) -> dict[UUID, _Outcome]:
    """Contributions, for orders without a type of bills."""
    contributing = [due for due in here if not due.bill_type]
    outcomes = {due.id: _Outcome(0, RunFailure.INSUFFICIENT_FUNDS, due.amount_minor) for due in contributing}
    for currency in sorted({due.currency for due in contributing}):
        paying = [due for due in contributing if due.currency == currency and due.wallet_id]
        transactions = [new_id() for _ in paying]
        verdicts = _verdicts(
            "SELECT wallet, verdict, short FROM recurring_contribute(%b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[],"
            " %b::text[], %b::uuid[], %b::text[], %s, %s)",
            [
                [due.run_id for due in paying],
                [due.user_id for due in paying],
                [due.wallet_id for due in paying],
                [due.amount_minor for due in paying],
                [due.title for due in paying],
                transactions,
                [reference_of(id) for id in transactions],
                currency,
                now,
            ],
        )
        for due in paying:
            outcomes[due.id] = _judged(verdicts[due.wallet_id], due.amount_minor)
    return outcomes


def _pay_bills(here: Sequence[_Due], now: datetime) -> dict[UUID, _Outcome]:
    """What is open of each order's type of bills, the oldest first, up to its cap: the whole of that or nothing."""
    paying = [due for due in here if due.bill_type]
    if not paying:
        return {}
    held = bills.hold_payable_bills(wanted=[(due.user_id, BillType(due.bill_type)) for due in paying], now=now)
    outcomes: dict[UUID, _Outcome] = {}
    parts: dict[UUID, list[Any]] = {}
    for due in paying:
        owed = [Open(bill_id, remaining) for bill_id, remaining in held.get(due.user_id, [])]
        shares = divide_among_bills(cap_minor=due.most_minor, owed=owed)
        outcomes[due.id] = _Outcome()
        if due.wallet_id:
            parts[due.id] = [
                bills.part_to_pay(bill_id=bill_id, user_id=due.user_id, wallet_id=due.wallet_id, amount_minor=minor)
                for bill_id, minor in shares
            ]
        elif shares:
            total = sum(minor for _, minor in shares)
            outcomes[due.id] = _Outcome(0, RunFailure.INSUFFICIENT_FUNDS, total)
    for currency in sorted({due.currency for due in paying}):
        batch = [part for due in paying if due.currency == currency for part in parts.get(due.id, ())]
        verdicts = bills.pay_held_bills(parts=batch, currency=currency, action="recurring.bill_paid", now=now)
        for due in paying:
            if due.currency == currency and parts.get(due.id):
                mine = parts[due.id]
                outcome = _judged(verdicts[mine[0].wallet_id], sum(part.amount_minor for part in mine))
                if outcome.moved_minor:
                    outcome.bill_payments = [part.transaction_id for part in mine]
                outcomes[due.id] = outcome
    return outcomes


def _verdicts(statement: str, values: list[Any]) -> dict[Any, tuple[str, int]]:
    if not values[0]:
        return {}
    with refusals_from_database():
        return {wallet: (verdict, short) for wallet, verdict, short in fetch_prepared(statement, values)}


def _judged(verdict: tuple[str, int], amount_minor: int) -> _Outcome:
    what, short = verdict
    return _Outcome(amount_minor) if what == "posted" else _Outcome(0, RunFailure(what), short)


def _step(due: _Due, outcome: _Outcome, now: datetime) -> Step:
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


def _note(here: Sequence[_Due], outcomes: dict[UUID, _Outcome], steps: dict[UUID, Step], now: datetime) -> None:
    if not here:
        return
    columns = zip(*(_line(due, outcomes[due.id], steps[due.id]) for due in here), strict=True)
    with refusals_from_database():
        fetch_prepared(_NOTE, [*map(list, columns), now])


def _line(due: _Due, outcome: _Outcome, step: Step) -> tuple[Any, ...]:
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


def _note_bills(here: Sequence[_Due], outcomes: dict[UUID, _Outcome]) -> None:
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


def _stop_for_departure(due: _Due, now: datetime) -> None:
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
