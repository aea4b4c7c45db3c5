"""The only writers of wallets, PINs, operations and payouts."""

from clustr.wallets.commands.cluster_wallet import credit_cluster_wallet, receive_offline, transfer_from_cluster_wallet
from clustr.wallets.commands.payouts import approve_transfer, reject_transfer, withdraw
from clustr.wallets.commands.pins import (
    authorize_spend,
    check_new_pin,
    check_pin_reset,
    keep_pin,
    pin_was_checked,
    request_pin_reset,
    reset_pin,
    set_pin,
)
from clustr.wallets.commands.wallets import freeze_wallet, open_wallet, open_wallets, record_refunds, unfreeze_wallet

__all__ = [
    "approve_transfer",
    "authorize_spend",
    "check_new_pin",
    "check_pin_reset",
    "credit_cluster_wallet",
    "freeze_wallet",
    "keep_pin",
    "open_wallet",
    "open_wallets",
    "pin_was_checked",
    "receive_offline",
    "record_refunds",
    "reject_transfer",
    "request_pin_reset",
    "reset_pin",
    "set_pin",
    "transfer_from_cluster_wallet",
    "unfreeze_wallet",
    "withdraw",
]
