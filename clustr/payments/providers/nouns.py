"""The nouns of the port: what is asked of a payment provider and what it says, in ClustR's words. Pure and frozen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from clustr.kit.money import Money
from clustr.payments.types import PaymentErrorType

REFERENCE = re.compile(r"[a-z0-9-]{16,50}", re.ASCII)
"""A reference of ours that every provider accepts for every purpose. The text of a UUID is one."""

Row = TypeVar("Row")


class Outcome(StrEnum):
    """What became of money that was asked to move."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PENDING = "pending"
    UNKNOWN = "unknown"
    REVERSED = "reversed"


class Mode(StrEnum):
    """Whether real money moved. A test charge never pays a real bill."""

    LIVE = "live"
    TEST = "test"


class Channel(StrEnum):
    """How the payer paid."""

    CARD = "card"
    BANK_ACCOUNT = "bank_account"
    BANK_TRANSFER = "bank_transfer"
    VIRTUAL_ACCOUNT = "virtual_account"
    DIRECT_DEBIT = "direct_debit"
    USSD = "ussd"
    MOBILE_MONEY = "mobile_money"
    QR = "qr"
    OTHER = "other"


class NoticeKind(StrEnum):
    """What a notice is about. A notice proves nothing: fetch the truth of what it names."""

    CHARGE = "charge"
    REFUND = "refund"
    PAYOUT = "payout"
    DISPUTE = "dispute"
    VIRTUAL_ACCOUNT = "virtual_account"
    PURCHASE = "purchase"
    SUBSCRIPTION = "subscription"
    OTHER = "other"


def refuse_bad_reference(reference: str) -> None:
    """Refuse what is no reference of ours."""
    if not REFERENCE.fullmatch(reference):
        raise ValueError("a reference is 16 to 50 of a-z, 0-9 and -")


def refuse_nothing(amount: Money) -> None:
    """Refuse an amount that moves nothing."""
    if amount.minor <= 0:
        raise ValueError("an amount that moves is more than nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Charge:
    """What every payment is asked with. `metadata` comes back with the truth; put no person in it."""

    reference: str
    amount: Money
    email: str = field(repr=False)
    description: str
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        refuse_bad_reference(self.reference)
        refuse_nothing(self.amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest(_Charge):
    """A payment to be made on the provider's own page, from where the payer returns to `return_url`."""

    return_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedMethodCharge(_Charge):
    """A payment with a saved method. `email` must be the one it was saved under."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a provider takes in one charge: no less and no more. None: it publishes none."""

    least: Money | None = None
    most: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutStarted:
    """Send the payer to `checkout_url`."""

    checkout_url: str
    provider_reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeRequired:
    """The saved method needs the payer: send them to `url`. The charge is pending until its truth says otherwise."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFoundYet:
    """The provider does not know the reference at this moment. Soon after a request that proves nothing: ask again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """Why money did not move. `message`: what the provider said, redacted; not for residents (`declines.failure_of`)."""

    type: PaymentErrorType
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedMethod:
    """A card or account that can be charged again, if `reusable`. `signature`: the same for the same card, or empty."""

    token: str = field(repr=False)
    brand: str
    last_four: str
    expires_month: int | None
    expires_year: int | None
    reusable: bool
    signature: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeTruth:
    """What the provider says now about one charge.

    `amount` is what counts towards what was asked; `charged` is what the payer was debited, fees they bear included.
    `fee` is the provider's, to the nearest minor unit. `receiving_account`: the virtual account it came in by.
    `not_tried`: nobody has tried to pay; it waits for its payer, at a page. `said_failed`: the outcome is unknown because it
    "failed" for a reason that leaves it open, a time-out at the bank say. `record`: the redacted answer, to be kept.
    Compare reference, amount, currency and mode before giving value.
    """

    outcome: Outcome
    reference: str
    provider_id: str
    amount: Money
    charged: Money
    fee: Money | None
    created_at: datetime | None
    paid_at: datetime | None
    mode: Mode
    channel: Channel
    decline: Decline | None
    saved_method: SavedMethod | None = field(repr=False)
    email: str = field(repr=False)
    receiving_account: str = field(repr=False)
    record: Mapping[str, Any] = field(repr=False)
    not_tried: bool = False
    said_failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """A bank that payouts can go to."""

    code: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRequest:
    """Send money to a bank account, in the name its bank confirmed."""

    reference: str
    amount: Money
    bank_code: str
    account_number: str = field(repr=False)
    account_name: str = field(repr=False)
    narration: str

    def __post_init__(self) -> None:
        refuse_bad_reference(self.reference)
        refuse_nothing(self.amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutTruth:
    """What the provider says now about one payout. `needs_person`: somebody must approve it at the provider."""

    outcome: Outcome
    reference: str
    provider_id: str
    amount: Money
    fee: Money | None
    mode: Mode
    decline: Decline | None
    needs_person: bool
    record: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What the provider says it holds in one currency. `available`: what can be sent now; below zero where it took back more
    than was there. `collected`: what it tells beside that of money taken and not yet settled; None where it tells nothing."""

    available: Money
    collected: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Money the provider paid, or will pay: to the bank, or (`to_bank` False) into the balance that payouts leave from.
    `other`: gross - fee - net (refunds, chargebacks, duties)."""

    provider_id: str
    paid: bool
    to_bank: bool
    gross: Money
    fee: Money
    net: Money
    settles_at: datetime | None

    @property
    def other(self) -> Money:
        return self.gross - self.fee - self.net


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualAccountRequest:
    """Open a bank account number that is the payer's alone."""

    reference: str
    email: str = field(repr=False)
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    phone: str = field(repr=False)
    identity_number: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        refuse_bad_reference(self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualAccount:
    """Money sent to this number arrives as a charge with the channel `virtual_account` or `bank_transfer`."""

    provider_id: str
    bank_name: str
    account_number: str = field(repr=False)
    account_name: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A delivery with a right signature. `key` is the same for each delivery of the same news."""

    kind: NoticeKind
    reference: str
    provider_id: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """A page of a list. `unreadable`: ids of rows that could not be understood; a person must look at them."""

    rows: tuple[Row, ...]
    unreadable: tuple[str, ...]
