"""Usage beyond the limits, collected by card: a change of plan settles it as it does by transfer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from clustr.kit.crashpoints import Crash, watching
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands
from clustr.subscriptions.commands.stripe_items import take_back_stranded
from clustr.subscriptions.models import InvoiceLine, StripeCall, Subscription
from clustr.subscriptions.types import Discount, Duration
from tests.subscriptions.stripe_stage import StripeShop, refused
from tests.subscriptions.test_change_and_usage import METERED, contract, live_in
from tests.subscriptions.test_foreseeing import foreseen


@pytest.fixture
def shop(stripe_shop: StripeShop) -> StripeShop:
    stripe_shop.sync(METERED)
    return stripe_shop


def change(shop: StripeShop, subscription: Subscription, code: str, *, at_period_end: bool = False) -> None:
    """Take another plan, whoever collects it."""
    call = commands.begin_change(
        actor=shop.owner(subscription),
        subscription_id=subscription.id,
        plan_id=shop.plan(code).id,
        interval="month",
        at_period_end=at_period_end,
        now=shop.now,
    )
    shop.ask(call)
    shop.hear()


def overage(shop: StripeShop, subscription: Subscription) -> int:
    """What was charged in all for usage beyond what was included."""
    charged = 0
    for document in shop.documents(subscription):
        sign = -1 if document.kind == "credit_note" else 1
        charged += sign * sum(amount for kind, amount in shop.lines(document) if kind == "overage")
    return charged


def included(shop: StripeShop, subscription: Subscription) -> dict[str, str]:
    return shop.again(subscription).included


STORIES = {
    "what the larger plan included is not charged by the smaller one": ("enterprise", 52_500, "pro", 10),
    "what went beyond is charged with the change": ("enterprise", 60_000, "pro", 10),
    "a larger plan includes its share": ("pro", 5_000, "enterprise", 20_000),
    "there and back": ("pro", 5_000, "enterprise", 47_000, "pro", 300, "enterprise", 1_000),
    "what stops at its limit": ("basic", 400, "pro", 6_000),
}


@pytest.mark.parametrize("name", STORIES)
def test_it_comes_to_the_same_as_by_transfer(shop: StripeShop, name: str) -> None:
    first, *story = STORIES[name]
    by_card = shop.by_card(str(first))
    by_transfer = shop.subscribe(str(first), actor=shop.customer())
    assert shop.again(by_card).period == by_transfer.period
    for step in story:
        for due in [one for one in shop.documents(by_transfer) if one.amount_due.minor]:
            shop.pay(due)
        for one in (by_card, by_transfer):
            if isinstance(step, int):
                shop.use(one, step)
            else:
                change(shop, one, step)
        assert included(shop, by_card) == included(shop, by_transfer)
        shop.move(minutes=5)
        shop.ask_due()
        shop.until(shop.now + timedelta(days=5))
    shop.until(by_transfer.current_period_end + timedelta(minutes=20), step=timedelta(minutes=20))
    shop.renew(by_transfer)
    shop.ask_due()
    shop.until(shop.now + timedelta(hours=3))
    assert overage(shop, by_card) == overage(shop, by_transfer)
    shop.agrees(by_card)


def test_units_are_counted_on_stripe_s_invoice_too(shop: StripeShop) -> None:
    held = shop.by_card("pro")
    shop.use(held, 5_120)
    shop.until(held.current_period_end + timedelta(minutes=20), step=timedelta(days=9))
    shop.move(minutes=3)
    shop.ask_due()
    shop.until(shop.now + timedelta(hours=3), step=timedelta(hours=1))
    with tenant(shop.cluster_id):
        lines = InvoiceLine.objects.filter(cluster_id=shop.cluster_id, invoice_id=shop.last(held).id, kind="overage")
        (line,) = lines
    assert (line.quantity, line.each_minor, line.amount) == (120, 1, 120)
    shop.agrees(held)


def beyond_by_change(shop: StripeShop) -> Subscription:
    """A smaller plan after half of a period, in which 60,000 of 100,000 were used: 7,500 went beyond, for 37.50."""
    held = shop.by_card("enterprise")
    shop.use(held, 60_000)
    shop.move(days=15)
    change(shop, held, "pro")
    assert [owed["amount"] for owed in shop.again(held).usage_owed] == [3750]
    return held


def test_what_a_change_settled_is_shown_before_it_is_charged(shop: StripeShop) -> None:
    held = beyond_by_change(shop)
    shown = foreseen(shop, held, "basic")
    assert shown.sums.subtotal == Money(3750 + 2000, "USD")
    change(shop, held, "basic", at_period_end=True)
    shop.until(shown.new_period.start + timedelta(minutes=20), step=timedelta(minutes=20))
    shop.ask_due()
    shop.until(shop.now + timedelta(hours=3))
    assert (overage(shop, held), shop.again(held).usage_owed) == (3750, [])
    shop.agrees(held)


@pytest.mark.parametrize("at_period_end", [False, True])
def test_whoever_cancels_after_a_change_owes_what_it_settled(shop: StripeShop, at_period_end: bool) -> None:
    held = beyond_by_change(shop)
    shop.cancel(held, at_period_end=at_period_end)
    shop.hear()
    shop.until(held.current_period_end + timedelta(hours=3))
    shop.ask_due()
    assert shop.again(held).status == "canceled"
    assert (overage(shop, held), shop.again(held).usage_owed) == (3750, [])


def test_a_worker_that_was_away_for_days_asks_what_was_never_asked(shop: StripeShop) -> None:
    """And again under its key, where the answer was not heard."""
    held = shop.by_card("enterprise")
    shop.use(held, 100_100)
    shop.until(shop.again(held).current_period_end + timedelta(minutes=20), step=timedelta(minutes=20))
    (call,) = [call for call in shop.calls(held) if call.act == "overage"]
    shop.move(days=3)
    shop.dial(any__timeout_after=1)
    shop.ask_due()
    assert [call.state for call in shop.calls(held) if call.act == "overage"] == ["recorded"]
    shop.heal()
    shop.move(hours=12)
    shop.ask_due()
    assert [call.state for call in shop.calls(held) if call.act == "overage"] == ["done"]
    items = [row for row in shop.rows("invoiceitem") if row["amount"] == call.terms["items"][0]["amount"]]
    assert len(items) == 1


def test_a_change_that_somebody_made_at_stripe_counts_as_of_now(shop: StripeShop) -> None:
    """Somebody of the platform's staff, in Stripe's dashboard."""
    held = shop.by_card("enterprise")
    shop.use(held, 60_000)
    change(shop, shop.by_card("basic", actor=shop.customer()), "pro")  # its price has a name there
    shop.move(days=15)
    small = next(row["id"] for row in shop.rows("price") if row["unit_amount"] == 5_000)
    mine = shop.again(held).stripe_subscription_id
    service = shop.holder.service()
    service.update_subscription(
        subscription_id=mine,
        item_id=service.fetch_subscription(subscription_id=mine).item_id,
        price_id=small,
        proration_date=shop.now,
        key="by hand",
    )
    shop.hear()
    assert shop.again(held).plan_id == shop.plan("pro").id
    assert [owed["amount"] for owed in shop.again(held).usage_owed] == [3750]


def test_where_periods_begin_anew_usage_is_not_owed_for_a_year(shop: StripeShop) -> None:
    """By the month, then at once by the year: what went beyond is on an invoice of its own."""
    held = beyond_by_change(shop)
    call = commands.begin_change(
        actor=shop.owner(held), subscription_id=held.id, plan_id=shop.plan("pro").id, interval="year", now=shop.now
    )
    shop.ask(call)
    shop.hear()
    shop.move(minutes=5)
    shop.ask_due()
    shop.until(shop.now + timedelta(hours=3))
    assert (overage(shop, held), shop.again(held).usage_owed) == (3750, [])
    assert shop.last(held).status == "paid"
    shop.agrees(held)


@pytest.mark.parametrize("begins", ["month", "year"])
def test_usage_is_shown_before_periods_begin_anew(shop: StripeShop, begins: str) -> None:
    """What the change and the usage beside it come to is what was shown, to the cent; tax, and what stands in their favour, too."""
    held = shop.by_card("enterprise", interval=begins)
    shop.use(held, 100_333)
    shop.move(days=15)
    before = {one.id for one in shop.documents(held)}
    other = "year" if begins == "month" else "month"
    shown = foreseen(shop, held, "enterprise", other, at_period_end=False)
    shop.change(
        held,
        "enterprise",
        interval=other,
        at_period_end=False,
        proration_date=shown.proration_date,
        digest=shown.digest,
    )
    shop.hear()
    shop.move(minutes=5)
    shop.ask_due()
    shop.until(shop.now + timedelta(hours=3))
    made = [one for one in shop.documents(held) if one.id not in before]
    signs = [-1 if one.kind == "credit_note" else 1 for one in made]
    assert len(made) == 2
    assert overage(shop, held) > 0
    whole = -1 if shown.is_credit_note else 1
    for name in ("subtotal", "total"):
        assert (
            sum(sign * getattr(one, name) for sign, one in zip(signs, made, strict=True))
            == whole * getattr(shown.sums, name).minor
        )
    assert shown.is_credit_note == (begins == "year")
    assert sum(one.amount_paid for one in made if one.kind == "invoice") == shown.amount_due.minor
    shop.agrees(held)


def _redeem(shop: StripeShop, held: Subscription) -> StripeCall | None:
    commands.create_coupon(
        actor=shop.staff, code="HALF", name="Half", discount=Discount(5000), duration=Duration.FOREVER, now=shop.now
    )
    return commands.begin_coupon(actor=shop.bola, subscription_id=held.id, code="HALF", now=shop.now)


_BETWEEN: dict[str, Callable[[StripeShop, Subscription], object]] = {
    "coupon": lambda shop, held: shop.ask(_redeem(shop, held)),
    "address": lambda shop, _: live_in(shop, "GH"),
    "usage": lambda shop, held: shop.use(held, 100),
    "contract": lambda shop, _: contract(shop, interval="year"),
    "catalogue": lambda shop, _: shop.sync({**METERED, "enterprise": {**METERED["enterprise"], "price_yearly": 3}}),
}


@pytest.mark.parametrize("what", _BETWEEN)
def test_a_preview_holds_only_while_it_comes_to_the_same(shop: StripeShop, what: str) -> None:
    """As by transfer: what is shown is charged, or nothing is; once Stripe heard of it, what is shown then holds."""
    held = shop.by_card("enterprise")
    shop.use(held, 100_333)
    shop.move(days=15)
    shown = foreseen(shop, held, "enterprise", "year")
    shop.move(minutes=1)
    _BETWEEN[what](shop, held)
    terms = {"interval": "year", "proration_date": shown.proration_date, "digest": shown.digest}
    assert refused(lambda: shop.change(held, "enterprise", **terms)) == "preview_too_old"
    assert shop.again(held).interval == "month"
    shop.move(minutes=5)
    shop.ask_due()
    shown = foreseen(shop, held, "enterprise", "year")
    terms = {"interval": "year", "proration_date": shown.proration_date, "digest": shown.digest}
    assert shop.change(held, "enterprise", **terms).interval == "year"
    shop.hear()
    assert shop.rates(shop.last(held)) == ({0, 750} if what == "address" else {750})


@pytest.mark.parametrize("what", ["coupon", "address"])
def test_what_a_job_is_about_to_tell_is_told_before_it_is_shown(shop: StripeShop, what: str) -> None:
    """Else it would be without the coupon, or with the tax, that Stripe counts by then. What somebody asked for themself is waited
    for."""
    held, other = shop.by_card("basic"), shop.by_card("basic", actor=shop.customer())
    shop.move(days=15)
    before = foreseen(shop, other, "team", "month", actor=shop.owner(other)).sums
    call = _redeem(shop, held) if what == "coupon" else live_in(shop, "GH")
    if what == "coupon":
        assert refused(lambda: foreseen(shop, held, "team", "month")) == "change_under_way"
        shop.ask(call)
    shown = foreseen(shop, held, "team", "month")
    assert shown.sums.total < before.total
    shop.change(held, "team", proration_date=shown.proration_date, digest=shown.digest)
    shop.hear()
    assert shop.last(held).total == shown.sums.total.minor


def test_the_preview_says_what_the_next_invoice_charges(shop: StripeShop) -> None:
    """What was used beyond the limits before a change within the period is settled by it, and stands on the next invoice; where
    periods begin anew it is charged at once."""
    held = shop.by_card("enterprise")
    assert foreseen(shop, held, "pro", "month", at_period_end=False).with_next == Money(0, "USD")
    shop.use(held, 100_400)
    shown = foreseen(shop, held, "pro", "month", at_period_end=False)
    assert shown.with_next is not None
    assert shown.with_next.minor > 0
    assert foreseen(shop, held, "enterprise", "year").with_next == Money(0, "USD")
    terms = {"proration_date": shown.proration_date, "digest": shown.digest, "at_period_end": False}
    shop.change(held, "pro", **terms)
    shop.hear()
    assert commands.foresee_end(actor=shop.bola, subscription_id=held.id).total == shown.with_next


def test_a_change_and_a_turn_that_are_seen_in_one_look(shop: StripeShop) -> None:
    """Usage is reckoned as if each had been seen by itself: by the new plan, from the change on."""
    heard, unheard = (shop.by_card("enterprise", actor=actor) for actor in (shop.bola, shop.customer()))
    for held in (heard, unheard):
        shop.use(held, 60_000)
    shop.move(days=15)
    change(shop, heard, "pro")
    shop.dial(stripe__list__timeout_before=1)
    shop.change(unheard, "pro", at_period_end=False)
    shop.heal()
    assert [shop.again(held).plan_id for held in (heard, unheard)] == [
        shop.plan(code).id for code in ("pro", "enterprise")
    ]
    shop.move(seconds=(shop.again(heard).current_period_end - shop.now).total_seconds() + 1200)
    shop.events()  # none of it is heard
    for held in (heard, unheard):
        commands.follow_ours(cluster_id=shop.cluster_id, subscription_id=held.id, now=shop.now)
    shop.move(minutes=5)
    shop.ask_due()
    shop.until(shop.now + timedelta(hours=3))
    for held in (heard, unheard):
        assert (overage(shop, held), shop.again(held).plan_id) == (3750, shop.plan("pro").id)


def test_usage_of_a_subscription_that_ended_before_it_was_asked_for(shop: StripeShop) -> None:
    """There is no next invoice at Stripe to put it on, and none is asked for: it is invoiced here, once."""
    held = shop.by_card("enterprise")
    shop.use(held, 100_100)
    shop.until(held.current_period_end + timedelta(minutes=1), step=timedelta(minutes=1))
    (call,) = [call for call in shop.calls(held) if call.act == "overage"]
    assert call.state == "recorded"
    shop.cancel(held, at_period_end=False)
    shop.hear()
    shop.move(minutes=5)
    for _ in range(2):
        shop.ask_due()
    assert shop.again(held).status == "canceled"
    assert (overage(shop, held), items(shop)) == (50, [])
    assert not [one for one in shop.sent if one.method == "POST" and one.url.path.endswith("/invoiceitems")]
    assert [call.state for call in shop.calls(held) if call.act == "overage"] == ["done"]


def lapsed(shop: StripeShop) -> Subscription:
    """Not paid in its second period, of which 100,100 of 100,000 were used; by the third it has lapsed."""
    held = shop.by_card("enterprise")
    shop.dial(stripe__charge__decline=1)
    shop.until(held.current_period_end + timedelta(hours=3))
    shop.use(held, 100_100)
    shop.until(shop.again(held).current_period_end + timedelta(hours=3), step=timedelta(days=1))
    shop.move(minutes=5)
    shop.ask_due()
    shop.heal()
    assert (shop.again(held).status, overage(shop, held)) == ("unpaid", 0)
    assert [owed["amount"] for owed in shop.again(held).usage_owed] == [50]
    return held


def renewals(shop: StripeShop) -> list[str]:
    """Where Stripe's renewals stand, the oldest first."""
    return [doc["status"] for doc in shop.rows("invoice") if doc["billing_reason"] == "subscription_cycle"]


