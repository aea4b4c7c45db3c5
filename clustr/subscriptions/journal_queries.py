"""The platform's journal for its accountants: every transfer as a debit and a credit, with the document it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.kit.actor import Actor
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries

_LINES = """
SELECT t.at, t.id, side.account, a.kind, coalesce(a.subject_id::text, ''), a.currency, side.debit, side.credit, t.kind,
       coalesce(i.invoice_number, nullif(p.reference, ''), nullif(p.stripe_payment_intent_id, ''), r.stripe_refund_id,
                d.stripe_dispute_id, t.journal::text)
FROM (SELECT * FROM ledger_transfer t
      WHERE t.cluster_id = kit_tenant() AND t.at >= %(since)s AND t.at < %(until)s AND (t.at, t.id) > (%(at)s, %(id)s)
      ORDER BY t.at, t.id LIMIT %(transfers)s) AS t
CROSS JOIN LATERAL (VALUES (1, t.debit, t.amount, 0), (2, t.credit, 0, t.amount)) AS side(n, account, debit, credit)
JOIN ledger_account a ON a.cluster_id = t.cluster_id AND a.id = side.account
LEFT JOIN subscriptions_invoice i ON i.cluster_id = t.cluster_id AND i.id = t.journal
LEFT JOIN subscriptions_payment p ON p.cluster_id = t.cluster_id AND p.id = t.journal
LEFT JOIN subscriptions_refund r ON r.cluster_id = t.cluster_id AND r.id = t.journal
LEFT JOIN subscriptions_dispute d ON d.cluster_id = t.cluster_id AND d.id = t.journal
ORDER BY t.at, t.id, side.n
"""


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One side of a transfer. Of `debit` and `credit`, in minor units, one is nothing. `account` is a kind of account,
    `subject` whose it is, where it is somebody's. `reference`: the invoice's number, the payment's reference, or the number of a refund
    or dispute at Stripe."""

    at: datetime
    transfer_id: UUID
    account_id: UUID
    account: str
    subject: str
    currency: str
    debit: int
    credit: int
    kind: str
    reference: str


def journal_lines(
    *, actor: Actor, since: datetime, until: datetime, after: tuple[datetime, UUID] | None, transfers: int
) -> list[JournalLine]:
    """The two lines of each of so many transfers of [since, until), oldest first, from after the one that `after` names.
    Over all time, an account's credits less its debits are its balance. For platform staff."""
    actor.require(queries.STAFF)
    at, id = after if after else (since, UUID(int=0))
    with tenant(actor.cluster_id), connection.cursor() as cursor:
        cursor.execute(_LINES, {"since": since, "until": until, "at": at, "id": id, "transfers": transfers})
        return [JournalLine(*row) for row in cursor.fetchall()]
