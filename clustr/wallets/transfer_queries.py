"""The cluster's transfers as whoever decides on them has to see them: to which account, asked for by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from clustr.clusters import queries as clusters
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.payments.models import Transaction
from clustr.payments.states import TransactionStatus, TransactionType
from clustr.wallets.models import Payout
from clustr.wallets.policies import ALONE, needs_second_person
from clustr.wallets.queries import destination_of, operation_of, what_it_waits_for
from clustr.wallets.refusals import PayoutNotFound
from clustr.wallets.types import STOPPABLE, Approval, Destination, NameCheck, OperationView

_CAME_BACK = (TransactionStatus.FAILED, TransactionStatus.CANCELLED, TransactionStatus.REFUNDED)


@dataclass(frozen=True, slots=True)
class TransferView:
    """A transfer out of the cluster's wallet. `can_stop`: it waits for approval, for its account's time, for cover or for the
    books, and was not sent. `waits_for`: see `what_it_waits_for`. `mine`: who asks made it, so that another person decides."""

    operation: OperationView
    destination: Destination
    name_check: NameCheck
    approval: Approval
    requested_by: UUID
    decided_by: UUID | None
    decision_note: str
    sendable_at: datetime
    can_approve: bool
    can_stop: bool
    mine: bool
    waits_for: str


@dataclass(frozen=True, slots=True)
class WaitingTransfer:
    """A transfer that was not sent yet; `account_hint`: the last digits of where it goes; `sendable_at`: not sent before."""

    id: UUID
    amount: Money
    description: str
    requested_by: UUID
    account_hint: str
    name_check: NameCheck
    sendable_at: datetime
    created_at: datetime


def waiting_transfers(*, actor: Actor, limit: int = 50) -> list[WaitingTransfer]:
    """The transfers that wait for a second person, the oldest first; for holders of TransferFunds or ViewWallet."""
    return _pending(actor, (Approval.WAITING,), limit)


def transfers_not_sent(*, actor: Actor, limit: int = 50) -> list[WaitingTransfer]:
    """The transfers that wait for nobody and can still be stopped, the oldest first; for holders of TransferFunds or
    ViewWallet."""
    return _pending(actor, (Approval.NOT_NEEDED, Approval.APPROVED), limit)


def _pending(actor: Actor, approvals: tuple[Approval, ...], limit: int) -> list[WaitingTransfer]:
    actor.require("TransferFunds" if actor.may("TransferFunds") else "ViewWallet")
    pending = Transaction.objects.filter(
        cluster_id=actor.cluster_id, status=TransactionStatus.PENDING, type=TransactionType.TRANSFER
    )
    waiting = Payout.objects.filter(
        cluster_id=actor.cluster_id, approval__in=approvals, id__in=pending.values("id")
    ).order_by("id")[:limit]
    payouts = {payout.id: payout for payout in waiting}
    asked = Transaction.objects.filter(cluster_id=actor.cluster_id, id__in=list(payouts)).order_by("id")
    return [
        WaitingTransfer(
            id=row.id,
            amount=row.amount,
            description=row.description,
            requested_by=payouts[row.id].requested_by,
            account_hint=payouts[row.id].account_hint,
            name_check=NameCheck(payouts[row.id].name_check),
            sendable_at=payouts[row.id].sendable_at,
            created_at=row.created_at,
        )
        for row in asked
    ]


def needs_approval(*, actor: Actor, amount: Money, now: datetime) -> bool:
    """Whether a transfer of so much would wait for a second person. Sure only while nobody else asks for one: a command
    holds others off."""
    limit = clusters.settings_of(actor=actor, now=now).transfer_approval_limit
    return needs_second_person(amount=amount, sent_alone=_sent_alone(actor, amount.currency, now), limit=limit)


def _sent_alone(actor: Actor, currency: str, now: datetime) -> Money:
    """What was asked for in the last 24 hours and no second person saw, to whichever account; what came back is left out."""
    alone = Payout.objects.filter(cluster_id=actor.cluster_id, approval=Approval.NOT_NEEDED, created_at__gt=now - ALONE)
    sent = Transaction.objects.filter(
        cluster_id=actor.cluster_id,
        id__in=alone.values("id"),
        type=TransactionType.TRANSFER,
        currency=currency,
    ).exclude(status__in=_CAME_BACK)
    return Money(int(sent.aggregate(Sum("amount_minor", default=0))["amount_minor__sum"]), currency)


def is_transfer_out(*, actor: Actor, transaction_id: UUID) -> bool:
    """Whether a movement sends money of the cluster's wallet to a bank. Providers' fees, which are transfers too, do not."""
    return Payout.objects.filter(cluster_id=actor.cluster_id, id=transaction_id).exists()


def transfer_to_decide(*, actor: Actor, payout_id: UUID) -> TransferView:
    """One transfer with its whole bank account, so that a second person can compare it. Needs TransferFunds. Refuses
    `PayoutNotFound`."""
    actor.require("TransferFunds")
    payout = Payout.objects.filter(cluster_id=actor.cluster_id, id=payout_id).first()
    transaction = Transaction.objects.filter(
        cluster_id=actor.cluster_id, id=payout_id, type=TransactionType.TRANSFER
    ).first()
    if payout is None or transaction is None:
        raise PayoutNotFound
    approval = Approval(payout.approval)
    mine = payout.requested_by == actor.user_id
    pending = transaction.status == TransactionStatus.PENDING
    return TransferView(
        operation=operation_of(actor=actor, operation_id=payout_id),
        destination=destination_of(payout=payout),
        name_check=NameCheck(payout.name_check),
        approval=approval,
        requested_by=payout.requested_by,
        decided_by=payout.decided_by,
        decision_note=payout.decision_note,
        sendable_at=payout.sendable_at,
        can_approve=pending and approval is Approval.WAITING and not mine,
        can_stop=pending and approval in STOPPABLE and not mine,
        mine=mine,
        waits_for=what_it_waits_for(payout=payout, status=transaction.status),
    )
