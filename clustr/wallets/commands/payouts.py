"""Money on its way out: members' withdrawals and the cluster's transfers, approved or rejected by a second person."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.audit import commands as audit
from clustr.clusters.queries import locale_of
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.jobs import enqueue
from clustr.kit.locales import amount_for_people
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.kit.vault import seal
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.states import Purpose, TransactionStatus, TransactionType
from clustr.people import commands as people
from clustr.wallets.commands.covering import no_cover_needed
from clustr.wallets.commands.payees import meet_payee
from clustr.wallets.commands.pins import refuse_while_cooling, require_authorization
from clustr.wallets.commands.wallets import open_wallet
from clustr.wallets.models import Operation, Payout
from clustr.wallets.policies import check_name, refuse_own_affair
from clustr.wallets.queries import destination_place, holder_place, sendable_from
from clustr.wallets.refusals import PayoutDecided, PayoutNotFound
from clustr.wallets.types import STOPPABLE, Approval, Destination, SpendAuthorization


def withdraw(
    *, actor: Actor, amount: Money, destination: Destination, authorization: SpendAuthorization | None, now: datetime
) -> Transaction:
    """Take money out of the member's wallet towards a bank account: it waits in the payouts account as `pending`.

    `authorization` comes from `authorize_spend`, None where no PIN came. Refuses `PinRequired`, `WithdrawalsCooling`,
    `InsufficientFunds`, `AccountFrozen`.
    """
    with tenant(actor.cluster_id), crash_points("wallets.withdraw"):
        require_authorization(actor=actor, authorization=authorization)
        refuse_while_cooling(actor=actor, now=now)
        transaction = send_out(
            actor=actor,
            type=TransactionType.WITHDRAWAL,
            source_account=open_wallet(user_id=actor.member_id, currency=amount.currency, now=now),
            amount=amount,
            description=f"Withdrawal to account ending {destination.account_number[-4:]}",
            destination=destination,
            approval=Approval.NOT_NEEDED,
            user_id=actor.member_id,
            now=now,
        )
        checked = {"name_check": check_name(destination=destination).value}
        _audit(actor, "wallets.withdrawal_requested", transaction.id, "", now, facts=checked)
    return transaction


def approve_transfer(*, actor: Actor, payout_id: UUID, now: datetime) -> UUID:
    """Let a waiting transfer go. Needs TransferFunds, and another person than its maker."""
    actor.require("TransferFunds")
    with tenant(actor.cluster_id), crash_points("wallets.approve"):
        payout = _decide(actor, payout_id, Approval.APPROVED, "", now)
        _ask_to_send(actor.cluster_id, payout_id, max(now, payout.sendable_at))
        _audit(actor, "cluster_wallet.transfer_approved", payout_id, "", now, facts=_sum_of(payout_id))
    return payout_id


def reject_transfer(*, actor: Actor, payout_id: UUID, note: str, now: datetime) -> UUID:
    """Stop a transfer that is not on its way yet, because it waits for approval, for the time of its new bank account, or for
    cover, also one that was approved, and return its money to the cluster's wallet. Needs TransferFunds, and another person
    than its maker.

    Refuses `PayoutNotFound`, `PayoutDecided` (it was rejected before, or is on its way), `SeparationOfDuties`.
    """
    actor.require("TransferFunds")
    with tenant(actor.cluster_id), crash_points("wallets.reject"):
        _decide(actor, payout_id, Approval.REJECTED, note, now)
        ledger.reverse(transfer_id=payout_id, journal=payout_id, at=now, kind=TransferKind.PAYOUT_RETURN)
        payments.cancel_transaction(transaction_id=payout_id, now=now)
        no_cover_needed(transaction_id=payout_id, note="It was stopped.", now=now)
        _audit(actor, "cluster_wallet.transfer_rejected", payout_id, note, now, facts=_sum_of(payout_id))
    return payout_id


def cancel_withdrawal(*, actor: Actor, payout_id: UUID, now: datetime) -> Transaction:
    """Stop a withdrawal of one's own that was not sent yet; its money is back in the wallet.

    Refuses `PayoutNotFound`, `PayoutDecided` (it is on its way, has ended, or was stopped before).
    """
    with tenant(actor.cluster_id), crash_points("wallets.cancel_withdrawal"):
        stopped, _ = _stop(payout_id, owner_id=actor.member_id, now=now)
        _audit(actor, "wallets.withdrawal_cancelled", payout_id, "", now)
    return stopped


def stop_withdrawal(*, actor: Actor, payout_id: UUID, reason: str, now: datetime) -> Transaction:
    """Stop a member's withdrawal that was not sent yet, for a reason that the member is told; its money is back in their
    wallet. Needs TransferFunds; nobody stops their own here.

    Refuses `PayoutNotFound`, `PayoutDecided`, `SeparationOfDuties`.
    """
    actor.require("TransferFunds")
    with tenant(actor.cluster_id), crash_points("wallets.stop_withdrawal"):
        stopped, payout = _stop(payout_id, owner_id=None, now=now)
        refuse_own_affair(actor_id=actor.user_id, concerned_id=stopped.user_id)
        Payout.objects.filter(cluster_id=actor.cluster_id, id=payout_id).update(
            approval=Approval.REJECTED.value, decided_by=actor.member_id, decided_at=now, decision_note=reason
        )
        people.write_to(
            user_id=payout.requested_by,
            template="wallets/mail/withdrawal_stopped",
            context={
                "amount": amount_for_people(stopped.amount, locale=locale_of(cluster_id=actor.cluster_id)),
                "ending": payout.account_hint,
                "reason": reason,
            },
            now=now,
        )
        _audit(actor, "wallets.withdrawal_stopped", payout_id, reason, now)
    return stopped


def _stop(payout_id: UUID, *, owner_id: UUID | None, now: datetime) -> tuple[Transaction, Payout]:
    """Return the money of a withdrawal nobody has begun to send, which whoever sends sees under the same lock."""
    found = Transaction.objects.filter(id=payout_id, type=TransactionType.WITHDRAWAL, purpose=Purpose.PAYOUT)
    if not (found.filter(user_id=owner_id) if owner_id else found).exists():
        raise PayoutNotFound
    stopped = payments.lock_transaction(transaction_id=payout_id)
    if stopped.status != TransactionStatus.PENDING:
        raise PayoutDecided
    ledger.reverse(transfer_id=payout_id, journal=payout_id, at=now, kind=TransferKind.PAYOUT_RETURN)
    payments.step_transaction(transaction=stopped, status=TransactionStatus.CANCELLED, now=now)
    no_cover_needed(transaction_id=payout_id, note="It was stopped.", now=now)
    return stopped, Payout.objects.get(cluster_id=stopped.cluster_id, id=payout_id)


def send_out(
    *,
    actor: Actor,
    type: TransactionType,
    source_account: UUID,
    amount: Money,
    description: str,
    destination: Destination,
    approval: Approval,
    now: datetime,
    user_id: UUID | None = None,
) -> Transaction:
    """Move money to the payouts account and note where it goes; part of a command's transaction."""
    transaction = payments.create_transaction(
        id=new_id(),
        type=type,
        status=TransactionStatus.PENDING,
        amount=amount,
        purpose=Purpose.PAYOUT,
        user_id=user_id,
        description=description,
        now=now,
    )
    payee = meet_payee(actor=actor, owner_id=user_id, destination=destination, amount=amount, now=now)
    sendable_at = sendable_from(payee=payee, now=now)
    Payout.objects.create(
        id=transaction.id,
        cluster_id=actor.cluster_id,
        source_account=source_account,
        payee_id=payee.id,
        sendable_at=sendable_at,
        destination=seal(
            "\n".join((destination.bank_code, destination.account_number, destination.account_name)),
            bound_to=destination_place(transaction.id),
        ),
        account_hint=destination.account_number[-4:],
        holder=seal(destination.holder, bound_to=holder_place(transaction.id)) if destination.holder else None,
        name_check=check_name(destination=destination).value,
        approval=approval.value,
        requested_by=actor.member_id,
        created_at=now,
    )
    entry = Entry(
        id=transaction.id,
        debit=source_account,
        credit=ledger.open_account(kind=AccountKind.PAYOUTS, currency=amount.currency),
        amount=amount,
        kind=TransferKind.PAYOUT,
        journal=transaction.id,
    )
    ledger.post(entries=[entry], at=now)
    if approval is Approval.NOT_NEEDED:
        _ask_to_send(transaction.cluster_id, transaction.id, sendable_at)
    return transaction


