"""What is sent and answered under `/api/v1/billing/`. Amounts are whole minor units of their currency."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from clustr.subscriptions.commands import ChangePreview
from clustr.subscriptions.document_queries import (
    AddressRow,
    CouponInForce,
    CurrentSubscription,
    Document,
    PaymentRow,
)
from clustr.subscriptions.queries import PlanRow
from clustr.subscriptions.types import CancelReason, LineKind, MethodRow
from clustr.subscriptions.usage_queries import FeatureUse
from clustr.web.schemas import Currency, Flag, In, Instant, Out, Text

PlanId = Annotated[
    str, Field(strict=True, pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["basic"], description="The plan's code.")
]
Interval = Literal["month", "year"]
MethodId = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9_]{1,120}$", examples=["pm_1PuUqE"])]
EstateId = Annotated[
    UUID | None, Field(description="Of an estate that you subscribed for; absent: of your own subscription.")
]
When = Annotated[
    Literal["now", "period_end"] | None,
    Field(description="Absent: a larger plan now, a smaller one when the period ends."),
]
Minor = Annotated[int, Field(description="Whole minor units.")]


_PRORATED = (LineKind.UNUSED_TIME, LineKind.REMAINING_TIME)


class ChangeIn(In):
    """Another plan. `proration_date` and `digest`: those of a preview, to be charged exactly what it showed or be refused."""

    plan_id: PlanId
    interval: Interval
    when: When = None
    proration_date: Instant | None = None
    digest: Annotated[str, Text(40, empty=True)] = ""
    cluster_id: EstateId = None


class PreviewIn(In):
    plan_id: PlanId
    interval: Interval
    when: When = None
    currency: Currency = Field("USD", description="Of who has no subscription yet; else that of the subscription.")
    cluster_id: EstateId = None


class SubscribeIn(In):
    plan_id: PlanId
    interval: Interval
    currency: Currency = "USD"
    collection: Literal["card", "bank_transfer"] | None = Field(
        None,
        description="By card it begins on Stripe's page, or at once with `payment_method_id`. Absent: by card, where Stripe"
        " is on.",
    )
    payment_method_id: MethodId | None = None
    coupon: Annotated[str, Text(40, empty=True)] = ""
    cluster_id: UUID | None = Field(None, description="For an estate that you manage; absent: for yourself.")


class CancelIn(In):
    """`reason_code` is counted; `reason` is what the customer writes besides."""

    at_period_end: Flag = True
    reason_code: CancelReason | None = None
    reason: Annotated[str, Text(500, lines=True, empty=True)] = ""
    cluster_id: EstateId = None

    @property
    def told(self) -> str:
        """Both, as they are kept."""
        return ": ".join(filter(None, (self.reason_code, self.reason)))


class CouponIn(In):
    code: Annotated[str, Text(40)]
    cluster_id: EstateId = None


class EstateQuery(In):
    """Whose subscription is meant."""

    cluster_id: EstateId = None


class AddressIn(In):
    line1: Annotated[str, Text(200)]
    line2: Annotated[str, Text(200, empty=True)] = ""
    city: Annotated[str, Text(100)]
    state: Annotated[str, Text(100, empty=True)] = ""
    postal_code: Annotated[str, Text(20, empty=True)] = ""
    country: Annotated[str, Field(strict=True, pattern=r"^[A-Z]{2}$", examples=["NG"])]
    name: Annotated[str, Text(200, empty=True)] = ""
    tax_id: Annotated[str, Text(40, empty=True)] = ""
    is_default: Flag = Field(True, description="Whether invoices go there; of the first address in any case.")


class AddressOut(Out):
    """An address. `is_default`: invoices go there; false while none was given."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""
    name: str = ""
    tax_id: str = ""
    is_default: bool = False


class AddressesOut(AddressOut):
    """Where invoices go, and what other addresses are kept: given again as default, one takes its place."""

    others: list[AddressOut]


class PlanOut(Out):
    """A version of a plan; `id` is its code, by which its present version is chosen. `prices`: in other currencies than `currency`. `limits`: units by feature, null for none.
    `overage`: what a unit beyond a limit costs, in minor units by feature and currency; without, the limit is a hard stop
    (not of `messages`, which are counted and never withheld)."""

    id: str
    version: int
    name: str
    description: str
    currency: str
    price_monthly: Minor
    price_yearly: Minor
    prices: dict[str, dict[str, int]]
    features: list[str]
    limits: dict[str, int | None]
    overage: dict[str, dict[str, str]]
    trial_days: int
    is_active: bool
    stripe_price_id_monthly: str
    stripe_price_id_yearly: str
    created_at: datetime


