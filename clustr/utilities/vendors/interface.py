"""The port: what ClustR asks of whoever sells utilities, in ClustR's words. No vendor word and no wire format stands here.

Every method is one question, asked between transactions. It answers a noun of this module, or raises what a question to a
payment provider raises (`clustr.payments.providers.port`): NothingSent, OutcomeUnknown, AlreadyKnown, ProviderRefused,
NotOffered, and nothing else. A `failed` outcome is positive evidence; whatever is not understood is `unknown`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clustr.bills.types import BillType
from clustr.kit.money import Money
from clustr.payments.providers.nouns import REFERENCE, Decline, NotFoundYet, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedUtility:
    """One thing a service sells. `fixed`: its only price; `minimum` and `maximum` bound any other. `fee` comes on top.
    `gives_token`: it is not delivered without one. `number_label`: what the customer's number is called."""

    provider_code: str
    name: str
    service_type: BillType
    currency: str
    fixed: Money | None
    minimum: Money | None
    maximum: Money | None
    fee: Money
    gives_token: bool
    number_label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerInfo:
    """Who the utility says stands behind a number, and what holds for them; None: as the catalogue says."""

    name: str = field(repr=False)
    address: str = field(repr=False)
    minimum: Money | None
    maximum: Money | None
    fee: Money | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseRequest:
    """Sell this to that customer, once for our reference. `notify_url`: where the service may tell what became of it."""

    reference: str
    provider_code: str
    customer_id: str = field(repr=False)
    amount: Money
    notify_url: str

    def __post_init__(self) -> None:
        if not REFERENCE.fullmatch(self.reference):
            raise ValueError("a reference is 16 to 50 of a-z, 0-9 and -")
        if self.amount.minor <= 0:
            raise ValueError("an amount that moves is more than nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseTruth:
    """What the service says now about one purchase. `customer_id` is "" where it does not tell; `token` too, until there is
    one. `fee`: what it took on top, None where it does not tell. `units` and `tariff` as people read them, or "".
    `record`: what may be kept of the answer: no free text, which may name the customer, whose number can be short or of
    letters; of `decline` its type alone. Compare reference, amount and customer before giving it to anybody."""

    outcome: Outcome
    reference: str
    provider_id: str
    customer_id: str = field(repr=False)
    amount: Money
    fee: Money | None
    token: str = field(repr=False)
    units: str
    tariff: str
    decline: Decline | None
    record: Mapping[str, Any] = field(repr=False)


class UtilityServiceInterface(ABC):
    """One service with its keys, safe to share between threads."""

    name: str

    @property
    def sold_by(self) -> str:
        """The name of the service that sells and is paid for it: this one, unless another sells in its stead."""
        return self.name

    @abstractmethod
    def get_utility_providers(self, *, service_type: BillType) -> tuple[OfferedUtility, ...]:
        """All that it sells of this type now."""

    @abstractmethod
    def get_customer_info(
        self, *, customer_id: str, provider_code: str, within_seconds: float | None = None
    ) -> CustomerInfo:
        """Who stands behind a number. ProviderRefused with INVALID_CUSTOMER or METER_NOT_FOUND where nobody does."""

    @abstractmethod
    def purchase_utility(self, request: PurchaseRequest) -> PurchaseTruth:
        """After OutcomeUnknown, again with the same reference only; after a conclusive failure, with a new one."""

    @abstractmethod
    def fetch_purchase(self, *, reference: str) -> PurchaseTruth | NotFoundYet:
        """What became of the purchase with this reference of ours."""

    def validate_customer(self, *, customer_id: str, provider_code: str, within_seconds: float) -> CustomerInfo:
        """As `get_customer_info`, where a person waits: an answer in so many seconds, or none."""
        return self.get_customer_info(
            customer_id=customer_id, provider_code=provider_code, within_seconds=within_seconds
        )
