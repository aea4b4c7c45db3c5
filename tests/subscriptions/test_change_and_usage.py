"""What a change of plan settles besides the price: tax as it was charged, and what was used; and that its preview holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from clustr.kit.money import Money
from clustr.subscriptions import commands
from clustr.subscriptions.commands import NewAddress
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.refusals import PreviewTooOld, UsageLimitReached
from clustr.subscriptions.types import Discount, Duration
from tests.subscriptions.shop import PLANS, Shop
from tests.subscriptions.test_change_plan import downgrade, preview, upgrade

METERED = {
    **PLANS,
    "pro": {**PLANS["pro"], "trial_days": 0, "overage": {"ai_responses": {"USD": "1"}}},
    "enterprise": {
        "price_monthly": 20_000,
        "price_yearly": 200_000,
        "ai_responses_limit": 100_000,
        "overage": {"ai_responses": {"USD": "0.5"}},
    },
}


def live_in(shop: Shop, country: str) -> None:
    address = NewAddress(line1="1 High Street", city="Somewhere", country=country)
    commands.set_billing_address(actor=shop.bola, address=address, now=shop.now)


def sums(shop: Shop, subscription: Subscription) -> list[tuple[str, int, int]]:
    return [(each.kind, each.subtotal, each.tax_amount) for each in shop.documents(subscription)]


def test_tax_that_was_never_charged_is_not_given_back(shop: Shop) -> None:
    """Bought in Ghana without tax; given back from Lagos without tax, while what is charged now is taxed."""
    live_in(shop, "GH")
    subscription = shop.subscribe("team", interval="year")
    live_in(shop, "NG")
    shown = preview(shop, subscription, "basic", "year")
    assert (shown.is_credit_note, shown.sums.total.minor) == (True, 90_000 - 21_500)
    downgrade(shop, subscription, "basic", "year", at_period_end=False)
    assert sums(shop, subscription) == [
        ("invoice", 90_000, 0),
        ("credit_note", 90_000, 0),
        ("invoice", 20_000, 1500),
    ]
    assert shop.last(subscription).amount_due.minor == 21_500


def test_tax_that_was_charged_is_given_back(shop: Shop) -> None:
    """Also where what is charged now is more before tax and less after it, and of a period that was changed before."""
    subscription = shop.subscribe("basic", interval="year")
    shop.pay(shop.last(subscription))
    live_in(shop, "GH")
    shown = preview(shop, subscription, "team", "year")
    assert (shown.is_credit_note, shown.amount_due.minor) == (False, 90_000 - 21_500)
    upgrade(shop, subscription, "team", "year")
    assert sums(shop, subscription)[1:] == [("credit_note", 20_000, 1500), ("invoice", 90_000, 0)]
    assert shop.last(subscription).amount_due.minor == 90_000 - 21_500
    live_in(shop, "NG")
    downgrade(shop, subscription, "basic", "year", at_period_end=False)
    assert sums(shop, subscription)[3:] == [("credit_note", 90_000, 0), ("invoice", 20_000, 1500)]


def metered(shop: Shop, code: str) -> Subscription:
    shop.sync(METERED)
    return shop.subscribe(code)


def test_a_smaller_plan_does_not_charge_what_the_larger_one_included(shop: Shop) -> None:
    """Half of a period of 100,000 and half of one of 5,000 include 52,500; what is beyond is charged with the change, at
    the old plan's price, and not again."""
    subscription = metered(shop, "enterprise")
    shop.use(subscription, 52_500)
    shop.move(days=15)
    downgrade(shop, subscription, "pro", at_period_end=False)
    assert shop.lines(shop.last(subscription)) == [("unused_time", 10_000), ("remaining_time", -2500)]
    assert shop.lines(shop.last(shop.end_period(subscription))) == [("plan", 5000)]


def test_what_goes_beyond_is_charged_with_the_change_and_shown_before(shop: Shop) -> None:
    subscription = metered(shop, "enterprise")
    shop.use(subscription, 60_000)
    shop.move(days=15)
    shown = preview(shop, subscription, "pro")
    assert next((line.kind, line.amount.minor) for line in shown.sums.lines) == ("overage", -3750)
    downgrade(shop, subscription, "pro", at_period_end=False)
    assert shop.lines(shop.last(subscription))[0] == ("overage", -3750)
    shop.use(subscription, 10)
    assert shop.lines(shop.last(shop.end_period(subscription))) == [("overage", 10), ("plan", 5000)]


def test_overage_is_not_lost_by_a_change_in_the_last_minute(shop: Shop) -> None:
    """Basic charges nothing for more, and stops at its limit."""
    subscription = metered(shop, "pro")
    shop.use(subscription, 55_000)
    shop.now = subscription.current_period_end - timedelta(minutes=1)
    downgrade(shop, subscription, "basic", at_period_end=False)
    assert shop.lines(shop.last(subscription))[0][0] == "overage"
    assert shop.lines(shop.last(subscription))[0][1] == pytest.approx(50_000, abs=1)
    with pytest.raises(UsageLimitReached):
        shop.use(subscription)
    shop.end_period(subscription)
    assert shop.use(subscription, 500) == 500


def test_a_minute_of_the_largest_plan_does_not_include_a_month_of_it(shop: Shop) -> None:
    """Nor do changes to and fro in one second include anything twice."""
    subscription = metered(shop, "pro")
    shop.pay(shop.last(subscription))
    shop.use(subscription, 5_000)
    shop.move(days=15)
    upgrade(shop, subscription, "enterprise")
    shop.use(subscription, 20_000)
    downgrade(shop, subscription, "pro", at_period_end=False)
    assert shop.lines(shop.last(subscription))[0] == ("overage", 10_000)
    upgrade(shop, subscription, "enterprise")
    assert [kind for kind, _ in shop.lines(shop.last(subscription))] == ["unused_time", "remaining_time"]


def coupon(shop: Shop, subscription: Subscription) -> None:
    commands.create_coupon(
        actor=shop.staff, code="HALF", name="Half", discount=Discount(5000), duration=Duration.FOREVER, now=shop.now
    )
    commands.apply_coupon(actor=shop.bola, subscription_id=subscription.id, code="HALF", now=shop.now)


def contract(shop: Shop, interval: str = "month") -> None:
    commands.agree_contract_price(
        actor=shop.staff,
        user_id=shop.bola.member_id,
        plan_code="enterprise",
        interval=interval,
        price=Money(30_000, "USD"),
        starts_at=shop.now,
        ends_at=None,
        now=shop.now,
    )


@pytest.mark.parametrize("what", ["coupon", "address", "usage", "contract", "catalogue"])
def test_a_preview_holds_only_while_it_comes_to_the_same(shop: Shop, what: str) -> None:
    subscription = metered(shop, "pro")
    shop.pay(shop.last(subscription))
    shop.use(subscription, 5_000)
    shop.move(days=15)
    shown = preview(shop, subscription, "enterprise")
    shop.move(minutes=1)
    acts: dict[str, Callable[[], object]] = {
        "coupon": lambda: coupon(shop, subscription),
        "address": lambda: live_in(shop, "GH"),
        "usage": lambda: shop.use(subscription, 10),
        "contract": lambda: contract(shop),
        "catalogue": lambda: shop.sync({**METERED, "enterprise": {**METERED["enterprise"], "price_monthly": 30_000}}),
    }
    acts[what]()
    with pytest.raises(PreviewTooOld):
        upgrade(shop, subscription, "enterprise", proration_date=shown.proration_date, digest=shown.digest)
    upgrade(shop, subscription, "enterprise", digest=preview(shop, subscription, "enterprise").digest)