class FeatureUseOut(Out):
    """How a feature stands in the period under way. Units are decimal strings; `included` counts what was paid for in advance."""

    feature_type: str
    used: str
    limit: str | None
    included: str | None
    beyond: str
    charged_beyond: bool


class UsageOut(Out):
    period_start: datetime
    period_end: datetime
    results: list[FeatureUseOut]


class PendingOut(Out):
    plan_id: str
    interval: str
    price: Minor
    applies_at: datetime


class CouponOut(Out):
    """A coupon that lowers invoices: by `basis_points` (2000 is 20 %), or by an `amount` of `currency`; the other is 0. `duration`: `once`,
    `repeating` or `forever`; `ends_at`: until when one that repeats counts."""

    code: str
    name: str
    basis_points: int
    amount: Minor
    currency: str
    duration: str
    ends_at: datetime | None


class SubscriptionOut(Out):
    id: UUID
    plan: PlanOut
    status: str
    interval: str
    currency: str
    price: Minor
    collection: str
    stripe_subscription_id: str
    current_period_start: datetime
    current_period_end: datetime
    trial_end: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    ended_at: datetime | None
    past_due_since: datetime | None
    pending_change: PendingOut | None
    usage: list[FeatureUseOut]
    credit: Minor
    coupon: CouponOut | None = Field(description="What lowers its invoices now.")
    checkout_url: str = Field(description="Where the customer must act: Stripe's page. Empty: nowhere.")
    created_at: datetime
    updated_at: datetime


class MethodOut(Out):
    """A card that Stripe keeps."""

    id: str
    kind: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    is_default: bool


class SetupOut(Out):
    """`checkout_url`: Stripe's page, on which a card is given."""

    checkout_url: str


class LineOut(Out):
    kind: str
    description: str
    quantity: int
    amount: Minor
    discount: Minor
    tax_basis_points: int
    tax: Minor
    period_start: datetime | None
    period_end: datetime | None


class InvoiceOut(Out):
    """`kind`: `invoice` or `credit_note`; a credit note's total went to the customer's credit. `irn`: its number at a tax
    authority that clears invoices."""

    id: UUID
    subscription_id: UUID
    stripe_invoice_id: str
    kind: str
    invoice_number: str
    status: str
    currency: str
    subtotal: Minor
    discount_amount: Minor
    tax_amount: Minor
    total: Minor
    credit_applied: Minor
    amount_paid: Minor
    amount_due: Minor
    credited: Minor = Field(description="Given back by credit notes.")
    refunded: Minor = Field(description="Given back to the cards that paid it.")
    disputed: Minor = Field(description="What a payer's bank took back, or may yet take.")
    corrects_id: UUID | None
    issued_at: datetime
    due_date: datetime
    paid_at: datetime | None
    created_at: datetime
    irn: str
    invoice_pdf_url: str = Field(description="Where to download it; also `?format=cii` and `?format=ubl`.")
    lines: list[LineOut]


class PaymentOut(Out):
    id: UUID
    subscription_id: UUID
    invoice_id: UUID
    stripe_payment_intent_id: str
    amount: Minor
    surplus: Minor
    refunded: Minor = Field(description="Given back to the card.")
    disputed: Minor = Field(description="What the payer's bank took back, or may yet take.")
    currency: str
    status: str
    payment_method: str
    reference: str
    failure_code: str = Field(description="Why the last try that failed did; it stays when a later one succeeds.")
    failure_message: str
    failed_at: datetime | None = Field(description="When the last try failed that did; null where none is known.")
    paid_at: datetime | None
    created_at: datetime
    updated_at: datetime


class PreviewLineOut(Out):
    kind: str
    description: str
    amount: Minor


class PreviewOut(Out):
    """What a change at `proration_date` comes to: `subtotal` - `discount_amount` + `tax_amount` = `total`. `is_credit_note`: it is given back.
    Send `proration_date` and `digest` with the change within
    half an hour. `digest` is empty where the change begins with the next period (`at_period_end`), and of a first plan."""

    proration_date: datetime
    period_start: datetime
    period_end: datetime
    currency: str
    is_credit_note: bool
    lines: list[PreviewLineOut]
    proration: Minor = Field(description="Of `subtotal`, what is for time within a period: given back, and charged.")
    subtotal: Minor
    discount_amount: Minor
    tax_amount: Minor
    total: Minor
    amount_due: Minor
    with_next_invoice: Minor = Field(
        description="What usage beyond the limits so far comes to, tax included, where the next invoice charges it; else 0."
    )
    digest: str
    at_period_end: bool


