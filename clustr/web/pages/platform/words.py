"""The words of plans, subscriptions and invoices, and of what is told about the sale of plans."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clustr.subscriptions.states import EventKind, InvoiceStatus, SubscriptionStatus
from clustr.subscriptions.types import CancelReason, FeatureType

Word = str | Promise

STANDING: dict[str, tuple[Word, str, str]] = {
    SubscriptionStatus.TRIALING: (_("Trial"), "info", "sparkles"),
    SubscriptionStatus.ACTIVE: (_("Active"), "good", "circle-check"),
    SubscriptionStatus.PAST_DUE: (_("Payment overdue"), "warn", "clock-alert"),
    SubscriptionStatus.UNPAID: (_("Stopped: unpaid"), "bad", "circle-x"),
    SubscriptionStatus.PAUSED: (_("Paused"), "wait", "circle-pause"),
    SubscriptionStatus.INCOMPLETE: (_("Not begun yet"), "wait", "hourglass"),
    SubscriptionStatus.INCOMPLETE_EXPIRED: (_("Never began"), "calm", "ban"),
    SubscriptionStatus.CANCELED: (_("Ended"), "calm", "ban"),
    InvoiceStatus.DRAFT: (_("Draft"), "calm", "circle-dashed"),
    InvoiceStatus.OPEN: (_("To be paid"), "wait", "hourglass"),
    InvoiceStatus.PAID: (_("Paid"), "good", "circle-check"),
    InvoiceStatus.VOID: (_("Void"), "calm", "ban"),
    InvoiceStatus.UNCOLLECTIBLE: (_("Written off"), "calm", "ban"),
    "succeeded": (_("Done"), "good", "circle-check"),
    "pending": (_("On its way"), "wait", "hourglass"),
    "failed": (_("Did not go through"), "bad", "circle-x"),
    "failed_renewal": (_("Payment failed"), "bad", "circle-x"),
    "payment_disputed": (_("Payment disputed"), "bad", "shield-alert"),
    "cancellation_scheduled": (_("About to end"), "warn", "hourglass"),
    "falling_usage": (_("Uses it less"), "wait", "trending-down"),
}

FEATURE: dict[str, Word] = {
    FeatureType.AI_RESPONSES: _("AI responses"),
    FeatureType.DOCUMENT_UPLOADS: _("Document uploads"),
    FeatureType.STORAGE_GB: _("Storage, GB"),
    FeatureType.CHAT_MESSAGES: _("Chat messages"),
    FeatureType.ASSESSMENTS: _("Assessments"),
    FeatureType.MEMBERS: _("Members of the estate"),
    FeatureType.BILLS: _("Bills issued"),
    FeatureType.MESSAGES: _("Messages sent"),
}

ABILITY: dict[str, Word] = {
    "bills": _("Bills and reminders"),
    "payments": _("Payments online and by hand"),
    "reports": _("Reports and exports"),
    "automation": _("Standing orders and automatic purchases"),
    "support": _("Support first in the queue"),
}

DECLINED: dict[str, Word] = {
    **dict.fromkeys(
        ("card_declined", "generic_decline", "do_not_honor", "call_issuer"), _("The bank declined the card")
    ),
    **dict.fromkeys(
        ("insufficient_funds", "withdrawal_count_limit_exceeded"), _("The card's account does not cover it")
    ),
    **dict.fromkeys(("expired_card", "invalid_expiry_month", "invalid_expiry_year"), _("The card has expired")),
    **dict.fromkeys(
        ("authentication_required", "payment_intent_authentication_failure"),
        _("The bank wants the card's holder to confirm"),
    ),
    **dict.fromkeys(
        ("incorrect_cvc", "invalid_cvc", "incorrect_number", "invalid_number"), _("The card's details are wrong")
    ),
    **dict.fromkeys(
        ("lost_card", "stolen_card", "pickup_card", "fraudulent", "restricted_card"),
        _("The bank stopped the card to protect its holder"),
    ),
    **dict.fromkeys(
        ("card_not_supported", "currency_not_supported"), _("The card does not pay in this way or currency")
    ),
    **dict.fromkeys(
        ("processing_error", "issuer_not_available", "try_again_later"), _("The bank could not be reached")
    ),
    **dict.fromkeys(("card_velocity_exceeded", "amount_too_large"), _("It is above a limit of the card")),
}
"""Why a card was not charged, by Stripe's code of the decline."""

INTERVAL: dict[str, Word] = {"month": _("a month"), "year": _("a year")}

WHY_THEY_GO: dict[str, Word] = {
    CancelReason.TOO_EXPENSIVE: _("It costs too much"),
    CancelReason.NOT_USED: _("I do not use it enough"),
    CancelReason.MISSING_FEATURE: _("Something is missing"),
    CancelReason.TECHNICAL: _("It does not work well"),
    CancelReason.SERVICE: _("I was not helped well"),
    CancelReason.OTHER: _("Another reason"),
}

