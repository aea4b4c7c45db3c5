"""The end of a purchase: sold and paid for good, or refused and back in the wallet. Parts of the transaction that learnt it."""

from __future__ import annotations

from datetime import datetime

from clustr.audit import commands as audit
from clustr.bills import commands as bills
from clustr.kit.actor import Actor
from clustr.kit.ids import derived_id
from clustr.kit.jobs import enqueue
from clustr.kit.money import Money
from clustr.kit.vault import seal
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.notifications.types import NotificationEvents
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.providers.declines import RECOVERY_TEXTS, purchase_failure_of
from clustr.payments.states import CaseKind, TransactionStatus
from clustr.payments.types import PaymentErrorType, RecoveryOption
from clustr.utilities.models import Purchase
from clustr.utilities.notices import tell_of_purchase, was_told_of_delay
from clustr.utilities.policies import token_place
from clustr.utilities.vendors.interface import PurchaseTruth
from clustr.wallets import commands as wallets


def settle_purchase(
    *, actor: Actor, transaction: Transaction, purchase: Purchase, truth: PurchaseTruth, now: datetime
) -> bool:
    """A locked purchase was sold: what was held is the service's, the bill is paid, the token is the member's, all in one
    commit. Answers False, with nothing changed, where another purchase has this transaction of the service's."""
    taken = Transaction.objects.filter(
        cluster_id=transaction.cluster_id,
        provider=transaction.provider,
        provider_reference=truth.provider_id,
    ).exclude(id=transaction.id)
    if truth.provider_id and taken.exists():
        return False
    difference = (truth.fee or purchase.fee) - purchase.fee
    _spend(transaction, difference, now)
    bills.settle_utility_bill(transaction=transaction, now=now)
    payments.step_transaction(
        transaction=transaction,
        status=TransactionStatus.COMPLETED,
        provider_reference=truth.provider_id,
        now=now,
    )
    purchase.token = seal(truth.token, bound_to=token_place(purchase.id)) if truth.token else b""
    purchase.units, purchase.tariff, purchase.waits_for, purchase.delivered_at = truth.units, truth.tariff, "", now
    purchase.save(update_fields=["token", "units", "tariff", "waits_for", "delivered_at"])
    _audit(actor, "utilities.delivered", transaction, now)
    if difference.minor:
        _note_fee(transaction, purchase, difference, now)
    tell_of_purchase(
        event=NotificationEvents.UTILITY_DELIVERED,
        transaction=transaction,
        purchase=purchase,
        now=now,
        has_token=bool(truth.token) or None,
    )
    _tell_automation(purchase)
    return True


def release_purchase(
    *, actor: Actor, transaction: Transaction, purchase: Purchase, type: PaymentErrorType, now: datetime
) -> None:
    """A locked purchase was not sold, which is certain: its money returns to the wallet, and nothing is owed."""
    ledger.reverse(transfer_id=transaction.id, journal=transaction.id, at=now, kind=TransferKind.UTILITY_RELEASE)
    bills.close_utility_bill(bill_id=purchase.bill_id, user_id=purchase.user_id, reason="It was not sold.", now=now)
    failure = purchase_failure_of(type=type)
    payments.step_transaction(transaction=transaction, status=TransactionStatus.FAILED, failure=failure, now=now)
    purchase.waits_for = ""
    purchase.save(update_fields=["waits_for"])
    wallets.no_cover_needed(
        transaction_id=transaction.id, note="It was given up; its money is back in the wallet.", now=now
    )
    _audit(actor, "utilities.released", transaction, now)
    delayed = was_told_of_delay(purchase=purchase)
    tell_of_purchase(
        event=NotificationEvents.UTILITY_REFUNDED if delayed else NotificationEvents.UTILITY_FAILED,
        transaction=transaction,
        purchase=purchase,
        now=now,
        failure=failure["message"],
        options=[RECOVERY_TEXTS[RecoveryOption(option)] for option in failure["recovery_options"]],
    )
    _tell_automation(purchase)


def _spend(transaction: Transaction, difference: Money, now: datetime) -> None:
    """What was held goes to the service. What it took more or less on top than was quoted is the estate's to bear or keep."""
    currency = transaction.currency
    hold = ledger.open_account(kind=AccountKind.UTILITY_HOLD, currency=currency, subject_id=transaction.user_id)
    clearing = wallets.provider_account(provider=transaction.provider, currency=currency)
    legs = [(TransferKind.UTILITY_VENDED, hold, clearing, transaction.amount)]
    if difference.minor:
        fees = ledger.open_account(kind=AccountKind.PROVIDER_FEES, currency=currency)
        debit, credit = (fees, clearing) if difference.minor > 0 else (clearing, fees)
        more = Money(abs(difference.minor), currency)
        legs.append((TransferKind.UTILITY_FEE_DIFFERENCE, debit, credit, more))
    ledger.post(
        entries=[
            Entry(
                id=derived_id(kind.value, transaction.id),
                debit=debit,
                credit=credit,
                amount=amount,
                kind=kind,
                journal=transaction.id,
            )
            for kind, debit, credit, amount in legs
        ],
        at=now,
    )


def _note_fee(transaction: Transaction, purchase: Purchase, difference: Money, now: datetime) -> None:
    payments.open_case(
        kind=CaseKind.FEE_DIFFERS,
        subject=str(transaction.id),
        transaction_id=transaction.id,
        facts={"provider": transaction.provider, "quoted": str(purchase.fee), "taken": str(purchase.fee + difference)},
        once=True,
        now=now,
    )
    enqueue(
        "settlement.charge_fees",
        once_key=f"settlement.charge_fees:{transaction.cluster_id}",
        cluster_id=transaction.cluster_id,
    )


def _tell_automation(purchase: Purchase) -> None:
    """Whoever bought it for the member looks at what became of it."""
    if purchase.is_automated:
        enqueue(
            "recurring.follow_automations",
            once_key=f"recurring.follow_automations:{purchase.cluster_id}",
            cluster_id=purchase.cluster_id,
        )


def _audit(actor: Actor, action: str, transaction: Transaction, now: datetime) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_kind="transaction",
        subject_id=transaction.id,
        at=now,
        facts={"amount": str(transaction.amount), "currency": transaction.currency},
        journal=transaction.id,
    )
