"""Giving a contribution back to its payer's wallet."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.audit import commands as audit
from clustr.bills.policies import refuse_amount
from clustr.clusters.types import PaymentsPermissions
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.models import Transfer
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.notifications.commands import notify
from clustr.notifications.types import Audience, NotificationEvents
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.refusals import NotRefundable, TransactionNotFound
from clustr.wallets import commands as wallets
from clustr.wallets.policies import refuse_own_affair


def refund_contribution(
    *, actor: Actor, transaction_id: UUID, amount: Money | None, reason: str, now: datetime
) -> Transaction:
    """Return a contribution, whole (`amount` None: all that is left) or in part, to its payer's wallet, or to suspense if
    they were erased. Its run stays as it ended, and the order as it is.

    Needs TransferFunds; nobody refunds themselves. Refuses `TransactionNotFound`, `NotRefundable` (also what a card was
    charged for bills: that is in the payer's wallet), `RefundExceedsPayment`, `PaymentDisputed`, `InsufficientFunds`.
    """
    actor.require(PaymentsPermissions.TRANSFER_FUNDS)
    if amount is not None:
        refuse_amount(amount=amount, currency=actor.currency)
    with tenant(actor.cluster_id), crash_points("recurring.refund"):
        known = Transaction.objects.filter(cluster_id=actor.cluster_id, id=transaction_id).first()
        if known is None:
            raise TransactionNotFound
        refuse_own_affair(actor_id=actor.user_id, concerned_id=known.user_id)
        given = Transfer.objects.filter(
            cluster_id=actor.cluster_id, id=transaction_id, kind=TransferKind.CONTRIBUTION
        ).first()
        if given is None or known.user_id is None:
            raise NotRefundable
        original, back = payments.lock_refundable(transaction_id=transaction_id, amount=amount)
        refund = payments.make_refund(
            transaction_id=original.id, amount=back, provider="wallet", reason=reason, now=now
        )
        place_of = wallets.places_of_returned(returned=[(refund.id, known.user_id, back)], now=now)
        entry = Entry(
            id=refund.id,
            debit=ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency=back.currency),
            credit=place_of[refund.id],
            amount=back,
            kind=TransferKind.CONTRIBUTION_REFUND,
            journal=refund.id,
            label=given.label,
        )
        ledger.post(entries=[entry], at=now)
        wallets.record_refunds(actor=actor, transaction_ids=[refund.id], reason=reason, now=now)
        _record(actor, original, refund, reason, now)
    return refund


def _record(actor: Actor, original: Transaction, refund: Transaction, reason: str, now: datetime) -> None:
    audit.record(
        actor=actor,
        action="recurring.contribution_refunded",
        subject_kind="transaction",
        subject_id=original.id,
        at=now,
        reason=reason,
        facts={"amount": str(refund.amount), "currency": refund.currency},
        journal=refund.id,
    )
    if original.user_id is not None:
        notify(
            event=NotificationEvents.PAYMENT_REFUNDED,
            cluster_id=actor.cluster_id,
            audience=Audience.one(original.user_id),
            subject_id=refund.id,
            facts={
                "what": original.description,
                "amount_minor": refund.amount_minor,
                "currency": refund.currency,
                "reason": reason,
            },
            now=now,
        )
