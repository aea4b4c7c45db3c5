"""What providers should hold by the books of all estates together, read as the checker, which sees every cluster and can write
nothing; and how the last comparisons ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connections
from django.db.models import Sum

from clustr.kit.ids import derived_id
from clustr.settlement.models import BankedSettlement, HeldByProvider, OwnFunds

# The platform's own accounts are among them: it is a cluster like the others.
_BOOKS = """
SELECT a.currency, -sum(coalesce(c.balance, 0)
    + coalesce((SELECT sum(t.amount) FROM ledger_transfer t
        WHERE t.credit = a.id AND t.cluster_id = a.cluster_id AND t.xid >= coalesce(c.horizon, '0'::xid8)), 0)
    - coalesce((SELECT sum(t.amount) FROM ledger_transfer t
        WHERE t.debit = a.id AND t.cluster_id = a.cluster_id AND t.xid >= coalesce(c.horizon, '0'::xid8)), 0))::bigint
FROM ledger_account a LEFT JOIN ledger_checkpoint c ON c.cluster_id = a.cluster_id AND c.account_id = a.id
WHERE a.kind = 'provider_clearing' AND a.subject_id = %(account)s GROUP BY 1
"""
_TAKEN = """
SELECT currency, provider_id, amount_minor + surcharge_minor - fee_minor FROM payments_settlement
WHERE provider = %(provider)s AND paid_at >= %(since)s ORDER BY paid_at DESC, id DESC
"""
_GOING = """
SELECT t.currency, a.kind, a.reference, t.amount_minor FROM payments_transaction t
JOIN payments_attempt a ON a.cluster_id = t.cluster_id AND a.id = t.id
WHERE t.status IN ('pending', 'processing', 'unknown') AND a.provider = %(provider)s AND a.kind <> 'charge'
  AND a.sent_at IS NOT NULL ORDER BY a.sent_at, a.id
"""
_FIRST = "SELECT min(paid_at) FROM payments_settlement WHERE provider = %(provider)s"


@dataclass(frozen=True, slots=True)
class Sent:
    """What a provider was asked to send, in minor units, and has not said to have sent."""

    kind: str
    reference: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Owed:
    """How all estates together stand with a provider at one instant, by currency, in minor units. `taken`: by the provider's ids of
    charges, the latest first. `going`: what was sent first stands first."""

    books: dict[str, int] = field(default_factory=dict)
    taken: dict[str, dict[str, int]] = field(default_factory=dict)
    going: dict[str, list[Sent]] = field(default_factory=dict)


def owed_by_provider(*, provider: str, taken_since: datetime | None = None) -> Owed:
    """How all estates stand with a provider now, in one snapshot; outside any transaction. `taken_since`: None reads nothing of
    what was taken, which may be much."""
    asked = {"account": derived_id("provider", provider), "provider": provider, "since": taken_since}
    taken: dict[str, dict[str, int]] = defaultdict(dict)
    going: dict[str, list[Sent]] = defaultdict(list)
    with _one_snapshot() as cursor:
        cursor.execute(_BOOKS, asked)
        books = dict(cursor.fetchall())
        if taken_since is not None:
            cursor.execute(_TAKEN, asked)
            for currency, provider_id, net in cursor.fetchall():
                taken[currency][provider_id] = net
        cursor.execute(_GOING, asked)
        for currency, *sent in cursor.fetchall():
            going[currency].append(Sent(*sent))
    return Owed(books, taken, going)


def first_taken(*, provider: str) -> datetime | None:
    """When the first money came by a provider; None where none did."""
    with _one_snapshot() as cursor:
        cursor.execute(_FIRST, {"provider": provider})
        found: datetime | None = cursor.fetchone()[0]
        return found


def own_funds(*, provider: str) -> dict[str, int]:
    """What of a provider's balance is the operator's own, by currency, in minor units."""
    found = OwnFunds.objects.filter(provider=provider).values_list("currency").annotate(Sum("amount_minor"))
    return dict(found)


def banked(*, provider: str) -> dict[str, int]:
    """What a provider paid to the operator's bank, by currency, in minor units."""
    found = BankedSettlement.objects.filter(provider=provider).values_list("currency").annotate(Sum("net_minor"))
    return dict(found)


def last_held() -> list[HeldByProvider]:
    """The last comparison of what each provider holds, in each currency. For the platform's staff: it is of all estates."""
    return list(HeldByProvider.objects.order_by("provider", "currency", "-at", "-id").distinct("provider", "currency"))


@contextmanager
def _one_snapshot() -> Iterator[Any]:
    with connections["checker"].cursor() as cursor:
        cursor.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield cursor
        finally:
            cursor.execute("ROLLBACK")
