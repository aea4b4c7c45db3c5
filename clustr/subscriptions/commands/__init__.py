"""The only writers of plans, subscriptions, documents and usage."""

from clustr.subscriptions.commands.addresses import NewAddress, set_billing_address
from clustr.subscriptions.commands.allowing import write_allowance
from clustr.subscriptions.commands.changing import (
    cancel_subscription,
    downgrade_plan,
    reactivate_subscription,
    upgrade_plan,
)
from clustr.subscriptions.commands.choosing import change_plan
from clustr.subscriptions.commands.correcting import credit_invoice
from clustr.subscriptions.commands.coupons import apply_coupon, create_coupon, verify_customer
from clustr.subscriptions.commands.delivering import deliver_invoice
from clustr.subscriptions.commands.dunning import settle_standing
from clustr.subscriptions.commands.foreseeing import foresee_change, foresee_end
from clustr.subscriptions.commands.invoicing import generate_invoice, send_invoice
from clustr.subscriptions.commands.metering import meter_estate
from clustr.subscriptions.commands.paying import handle_failed_payment, process_payment, write_off_invoice
from clustr.subscriptions.commands.persons import close_staff_case
from clustr.subscriptions.commands.plans import agree_contract_price, sync_plans
from clustr.subscriptions.commands.previewing import ChangePreview, preview_change
from clustr.subscriptions.commands.refunding import begin_refund, left_to_refund
from clustr.subscriptions.commands.renewing import renew_subscription, warn_of_trial_end
from clustr.subscriptions.commands.stripe_acts import (
    begin_cancelling,
    begin_change,
    begin_coupon,
    begin_forgetting,
    begin_reactivating,
    begin_setup,
    begin_subscribing,
    begin_using,
)
from clustr.subscriptions.commands.stripe_beginning import BACK_FROM_STRIPE
from clustr.subscriptions.commands.stripe_cards import my_methods, stays_in_use
from clustr.subscriptions.commands.stripe_hearing import (
    ask_due_calls,
    follow_ours,
    hear_stripe,
    read_stripe_notice,
    reconcile_subscriptions,
)
from clustr.subscriptions.commands.stripe_looking import PageSeen, look_at_my_page, preview_at_stripe
from clustr.subscriptions.commands.stripe_names import sync_prices
from clustr.subscriptions.commands.stripe_prices import take_agreed_price
from clustr.subscriptions.commands.stripe_running import UNHEARD, ask_stripe
from clustr.subscriptions.commands.subscribing import foresee_subscription, subscribe_user
from clustr.subscriptions.commands.usage import BUY_UNITS, buy_usage_pack, record_usage
from clustr.subscriptions.commands.usage_packs import begin_buying_pack
from clustr.subscriptions.commands.voiding import void_invoice

__all__ = [
    "BACK_FROM_STRIPE",
    "BUY_UNITS",
    "UNHEARD",
    "ChangePreview",
    "NewAddress",
    "PageSeen",
    "agree_contract_price",
    "apply_coupon",
    "ask_due_calls",
    "ask_stripe",
    "begin_buying_pack",
    "begin_cancelling",
    "begin_change",
    "begin_coupon",
    "begin_forgetting",
    "begin_reactivating",
    "begin_refund",
    "begin_setup",
    "begin_subscribing",
    "begin_using",
    "buy_usage_pack",
    "cancel_subscription",
    "change_plan",
    "close_staff_case",
    "create_coupon",
    "credit_invoice",
    "deliver_invoice",
    "downgrade_plan",
    "follow_ours",
    "foresee_change",
    "foresee_end",
    "foresee_subscription",
    "generate_invoice",
    "handle_failed_payment",
    "hear_stripe",
    "left_to_refund",
    "look_at_my_page",
    "meter_estate",
    "my_methods",
    "preview_at_stripe",
    "preview_change",
    "process_payment",
    "reactivate_subscription",
    "read_stripe_notice",
    "reconcile_subscriptions",
    "record_usage",
    "renew_subscription",
    "send_invoice",
    "set_billing_address",
    "settle_standing",
    "stays_in_use",
    "subscribe_user",
    "sync_plans",
    "sync_prices",
    "take_agreed_price",
    "upgrade_plan",
    "verify_customer",
    "void_invoice",
    "warn_of_trial_end",
    "write_allowance",
    "write_off_invoice",
]
