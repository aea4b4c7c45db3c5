"""The words of this room: events, channels, whom an event reaches, and the rows its queries answer with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from clustr.kit.locales import DEFAULT_LOCALE


class NotificationEvents(StrEnum):
    """What people are told about. What each is, by default, stands in `catalogue.EVENTS`."""

    PAYMENT_DUE = "payment_due"
    BILL_CHANGED = "bill_changed"
    BILL_ACKNOWLEDGED = "bill_acknowledged"
    BILL_DISPUTED = "bill_disputed"
    DISPUTE_RESOLVED = "dispute_resolved"
    BILL_OVERDUE = "bill_overdue"
    BILL_CANCELLED = "bill_cancelled"
    PAYMENT_CONFIRMED = "payment_confirmed"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_REFUNDED = "payment_refunded"
    WALLET_CREDITED = "wallet_credited"
    WALLET_CORRECTED = "wallet_corrected"
    PAYMENT_KEPT_IN_WALLET = "payment_kept_in_wallet"
    PAYOUT_RETURNED = "payout_returned"
    CLUSTER_WALLET_CREDITED = "cluster_wallet_credited"
    RECURRING_PAYMENT_SET_UP = "recurring_payment_set_up"
    RECURRING_PAYMENT_REMINDER = "recurring_payment_reminder"
    RECURRING_PAYMENT_TO_CONFIRM = "recurring_payment_to_confirm"
    RECURRING_PAYMENT_PROCESSED = "recurring_payment_processed"
    RECURRING_PAYMENT_FAILED = "recurring_payment_failed"
    RECURRING_PAYMENT_PAUSED = "recurring_payment_paused"
    RECURRING_PAYMENT_RESUMED = "recurring_payment_resumed"
    RECURRING_PAYMENT_CANCELLED = "recurring_payment_cancelled"
    UTILITY_DELIVERED = "utility_delivered"
    UTILITY_DELAYED = "utility_delayed"
    UTILITY_FAILED = "utility_failed"
    UTILITY_REFUNDED = "utility_refunded"
    UTILITY_BLOCKED = "utility_blocked"
    UTILITY_AUTOMATION_SET_UP = "utility_automation_set_up"
    UTILITY_AUTOMATION_REMINDER = "utility_automation_reminder"
    UTILITY_AUTOMATION_RUN = "utility_automation_run"
    UTILITY_AUTOMATION_LIMIT = "utility_automation_limit"
    UTILITY_AUTOMATION_SKIPPED = "utility_automation_skipped"
    UTILITY_AUTOMATION_CARD = "utility_automation_card"
    UTILITY_AUTOMATION_PAUSED = "utility_automation_paused"
    UTILITY_AUTOMATION_RESUMED = "utility_automation_resumed"
    UTILITY_AUTOMATION_CANCELLED = "utility_automation_cancelled"
    ACKNOWLEDGMENT_DIGEST = "acknowledgment_digest"
    CLUSTER_WALLET_DIGEST = "cluster_wallet_digest"
    ADMIN_ALERT = "admin_alert"
    PIN_LOCKED = "pin_locked"
    PIN_RESET = "pin_reset"
    NEW_PAYEE = "new_payee"


class Face(StrEnum):
    """To whom an event speaks: the member it is about (or every member), or the office."""

    MEMBER = "member"
    OFFICE = "office"


class Channel(StrEnum):
    """How people are told."""

    IN_APP = "in_app"
    EMAIL = "email"
    SMS = "sms"
    WHATSAPP = "whatsapp"


class Priority(StrEnum):
    NORMAL = "normal"
    HIGH = "high"


class DeliveryState(StrEnum):
    """Of one message to one person on one channel. `sending` was claimed; `interrupted` may have been handed over, which
    nobody knows, and is not repeated."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Reach:
    """The members a cluster-wide bill reaches: residents whose period overlaps `[issued_at, due_date]`, or who were there
    at issue. `condition` names one of `audiences.register_condition` that must hold of a member besides."""

    issued_at: datetime
    due_date: datetime
    at_issue_only: bool = False
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom an event reaches: exactly one of the three. One row, however many people that is."""

    user_id: UUID | None = None
    permission: str | None = None
    reach: Reach | None = None

    @classmethod
    def one(cls, user_id: UUID) -> Audience:
        """This person."""
        return cls(user_id=user_id)

    @classmethod
    def holders(cls, permission: str) -> Audience:
        """Whoever holds the permission when the notice is read or sent."""
        return cls(permission=permission)

    @classmethod
    def members(
        cls, *, issued_at: datetime, due_date: datetime, at_issue_only: bool = False, condition: str = ""
    ) -> Audience:
        """Every member that a cluster-wide bill with these dates reaches."""
        return cls(reach=Reach(issued_at, due_date, at_issue_only, condition))


@dataclass(frozen=True, slots=True)
class Estate:
    """What a text needs to know of the estate it comes from."""

    name: str
    timezone: str
    support_email: str
    locale: str = DEFAULT_LOCALE


@dataclass(frozen=True, slots=True)
class Text:
    """A notice in words: a title of one line, paragraphs of plain text, and rows of (what, value). `link`: an address in
    the body that is to be followed. `page`: the path of the page it is about, or ""."""

    title: str
    body: str
    details: tuple[tuple[str, str], ...] = ()
    link: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class Notification:
    """One line of somebody's list. `page`: the path of the page it is about, or ""."""

    id: UUID
    event: NotificationEvents
    face: Face
    priority: Priority
    title: str
    body: str
    subject_id: UUID | None
    at: datetime
    read_at: datetime | None
    page: str = ""


@dataclass(frozen=True, slots=True)
class ChannelChoice:
    """Whether one event reaches a person on one channel, and whether they may choose."""

    channel: Channel
    enabled: bool
    can_change: bool


@dataclass(frozen=True, slots=True)
class EventChoices:
    """One event with its channels, as a person has them."""

    event: NotificationEvents
    what: str
    channels: tuple[ChannelChoice, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A preference to be kept."""

    event: NotificationEvents
    channel: Channel
    enabled: bool


@dataclass(frozen=True, slots=True)
class EndpointView:
    """Where an integrator hears of an estate's events. `secret` only in the answer to who made it."""

    id: UUID
    url: str
    description: str
    events: tuple[NotificationEvents, ...]
    created_at: datetime
    previous_secret_until: datetime | None
    failing_since: datetime | None
    disabled_at: datetime | None
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class CallsSought:
    """Calls that are looked for: by the id of the call or of its event, or by any of the others: what they tell of, what
    became of them, why, the status that was answered."""

    events: frozenset[str]
    states: frozenset[str]
    whys: frozenset[str]
    http_status: int | None
    id: UUID | None


@dataclass(frozen=True, slots=True)
class CallView:
    """One event on its way to an endpoint, and what came of it."""

    id: UUID
    event_id: UUID
    event: NotificationEvents
    state: str
    attempts: int
    next_try_at: datetime | None
    http_status: int | None
    why: str
    created_at: datetime
    ended_at: datetime | None


Facts = Mapping[str, Any]
"""What a notice says, as JSON can hold it. A name's end says what it is: `_minor` an amount of `currency`, `_at` and
`_date` instants (RFC 3339), `_user_id` a person; anything else is shown as it stands."""
