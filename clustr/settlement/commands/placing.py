"""Money that a provider took gets its place, once: the bill or wallet it was asked for, its payer's wallet, or suspense."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never
from uuid import UUID

from clustr.bills import commands as bills
from clustr.kit.actor import Actor
from clustr.kit.ids import new_id
from clustr.kit.jobs import enqueue
from clustr.kit.money import Money
from clustr.notifications.types import NotificationEvents
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Settlement, Transaction
from clustr.payments.providers.nouns import ChargeTruth
from clustr.payments.states import CaseKind, Purpose, TransactionStatus, TransactionType
from clustr.people import queries as people
from clustr.recurring import commands as recurring
from clustr.recurring.automation_queries import charges_for_automation
from clustr.recurring.types import RunFailure
from clustr.settlement.commands.telling import end_recurring_charge, tell
from clustr.settlement.policies import Division, divide, what_arrived
from clustr.wallets import commands as wallets

_WHY = {
    "bill_not_found": "the bill no longer applies to you",
    "bill_cancelled": "the bill was cancelled",
    "bill_changed": "the bill was changed after you agreed to it",
    "bill_not_acknowledged": "the bill was not acknowledged",
    "bill_already_paid": "the bill was paid already",
    "amount_exceeds_remaining": "less was left to pay on the bill",
    "bill_past_due": "it was paid after the bill was due",
    "owner_gone": "there is no such person any more",
    "run_over": "the recurring payment it was for had gone on without it",
    "less": "less arrived than was asked for",
    "again": "it had been paid already",
    "more": "more arrived than was asked for",
}
_PAYABLE_STATES = (TransactionStatus.COMPLETED, TransactionStatus.REFUNDED)


class BookedElsewhere(Exception):
    """This transaction of the provider is booked already, for something that cannot be seen from here."""


def place_money(*, actor: Actor, transaction: Transaction, attempt: Attempt, truth: ChargeTruth, now: datetime) -> None:
    """Book what arrived for a locked transaction: part of the settlement's transaction. The unique key of the settlement
    makes it once; raises `BookedElsewhere` where it stands already. What fits completes the transaction; the rest becomes a deposit of the payer's, or waits in suspense."""
    open_still = transaction.status not in _PAYABLE_STATES
    arrived, fee = what_arrived(truth=truth)
    divided = _divided(transaction, attempt, arrived, fee, may_complete=open_still)
    why = "" if divided.completes.minor else ("less" if open_still else "again")
    if divided.completes.minor:
        why = _hand_over(actor, transaction, attempt, truth, now)
        if why:
            divided = _divided(transaction, attempt, arrived, fee, may_complete=False)
    surplus_id = new_id() if divided.surplus.minor else None
    if surplus_id:
        surplus = payments.create_transaction(
            id=surplus_id,
            type=TransactionType.DEPOSIT,
            status=TransactionStatus.COMPLETED,
            amount=divided.surplus,
            purpose=Purpose.SURPLUS,
            user_id=transaction.user_id,
            subject_id=transaction.id,
            provider=attempt.provider,
            description=_description(transaction, attempt, divided, why or "more"),
            now=now,
        )
        _keep_surplus(actor, surplus, attempt.provider, now)
    if why == "less":
        end_recurring_charge(transaction=transaction, failure=RunFailure.CHARGED_IN_PART, now=now)
    if not payments.record_settlement(
        provider=attempt.provider,
        provider_id=truth.provider_id,
        asked_id=transaction.id,
        amount=divided.completes + divided.surplus,
        completes=divided.completes,
        surplus_id=surplus_id,
        surcharge_minor=divided.surcharge.minor,
        fee_minor=fee.minor,
        paid_at=truth.paid_at or now,
        now=now,
    ):
        raise BookedElsewhere(f"{attempt.provider} {truth.provider_id}")
    _end(transaction, truth, completed=bool(divided.completes.minor), kept=bool(why), now=now)
    beside = surplus_id if surplus_id and not divided.completes.minor else transaction.id
    wallets.return_fee_of_reversed(provider=attempt.provider, charge_id=truth.provider_id, journal=beside, now=now)
    _book_fee(beside, attempt, truth, divided, fee, now)
    if truth.saved_method and transaction.user_id and _reachable(transaction):
        payments.save_method(
            user_id=transaction.user_id,
            provider=attempt.provider,
            card=truth.saved_method,
            email=truth.email,
            asked_for=attempt.save_card,
            now=now,
        )


def _divided(transaction: Transaction, attempt: Attempt, arrived: Money, fee: Money, *, may_complete: bool) -> Division:
    return divide(
        arrived=arrived,
        fee=fee,
        asked=transaction.amount,
        surcharge_minor=attempt.surcharge_minor,
        may_complete=may_complete,
    )


