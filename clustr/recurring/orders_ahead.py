"""What a member's standing orders will take from their wallet, and when: for whoever plans with the same wallet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from clustr.bills.queries import payable_of
from clustr.bills.types import BillType
from clustr.kit.actor import Actor
from clustr.recurring.models import RecurringPayment
from clustr.recurring.policies import takes_minor
from clustr.recurring.types import OrderState, PaymentSource


@dataclass(slots=True)
class OrdersAhead:
    """The member's orders that the wallet pays, and what they could pay now on bills, by type, in minor units."""

    orders: list[RecurringPayment]
    payable: dict[BillType, int]

    def due(self, *, until: datetime) -> Iterator[tuple[datetime, RecurringPayment]]:
        """Each time that one of them runs until then, in no order."""
        for order in self.orders:
            if order.next_run_at is None or order.next_run_at > until:
                continue
            yield order.next_run_at, order
            for period in count(order.next_period + 1):
                at = order.schedule.due_at(period)
                if at > until or not order.schedule.has(period):
                    break
                yield at, order

    def take(self, *, order: RecurringPayment, available: int) -> int:
        """What a run of it takes of so much: all of it, or nothing. What it pays on bills is not paid again."""
        type = BillType(order.bill_type) if order.bill_type else None
        needs = takes_minor(
            amount_minor=order.amount_minor,
            max_minor=order.max_minor,
            payable_minor=self.payable[type] if type else None,
        )
        if needs > available:
            return 0
        if type:
            self.payable[type] -= needs
        return needs


def read_orders_ahead(*, actor: Actor, now: datetime) -> OrdersAhead:
    """The member's orders that run and are paid from the wallet; in their cluster's transaction."""
    orders = list(
        RecurringPayment.objects.filter(
            cluster_id=actor.cluster_id,
            user_id=actor.member_id,
            state=OrderState.ACTIVE.value,
            payment_source=PaymentSource.WALLET.value,
        ).order_by("id")
    )
    wanted = [(actor.member_id, BillType(order.bill_type)) for order in orders if order.bill_type]
    found = payable_of(wanted=wanted, now=now) if wanted else {}
    return OrdersAhead(orders, {type: payable.minor for (_, type), payable in found.items()})
