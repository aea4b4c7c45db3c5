"""The only writers of settlement: starting a payment, asking what became of it, booking what arrived, sending money out."""

from clustr.settlement.commands.asking import confirm_payment, verify_payment
from clustr.settlement.commands.failing import postpone_confirm, postpone_notice
from clustr.settlement.commands.naming import list_banks, name_destination, resolve_bank_account, resolve_own_account
from clustr.settlement.commands.noticing import accept_notice, handle_notice
from clustr.settlement.commands.owning import note_own_funds
from clustr.settlement.commands.paying_out import send_payout
from clustr.settlement.commands.preparing import prepare_bill_payment, prepare_deposit, prepare_retry
from clustr.settlement.commands.receipts import issue_receipt
from clustr.settlement.commands.reconciling import reconcile
from clustr.settlement.commands.reconciling_balances import reconcile_balances
from clustr.settlement.commands.reconciling_payouts import reconcile_payouts
from clustr.settlement.commands.refunding import refund_to_source, send_refund
from clustr.settlement.commands.returning import refund_to_wallet
from clustr.settlement.commands.starting import charge_saved_card, open_checkout
from clustr.settlement.commands.sweeping import (
    ask_about_due,
    charge_waiting_fees,
    handle_due_notices,
    send_waiting_payouts,
)

__all__ = [
    "accept_notice",
    "ask_about_due",
    "charge_saved_card",
    "charge_waiting_fees",
    "confirm_payment",
    "handle_due_notices",
    "handle_notice",
    "issue_receipt",
    "list_banks",
    "name_destination",
    "note_own_funds",
    "open_checkout",
    "postpone_confirm",
    "postpone_notice",
    "prepare_bill_payment",
    "prepare_deposit",
    "prepare_retry",
    "reconcile",
    "reconcile_balances",
    "reconcile_payouts",
    "refund_to_source",
    "refund_to_wallet",
    "resolve_bank_account",
    "resolve_own_account",
    "send_payout",
    "send_refund",
    "send_waiting_payouts",
    "verify_payment",
]
