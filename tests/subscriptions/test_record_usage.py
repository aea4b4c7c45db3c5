"""Usage: every event counts once, limits hold exactly, and the customer is told in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from clustr.kit.errors import InvalidValue
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands
from clustr.subscriptions.models import Subscription, UsageRecord
from clustr.subscriptions.refusals import (
    SubscriptionLapsed,
    SubscriptionNotFound,
    UsageBelowZero,
    UsageEventReused,
    UsageLimitReached,
)
from clustr.subscriptions.types import FeatureType, UsageEvent
from clustr.subscriptions.usage_queries import calculate_overage, check_limits, generate_usage_report
from tests.races import race
from tests.subscriptions.shop import Shop

AI = FeatureType.AI_RESPONSES


def batch(shop: Shop, subscription: Subscription, *events: tuple[str, int]) -> dict[FeatureType, Decimal]:
    said = [UsageEvent(AI, Decimal(amount), event_id, shop.now, {}) for event_id, amount in events]
    return commands.record_usage(actor=shop.bola, subscription_id=subscription.id, events=said, now=shop.now)


def records(shop: Shop, subscription: Subscription) -> int:
    with tenant(shop.cluster_id):
        return UsageRecord.objects.filter(cluster_id=shop.cluster_id, subscription_id=subscription.id).count()


def test_it_works(shop: Shop) -> None:
    subscription = shop.subscribe("free")
    assert shop.use(subscription, 3) == 3
    assert shop.use(subscription, "0.25", "storage_gb") == Decimal("0.25")
    standing = {use.feature: use for use in check_limits(actor=shop.bola, subscription_id=subscription.id)}
    assert (standing[AI].used, standing[AI].limit, standing[AI].charged) == (3, 50, False)
    assert standing[FeatureType.STORAGE_GB].level
    assert standing[FeatureType.DOCUMENT_UPLOADS].used == 0


def test_an_event_counts_once(shop: Shop) -> None:
    subscription = shop.subscribe("free")
    assert batch(shop, subscription, ("a", 1), ("b", 2), ("a", 1)) == {AI: 3}
    assert batch(shop, subscription, ("b", 2), ("c", 4)) == {AI: 7}
    race(lambda: batch(shop, subscription, ("d", 1)), runners=8).only()
    assert batch(shop, subscription, ("d", 1)) == {AI: 8}
    assert records(shop, subscription) == 4


def test_an_id_stands_for_one_thing(shop: Shop) -> None:
    subscription = shop.subscribe("free")
    batch(shop, subscription, ("a", 1))
    with pytest.raises(UsageEventReused):
        batch(shop, subscription, ("b", 1), ("a", 2))
    assert records(shop, subscription) == 1


def test_a_limit_holds_exactly_under_a_hundred_writers(shop: Shop) -> None:
    subscription = shop.subscribe("free")
    ended = race(lambda: shop.use(subscription), runners=100).only(UsageLimitReached)
    assert len(ended.results) == 50
    assert sorted(ended.results) == list(range(1, 51))
    assert records(shop, subscription) == 50


def test_a_batch_that_would_pass_the_limit_counts_nothing(shop: Shop) -> None:
    subscription = shop.subscribe("free")
    batch(shop, subscription, ("a", 49))
    with pytest.raises(UsageLimitReached, match="49 of 50"):
        batch(shop, subscription, ("b", 1), ("c", 1))
    assert batch(shop, subscription, ("b", 1)) == {AI: 50}


def test_beyond_the_limit_is_charged_where_the_plan_says_so(shop: Shop) -> None:
    """Pro: 5,000 are included, each further costs 1.5 cents; the trial's own are charged with the first invoice."""
    subscription = shop.subscribe("pro")
    assert shop.use(subscription, 5_003) == 5_003
    assert calculate_overage(actor=shop.bola, subscription_id=subscription.id) == {AI: Money(5, "USD")}
    assert shop.lines(shop.last(shop.end_period(subscription))) == [("overage", 5), ("plan", 5000)]
    assert shop.use(subscription) == 1


def test_what_was_used_beyond_is_charged_when_it_ends(shop: Shop) -> None:
    subscription = shop.subscribe("pro")
    shop.use(subscription, 6_000)
    commands.cancel_subscription(actor=shop.bola, subscription_id=subscription.id, at_period_end=False, now=shop.now)
    assert shop.lines(shop.last(subscription)) == [("overage", 1500)]


def test_a_count_begins_anew_and_a_level_stays(shop: Shop) -> None:
    subscription = shop.subscribe("free")
    shop.use(subscription, 40)
    shop.use(subscription, "0.75", "storage_gb")
    shop.end_period(subscription)
    assert shop.use(subscription, 1) == 1
    assert shop.use(subscription, "-0.25", "storage_gb") == Decimal("0.5")
    with pytest.raises(UsageBelowZero):
        shop.use(subscription, -1, "storage_gb")
    with pytest.raises(UsageLimitReached):
        shop.use(subscription, "0.6", "storage_gb")


