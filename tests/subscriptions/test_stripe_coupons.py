"""Coupons by card count as by the local rules: one at a time, the newest that still counts and is for the plan."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands
from clustr.subscriptions.document_queries import my_subscription
from clustr.subscriptions.models import Invoice, Subscription, SubscriptionEvent
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


def change(shop: StripeShop, subscription: Subscription, code: str, **terms: Any) -> Invoice:
    """Change now, as it was previewed; the document that this makes. Both come to the same."""
    interval = terms.get("interval", "month")
    preview = commands.preview_at_stripe(
        actor=shop.bola, subscription_id=subscription.id, plan_id=shop.plan(code).id, interval=interval, now=shop.now
    )
    shop.change(subscription, code, proration_date=preview.proration_date, digest=preview.digest, **terms)
    made = shop.last(subscription)
    assert (made.kind == "credit_note") == preview.is_credit_note
    assert (made.total, made.discount_amount) == (preview.sums.total.minor, preview.sums.discount.minor)
    shop.agrees(subscription)
    return made


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


def test_what_a_later_coupon_paid_is_not_given_back(stripe_shop: StripeShop) -> None:
    """Money comes from nothing else: unused time is given back at what was charged for it, whatever coupon counts since."""
    shop = stripe_shop
    coupon(shop, "ALL", 10_000, duration=Duration.ONCE)
    subscription = shop.by_card("basic")
    shop.move(days=10)
    use(shop, subscription, "ALL")
    upgraded = change(shop, subscription, "team")
    assert (upgraded.kind, shop.lines(upgraded)) == ("credit_note", [("unused_time", 1333), ("remaining_time", 0)])
    shop.move(days=5)
    downgraded = change(shop, subscription, "basic", at_period_end=False)
    assert shop.lines(downgraded) == [("unused_time", 0), ("remaining_time", 1000)]


def test_what_was_paid_before_a_coupon_comes_back_whole(stripe_shop: StripeShop) -> None:
    """Also where the coupon is one that lowers what is charged instead of it."""
    shop = stripe_shop
    coupon(shop, "ALL", 10_000)
    subscription = shop.by_card("team")
    shop.move(days=15)
    use(shop, subscription, "ALL")
    changed = change(shop, subscription, "basic", at_period_end=False)
    assert (changed.kind, changed.subtotal, shop.lines(changed)) == (
        "credit_note",
        4500,
        [("unused_time", 4500), ("remaining_time", 0)],
    )


def test_what_an_amount_lowered_comes_back_lower(stripe_shop: StripeShop) -> None:
    """A share of the price and a share of what was taken off it, though the amount lowers no proration."""
    shop = stripe_shop
    coupon(shop, "SIX", discount=Discount(amount=Money(600, "USD")), duration=Duration.ONCE)
    subscription = shop.by_card("basic", coupon="SIX")
    shop.move(days=15)
    assert shop.lines(change(shop, subscription, "team")) == [("unused_time", -700), ("remaining_time", 4500)]


def test_used_by_a_change_that_gives_back_more(stripe_shop: StripeShop) -> None:
    """A coupon for one invoice is used up by what it lowers, also where the invoice gives back more of an older one."""
    shop = stripe_shop
    coupon(shop, "ONCE50", 5000, duration=Duration.ONCE)
    coupon(shop, "HALF", 5000, plan_code="team")
    subscription = shop.by_card("team", coupon="HALF")
    shop.move(days=15)
    use(shop, subscription, "ONCE50")
    changed = change(shop, subscription, "basic", at_period_end=False)
    assert shop.lines(changed) == [("unused_time", 2250), ("remaining_time", -500)]
    assert my_subscription(actor=shop.bola, now=shop.now).coupon is None
    assert renew(shop, subscription) == 0


def test_what_counts_again_lowers_a_change_now(stripe_shop: StripeShop) -> None:
    """The older coupon is over at the end of the period, so that no renewal asks for it; a change before that does, and so does
    recurring revenue. It is over then, for the year's renewal too."""
    shop = stripe_shop
    coupon(shop, "TEN3", 1000, duration=Duration.REPEATING, duration_months=3)
    coupon(shop, "ALL", 10_000, duration=Duration.ONCE)
    subscription = shop.by_card("basic", coupon="TEN3")
    assert renew(shop, subscription) == 200
    use(shop, subscription, "ALL")
    assert renew(shop, subscription) == 2000
    yearly = shop.plan("basic").price_yearly
    changed = change(shop, subscription, "basic", interval="year")
    assert shop.lines(changed) == [("unused_time", 0), ("plan", yearly * 9 // 10)]
    assert changed.discount_amount == yearly // 10
    with tenant(shop.cluster_id):
        event = SubscriptionEvent.objects.filter(cluster_id=shop.cluster_id, subscription_id=subscription.id).last()
    assert event is not None
    assert (event.kind, event.monthly_minor) == ("plan_changed", yearly * 9 // 120)
    shop.move(minutes=5)
    shop.ask_due()
    assert [doc["discounts"] for doc in shop.rows("subscription")] == [[]]


def test_what_counts_again_at_the_renewal_lowers_a_change_after_it(stripe_shop: StripeShop) -> None:
    """Told to Stripe before the next renewal, it is not told again with a change, and its months are not counted anew."""
    shop = stripe_shop
    coupon(shop, "TEN3", 1000, duration=Duration.REPEATING, duration_months=4)
    coupon(shop, "ALL", 10_000, duration=Duration.ONCE)
    subscription = shop.by_card("basic", coupon="TEN3")
    use(shop, subscription, "ALL")
    assert [renew(shop, subscription) for _ in range(2)] == [2000, 200]
    shop.move(days=15)
    changed = change(shop, subscription, "team")
    assert (shop.lines(changed)[1], changed.discount_amount) == (("remaining_time", 4148), 461)
    assert [call.terms.get("coupon_id") for call in shop.calls(subscription) if call.act == "change"] == [None]
    assert [renew(shop, subscription) for _ in range(2)] == [900, 0]
