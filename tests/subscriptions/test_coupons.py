"""Coupons: once a customer, within their limits, for as long as they say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clustr.kit.actor import PermissionMissing
from clustr.kit.errors import InvalidValue
from clustr.kit.money import Money
from clustr.subscriptions import commands
from clustr.subscriptions.models import Coupon, Subscription
from clustr.subscriptions.refusals import CouponNotValid, CouponUsed, SubscriptionEnded
from clustr.subscriptions.types import Discount, Duration
from tests.races import race
from tests.subscriptions.shop import Shop


def coupon(shop: Shop, code: str = "TENTH", **terms: Any) -> Coupon:
    said = {"name": "A tenth", "discount": Discount(1000), "duration": Duration.FOREVER, **terms}
    return commands.create_coupon(actor=shop.staff, code=code, now=shop.now, **said)


def apply(shop: Shop, subscription: Subscription, code: str = "TENTH") -> None:
    commands.apply_coupon(actor=shop.bola, subscription_id=subscription.id, code=code, now=shop.now)


def discounts(shop: Shop, subscription: Subscription) -> list[int]:
    return [document.discount_amount for document in shop.documents(subscription)]


def test_it_works(shop: Shop) -> None:
    """A tenth off 20.00 for ever: the subtotal stays, tax is on what is left, and recurring revenue is less by it."""
    coupon(shop)
    subscription = shop.subscribe("basic", coupon="tenth ")
    invoice = shop.last(subscription)
    assert (invoice.subtotal, invoice.discount_amount, invoice.tax_amount, invoice.total) == (2000, 200, 135, 1935)
    assert shop.monthly(subscription) == 1800
    shop.end_period(subscription)
    assert discounts(shop, subscription) == [200, 200]


def test_once_lowers_one_invoice(shop: Shop) -> None:
    coupon(shop, duration=Duration.ONCE)
    subscription = shop.subscribe("basic", coupon="TENTH")
    assert shop.monthly(subscription) == 2000
    shop.end_period(subscription)
    assert discounts(shop, subscription) == [200, 0]


def test_recurring_revenue_is_less_by_what_lasts(shop: Shop) -> None:
    """Also while a newer one waits that lowers a single invoice."""
    coupon(shop)
    coupon(shop, "FIFTH", discount=Discount(2000), duration=Duration.ONCE)
    subscription = shop.subscribe("basic", coupon="TENTH")
    apply(shop, subscription, "FIFTH")
    commands.cancel_subscription(actor=shop.bola, subscription_id=subscription.id, now=shop.now)
    commands.reactivate_subscription(actor=shop.bola, subscription_id=subscription.id, now=shop.now)
    assert shop.monthly(subscription) == 1800
    shop.end_period(subscription)
    assert discounts(shop, subscription) == [200, 400]


def test_after_a_trial_it_lowers_the_first_invoice(shop: Shop) -> None:
    coupon(shop, duration=Duration.ONCE)
    subscription = shop.subscribe("pro", coupon="TENTH")
    for _ in range(2):
        shop.end_period(subscription)
    assert discounts(shop, subscription) == [500, 0]


def test_repeating_counts_for_its_months(shop: Shop) -> None:
    coupon(shop, duration=Duration.REPEATING, duration_months=2)
    subscription = shop.subscribe("basic", coupon="TENTH")
    for _ in range(3):
        shop.end_period(subscription)
    assert discounts(shop, subscription) == [200, 200, 0, 0]


def test_an_amount_never_takes_off_more_than_there_is(shop: Shop) -> None:
    coupon(shop, discount=Discount(amount=Money(5000, "USD")))
    subscription = shop.subscribe("basic", coupon="TENTH")
    invoice = shop.last(subscription)
    assert (invoice.discount_amount, invoice.total, invoice.status) == (2000, 0, "paid")


def test_what_was_paid_less_for_gives_less_back(shop: Shop) -> None:
    """Half a period: of 18.00 that were paid 9.00 come back; 81.00 of the new plan are charged by half."""
    coupon(shop)
    subscription = shop.subscribe("basic", coupon="TENTH")
    shop.pay(shop.last(subscription))
    shop.move(days=15)
    commands.upgrade_plan(
        actor=shop.bola,
        subscription_id=subscription.id,
        plan_id=shop.plan("team").id,
        interval="month",
        now=shop.now,
    )
    assert shop.lines(shop.last(subscription)) == [("unused_time", -900), ("remaining_time", 4050)]


def test_one_that_lowered_an_invoice_once_does_not_lower_a_change(shop: Shop) -> None:
    coupon(shop, duration=Duration.ONCE)
    subscription = shop.subscribe("free", coupon="TENTH")
    for code, expected in (("basic", [("plan", 1800)]), ("team", [("unused_time", -1800), ("remaining_time", 9000)])):
        commands.upgrade_plan(
            actor=shop.bola,
            subscription_id=subscription.id,
            plan_id=shop.plan(code).id,
            interval="month",
            now=shop.now,
        )
        assert shop.lines(shop.last(subscription)) == expected


def test_once_per_customer(shop: Shop) -> None:
    coupon(shop)
    subscription = shop.subscribe("basic", coupon="TENTH")
    with pytest.raises(CouponUsed):
        apply(shop, subscription)
    ended = race(lambda: shop.subscribe("basic", actor=shop.customer(), coupon="TENTH"), runners=3).only()
    assert len(ended.results) == 3


def test_once_per_customer_of_two_subscriptions_at_once(shop: Shop) -> None:
    """For oneself and for one's estate, in the same instant."""
    shop.now = shop.cast.now
    mine = shop.subscribe("basic", actor=shop.staff)
    estates = shop.subscribe("basic", actor=shop.staff, for_cluster_id=shop.cast.palm_grove.id)
    for round in range(8):
        made = coupon(shop, f"ROUND-{round}")
        works = [
            lambda which=which, code=made.code: commands.apply_coupon(  # type: ignore[misc]
                actor=shop.staff, subscription_id=which.id, code=code, now=shop.now
            )
            for which in (mine, estates)
        ]
        ended = race(works).only(CouponUsed)
        assert len(ended.results) == 1


