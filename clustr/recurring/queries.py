"""Standing orders as their owner and the office see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Max, QuerySet, Sum

from clustr.bills.models import Bill
from clustr.bills.types import BillType
from clustr.clusters.member_queries import who_is_found
from clustr.clusters.types import PaymentsPermissions
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.payments.models import Transaction
from clustr.payments.queries import undecided
from clustr.recurring.models import RecurringPayment, Run
from clustr.recurring.refusals import RecurringPaymentNotFound
from clustr.recurring.seeking import orders_runs
from clustr.recurring.types import (
    Frequency,
    OrderState,
    OrderSummary,
    OrderView,
    PaymentSource,
    RunFailure,
    RunsSought,
    RunState,
    RunView,
    StoppedBy,
)

_MONTH = timedelta(days=30)


def my_recurring_payments(
    *, actor: Actor, state: OrderState | None = None, q: str = "", before: UUID | None = None, limit: int = 50
) -> list[OrderView]:
    """The member's own standing orders, newest first, those whose title has `q` in it; `before` is the id of the last one
    read."""
    mine = RecurringPayment.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id)
    if q:
        mine = mine.filter(title__icontains=q)
    return _page(actor, mine, state, before, limit)


def recurring_payments_of_cluster(
    *,
    actor: Actor,
    user_id: UUID | None = None,
    q: str = "",
    state: OrderState | None = None,
    now: datetime,
    before: UUID | None = None,
    limit: int = 50,
) -> list[OrderView]:
    """The cluster's standing orders, newest first; needs ViewPayments. `q` finds their members."""
    actor.require(PaymentsPermissions.VIEW_PAYMENTS)
    chosen = RecurringPayment.objects.filter(cluster_id=actor.cluster_id)
    if user_id is not None:
        chosen = chosen.filter(user_id=user_id)
    if q:
        chosen = chosen.filter(user_id__in=who_is_found(actor=actor, q=q, now=now))
    return _page(actor, chosen, state, before, limit)


def my_recurring_payment(*, actor: Actor, recurring_payment_id: UUID) -> OrderView:
    """One standing order of the member's own. Refuses `RecurringPaymentNotFound`."""
    found = RecurringPayment.objects.filter(
        cluster_id=actor.cluster_id, id=recurring_payment_id, user_id=actor.member_id
    )
    return _only(actor, list(found))


def recurring_payment_of_cluster(*, actor: Actor, recurring_payment_id: UUID) -> OrderView:
    """One standing order of the cluster, for who may pause it. Refuses `RecurringPaymentNotFound`."""
    actor.require(PaymentsPermissions.MANAGE_RECURRING)
    return _only(actor, list(RecurringPayment.objects.filter(cluster_id=actor.cluster_id, id=recurring_payment_id)))


def history_of(
    *,
    actor: Actor,
    recurring_payment_id: UUID,
    sought: RunsSought | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[RunView]:
    """The last runs of one standing order of the member's own, newest first, those that are `sought`; `before` is the period
    of the last one read. Refuses `RecurringPaymentNotFound`."""
    order = my_recurring_payment(actor=actor, recurring_payment_id=recurring_payment_id)
    found = Run.objects.filter(cluster_id=actor.cluster_id, order_id=order.id)
    if sought is not None:
        found = found.filter(orders_runs(cluster_id=actor.cluster_id, sought=sought))
    if before is not None:
        found = found.filter(period__lt=before)
    runs = list(found.order_by("-period")[:limit])
    paid = _transactions_of([run.id for run in runs])
    return [_run_view(run, order.amount.currency, paid.get(run.id, ())) for run in runs]


def card_charge_may_pay(*, actor: Actor, bill_id: UUID) -> bool:
    """Whether a recurring payment of the member's has charged a card for bills of this one's type, and it is not known what
    became of that. Paying it through a provider could pay twice."""
    orders = RecurringPayment.objects.filter(
        cluster_id=actor.cluster_id,
        user_id=actor.member_id,
        charging_id__isnull=False,
        bill_type__in=Bill.objects.filter(cluster_id=actor.cluster_id, id=bill_id).values("type"),
    )
    charges = Transaction.objects.filter(cluster_id=actor.cluster_id, id__in=orders.values("charging_id"))
    return undecided(charges).exists()


def recurring_payment_summary(*, actor: Actor, now: datetime) -> OrderSummary:
    """The member's standing orders in numbers."""
    mine = RecurringPayment.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id)
    active = list(mine.filter(state=OrderState.ACTIVE).order_by("next_run_at"))
    local = now.astimezone(ZoneInfo(actor.timezone))
    year = local.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    paid = Run.objects.filter(
        cluster_id=actor.cluster_id, order__in=mine.values("id"), state=RunState.COMPLETED, ended_at__gte=year
    ).aggregate(total=Sum("amount_minor"))["total"]
    return OrderSummary(
        active=len(active),
        paused=mine.filter(state=OrderState.PAUSED).count(),
        next_run_at=active[0].next_run_at if active else None,
        due_next_month=Money(sum(_most_until(order, now + _MONTH) for order in active), actor.currency),
        paid_this_year=Money(int(paid or 0), actor.currency),
    )


