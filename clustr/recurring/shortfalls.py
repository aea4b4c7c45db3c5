"""What wallets will lack for the standing orders that run next, and which of these a bill waits to be read for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.recurring.orders_ahead import read_orders_ahead

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


def shortfalls(
    *, cluster_id: UUID, user_ids: Collection[UUID], until: datetime, now: datetime
) -> dict[UUID, Shortfall]:
    """By order of these members that runs until then, what it lacks the next time it runs, if all that comes before it has run,
    as often as it comes. What one pays on bills, from the wallet or by card, is not paid again by the next."""
    ahead = read_orders_ahead(cluster_id=cluster_id, user_ids=user_ids, until=until, now=now)
    with connection.cursor() as cursor:
        cursor.execute(_AVAILABLE, [list(user_ids)])
        left = dict.fromkeys(user_ids, 0) | dict(cursor.fetchall())
    found: dict[UUID, Shortfall] = {}
    for _, order in ahead.due(until=until):
        need = ahead.run(order=order)
        if order.id not in found:
            lacking = max(0, need - max(0, left[order.user_id]))
            payable = ahead.of_bills(order=order)
            found[order.id] = Shortfall(Money(lacking, order.currency), bool(payable and payable.to_acknowledge))
        left[order.user_id] -= need
    return found


def my_shortfalls(*, actor: Actor, now: datetime) -> dict[UUID, Shortfall]:
    """By order, what the member's orders of the next 30 days lack, each the next time it runs; those alone that lack
    something."""
    found = shortfalls(cluster_id=actor.cluster_id, user_ids={actor.member_id}, until=now + _AHEAD, now=now)
    return {id: short for id, short in found.items() if not short.is_none}
