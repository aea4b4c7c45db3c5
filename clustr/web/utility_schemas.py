"""How utilities look in requests and answers: to the member who buys, and to the office."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from clustr.bills.types import UTILITY_TYPES, BillType
from clustr.payments.providers.declines import waiting_of
from clustr.payments.states import TransactionStatus
from clustr.payments.types import PaymentErrorType
from clustr.utilities.types import (
    AccountView,
    ManagedPurchaseView,
    ProviderView,
    PurchaseView,
    QuoteView,
    UtilityBillView,
    UtilitySums,
    ValidationState,
    ValidationView,
)
from clustr.web.automation_schemas import share
from clustr.web.bill_schemas import BillOut, bill_out
from clustr.web.money_schemas import FailureOut, failure_out
from clustr.web.schemas import AmountOut, Currency, Instant, Out, no_card_number

SHORTEST_CARD = 14
"""Digits of the shortest card number in use; meters have eleven or thirteen."""


def _read_utility_type(value: BillType) -> BillType:
    if value not in UTILITY_TYPES:
        raise ValueError("Only what members buy from utilities.")
    return value


ServiceType = Annotated[
    BillType,
    AfterValidator(_read_utility_type),
    WithJsonSchema({"type": "string", "enum": sorted(UTILITY_TYPES)}),
]


def _not_a_card(text: str) -> str:
    return no_card_number(text) if len(text) >= SHORTEST_CARD else text


CustomerNumber = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[0-9A-Za-z]([ -]?[0-9A-Za-z]){3,29}$"),
    AfterValidator(_not_a_card),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^[0-9A-Za-z]([ -]?[0-9A-Za-z]){3,29}$",
            "examples": ["04512345678"],
            "writeOnly": True,
        }
    ),
]
"""A meter, smart card or customer number. Spaces and dashes make no other. Not the number of a payment card."""


class UtilityProviderOut(Out):
    """Something that is sold."""

    id: UUID
    name: str
    provider_type: BillType
    number_label: str = Field(description="What the customer's number is called.", examples=["Meter Number"])
    fixed_amount: AmountOut | None = Field(description="Its only price, if it has one.")
    minimum: AmountOut | None
    maximum: AmountOut | None
    fee: AmountOut = Field(description="On top of the amount.")
    currency: Currency
    allows_parts: bool = Field(description="Whether any amount within the bounds can be bought, a part of a bill too.")
    gives_token: bool = Field(description="Whether it is delivered as a token to be typed in.")


class UtilityAccountOut(Out):
    """A saved number; of it, only its end."""

    id: UUID
    provider_id: UUID
    provider_name: str
    provider_type: BillType
    label: str
    ending: str = Field(examples=["5678"])
    saved_at: Instant


class ValidationOut(Out):
    """Whose number it is. `pending`: the utility has not answered yet; read it again in a moment."""

    id: UUID
    provider_id: UUID
    provider_name: str
    ending: str
    status: ValidationState
    error: PaymentErrorType | None
    customer_name: str = Field(description="To be shown and compared before anything is bought.")
    customer_address: str
    minimum: AmountOut | None
    maximum: AmountOut | None
    fee: AmountOut
    currency: Currency
    expires_at: Instant = Field(description="Until then it can be bought for.")


class QuoteOut(Out):
    """What a purchase costs, until it expires."""

    id: UUID
    account_id: UUID
    provider_id: UUID
    provider_name: str
    ending: str
    customer_name: str
    amount: AmountOut
    fee: AmountOut
    total: AmountOut = Field(description="What the wallet is debited.")
    currency: Currency
    terms_digest: str = Field(description="SHA-256 of the terms that buying it acknowledges.")
    expires_at: Instant


class PurchaseOut(Out):
    """A purchase. Until it is decided its money is held; what becomes of it is found out."""

    id: UUID = Field(description="Also the id of its transaction.")
    reference: str
    status: TransactionStatus
    provider_id: UUID
    provider_name: str
    provider_type: BillType
    ending: str
    amount: AmountOut
    fee: AmountOut
    total: AmountOut
    currency: Currency
    bill_id: UUID
    token: str | None = Field(description="Once it is delivered, where it is delivered by token.")
    units: str
    tariff: str
    waits_for: PaymentErrorType | None = Field(
        description="Why it is not decided yet: VENDOR_PENDING, VENDOR_UNAVAILABLE, TOKEN_DELAYED."
    )
    waiting: FailureOut | None = Field(
        description="The same in words, with what to do meanwhile; null once it is decided. It is no failure."
    )
    failure: FailureOut | None
    is_automated: bool
    created_at: Instant
    delivered_at: Instant | None


class UtilityBillOut(BillOut):
    """A bill that stands for a purchase, with it."""

    purchase: PurchaseOut


class UtilityPaymentOut(Out):
    """A member's purchase as the office sees it: neither number nor token."""

    id: UUID
    reference: str
    status: TransactionStatus
    user_id: UUID
    provider_name: str
    provider_type: BillType
    amount: AmountOut
    fee: AmountOut
    currency: Currency
    is_automated: bool
    failure: str | None
    created_at: Instant
    delivered_at: Instant | None


