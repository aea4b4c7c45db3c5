"""What a change comes to, wherever it begins: a smaller plan's first invoice is the one that was shown."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.kit.errors import Busy, InvalidValue
from clustr.kit.money import Money
from clustr.subscriptions import commands
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.refusals import SamePlan, SubscriptionNotFound
from clustr.subscriptions.types import Discount, Duration
from tests.subscriptions.shop import Shop
from tests.subscriptions.stripe_stage import StripeShop
from tests.subscriptions.test_change_plan import downgrade, preview
from tests.subscriptions.test_coupons import apply, coupon


def foreseen(
    shop: Shop, subscription: Subscription, code: str, interval: str = "month", **more: Any
) -> commands.ChangePreview:
    actor = more.pop("actor", shop.bola)
    return commands.foresee_change(
        actor=actor,
        subscription_id=subscription.id,
        plan_id=shop.plan(code).id,
        interval=interval,
        now=shop.now,
        **more,
    )


def as_shown(shop: Shop, subscription: Subscription, shown: commands.ChangePreview) -> None:
    """The next period's invoice is the one that was shown, to the minor unit."""
    turned = shop.end_period(subscription)
    invoice = shop.last(turned)
    assert (invoice.subtotal, invoice.discount_amount, invoice.tax_amount, invoice.total) == (
        shown.sums.subtotal.minor,
        shown.sums.discount.minor,
        shown.sums.tax.minor,
        shown.sums.total.minor,
    )
    assert invoice.amount_due == shown.amount_due
    assert turned.period == shown.new_period
    assert shown.proration_date == turned.current_period_start


def test_it_works(shop: Shop) -> None:
    subscription = shop.subscribe("team")
    shop.pay(shop.last(subscription))
    shop.move(days=11)
    shown = foreseen(shop, subscription, "basic")
    assert (shown.at_period_end, shown.digest, shown.amount_due) == (True, "", Money(2150, "USD"))
    downgrade(shop, subscription, "basic", proration_date=shown.proration_date, digest=shown.digest)
    as_shown(shop, subscription, shown)


def test_from_year_to_month_periods_are_counted_anew(shop: Shop) -> None:
    subscription = shop.subscribe("basic", interval="year")
    shop.pay(shop.last(subscription))
    shown = foreseen(shop, subscription, "basic")
    downgrade(shop, subscription, "basic")
    as_shown(shop, subscription, shown)


@pytest.mark.parametrize("duration", Duration)
def test_a_coupon_that_counts_then_is_taken_off(shop: Shop, duration: Duration) -> None:
    months = 1 if duration is Duration.REPEATING else None
    coupon(shop, duration=duration, duration_months=months, discount=Discount(3333))
    subscription = shop.subscribe("team", coupon="TENTH")
    shop.pay(shop.last(subscription))
    shown = foreseen(shop, subscription, "basic")
    assert (shown.sums.discount.minor > 0) == (duration is Duration.FOREVER)
    downgrade(shop, subscription, "basic")
    as_shown(shop, subscription, shown)


def test_a_coupon_that_came_later_counts_too(shop: Shop) -> None:
    subscription = shop.subscribe("team")
    shop.pay(shop.last(subscription))
    coupon(shop)
    apply(shop, subscription)
    shown = foreseen(shop, subscription, "basic")
    assert shown.sums.discount == Money(200, "USD")
    downgrade(shop, subscription, "basic")
    as_shown(shop, subscription, shown)


def test_what_was_used_beyond_the_limits_comes_with_it(shop: Shop) -> None:
    subscription = shop.subscribe("pro")
    shop.end_period(subscription)
    shop.pay(shop.last(subscription))
    shop.use(subscription, 5_100)
    shown = foreseen(shop, subscription, "basic")
    assert [line.kind for line in shown.sums.lines] == ["overage", "plan"]
    downgrade(shop, subscription, "basic")
    as_shown(shop, subscription, shown)


def test_credit_pays_first_and_what_is_open_before_that(shop: Shop) -> None:
    subscription = shop.subscribe("team")
    shop.pay(shop.last(subscription), 9_675 + 1_000)
    shown = foreseen(shop, subscription, "basic")
    assert shown.amount_due == Money(1150, "USD")
    downgrade(shop, subscription, "basic")
    as_shown(shop, subscription, shown)


def test_a_free_plan_comes_to_nothing(shop: Shop) -> None:
    subscription = shop.subscribe("team")
    shown = foreseen(shop, subscription, "free")
    assert (shown.sums.lines, shown.amount_due.minor, shown.is_credit_note) == ((), 0, False)


def test_a_larger_plan_begins_now_and_so_does_a_smaller_one_if_asked(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.move(days=10)
    assert foreseen(shop, subscription, "team") == preview(shop, subscription, "team")
    with pytest.raises(InvalidValue):
        foreseen(shop, subscription, "team", at_period_end=True)
    other = shop.subscribe("team", actor=(somebody := shop.customer()))
    shop.move(days=10)
    shown = foreseen(shop, other, "basic", actor=somebody, at_period_end=False)
    assert (shown.at_period_end, shown.is_credit_note, shown.proration_date) == (False, True, shop.now)


def test_in_a_trial_nothing_waits(shop: Shop) -> None:
    subscription = shop.subscribe("pro")
    shown = foreseen(shop, subscription, "basic")
    assert (shown.at_period_end, shown.sums.lines) == (False, ())


def test_what_cannot_be_foreseen(shop: Shop) -> None:
    subscription = shop.subscribe("team")
    with pytest.raises(SubscriptionNotFound):
        foreseen(shop, subscription, "basic", actor=shop.customer())
    with pytest.raises(SamePlan):
        foreseen(shop, subscription, "team")
    shop.now = subscription.current_period_end
    with pytest.raises(Busy):
        foreseen(shop, subscription, "basic")


def test_by_card_stripe_charges_what_was_shown(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    held = shop.by_card("team")
    shop.move(days=11)
    shown = foreseen(shop, held, "basic")
    assert (shown.at_period_end, shown.amount_due) == (True, Money(2150, "USD"))
    sent = len(shop.sent)
    shop.change(held, "basic", proration_date=shown.proration_date)
    shop.until(shown.new_period.start.replace(hour=23))
    assert len(shop.sent) > sent
    invoice = shop.last(held)
    assert (invoice.total, invoice.status) == (shown.sums.total.minor, "paid")
    assert shop.again(held).period == shown.new_period
