"""What Stripe knows, in ClustR's words: whatever version of its API said it. Amounts are minor units. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

Raw = dict[str, Any]
"""An object as Stripe answered it."""


class StripeRefused(Exception):
    """Stripe read the request and refused it; nothing happened. `code` is Stripe's own word."""

    def __init__(self, code: str, message: str, *, http_status: int, decline_code: str = "") -> None:
        super().__init__(f"{code} (HTTP {http_status})")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.decline_code = decline_code


class StripeKnowsNot(StripeRefused):
    """There is no such object at Stripe."""


class StripeUnreadable(ValueError):
    """An object of Stripe's does not say what it must, or its sums do not add up. Nothing is made of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSubscription:
    """A subscription as it stands at Stripe. `reference` is our own id of it, `change` that of the last change that we
    asked for; both empty where somebody else made it. `discounts`: the names by which they are passed on: their own, or in
    the old shape their coupons'."""

    id: str
    customer_id: str
    status: str
    reference: str
    change: str
    item_id: str
    price_id: str
    price_minor: int
    currency: str
    interval: str
    anchor_at: datetime
    period_start: datetime
    period_end: datetime
    trial_end: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    ended_at: datetime | None
    schedule_id: str
    discounts: tuple[str, ...]
    tax_rates: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeLine:
    """A line of an invoice, net of tax and before its discount. `tax_basis_points` is what its amounts come to where Stripe
    names the rate by its id alone: `tax_rate_id`, empty where there are none or several."""

    description: str
    quantity: int
    amount: int
    discount: int
    tax: int
    tax_basis_points: int
    tax_rate_id: str
    proration: bool
    for_plan: bool
    period_start: datetime
    period_end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeItem:
    """Something that is charged besides a price, net of tax; `subscription_id`: with whose invoice, empty for any of the customer's."""

    id: str
    subscription_id: str
    description: str
    quantity: int
    amount: int
    currency: str
    discountable: bool
    period_start: datetime
    period_end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StripePayment:
    """One payment of an invoice. `status`: succeeded, pending, failed or canceled."""

    id: str
    amount: int
    currency: str
    status: str
    method: str
    paid_at: datetime | None
    failure_code: str
    failure_message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeInvoice:
    """An invoice as it stands at Stripe. `from_balance`: what the customer's credit at Stripe paid of it; negative where a
    small sum was left for the next invoice, or where the invoice itself gives back. `pack`: our request for units in advance
    that it charges, empty for every other. `credited`: what credit notes gave back of it there."""

    id: str
    subscription_id: str
    customer_id: str
    pack: str
    status: str
    currency: str
    subtotal: int
    discount: int
    tax: int
    total: int
    amount_due: int
    from_balance: int
    credited: int
    attempt_count: int
    hosted_url: str
    pdf_url: str
    created_at: datetime
    finalized_at: datetime | None
    next_attempt_at: datetime | None
    lines: tuple[StripeLine, ...]
    payments: tuple[StripePayment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSession:
    """A hosted page: `mode` subscription or setup, `status` open, complete or expired."""

    id: str
    url: str
    mode: str
    status: str
    reference: str
    customer_id: str
    subscription_id: str
    setup_intent_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeMethod:
    """A saved card, or another way to pay, of a customer. `fingerprint`: the same for the same card, however often it was given."""

    id: str
    kind: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str
    is_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeRefund:
    """Some of a payment, given back to where it came from. `payment_id`: its intent, or its charge; `request`: our own request
    for it, empty where somebody else made it; `why`: what they said."""

    id: str
    payment_id: str
    amount: int
    currency: str
    status: str
    request: str
    why: str
    failure: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeDispute:
    """A payer's complaint to their bank. `taken`: whether its amount is gone from our balance now; `due_by`: until when Stripe
    takes an answer."""

    id: str
    payment_id: str
    amount: int
    currency: str
    status: str
    reason: str
    taken: bool
    due_by: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeCreditNote:
    """What Stripe gave back of an invoice by a document. `before_payment`: what of it lowers what is still due; `outside`: what was
    given back by other means than Stripe; `refunds`: those of its total that went back as these refunds, by their id."""

    id: str
    invoice_id: str
    currency: str
    status: str
    why: str
    subtotal: int
    discount: int
    tax: int
    total: int
    before_payment: int
    outside: int
    created_at: datetime
    lines: tuple[StripeLine, ...]
    refunds: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeReturns:
    """Everything that was given or taken back of an invoice, each the oldest first."""

    notes: tuple[StripeCreditNote, ...]
    refunds: tuple[StripeRefund, ...]
    disputes: tuple[StripeDispute, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeTruth:
    """A subscription with those of its invoices that may still change what we know, the oldest first."""

    subscription: StripeSubscription
    invoices: tuple[StripeInvoice, ...]
