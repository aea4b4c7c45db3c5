"""Giving money back: one payment in whole or part, or every payment of a bill that is cancelled."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.audit import commands as audit
from clustr.audit.types import Subject
from clustr.bills.locks import lock_bill, lock_part
from clustr.bills.models import Bill, BillPayment, Dispute
from clustr.bills.policies import refuse_amount, refuse_member_managed
from clustr.bills.refusals import BillCancelled, BillHasPayments, BillNotFound, StatusIsDerived
from clustr.bills.telling import tell_of_cancellation, tell_of_refund
from clustr.bills.types import DisputeState, MemberStatus
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.queries import is_disputed
from clustr.payments.refusals import NotRefundable, PaymentDisputed, RefundUnderWay, TransactionNotFound
from clustr.payments.states import OPEN, Purpose
from clustr.wallets import commands as wallets
from clustr.wallets.policies import refuse_own_affair


def update_bill_status(
    *, actor: Actor, bill_id: UUID, status: str, reason: str, refund_payers: bool, now: datetime
) -> Bill:
    """Set a bill's status: only "cancelled" can be set, as `cancel_bill` does. Refuses `StatusIsDerived` else."""
    actor.require("ManageBill")
    if status != MemberStatus.CANCELLED:
        raise StatusIsDerived
    return cancel_bill(actor=actor, bill_id=bill_id, reason=reason, refund_payers=refund_payers, now=now)


def cancel_bill(*, actor: Actor, bill_id: UUID, reason: str, refund_payers: bool, now: datetime) -> Bill:
    """Cancel a bill. With payments only if `refund_payers`: each returns to its payer's wallet, or to suspense if they were
    erased, all in one commit.

    Open disputes about it end. Needs ManageBill; nobody cancels a bill of their own. Refuses `BillNotFound`,
    `BillManagedByMember`, `SeparationOfDuties`, `BillCancelled`, `BillHasPayments`, `RefundUnderWay` (what a provider was
    asked to give back is not known to have gone), `PaymentDisputed` (a payer's bank may take a payment back), `InsufficientFunds` (the cluster's wallet holds less than what was paid).
    """
    actor.require("ManageBill")
    with tenant(actor.cluster_id), crash_points("bills.cancel"):
        lock_bill(bill_id)
        bill = Bill.objects.filter(cluster_id=actor.cluster_id, id=bill_id).first()
        if bill is None:
            raise BillNotFound
        refuse_member_managed(category=bill.category)
        refuse_own_affair(actor_id=actor.user_id, concerned_id=bill.user_id)
        if bill.cancelled_at is not None:
            raise BillCancelled
        paid = _payments_of(bill)
        if paid and not refund_payers:
            raise BillHasPayments
        if _going_back(paid):
            raise RefundUnderWay
        if is_disputed(transaction_ids=paid):
            raise PaymentDisputed
        if paid:
            _refund_all(actor, bill, paid, reason, now)
        Dispute.objects.filter(cluster_id=actor.cluster_id, bill_id=bill_id, state=DisputeState.OPEN).update(
            state=DisputeState.UPHELD, closed_at=now, closed_by=actor.member_id, note="The bill was cancelled."
        )
        bill.cancelled_at, bill.cancelled_by, bill.cancel_reason = now, actor.member_id, reason
        bill.save(update_fields=["cancelled_at", "cancelled_by", "cancel_reason"])
        audit.record(
            actor=actor,
            action="bills.cancelled",
            subject_kind="bill",
            subject_id=bill.id,
            at=now,
            reason=reason,
            facts={"bill_number": bill.bill_number, "payments_refunded": len(paid)},
        )
        tell_of_cancellation(bill=bill, refunded=bool(paid), now=now)
    return bill