class UtilitySumsOut(Out):
    """How utilities did over the last thirty days. Shares are whole hundredths of a percent; null: of nothing."""

    residents: int
    buyers: int
    adoption_basis_points: int | None = Field(description="Buyers among the residents.")
    purchases: int
    delivered: int
    failed: int
    undecided: int
    success_basis_points: int | None = Field(description="Delivered, of those that are decided.")
    troubled: int = Field(description="Those of which something was not heard on the way.")
    recovered: int = Field(description="Of these, those delivered all the same.")
    recovery_basis_points: int | None
    volume: AmountOut
    automated: int
    automated_volume: AmountOut
    automated_basis_points: int | None = Field(description="The automated part of the volume.")
    currency: Currency


def provider_out(view: ProviderView) -> UtilityProviderOut:
    return UtilityProviderOut(
        id=view.id,
        name=view.name,
        provider_type=view.provider_type,
        number_label=view.number_label,
        fixed_amount=_amount(view.fixed),
        minimum=_amount(view.minimum),
        maximum=_amount(view.maximum),
        fee=str(view.fee),
        currency=view.fee.currency,
        allows_parts=view.fixed is None,
        gives_token=view.gives_token,
    )


def account_out(view: AccountView) -> UtilityAccountOut:
    return UtilityAccountOut(
        id=view.id,
        provider_id=view.provider_id,
        provider_name=view.provider_name,
        provider_type=view.provider_type,
        label=view.label,
        ending=view.ending,
        saved_at=view.saved_at,
    )


def validation_out(view: ValidationView) -> ValidationOut:
    return ValidationOut(
        id=view.id,
        provider_id=view.provider_id,
        provider_name=view.provider_name,
        ending=view.ending,
        status=view.state,
        error=view.error,
        customer_name=view.customer_name,
        customer_address=view.customer_address,
        minimum=_amount(view.minimum),
        maximum=_amount(view.maximum),
        fee=str(view.fee),
        currency=view.fee.currency,
        expires_at=view.expires_at,
    )


def quote_out(view: QuoteView) -> QuoteOut:
    return QuoteOut(
        id=view.id,
        account_id=view.account_id,
        provider_id=view.provider_id,
        provider_name=view.provider_name,
        ending=view.ending,
        customer_name=view.customer_name,
        amount=str(view.amount),
        fee=str(view.fee),
        total=str(view.total),
        currency=view.total.currency,
        terms_digest=view.terms_digest,
        expires_at=view.expires_at,
    )


def purchase_out(view: PurchaseView) -> PurchaseOut:
    """A purchase as its buyer sees it."""
    return PurchaseOut(
        id=view.id,
        reference=view.reference,
        status=view.status,
        provider_id=view.provider_id,
        provider_name=view.provider_name,
        provider_type=view.provider_type,
        ending=view.ending,
        amount=str(view.amount),
        fee=str(view.fee),
        total=str(view.total),
        currency=view.total.currency,
        bill_id=view.bill_id,
        token=view.token or None,
        units=view.units,
        tariff=view.tariff,
        waits_for=view.waits_for,
        waiting=failure_out(waiting_of(type=view.waits_for)) if view.waits_for else None,
        failure=failure_out(dict(view.failure) if view.failure else None),
        is_automated=view.is_automated,
        created_at=view.created_at,
        delivered_at=view.delivered_at,
    )


def utility_bill_out(view: UtilityBillView) -> UtilityBillOut:
    return UtilityBillOut(**bill_out(view.bill).model_dump(), purchase=purchase_out(view.purchase))


def utility_payment_out(view: ManagedPurchaseView) -> UtilityPaymentOut:
    return UtilityPaymentOut(
        id=view.id,
        reference=view.reference,
        status=view.status,
        user_id=view.user_id,
        provider_name=view.provider_name,
        provider_type=view.provider_type,
        amount=str(view.amount),
        fee=str(view.fee),
        currency=view.amount.currency,
        is_automated=view.is_automated,
        failure=view.failure,
        created_at=view.created_at,
        delivered_at=view.delivered_at,
    )


def utility_sums_out(sums: UtilitySums) -> UtilitySumsOut:
    return UtilitySumsOut(
        residents=sums.residents,
        buyers=sums.buyers,
        adoption_basis_points=share(sums.buyers, sums.residents),
        purchases=sums.purchases,
        delivered=sums.delivered,
        failed=sums.failed,
        undecided=sums.undecided,
        success_basis_points=share(sums.delivered, sums.delivered + sums.failed),
        troubled=sums.troubled,
        recovered=sums.recovered,
        recovery_basis_points=share(sums.recovered, sums.troubled),
        volume=str(sums.volume),
        automated=sums.automated,
        automated_volume=str(sums.automated_volume),
        automated_basis_points=share(sums.automated_volume.minor, sums.volume.minor),
        currency=sums.volume.currency,
    )


def _amount(amount: object) -> str | None:
    return None if amount is None else str(amount)
