"""What has lapsed ends, or comes back as the next period would have been."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from clustr.clusters.commands import end_membership
from clustr.clusters.types import Role
from clustr.kit import clock
from clustr.kit.money import Money
from clustr.subscriptions import commands, tasks
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.refusals import AlreadySubscribed
from tests.cast import Part
from tests.subscriptions.shop import PLANS, Shop
from tests.subscriptions.test_tasks import waiting

PRICED = {**PLANS, "pro": {**PLANS["pro"], "trial_days": 0}}


def lapse(shop: Shop, subscription: Subscription) -> Subscription:
    """Nobody pays: reminded, and when the grace is over, stopped."""
    shop.now = max(shop.now, shop.last(subscription).due_date + timedelta(seconds=1))
    shop.chase(subscription)
    shop.move(days=28)
    shop.renew(subscription)
    subscription = shop.chase(subscription)
    assert subscription.status == "unpaid"
    return subscription


def test_cancelled_it_ends_with_its_period(shop: Shop) -> None:
    """The sweep finds it, and only then: one that was not cancelled waits to be paid."""
    shop.now = datetime(2025, 6, 15, 9, 0, tzinfo=UTC)
    cancelled = shop.subscribe("basic", interval="year")
    waits = shop.subscribe("basic", interval="year", actor=shop.customer())
    commands.cancel_subscription(actor=shop.bola, subscription_id=cancelled.id, now=shop.now)
    lapse(shop, cancelled)
    shop.chase(waits)
    assert shop.chase(waits).status == "past_due"
    shop.move(days=28)
    assert shop.chase(waits).status == "unpaid"
    tasks.turn_ended_periods(timestamp=0)
    assert cancelled.current_period_end < clock.now()
    assert (waiting("subscriptions.renew", cancelled), waiting("subscriptions.renew", waits)) == (1, 0)
    ended = shop.end_period(cancelled)
    assert (ended.status, ended.ended_at, len(shop.documents(ended))) == ("canceled", shop.now, 1)


def test_cancelled_after_it_lapsed_it_ends_at_once(shop: Shop) -> None:
    subscription = lapse(shop, shop.subscribe("basic", interval="year"))
    ended = commands.cancel_subscription(actor=shop.bola, subscription_id=subscription.id, now=shop.now)
    assert (ended.status, ended.ended_at) == ("canceled", shop.now)


def test_the_next_administrator_takes_the_place_of_one_who_let_it_lapse(shop: Shop) -> None:
    """The debt stays where it is. While they are there it is theirs to end."""
    shop.now = shop.cast.now
    palm_grove = shop.cast.palm_grove.id
    people = shop.cast.add(shop.cast.palm_grove, Part("Old", Role.ADMIN), Part("Next", Role.ADMIN))
    old_one, next_one = (replace(shop.bola, user_id=person.user_id) for person in people)
    old = lapse(shop, shop.subscribe("basic", actor=old_one, for_cluster_id=palm_grove))
    with pytest.raises(AlreadySubscribed):
        shop.subscribe("basic", actor=next_one, for_cluster_id=palm_grove)
    ada = shop.cast.ada.actor
    end_membership(actor=ada, membership_id=people[0].membership_id, left_at=shop.now, now=shop.now)
    new = shop.subscribe("basic", actor=next_one, for_cluster_id=palm_grove)
    old = shop.again(old)
    assert (old.status, old.ended_at, new.status) == ("canceled", shop.now, "active")
    assert {document.status for document in shop.documents(old)} == {"open"}


def test_paid_late_the_next_period_is_as_it_was_to_be(shop: Shop) -> None:
    """The smaller plan that waited, at the contract's price; and what was used beyond the limits is charged."""
    shop.sync(PRICED)
    subscription = shop.subscribe("pro", interval="year")
    shop.use(subscription, 5_100)
    commands.downgrade_plan(
        actor=shop.bola, subscription_id=subscription.id, plan_id=shop.plan("basic").id, interval="year", now=shop.now
    )
    commands.agree_contract_price(
        actor=shop.staff,
        user_id=shop.bola.member_id,
        plan_code="basic",
        interval="year",
        price=Money(15_000, "USD"),
        starts_at=shop.now,
        ends_at=None,
        now=shop.now,
    )
    lapse(shop, subscription)
    shop.now = subscription.current_period_end + timedelta(days=3)
    shop.pay(shop.last(subscription))
    back = shop.again(subscription)
    assert (back.status, back.price_minor, back.current_period_start) == ("active", 15_000, shop.now)
    assert shop.lines(shop.last(subscription)) == [("overage", 150), ("plan", 15_000)]


def test_a_debt_that_is_given_up_ends_what_lapsed(shop: Shop) -> None:
    subscription = lapse(shop, shop.subscribe("basic", interval="year"))
    invoice = shop.last(subscription)
    commands.write_off_invoice(actor=shop.staff, invoice_id=invoice.id, reason="Gone", now=shop.now)
    ended = shop.again(subscription)
    assert (ended.status, ended.ended_at, len(shop.documents(ended))) == ("canceled", shop.now, 1)
