"""The only writers of wallets, PINs, operations and payouts."""

from clustr.wallets.commands.arrivals import (
    book_provider_fee,
    charge_fees_to_cluster,
    credit_arrived_money,
    provider_account,
    set_arrived_money_aside,
)
from clustr.wallets.commands.cluster_wallet import credit_cluster_wallet, receive_offline, transfer_from_cluster_wallet
from clustr.wallets.commands.payouts import approve_transfer, reject_transfer, withdraw
from clustr.wallets.commands.pins import (
    authorize_spend,
    check_new_pin,
    check_pin_reset,
    keep_pin,
    pin_was_checked,
    request_pin_reset,
    require_authorization,
    reset_pin,
    set_pin,
)
from clustr.wallets.commands.sending import bounce_payout, finish_payout, return_payout
from clustr.wallets.commands.wallets import freeze_wallet, open_wallet, open_wallets, record_refunds, unfreeze_wallet

__all__ = [
    "approve_transfer",
    "authorize_spend",
    "book_provider_fee",
    "bounce_payout",
    "charge_fees_to_cluster",
    "check_new_pin",
    "check_pin_reset",
    "credit_arrived_money",
    "credit_cluster_wallet",
    "finish_payout",
    "freeze_wallet",
    "keep_pin",
    "open_wallet",
    "open_wallets",
    "pin_was_checked",
    "provider_account",
    "receive_offline",
    "record_refunds",
    "reject_transfer",
    "request_pin_reset",
    "require_authorization",
    "reset_pin",
    "return_payout",
    "set_arrived_money_aside",
    "set_pin",
    "transfer_from_cluster_wallet",
    "unfreeze_wallet",
    "withdraw",
]