def test_a_period_that_ended_is_turned_before_counting(shop: Shop) -> None:
    subscription = shop.subscribe("free")
    shop.use(subscription, 50)
    shop.move(days=40)
    assert shop.use(subscription, 2) == 2


def test_a_pack_is_on_top_of_the_limit(shop: Shop) -> None:
    subscription = shop.subscribe("free")
    shop.use(subscription, 50)
    invoice = commands.buy_usage_pack(
        actor=shop.staff,
        subscription_id=subscription.id,
        feature=AI,
        quantity=Decimal(10),
        price=Money(300, "USD"),
        now=shop.now,
    )
    assert (shop.lines(invoice), invoice.total) == ([("usage_pack", 300)], 323)
    assert shop.use(subscription, 10) == 60
    with pytest.raises(UsageLimitReached):
        shop.use(subscription)
    shop.end_period(subscription)
    with pytest.raises(UsageLimitReached):
        shop.use(subscription, 51)


def test_nobody_sells_units_to_themself(shop: Shop) -> None:
    own = shop.subscribe("basic", actor=shop.staff)
    with pytest.raises(InvalidValue, match="themself"):
        commands.buy_usage_pack(
            actor=shop.staff,
            subscription_id=own.id,
            feature=AI,
            quantity=Decimal(10),
            price=Money(1, "USD"),
            now=shop.now,
        )
    assert len(shop.documents(own)) == 1


def test_the_customer_is_told_at_80_and_100_per_cent(shop: Shop) -> None:
    subscription = shop.subscribe("free")
    told = []
    for amount in (39, 1, 5, 5):
        shop.use(subscription, amount)
        told.append(len(shop.mail(shop.bola)))
    assert told == [0, 1, 1, 2]
    assert shop.mail(shop.bola) == [
        "Your plan's limit is near: AI responses",
        "Your plan's limit is reached: AI responses",
    ]


def test_both_at_once_are_one_message(shop: Shop) -> None:
    subscription = shop.subscribe("free")
    shop.use(subscription, 50)
    assert len(shop.mail(shop.bola)) == 1


def test_a_report_by_day(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    for amount in (1, 2):
        shop.use(subscription, amount)
        shop.move(hours=14)
    shop.use(subscription, 4)
    report = generate_usage_report(
        actor=shop.bola,
        subscription_id=subscription.id,
        since=subscription.current_period_start,
        until=subscription.current_period_end,
    )
    assert [(row.day, row.amount, row.events) for row in report] == [("2026-06-15", 1, 1), ("2026-06-16", 6, 2)]


def test_only_of_ones_own(shop: Shop) -> None:
    subscription = shop.subscribe("free")
    stranger = shop.customer()
    event = UsageEvent(AI, Decimal(1), "x", shop.now, {})
    with pytest.raises(SubscriptionNotFound):
        commands.record_usage(actor=stranger, subscription_id=subscription.id, events=[event], now=shop.now)
    for read in (check_limits, calculate_overage):
        with pytest.raises(SubscriptionNotFound):
            read(actor=stranger, subscription_id=subscription.id)
    assert check_limits(actor=shop.staff, subscription_id=subscription.id)


def test_nonsense_is_refused(shop: Shop) -> None:
    subscription = shop.subscribe("free")
    good = UsageEvent(AI, Decimal(1), "x", shop.now, {})
    for events in (
        [],
        [replace(good, amount=Decimal(0))],
        [replace(good, amount=Decimal(-1))],
        [replace(good, event_id=" ")],
    ):
        with pytest.raises(InvalidValue):
            commands.record_usage(actor=shop.bola, subscription_id=subscription.id, events=events, now=shop.now)
    with pytest.raises(InvalidValue):
        commands.record_usage(actor=shop.bola, subscription_id=subscription.id, events=[good] * 5_001, now=shop.now)


def test_what_has_lapsed_counts_nothing(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.now = shop.last(subscription).due_date + timedelta(seconds=1)
    shop.chase(subscription)
    shop.move(days=28)
    shop.renew(subscription)
    shop.chase(subscription)
    with pytest.raises(SubscriptionLapsed):
        shop.use(subscription)


@pytest.mark.parametrize("ahead", [timedelta(days=-60), timedelta(minutes=6)])
def test_what_was_used_in_another_time_is_refused(shop: Shop, ahead: timedelta) -> None:
    subscription = shop.subscribe("free")
    event = UsageEvent(AI, Decimal(1), "x", shop.now, {})
    for at, told in ((shop.now + ahead, None), (shop.now + timedelta(minutes=4), {AI: Decimal(1)})):
        said = {"actor": shop.bola, "subscription_id": subscription.id, "events": [replace(event, at=at)]}
        if told is None:
            with pytest.raises(InvalidValue):
                commands.record_usage(**said, now=shop.now)
        else:
            assert commands.record_usage(**said, now=shop.now) == told
