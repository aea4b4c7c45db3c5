"""The only writers of utilities: the catalogue, members' numbers, quotes, purchases and their tokens."""

from clustr.utilities.commands.buying import buy_quote, process_one_time_utility_payment, refuse_purchase
from clustr.utilities.commands.catalogue import sync_stale_catalogue, sync_utility_providers
from clustr.utilities.commands.customers import (
    ask_again_about,
    ask_customer,
    forget_old_validations,
    know_kept_customer,
    prepare_kept_validation,
    prepare_validation,
    remove_account,
    save_account,
    validate_utility_customer,
)
from clustr.utilities.commands.deciding import end_purchase, purchases_to_end
from clustr.utilities.commands.quoting import make_quote, quote_utility
from clustr.utilities.commands.screening import (
    high_amount,
    lock_purchases,
    note_blocked_automation,
    screen_purchase,
    take_validation_turn,
)
from clustr.utilities.commands.tokens import resend_token, send_token
from clustr.utilities.commands.vending import confirm_purchase, vend_purchase

__all__ = [
    "ask_again_about",
    "ask_customer",
    "buy_quote",
    "confirm_purchase",
    "end_purchase",
    "forget_old_validations",
    "high_amount",
    "know_kept_customer",
    "lock_purchases",
    "make_quote",
    "note_blocked_automation",
    "prepare_kept_validation",
    "prepare_validation",
    "process_one_time_utility_payment",
    "purchases_to_end",
    "quote_utility",
    "refuse_purchase",
    "remove_account",
    "resend_token",
    "save_account",
    "screen_purchase",
    "send_token",
    "sync_stale_catalogue",
    "sync_utility_providers",
    "take_validation_turn",
    "validate_utility_customer",
    "vend_purchase",
]