def plan_out(plan: PlanRow) -> PlanOut:
    same = {name: getattr(plan, name) for name in PlanOut.model_fields if name != "id"}
    return PlanOut(id=plan.code, **same)


def use_out(use: FeatureUse) -> FeatureUseOut:
    def plain(units: Any) -> str | None:
        return None if units is None else f"{units.normalize():f}"

    return FeatureUseOut(
        feature_type=use.feature,
        used=plain(use.used) or "0",
        limit=plain(use.limit),
        included=plain(use.included),
        beyond=plain(use.beyond) or "0",
        charged_beyond=use.charged,
    )


def subscription_out(found: CurrentSubscription) -> SubscriptionOut:
    held, pending = found.subscription, found.pending
    waits = None
    if pending is not None:
        waits = PendingOut(
            plan_id=found.pending_plan,
            interval=pending.interval,
            price=pending.price_minor,
            applies_at=pending.applies_at,
        )
    given = {"plan", "price", "pending_change", "usage", "credit", "coupon", "checkout_url"}
    same = {name: getattr(held, name) for name in SubscriptionOut.model_fields if name not in given}
    return SubscriptionOut(
        **same,
        plan=plan_out(found.plan),
        price=held.price_minor,
        pending_change=waits,
        usage=[use_out(use) for use in found.usage],
        credit=found.credit.minor,
        coupon=coupon_out(found.coupon) if found.coupon else None,
        checkout_url=found.checkout_url,
    )


def coupon_out(found: CouponInForce) -> CouponOut:
    held = found.coupon
    return CouponOut(
        code=held.code,
        name=held.name,
        basis_points=held.basis_points,
        amount=held.amount_minor,
        currency=held.currency,
        duration=held.duration,
        ends_at=found.until,
    )


def method_out(method: MethodRow) -> MethodOut:
    return MethodOut(**{name: getattr(method, name) for name in MethodOut.model_fields})


def invoice_out(document: Document) -> InvoiceOut:
    held = document.invoice
    back = {"credited": document.back.credited, "refunded": document.back.refunded, "disputed": document.back.disputed}
    given = ("amount_due", "invoice_pdf_url", "lines", *back)
    same = {name: getattr(held, name) for name in InvoiceOut.model_fields if name not in given}
    url = f"/api/v1/billing/download-invoice/{held.id}/"
    lines = [LineOut(**{name: getattr(line, name) for name in LineOut.model_fields}) for line in document.lines]
    return InvoiceOut(**same, **back, amount_due=held.amount_due.minor, invoice_pdf_url=url, lines=lines)


def payment_out(payment: PaymentRow) -> PaymentOut:
    minor = ("surplus", "refunded", "disputed")
    same = {name: getattr(payment, name) for name in PaymentOut.model_fields if name not in minor}
    return PaymentOut(**same, **{name: getattr(payment, f"{name}_minor") for name in minor})


def address_out(address: AddressRow | None) -> AddressOut:
    if address is None:
        return AddressOut()
    return AddressOut(**{name: getattr(address, name) for name in AddressOut.model_fields})


def preview_out(preview: ChangePreview) -> PreviewOut:
    sums = preview.sums
    return PreviewOut(
        proration_date=preview.proration_date,
        period_start=preview.new_period.start,
        period_end=preview.new_period.end,
        currency=sums.total.currency,
        is_credit_note=preview.is_credit_note,
        lines=[
            PreviewLineOut(kind=line.kind, description=line.description, amount=line.amount.minor)
            for line in sums.lines
        ],
        proration=sum(line.amount.minor for line in sums.lines if line.kind in _PRORATED),
        subtotal=sums.subtotal.minor,
        discount_amount=sums.discount.minor,
        tax_amount=sums.tax.minor,
        total=sums.total.minor,
        amount_due=preview.amount_due.minor,
        with_next_invoice=preview.with_next.minor if preview.with_next else 0,
        digest=preview.digest,
        at_period_end=preview.at_period_end,
    )
