"""Pure rules of utilities: what a quote's bill says, which amounts are sold, whose number is the same, where things are sealed."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from uuid import UUID

from clustr.bills.types import BillType, Terms
from clustr.clusters.refusals import NotAMemberNow
from clustr.clusters.types import FORMER
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.payments.types import PaymentErrorType
from clustr.utilities.refusals import AmountOutOfRange, InvalidCustomer, MeterNotFound

BILL_DUE_AFTER = timedelta(days=1)
DAY = timedelta(hours=24)
_WORDS = {
    BillType.ELECTRICITY_UTILITY: "electricity",
    BillType.WATER_UTILITY: "water",
    BillType.INTERNET_UTILITY: "internet",
    BillType.CABLE_TV_UTILITY: "cable television",
}


def refuse_former(*, actor: Actor) -> None:
    """Refuse who has left: they read and keep what they bought, and buy nothing more."""
    if actor.role == FORMER:
        raise NotAMemberNow


def plain_number(*, typed: str) -> str:
    """A customer number as the utility knows it: without the spaces and dashes people type."""
    return typed.replace(" ", "").replace("-", "").upper()


def number_ending(*, number: str) -> str:
    """What may be shown of a number: its last four characters, and nothing of a number that is hardly longer."""
    return number[-4:] if len(number) >= 8 else ""


def number_fingerprint(*, key: str, number: str) -> bytes:
    """What makes the same number the same, and tells nothing about it."""
    return hmac.new(key.encode(), number.encode(), hashlib.sha256).digest()


def quote_terms(*, quote_id: UUID, provider: str, type: BillType, amount: Money, fee: Money, at: datetime) -> Terms:
    """The terms of the bill that buying a quote makes. They name the quote, so that consent to them is to it alone; the
    office may read them, so that nothing of the number stands there."""
    return Terms(
        title=provider,
        description=f"{amount.with_sign()} of {_WORDS[type]}, and {fee.with_sign()} for the service. Quote {quote_id}.",
        type=type,
        amount=amount + fee,
        due_date=at + BILL_DUE_AFTER,
        version=1,
    )


def refuse_amount_out_of_range(*, amount: Money, fixed: int | None, minimum: int | None, maximum: int | None) -> None:
    """Refuse an amount the utility does not sell for; bounds in minor units, None: there is none."""
    if fixed is not None and amount.minor != fixed:
        raise AmountOutOfRange("It is sold for {price} only.", price=Money(fixed, amount.currency).with_sign())
    if minimum is not None and amount.minor < minimum:
        raise AmountOutOfRange("The least is {least}.", least=Money(minimum, amount.currency).with_sign())
    if maximum is not None and amount.minor > maximum:
        raise AmountOutOfRange("The most is {most}.", most=Money(maximum, amount.currency).with_sign())


def refuse_unknown_customer(*, error: PaymentErrorType) -> None:
    """Refuse a number the utility refused."""
    raise MeterNotFound if error is PaymentErrorType.METER_NOT_FOUND else InvalidCustomer


def may_give_token(*, type: BillType, name: str) -> bool:
    """Whether what is called so may be delivered by a token, where its service does not say."""
    return type is BillType.ELECTRICITY_UTILITY and "postpaid" not in name.lower()


def is_same_token(one: str, other: str) -> bool:
    """Whether the same is typed into a meter, however it is written in groups."""
    return _typed(one) == _typed(other)


def _typed(token: str) -> str:
    return "".join(filter(str.isalnum, token)).upper()


def number_place(account_id: UUID) -> str:
    """The place a number is sealed for."""
    return f"utilities_account:{account_id}:number"


def customer_place(validation_id: UUID) -> str:
    """The place a customer's name and address are sealed for."""
    return f"utilities_validation:{validation_id}:customer"


def token_place(purchase_id: UUID) -> str:
    """The place a token is sealed for."""
    return f"utilities_purchase:{purchase_id}:token"
