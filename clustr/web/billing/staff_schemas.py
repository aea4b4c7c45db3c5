"""What is sent and answered under `/api/v1/billing/staff/`. Amounts are whole minor units of their currency."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from clustr.kit.errors import InvalidValue
from clustr.kit.money import Money
from clustr.subscriptions.staff_queries import CustomerSubscription
from clustr.subscriptions.states import InvoiceStatus, SubscriptionStatus
from clustr.subscriptions.types import Discount, Duration, FeatureType
from clustr.web.billing.documents import Units
from clustr.web.billing.schemas import Interval, Minor, PlanId
from clustr.web.paging import PageQuery
from clustr.web.schemas import Currency, In, Instant, Out, Text

MinorIn = Annotated[int, Field(strict=True, ge=1, le=10**15 - 1, description="Whole minor units.")]
Code = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{1,39}$", examples=["WELCOME10"])]
Email = Annotated[str | None, Text(254)]


class CustomersQuery(PageQuery):
    user_id: UUID | None = None
    email: Email = Field(None, description="The address the customer signs in with.")


class SubscriptionsQuery(CustomersQuery):
    status: SubscriptionStatus | None = None


class DocumentsQuery(CustomersQuery):
    status: InvoiceStatus | None = None
    number: Annotated[str | None, Text(40)] = Field(None, description="Of one document.")


class CustomerSubscriptionOut(Out):
    id: UUID
    user_id: UUID
    for_cluster_id: UUID | None
    plan_id: str
    status: str
    interval: str
    currency: str
    price: Minor
    collection: str
    current_period_start: datetime
    current_period_end: datetime
    trial_end: datetime | None
    cancel_at_period_end: bool
    past_due_since: datetime | None
    ended_at: datetime | None
    created_at: datetime


class PaymentIn(In):
    """Money that staff saw arrive. What is more than is due becomes the customer's credit."""

    invoice_id: UUID
    amount: MinorIn
    currency: Currency
    method: Literal["bank_transfer", "other"] = "bank_transfer"
    reference: Annotated[str, Text(100)]
    paid_at: Instant | None = Field(None, description="Absent: now.")


class FailedPaymentIn(In):
    """A try to pay that came to nothing, such as a transfer that a bank sent back. `message`: as the customer is told."""

    invoice_id: UUID
    amount: MinorIn
    currency: Currency
    method: Literal["bank_transfer", "other"] = "bank_transfer"
    code: Annotated[str, Text(40)] = Field("failed", examples=["returned"])
    message: Annotated[str, Text(200)] = Field(examples=["The bank sent it back."])


class CorrectionAct(StrEnum):
    """What is done about an invoice that was wrong."""

    VOID = "void"
    WRITE_OFF = "write_off"
    CREDIT = "credit"


class CorrectionIn(In):
    """`void` takes back an open invoice, `write_off` gives up what is due of it, `credit` gives back some of an open or
    paid one: `amount` net of tax, of what was charged at `tax_basis_points`."""

    invoice_id: UUID
    act: CorrectionAct
    reason: Annotated[str, Text(200)]
    amount: MinorIn | None = None
    currency: Currency | None = None
    tax_basis_points: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 0


class CouponMadeIn(In):
    """Takes off a share (`percent`) or an `amount` of one currency."""

    code: Code
    name: Annotated[str, Text(100)]
    percent: Annotated[int, Field(strict=True, ge=1, le=100)] | None = None
    amount: MinorIn | None = None
    currency: Currency | None = None
    duration: Duration
    duration_months: Annotated[int, Field(strict=True, ge=1, le=120)] | None = None
    max_redemptions: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    expires_at: Instant | None = None
    plan_id: PlanId | None = None
    needs_verification: Annotated[str, Text(40, empty=True)] = Field("", description='Such as "education".')


class CouponMadeOut(Out):
    id: UUID
    code: str


class PriceIn(In):
    """A price agreed with one customer for a plan, for a term. It counts when they choose the plan, or it renews by a change,
    within the term."""

    user_id: UUID
    plan_id: PlanId
    interval: Interval
    price: Annotated[int, Field(strict=True, ge=0, le=10**15 - 1)]
    currency: Currency
    starts_at: Instant
    ends_at: Instant | None = None


class MadeOut(Out):
    id: UUID


class VerifyCustomerIn(In):
    user_id: UUID
    kind: Annotated[str, Text(40)] = Field(examples=["education"])
    expires_at: Instant


class VerifiedOut(Out):
    user_id: UUID
    kind: str


class PackIn(In):
    """Units paid for in advance, on top of the plan's limit, for the period under way."""

    subscription_id: UUID
    feature_type: FeatureType
    quantity: Units
    price: MinorIn
    currency: Currency


def to_discount(body: CouponMadeIn) -> Discount:
    """What a coupon takes off: a share, or an amount in a currency."""
    if (body.percent is None) == (body.amount is None) or (body.amount is None) != (body.currency is None):
        raise InvalidValue.of("percent", "invalid", "A coupon takes off a share, or an amount in a currency.")
    if body.amount is not None and body.currency is not None:
        return Discount(amount=Money(body.amount, body.currency))
    return Discount((body.percent or 0) * 100)


def customer_subscription_out(row: CustomerSubscription) -> CustomerSubscriptionOut:
    held = row.subscription
    same = {
        name: getattr(held, name) for name in CustomerSubscriptionOut.model_fields if name not in ("plan_id", "price")
    }
    return CustomerSubscriptionOut(**same, plan_id=row.plan, price=held.price_minor)
