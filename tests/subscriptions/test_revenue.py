"""Recurring revenue: what is derived in SQL is what an independent model says of generated histories, month by month.

HISTORIES in the environment says of how many customers; 1,200 unless told (the long form: HISTORIES=10000).
"""

from __future__ import annotations

import itertools
import os
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from clustr.kit.errors import NotAllowed
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands
from clustr.subscriptions.figures import MonthOfRevenue
from clustr.subscriptions.models import Subscription, SubscriptionEvent
from clustr.subscriptions.revenue_queries import cohorts, revenue_by_month, revenue_now
from clustr.subscriptions.states import EventKind, SubscriptionStatus
from clustr.subscriptions.types import Discount, Duration
from tests.subscriptions.shop import Shop

HISTORIES = int(os.environ.get("HISTORIES", "1200"))
LAGOS = ZoneInfo("Africa/Lagos")
MONTHS = 12


@dataclass
class Told:
    """One customer's history in one currency: for each subscription, instants and what it brings in a month from then."""

    user_id: UUID
    currency: str
    subscriptions: list[list[tuple[datetime, int]]] = field(default_factory=list)

    def mrr_before(self, instant: datetime) -> int:
        """What stood at the last moment before an instant, by looking at every event."""
        total = 0
        for events in self.subscriptions:
            standing = 0
            for at, monthly in events:
                if at < instant:
                    standing = monthly
            total += standing
        return total

    def first_paid(self) -> datetime | None:
        """The first instant from which something stood, for longer than no time."""
        found = []
        for events in self.subscriptions:
            for number, (at, monthly) in enumerate(events):
                ends = events[number + 1][0] if number + 1 < len(events) else None
                if monthly and ends != at:
                    found.append(at)
        return min(found, default=None)


def generated(draw: random.Random, now: datetime) -> Told:
    told = Told(new_id(), draw.choice(["USD", "USD", "NGN"]))
    at = now - timedelta(days=draw.randint(0, 500), seconds=draw.randint(0, 86_400))
    for _ in range(draw.randint(1, 3)):
        events = [(at, draw.choice([0, 0, 700, 1999, 4999]))]
        for _ in range(draw.randint(0, 6)):
            at += draw.choice([timedelta(0), timedelta(days=draw.randint(0, 60), seconds=draw.randint(0, 86_400))])
            if draw.random() < 0.1:  # exactly as a month begins
                at = datetime(at.year, at.month, 1, tzinfo=LAGOS) + timedelta(days=31)
                at = datetime(at.year, at.month, 1, tzinfo=LAGOS).astimezone(UTC)
            events.append((at, draw.choice([0, 700, 1999, 4999, 19_999, events[-1][1]])))
        events.append((at, 0))
        told.subscriptions.append([(min(instant, now), monthly) for instant, monthly in events])
        at = min(at + timedelta(days=draw.randint(0, 90)), now)
    if draw.random() < 0.7:  # the last one runs on
        told.subscriptions[-1].pop()
    return told


def write_down(shop: Shop, histories: list[Told]) -> None:
    plan = shop.plan("basic")
    subscriptions, events = [], []
    for told in histories:
        for number, history in enumerate(told.subscriptions):
            last = number == len(told.subscriptions) - 1
            ended = not (last and history[-1][1]) and history[-1][1] == 0
            status = SubscriptionStatus.CANCELED if ended else SubscriptionStatus.ACTIVE
            began, at = history[0][0], history[-1][0]
            made = Subscription(
                id=new_id(),
                cluster_id=shop.cluster_id,
                user_id=told.user_id,
                plan_id=plan.id,
                interval="month",
                currency=told.currency,
                price_minor=1,
                period_price_minor=1,
                collection="bank_transfer",
                status=status,
                anchor_at=began,
                anchor_day=1,
                current_period_start=at,
                current_period_end=shop.now + timedelta(days=30),
                ended_at=at if ended else None,
                created_at=began,
                updated_at=at,
            )
            subscriptions.append(made)
            for n, (instant, monthly) in enumerate(history, 1):
                now_ended = n == len(history) and ended
                events.append(
                    SubscriptionEvent(
                        cluster_id=shop.cluster_id,
                        subscription_id=made.id,
                        n=n,
                        kind=EventKind.ENDED if now_ended else EventKind.PLAN_CHANGED,
                        status=SubscriptionStatus.CANCELED if now_ended else SubscriptionStatus.ACTIVE,
                        plan_id=plan.id,
                        interval="month",
                        monthly_minor=monthly,
                        at=instant,
                    )
                )
    with tenant(shop.cluster_id):
        Subscription.objects.bulk_create(subscriptions, batch_size=500)
        SubscriptionEvent.objects.bulk_create(events, batch_size=1_000)


