"""The words of subscriptions: cycles, periods, coupons, charges for usage, and the lines of an invoice. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias

from clustr.kit.money import Money
from clustr.subscriptions.vendors.nouns import StripeMethod


class Unit(StrEnum):
    """What a cycle is counted in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Cycle:
    """How often a price is due: every `count` units."""

    unit: Unit
    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError("a cycle has at least one unit")


MONTHLY, YEARLY = Cycle(Unit.MONTH), Cycle(Unit.YEAR)


@dataclass(frozen=True, slots=True)
class Period:
    """The time from `start` up to, not including, `end`."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError("a period ends after it starts")

    @property
    def seconds(self) -> int:
        """Its length in whole seconds."""
        return seconds_between(self.start, self.end)

    def holds(self, at: datetime) -> bool:
        return self.start <= at < self.end


def seconds_between(start: datetime, end: datetime) -> int:
    """Whole seconds from one instant to another, each taken at the start of its second, as Stripe counts them."""
    return int(end.timestamp() // 1) - int(start.timestamp() // 1)


class Kept(StrEnum):
    """What a plan change does to the cycle under way."""

    PERIOD = "period"
    """The period goes on; both prices are prorated over what is left of it."""
    START = "start"
    """The new cycle counts from the start of the old period, as Stripe does with an unchanged anchor."""
    NOTHING = "nothing"
    """A new period begins now, with the whole new price; what is unused of the old one is credited."""


class Duration(StrEnum):
    """How long a coupon lowers invoices: the next one, those of some months, or all."""

    ONCE = "once"
    REPEATING = "repeating"
    FOREVER = "forever"


@dataclass(frozen=True, slots=True)
class Discount:
    """What a coupon takes off: a share in basis points (1,000 is 10 %), or an amount in one currency. Never both."""

    basis_points: int = 0
    amount: Money | None = None

    def __post_init__(self) -> None:
        if (self.amount is None) == (self.basis_points == 0):
            raise ValueError("a discount is a share or an amount")
        if not 0 <= self.basis_points <= 10_000 or (self.amount is not None and self.amount.minor <= 0):
            raise ValueError("a discount takes off something, and at most everything")


class LineKind(StrEnum):
    """Why a line stands on an invoice."""

    PLAN = "plan"
    UNUSED_TIME = "unused_time"
    REMAINING_TIME = "remaining_time"
    OVERAGE = "overage"
    USAGE_PACK = "usage_pack"
    CORRECTION = "correction"
    """What staff give back of an invoice that was paid."""


OF_PLAN = (LineKind.PLAN, LineKind.REMAINING_TIME, LineKind.UNUSED_TIME)
"""The lines that charge or give back time of a plan."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice, net of tax. `discount` is already known where a price was lowered before it was prorated,
    and then `discountable` is False: what is prorated is not discounted twice. `tax_basis_points`: 750 is 7.5 %."""

    kind: LineKind
    description: str
    amount: Money
    period: Period | None = None
    quantity: int = 1
    tax_basis_points: int = 0
    discountable: bool = True


class Pricing(StrEnum):
    """How a price follows from a quantity."""

    GRADUATED = "graduated"
    """Each unit costs what its own tier says."""
    VOLUME = "volume"
    """All units cost what the tier of the last one says."""
    PACKAGE = "package"
    """Whole packages, a begun one counts."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to and including `up_to` (None: without end) cost `unit_minor` each, and `flat_minor` once.

    `unit_minor` may be a fraction of a minor unit; what is charged is rounded once, at the end.
    """

    up_to: Decimal | None
    unit_minor: Decimal
    flat_minor: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class UsagePrice:
    """What usage of a feature costs. `included` units cost nothing. Of packages, the only tier's `unit_minor` is the
    price of one, of `package_size` units."""

    pricing: Pricing
    tiers: tuple[Tier, ...]
    included: Decimal = Decimal(0)
    package_size: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        ends = [tier.up_to for tier in self.tiers]
        bounds = [end for end in ends[:-1] if end is not None]
        if not ends or ends[-1] is not None or len(bounds) != len(ends) - 1 or bounds != sorted(set(bounds)):
            raise ValueError("tiers rise, and only the last has no end")
        if self.pricing is Pricing.PACKAGE and len(self.tiers) != 1:
            raise ValueError("packages have one price")
        if self.package_size <= 0 or self.included < 0:
            raise ValueError("a package holds something, and nothing is included less than nothing")


class FeatureType(StrEnum):
    """What a plan limits: of the customer's services, and of an estate's own."""

    AI_RESPONSES = "ai_responses"
    DOCUMENT_UPLOADS = "document_uploads"
    STORAGE_GB = "storage_gb"
    CHAT_MESSAGES = "chat_messages"
    ASSESSMENTS = "assessments"
    MEMBERS = "members"
    BILLS = "bills"
    MESSAGES = "messages"

    @property
    def label(self) -> str:
        """As people read it."""
        return self.replace("_", " ").replace("ai ", "AI ").replace(" gb", " GB")


class CancelReason(StrEnum):
    """Why a customer goes, as they chose; what they wrote stands behind it after a colon."""

    TOO_EXPENSIVE = "too_expensive"
    NOT_USED = "not_used"
    MISSING_FEATURE = "missing_feature"
    TECHNICAL = "technical"
    SERVICE = "service"
    OTHER = "other"


LEVELS = frozenset({FeatureType.STORAGE_GB, FeatureType.MEMBERS})
"""What is in use at a time: it goes up and down, and a new period does not begin at nothing. The rest is counted."""

COUNTED_BY_ITSELF = frozenset({FeatureType.MEMBERS, FeatureType.BILLS, FeatureType.MESSAGES})
"""An estate's own: nobody reports them."""

NEVER_WITHHELD = frozenset({FeatureType.MESSAGES})
"""What goes on beyond any limit: a receipt reaches who paid. It is counted, warned of, and charged where a plan says so."""

WARN_AT = (80, 100)
"""Per cent of a limit at which its customer is told, each time that it is passed: of what is counted once a period each."""


@dataclass(frozen=True, slots=True)
class UsageEvent:
    """One use of a feature. `event_id` is whatever the sender tells it by: it counts once. `amount` may be negative where
    the feature is a level."""

    feature_type: FeatureType
    amount: Decimal
    event_id: str
    at: datetime
    metadata: dict[str, Any]


MethodRow: TypeAlias = StripeMethod
"""A saved card, for whom it is only shown to."""