def _most_until(order: RecurringPayment, until: datetime) -> int:
    """What an active order may take until then, at most, in minor units."""
    schedule, period, runs = order.schedule, order.next_period, 0
    if order.failed_attempts:
        period, runs = period + 1, 1
    while schedule.has(period) and schedule.due_at(period) <= until:
        period, runs = period + 1, runs + 1
    return runs * (order.max_minor or order.amount_minor)


def _page(
    actor: Actor, found: QuerySet[RecurringPayment], state: OrderState | None, before: UUID | None, limit: int
) -> list[OrderView]:
    if state is not None:
        found = found.filter(state=state)
    if before is not None:
        found = found.filter(id__lt=before)
    return _views(actor, list(found.order_by("-id")[:limit]))


def _only(actor: Actor, found: Sequence[RecurringPayment]) -> OrderView:
    if not found:
        raise RecurringPaymentNotFound
    return _views(actor, found)[0]


def _views(actor: Actor, orders: Sequence[RecurringPayment]) -> list[OrderView]:
    runs = Run.objects.filter(cluster_id=actor.cluster_id, order_id__in=[order.id for order in orders])
    last = dict(runs.filter(state=RunState.COMPLETED).values_list("order_id").annotate(Max("ended_at")))
    return [_order_view(order, last.get(order.id)) for order in orders]


def _order_view(order: RecurringPayment, last_run_at: datetime | None) -> OrderView:
    return OrderView(
        id=order.id,
        user_id=order.user_id,
        title=order.title,
        description=order.description,
        amount=order.amount,
        max_amount=Money(order.max_minor, order.currency) if order.max_minor is not None else None,
        frequency=Frequency(order.frequency),
        bill_type=BillType(order.bill_type) if order.bill_type else None,
        payment_source=PaymentSource(order.payment_source),
        payment_method_id=order.method_id,
        start_date=order.schedule.due_at(0),
        end_date=order.end_at,
        state=OrderState(order.state),
        stopped_at=order.stopped_at,
        stopped_by=StoppedBy(order.stopped_by),
        reason=order.reason,
        next_run_at=order.next_run_at,
        failed_attempts=order.failed_attempts,
        last_run_at=last_run_at,
        created_at=order.created_at,
    )


def _run_view(run: Run, currency: str, transaction_ids: tuple[UUID, ...]) -> RunView:
    return RunView(
        id=run.id,
        period=run.period,
        due_at=run.due_at,
        state=RunState(run.state),
        amount=Money(run.amount_minor, currency),
        attempts=run.attempts,
        failure=RunFailure(run.failure),
        shortfall=Money(run.short_minor, currency),
        transaction_ids=transaction_ids,
        started_at=run.started_at,
        ended_at=run.ended_at,
    )


def _transactions_of(run_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, ...]]:
    """By run: the contribution or the charges of a card, and the payments on bills."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT made.run, array_agg(made.id ORDER BY made.id) FROM ("
            " SELECT t.subject_id AS run, t.id FROM payments_transaction t WHERE t.cluster_id = kit_tenant()"
            " AND t.purpose = 'recurring_payment' AND t.subject_id = ANY(%(runs)s)"
            " UNION ALL SELECT b.run_id, b.id FROM recurring_runbill b"
            " WHERE b.cluster_id = kit_tenant() AND b.run_id = ANY(%(runs)s)) AS made GROUP BY 1",
            {"runs": list(run_ids)},
        )
        return {run_id: tuple(ids) for run_id, ids in cursor.fetchall()}
