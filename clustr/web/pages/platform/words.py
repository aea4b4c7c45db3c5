"""The words of plans, subscriptions and invoices."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clustr.subscriptions.states import InvoiceStatus, SubscriptionStatus
from clustr.subscriptions.types import FeatureType

Word = str | Promise

STANDING: dict[str, tuple[Word, str, str]] = {
    SubscriptionStatus.TRIALING: (_("Trial"), "info", "sparkles"),
    SubscriptionStatus.ACTIVE: (_("Active"), "good", "circle-check"),
    SubscriptionStatus.PAST_DUE: (_("Payment overdue"), "warn", "clock-alert"),
    SubscriptionStatus.UNPAID: (_("Stopped: unpaid"), "bad", "circle-x"),
    SubscriptionStatus.PAUSED: (_("Paused"), "wait", "circle-pause"),
    SubscriptionStatus.INCOMPLETE: (_("Waits for payment"), "wait", "hourglass"),
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
}

FEATURE: dict[str, Word] = {
    FeatureType.AI_RESPONSES: _("AI answers"),
    FeatureType.DOCUMENT_UPLOADS: _("Documents uploaded"),
    FeatureType.STORAGE_GB: _("Storage, GB"),
    FeatureType.CHAT_MESSAGES: _("Chat messages"),
    FeatureType.MEMBERS: _("Members of the estate"),
    FeatureType.BILLS: _("Bills issued"),
    FeatureType.MESSAGES: _("Messages sent"),
}

INTERVAL: dict[str, Word] = {"month": _("a month"), "year": _("a year")}


def feature(kind: str) -> Word:
    """What a feature is called."""
    return FEATURE.get(kind) or kind.replace("_", " ").capitalize()
