"""The words of standing orders: how often, from where, in which state, and what queries answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from clustr.bills.types import BillType
from clustr.kit.money import Money


class Frequency(StrEnum):
    """How often a standing order runs."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"


class PaymentSource(StrEnum):
    """Where the money comes from."""

    WALLET = "wallet"
    CARD = "card"


class OrderState(StrEnum):
    """Where a standing order stands. `ended`: its last period has run; `cancelled` and `ended` are for good."""

    ACTIVE = "active"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    ENDED = "ended"


class StoppedBy(StrEnum):
    """Who paused or cancelled a standing order; `failures`: it paused itself; `departure`: its member has left;
    `released`: the office paused it, and lets its member resume it."""

    NOBODY = ""
    MEMBER = "member"
    OFFICE = "office"
    FAILURES = "failures"
    DEPARTURE = "departure"
    RELEASED = "released"


class RunState(StrEnum):
    """What became of one period. `retrying` is open and tried again, `charging` waits for what becomes of its card's charge;
    the others are how it ended: the money moved, nothing was open to pay, it failed for good, or the order was paused or
    cancelled before it was paid."""

    CHARGING = "charging"
    RETRYING = "retrying"
    COMPLETED = "completed"
    NOTHING_DUE = "nothing_due"
    FAILED = "failed"
    STOPPED = "stopped"


class RunFailure(StrEnum):
    """Why a run moved nothing."""

    NONE = ""
    INSUFFICIENT_FUNDS = "insufficient_funds"
    ACCOUNT_FROZEN = "account_frozen"
    CARD_NOT_COVERED = "card_not_covered"
    CARD_DECLINED = "card_declined"
    CARD_EXPIRED = "card_expired"
    CARD_REMOVED = "card_removed"
    CARD_NOT_CONFIRMED = "card_not_confirmed"
    CARD_TOO_LITTLE = "card_too_little"
    CARD_TOO_MUCH = "card_too_much"
    CHARGED_IN_PART = "charged_in_part"
    PROVIDER_TROUBLE = "provider_trouble"


BEYOND_CARD = {"amount_too_small": RunFailure.CARD_TOO_LITTLE, "amount_too_large": RunFailure.CARD_TOO_MUCH}
"""What is less, or more, than the card's provider takes at once: nothing was asked of the card. What pays bills goes on with
its next period, when something else is open; a contribution is always the same, and pauses."""
FINAL = frozenset(
    {RunFailure.CARD_DECLINED, RunFailure.CARD_EXPIRED, RunFailure.CARD_REMOVED, RunFailure.CHARGED_IN_PART}
    | set(BEYOND_CARD.values())
)
"""What another try with the same card does not mend: the order pauses itself at once."""


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A standing order to be set up. With `bill_type` it pays the member's acknowledged bills of that type, at most
    `max_amount` (or, without one, `amount`) a period; without, it contributes exactly `amount`."""

    title: str
    amount: Money
    frequency: Frequency
    start_date: datetime
    end_date: datetime | None = None
    description: str = ""
    bill_type: BillType | None = None
    payment_source: PaymentSource = PaymentSource.WALLET
    payment_method_id: UUID | None = None
    max_amount: Money | None = None


@dataclass(frozen=True, slots=True)
class OrderChanges:
    """What to change of a standing order; None leaves it as it is. `payment_method_id`: another card, where a card pays."""

    title: str | None = None
    description: str | None = None
    amount: Money | None = None
    max_amount: Money | None = None
    end_date: datetime | None = None
    payment_method_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class RunsSought:
    """Runs that are looked for, by any of these: where they stand, why they failed, when they were due (in the time zone that is
    in force: on all that stands of a day, one of some months, and a year), a transaction of theirs. `waited`: the spans in which bills waited to be read: what had
    nothing to pay meanwhile is found by `unread`, not by its state."""

    states: frozenset[str]
    failures: frozenset[str]
    day: int | None
    months: frozenset[int]
    year: int | None
    transaction_id: UUID | None
    unread: bool = False
    waited: Sequence[tuple[datetime, datetime | None]] = ()


@dataclass(frozen=True, slots=True)
class RunView:
    """What became of one period of a standing order. `amount` is what moved; `attempts`, how often it was tried."""

    id: UUID
    period: int
    due_at: datetime
    state: RunState
    amount: Money
    attempts: int
    failure: RunFailure
    shortfall: Money
    transaction_ids: tuple[UUID, ...]
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class OrderView:
    """A standing order as its owner and the office see it. `next_run_at`: None while it does not run. `stopped_at`,
    `stopped_by` and `reason`: of the present pause, or of the cancellation."""

    id: UUID
    user_id: UUID
    title: str
    description: str
    amount: Money
    max_amount: Money | None
    frequency: Frequency
    bill_type: BillType | None
    payment_source: PaymentSource
    payment_method_id: UUID | None
    start_date: datetime
    end_date: datetime | None
    state: OrderState
    stopped_at: datetime | None
    stopped_by: StoppedBy
    reason: str
    next_run_at: datetime | None
    failed_attempts: int
    last_run_at: datetime | None
    created_at: datetime

    @property
    def can_resume(self) -> bool:
        """Whether its member may resume it: what the office paused waits for the office."""
        return self.state is OrderState.PAUSED and self.stopped_by is not StoppedBy.OFFICE


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """A member's standing orders in numbers. `next_run_at`: of the one that runs first. `due_next_month`: what the
    active ones may take in the 30 days that follow, at most."""

    active: int
    paused: int
    next_run_at: datetime | None
    due_next_month: Money
    paid_this_year: Money


@dataclass(frozen=True, slots=True)
class Processed:
    """What a sweep over due standing orders did: how many runs moved money, found nothing to pay, will be tried again, or
    failed for good; how many orders it stopped because their member has left; how many charges of cards it asked for, and
    how many wait for another one that is not decided; how many orders it let follow their estate to another time zone."""

    completed: int = 0
    nothing_due: int = 0
    retrying: int = 0
    failed: int = 0
    stopped: int = 0
    charging: int = 0
    waiting: int = 0
    retimed: int = 0

    @classmethod
    def of(cls, states: Sequence[RunState], *, stopped: int = 0, waiting: int = 0) -> Processed:
        """What became of runs that stand in these states now."""
        return cls(
            completed=states.count(RunState.COMPLETED),
            nothing_due=states.count(RunState.NOTHING_DUE),
            retrying=states.count(RunState.RETRYING),
            failed=states.count(RunState.FAILED),
            charging=states.count(RunState.CHARGING),
            stopped=stopped,
            waiting=waiting,
        )

    @property
    def total(self) -> int:
        return sum(astuple(self))

    def __add__(self, other: Processed) -> Processed:
        return Processed(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))


class Happening(StrEnum):
    """What a member is told of a standing order."""

    SET_UP = "set_up"
    REMINDER = "reminder"
    PROCESSED = "processed"
    FAILED = "failed"
    PAUSED = "paused"
    RESUMED = "resumed"
    CANCELLED = "cancelled"