def test_what_a_plan_went_beyond_before_it_lapsed_is_charged_when_it_is_back(shop: StripeShop) -> None:
    """With the renewal of the period under way, which Stripe kept back and would never issue by itself; once."""
    held = lapsed(shop)
    shop.control("POST", f"/stripe/invoice/{shop.last(held).stripe_invoice_id}", {"card": "4242424242424242"})
    assert renewals(shop) == ["paid", "draft"]
    shop.hear()
    for _ in range(3):
        shop.move(minutes=5)
        shop.ask_due()
        shop.hear()
        shop.night()
    assert (renewals(shop), overage(shop, held), shop.again(held).usage_owed) == (["paid", "paid"], 50, [])
    shop.until(shop.again(held).current_period_end + timedelta(hours=3), step=timedelta(days=5))
    assert (renewals(shop), overage(shop, held)) == (["paid"] * 3, 50)
    shop.agrees(held)


def test_what_a_plan_went_beyond_before_it_lapsed_is_charged_when_it_ends(shop: StripeShop) -> None:
    held = lapsed(shop)
    shop.until(
        shop.again(held).current_period_end + timedelta(hours=3), step=timedelta(days=5)
    )  # nothing is used any more
    shop.cancel(held, at_period_end=False)
    shop.hear()
    shop.night()
    assert (shop.again(held).status, overage(shop, held), shop.again(held).usage_owed) == ("canceled", 50, [])


