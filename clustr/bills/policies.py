"""Pure rules of bills: what is refused, and the digest of the terms. SQL repeats the refusals where money moves."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

from clustr.bills.refusals import (
    BillAlreadyPaid,
    BillCancelled,
    BillDisputed,
    BillManagedByMember,
    BillNotAcknowledged,
    BillPastDue,
    DueDateNotAhead,
    TypeNotManaged,
)
from clustr.bills.types import UTILITY_TYPES, BillCategory, BillType, Standing, Terms
from clustr.kit.errors import InvalidValue
from clustr.kit.money import CurrencyMismatch, Money


def refuse_payment(*, standing: Standing, allow_payment_after_due: bool, now: datetime) -> None:
    """Refuse to take a payment, or pass. The same rules, in the same order, as SQL's `bills_refuse_payment`."""
    if standing.cancelled:
        raise BillCancelled
    if standing.paid_minor >= standing.due_minor:
        raise BillAlreadyPaid
    if standing.disputed:
        raise BillDisputed
    if not standing.acknowledged:
        raise BillNotAcknowledged
    if now > standing.due_date and not allow_payment_after_due:
        raise BillPastDue


def refuse_member_managed(*, category: str) -> None:
    """Refuse to treat what stands for a member's own purchase as a bill of the office's."""
    if category == BillCategory.USER_MANAGED:
        raise BillManagedByMember


def terms_digest(terms: Terms) -> bytes:
    """SHA-256 over the terms in canonical form: what an acknowledgment consents to, and a payment relies on. The same
    for the same terms, also when they were read again: the due date is an instant, whatever zone it was written in."""
    canonical = json.dumps(
        {
            "title": terms.title,
            "description": terms.description,
            "type": terms.type.value,
            "amount": str(terms.amount),
            "currency": terms.amount.currency,
            "due_date": terms.due_date.astimezone(UTC).isoformat(),
            "version": terms.version,
        },
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return hashlib.sha256(canonical.encode()).digest()


def category_of(type: BillType) -> BillCategory:
    return BillCategory.USER_MANAGED if type in UTILITY_TYPES else BillCategory.CLUSTER_MANAGED


def refuse_new_bill(*, type: BillType, amount: Money, currency: str, due_date: datetime, now: datetime) -> None:
    """Refuse a bill the office cannot issue: of a utility's type, of nothing, in another currency than the cluster's, or
    due already."""
    if category_of(type) is not BillCategory.CLUSTER_MANAGED:
        raise TypeNotManaged
    refuse_amount(amount=amount, currency=currency)
    if due_date <= now:
        raise DueDateNotAhead


def refuse_amount(*, amount: Money, currency: str) -> None:
    """Refuse what is not money of this currency to be moved or billed: another currency's, zero or less."""
    if amount.currency != currency:
        raise CurrencyMismatch("The amount must be in {currency}.", currency=currency)
    if amount.minor <= 0:
        raise InvalidValue.of("amount", "amount_must_be_positive", "The amount must be more than zero.")
