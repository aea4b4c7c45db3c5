"""What a member's automations will buy next, and whether the wallet will cover it: the planner's own judgement, ahead of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from clustr.bills.types import BillType
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.recurring.automation_models import AutomationRun, UtilityAutomation
from clustr.recurring.automation_planner import Purse, Verdict, Wish, plan_automations
from clustr.recurring.automation_policies import amount_to_buy
from clustr.recurring.automation_queries import automation_of, automation_views, automations_of
from clustr.recurring.automation_reading import Cards, cards_of, declined_cards, estimates_for, month_of, read_purse
from clustr.recurring.automation_types import (
    AutomationFailure,
    AutomationRunState,
    AutomationState,
    AutomationView,
    UpcomingView,
)
from clustr.recurring.estimation import Estimate, TooLittle
from clustr.recurring.models import RecurringPayment
from clustr.recurring.orders_ahead import read_orders_ahead
from clustr.recurring.types import PaymentSource
from clustr.utilities.planning_queries import Sold, sold_for

AHEAD = timedelta(days=31)


def upcoming_automations(*, actor: Actor, now: datetime) -> list[UpcomingView]:
    """The next purchase of each automation that is on and due within a month, the first to come first; with what the wallet,
    as it is now, will lack by then after all that is bought and paid by itself before it."""
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


@dataclass(slots=True)
class _Ahead:
    """One member's wallet as it will be, step by step: what there is to spend, which cards there are, what is expected."""

    purse: Purse
    cards: Cards
    sold: Mapping[UUID, Sold]
    estimates: Mapping[UUID, Estimate | TooLittle]
    declined: Mapping[UUID, UUID | None]

    def look(self, automation: UtilityAutomation, run: AutomationRun | None, due: datetime) -> UpcomingView:
        """Judge a purchase as the planner will, and leave the wallet as it then stands."""
        sold, expected = self.sold[automation.account_id], self.estimates.get(automation.account_id)
        estimate = expected if isinstance(expected, Estimate) else None
        amount = amount_to_buy(asked=automation.amount_minor, most=automation.max_minor, estimate=estimate, sold=sold)
        total = Money((amount or 0) + sold.fee_minor, automation.currency)
        has_card = automation.method_id in self.cards
        funded = bool(run and run.funded_minor)
        beyond = AutomationFailure.NONE if amount is None or funded else self.cards.beyond(automation.method_id, total)
        by_card = automation.payment_source == PaymentSource.CARD
        no_card = by_card and not has_card and not funded
        short, over, charged = 0, False, by_card and not funded and has_card
        if amount is not None and not no_card and not (by_card and beyond):
            wish = _wish(automation, run, due, amount, sold, has_card=has_card and not beyond)
            (decision,) = plan_automations(wishes=[wish], purse=self.purse)
            over = decision.verdict in (Verdict.SPENDING_LIMIT, Verdict.TYPE_LIMIT)
            short = decision.missing if decision.verdict is Verdict.SHORT else 0
            charged = charged or decision.verdict is Verdict.CHARGE
        currency = automation.currency
        return UpcomingView(
            automation_id=automation.id,
            provider_name=sold.name,
            label=sold.label,
            ending=sold.ending,
            due_at=due,
            amount=None if amount is None else Money(amount, currency),
            fee=Money(sold.fee_minor, currency),
            is_estimated=automation.amount_minor is None,
            based_on=expected.found if isinstance(expected, TooLittle) else expected.based_on if expected else 0,
            spread=Money(estimate.spread_minor if estimate else 0, currency),
            expected_at=estimate.at if estimate else None,
            shortfall=Money(short, currency),
            over_limit=over,
            card_missing=no_card,
            beyond_card=beyond if by_card else AutomationFailure.NONE,
            paid_by=PaymentSource.CARD if by_card or charged else PaymentSource.WALLET,
            stands_in=charged and not by_card,
            declined=charged and run is not None and self.declined.get(run.id) == automation.method_id,
            card_fee=self.cards.fee_on(automation.method_id, total) if charged else Money(0, currency),
        )


def _ahead(
    actor: Actor, now: datetime, automations: Sequence[UtilityAutomation], sold: Mapping[UUID, Sold], purse: Purse
) -> list[UpcomingView]:
    """The next purchase of each, judged after all that comes before it: purchases that come several times until then, and
    the member's standing orders."""
    waiting = {
        run.automation_id: run
        for run in AutomationRun.objects.filter(
            cluster_id=actor.cluster_id, user_id=actor.member_id, state=AutomationRunState.WAITING.value
        )
    }
    timed = [(due, each) for each in automations if (due := _first(each, waiting.get(each.id))) and due <= now + AHEAD]
    if not timed:
        return []
    last = max(due for due, _ in timed)
    ahead = _Ahead(
        purse,
        cards_of(actor=actor, automations=automations, now=now),
        sold,
        estimates_for(automations=automations),
        declined_cards(cluster_id=actor.cluster_id, runs=waiting.values()),
    )
    orders = read_orders_ahead(cluster_id=actor.cluster_id, user_ids=[actor.member_id], until=last, now=now)
    coming: list[tuple[datetime, int, UUID, UtilityAutomation | RecurringPayment]] = [
        (at, 0, order.id, order) for at, order in orders.due(until=last)
    ]
    for first, each in timed:
        coming += [(at, each.priority, each.id, each) for at in _times(each, first, last, waiting.get(each.id))]
    views: dict[UUID, UpcomingView] = {}
    month = month_of(now=now, timezone=actor.timezone)
    for at, _, id, one in sorted(coming, key=lambda each: each[:3]):
        if (of_it := month_of(now=max(at, now), timezone=actor.timezone)) != month:
            month, purse.spent_by_automation, purse.spent_by_type = of_it, {}, {}
        if isinstance(one, RecurringPayment):
            if orders.from_wallet(order=one) <= purse.available:
                purse.available -= orders.run(order=one)
        else:
            view = ahead.look(one, waiting.get(id) if id not in views else None, at)
            views.setdefault(id, view)
    return list(views.values())


def _first(automation: UtilityAutomation, run: AutomationRun | None) -> datetime | None:
    return run.try_at if run is not None and run.try_at is not None else automation.next_run_at


def _times(
    automation: UtilityAutomation, first: datetime, last: datetime, run: AutomationRun | None
) -> Iterator[datetime]:
    """When it buys from its first time until the last that is looked at."""
    yield first
    schedule, at = automation.schedule, automation.next_run_at
    if run is None or run.try_at is None:
        at = schedule.after_day(schedule.day_of(due_at=first))
    while at is not None and at <= last:
        yield at
        at = schedule.after_day(schedule.day_of(due_at=at))


def _wish(
    automation: UtilityAutomation, run: AutomationRun | None, due: datetime, amount: int, sold: Sold, *, has_card: bool
) -> Wish:
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
        backup=has_card,
    )
