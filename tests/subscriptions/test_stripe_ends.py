"""What is asked for the end of a period counts from the end that was shown, also where Stripe hears of it when that has passed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from clustr.kit.tenancy import tenant
from clustr.subscriptions.models import PendingChange, Subscription
from clustr.subscriptions.staff_queries import staff_cases
from tests.subscriptions.stripe_stage import StripeShop, refused


def _asked_just_before_the_end(shop: StripeShop, subscription: Subscription, act: Callable[[], object]) -> None:
    """Two minutes before the period ends a customer asks for something, and Stripe does not hear it."""
    shop.until(subscription.current_period_end - timedelta(minutes=2), step=timedelta(days=20))
    shop.dial(stripe__plan__timeout_before=1)
    assert refused(act) == "provider_silent"
    shop.heal()


@pytest.mark.parametrize("told", [False, True])
def test_cancelled_in_time_and_heard_within_the_hour(stripe_shop: StripeShop, told: bool) -> None:
    """Stripe has begun the next period, and its renewal is still a draft: nothing is charged for it. What was used beyond the
    plan in the last one is, also where it was to go with that renewal."""
    shop = stripe_shop
    subscription = shop.by_card("pro")
    shop.until(subscription.current_period_end + timedelta(hours=3))
    subscription = shop.again(subscription)
    shop.use(subscription, 5_100)
    _asked_just_before_the_end(shop, subscription, lambda: shop.cancel(subscription))
    shop.move(minutes=5)
    if told:
        shop.hear()
        shop.ask(shop.calls(subscription)[-1])
    shop.ask_due()
    shop.hear()
    ended = shop.again(subscription)
    assert (ended.status, {call.state for call in shop.calls(subscription)}) == ("canceled", {"done"})
    shop.until(shop.now + timedelta(hours=3))
    assert shop.payments(subscription) == [("succeeded", 5375)]
    assert shop.lines(shop.last(subscription)) == [("overage", 150)]
    assert staff_cases(actor=shop.staff) == []
    shop.agrees(subscription)


def test_cancelled_in_time_and_heard_after_the_renewal(stripe_shop: StripeShop) -> None:
    """It ends at once, and a person is asked to give back what was charged."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    _asked_just_before_the_end(shop, subscription, lambda: shop.cancel(subscription))
    shop.until(shop.now + timedelta(hours=3), step=timedelta(hours=1))
    assert shop.payments(subscription) == [("succeeded", 2150)] * 2
    shop.ask_due()
    assert shop.again(subscription).status == "canceled"
    (case,) = staff_cases(actor=shop.staff)
    assert (case.facts["what"], case.facts["invoice"]) == ("cancelled_in_time", shop.last(subscription).invoice_number)
    shop.agrees(subscription)


def test_cancelled_in_time_and_heard_in_time(stripe_shop: StripeShop) -> None:
    """Stripe heard it, and we heard nothing until the period was over; also when it remembers the request no more."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    shop.until(subscription.current_period_end - timedelta(minutes=2))
    shop.dial(stripe__plan__timeout_after=1)
    assert refused(lambda: shop.cancel(subscription)) == "provider_silent"
    shop.heal()
    shop.move(hours=25)
    shop.ask_due()
    assert (shop.again(subscription).status, shop.calls(subscription)[-1].state) == ("canceled", "done")
    assert staff_cases(actor=shop.staff) == []
    assert shop.payments(subscription) == [("succeeded", 2150)]


@pytest.mark.parametrize(("minutes", "interval"), [(5, "month"), (200, "month"), (5, "year")])
def test_a_smaller_plan_asked_for_in_time_and_heard_late(stripe_shop: StripeShop, minutes: int, interval: str) -> None:
    """It is that of the period that has begun, which costs no more than it does."""
    shop = stripe_shop
    subscription = shop.by_card("team", interval=interval)
    _asked_just_before_the_end(shop, subscription, lambda: shop.change(subscription, "basic"))
    shop.until(shop.now + timedelta(minutes=minutes), step=timedelta(hours=1))
    shop.ask_due()
    changed = shop.again(subscription)
    assert (changed.plan_id, shop.calls(subscription)[-1].state) == (shop.plan("basic").id, "done")
    with tenant(shop.cluster_id):
        assert not PendingChange.objects.filter(cluster_id=shop.cluster_id).exists()
    shop.until(shop.now + timedelta(hours=3))
    whole = sum((-1 if one.kind == "credit_note" else 1) * one.total for one in shop.documents(subscription)[1:])
    assert whole == 2150
    shop.agrees(subscription)


def test_a_smaller_plan_that_stripe_heard_of_in_time(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    subscription = shop.by_card("team")
    shop.until(subscription.current_period_end - timedelta(minutes=2))
    shop.dial(stripe__plan__timeout_after=1)
    assert refused(lambda: shop.change(subscription, "basic")) == "provider_silent"
    shop.heal()
    for _ in range(3):
        shop.move(minutes=20)
        shop.ask_due()
    shop.until(shop.now + timedelta(hours=3))
    assert shop.calls(subscription)[-1].state == "done"
    assert shop.again(subscription).plan_id == shop.plan("basic").id
    shop.agrees(subscription)


def test_what_is_asked_for_an_end_that_has_passed(stripe_shop: StripeShop) -> None:
    """Nothing was heard of the new period yet: a smaller plan is asked for again when it was, and who cancels has what the
    new one is paid for."""
    shop = stripe_shop
    subscription = shop.by_card("team")
    shop.until(subscription.current_period_end - timedelta(minutes=2))
    shop.move(minutes=4)
    assert refused(lambda: shop.change(subscription, "basic")) == "change_under_way"
    cancelled = shop.cancel(subscription)
    assert (cancelled.status, cancelled.cancel_at_period_end) == ("active", True)
    assert cancelled.current_period_end > shop.now + timedelta(days=27)
    shop.agrees(subscription)