HAPPENED: dict[str, tuple[Word, str]] = {
    EventKind.CREATED: (_("Chose a plan"), "sparkles"),
    EventKind.ACTIVATED: (_("The plan began"), "circle-play"),
    EventKind.TRIAL_ENDED: (_("The trial ended"), "flag"),
    EventKind.RENEWED: (_("A new period"), "refresh-cw"),
    EventKind.PLAN_CHANGED: (_("Changed the plan"), "arrow-left-right"),
    EventKind.CHANGE_SCHEDULED: (_("Will change the plan"), "calendar-clock"),
    EventKind.CHANGE_DROPPED: (_("Took back the change"), "undo-2"),
    EventKind.CANCELLATION_SCHEDULED: (_("Cancelled, to the period's end"), "hourglass"),
    EventKind.REACTIVATED: (_("Stayed after all"), "undo-2"),
    EventKind.COUPON_APPLIED: (_("Used a coupon"), "ticket-percent"),
    EventKind.COUPON_WITHDRAWN: (_("The coupon was not taken"), "undo-2"),
    EventKind.PAST_DUE: (_("A payment is overdue"), "clock-alert"),
    EventKind.LAPSED: (_("Stopped: unpaid"), "circle-x"),
    EventKind.RECOVERED: (_("Paid, and goes on"), "circle-check"),
    EventKind.PAUSED: (_("Paused"), "circle-pause"),
    EventKind.RESUMED: (_("Resumed"), "circle-play"),
    EventKind.EXPIRED: (_("Never paid the first time"), "ban"),
    EventKind.ENDED: (_("Ended"), "ban"),
}

CASE: dict[str, Word] = {
    "dispute": _("A payer disputes a payment at their bank: answer it at Stripe"),
    "dispute_lost": _("A dispute was lost: decide what becomes of the plan"),
    "refund_failed": _("A refund did not arrive: give it back in another way"),
    "credited_beyond": _("Stripe gave back more than an invoice charged"),
    "credit_note_waits": _("A credit note at Stripe names a refund of a payment that is not known here"),
    "cancelled_in_time": _("A plan was cancelled in time, and charged for another period: give that back, or void it"),
    "price_unknown": _("Somebody changed a price at Stripe"),
    "subscription_twice": _("A plan was there twice at Stripe; what was paid for the second is to be given back"),
    "pack_of_ended": _("Units were paid for after their plan had ended: give the payment back"),
    "overage_unknown": _("Usage may or may not have been charged"),
    "overage_refused": _("Stripe would not charge usage"),
    "nights_unheard": _("For three nights something at Stripe was not heard: the log says what"),
    "would_not_hear": _("Stripe refused what we asked: see why"),
}
"""What a person is asked to look at about plans by card."""

FIGURE: dict[str, tuple[Word, str]] = {
    "mrr": (
        _("Monthly recurring revenue"),
        "the sum over customers just before the month's first instant, and just before the next month's (of the present month: now)",
    ),
    "arr": (_("Annual recurring revenue"), "12 x `mrr_end`"),
    "committed_mrr": (
        _("Committed"),
        "`mrr_end` without subscriptions whose cancellation is scheduled",
    ),
    "revenue_per_customer": (_("Revenue per customer"), "`mrr_end` / `customers_end`"),
    "lifetime_value": (
        _("Lifetime value"),
        "(`mrr_end` / `customers_end`) / `customer_churn` of the month; null where nobody left."
        " It is revenue, not margin",
    ),
    "gross_churn": (_("Gross churn"), "(`contraction` + `churn`) / `mrr_start`"),
    "net_churn": (
        _("Net churn"),
        "(`contraction` + `churn` - `expansion`) / `mrr_start`;"
        " below zero where those who stayed took more than was lost",
    ),
    "net_revenue_retention": (
        _("Net revenue retention"),
        "(`mrr_start` + `expansion` - `contraction` - `churn`) / `mrr_start`",
    ),
    "customer_churn": (_("Customers lost"), "`customers_churned` / `customers_start`"),
}
"""Figures with what they are: the words and formulas of docs/analytics.md, which a test compares."""

MOVEMENT: dict[str, tuple[Word, str]] = {
    "new": (_("New"), "`mrr_end` of customers who had none at the start and never had any before it"),
    "reactivation": (_("Came back"), "`mrr_end` of customers who had none at the start, but once had"),
    "expansion": (_("Took more"), "by how much those who had some at the start have more at the end"),
    "contraction": (_("Took less"), "by how much those who have some at both ends have less"),
    "churn": (_("Left"), "`mrr_start` of those who have none at the end"),
}
"""How revenue moves, each with its definition in docs/analytics.md."""


def feature(kind: str) -> Word:
    """What a feature is called."""
    return FEATURE.get(kind) or kind.replace("_", " ").capitalize()


def abilities(kinds: Iterable[str]) -> list[Word]:
    """What a plan can do, each of its features that is not counted."""
    return [ABILITY.get(kind) or kind.replace("_", " ").capitalize() for kind in kinds]


def features(kinds: Iterable[str]) -> str:
    """Several of a plan's features, in a sentence."""
    return ", ".join(str(said) for said in abilities(kinds))


def why_not_paid(code: str, message: str) -> tuple[Word, str]:
    """Why a card was not charged: in words, and what Stripe or the bank said where that is none of those known here."""
    known = DECLINED.get(code)
    return (known, "") if known else ("", message or code.replace("_", " "))


def happened_words(kind: str, reason: str) -> tuple[Word, str, str]:
    """What happened, its icon, and why in words: a reason that was chosen, then what was written."""
    said, icon = HAPPENED.get(kind, (kind.replace("_", " ").capitalize(), "circle"))
    code, _colon, written = reason.partition(":")
    why = str(WHY_THEY_GO[code]) if code in WHY_THEY_GO else ""
    if why and written.strip():
        return said, icon, f"{why}: {written.strip()}"
    return said, icon, why or reason