def bounds_of(now: datetime) -> list[datetime]:
    """The first instants of the months in Lagos, and just after now."""
    local = now.astimezone(LAGOS)
    bounds = []
    for back in range(MONTHS - 1, -1, -1):
        year, month = local.year, local.month - back
        while month < 1:
            year, month = year - 1, month + 12
        bounds.append(datetime(year, month, 1, tzinfo=LAGOS))
    return [*bounds, now + timedelta(microseconds=1)]


def modelled(histories: list[Told], now: datetime) -> dict[tuple[str, date], dict[str, int]]:
    bounds, found = bounds_of(now), {}
    for currency in {told.currency for told in histories}:
        for start, end in itertools.pairwise(bounds):
            sums = dict.fromkeys(
                ["start", "new", "expansion", "contraction", "churn", "reactivation", "end", "began", "left", "back"], 0
            )
            for told in histories:
                if told.currency != currency:
                    continue
                before, after, first = told.mrr_before(start), told.mrr_before(end), told.first_paid()
                sums["start"] += before
                sums["end"] += after
                if not before and after:
                    fresh = first is not None and first >= start
                    sums["new" if fresh else "reactivation"] += after
                    sums["began" if fresh else "back"] += 1
                elif before and not after:
                    sums["churn"] += before
                    sums["left"] += 1
                elif after > before:
                    sums["expansion"] += after - before
                else:
                    sums["contraction"] += before - after
            found[currency, start.date()] = sums
    return found


def in_models_words(month: MonthOfRevenue) -> dict[str, int]:
    return {
        "start": month.mrr_start,
        "new": month.new,
        "expansion": month.expansion,
        "contraction": month.contraction,
        "churn": month.churn,
        "reactivation": month.reactivation,
        "end": month.mrr_end,
        "began": month.customers_new,
        "left": month.customers_churned,
        "back": month.customers_reactivated,
    }


def test_generated_histories_against_an_independent_model(shop: Shop) -> None:
    draw = random.Random(20260615)
    histories = [generated(draw, shop.now) for _ in range(HISTORIES)]
    write_down(shop, histories)
    months = revenue_by_month(actor=shop.staff, months=MONTHS, now=shop.now)
    assert {(month.currency, month.month): in_models_words(month) for month in months} == modelled(histories, shop.now)
    for month in months:
        moved = month.new + month.reactivation + month.expansion - month.contraction - month.churn
        assert month.mrr_end == month.mrr_start + moved
        assert month.customers_end == (
            month.customers_start + month.customers_new + month.customers_reactivated - month.customers_churned
        )
    for one, following in itertools.pairwise(months):
        if one.currency == following.currency:
            assert (one.mrr_end, one.customers_end) == (following.mrr_start, following.customers_start)
    assert all(month.reactivation and month.churn and month.expansion for month in months)
    check_cohorts(shop, histories)


def check_cohorts(shop: Shop, histories: list[Told]) -> None:
    bounds, expected = bounds_of(shop.now), {}
    for told in histories:
        first = told.first_paid()
        if first is None or not bounds[0] <= first < bounds[-1]:
            continue
        began = max(number for number, bound in enumerate(bounds[:-1]) if bound <= first)
        for age, end in enumerate(bounds[began + 1 :]):
            sums = expected.setdefault((bounds[began].date(), told.currency, age), [0, 0, 0])
            standing = told.mrr_before(end)
            sums[0] += 1
            sums[1] += bool(standing)
            sums[2] += standing
    found = cohorts(actor=shop.staff, months=MONTHS, now=shop.now)
    assert {(one.cohort, one.currency, one.age): [one.began, one.customers, one.mrr] for one in found} == expected


