"""Coupons by card count as by the local rules: one at a time, the newest that still counts and is for the plan."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clustr.subscriptions import commands
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.types import Discount, Duration
from tests.subscriptions.stripe_stage import StripeShop, refused


def coupon(shop: StripeShop, code: str, basis_points: int = 2000, **terms: Any) -> None:
    said = {"name": code, "discount": Discount(basis_points), "duration": Duration.FOREVER, **terms}
    commands.create_coupon(actor=shop.staff, code=code, now=shop.now, **said)


def use(shop: StripeShop, subscription: Subscription, code: str) -> None:
    shop.ask(commands.begin_coupon(actor=shop.bola, subscription_id=subscription.id, code=code, now=shop.now))


def renew(shop: StripeShop, subscription: Subscription) -> int:
    """What its next invoice takes off."""
    ends = shop.again(subscription).current_period_end
    shop.until(ends - timedelta(days=1), step=timedelta(days=9))
    shop.ask_due()
    shop.until(ends + timedelta(hours=3))
    shop.ask_due()
    shop.agrees(subscription)
    return shop.last(subscription).discount_amount


def test_for_one_plan(stripe_shop: StripeShop) -> None:
    """Who has the free plan uses it for the plan that they buy; with another plan it counts no more, and its time is given
    back as it was paid."""
    shop = stripe_shop
    coupon(shop, "BASICS", plan_code="basic")
    free = shop.subscribe("free")
    assert refused(lambda: shop.begin("team", coupon="BASICS")) == "coupon_not_valid"
    subscription = shop.finish(shop.begin("basic", coupon="BASICS"))
    assert (subscription.id, shop.last(subscription).discount_amount) == (free.id, 400)
    shop.move(days=15)
    preview = commands.preview_at_stripe(
        actor=shop.bola, subscription_id=subscription.id, plan_id=shop.plan("team").id, interval="month", now=shop.now
    )
    shop.change(subscription, "team", proration_date=preview.proration_date, digest=preview.digest)
    changed = shop.last(subscription)
    assert changed.total == preview.amount_due.minor
    assert shop.lines(changed) == [("unused_time", -800), ("remaining_time", 4500)]
    assert renew(shop, subscription) == 0


@pytest.mark.parametrize("plan_code", ["", "team"])
def test_a_smaller_plan_at_the_end(stripe_shop: StripeShop, plan_code: str) -> None:
    """What waits for the end keeps the coupon that counts for both plans, and drops that of the larger one."""
    shop = stripe_shop
    coupon(shop, "LESS", plan_code=plan_code)
    subscription = shop.by_card("team", coupon="LESS")
    assert shop.last(subscription).discount_amount == 1800
    shop.change(subscription, "basic")
    wanted = 0 if plan_code else 400
    assert renew(shop, subscription) == wanted
    assert renew(shop, subscription) == wanted


def test_for_one_invoice_over_for_ever(stripe_shop: StripeShop) -> None:
    """The newest counts alone, and after it the older one again; also where a smaller plan waits meanwhile."""
    shop = stripe_shop
    coupon(shop, "FOREVER20")
    coupon(shop, "ONCE50", 5000, duration=Duration.ONCE)
    subscription = shop.by_card("team", coupon="FOREVER20")
    shop.change(subscription, "basic")
    use(shop, subscription, "ONCE50")
    assert [renew(shop, subscription) for _ in range(3)] == [1000, 400, 400]


def test_for_some_months_over_for_ever(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    coupon(shop, "FOREVER20")
    coupon(shop, "MONTH50", 5000, duration=Duration.REPEATING, duration_months=2)
    subscription = shop.by_card("basic", coupon="FOREVER20")
    shop.move(minutes=5)
    use(shop, subscription, "MONTH50")
    assert [renew(shop, subscription) for _ in range(4)] == [1000, 1000, 400, 400]


def test_while_a_page_is_open(stripe_shop: StripeShop) -> None:
    """The page was made without it: it would be used up by nothing."""
    shop = stripe_shop
    coupon(shop, "LATE")
    free = shop.subscribe("free")
    begun = shop.begin("basic")
    assert refused(lambda: use(shop, free, "LATE")) == "change_under_way"
    subscription = shop.finish(begun)
    use(shop, subscription, "LATE")
    assert renew(shop, subscription) == 400