def stranded(shop: StripeShop) -> Subscription:
    """Usage stands on the draft of a renewal, and the plan lapses in the hour before Stripe would issue it."""
    held = shop.by_card("enterprise")
    shop.use(held, 100_100)
    shop.until(held.current_period_end + timedelta(minutes=20), step=timedelta(minutes=20))
    shop.ask_due()
    becomes(shop, held, "unpaid")
    shop.until(shop.now + timedelta(hours=3))
    assert (renewals(shop), overage(shop, held), shop.again(held).status) == (["draft"], 0, "unpaid")
    return held


def becomes(shop: StripeShop, held: Subscription, status: str) -> None:
    """At Stripe, and here."""
    (doc,) = shop.rows("subscription")
    doc["status"] = status
    commands.follow_ours(cluster_id=shop.cluster_id, subscription_id=held.id, now=shop.now)
    shop.move(minutes=5)
    shop.ask_due()
    shop.hear()


@pytest.mark.parametrize("periods", [0, 1])
def test_what_stands_on_a_draft_that_stripe_kept_back(shop: StripeShop, periods: int) -> None:
    """It is issued when the plan is back within its period; later its usage goes on to the renewal that is."""
    held = stranded(shop)
    if periods:
        shop.until(shop.again(held).current_period_end + timedelta(hours=3), step=timedelta(days=5))
    for _ in range(2):
        becomes(shop, held, "active")
    assert (renewals(shop), overage(shop, held)) == (["draft"] * periods + ["paid"], 50)
    shop.agrees(held)


