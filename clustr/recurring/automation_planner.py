"""Which of one wallet's automations buy now: in the order of their priority, within every limit, above every minimum. Pure.

One after the other is judged by what those before it leave. What is not covered is passed over, and whatever comes after it
may still be bought. Money that a card brought for one automation is nobody else's, and was counted against its limits when
the card was charged; where a card pays always, the wallet adds nothing to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from clustr.bills.types import BillType


class Verdict(StrEnum):
    """`charge`: its card is charged first. `card_short`: it costs more than its card, which pays it alone, has brought.
    `later`: its time has not come, and it cannot be bought before."""

    BUY = "buy"
    CHARGE = "charge"
    SPENDING_LIMIT = "spending_limit"
    TYPE_LIMIT = "type_limit"
    CARD_SHORT = "card_short"
    SHORT = "short"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Wish:
    """What one automation wants to buy, in minor units. `least`: the least that is sold of it, where a part may be bought
    (else None). `keeps`: what it leaves in the wallet. `limit`: of it in a month. `funded`: what its card brought.
    `by_card`: its card pays always, and alone; `backup`: a card pays where the wallet does not cover it. `is_due`: else it was tried
    before and waits."""

    run_id: UUID
    automation_id: UUID
    type: BillType
    priority: int
    due_at: datetime
    amount: int
    fee: int
    least: int | None = None
    keeps: int = 0
    limit: int | None = None
    funded: int = 0
    by_card: bool = False
    backup: bool = False
    is_due: bool = True

    @property
    def total(self) -> int:
        return self.amount + self.fee

    @property
    def rank(self) -> tuple[int, datetime, UUID]:
        return self.priority, self.due_at, self.run_id


@dataclass(slots=True)
class Purse:
    """What there is to spend, in minor units: in the wallet, without what cards brought for one automation each; and of each
    limit what is spent this month."""

    available: int
    spent_by_automation: dict[UUID, int] = field(default_factory=dict)
    spent_by_type: dict[BillType, int] = field(default_factory=dict)
    type_limits: dict[BillType, int] = field(default_factory=dict)

    def count(self, *, automation_id: UUID, type: BillType, minor: int) -> None:
        """From now on this is spent of both limits."""
        self.spent_by_automation[automation_id] = self.spent_by_automation.get(automation_id, 0) + minor
        self.spent_by_type[type] = self.spent_by_type.get(type, 0) + minor


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a wish: `amount` is what is bought or charged for (without the fee), `missing` what is lacking: in the
    wallet, or of the limit. `spent`: of that limit, so far."""

    wish: Wish
    verdict: Verdict
    amount: int = 0
    missing: int = 0
    spent: int = 0


def plan_automations(*, wishes: Sequence[Wish], purse: Purse) -> list[Decision]:
    """Decide about every wish of one wallet, in their order; `purse` is left as it then stands."""
    return [_decide(wish, purse) for wish in sorted(wishes, key=lambda wish: wish.rank)]


def _decide(wish: Wish, purse: Purse) -> Decision:
    needs = wish.total - wish.funded
    of_it, of_type = left_of_limits(
        automation_id=wish.automation_id, type=wish.type, limit=wish.limit, enough=max(0, wish.total), purse=purse
    )
    left = min(of_it, of_type)
    room = 0 if wish.by_card else max(0, purse.available - wish.keeps)
    is_paid = not wish.by_card or wish.funded > 0
    if needs <= max(0, left):
        if is_paid and needs <= room:
            return _spend(wish, purse, Decision(wish, Verdict.BUY, wish.amount))
        if (wish.by_card or wish.backup) and not wish.funded:
            return _charge(wish, purse)
    if is_paid and wish.least is not None:
        part = min(max(0, left), room) + wish.funded - wish.fee
        if wish.least <= part < wish.amount:
            return _spend(wish, purse, Decision(wish, Verdict.BUY, part))
    if not wish.is_due:
        return Decision(wish, Verdict.LATER)
    if needs > max(0, left):
        verdict = Verdict.SPENDING_LIMIT if of_it <= of_type else Verdict.TYPE_LIMIT
        spent = purse.spent_by_automation.get(wish.automation_id, 0)
        if verdict is Verdict.TYPE_LIMIT:
            spent = purse.spent_by_type.get(wish.type, 0)
        return Decision(wish, verdict, missing=needs - left, spent=spent)
    return Decision(wish, Verdict.CARD_SHORT if wish.by_card else Verdict.SHORT, missing=needs - room)


def _charge(wish: Wish, purse: Purse) -> Decision:
    if not wish.is_due:
        return Decision(wish, Verdict.LATER)
    purse.count(automation_id=wish.automation_id, type=wish.type, minor=wish.total)
    return Decision(wish, Verdict.CHARGE, wish.amount)


def _spend(wish: Wish, purse: Purse, decision: Decision) -> Decision:
    needs = decision.amount + wish.fee - wish.funded
    purse.available -= needs
    purse.count(automation_id=wish.automation_id, type=wish.type, minor=needs)
    return decision


def left_of_limits(
    *, automation_id: UUID, type: BillType, limit: int | None, enough: int, purse: Purse
) -> tuple[int, int]:
    """Of an automation's own limit and of its type's, what is left; `enough` where there is no limit."""
    of_it = enough if limit is None else limit - purse.spent_by_automation.get(automation_id, 0)
    type_limit = purse.type_limits.get(type)
    return of_it, enough if type_limit is None else type_limit - purse.spent_by_type.get(type, 0)