def _description(transaction: Transaction, attempt: Attempt, divided: Division, why: str) -> str:
    """What a surplus is, and what of it the provider's fee took."""
    borne = divided.surcharge.minor - (attempt.surcharge_minor if divided.completes.minor else 0)
    less = f"; less the provider's fee of {Money(borne, divided.surplus.currency).with_sign()}" if borne else ""
    return f"{transaction.description}: {_WHY[why]}"[: 500 - len(less)] + less


def _hand_over(actor: Actor, transaction: Transaction, attempt: Attempt, truth: ChargeTruth, now: datetime) -> str:
    """Give what was asked for to the room that asked. Answers "", or why that room does not take it any more."""
    match Purpose(transaction.purpose):
        case Purpose.WALLET:
            if not _reachable(transaction):
                return "owner_gone"
            wallets.credit_arrived_money(actor=actor, transaction=transaction, provider=attempt.provider, now=now)
            why = {"automatic": True} if charges_for_automation(transaction_id=transaction.id) else {}
            tell(NotificationEvents.WALLET_CREDITED, transaction, now, method=attempt.provider, **why)
            return ""
        case Purpose.BILL:
            return bills.settle_direct_payment(
                transaction=transaction,
                version=attempt.terms_version or 0,
                source=wallets.provider_account(provider=attempt.provider, currency=transaction.currency),
                paid_at=truth.paid_at or now,
                now=now,
            )
        case Purpose.RECURRING_PAYMENT:
            return recurring.settle_card_charge(
                actor=actor, transaction=transaction, provider=attempt.provider, now=now
            )
        case (
            Purpose.PAYOUT
            | Purpose.CLUSTER_WALLET
            | Purpose.REFUND
            | Purpose.SURPLUS
            | Purpose.FEES
            | Purpose.CHARGEBACK
            | Purpose.UTILITY
        ):
            raise AssertionError(f"nobody asks a provider for money for {transaction.purpose}")
        case never:
            assert_never(never)


def _keep_surplus(actor: Actor, surplus: Transaction, provider: str, now: datetime) -> None:
    if _reachable(surplus) and surplus.user_id:
        wallets.credit_arrived_money(actor=actor, transaction=surplus, provider=provider, now=now)
        tell(NotificationEvents.PAYMENT_KEPT_IN_WALLET, surplus, now)
        return
    wallets.set_arrived_money_aside(actor=actor, transaction=surplus, provider=provider, now=now)
    payments.open_case(
        kind=CaseKind.OWNER_NOT_FOUND,
        subject=str(surplus.id),
        transaction_id=surplus.id,
        facts={"amount": str(surplus.amount), "currency": surplus.currency, "provider": provider},
        now=now,
    )


def _reachable(transaction: Transaction) -> bool:
    """Whether there is still somebody to whom the money can be given: an erased person is nobody."""
    return transaction.user_id is not None and people.contact_of(user_id=transaction.user_id).reachable


def _end(transaction: Transaction, truth: ChargeTruth, *, completed: bool, kept: bool, now: datetime) -> None:
    if completed:
        payments.step_transaction(
            transaction=transaction,
            status=TransactionStatus.COMPLETED,
            provider_reference=truth.provider_id,
            now=now,
        )
    elif kept and transaction.status in (
        TransactionStatus.PENDING,
        TransactionStatus.PROCESSING,
        TransactionStatus.UNKNOWN,
    ):
        payments.step_transaction(transaction=transaction, status=TransactionStatus.CANCELLED, now=now)


def book_fee_of_reversed(
    *, actor: Actor, transaction: Transaction, attempt: Attempt, truth: ChargeTruth, went: int | None, now: datetime
) -> None:
    """What a provider kept of a charge that was given back and is not booked, which the estate bears: its fee, as far as more
    went back than arrived without it. Part of the settlement's transaction; once for each charge."""
    if Settlement.objects.filter(provider=attempt.provider, provider_id=truth.provider_id).exists():
        return
    arrived, fee = what_arrived(truth=truth)
    short = fee.minor if went is None else went + fee.minor - arrived.minor
    kept = Money(min(max(short, 0), fee.minor), fee.currency)
    if kept.minor:
        wallets.book_fee_of_reversed(
            actor=actor,
            transaction=transaction,
            provider=attempt.provider,
            charge_id=truth.provider_id,
            fee=kept,
            now=now,
        )
        _charge_fees_soon(attempt)


def _book_fee(
    transaction_id: UUID, attempt: Attempt, truth: ChargeTruth, divided: Division, fee: Money, now: datetime
) -> None:
    if not (fee.minor or divided.surcharge.minor):
        return
    wallets.book_provider_fee(
        transaction_id=transaction_id,
        provider=attempt.provider,
        surcharge=divided.surcharge,
        fee=fee,
        part=truth.provider_id,
        now=now,
    )
    _charge_fees_soon(attempt)


def _charge_fees_soon(attempt: Attempt) -> None:
    enqueue(
        "settlement.charge_fees",
        once_key=f"settlement.charge_fees:{attempt.cluster_id}",
        cluster_id=attempt.cluster_id,
    )
