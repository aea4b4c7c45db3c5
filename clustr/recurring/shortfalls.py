"""What wallets will lack for the standing orders that run next, and which of these a bill waits to be read for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from clustr.bills.queries import payable_of
from clustr.bills.types import BillType
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.recurring.models import RecurringPayment
from clustr.recurring.policies import takes_minor
from clustr.recurring.types import OrderState, PaymentSource

_AHEAD = timedelta(days=30)

_AVAILABLE = """
SELECT w.user_id, a.balance FROM wallets_wallet w JOIN ledger_account a ON a.cluster_id = w.cluster_id AND a.id = w.id
WHERE w.cluster_id = kit_tenant() AND w.user_id = ANY(%s) AND a.frozen_at IS NULL"""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Of one order: what its member's wallet lacks, after the orders before it; whether a bill it would pay waits for an
    acknowledgment."""

    money: Money
    to_acknowledge: bool

    @property
    def minor(self) -> int:
        return self.money.minor

    @property
    def is_none(self) -> bool:
        return self.minor == 0 and not self.to_acknowledge


def shortfalls(*, orders: Sequence[RecurringPayment], now: datetime) -> dict[UUID, Shortfall]:
    """By order of these of one cluster, which stand in the order in which they run. What one pays on bills, from the wallet or
    by card, is not paid again by the next."""
    members = {order.user_id for order in orders}
    with connection.cursor() as cursor:
        cursor.execute(_AVAILABLE, [list(members)])
        left = dict.fromkeys(members, 0) | dict(cursor.fetchall())
    paying = [(order.user_id, BillType(order.bill_type)) for order in orders if order.bill_type]
    payable = payable_of(wanted=paying, now=now) if paying else {}
    unpaid = {whose: each.minor for whose, each in payable.items()}
    found = {}
    for order in orders:
        whose = (order.user_id, BillType(order.bill_type)) if order.bill_type else None
        open_now = payable[whose] if whose else None
        takes = takes_minor(
            amount_minor=order.amount_minor, max_minor=order.max_minor, payable_minor=unpaid[whose] if whose else None
        )
        if whose:
            unpaid[whose] -= takes
        need = takes if order.payment_source == PaymentSource.WALLET else 0
        lacking = max(0, need - max(0, left[order.user_id]))
        found[order.id] = Shortfall(Money(lacking, order.currency), bool(open_now and open_now.to_acknowledge))
        left[order.user_id] -= need
    return found


def my_shortfalls(*, actor: Actor, now: datetime) -> dict[UUID, Shortfall]:
    """By order, what the member's orders of the next 30 days lack, each the next time it runs; those alone that lack
    something."""
    ahead = RecurringPayment.objects.filter(
        cluster_id=actor.cluster_id,
        user_id=actor.member_id,
        state=OrderState.ACTIVE,
        next_run_at__gt=now,
        next_run_at__lte=now + _AHEAD,
    )
    orders = list(ahead.order_by("next_run_at", "id"))
    found = shortfalls(orders=orders, now=now) if orders else {}
    return {id: short for id, short in found.items() if not short.is_none}
