"""What a service takes back after it had sold: its money returns to the wallet, once. Part of the transaction that learnt it."""

from __future__ import annotations

from datetime import datetime

from clustr.audit import commands as audit
from clustr.bills import commands as bills
from clustr.kit.actor import Actor
from clustr.kit.ids import derived_id
from clustr.ledger import commands as ledger
from clustr.ledger.models import Transfer
from clustr.ledger.types import Entry, TransferKind
from clustr.notifications.types import NotificationEvents
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.utilities.models import Purchase
from clustr.utilities.notices import tell_of_purchase
from clustr.wallets import commands as wallets

_WHY = "The utility took it back."


def return_purchase(*, actor: Actor, transaction: Transaction, purchase: Purchase, now: datetime) -> Transaction:
    """A locked purchase that was delivered was taken back by its service, which says so: the whole of it returns from the
    service to the buyer's wallet, or to suspense if they were erased, as a refund, and nothing is owed. Answers the refund.

    Refuses `RefundExceedsPayment` where that was done before.
    """
    refund = payments.make_refund(
        transaction_id=transaction.id, amount=transaction.amount, provider=transaction.provider, reason=_WHY, now=now
    )
    _post(transaction, purchase, refund, now)
    bills.take_back_payment(original=transaction, refund=refund, now=now)
    bills.close_utility_bill(bill_id=purchase.bill_id, user_id=purchase.user_id, reason=_WHY, now=now)
    audit.record(
        actor=actor,
        action="utilities.taken_back",
        subject_kind="transaction",
        subject_id=transaction.id,
        at=now,
        facts={"amount": str(refund.amount), "currency": refund.currency},
        journal=refund.id,
    )
    tell_of_purchase(
        event=NotificationEvents.UTILITY_REFUNDED, transaction=transaction, purchase=purchase, now=now, taken_back=True
    )
    return refund


def _post(transaction: Transaction, purchase: Purchase, refund: Transaction, now: datetime) -> None:
    """What the service had comes back: what was held for it to the buyer, and what it took on top of that to the estate."""
    place = wallets.places_of_returned(returned=[(refund.id, purchase.user_id, refund.amount)], now=now)[refund.id]
    entry = Entry(
        id=refund.id,
        debit=wallets.provider_account(provider=transaction.provider, currency=refund.currency),
        credit=place,
        amount=refund.amount,
        kind=TransferKind.UTILITY_RETURNED,
        journal=refund.id,
    )
    ledger.post(entries=[entry], at=now)
    fee = TransferKind.UTILITY_FEE_DIFFERENCE
    on_top = derived_id(fee.value, transaction.id)
    if Transfer.objects.filter(cluster_id=refund.cluster_id, id=on_top).exists():
        ledger.reverse(transfer_id=on_top, journal=refund.id, at=now, kind=fee)