def refund_bill_payment(
    *, actor: Actor, transaction_id: UUID, amount: Money | None, reason: str, now: datetime
) -> Transaction:
    """Return a bill payment, whole or in part, to its payer's wallet, or to suspense if they were erased; what they owe is open
    again by as much.

    Needs TransferFunds; nobody refunds themselves. Refuses `TransactionNotFound`, `NotRefundable`,
    `RefundExceedsPayment`, `PaymentDisputed`, `InsufficientFunds`.
    """
    actor.require("TransferFunds")
    if amount is not None:
        refuse_amount(amount=amount, currency=actor.currency)
    with tenant(actor.cluster_id), crash_points("bills.refund"):
        payment = BillPayment.objects.filter(cluster_id=actor.cluster_id, id=transaction_id).first()
        known = Transaction.objects.filter(cluster_id=actor.cluster_id, id=transaction_id).first()
        if known is None:
            raise TransactionNotFound
        refuse_own_affair(actor_id=actor.user_id, concerned_id=known.user_id)
        if payment is None or payment.amount_minor < 0 or known.purpose != Purpose.BILL:
            raise NotRefundable
        lock_part(payment.bill_id, payment.user_id)
        original, back = payments.lock_refundable(transaction_id=transaction_id, amount=amount)
        refund = payments.make_refund(
            transaction_id=original.id, amount=back, provider="wallet", reason=reason, now=now
        )
        refund.refunded_bill_id = payment.bill_id
        _take_back(payment, refund.id, back.minor, now)
        _return_money(actor, payment, refund, now)
        _record(actor, refund, reason, now)
        billed = Bill.objects.get(cluster_id=actor.cluster_id, id=payment.bill_id)
        tell_of_refund(bill=billed, user_id=payment.user_id, amount=back, reason=reason, now=now)
    return refund


def take_back_payment(*, original: Transaction, refund: Transaction, now: datetime) -> None:
    """What was paid on a bill has gone back to where it came from: it is owed again by as much. The member's part of the
    bill is held, and the refund completed; part of a settlement."""
    payment = BillPayment.objects.get(cluster_id=original.cluster_id, id=original.id)
    _take_back(payment, refund.id, refund.amount_minor, now)


def _payments_of(bill: Bill) -> dict[UUID, UUID]:
    """Each payment of the bill with something left to refund, and the id its refund will have."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.id FROM bills_billpayment p JOIN payments_transaction t"
            " ON t.cluster_id = p.cluster_id AND t.id = p.id"
            " WHERE p.cluster_id = %s AND p.bill_id = %s AND p.amount_minor > 0 AND t.status = 'completed' ORDER BY t.id",
            [bill.cluster_id, bill.id],
        )
        return {row[0]: new_id() for row in cursor.fetchall()}


def _going_back(paid: Collection[UUID]) -> bool:
    """Whether a provider was asked to give one of these payments back, and it is not known whether it did."""
    return Transaction.objects.filter(subject_id__in=list(paid), purpose=Purpose.REFUND, status__in=OPEN).exists()


def _refund_all(actor: Actor, bill: Bill, paid: dict[UUID, UUID], reason: str, now: datetime) -> None:
    refunds = payments.refund_transactions(originals=paid, reason=reason, now=now)
    returned = [(refund, user_id, Money(minor, currency)) for _, refund, user_id, minor, currency in refunds]
    place_of = wallets.places_of_returned(returned=returned, now=now)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH back AS (
              SELECT r.refund, r.original, r.amount, p.user_id, p.version,
                     row_number() OVER (PARTITION BY p.user_id ORDER BY r.refund) AS nth
              FROM unnest(%(originals)s::uuid[], %(refunds)s::uuid[], %(amounts)s::bigint[])
                AS r(original, refund, amount)
              JOIN bills_billpayment p ON p.cluster_id = %(cluster)s AND p.id = r.original
            ), settled AS (
              SELECT user_id, sum(settles) AS settles FROM bills_billpayment
              WHERE cluster_id = %(cluster)s AND bill_id = %(bill)s GROUP BY 1
            ), emptied AS (
              UPDATE bills_memberbill SET paid_minor = 0 WHERE cluster_id = %(cluster)s AND bill_id = %(bill)s
            )
            INSERT INTO bills_billpayment (cluster_id, id, bill_id, user_id, version, amount_minor, settles, refunds, at)
            SELECT %(cluster)s, refund, %(bill)s, user_id, version, -amount,
                   CASE WHEN nth = 1 THEN -settles ELSE 0 END, original, %(now)s
            FROM back JOIN settled USING (user_id)
            """,
            {
                "originals": [row[0] for row in refunds],
                "refunds": [row[1] for row in refunds],
                "amounts": [row[3] for row in refunds],
                "cluster": bill.cluster_id,
                "bill": bill.id,
                "now": now,
            },
        )
    account = ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency=bill.currency)
    entries = [
        Entry(
            id=refund,
            debit=account,
            credit=place_of[refund],
            amount=amount,
            kind=TransferKind.BILL_REFUND,
            journal=refund,
            label=bill.type,
        )
        for refund, _, amount in returned
    ]
    ledger.post(entries=entries, at=now)
    wallets.record_refunds(actor=actor, transaction_ids=[row[1] for row in refunds], reason=reason, now=now)
    audit.record_batch(
        actor=actor,
        action="bills.payment_refunded",
        subject_kind="transaction",
        subjects=[Subject(id=row[0], journal=row[1]) for row in refunds],
        at=now,
        reason=reason,
    )


