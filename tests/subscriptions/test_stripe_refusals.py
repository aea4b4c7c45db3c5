"""What cannot be asked of a plan by card; and what is asked twice by the same request, which is one act."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands
from clustr.subscriptions.models import StripeCall, Subscription
from clustr.subscriptions.states import Collection
from tests.subscriptions.stripe_stage import StripeShop, refused


def asked(shop: StripeShop) -> int:
    with tenant(shop.cluster_id):
        return StripeCall.objects.filter(cluster_id=shop.cluster_id, user_id=shop.bola.user_id).count()


def test_the_plan_one_has(stripe_shop: StripeShop) -> None:
    held = stripe_shop.by_card("basic")
    before = asked(stripe_shop)
    assert refused(lambda: stripe_shop.change(held, "basic")) == "same_plan"
    assert asked(stripe_shop) == before


def test_the_free_plan_begins_when_this_one_has_ended(stripe_shop: StripeShop) -> None:
    held = stripe_shop.by_card("basic")
    assert refused(lambda: stripe_shop.change(held, "free")) == "collection_not_offered"
    assert stripe_shop.again(held).plan_id == stripe_shop.plan("basic").id


def test_another_currency_than_the_free_plans(stripe_shop: StripeShop) -> None:
    stripe_shop.subscribe("free", currency="NGN")
    assert refused(lambda: stripe_shop.begin("basic", currency="USD")) == "collection_not_offered"


@pytest.mark.parametrize("act", ["change", "coupon"])
def test_what_waits_on_stripes_page(stripe_shop: StripeShop, act: str) -> None:
    waits = stripe_shop.begin("basic")
    acts: dict[str, Callable[[], Any]] = {
        "change": lambda: stripe_shop.change(waits, "pro"),
        "coupon": lambda: commands.begin_coupon(
            actor=stripe_shop.owner(waits), subscription_id=waits.id, code="ANY", now=stripe_shop.now
        ),
    }
    assert refused(acts[act]) == "subscription_incomplete"


def test_what_has_ended_is_not_kept(stripe_shop: StripeShop) -> None:
    ended = stripe_shop.cancel(stripe_shop.by_card("basic"), at_period_end=False)
    stripe_shop.hear()
    assert stripe_shop.again(ended).ended_at is not None
    assert refused(lambda: stripe_shop.keep(ended)) == "subscription_ended"


def _change(shop: StripeShop, held: Subscription, cause: Any) -> StripeCall | None:
    plan = shop.plan("pro").id
    who = shop.owner(held)
    return commands.begin_change(
        actor=who, subscription_id=held.id, plan_id=plan, interval="month", cause=cause, now=shop.now
    )


def _keep(shop: StripeShop, held: Subscription, cause: Any) -> StripeCall | None:
    return commands.begin_reactivating(actor=shop.owner(held), subscription_id=held.id, cause=cause, now=shop.now)


def _setup(shop: StripeShop, held: Subscription, cause: Any) -> StripeCall | None:
    return commands.begin_setup(actor=shop.owner(held), cause=cause, now=shop.now)


def _forget(shop: StripeShop, held: Subscription, cause: Any) -> StripeCall | None:
    (card,) = commands.my_methods(actor=shop.owner(held))
    return commands.begin_forgetting(actor=shop.owner(held), method_id=card.id, cause=cause, now=shop.now)


@pytest.mark.parametrize("act", [_change, _keep, _setup, _forget])
def test_the_same_request_is_one_act(stripe_shop: StripeShop, act: Callable[..., StripeCall | None]) -> None:
    held = stripe_shop.by_card("basic")
    if act is _keep:
        held = stripe_shop.cancel(held)
    cause = uuid4()
    first = act(stripe_shop, held, cause)
    assert refused(lambda: act(stripe_shop, held, cause)) == "request_in_progress"
    stripe_shop.move(minutes=5)
    before = asked(stripe_shop)
    second = act(stripe_shop, held, cause)
    assert first is not None
    assert second is not None
    assert (first.id, asked(stripe_shop)) == (second.id, before)
    assert held.collection == Collection.STRIPE


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after"])
def test_cards_that_stripe_does_not_tell(stripe_shop: StripeShop, fault: str) -> None:
    held = stripe_shop.by_card("basic")
    stripe_shop.dial(**{f"stripe__list__{fault}": 1})
    assert refused(lambda: commands.my_methods(actor=stripe_shop.owner(held))) == "provider_silent"
    stripe_shop.heal()
    assert len(commands.my_methods(actor=stripe_shop.owner(held))) == 1
