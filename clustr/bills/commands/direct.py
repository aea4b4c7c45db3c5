"""Paying on a bill through a provider: judged when the checkout is started, and once more when the money arrived."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.bills.locks import lock_part
from clustr.bills.policies import refuse_amount, refuse_member_managed, refuse_payment
from clustr.bills.queries import bill_visible_to
from clustr.bills.refusals import AmountExceedsRemaining
from clustr.bills.types import DirectPayment, Standing
from clustr.kit.actor import Actor
from clustr.kit.errors import refusals_from_database
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind
from clustr.payments.models import Transaction


def judge_direct_payment(*, actor: Actor, bill_id: UUID, amount: Money | None, now: datetime) -> DirectPayment:
    """What a checkout for this bill would ask for, whole (`amount` None) or in part, by the rules of every payment.

    Refuses, in this order, `BillNotFound`, `BillManagedByMember`, `BillCancelled`, `BillAlreadyPaid`, `BillDisputed`, `BillNotAcknowledged`,
    `BillPastDue`, `AmountExceedsRemaining`.
    """
    if amount is not None:
        refuse_amount(amount=amount, currency=actor.currency)
    with tenant(actor.cluster_id):
        lock_part(bill_id, actor.member_id)
        bill = bill_visible_to(actor=actor, bill_id=bill_id, now=now)
    refuse_member_managed(category=bill.category)
    refuse_payment(
        standing=Standing(
            cancelled=bill.status == "cancelled",
            due_minor=bill.amount_due.minor,
            paid_minor=bill.amount_paid.minor,
            disputed=bill.status == "disputed",
            due_date=bill.due_date,
            acknowledged=bill.acknowledged_at is not None,
        ),
        allow_payment_after_due=bill.allow_payment_after_due,
        now=now,
    )
    remaining = bill.amount_due - bill.amount_paid
    wanted = remaining if amount is None else amount
    if remaining < wanted:
        raise AmountExceedsRemaining
    return DirectPayment(bill_id=bill.id, amount=wanted, title=bill.title, version=bill.version)


def lock_for_settlement(*, transaction: Transaction) -> None:
    """Hold the payer's part of the bill, before the transaction itself is locked; part of a settlement."""
    if transaction.subject_id is None or transaction.user_id is None:
        raise AssertionError(f"{transaction.reference} is for no bill of nobody")
    lock_part(transaction.subject_id, transaction.user_id)


def settle_direct_payment(
    *, transaction: Transaction, version: int, source: UUID, paid_at: datetime, now: datetime
) -> str:
    """Put money that a provider took on the bill it was asked for, from the account that stands for that provider.

    Answers "" if that was done, or else the code of the reason why not, with nothing changed: the bill was changed or
    cancelled, or has been paid meanwhile, or the payer paid after it was due. Part of a settlement.
    """
    with refusals_from_database(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT bills_settle_direct(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                transaction.id,
                transaction.subject_id,
                transaction.user_id,
                transaction.amount_minor,
                version,
                source,
                ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency=transaction.currency),
                paid_at,
                now,
            ],
        )
        return str(cursor.fetchone()[0])
