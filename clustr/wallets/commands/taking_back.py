"""Money that was recorded by hand by mistake, taken back out of the member's wallet."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.clusters.types import PaymentsPermissions
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import derived_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.models import Transfer
from clustr.ledger.refusals import AlreadyReversed
from clustr.ledger.types import Entry, TransferKind
from clustr.notifications.commands import notify
from clustr.notifications.types import Audience, NotificationEvents
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.refusals import TransactionNotFound
from clustr.wallets.commands.trail import record_money_act
from clustr.wallets.policies import refuse_own_affair
from clustr.wallets.refusals import NotRecordedByHand


def reverse_offline_receipt(
    *, actor: Actor, transaction_id: UUID, amount: Money | None, reason: str, now: datetime
) -> Transaction:
    """Take back out of a member's wallet what was recorded there by hand by mistake: whole (`amount` None) or in part, once,
    and no more than the wallet holds. The member is told why. Answers the refund, whose `subject_id` is the receipt.

    Needs TransferFunds; nobody decides about a receipt of their own. Refuses `TransactionNotFound`, `SeparationOfDuties`,
    `NotRecordedByHand`, `AlreadyReversed`, `RefundExceedsPayment`, `InsufficientFunds`, `AccountFrozen`.
    """
    actor.require(PaymentsPermissions.TRANSFER_FUNDS)
    with tenant(actor.cluster_id), crash_points("wallets.reverse_receipt"):
        known = Transaction.objects.filter(cluster_id=actor.cluster_id, id=transaction_id).first()
        if known is None:
            raise TransactionNotFound
        refuse_own_affair(actor_id=actor.user_id, concerned_id=known.user_id)
        received = Transfer.objects.filter(
            cluster_id=actor.cluster_id, id=transaction_id, kind=TransferKind.OFFLINE_RECEIPT
        ).first()
        if received is None or known.user_id is None:
            raise NotRecordedByHand
        if payments.lock_transaction(transaction_id=transaction_id).refunded_minor:
            raise AlreadyReversed
        original, back = payments.lock_refundable(transaction_id=transaction_id, amount=amount)
        refund = payments.make_refund(
            transaction_id=original.id, amount=back, provider=original.provider, reason=reason, now=now
        )
        entry = Entry(
            id=derived_id("receipt-reversed", original.id),
            debit=received.credit,
            credit=received.debit,
            amount=back,
            kind=TransferKind.RECEIPT_REVERSED,
            journal=refund.id,
        )
        ledger.post(entries=[entry], at=now)
        record_money_act(actor=actor, action="wallets.receipt_reversed", transaction=refund, reason=reason, now=now)
        _tell(original, refund, known.user_id, now)
    return refund


def _tell(original: Transaction, refund: Transaction, user_id: UUID, now: datetime) -> None:
    notify(
        event=NotificationEvents.WALLET_CORRECTED,
        cluster_id=refund.cluster_id,
        audience=Audience.one(user_id),
        subject_id=refund.id,
        facts={
            "what": original.description,
            "amount_minor": refund.amount_minor,
            "currency": refund.currency,
            "reference": original.reference,
            "reason": refund.description,
        },
        now=now,
    )
