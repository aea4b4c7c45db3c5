"""How payments through providers look in requests and answers."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from clustr.audit.types import Claim
from clustr.payments.states import TransactionStatus
from clustr.payments.types import SavedMethodView
from clustr.settlement.types import Checkout, RequestKey, SavedCard
from clustr.wallets.types import SpendAuthorization
from clustr.web.money_schemas import FailureOut
from clustr.web.schemas import AmountOut, Currency, In, Out, Pin, Text

Provider = Literal["paystack", "flutterwave"]
"""Which provider takes the money."""

_CALLBACK = r"^(https?://[!-~]+)?$"
CallbackUrl = Annotated[
    str,
    StringConstraints(strict=True, max_length=2_000, pattern=_CALLBACK),
    BeforeValidator(lambda value: "" if value is None else value),
    WithJsonSchema({"type": ["string", "null"], "maxLength": 2_000, "pattern": _CALLBACK}),
]
"""Where the payer's browser goes in the end; its origin must be ClustR's own or one an operator allowed. None: nowhere."""


class CheckoutOut(Out):
    """A payment that was started. Send the payer to `payment_url`; what becomes of it is told by `verify-payment`."""

    transaction_id: UUID
    reference: str = Field(description="The payment's reference, ours and the provider's.")
    payment_url: str | None = Field(
        description="The provider's own page, with every channel it offers. Of a saved card: where its owner confirms, or"
        " null where they are not needed."
    )
    status: TransactionStatus
    amount: AmountOut = Field(description="What is paid for.")
    surcharge: AmountOut = Field(description="The provider's fee, where the payer bears it: paid on top of `amount`.")
    currency: Currency
    failure: FailureOut | None = Field(description="Of a saved card that was declined: why, and what can be done.")


def checkout_out(checkout: Checkout) -> CheckoutOut:
    """A started payment as its payer sees it."""
    return CheckoutOut(
        transaction_id=checkout.transaction.id,
        reference=checkout.transaction.reference,
        payment_url=checkout.payment_url or None,
        status=TransactionStatus(checkout.transaction.status),
        amount=str(checkout.transaction.amount),
        surcharge=str(checkout.surcharge),
        currency=checkout.transaction.currency,
        failure=FailureOut(**checkout.transaction.failure) if checkout.transaction.failure else None,
    )


MethodId = Annotated[
    UUID | None, Field(None, description="A saved card with this provider, to be charged instead of showing its page.")
]
SaveCard = Annotated[
    bool,
    Field(
        False,
        strict=True,
        description="Keep the card that pays on the provider's page as one of my payment methods. Only for a card of my own:"
        " no card is kept of whoever pays without asking for it.",
    ),
]
SavedCardPin = Annotated[Pin | None, Field(None, description="With a saved card: needed once a PIN is set.")]


def saved_card(method_id: UUID | None, authorization: SpendAuthorization | None) -> SavedCard | None:
    """The saved card that was named in a request, with what its PIN gave."""
    return SavedCard(method_id, authorization) if method_id else None


def request_key(claim: Claim | None) -> RequestKey | None:
    """What a room that asks the outside world needs to know a repeated request by."""
    return RequestKey(claim.scope, claim.body) if claim else None


class VerifyIn(In):
    """Which payment to ask about."""

    model_config = {"json_schema_extra": {"examples": [{"reference": "01KAV0H2R4N8Z3M5W7Y9B1D2F6"}]}}

    reference: Annotated[str, Text(100)]


class SavedMethodOut(Out):
    """A card that its provider keeps. Nothing here can pay."""

    id: UUID
    provider: str
    brand: str
    last_four: str
    expires_month: int
    expires_year: int


def saved_method_out(view: SavedMethodView) -> SavedMethodOut:
    return SavedMethodOut(
        id=view.id,
        provider=view.provider,
        brand=view.brand,
        last_four=view.last_four,
        expires_month=view.expires_month,
        expires_year=view.expires_year,
    )
