"""Running what is due: wallet debits in batches, each batch one transaction, each period of an order once; then what
cards pay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.clusters import queries as clusters
from clustr.kit.crashpoints import crash_points
from clustr.kit.tenancy import in_tenant
from clustr.recurring.commands.charging import charge_cards
from clustr.recurring.commands.claiming import claim_due, stop_for_departure
from clustr.recurring.commands.moving import Due, Outcome, move_money
from clustr.recurring.commands.noting import note_attempts, note_waits
from clustr.recurring.figures import tell_runs
from clustr.recurring.models import RecurringPayment
from clustr.recurring.types import OrderState, PaymentSource, Processed

BATCH = 1_000
CARDS = 100


def process_payment(*, cluster_id: UUID, recurring_payment_id: UUID, now: datetime) -> Processed:
    """Run one order's period, if it is due and nobody else is at it."""
    return in_tenant(cluster_id, lambda: _run_batch(cluster_id, now, 1, recurring_payment_id)) + in_tenant(
        cluster_id, lambda: charge_cards(cluster_id=cluster_id, limit=1, only=recurring_payment_id, now=now)
    )


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
    works: list[Callable[[], Processed]] = [
        lambda: Processed(retimed=_retime_orders(cluster_id)),
        lambda: _run_batch(cluster_id, now, BATCH, None),
        lambda: charge_cards(cluster_id=cluster_id, limit=CARDS, only=None, now=now),
    ]
    while works and (batches is None or batches > 0):
        ran = in_tenant(cluster_id, works[0])
        if not ran.total:
            works.pop(0)
            continue
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
        if not order.failed_attempts and order.charging_id is None:
            order.next_run_at = order.schedule.due_at(order.next_period)
        order.save(update_fields=["timezone", "next_run_at"])
        count += 1
    return count


def _run_batch(cluster_id: UUID, now: datetime, limit: int, only: UUID | None) -> Processed:
    with crash_points("recurring.run"):
        claimed = claim_due(cluster_id=cluster_id, source=PaymentSource.WALLET, limit=limit, only=only, now=now)
        gone = [due for due in claimed if not due.is_member]
        for due in gone:
            stop_for_departure(due=due, now=now)
        here = list({due.user_id: due for due in reversed(claimed) if due.is_member}.values())  # one of each wallet
        outcomes = move_money(batch=here, now=now)
        ran = [due for due in here if due.id in outcomes]
        steps = note_attempts(cluster_id=cluster_id, here=ran, outcomes=outcomes, now=now)
        _note_bills(ran, outcomes)
        waiting = [due.id for due in here if due.id not in outcomes]
        note_waits(cluster_id=cluster_id, waiting=waiting, now=now)
        done = Processed.of([step.run for step in steps], stopped=len(gone), waiting=len(waiting))
        _tell_figures(cluster_id, ran, outcomes, done)
    return done


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


def _note_bills(here: Sequence[Due], outcomes: dict[UUID, Outcome]) -> None:
    made = [(due.run_id, payment) for due in here for payment in outcomes[due.id].bill_payments]
    if made:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO recurring_runbill (cluster_id, run_id, id)"
                " SELECT kit_tenant(), t.run, t.id FROM unnest(%s::uuid[], %s::uuid[]) AS t(run, id)",
                [[run_id for run_id, _ in made], [payment for _, payment in made]],
            )
