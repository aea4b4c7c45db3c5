"""The words of this room: roles, permissions, settings, and the rows its queries answer with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from clustr.kit.money import Money

PLATFORM_CLUSTER_ID = UUID("00000000-0000-7000-8000-000000000001")
"""The reserved tenant of the platform's own books and staff; the first migration creates it."""


class PaymentsPermissions(StrEnum):
    """What management may do with an estate's money. Granted to a membership through its role."""

    MANAGE_BILL = "ManageBill"
    VIEW_PAYMENTS = "ViewPayments"
    MANAGE_RECURRING = "ManageRecurring"
    VIEW_WALLET = "ViewWallet"
    TRANSFER_FUNDS = "TransferFunds"
    CREDIT_WALLET = "CreditWallet"
    MANAGE_MEMBERS = "ManageMembers"


class Role(StrEnum):
    """`admin` holds every permission, `staff` what an admin grants, `resident` none."""

    ADMIN = "admin"
    STAFF = "staff"
    RESIDENT = "resident"


FORMER = "former"
"""The standing of who has left, resident or staff: they keep their wallet, and read and pay what applied to them."""


class FeeBearer(StrEnum):
    """Who bears a provider's fee: the estate's wallet, or the payer on top of the bill."""

    CLUSTER = "cluster"
    PAYER = "payer"


@dataclass(frozen=True, slots=True)
class Period:
    """One membership's half-open interval `[joined_at, left_at)`, its role and what was granted with it."""

    role: str
    permissions: tuple[str, ...]
    joined_at: datetime
    left_at: datetime | None

    def holds_at(self, instant: datetime) -> bool:
        return self.joined_at <= instant and (self.left_at is None or instant < self.left_at)


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody is in a cluster at an instant."""

    role: str
    permissions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PendingLimit:
    """A transfer limit that was raised, or removed (None), and counts from an instant that lies ahead."""

    limit: Money | None
    counts_from: datetime


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """What an administrator may read of, and mostly change in, their cluster. `transfer_approval_limit` is the one that
    counts now."""

    cluster_id: UUID
    name: str
    currency: str
    timezone: str
    transfer_approval_limit: Money | None
    pending_limit: PendingLimit | None
    support_email: str
    fee_bearer: FeeBearer
    locale: str
    reminder_days: tuple[int, ...]
    """How many days before a due date members are reminded, the longest first; none: they are not."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True)
class EstateOf:
    """One of a person's estates, as they choose among them. `role` is `former` for who has left; `invited`: they have not
    accepted yet, and it gives no access."""

    cluster_id: UUID
    name: str
    role: str
    invited: bool
    currency: str


@dataclass(frozen=True, slots=True)
class Member:
    """One membership with the person and the unit it is about."""

    id: UUID
    user_id: UUID
    name: str
    email: str
    phone: str
    unit: str | None
    unit_type: str | None
    role: Role
    permissions: tuple[str, ...]
    joined_at: datetime
    left_at: datetime | None


class Keep(Enum):
    """The value of what a change leaves as it is (None would empty it)."""

    AS_IS = "as_is"


AS_IS = Keep.AS_IS


@dataclass(frozen=True, slots=True)
class Supplied:
    """What an estate said of a person whom others knew before: all it is shown of them until they accept."""

    email: str
    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class NewMember:
    """A membership to be made. `permissions` only with the role `staff`; `unit` is a label, made known if it is not. With
    `supplied` the person has to accept it, unless they have accepted one of the same cluster before."""

    user_id: UUID
    role: Role
    joined_at: datetime
    permissions: tuple[str, ...] = ()
    unit: str = ""
    unit_type: str = ""
    supplied: Supplied | None = None


@dataclass(frozen=True, slots=True)
class MemberChanges:
    """What to change of a membership; an empty `unit` or a `left_at` of None takes it away."""

    role: Role | Keep = AS_IS
    permissions: frozenset[str] | Keep = AS_IS
    unit: str | Keep = AS_IS
    unit_type: str | Keep = AS_IS
    left_at: datetime | Keep | None = AS_IS


@dataclass(frozen=True, slots=True)
class SettingsChanges:
    """What to change of a cluster's settings; a limit of None means that one person suffices for any transfer."""

    name: str | Keep = AS_IS
    timezone: str | Keep = AS_IS
    transfer_approval_limit: Money | Keep | None = AS_IS
    support_email: str | Keep = AS_IS
    fee_bearer: FeeBearer | Keep = AS_IS
    locale: str | Keep = AS_IS
    reminder_days: Sequence[int] | Keep | None = AS_IS
    """None: those of BILL_REMINDER_DAYS."""


@dataclass(frozen=True, slots=True)
class RosterResult:
    """What an import did. Existing members are `unchanged` or, when their unit or name differs, `updated`."""

    rows: int
    created: int
    updated: int
    unchanged: int
    units_created: int
