"""What standing orders will take, and when, run by run: for whoever plans with the same wallets."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from itertools import count
from uuid import UUID

from clustr.bills.queries import Payable, payable_of
from clustr.bills.types import BillType
from clustr.recurring.models import RecurringPayment
from clustr.recurring.policies import takes_minor
from clustr.recurring.types import OrderState, PaymentSource

_Whose = tuple[UUID, BillType]


@dataclass(slots=True)
class OrdersAhead:
    """Members' active orders, from the wallet and by card, and what they could pay now on bills, by member and type."""

    orders: list[RecurringPayment]
    payable: dict[_Whose, Payable]
    _unpaid: dict[_Whose, int] = field(init=False)

    def __post_init__(self) -> None:
        self._unpaid = {whose: each.minor for whose, each in self.payable.items()}

    def due(self, *, until: datetime) -> Iterator[tuple[datetime, RecurringPayment]]:
        """Each time that one of them runs until then, the first one first."""
        return merge(*(_times(order, until) for order in self.orders), key=lambda run: (run[0], run[1].id))

    def of_bills(self, *, order: RecurringPayment) -> Payable | None:
        """What it could pay now on bills; None: it pays none."""
        whose = _whose(order)
        return self.payable[whose] if whose else None

    def from_wallet(self, *, order: RecurringPayment) -> int:
        """What its next run takes from the wallet, in minor units: all of it, or nothing."""
        return self._takes(order) if order.payment_source == PaymentSource.WALLET else 0

    def run(self, *, order: RecurringPayment) -> int:
        """Count it as run: what it pays on bills is not paid again. Answers what it took from the wallet."""
        taken = self.from_wallet(order=order)
        if whose := _whose(order):
            self._unpaid[whose] -= self._takes(order)
        return taken

    def _takes(self, order: RecurringPayment) -> int:
        whose = _whose(order)
        return takes_minor(
            amount_minor=order.amount_minor,
            max_minor=order.max_minor,
            payable_minor=self._unpaid[whose] if whose else None,
        )


def read_orders_ahead(*, cluster_id: UUID, user_ids: Collection[UUID], until: datetime, now: datetime) -> OrdersAhead:
    """The active orders of these members that run until then; in their cluster's transaction."""
    orders = list(
        RecurringPayment.objects.filter(
            cluster_id=cluster_id,
            user_id__in=user_ids,
            state=OrderState.ACTIVE.value,
            next_run_at__lte=until,
        ).order_by("next_run_at", "id")
    )
    wanted = [whose for order in orders if (whose := _whose(order))]
    return OrdersAhead(orders, dict(payable_of(wanted=wanted, now=now)) if wanted else {})


def _whose(order: RecurringPayment) -> _Whose | None:
    return (order.user_id, BillType(order.bill_type)) if order.bill_type else None


def _times(order: RecurringPayment, until: datetime) -> Iterator[tuple[datetime, RecurringPayment]]:
    if order.next_run_at is None or order.next_run_at > until:
        return
    yield order.next_run_at, order
    for period in count(order.next_period + 1):
        at = order.schedule.due_at(period)
        if at > until or not order.schedule.has(period):
            return
        yield at, order
