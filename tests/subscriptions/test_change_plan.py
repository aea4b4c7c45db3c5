"""Upgrades and downgrades: what is previewed is what is charged, to the minor unit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clustr.kit.errors import Busy
from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands, queries
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.refusals import (
    InvoiceOverdue,
    NotADowngrade,
    NotAnUpgrade,
    NotCanceled,
    PlanNotFound,
    PreviewTooOld,
    SamePlan,
    SubscriptionEnded,
    SubscriptionLapsed,
    SubscriptionNotFound,
)
from tests.races import race
from tests.subscriptions.shop import PLANS, Shop


def upgrade(
    shop: Shop, subscription: Subscription, code: str, interval: str = "month", **terms: object
) -> Subscription:
    return commands.upgrade_plan(
        actor=shop.bola,
        subscription_id=subscription.id,
        plan_id=shop.plan(code).id,
        interval=interval,
        now=shop.now,
        **terms,  # type: ignore[arg-type]
    )


def downgrade(
    shop: Shop, subscription: Subscription, code: str, interval: str = "month", **terms: object
) -> Subscription:
    return commands.downgrade_plan(
        actor=shop.bola,
        subscription_id=subscription.id,
        plan_id=shop.plan(code).id,
        interval=interval,
        now=shop.now,
        **terms,  # type: ignore[arg-type]
    )


def preview(shop: Shop, subscription: Subscription, code: str, interval: str = "month") -> commands.ChangePreview:
    return commands.preview_change(
        actor=shop.bola,
        subscription_id=subscription.id,
        plan_id=shop.plan(code).id,
        interval=interval,
        now=shop.now,
    )


def test_it_works(shop: Shop) -> None:
    """Ten of thirty days left: 20.00 gives back 6.67, 90.00 comes to 30.00; 23.33 and 7.5 % of tax."""
    subscription = shop.subscribe("basic")
    shop.pay(shop.last(subscription))
    period = subscription.period
    shop.move(days=20)
    shown = preview(shop, subscription, "team")
    assert (shown.sums.subtotal.minor, shown.sums.tax.minor, shown.amount_due.minor) == (2333, 175, 2508)
    assert shown.new_period == period
    shop.move(minutes=20)
    subscription = upgrade(shop, subscription, "team", proration_date=shown.proration_date)
    invoice = shop.last(subscription)
    assert shop.lines(invoice) == [("unused_time", -667), ("remaining_time", 3000)]
    assert (invoice.total, invoice.amount_due) == (shown.sums.total.minor, shown.amount_due)
    assert (subscription.period, subscription.price_minor) == (period, 9000)
    assert shop.history(subscription) == ["created", "plan_changed"]
    assert shop.monthly(subscription) == 9000
    assert shop.lines(shop.last(shop.end_period(subscription))) == [("plan", 9000)]


def test_up_and_down_again_leaves_nothing(shop: Shop) -> None:
    """What an upgrade cost comes back when it is taken back in the same second."""
    subscription = shop.subscribe("basic")
    shop.pay(shop.last(subscription))
    shop.move(days=11, seconds=17)
    upgrade(shop, subscription, "team")
    charged = shop.last(subscription)
    shop.pay(charged)
    downgrade(shop, subscription, "basic", at_period_end=False)
    note = shop.last(subscription)
    assert (note.kind, note.invoice_number, note.total) == ("credit_note", "CN2026000001", charged.total)
    assert shop.credit(subscription) == charged.total


def test_from_month_to_year_a_new_period_begins(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.pay(shop.last(subscription))
    shop.move(days=15)
    subscription = upgrade(shop, subscription, "basic", "year")
    assert shop.lines(shop.last(subscription)) == [("unused_time", -1000), ("plan", 20_000)]
    assert subscription.current_period_start == shop.now
    assert subscription.current_period_end == datetime(2027, 6, 30, 9, 0, tzinfo=UTC)


def test_from_free_the_whole_first_period_is_charged(shop: Shop) -> None:
    subscription = shop.subscribe("free")
    shop.move(days=12)
    subscription = upgrade(shop, subscription, "basic")
    assert (subscription.collection, subscription.current_period_start) == ("bank_transfer", shop.now)
    assert shop.lines(shop.last(subscription)) == [("plan", 2000)]


def test_in_a_trial_only_the_plan_changes(shop: Shop) -> None:
    subscription = shop.subscribe("pro")
    ends = subscription.trial_end
    shop.move(days=3)
    subscription = upgrade(shop, subscription, "team")
    assert (subscription.status, subscription.trial_end, shop.documents(subscription)) == ("trialing", ends, [])
    assert shop.lines(shop.last(shop.end_period(subscription))) == [("plan", 9000)]


def test_a_downgrade_waits_for_the_end_of_the_period(shop: Shop) -> None:
    subscription = shop.subscribe("team")
    subscription = downgrade(shop, subscription, "basic")
    assert (subscription.price_minor, len(shop.documents(subscription))) == (9000, 1)
    with tenant(shop.cluster_id):
        waiting = queries.pending_change(subscription=subscription)
    assert waiting is not None
    assert waiting.applies_at == subscription.current_period_end
    subscription = shop.end_period(subscription)
    assert (subscription.price_minor, shop.last(subscription).subtotal) == (2000, 2000)
    assert shop.history(subscription) == ["created", "change_scheduled", "renewed"]
    assert shop.monthly(subscription) == 2000


def test_from_year_to_month_the_day_stays(shop: Shop) -> None:
    subscription = shop.subscribe("basic", interval="year")
    downgrade(shop, subscription, "basic", "month")
    subscription = shop.end_period(subscription)
    assert subscription.current_period_end == datetime(2027, 7, 15, 9, 0, tzinfo=UTC)


def test_a_downgrade_can_be_taken_back(shop: Shop) -> None:
    subscription = shop.subscribe("team")
    downgrade(shop, subscription, "basic")
    commands.reactivate_subscription(actor=shop.bola, subscription_id=subscription.id, now=shop.now)
    assert shop.end_period(subscription).price_minor == 9000
    with pytest.raises(NotCanceled):
        commands.reactivate_subscription(actor=shop.bola, subscription_id=subscription.id, now=shop.now)


def test_credit_pays_the_next_invoice(shop: Shop) -> None:
    """Half of 90.00 given back, half of 20.00 charged; 35.00 and tax is credit, and pays the next two invoices."""
    subscription = shop.subscribe("team")
    shop.pay(shop.last(subscription))
    shop.move(days=15)
    downgrade(shop, subscription, "basic", at_period_end=False)
    assert shop.last(subscription).total == 3763
    first = shop.last(shop.end_period(subscription))
    assert (first.total, first.credit_applied, first.status) == (2150, 2150, "paid")
    second = shop.last(shop.end_period(subscription))
    assert (second.credit_applied, second.amount_due.minor, second.status) == (1613, 537, "open")
    assert shop.credit(subscription) == 0


def test_a_newer_version_is_an_upgrade(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.pay(shop.last(subscription))
    shop.sync({**PLANS, "basic": {**PLANS["basic"], "description": "More of it."}})
    shop.move(days=15)
    upgrade(shop, subscription, "basic")
    assert shop.lines(shop.last(subscription)) == [("unused_time", -1000), ("remaining_time", 1000)]
    assert shop.last(subscription).status == "paid"


def test_what_fell_due_meanwhile_is_turned_first(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.pay(shop.last(subscription))
    shop.move(days=45)
    with pytest.raises(Busy):
        preview(shop, subscription, "team")
    upgrade(shop, subscription, "team")
    assert [d.subtotal for d in shop.documents(subscription)] == [2000, 2000, 3613]


def test_two_upgrades_at_once_are_charged_once(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.pay(shop.last(subscription))
    shop.move(days=15)
    ended = race(lambda: upgrade(shop, subscription, "team"), runners=6).only(SamePlan)
    assert len(ended.results) == 1
    assert len(shop.documents(subscription)) == 2


def test_a_preview_holds_half_an_hour(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.move(days=1)
    old = preview(shop, subscription, "team").proration_date
    shop.move(minutes=31)
    with pytest.raises(PreviewTooOld):
        upgrade(shop, subscription, "team", proration_date=old)
    with pytest.raises(PreviewTooOld):
        upgrade(shop, subscription, "team", proration_date=shop.now + timedelta(seconds=1))


def test_a_preview_in_the_second_of_the_last_act_counts(shop: Shop) -> None:
    shop.move(microseconds=200_000)
    subscription = shop.subscribe("basic")
    shop.move(microseconds=300_000)
    shown = preview(shop, subscription, "team")
    shop.move(microseconds=300_000)
    upgrade(shop, subscription, "team", proration_date=shown.proration_date)
    with pytest.raises(PreviewTooOld):
        upgrade(shop, subscription, "team", proration_date=shown.proration_date)


def test_a_preview_ends_with_the_next_act(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.move(days=1)
    old = preview(shop, subscription, "team").proration_date
    shop.move(minutes=1)
    upgrade(shop, subscription, "pro")
    with pytest.raises(PreviewTooOld):
        upgrade(shop, subscription, "team", proration_date=old)


def test_the_wrong_direction(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    with pytest.raises(NotAnUpgrade):
        upgrade(shop, subscription, "free")
    for code, interval in (("team", "month"), ("basic", "year")):
        with pytest.raises(NotADowngrade):
            downgrade(shop, subscription, code, interval)
    with pytest.raises(SamePlan):
        upgrade(shop, subscription, "basic")


def test_a_plan_that_is_not_offered(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    gone = shop.plan("team")
    shop.sync({code: PLANS[code] for code in ("free", "basic")})
    with pytest.raises(PlanNotFound):
        commands.upgrade_plan(
            actor=shop.bola, subscription_id=subscription.id, plan_id=gone.id, interval="month", now=shop.now
        )


def test_a_stranger_finds_nothing(shop: Shop) -> None:
    subscription, stranger = shop.subscribe("basic"), shop.customer()
    plan = shop.plan("team").id
    for act in (
        lambda: commands.upgrade_plan(
            actor=stranger, subscription_id=subscription.id, plan_id=plan, interval="month", now=shop.now
        ),
        lambda: commands.preview_change(
            actor=stranger, subscription_id=subscription.id, plan_id=plan, interval="month", now=shop.now
        ),
        lambda: commands.cancel_subscription(actor=stranger, subscription_id=subscription.id, now=shop.now),
        lambda: commands.apply_coupon(actor=stranger, subscription_id=subscription.id, code="X", now=shop.now),
    ):
        with pytest.raises(SubscriptionNotFound):
            act()


def test_cancelled_at_the_end_of_the_period(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.move(days=3)
    subscription = commands.cancel_subscription(
        actor=shop.bola, subscription_id=subscription.id, reason="Too dear", now=shop.now
    )
    assert (subscription.status, subscription.cancel_at_period_end, subscription.canceled_at) == (
        "active",
        True,
        shop.now,
    )
    subscription = shop.end_period(subscription)
    assert (subscription.status, subscription.ended_at, subscription.cancel_reason) == (
        "canceled",
        shop.now,
        "Too dear",
    )
    assert len(shop.documents(subscription)) == 1
    assert shop.monthly(subscription) == 0
    for act in (
        lambda: upgrade(shop, subscription, "team"),
        lambda: commands.reactivate_subscription(actor=shop.bola, subscription_id=subscription.id, now=shop.now),
        lambda: commands.cancel_subscription(actor=shop.bola, subscription_id=subscription.id, now=shop.now),
    ):
        with pytest.raises(SubscriptionEnded):
            act()


def test_a_cancellation_can_be_taken_back(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    commands.cancel_subscription(actor=shop.bola, subscription_id=subscription.id, now=shop.now)
    subscription = commands.reactivate_subscription(actor=shop.bola, subscription_id=subscription.id, now=shop.now)
    assert (subscription.cancel_at_period_end, subscription.canceled_at) == (False, None)
    assert shop.end_period(subscription).status == "active"
    assert shop.history(subscription) == ["created", "cancellation_scheduled", "reactivated", "renewed"]


def test_what_lapsed_cannot_change_until_it_is_paid(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.move(days=14, seconds=1)
    shop.chase(subscription)
    shop.move(days=28)
    shop.renew(subscription)
    assert shop.chase(subscription).status == "unpaid"
    with pytest.raises(SubscriptionLapsed):
        upgrade(shop, subscription, "team")


def test_who_owes_takes_no_larger_plan(shop: Shop) -> None:
    """Nor the same for a year, from the day on which it is overdue; a smaller one, now or later, gives back only. Paid, all is
    as before."""
    subscription = shop.subscribe("basic")
    shop.move(days=14)
    assert preview(shop, subscription, "team").amount_due.minor > 0
    shop.move(seconds=1)
    for code, interval in (("team", "month"), ("basic", "year")):
        with pytest.raises(InvoiceOverdue):
            preview(shop, subscription, code, interval)
        with pytest.raises(InvoiceOverdue):
            upgrade(shop, subscription, code, interval)
    assert shop.chase(subscription).status == "past_due"
    with pytest.raises(InvoiceOverdue):
        upgrade(shop, subscription, "team")
    downgrade(shop, subscription, "free")
    shop.pay(shop.documents(subscription)[0])
    assert shop.chase(subscription).status == "active"
    assert upgrade(shop, subscription, "team").plan_id == shop.plan("team").id
    shop.move(days=14, seconds=1)
    with pytest.raises(InvoiceOverdue):
        downgrade(shop, subscription, "basic", "year", at_period_end=False)
    assert downgrade(shop, subscription, "basic", at_period_end=False).plan_id == shop.plan("basic").id


def test_missed_periods_are_caught_up_with_once(shop: Shop) -> None:
    """A worker that was away for three months, and then is asked twenty times at once."""
    subscription = shop.subscribe("team")
    shop.pay(shop.last(subscription))
    shop.now = datetime(2026, 9, 20, tzinfo=UTC)
    race(lambda: shop.renew(subscription), runners=6).only()
    assert [document.subtotal for document in shop.documents(subscription)] == [9000] * 4
    assert shop.again(subscription).current_period_end == datetime(2026, 10, 15, 9, 0, tzinfo=UTC)
