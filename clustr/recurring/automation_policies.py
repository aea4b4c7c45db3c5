"""Pure rules of automations: which terms are refused, which let more be spent, and what follows from an attempt in vain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from clustr.bills.policies import refuse_amount
from clustr.recurring.automation_refusals import (
    AutomationAmountInvalid,
    AutomationCardInvalid,
    AutomationScheduleInvalid,
)
from clustr.recurring.automation_types import AutomationRunState, AutomationTerms, ScheduleKind
from clustr.recurring.estimation import Estimate
from clustr.recurring.policies import RETRIES_WIDEST_HOURS
from clustr.recurring.types import PaymentSource
from clustr.utilities.planning_queries import Sold
from clustr.utilities.policies import refuse_amount_out_of_range

AUTOMATIONS_OF_A_MEMBER = 50
"""How many automations one member may have, on or off."""
ASKED_AGAIN_AFTER = timedelta(minutes=10)
"""When a utility that did not answer is asked again; it counts as no attempt."""
PATIENCE = timedelta(hours=24)
"""How long that is waited for before it counts."""
_MOST = {ScheduleKind.DAY_OF_MONTH: 31, ScheduleKind.WEEKDAY: 7, ScheduleKind.EVERY_DAYS: 366}


@dataclass(frozen=True, slots=True)
class NextTry:
    """Where a run stands after an attempt in vain, when it is tried again, and whether its automation is paused."""

    state: AutomationRunState
    try_at: datetime | None
    pauses: bool


def refuse_terms(*, terms: AutomationTerms, sold: Sold) -> None:
    """Refuse terms that could never buy: no such day, no amount or one that is not sold, a card where none belongs."""
    if not 1 <= terms.schedule.every <= _MOST[terms.schedule.kind]:
        raise AutomationScheduleInvalid
    ceiling = terms.amount or terms.max_amount
    if ceiling is None or (terms.amount is not None and terms.max_amount is not None):
        raise AutomationAmountInvalid
    for amount in (ceiling, terms.spending_limit):
        if amount is not None:
            refuse_amount(amount=amount, currency=sold.currency)
    if terms.amount is not None:
        refuse_amount_out_of_range(
            amount=terms.amount, fixed=sold.fixed_minor, minimum=sold.minimum_minor, maximum=sold.maximum_minor
        )
    if terms.payment_source is PaymentSource.CARD and terms.payment_method_id is None:
        raise AutomationCardInvalid


def allows_more(*, before: AutomationTerms, after: AutomationTerms) -> bool:
    """Whether the new terms let more be spent, more often, or from elsewhere: that takes the PIN."""
    ceilings = [(terms.amount or terms.max_amount) for terms in (before, after)]
    if ceilings[0] is None or ceilings[1] is None or ceilings[1] > ceilings[0]:
        return True
    limit = before.spending_limit
    if limit is not None and (after.spending_limit is None or after.spending_limit > limit):
        return True
    kept = [terms.minimum_balance.minor if terms.minimum_balance else 0 for terms in (before, after)]
    return (
        kept[1] < kept[0]
        or after.schedule != before.schedule
        or after.payment_source is not before.payment_source
        or after.payment_method_id not in (None, before.payment_method_id)
        or (after.allow_partial and not before.allow_partial)
    )


def amount_to_buy(*, asked: int | None, most: int | None, estimate: Estimate | None, sold: Sold) -> int | None:
    """What is bought, in minor units: what was asked for; or what is expected, within what may be spent and is sold. None:
    nothing that fits both."""
    if asked is not None:
        return asked
    if estimate is None or most is None:
        return None
    if sold.fixed_minor is not None:
        return sold.fixed_minor if sold.fixed_minor <= most else None
    highest = min(most, sold.maximum_minor or most)
    return max(sold.minimum_minor, min(estimate.amount_minor, highest)) if sold.minimum_minor <= highest else None


def after_attempt(*, attempts: int, most: int, first_wait: timedelta, now: datetime) -> NextTry:
    """After so many attempts in vain: tried again, each time after twice as long; after the last the automation pauses."""
    if attempts >= most:
        return NextTry(AutomationRunState.FAILED, None, pauses=True)
    wait = min(first_wait * 2 ** (attempts - 1), timedelta(hours=RETRIES_WIDEST_HOURS))
    return NextTry(AutomationRunState.WAITING, now + wait, pauses=False)