def test_a_limit_holds_when_many_come_at_once(shop: Shop) -> None:
    coupon(shop, max_redemptions=3)
    customers = [shop.customer() for _ in range(8)]
    works = [lambda who=who: shop.subscribe("basic", actor=who, coupon="TENTH") for who in customers]  # type: ignore[misc]
    ended = race(works).only(CouponNotValid)
    assert (len(ended.results), ended.refused) == (3, {"CouponNotValid": 5})


@pytest.mark.parametrize(
    "terms",
    [
        {"expires_at": timedelta(0)},
        {"plan_code": "pro"},
        {"discount": Discount(amount=Money(100, "NGN"))},
        {"needs_verification": "education"},
    ],
)
def test_one_that_is_not_for_this(shop: Shop, terms: dict[str, Any]) -> None:
    if "expires_at" in terms:
        terms = {"expires_at": shop.now + terms["expires_at"]}
    coupon(shop, **terms)
    subscription = shop.subscribe("basic")
    with pytest.raises(CouponNotValid):
        apply(shop, subscription)
    with pytest.raises(CouponNotValid):
        apply(shop, subscription, "NO-SUCH")


def test_one_for_a_plan_ends_with_that_plan(shop: Shop) -> None:
    """Free of charge for basic, for ever: whoever takes a larger plan pays it, at once and again, and back it counts again.
    An older one that lowers every plan takes its place meanwhile."""
    coupon(shop)
    coupon(shop, "FREE", discount=Discount(10_000), plan_code="basic")
    subscription = shop.subscribe("basic", coupon="TENTH")
    apply(shop, subscription, "FREE")
    shop.pay(shop.last(subscription))
    shop.end_period(subscription)
    terms = {"subscription_id": subscription.id, "interval": "month"}
    commands.upgrade_plan(actor=shop.bola, plan_id=shop.plan("team").id, now=shop.now, **terms)  # type: ignore[arg-type]
    assert shop.lines(shop.last(subscription)) == [("remaining_time", 8100)]
    assert shop.monthly(subscription) == 8100
    shop.end_period(subscription)
    commands.downgrade_plan(actor=shop.bola, plan_id=shop.plan("basic").id, now=shop.now, **terms)  # type: ignore[arg-type]
    shop.end_period(subscription)
    assert discounts(shop, subscription) == [200, 2000, 0, 900, 2000]


def test_education_is_verified_first(shop: Shop) -> None:
    coupon(shop, needs_verification="education")
    subscription = shop.subscribe("basic")
    terms = {"kind": "education", "expires_at": shop.now + timedelta(days=365), "now": shop.now}
    with pytest.raises(InvalidValue):
        commands.verify_customer(actor=shop.staff, user_id=shop.staff.member_id, **terms)  # type: ignore[arg-type]
    with pytest.raises(PermissionMissing):
        commands.verify_customer(actor=shop.bola, user_id=shop.bola.member_id, **terms)  # type: ignore[arg-type]
    commands.verify_customer(actor=shop.staff, user_id=shop.bola.member_id, **terms)  # type: ignore[arg-type]
    apply(shop, subscription)
    shop.end_period(subscription)
    assert discounts(shop, subscription) == [0, 200]


def test_what_was_verified_holds_until_it_expires(shop: Shop) -> None:
    coupon(shop, needs_verification="education")
    terms = {"kind": "education", "expires_at": shop.now + timedelta(days=40), "now": shop.now}
    commands.verify_customer(actor=shop.staff, user_id=shop.bola.member_id, **terms)  # type: ignore[arg-type]
    subscription = shop.subscribe("basic", coupon="TENTH")
    for _ in range(2):
        shop.end_period(subscription)
    assert discounts(shop, subscription) == [200, 200, 0]
    assert shop.monthly(subscription) == 2000


def test_not_for_what_has_ended(shop: Shop) -> None:
    coupon(shop)
    subscription = shop.subscribe("basic")
    commands.cancel_subscription(actor=shop.bola, subscription_id=subscription.id, at_period_end=False, now=shop.now)
    with pytest.raises(SubscriptionEnded):
        apply(shop, subscription)


def test_staff_makes_them(shop: Shop) -> None:
    with pytest.raises(PermissionMissing):
        commands.create_coupon(
            actor=shop.bola, code="X", name="X", discount=Discount(100), duration=Duration.ONCE, now=shop.now
        )
    with pytest.raises(InvalidValue):
        coupon(shop, duration=Duration.REPEATING)
