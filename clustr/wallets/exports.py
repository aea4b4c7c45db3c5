"""What this room holds about one person, for their export; and while it holds money, it does not forget them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from clustr.clusters.queries import clusters_ever_of
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger.models import Account
from clustr.payments.models import Transaction
from clustr.payments.states import TransactionStatus
from clustr.wallets.models import Payout, Pin, Wallet
from clustr.wallets.queries import destination_of
from clustr.wallets.refusals import WalletNotEmpty

UNSETTLED = (TransactionStatus.PENDING, TransactionStatus.PROCESSING, TransactionStatus.UNKNOWN)


def wallets_held(user_id: UUID) -> list[dict[str, Any]]:
    """By cluster: this person's wallets, whether they have a PIN, and the bank accounts they sent money to. Of the PIN
    only a hash is kept, which is named and not given."""
    held = []
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            pin = Pin.objects.filter(cluster_id=cluster_id, user_id=user_id).first()
            section = {
                "cluster_id": str(cluster_id),
                "wallets": _wallets(cluster_id, user_id),
                "pin_set_at": pin.set_at.isoformat() if pin else None,
                "bank_accounts": _bank_accounts(cluster_id, user_id),
            }
        held.append(section)
    return held


def refuse_erasing_holder(user_id: UUID) -> None:
    """Refuse `WalletNotEmpty` while a wallet of this person holds money, or some is on its way out or in."""
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            wallets = Wallet.objects.filter(cluster_id=cluster_id, user_id=user_id).values_list("id", flat=True)
            if Account.objects.filter(cluster_id=cluster_id, id__in=list(wallets)).exclude(balance=0).exists():
                raise WalletNotEmpty
            mine = Transaction.objects.filter(cluster_id=cluster_id, user_id=user_id)
            if mine.filter(status__in=UNSETTLED).exists():
                raise WalletNotEmpty("Money of theirs is still on its way, or may still arrive.")


def _wallets(cluster_id: UUID, user_id: UUID) -> list[dict[str, Any]]:
    wallets = Wallet.objects.filter(cluster_id=cluster_id, user_id=user_id).values_list("id", flat=True)
    accounts = Account.objects.filter(cluster_id=cluster_id, id__in=list(wallets)).order_by("currency")
    return [
        {
            "balance": str(Money(account.balance, account.currency)),
            "currency": account.currency,
            "frozen_at": account.frozen_at.isoformat() if account.frozen_at else None,
        }
        for account in accounts
    ]


def _bank_accounts(cluster_id: UUID, user_id: UUID) -> list[dict[str, Any]]:
    mine = Transaction.objects.filter(cluster_id=cluster_id, user_id=user_id, type="withdrawal")
    payouts = Payout.objects.filter(cluster_id=cluster_id, id__in=list(mine.values_list("id", flat=True)))
    opened = [(destination_of(payout=payout), payout) for payout in payouts.order_by("id")]
    return [
        {
            "transaction_id": str(payout.id),
            "bank_code": account.bank_code,
            "account_number": account.account_number,
            "account_name": account.account_name,
            "holder": account.holder,
        }
        for account, payout in opened
    ]
