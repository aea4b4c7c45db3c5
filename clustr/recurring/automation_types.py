"""The words of automations: what is bought by itself, when, from where, within which limits, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime, time
from enum import StrEnum
from typing import Self, TypedDict
from uuid import UUID

from clustr.bills.types import BillType
from clustr.kit.money import Money
from clustr.recurring.types import PaymentSource, StoppedBy


class ScheduleKind(StrEnum):
    """By what the days of an automation are told."""

    DAY_OF_MONTH = "day_of_month"
    WEEKDAY = "weekday"
    EVERY_DAYS = "every_days"


class AutomationState(StrEnum):
    """`off` until its member opts in, and whenever they switch it off; `paused`: it switched itself off, or the estate did."""

    OFF = "off"
    ON = "on"
    PAUSED = "paused"


class AutomationNotices(StrEnum):
    """What an automation tells its member of, as they choose; that it was paused, and that a card asks for them, always."""

    RUN = "run"
    LIMIT = "limit"
    SKIPPED = "skipped"


class AutomationRunState(StrEnum):
    """What became of one period. `waiting`: to be tried, at `try_at`; `charging`: its card is charged; `buying`: bought, and
    not yet known whether it is delivered. The others are its end: delivered, over a limit, failed for good, or stopped:
    switched off, or what its card had paid was given back or does not cover it any more."""

    WAITING = "waiting"
    CHARGING = "charging"
    BUYING = "buying"
    COMPLETED = "completed"
    SKIPPED = "skipped"
    FAILED = "failed"
    STOPPED = "stopped"


class AutomationFailure(StrEnum):
    """Why an attempt bought nothing."""

    NONE = ""
    INSUFFICIENT_FUNDS = "insufficient_funds"
    ACCOUNT_FROZEN = "account_frozen"
    SPENDING_LIMIT = "spending_limit"
    TYPE_LIMIT = "type_limit"
    DAILY_LIMIT = "daily_limit"
    TOO_LITTLE_HISTORY = "too_little_history"
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
    CUSTOMER_UNKNOWN = "customer_unknown"
    NOT_SOLD = "not_sold"
    VENDOR_UNAVAILABLE = "vendor_unavailable"
    VENDOR_REFUSED = "vendor_refused"
    NUMBER_TOO_NEW = "number_too_new"
    PIN_NEEDED = "pin_needed"
    CARD_DECLINED = "card_declined"
    CARD_GONE = "card_gone"
    CARD_REFUNDED = "card_refunded"
    CARD_SHORT = "card_short"
    CARD_TOO_LITTLE = "card_too_little"
    CARD_TOO_MUCH = "card_too_much"


BEYOND_CARD = {
    "amount_too_small": AutomationFailure.CARD_TOO_LITTLE,
    "amount_too_large": AutomationFailure.CARD_TOO_MUCH,
}
"""What is less, or more, than the card's provider takes at once: the period ends, as at a limit, and the next one comes."""


@dataclass(frozen=True, slots=True)
class ScheduleTerms:
    """When: see `automation_schedule.BuyingSchedule`. `at`: the estate's wall clock, whole minutes."""

    kind: ScheduleKind
    every: int
    at: time = time(8)


@dataclass(frozen=True, slots=True)
class AutomationTerms:
    """What an automation may do. `amount` None: what the member's history makes expect, at most `max_amount`.
    `payment_method_id`: the card that pays always (source
    card), or where the wallet does not cover it (source wallet). `spending_limit`: of it in a calendar month, fees included; None: none. `minimum_balance`: what it leaves in the wallet.
    `priority`: 1 goes first. `allow_partial`: what remains is bought where the whole is not covered."""

    schedule: ScheduleTerms
    amount: Money | None
    max_amount: Money | None = None
    payment_source: PaymentSource = PaymentSource.WALLET
    payment_method_id: UUID | None = None
    spending_limit: Money | None = None
    minimum_balance: Money | None = None
    priority: int = 100
    allow_partial: bool = False
    notify: frozenset[AutomationNotices] = field(default=frozenset(AutomationNotices))


class AutomationChanges(TypedDict, total=False):
    """What to change of an automation's terms; what is absent stays as it is."""

    schedule: ScheduleTerms
    amount: Money | None
    max_amount: Money | None
    payment_source: PaymentSource
    payment_method_id: UUID | None
    spending_limit: Money | None
    minimum_balance: Money | None
    priority: int
    allow_partial: bool
    notify: frozenset[AutomationNotices]


@dataclass(slots=True)
class AutomationOutcome:
    """What a pass over one member's automations did: bought, began to charge a card, stopped at a limit, or tried in vain;
    `waiting`: a utility did not answer, or the same is being bought."""

    bought: int = 0
    charging: int = 0
    limited: int = 0
    failed: int = 0
    waiting: int = 0

    def __iadd__(self, other: AutomationOutcome) -> Self:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))
        return self


@dataclass(frozen=True, slots=True)
class AutomationView:
    """An automation as its owner sees it. `next_run_at`: None while it is off or paused."""

    id: UUID
    account_id: UUID
    provider_id: UUID
    provider_name: str
    provider_type: BillType
    label: str
    ending: str
    terms: AutomationTerms
    state: AutomationState
    stopped_at: datetime | None
    stopped_by: StoppedBy
    reason: str
    next_run_at: datetime | None
    spent_this_month: Money
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AutomationRunView:
    """What became of one period. `amount` and `fee`: what was bought, or is being; `shortfall`: what was missing last."""

    id: UUID
    period: int
    due_at: datetime
    state: AutomationRunState
    amount: Money
    fee: Money
    source: PaymentSource
    attempts: int
    failure: AutomationFailure
    shortfall: Money
    purchase_ids: tuple[UUID, ...]
    try_at: datetime | None
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class UpcomingView:
    """What an automation will buy next. `amount` None: too few purchases to say. `is_estimated`: from history, so many
    purchases (`based_on`), which usually lay no further from it than `spread`; `expected_at`: when the member would have
    bought again by their own habit, which may differ from the day they set (`due_at`).
    `shortfall`: what the wallet will lack by then, after what comes before; `over_limit`: a limit forbids it;
    `card_missing`: the card that is to pay was removed; `beyond_card`: it is less, or more, than the card's provider takes at
    once. `paid_by`: the card, also where it stands in for a wallet that does not cover it (`stands_in`), which then is not
    said to lack anything; `declined`: that card was declined the last time; `card_fee`: what it is charged on top."""

    automation_id: UUID
    provider_name: str
    label: str
    ending: str
    due_at: datetime
    amount: Money | None
    fee: Money
    is_estimated: bool
    based_on: int
    spread: Money
    expected_at: datetime | None
    shortfall: Money
    over_limit: bool
    card_missing: bool
    beyond_card: AutomationFailure
    paid_by: PaymentSource
    stands_in: bool
    declined: bool
    card_fee: Money


@dataclass(frozen=True, slots=True)
class SpendingLimitView:
    """What a member's automations may spend on one type of utility in a month (None: no limit), and have."""

    service_type: BillType
    limit: Money | None
    spent_this_month: Money


@dataclass(frozen=True, slots=True)
class AutomationSums:
    """How automations do in an estate: members who have one switched on, automations on and paused, and of the periods of
    the last thirty days those that ended delivered, failed, over a limit, and of those tried again the delivered."""

    members: int
    on: int
    paused: int
    delivered: int
    failed: int
    limited: int
    retried: int
    recovered: int
