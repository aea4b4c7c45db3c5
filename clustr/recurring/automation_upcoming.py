"""What a member's automations will buy next, and whether the wallet will cover it: the planner's own judgement, ahead of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from clustr.bills.types import BillType
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.recurring.automation_models import AutomationRun, UtilityAutomation
from clustr.recurring.automation_planner import Purse, Verdict, Wish, plan_automations
from clustr.recurring.automation_policies import amount_to_buy
from clustr.recurring.automation_queries import automation_of, automation_views, automations_of
from clustr.recurring.automation_reading import estimates_for, month_of, read_purse
from clustr.recurring.automation_types import AutomationRunState, AutomationState, AutomationView, UpcomingView
from clustr.recurring.estimation import Estimate, TooLittle
from clustr.recurring.types import PaymentSource
from clustr.utilities.planning_queries import Sold, sold_for

AHEAD = timedelta(days=31)


def upcoming_automations(*, actor: Actor, now: datetime) -> list[UpcomingView]:
    """The next purchase of each automation that is on and due within a month, the first to come first; with what the wallet,
    as it is now, will lack by then after those before it."""
    automations = _switched_on(actor)
    if not automations:
        return []
    sold = sold_for(account_ids=[each.account_id for each in automations])
    return _ahead(actor, now, automations, sold, read_purse(actor=actor, now=now))


def automations_looking_ahead(
    *, actor: Actor, now: datetime, q: str = "", before: UUID | None = None, limit: int = 50
) -> tuple[list[AutomationView], list[UpcomingView]]:
    """`my_automations` and `upcoming_automations` for a page that shows both: what they have in common is read once."""
    return _both(actor, now, automations_of(actor=actor, q=q, before=before, limit=limit))


def automation_looking_ahead(
    *, actor: Actor, automation_id: UUID, now: datetime
) -> tuple[AutomationView, UpcomingView | None]:
    """`my_automation`, and the next purchase of it if there is one within a month. Refuses `AutomationNotFound`."""
    (view,), ahead = _both(actor, now, [automation_of(actor=actor, automation_id=automation_id)])
    return view, next((each for each in ahead if each.automation_id == automation_id), None)


def _both(
    actor: Actor, now: datetime, rows: Sequence[UtilityAutomation]
) -> tuple[list[AutomationView], list[UpcomingView]]:
    on = _switched_on(actor)
    sold = sold_for(account_ids=[each.account_id for each in (*rows, *on)])
    purse = read_purse(actor=actor, now=now)
    views = automation_views(rows=rows, sold=sold, purse=purse)  # before looking ahead, which spends from the purse
    return views, _ahead(actor, now, on, sold, purse)


def _switched_on(actor: Actor) -> list[UtilityAutomation]:
    mine = UtilityAutomation.objects.filter(
        cluster_id=actor.cluster_id, user_id=actor.member_id, state=AutomationState.ON.value
    )
    return list(mine.order_by("id"))


def _ahead(
    actor: Actor, now: datetime, automations: Sequence[UtilityAutomation], sold: Mapping[UUID, Sold], purse: Purse
) -> list[UpcomingView]:
    waiting = {
        run.automation_id: run
        for run in AutomationRun.objects.filter(
            cluster_id=actor.cluster_id, user_id=actor.member_id, state=AutomationRunState.WAITING.value
        )
    }
    estimates = estimates_for(automations=automations)
    timed = []
    for each in automations:
        run = waiting.get(each.id)
        due = run.try_at if run is not None and run.try_at is not None else each.next_run_at
        if due is not None and due <= now + AHEAD:
            timed.append((due, each, run))
    views, month = [], month_of(now=now, timezone=actor.timezone)
    for due, each, run in sorted(timed, key=lambda one: (one[0], one[1].priority, one[1].id)):
        if month_of(now=max(due, now), timezone=actor.timezone) != month:
            month = month_of(now=due, timezone=actor.timezone)
            purse.spent_by_automation, purse.spent_by_type = {}, {}
        views.append(_look_ahead(each, run, due, sold[each.account_id], estimates.get(each.account_id), purse))
    return views


def _look_ahead(
    automation: UtilityAutomation,
    run: AutomationRun | None,
    due: datetime,
    sold: Sold,
    expected: Estimate | TooLittle | None,
    purse: Purse,
) -> UpcomingView:
    estimate = expected if isinstance(expected, Estimate) else None
    amount = amount_to_buy(asked=automation.amount_minor, most=automation.max_minor, estimate=estimate, sold=sold)
    short, over = 0, False
    if amount is not None:
        wish = _wish(automation, run, due, amount, sold)
        (decision,) = plan_automations(wishes=[wish], purse=purse)
        over = decision.verdict in (Verdict.SPENDING_LIMIT, Verdict.TYPE_LIMIT)
        short = decision.missing if decision.verdict is Verdict.SHORT else 0
    currency = automation.currency
    found = expected.found if isinstance(expected, TooLittle) else expected.based_on if expected else 0
    return UpcomingView(
        automation_id=automation.id,
        provider_name=sold.name,
        ending=sold.ending,
        due_at=due,
        amount=None if amount is None else Money(amount, currency),
        fee=Money(sold.fee_minor, currency),
        is_estimated=automation.amount_minor is None,
        based_on=found,
        spread=Money(estimate.spread_minor if estimate else 0, currency),
        shortfall=Money(short, currency),
        over_limit=over,
    )


def _wish(automation: UtilityAutomation, run: AutomationRun | None, due: datetime, amount: int, sold: Sold) -> Wish:
    id: UUID = run.id if run is not None else automation.id
    return Wish(
        run_id=id,
        automation_id=automation.id,
        type=BillType(sold.type),
        priority=automation.priority,
        due_at=due,
        amount=amount,
        fee=sold.fee_minor,
        least=sold.minimum_minor if automation.allow_partial and sold.allows_parts else None,
        keeps=automation.keeps_minor,
        limit=automation.limit_minor,
        funded=run.funded_minor if run is not None else 0,
        by_card=automation.payment_source == PaymentSource.CARD.value,
        backup=automation.method_id is not None,
    )
