"""The port: what ClustR asks of a payment provider, in ClustR's words. No vendor word and no wire format stands here.

Every method is one question to the provider, asked between transactions. It answers a noun of `nouns`, or raises

    kit.outbound.NothingSent       nothing left this machine: nothing happened
    kit.outbound.OutcomeUnknown    the request may have been heard: fetch the truth later, assume no failure
    AlreadyKnown                   the provider has this reference already: fetch the truth
    ProviderRefused                the provider read the request and refused it: nothing happened
        NoSuchAccount              because there is no such bank account, and it is sure of that
    NotOffered                     this provider cannot do that at all

and nothing else. A `failed` outcome is positive evidence; whatever is not understood is `unknown`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from clustr.kit.outbound import Outbound
from clustr.payments.providers.nouns import (
    Balance,
    Bank,
    Bounds,
    ChallengeRequired,
    ChargeRequest,
    ChargeTruth,
    CheckoutStarted,
    Mode,
    NotFoundYet,
    Notice,
    Page,
    PayoutRequest,
    PayoutTruth,
    SavedMethodCharge,
    Settlement,
    VirtualAccount,
    VirtualAccountRequest,
)
from clustr.payments.providers.returns import DisputeTruth, RefundRequest, RefundTruth
from clustr.payments.types import PaymentErrorType


class ProviderRefused(Exception):
    """The provider read the request and refused it; nothing happened. `message`: what it said, redacted."""

    def __init__(self, type: PaymentErrorType, message: str, *, http_status: int) -> None:
        super().__init__(f"{type.value} (HTTP {http_status})")
        self.type = type
        self.message = message
        self.http_status = http_status


class NoSuchAccount(ProviderRefused):
    """There is no such bank, or no such account at it. A provider that could not find out, whatever it says, has only refused."""


class AlreadyKnown(Exception):
    """The provider has a charge or payout with this reference; it was made by an earlier request of ours."""


class NotOffered(Exception):
    """This provider does not offer this, or not in this currency. Nothing was sent."""


class NoticeRefused(Exception):
    """The signature is absent or wrong. Keep nothing of it."""


class Connect(Protocol):
    """Makes the way out to one provider's host; `name` is what logs and figures call it."""

    def __call__(self, *, name: str, base_url: str, headers: Mapping[str, str]) -> Outbound: ...


class PaymentProvider(Protocol):
    """One provider with its keys, safe to share between threads."""

    name: str
    mode: Mode

    def charge_bounds(self, *, currency: str) -> Bounds:
        """How little and how much it takes in one charge; asks nobody."""
        ...

    def start_charge(self, request: ChargeRequest) -> CheckoutStarted: ...
    def charge_saved_method(self, request: SavedMethodCharge) -> ChargeTruth | ChallengeRequired: ...
    def fetch_charge(self, *, reference: str) -> ChargeTruth | NotFoundYet:
        """By our reference. Of several attempts, one that succeeded."""
        ...

    def fetch_charge_by_id(self, *, provider_id: str) -> ChargeTruth | NotFoundYet:
        """By the provider's id, as a notice or a list tells it: for money that came without a reference of its own."""
        ...

    def list_charges(self, *, since: datetime, until: datetime) -> Iterator[Page[ChargeTruth]]:
        """Every charge made in [since, until). Pages are asked for as they are read; a row may come twice."""
        ...

    def refund_charge(self, request: RefundRequest) -> RefundTruth:
        """Not done once for a reference: after OutcomeUnknown look into `refunds_of` before asking again."""
        ...

    def fetch_refund(self, *, provider_id: str) -> RefundTruth | NotFoundYet: ...
    def refunds_of(self, *, charge_id: str) -> tuple[RefundTruth, ...]: ...

    def refunded_charges(self, *, since: datetime, until: datetime) -> Iterator[Page[str]]:
        """The provider's ids of the charges of which somebody asked it in [since, until) to give something back, and perhaps
        of some beside them."""
        ...

    def fetch_dispute(self, *, provider_id: str) -> DisputeTruth | NotFoundYet:
        """One dispute by the provider's number. Raises `NotOffered` where disputes are found by their charge only."""
        ...

    def disputes_of(self, *, charge_id: str) -> tuple[DisputeTruth, ...]:
        """What the charge's payer complained of to their bank, and how that was decided."""
        ...

    def disputed_charges(self, *, since: datetime, until: datetime) -> Iterator[Page[str]]:
        """The provider's ids of the charges that were disputed in [since, until), and perhaps of some beside them."""
        ...

    def list_banks(self, *, currency: str) -> tuple[Bank, ...]: ...
    def resolve_account(self, *, bank_code: str, account_number: str, currency: str) -> str:
        """The name in which the bank holds the account. Raises `NotOffered` where banks of this currency are not asked,
        `NoSuchAccount` where it is sure that there is none."""
        ...

    def pay_out(self, request: PayoutRequest) -> PayoutTruth:
        """After OutcomeUnknown, again with the same reference only; after a conclusive failure, with a new one."""
        ...

    def fetch_payout(self, *, reference: str) -> PayoutTruth | NotFoundYet: ...

    def list_payouts(self, *, since: datetime, until: datetime) -> Iterator[Page[PayoutTruth]]:
        """Every payout asked for in [since, until), and perhaps some beside it."""
        ...

    def list_settlements(self, *, since: datetime, until: datetime) -> Iterator[Page[Settlement]]: ...
    def balances(self) -> tuple[Balance, ...]:
        """What it holds now, in each currency that ClustR knows, once; a currency it does not name is one it holds nothing
        of."""
        ...

    def open_virtual_account(self, request: VirtualAccountRequest) -> VirtualAccount: ...
    def read_notice(self, *, raw_body: bytes, headers: Mapping[str, Any]) -> Notice:
        """Only with a right signature over these bytes; else NoticeRefused. Signed nonsense is a notice of kind other."""
        ...
