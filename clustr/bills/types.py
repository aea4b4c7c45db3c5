"""The words of bills: types, categories, statuses, and what queries answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from clustr.kit.money import Money


class BillType(StrEnum):
    """What a bill is for. The `_utility` types are bought from outside by the member."""

    SECURITY = "security"
    MAINTENANCE = "maintenance"
    SERVICE_CHARGE = "service_charge"
    WASTE_MANAGEMENT = "waste_management"
    ELECTRICITY = "electricity"
    WATER = "water"
    ELECTRICITY_UTILITY = "electricity_utility"
    WATER_UTILITY = "water_utility"
    INTERNET_UTILITY = "internet_utility"
    CABLE_TV_UTILITY = "cable_tv_utility"
    OTHER = "other"


class BillCategory(StrEnum):
    """Who manages the bill: the cluster's office, or the member who buys from a utility."""

    CLUSTER_MANAGED = "cluster_managed"
    USER_MANAGED = "user_managed"


class MemberStatus(StrEnum):
    """A bill as one member has it; the first that holds, in this order."""

    CANCELLED = "cancelled"
    PAID = "paid"
    DISPUTED = "disputed"
    OVERDUE = "overdue"
    PARTIALLY_PAID = "partially_paid"
    ACKNOWLEDGED = "acknowledged"
    PENDING_ACKNOWLEDGMENT = "pending_acknowledgment"


class DisputeState(StrEnum):
    """Where a dispute stands; only an open one stands in the way of payment."""

    OPEN = "open"
    WITHDRAWN = "withdrawn"
    UPHELD = "upheld"
    REJECTED = "rejected"


class Resolution(StrEnum):
    """How the office ends a dispute."""

    UPHELD = "upheld"
    REJECTED = "rejected"


UTILITY_TYPES = frozenset(
    {BillType.ELECTRICITY_UTILITY, BillType.WATER_UTILITY, BillType.INTERNET_UTILITY, BillType.CABLE_TV_UTILITY}
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a member consents to. Changing any of it makes a new version, and older consents no longer open payment."""

    title: str
    description: str
    type: BillType
    amount: Money
    due_date: datetime
    version: int = 1


@dataclass(frozen=True, slots=True)
class NewBill:
    """A bill to be issued: to one member, or with `user_id` None to the whole cluster."""

    title: str
    amount: Money
    type: BillType
    due_date: datetime
    user_id: UUID | None = None
    description: str = ""
    allow_payment_after_due: bool = False
    members_at_issue_only: bool = False


@dataclass(frozen=True, slots=True)
class UtilityBill:
    """A bill of a member's own, for what they buy. `metadata` is small and identifies nobody: no customer number."""

    terms: Terms
    utility_provider_id: UUID
    metadata: Mapping[str, Any] = field(default_factory=dict)
    is_automated: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What one member did about one bill: the facts that the status is derived from. Amounts in minor units."""

    cancelled: bool
    due_minor: int
    paid_minor: int
    disputed: bool
    due_date: datetime
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class MemberBillView:
    """A bill as one member has it; nothing is due on a cancelled one."""

    id: UUID
    bill_number: str
    title: str
    description: str
    type: BillType
    category: BillCategory
    amount: Money
    amount_due: Money
    amount_paid: Money
    due_date: datetime
    issued_at: datetime
    status: MemberStatus
    is_cluster_wide: bool
    allow_payment_after_due: bool
    acknowledged_at: datetime | None
    can_acknowledge: bool
    can_pay: bool
    version: int
    terms_digest: str

    @property
    def amount_remaining(self) -> Money:
        return Money(max(0, self.amount_due.minor - self.amount_paid.minor), self.amount.currency)


@dataclass(frozen=True, slots=True)
class BillTotals:
    """What a bill reaches and has brought in so far. Amounts in minor units."""

    members_billed: int
    acknowledged_count: int
    disputed_count: int
    paid_count: int
    billed_minor: int
    collected_minor: int

    @property
    def outstanding_minor(self) -> int:
        return max(0, self.billed_minor - self.collected_minor)


@dataclass(frozen=True, slots=True)
class ManagedBillView:
    """A bill as the office has it. `acknowledged_at` is there for a bill to one member only; `can_acknowledge` and
    `can_pay` say whether anyone it reaches still could. Nothing is due on a cancelled one."""

    id: UUID
    cluster_id: UUID
    user_id: UUID | None
    bill_number: str
    title: str
    description: str
    type: BillType
    category: BillCategory
    amount: Money
    due_date: datetime
    issued_at: datetime
    status: MemberStatus
    allow_payment_after_due: bool
    members_at_issue_only: bool
    created_by: UUID
    cancelled_at: datetime | None
    cancel_reason: str
    version: int
    acknowledged_at: datetime | None
    can_acknowledge: bool
    can_pay: bool
    totals: BillTotals

    @property
    def amount_billed(self) -> Money:
        """What it asks of all its members together, or asked before it was cancelled."""
        return Money(self.totals.billed_minor, self.amount.currency)

    @property
    def amount_due(self) -> Money:
        """What it asks of all its members together; nothing where it is cancelled."""
        return Money(0, self.amount.currency) if self.cancelled_at else self.amount_billed

    @property
    def amount_paid(self) -> Money:
        return Money(self.totals.collected_minor, self.amount.currency)

    @property
    def amount_remaining(self) -> Money:
        return Money(0 if self.cancelled_at else self.totals.outstanding_minor, self.amount.currency)


@dataclass(frozen=True, slots=True)
class BilledMember:
    """One member a bill reaches, and where they stand."""

    user_id: UUID
    name: str
    unit: str | None
    status: MemberStatus
    amount_due: Money
    amount_paid: Money
    acknowledged_at: datetime | None

    @property
    def amount_remaining(self) -> Money:
        return Money(max(0, self.amount_due.minor - self.amount_paid.minor), self.amount_due.currency)


@dataclass(frozen=True, slots=True)
class DisputeView:
    """A dispute with the bill and member it is about."""

    id: UUID
    bill_id: UUID
    bill_number: str
    bill_title: str
    user_id: UUID
    name: str
    reason: str
    state: DisputeState
    opened_at: datetime
    closed_at: datetime | None
    closed_by: UUID | None
    note: str


@dataclass(frozen=True, slots=True)
class StatusLine:
    """How many bills stand in a status, and what is due and paid on them."""

    status: MemberStatus
    count: int
    amount_due: Money
    amount_paid: Money


@dataclass(frozen=True, slots=True)
class BillSummary:
    """A member's bills by status, what is still to be paid, and when next."""

    lines: tuple[StatusLine, ...]
    outstanding: Money
    next_due_date: datetime | None


@dataclass(frozen=True, slots=True)
class DirectPayment:
    """What a checkout for a bill asks for, and the version of the terms that it relies on."""

    bill_id: UUID
    amount: Money
    title: str
    version: int


class Happened(StrEnum):
    """What a member can read in the history of one of their bills."""

    ISSUED = "issued"
    CHANGED = "changed"
    ACKNOWLEDGED = "acknowledged"
    DISPUTED = "disputed"
    WITHDRAWN = "withdrawn"
    UPHELD = "upheld"
    REJECTED = "rejected"
    LOWERED = "lowered"
    PAID = "paid"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class BillEvent:
    """One line of the history of a bill as one member has it. `amount`: what was paid, given back or taken off; of a change
    the amount before it. `version`: of the terms acknowledged or made. `text`: a reason or a note.
    `transaction_id`: what moved the money."""

    what: Happened
    at: datetime
    amount: Money | None = None
    version: int | None = None
    text: str = ""
    transaction_id: UUID | None = None