def _take_back(payment: BillPayment, refund_id: UUID, minor: int, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH standing AS (
              SELECT b.amount_minor AS whole, s.due_minor, s.paid_minor FROM bills_bill b
              CROSS JOIN LATERAL bills_standing(b.cluster_id, b.id, %(user)s, b.amount_minor, b.version) AS s
              WHERE b.cluster_id = %(cluster)s AND b.id = %(bill)s
            ), lowered AS (
              UPDATE bills_memberbill SET paid_minor = bills_memberbill.paid_minor - %(minor)s
              WHERE cluster_id = %(cluster)s AND bill_id = %(bill)s AND user_id = %(user)s
            )
            INSERT INTO bills_billpayment (cluster_id, id, bill_id, user_id, version, amount_minor, settles, refunds, at)
            SELECT %(cluster)s, %(refund)s, %(bill)s, %(user)s, %(version)s, -%(minor)s,
                   -(due_minor = whole AND paid_minor >= due_minor)::int, %(original)s, %(now)s
            FROM standing
            """,
            {
                "cluster": payment.cluster_id,
                "bill": payment.bill_id,
                "user": payment.user_id,
                "version": payment.version,
                "minor": minor,
                "refund": refund_id,
                "original": payment.id,
                "now": now,
            },
        )


def _return_money(actor: Actor, payment: BillPayment, refund: Transaction, now: datetime) -> None:
    place_of = wallets.places_of_returned(returned=[(refund.id, payment.user_id, refund.amount)], now=now)
    entry = Entry(
        id=refund.id,
        debit=ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency=refund.currency),
        credit=place_of[refund.id],
        amount=refund.amount,
        kind=TransferKind.BILL_REFUND,
        journal=refund.id,
        label=Bill.objects.values_list("type", flat=True).get(cluster_id=actor.cluster_id, id=payment.bill_id),
    )
    ledger.post(entries=[entry], at=now)
    wallets.record_refunds(actor=actor, transaction_ids=[refund.id], reason=refund.description, now=now)


def _record(actor: Actor, refund: Transaction, reason: str, now: datetime) -> None:
    audit.record(
        actor=actor,
        action="bills.payment_refunded",
        subject_kind="transaction",
        subject_id=refund.subject_id or refund.id,
        at=now,
        reason=reason,
        facts={"amount": str(refund.amount), "currency": refund.currency},
        journal=refund.id,
    )
