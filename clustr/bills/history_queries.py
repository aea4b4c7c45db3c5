"""The history of a bill as one member has it: its terms and how they changed, consent, disputes, payments."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.audit import queries as audit
from clustr.bills.queries import bill_visible_to
from clustr.bills.types import BillEvent, Happened
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments.queries import TransactionFilter, my_transactions
from clustr.payments.states import TransactionStatus, TransactionType

_HISTORY = """
SELECT 'issued' AS what, issued_at AS at, NULL::bigint AS minor, NULL::int AS version, '' AS note
  FROM bills_bill WHERE cluster_id = %(cluster)s AND id = %(bill)s
UNION ALL
SELECT 'cancelled', cancelled_at, NULL, NULL, cancel_reason
  FROM bills_bill WHERE cluster_id = %(cluster)s AND id = %(bill)s AND cancelled_at IS NOT NULL
UNION ALL
SELECT 'acknowledged', at, NULL, version, ''
  FROM bills_acknowledgment WHERE cluster_id = %(cluster)s AND bill_id = %(bill)s AND user_id = %(member)s
UNION ALL
SELECT 'disputed', opened_at, NULL, NULL, reason
  FROM bills_dispute WHERE cluster_id = %(cluster)s AND bill_id = %(bill)s AND user_id = %(member)s
UNION ALL
SELECT state, closed_at, NULL, NULL, note
  FROM bills_dispute WHERE cluster_id = %(cluster)s AND bill_id = %(bill)s AND user_id = %(member)s AND state <> 'open'
UNION ALL
SELECT 'lowered', at, amount_minor, NULL, reason
  FROM bills_adjustment WHERE cluster_id = %(cluster)s AND bill_id = %(bill)s AND user_id = %(member)s
"""
_LONGEST = 100
_MOVED = (TransactionStatus.COMPLETED, TransactionStatus.REFUNDED)


def bill_history(*, actor: Actor, bill_id: UUID, now: datetime) -> list[BillEvent]:
    """What happened to one of the member's bills, the latest first: to all who have it, and between them and the office;
    nothing of another member. Refuses `BillNotFound`."""
    with tenant(actor.cluster_id):
        bill = bill_visible_to(actor=actor, bill_id=bill_id, now=now)
        currency = bill.amount.currency
        with connection.cursor() as cursor:
            cursor.execute(_HISTORY, {"cluster": actor.cluster_id, "bill": bill_id, "member": actor.member_id})
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        events = [
            BillEvent(Happened(what), at, Money(minor, currency) if minor is not None else None, version, note)
            for what, at, minor, version, note in rows
        ]
        edits = audit.acts_about(subject_id=bill_id, action="bills.edited")
        events += [_change(edit.at, edit.facts, currency) for edit in edits]
        # By the member, not by the bill: a bill of a whole estate has as many payments as the estate has residents.
        moved = my_transactions(actor=actor, chosen=TransactionFilter(bill_id=bill_id), limit=_LONGEST)
        events += [
            BillEvent(
                Happened.REFUNDED if each.type == TransactionType.REFUND else Happened.PAID,
                each.completed_at,
                each.amount,
                transaction_id=each.id,
            )
            for each in moved
            if each.status in _MOVED and each.completed_at
        ]
    return sorted(events, key=lambda event: event.at, reverse=True)


def _change(at: datetime, facts: dict[str, Any], currency: str) -> BillEvent:
    before = Money.parse(facts["previous_amount"], currency)
    same = facts["previous_amount"] == facts["amount"]
    return BillEvent(Happened.CHANGED, at, None if same else before, int(facts["version"]))