def month_of(shop: Shop, currency: str = "USD") -> MonthOfRevenue:
    """The present month."""
    return [one for one in revenue_by_month(actor=shop.staff, months=1, now=shop.now) if one.currency == currency][-1]


def test_it_works_through_what_customers_do(shop: Shop) -> None:
    """June: 20.00 new, and a trial that counts nothing yet. July: the trial is 50.00 more, the other grows to 90.00. Then
    they leave, and come back."""
    bola, trial = shop.subscribe("basic"), shop.subscribe("pro", actor=shop.customer())
    june = month_of(shop)
    assert (june.mrr_start, june.new, june.mrr_end, june.arr, june.customers_new) == (0, 2000, 2000, 24_000, 1)
    (now,) = revenue_now(actor=shop.staff)
    assert (now.mrr, now.trials, now.committed_trials, now.trial_mrr) == (2000, 1, 1, 5000)

    shop.pay(shop.last(bola))
    shop.now = datetime(2026, 7, 2, 9, tzinfo=UTC)
    shop.renew(trial)
    plan_id = shop.plan("team").id
    commands.upgrade_plan(actor=shop.bola, subscription_id=bola.id, plan_id=plan_id, interval="month", now=shop.now)
    july = month_of(shop)
    assert (july.mrr_start, july.new, july.expansion, july.mrr_end) == (2000, 5000, 7000, 14_000)
    assert (july.net_revenue_retention, july.gross_churn, july.net_churn) == (4.5, 0, -3.5)

    shop.now = datetime(2026, 8, 1, 9, tzinfo=UTC)
    shop.renew(bola)
    commands.cancel_subscription(actor=shop.bola, subscription_id=bola.id, now=shop.now)
    august = month_of(shop)
    assert (august.mrr_end, august.committed_mrr, august.churn) == (14_000, 5000, 0)
    (now,) = revenue_now(actor=shop.staff)
    assert (now.mrr, now.committed_mrr, now.customers) == (14_000, 5000, 2)
    shop.end_period(bola)
    august = month_of(shop)
    assert (august.mrr_end, august.churn, august.customers_churned) == (5000, 9000, 1)
    assert (august.gross_churn, august.customer_churn) == (Decimal("0.6429"), Decimal("0.5"))
    lasts = august.lifetime_value
    assert lasts is not None
    assert lasts.minor == 5000 / Fraction(1, 2)

    shop.now = datetime(2026, 9, 3, 9, tzinfo=UTC)
    for owed in shop.documents(bola):
        if owed.amount_due.minor:
            shop.pay(owed)
    shop.subscribe("basic")
    september = month_of(shop)
    assert (september.new, september.reactivation, september.mrr_end) == (0, 2000, 7000)


def test_a_year_is_twelve_months_and_a_lasting_coupon_lowers_it(shop: Shop) -> None:
    commands.create_coupon(
        actor=shop.staff, code="HALF", name="Half", discount=Discount(5000), duration=Duration.FOREVER, now=shop.now
    )
    shop.subscribe("team", interval="year")
    shop.subscribe("basic", actor=shop.customer(), coupon="HALF")
    assert month_of(shop).mrr_end == 7500 + 1000


def test_a_coupon_lowers_it_on_the_day_on_which_it_is_used(shop: Shop) -> None:
    """Not with whatever happens next: a cancellation that is scheduled raises and lowers nothing. One for a single invoice counts for
    nothing."""
    for code, duration in (("HALF", Duration.FOREVER), ("ONE", Duration.ONCE)):
        commands.create_coupon(
            actor=shop.staff, code=code, name=code, discount=Discount(5000), duration=duration, now=shop.now
        )
    held = shop.subscribe("team")
    shop.now = datetime(2026, 7, 1, tzinfo=LAGOS).astimezone(UTC)
    assert month_of(shop).mrr_end == 9000
    commands.apply_coupon(actor=shop.bola, subscription_id=held.id, code="HALF", now=shop.now)
    july = month_of(shop)
    assert (july.mrr_start, july.contraction, july.mrr_end) == (9000, 4500, 4500)
    commands.apply_coupon(actor=shop.bola, subscription_id=held.id, code="ONE", now=shop.now)
    shop.move(days=1)
    commands.cancel_subscription(actor=shop.bola, subscription_id=held.id, now=shop.now)
    later = month_of(shop)
    assert (later.expansion, later.contraction, later.mrr_end) == (0, 4500, 4500)
    assert shop.history(held) == ["created", "coupon_applied", "coupon_applied", "cancellation_scheduled"]


