"""Bills that stand for what a member buys from a utility: opened with consent in one commit, paid when the utility has sold
it, closed where it did not. Parts of a purchase's transaction."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.bills.commands.consent import acknowledge_bill
from clustr.bills.locks import lock_part
from clustr.bills.models import Bill
from clustr.bills.policies import refuse_amount, terms_digest
from clustr.bills.types import UTILITY_TYPES, BillCategory, UtilityBill
from clustr.kit.actor import Actor
from clustr.kit.errors import refusals_from_database
from clustr.kit.ids import new_id, new_reference
from clustr.kit.tenancy import current_tenant
from clustr.payments.models import Transaction


def open_utility_bill(*, actor: Actor, new: UtilityBill, now: datetime) -> Bill:
    """Make a bill of the member's own for what they are about to buy, with their acknowledgment of exactly these terms.

    Its terms are those the quote was made of, so that the acknowledgment bears the quote's digest.
    """
    if new.terms.type not in UTILITY_TYPES:
        raise AssertionError(f"{new.terms.type} is not bought from a utility")
    refuse_amount(amount=new.terms.amount, currency=actor.currency)
    bill = Bill(
        id=new_id(),
        cluster_id=actor.cluster_id,
        user_id=actor.member_id,
        bill_number=new_reference(f"BILL-{now:%Y}"),
        title=new.terms.title,
        description=new.terms.description,
        type=new.terms.type.value,
        category=BillCategory.USER_MANAGED.value,
        amount_minor=new.terms.amount.minor,
        currency=new.terms.amount.currency,
        due_date=new.terms.due_date,
        allow_payment_after_due=True,
        issued_at=now,
        created_by=actor.member_id,
        version=new.terms.version,
        terms_digest=terms_digest(new.terms),
        utility_provider_id=new.utility_provider_id,
        metadata=dict(new.metadata),
        is_automated=new.is_automated,
    )
    bill.save(force_insert=True)
    acknowledge_bill(actor=actor, bill_id=bill.id, version=bill.version, now=now)
    return bill


def lock_utility_bill(*, bill_id: UUID, user_id: UUID) -> None:
    """Hold the member's part of the bill, before the purchase's transaction is locked."""
    lock_part(bill_id, user_id)


def settle_utility_bill(*, transaction: Transaction, now: datetime) -> None:
    """The utility has sold what this locked transaction is for: its bill is paid. The caller moves the money.

    Refuses `BillCancelled` and `BillAlreadyPaid` where it was decided before.
    """
    with refusals_from_database(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT bills_settle_utility(%s, %s, %s, %s, %s)",
            [transaction.id, transaction.subject_id, transaction.user_id, transaction.amount_minor, now],
        )


def close_utility_bill(*, bill_id: UUID, user_id: UUID, reason: str, now: datetime) -> None:
    """The utility did not sell it: nothing is owed any more. Harmless to repeat."""
    Bill.objects.filter(
        cluster_id=current_tenant(),
        id=bill_id,
        user_id=user_id,
        category=BillCategory.USER_MANAGED.value,
        cancelled_at=None,
    ).update(cancelled_at=now, cancelled_by=user_id, cancel_reason=reason)
