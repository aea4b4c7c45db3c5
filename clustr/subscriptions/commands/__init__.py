"""The only writers of plans, subscriptions, documents and usage."""

from clustr.subscriptions.commands.addresses import NewAddress, set_billing_address
from clustr.subscriptions.commands.changing import (
    ChangePreview,
    cancel_subscription,
    downgrade_plan,
    preview_change,
    reactivate_subscription,
    upgrade_plan,
)
from clustr.subscriptions.commands.choosing import change_plan
from clustr.subscriptions.commands.correcting import credit_invoice
from clustr.subscriptions.commands.coupons import apply_coupon, create_coupon, verify_customer
from clustr.subscriptions.commands.delivering import deliver_invoice
from clustr.subscriptions.commands.dunning import settle_standing
from clustr.subscriptions.commands.invoicing import generate_invoice, send_invoice
from clustr.subscriptions.commands.paying import handle_failed_payment, process_payment, write_off_invoice
from clustr.subscriptions.commands.plans import agree_contract_price, sync_plans
from clustr.subscriptions.commands.renewing import renew_subscription, warn_of_trial_end
from clustr.subscriptions.commands.subscribing import subscribe_user
from clustr.subscriptions.commands.usage import buy_usage_pack, record_usage
from clustr.subscriptions.commands.voiding import void_invoice

__all__ = [
    "ChangePreview",
    "NewAddress",
    "agree_contract_price",
    "apply_coupon",
    "buy_usage_pack",
    "cancel_subscription",
    "change_plan",
    "create_coupon",
    "credit_invoice",
    "deliver_invoice",
    "downgrade_plan",
    "generate_invoice",
    "handle_failed_payment",
    "preview_change",
    "process_payment",
    "reactivate_subscription",
    "record_usage",
    "renew_subscription",
    "send_invoice",
    "set_billing_address",
    "settle_standing",
    "subscribe_user",
    "sync_plans",
    "upgrade_plan",
    "verify_customer",
    "void_invoice",
    "warn_of_trial_end",
    "write_off_invoice",
]
