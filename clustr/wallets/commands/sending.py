"""The end of a payout: it arrived, it came back before, or it bounced after it seemed to have arrived."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clustr.kit.actor import Actor
from clustr.kit.ids import derived_id
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.states import TransactionStatus
from clustr.wallets.commands.arrivals import provider_account, return_provider_fee
from clustr.wallets.commands.suspense import places_of_returned
from clustr.wallets.commands.trail import record_money_act
from clustr.wallets.models import Payout


def finish_payout(*, actor: Actor, transaction: Transaction, provider_id: str, now: datetime) -> None:
    """A locked payout has arrived: its money leaves the payouts account for good. Part of a settlement."""
    payouts = ledger.open_account(kind=AccountKind.PAYOUTS, currency=transaction.currency)
    entry = Entry(
        id=derived_id("payout-sent", transaction.id),
        debit=payouts,
        credit=provider_account(provider=transaction.provider, currency=transaction.currency),
        amount=transaction.amount,
        kind=TransferKind.PAYOUT_SENT,
        journal=transaction.id,
    )
    ledger.post(entries=[entry], at=now)
    payments.step_transaction(
        transaction=transaction, status=TransactionStatus.COMPLETED, now=now, provider_reference=provider_id
    )
    record_money_act(actor=actor, action="wallets.payout_arrived", transaction=transaction, now=now)


def return_payout(*, actor: Actor, transaction: Transaction, failure: dict[str, Any], now: datetime) -> None:
    """A locked payout will not arrive, which is certain: its money returns to where it came from. Part of a settlement."""
    ledger.reverse(transfer_id=transaction.id, journal=transaction.id, at=now, kind=TransferKind.PAYOUT_RETURN)
    payments.step_transaction(transaction=transaction, status=TransactionStatus.FAILED, now=now, failure=failure)
    record_money_act(actor=actor, action="wallets.payout_returned", transaction=transaction, now=now)


def bounce_payout(*, actor: Actor, transaction: Transaction, now: datetime) -> Transaction:
    """A payout that had arrived came back: its money returns to where it came from, or to suspense if its member was erased
    meanwhile, as a refund of the payout, once. What the provider took for it comes back beside it, to whoever bears fees.

    Part of a settlement. Answers the refund. Refuses `RefundExceedsPayment` where it has bounced before.
    """
    payout = Payout.objects.get(cluster_id=transaction.cluster_id, id=transaction.id)
    refund = payments.make_refund(
        transaction_id=transaction.id,
        amount=transaction.amount,
        provider=transaction.provider,
        reason="The bank sent it back",
        now=now,
    )
    place = payout.source_account
    if transaction.user_id is not None:
        returned = [(refund.id, transaction.user_id, refund.amount)]
        place = places_of_returned(returned=returned, now=now)[refund.id]
    entry = Entry(
        id=refund.id,
        debit=provider_account(provider=transaction.provider, currency=transaction.currency),
        credit=place,
        amount=refund.amount,
        kind=TransferKind.PAYOUT_BOUNCED,
        journal=refund.id,
    )
    ledger.post(entries=[entry], at=now)
    return_provider_fee(transaction_id=transaction.id, journal=refund.id, now=now)
    record_money_act(actor=actor, action="wallets.payout_bounced", transaction=refund, now=now)
    return refund
