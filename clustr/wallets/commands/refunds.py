"""Money on its way back to where a payer had it from: held, gone, or returned to the account that gave it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clustr.kit.actor import Actor
from clustr.kit.ids import derived_id
from clustr.ledger import commands as ledger
from clustr.ledger.models import Account, Transfer
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.states import TransactionStatus
from clustr.wallets.commands.arrivals import provider_account
from clustr.wallets.commands.trail import record_money_act
from clustr.wallets.commands.wallets import record_refunds


def hold_refund(*, actor: Actor, original: Transaction, refund: Transaction, now: datetime) -> None:
    """Take what will be given back from the account that the payment came to: the cluster's wallet, the member's, or
    suspense. It waits in `refunds`. Part of a command's transaction.

    Refuses `InsufficientFunds`, `AccountFrozen`.
    """
    received = Transfer.objects.get(cluster_id=original.cluster_id, id=original.id)
    entry = Entry(
        id=refund.id,
        debit=received.credit,
        credit=ledger.open_account(kind=AccountKind.REFUNDS, currency=refund.currency),
        amount=refund.amount,
        kind=TransferKind.REFUND_TO_SOURCE,
        journal=refund.id,
        label=received.label,
    )
    ledger.post(entries=[entry], at=now)
    source = Account.objects.get(cluster_id=original.cluster_id, id=received.credit)
    if source.kind == AccountKind.CLUSTER_WALLET:
        record_refunds(actor=actor, transaction_ids=[refund.id], reason=refund.description, now=now)
    record_money_act(actor=actor, action="wallets.refund_held", transaction=refund, reason=refund.description, now=now)


def finish_refund(*, actor: Actor, refund: Transaction, provider_id: str, now: datetime) -> None:
    """A locked refund has gone: the provider holds so much less for us. Part of a settlement."""
    entry = Entry(
        id=derived_id("refund-sent", refund.id),
        debit=ledger.open_account(kind=AccountKind.REFUNDS, currency=refund.currency),
        credit=provider_account(provider=refund.provider, currency=refund.currency),
        amount=refund.amount,
        kind=TransferKind.REFUND_SENT,
        journal=refund.id,
    )
    ledger.post(entries=[entry], at=now)
    payments.step_transaction(
        transaction=refund, status=TransactionStatus.COMPLETED, now=now, provider_reference=provider_id
    )
    record_money_act(actor=actor, action="wallets.refund_sent", transaction=refund, now=now)


def return_refund(*, actor: Actor, refund: Transaction, failure: dict[str, Any], now: datetime) -> None:
    """A locked refund will not go, which is certain: its money returns to the account that gave it. Part of a settlement."""
    ledger.reverse(transfer_id=refund.id, journal=refund.id, at=now, kind=TransferKind.REFUND_RETURNED)
    payments.step_transaction(transaction=refund, status=TransactionStatus.FAILED, now=now, failure=failure)
    record_money_act(actor=actor, action="wallets.refund_returned", transaction=refund, now=now)
