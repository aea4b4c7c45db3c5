"""The only writers of wallets, PINs, operations and payouts."""

from clustr.wallets.commands.arrivals import (
    book_fee_of_reversed,
    book_provider_fee,
    charge_fees_to_cluster,
    credit_arrived_money,
    provider_account,
    return_fee_of_reversed,
    set_arrived_money_aside,
)
from clustr.wallets.commands.bank_details import keep_bank_details
from clustr.wallets.commands.chargebacks import (
    bear_chargeback,
    book_chargeback,
    borne_number,
    chargebacks_account,
    win_chargeback,
)
from clustr.wallets.commands.cluster_wallet import credit_cluster_wallet, receive_offline, transfer_from_cluster_wallet
from clustr.wallets.commands.covering import no_cover_needed, refuse_uncovered_refund, what_keeps_it
from clustr.wallets.commands.payouts import (
    approve_transfer,
    cancel_withdrawal,
    reject_transfer,
    stop_withdrawal,
    withdraw,
)
from clustr.wallets.commands.pin_resets import check_pin_reset, request_pin_reset, reset_pin
from clustr.wallets.commands.pins import (
    authorize_spend,
    check_new_pin,
    keep_pin,
    pin_was_checked,
    require_authorization,
    set_pin,
)
from clustr.wallets.commands.refunds import finish_refund, hold_refund, return_refund
from clustr.wallets.commands.sending import bounce_payout, finish_payout, return_payout
from clustr.wallets.commands.suspense import place_suspense, places_of_returned, waiting_in_suspense
from clustr.wallets.commands.taking_back import reverse_offline_receipt
from clustr.wallets.commands.wallets import freeze_wallet, open_wallet, open_wallets, record_refunds, unfreeze_wallet

__all__ = [
    "approve_transfer",
    "authorize_spend",
    "bear_chargeback",
    "book_chargeback",
    "book_fee_of_reversed",
    "book_provider_fee",
    "borne_number",
    "bounce_payout",
    "cancel_withdrawal",
    "charge_fees_to_cluster",
    "chargebacks_account",
    "check_new_pin",
    "check_pin_reset",
    "credit_arrived_money",
    "credit_cluster_wallet",
    "finish_payout",
    "finish_refund",
    "freeze_wallet",
    "hold_refund",
    "keep_bank_details",
    "keep_pin",
    "no_cover_needed",
    "open_wallet",
    "open_wallets",
    "pin_was_checked",
    "place_suspense",
    "places_of_returned",
    "provider_account",
    "receive_offline",
    "record_refunds",
    "refuse_uncovered_refund",
    "reject_transfer",
    "request_pin_reset",
    "require_authorization",
    "reset_pin",
    "return_fee_of_reversed",
    "return_payout",
    "return_refund",
    "reverse_offline_receipt",
    "set_arrived_money_aside",
    "set_pin",
    "stop_withdrawal",
    "transfer_from_cluster_wallet",
    "unfreeze_wallet",
    "waiting_in_suspense",
    "what_keeps_it",
    "win_chargeback",
    "withdraw",
]