def _ask_to_send(cluster_id: UUID, payout_id: UUID, sendable_at: datetime) -> None:
    """Have settlement send it: its job commits with what allowed it. A sweep finds what this job could not send."""
    enqueue("settlement.send_payout", at=sendable_at, cluster_id=cluster_id, transaction_id=payout_id)


def _decide(actor: Actor, payout_id: UUID, approval: Approval, note: str, now: datetime) -> Payout:
    if not Operation.objects.filter(id=payout_id).exists():
        raise PayoutNotFound
    sent = payments.lock_transaction(transaction_id=payout_id).status != TransactionStatus.PENDING
    payout = Payout.objects.filter(cluster_id=actor.cluster_id, id=payout_id).first()
    if payout is None:
        raise PayoutNotFound
    open_to = STOPPABLE if approval is Approval.REJECTED else (Approval.WAITING,)
    if sent or payout.approval not in open_to:
        raise PayoutDecided
    refuse_own_affair(actor_id=actor.user_id, concerned_id=payout.requested_by)
    Payout.objects.filter(id=payout_id).update(
        approval=approval.value, decided_by=actor.member_id, decided_at=now, decision_note=note
    )
    return payout


def _sum_of(payout_id: UUID) -> dict[str, str]:
    amount = Transaction.objects.get(id=payout_id).amount
    return {"amount": str(amount), "currency": amount.currency}


def _audit(
    actor: Actor, action: str, payout_id: UUID, reason: str, now: datetime, *, facts: dict[str, str] | None = None
) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_kind="transaction",
        subject_id=payout_id,
        at=now,
        reason=reason,
        facts=facts,
        journal=payout_id,
    )