def test_what_stands_on_a_draft_of_a_plan_that_ends(shop: StripeShop) -> None:
    held = stranded(shop)
    shop.cancel(held, at_period_end=False)
    shop.night()
    assert (shop.again(held).status, overage(shop, held)) == ("canceled", 50)


def test_usage_that_is_asked_for_when_the_plan_has_lapsed(shop: StripeShop) -> None:
    """It stays owed: on a draft it would never be charged."""
    held = shop.by_card("enterprise")
    shop.use(held, 100_100)
    shop.until(held.current_period_end + timedelta(minutes=20), step=timedelta(minutes=20))
    becomes(shop, held, "unpaid")
    assert [owed["amount"] for owed in shop.again(held).usage_owed] == [50]
    becomes(shop, held, "active")
    assert (overage(shop, held), renewals(shop), shop.again(held).usage_owed) == (50, ["paid"], [])


def items(shop: StripeShop) -> list[str]:
    """Where the usage stands at Stripe that nobody took away: on which invoice's status, or `waits`."""
    statuses = {doc["id"]: doc["status"] for doc in shop.rows("invoice")}
    held = [doc for doc in shop.rows("invoiceitem") if not doc.get("deleted")]
    return [statuses.get(doc["invoice"], "waits") for doc in held]


def moved(shop: StripeShop) -> Subscription:
    """Usage was asked for on the draft of a renewal that was issued in that moment: it waits for the next one."""
    held = shop.by_card("enterprise")
    shop.use(held, 100_100)
    shop.until(held.current_period_end + timedelta(minutes=20), step=timedelta(minutes=20))
    (draft,) = [doc for doc in shop.rows("invoice") if doc["status"] == "draft"]
    original = shop._answer

    def issued_first(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith("/invoiceitems") and draft["status"] == "draft":
            shop.move(hours=1)
            shop.rows("invoice")
        return original(request)

    shop._answer = issued_first  # type: ignore[method-assign]
    shop.move(minutes=3)
    shop.ask_due()
    shop.hear()
    assert (draft["status"], items(shop), overage(shop, held)) == ("paid", ["waits"], 0)
    return held


def comes_and_goes(shop: StripeShop, held: Subscription) -> None:
    """It lapses before the period ends, and is back in the one after the next."""
    becomes(shop, held, "unpaid")
    shop.until(shop.again(held).current_period_end + timedelta(hours=3), step=timedelta(days=5))
    assert items(shop) == ["draft"]  # of a renewal that Stripe keeps back
    shop.until(shop.again(held).current_period_end + timedelta(hours=3), step=timedelta(days=5))
    for _ in range(2):
        becomes(shop, held, "active")


def test_usage_that_stripe_moved_to_a_draft_which_it_kept_back(shop: StripeShop) -> None:
    held = moved(shop)
    comes_and_goes(shop, held)
    assert (overage(shop, held), items(shop)) == (50, ["paid"])
    shop.night()
    shop.until(shop.again(held).current_period_end + timedelta(hours=3), step=timedelta(days=5))
    shop.cancel(held, at_period_end=False)
    assert (overage(shop, held), items(shop)) == (50, ["paid"])


def test_usage_that_stripe_moved_and_charged_is_not_charged_when_the_plan_ends(shop: StripeShop) -> None:
    held = moved(shop)
    shop.until(shop.again(held).current_period_end + timedelta(hours=3), step=timedelta(days=5))
    assert (overage(shop, held), items(shop)) == (50, ["paid"])
    becomes(shop, held, "unpaid")
    shop.cancel(held, at_period_end=False)
    shop.night()
    assert (shop.again(held).status, overage(shop, held), items(shop)) == ("canceled", 50, ["paid"])


@pytest.mark.parametrize("lapses", [False, True])
def test_usage_that_waits_when_its_plan_ends_is_invoiced_here(shop: StripeShop, lapses: bool) -> None:
    """Stripe would leave it waiting for ever, or for an invoice that somebody makes by hand."""
    held = moved(shop)
    if lapses:
        becomes(shop, held, "unpaid")
    shop.cancel(held, at_period_end=False)
    for _ in range(2):
        shop.hear()
        shop.night()
    assert (shop.again(held).status, overage(shop, held), items(shop)) == ("canceled", 50, [])


def test_a_process_that_dies_when_usage_was_taken_back(shop: StripeShop) -> None:
    """It is gone at Stripe and charged nowhere: whoever looks next finds that we took it."""
    held = moved(shop)

    def dies(place: str) -> None:
        if place == "subscriptions.follow.answered":
            raise Crash(place)

    with watching(dies), pytest.raises(Crash):
        shop.cancel(held, at_period_end=False)
    assert (items(shop), overage(shop, held)) == ([], 0)
    for _ in range(2):
        shop.hear()
        shop.night()
    assert (shop.again(held).status, overage(shop, held)) == ("canceled", 50)


def test_the_end_of_another_subscription_takes_nothing_back(shop: StripeShop) -> None:
    """One that was there twice, and was ended, has the name of ours in it."""
    held = shop.again(moved(shop))
    told = shop.holder.service().fetch_subscription(subscription_id=held.stripe_subscription_id)
    other = replace(told, id="sub_other", status="canceled")
    assert take_back_stranded(cluster_id=shop.cluster_id, subscription_id=held.id, told=other) == []
    assert items(shop) == ["waits"]


def test_usage_that_somebody_took_away_by_hand_is_not_charged(shop: StripeShop) -> None:
    """At Stripe's dashboard: that is their decision."""
    held = moved(shop)
    (item,) = shop.rows("invoiceitem")
    shop.holder.service().remove_item(item_id=item["id"])
    shop.cancel(held, at_period_end=False)
    shop.night()
    assert (shop.again(held).status, overage(shop, held)) == ("canceled", 0)


@pytest.mark.parametrize("made", [True, False])
def test_usage_of_a_plan_that_ends_while_it_is_asked_for(shop: StripeShop, made: bool) -> None:
    """The answer of Stripe was not heard, and then the plan ended: what stands there is taken back, and invoiced here."""
    held = shop.by_card("enterprise")
    shop.use(held, 100_100)
    shop.until(held.current_period_end + timedelta(minutes=20), step=timedelta(minutes=20))
    shop.dial(**{f"stripe__plan__timeout_{'after' if made else 'before'}": 1})
    shop.move(minutes=3)
    shop.ask_due()
    shop.heal()
    assert items(shop) == ["draft"] * made
    shop.cancel(held, at_period_end=False)
    shop.hear()
    shop.move(hours=1)
    for _ in range(2):
        shop.ask_due()
        shop.night()
    assert (shop.again(held).status, overage(shop, held)) == ("canceled", 50)