def test_a_coupon_that_ends_before_the_next_invoice_moves_nothing(shop: Shop) -> None:
    """Three months on a plan by the year: nothing is ever lowered by it, whatever happens besides."""
    commands.create_coupon(
        actor=shop.staff,
        code="THREE",
        name="Three months",
        discount=Discount(5000),
        duration=Duration.REPEATING,
        duration_months=3,
        now=shop.now,
    )
    held = shop.subscribe("team", interval="year")
    shop.now = datetime(2026, 7, 1, tzinfo=LAGOS).astimezone(UTC)
    commands.apply_coupon(actor=shop.bola, subscription_id=held.id, code="THREE", now=shop.now)
    assert shop.monthly(held) == 7500
    shop.move(days=15)
    commands.settle_standing(actor=shop.system, subscription_id=held.id, now=shop.now)
    commands.cancel_subscription(actor=shop.bola, subscription_id=held.id, now=shop.now)
    commands.reactivate_subscription(actor=shop.bola, subscription_id=held.id, now=shop.now)
    assert shop.history(held) == ["created", "coupon_applied", "past_due", "cancellation_scheduled", "reactivated"]
    july = month_of(shop)
    assert (july.mrr_start, july.contraction, july.expansion, july.mrr_end) == (7500, 0, 0, 7500)


def test_a_coupon_that_has_ended_raises_it_with_the_invoice_without_it(shop: Shop) -> None:
    """Not with a cancellation before it; nor does a coupon for one invoice that is used then."""
    for code, duration, months in (("TWO", Duration.REPEATING, 2), ("ONE", Duration.ONCE, None)):
        commands.create_coupon(
            actor=shop.staff,
            code=code,
            name=code,
            discount=Discount(5000),
            duration=duration,
            duration_months=months,
            now=shop.now,
        )
    held = shop.subscribe("team")
    shop.move(days=5)
    commands.apply_coupon(actor=shop.bola, subscription_id=held.id, code="TWO", now=shop.now)
    for _ in range(2):
        shop.end_period(held)
    shop.now = datetime(2026, 9, 1, 12, tzinfo=UTC)
    commands.cancel_subscription(actor=shop.bola, subscription_id=held.id, now=shop.now)
    assert shop.monthly(held) == 4500
    commands.reactivate_subscription(actor=shop.bola, subscription_id=held.id, now=shop.now)
    commands.apply_coupon(actor=shop.bola, subscription_id=held.id, code="ONE", now=shop.now)
    assert shop.monthly(held) == 4500
    shop.end_period(held)
    assert shop.monthly(held) == 9000
    september = month_of(shop)
    assert (september.mrr_start, september.expansion, september.mrr_end) == (4500, 4500, 9000)


def test_currencies_never_mix(shop: Shop) -> None:
    shop.subscribe("basic")
    shop.subscribe("basic", actor=shop.customer(), currency="NGN")
    assert (month_of(shop).mrr_end, month_of(shop, "NGN").mrr_end) == (2000, 3_000_000)


@pytest.mark.parametrize("months", [1, 12])
def test_nothing_sold_is_nothing_told(shop: Shop, months: int) -> None:
    assert revenue_by_month(actor=shop.staff, months=months, now=shop.now) == []
    assert revenue_now(actor=shop.staff) == []


def test_for_platform_staff_only(shop: Shop) -> None:
    with pytest.raises(NotAllowed):
        revenue_by_month(actor=shop.bola, months=1, now=shop.now)
    with pytest.raises(NotAllowed):
        cohorts(actor=shop.bola, months=1, now=shop.now)
    with pytest.raises(NotAllowed):
        revenue_now(actor=shop.bola)
