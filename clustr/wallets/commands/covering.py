"""Whether providers hold enough for this estate to let money go: no estate pays out more than came in for it.

What counts is what all providers hold for it together: each pays from one balance for all estates, and money that came in
by one may leave by another, whose balance the operator keeps filled, and which refuses what it does not have."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection

from clustr.kit.errors import refusals_from_database
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.states import CaseKind
from clustr.wallets.refusals import NotCovered

# Refunds to the source count from when they are asked for: what goes back to its payer comes before what is paid out.
_COVER = """
SELECT coalesce((SELECT -sum(ledger_balance(a.id)) FROM ledger_account a
    WHERE a.cluster_id = kit_tenant() AND a.kind = 'provider_clearing' AND a.currency = %(currency)s), 0)
  - coalesce((SELECT sum(t.amount_minor) FROM payments_transaction t
    WHERE t.cluster_id = kit_tenant() AND t.provider <> 'wallet' AND t.currency = %(currency)s AND t.id <> %(id)s
      AND (t.status IN ('processing', 'unknown') AND t.type IN ('transfer', 'withdrawal', 'utility_payment')
        OR t.status IN ('pending', 'processing', 'unknown') AND t.type = 'refund')), 0)
"""


def what_keeps_it(*, transaction: Transaction, provider: str, now: datetime) -> str:
    """Why this locked payout or purchase of the current cluster may not leave now: "books", as long as these do not hold; "cover",
    where providers do not hold it, by the books, beside everything of the cluster's that they were asked to send already; "" where
    nothing does. Part of the transaction that lets it go, which holds back the cluster's others until it ends. `provider`: who is
    to send it. Of what is not covered a person is told, once; and not any more once it is.

    PAYOUTS_BEYOND_COVER: whoever runs ClustR tops up the providers' balances, and everything is covered.
    """
    if payments.is_held():
        return "books"
    covered = settings.ENV.PAYOUTS_BEYOND_COVER or transaction.amount_minor <= _cover_beside(transaction)
    if covered:
        no_cover_needed(transaction_id=transaction.id, note="There is enough for it at the providers.", now=now)
    else:
        payments.open_case(
            kind=CaseKind.NOT_COVERED,
            subject=str(transaction.id),
            transaction_id=transaction.id,
            facts={
                "provider": provider,
                "reference": transaction.reference,
                "amount": transaction.amount.for_people(),
            },
            once=True,
            now=now,
        )
    return "" if covered else "cover"


def refuse_uncovered_refund(*, refund: Transaction, fee: Money) -> None:
    """Refuse to give a payment back that has left since, by what was paid out. As long as it is there it covers its own refund,
    also by the `fee` that the provider kept of it. Part of the transaction that asks for it.

    Refuses `NotCovered`."""
    if settings.ENV.PAYOUTS_BEYOND_COVER:
        return
    if refund.amount_minor > _cover_beside(refund) + fee.minor:
        raise NotCovered


def no_cover_needed(*, transaction_id: UUID, note: str, now: datetime) -> None:
    """What was not covered goes, or was stopped: nobody has to look any more. Part of a command's transaction."""
    payments.settle_case(kind=CaseKind.NOT_COVERED, transaction_id=transaction_id, note=note, now=now)


def _cover_beside(transaction: Transaction) -> int:
    """Minor units that providers hold for the current cluster and were not asked for, this transaction aside."""
    cluster_id, currency = current_tenant(), transaction.currency
    with refusals_from_database(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"cover:{cluster_id}:{currency}"])
        cursor.execute(_COVER, {"currency": currency, "id": transaction.id})
        return int(cursor.fetchone()[0])
