"""The states of subscriptions, invoices and payments, in the customer's and Stripe's words."""

from __future__ import annotations

from enum import StrEnum


class SubscriptionStatus(StrEnum):
    """Where a subscription stands; the words are Stripe's."""

    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    UNPAID = "unpaid"
    PAUSED = "paused"
    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    CANCELED = "canceled"


ENDED = frozenset({SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED})
"""For good: nothing follows."""
USABLE = frozenset({SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE})
"""What the plan offers can be used."""
BILLED = frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE})
"""A price is charged for the period."""


class Collection(StrEnum):
    """How what is owed comes in. `none`: the plan is free."""

    NONE = "none"
    BANK_TRANSFER = "bank_transfer"
    STRIPE = "stripe"


class InvoiceKind(StrEnum):
    """A credit note gives back, or takes back what an invoice charged."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class InvoiceStatus(StrEnum):
    """Where an invoice stands. A credit note is `paid` when it is issued: into its customer's credit."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


class PaymentStatus(StrEnum):
    """What became of one try to pay an invoice."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"
    FAILED = "failed"
    CANCELED = "canceled"


class PaymentMethod(StrEnum):
    """By what an invoice was paid."""

    CARD = "card"
    BANK_TRANSFER = "bank_transfer"
    OTHER = "other"


class RefundStatus(StrEnum):
    """Where a refund stands, in Stripe's words. It is money on its way out until it failed or was canceled."""

    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


ASKS_ITS_HOLDER = frozenset({"invoice_payment_intent_requires_action", "authentication_required"})
"""What Stripe calls a payment whose card lets it go only when its holder confirms it."""
CAME_BACK = frozenset({RefundStatus.FAILED, RefundStatus.CANCELED})
"""The customer has nothing of it, for good."""


class DisputeStatus(StrEnum):
    """Where a payer's complaint to their bank stands, in Stripe's words. A warning is a question: nothing is taken yet."""

    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"


DISPUTED = frozenset(
    {
        DisputeStatus.WARNING_NEEDS_RESPONSE,
        DisputeStatus.WARNING_UNDER_REVIEW,
        DisputeStatus.NEEDS_RESPONSE,
        DisputeStatus.UNDER_REVIEW,
    }
)
"""Not decided yet."""


class DisputePlace(StrEnum):
    """Where the money of a dispute stands: with us, taken while it is not decided, or lost."""

    WITH_US = "with_us"
    HELD = "held"
    LOST = "lost"


class EventKind(StrEnum):
    """What happened to a subscription."""

    CREATED = "created"
    ACTIVATED = "activated"
    TRIAL_ENDED = "trial_ended"
    RENEWED = "renewed"
    PLAN_CHANGED = "plan_changed"
    CHANGE_SCHEDULED = "change_scheduled"
    CHANGE_DROPPED = "change_dropped"
    CANCELLATION_SCHEDULED = "cancellation_scheduled"
    REACTIVATED = "reactivated"
    COUPON_APPLIED = "coupon_applied"
    COUPON_WITHDRAWN = "coupon_withdrawn"
    PAST_DUE = "past_due"
    LAPSED = "lapsed"
    RECOVERED = "recovered"
    PAUSED = "paused"
    RESUMED = "resumed"
    EXPIRED = "expired"
    ENDED = "ended"


class StripeKind(StrEnum):
    """What has a name of its own at Stripe."""

    CUSTOMER = "customer"
    PRICE = "price"
    TAX_RATE = "tax_rate"


class Act(StrEnum):
    """What is asked of Stripe."""

    CHECKOUT = "checkout"
    SUBSCRIBE = "subscribe"
    CHANGE = "change"
    SCHEDULE = "schedule"
    RELEASE = "release"
    CANCEL_AT_END = "cancel_at_end"
    KEEP = "keep"
    CANCEL = "cancel"
    CLOSE_CHECKOUT = "close_checkout"
    COUPON = "coupon"
    OVERAGE = "overage"
    SETUP = "setup"
    USE_METHOD = "use_method"
    FORGET_METHOD = "forget_method"
    FORGET_CUSTOMER = "forget_customer"
    ADDRESS = "address"
    PACK = "pack"
    REFUND = "refund"


class CallState(StrEnum):
    """Where a request to Stripe stands. `recorded`: to be asked, or asked and not heard. `waiting`: Stripe's page is open."""

    RECORDED = "recorded"
    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    DROPPED = "dropped"
