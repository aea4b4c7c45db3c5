"""A subscription that Stripe collects, from its page to its end: what stands at Stripe stands here, and in the books."""

from __future__ import annotations

from datetime import timedelta

from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands, queries
from clustr.subscriptions.behaviour_queries import at_risk
from clustr.subscriptions.models import StripeCall
from clustr.subscriptions.types import Discount, Duration
from tests.subscriptions.stripe_stage import StripeShop, refused

CHALLENGED, HELD_AND_DECLINED = "4000002760003184", "4000000000000341"


def test_it_works(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    begun = shop.begin("basic")
    assert begun.status == "incomplete"
    assert shop.documents(begun) == []
    assert at_risk(actor=shop.staff, now=shop.now) == []  # nothing of it runs yet
    subscription = shop.finish(begun)
    assert subscription.status == "active"
    invoice = shop.last(subscription)
    assert (invoice.status, invoice.total, invoice.tax_amount) == ("paid", 2150, 150)
    assert shop.payments(subscription) == [("succeeded", 2150)]
    assert shop.history(subscription) == ["created", "activated"]
    shop.agrees(subscription)


def test_a_trial_and_its_renewal(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    subscription = shop.by_card("pro")
    assert (subscription.status, shop.documents(subscription)) == ("trialing", [])
    shop.until(subscription.current_period_end + timedelta(hours=3))
    assert any("trial" in subject for subject in shop.mail(shop.bola))
    assert shop.again(subscription).status == "active"
    assert shop.payments(subscription) == [("succeeded", 5375)]
    shop.until(shop.again(subscription).current_period_end + timedelta(hours=3))
    assert shop.payments(subscription) == [("succeeded", 5375)] * 2
    assert shop.history(subscription) == ["created", "activated", "trial_ended", "renewed"]
    shop.agrees(subscription)


def test_a_larger_plan_costs_what_was_previewed(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    subscription = shop.by_card("basic")
    shop.move(days=10, hours=5, seconds=11)
    preview = commands.preview_at_stripe(
        actor=shop.bola, subscription_id=subscription.id, plan_id=shop.plan("team").id, interval="month", now=shop.now
    )
    shop.move(minutes=7)
    changed = shop.change(subscription, "team", proration_date=preview.proration_date, digest=preview.digest)
    invoice = shop.last(changed)
    assert (invoice.total, invoice.status) == (preview.amount_due.minor, "paid")
    assert [kind for kind, _ in shop.lines(invoice)] == ["unused_time", "remaining_time"]
    assert shop.rates(invoice) == {750}  # though the tax of a few cents is not exactly so much of them
    assert changed.plan_id == shop.plan("team").id
    shop.agrees(subscription)
    shop.hear()
    assert len(shop.documents(subscription)) == 2


def test_a_year_begins_a_new_period(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    subscription = shop.by_card("basic")
    shop.move(days=10)
    changed = shop.change(subscription, "basic", interval="year")
    assert changed.current_period_start == shop.now
    assert changed.interval == "year"
    shop.agrees(subscription)


def test_a_smaller_plan_waits_for_the_end(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    subscription = shop.by_card("team")
    shop.move(days=3)
    shop.change(subscription, "basic")
    assert shop.again(subscription).plan_id == shop.plan("team").id
    shop.until(subscription.current_period_end + timedelta(hours=3))
    assert shop.again(subscription).plan_id == shop.plan("basic").id
    assert shop.payments(subscription)[-1] == ("succeeded", 2150)
    shop.agrees(subscription)
    shop.until(shop.again(subscription).current_period_end + timedelta(hours=3))
    shop.agrees(subscription)


def test_a_smaller_plan_now_is_credit_at_stripe(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    subscription = shop.by_card("team")
    shop.move(days=15)
    changed = shop.change(subscription, "basic", at_period_end=False)
    note = shop.last(changed)
    assert note.kind == "credit_note"
    with tenant(shop.cluster_id):
        assert queries.credit_of(user_id=changed.user_id, currency="USD").minor == 0, "it is kept at Stripe"
    shop.until(changed.current_period_end + timedelta(hours=3))
    renewal = shop.last(changed)
    assert (renewal.status, renewal.credit_applied) == ("paid", min(note.total, 2150))
    assert shop.credit(changed) == 0
    shop.agrees(changed)


def test_cancelled_kept_and_cancelled_again(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    subscription = shop.by_card("basic")
    shop.move(days=2)
    assert shop.cancel(subscription).cancel_at_period_end
    shop.hear()
    shop.move(days=2)
    assert not shop.keep(subscription).cancel_at_period_end
    assert refused(lambda: shop.keep(subscription)) == "not_canceled"
    shop.cancel(subscription)
    shop.until(subscription.current_period_end + timedelta(hours=3))
    ended = shop.again(subscription)
    assert ended.status == "canceled"
    assert refused(lambda: shop.cancel(subscription)) == "subscription_ended"
    assert shop.payments(subscription) == [("succeeded", 2150)]


def test_a_renewal_fails_is_chased_and_recovers(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    subscription = shop.by_card("basic")
    shop.dial(stripe__charge__decline=1)
    shop.until(subscription.current_period_end + timedelta(hours=3))
    owing = shop.again(subscription)
    assert (owing.status, shop.last(owing).status) == ("past_due", "open")
    assert shop.payments(owing)[-1] == ("failed", 2150)
    shop.until(shop.now + timedelta(days=3))
    shop.chase(owing)
    shop.heal()
    setup = commands.begin_setup(actor=shop.bola, now=shop.now)
    page = shop.ask(setup)
    assert page is not None
    shop.control("POST", f"/stripe/page/{page.stripe_id}", {})
    shop.hear()
    assert shop.again(owing).status == "active"
    assert shop.payments(owing) == [("succeeded", 2150)] * 2
    subjects = " ".join(shop.mail(shop.bola))
    assert "failed" in subjects
    assert "overdue" in subjects
    shop.agrees(owing)


def test_what_stays_unpaid_lapses(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    subscription = shop.by_card("basic")
    shop.dial(stripe__charge__decline=1)
    shop.until(subscription.current_period_end + timedelta(days=20))
    lapsed = shop.again(subscription)
    assert lapsed.status == "unpaid"
    shop.agrees(lapsed)
    shop.heal()
    shop.control("POST", f"/stripe/invoice/{shop.last(lapsed).stripe_invoice_id}", {"card": "4242424242424242"})
    shop.hear()
    assert shop.again(lapsed).status == "active"
    shop.agrees(lapsed)


def test_a_bank_asks_at_the_end_of_the_trial(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    subscription = shop.by_card("pro", card=CHALLENGED)
    shop.until(subscription.current_period_end + timedelta(hours=3))
    owing = shop.again(subscription)
    assert owing.status == "past_due"
    invoice = shop.last(owing)
    assert invoice.hosted_invoice_url
    subjects = shop.mail(shop.bola)
    assert f"Your bank asks you to confirm the payment of invoice {invoice.invoice_number}" in subjects
    assert not any("failed" in subject for subject in subjects)
    shop.control("POST", f"/stripe/invoice/{invoice.stripe_invoice_id}", {"agree": True})
    shop.hear()
    assert shop.again(owing).status == "active"
    shop.agrees(owing)


def test_a_page_that_was_left(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    begun = shop.begin("basic")
    shop.until(shop.now + timedelta(hours=24))
    assert shop.again(begun).status == "incomplete_expired"
    assert shop.by_card("basic").status == "active"


def test_a_page_is_closed(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    begun = shop.begin("basic")
    assert refused(lambda: shop.begin("team")) == "already_subscribed"
    assert shop.cancel(begun).status == "incomplete_expired"
    assert shop.begin("team").status == "incomplete"


def test_a_free_plan_goes_on_until_the_card_is_given(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    free = shop.subscribe("free")
    begun = shop.begin("basic")
    assert (begun.id, begun.status) == (free.id, "active")
    assert refused(lambda: shop.change(free, "team")) == "change_under_way"
    subscription = shop.finish(begun)
    assert (subscription.plan_id, subscription.collection) == (shop.plan("basic").id, "stripe")
    shop.agrees(subscription)


def test_with_a_saved_card(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    first = shop.by_card("basic")
    shop.cancel(first, at_period_end=False)
    card = commands.my_methods(actor=shop.bola)[0]
    assert (card.brand, card.last4) == ("visa", "4242")
    again = shop.begin("basic", method_id=card.id)
    assert again.status == "active"
    shop.agrees(again)
    assert refused(lambda: shop.begin("basic", actor=shop.customer(), method_id=card.id)) == "payment_method_not_found"


def test_a_coupon(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    for code, duration in (("ONE", Duration.ONCE), ("ALL", Duration.FOREVER)):
        commands.create_coupon(
            actor=shop.staff, code=code, name=code, discount=Discount(1000), duration=duration, now=shop.now
        )
    subscription = shop.by_card("basic", coupon="ONE")
    assert shop.last(subscription).total == 1935
    call = commands.begin_coupon(actor=shop.bola, subscription_id=subscription.id, code="ALL", now=shop.now)
    shop.ask(call)
    shop.until(subscription.current_period_end + timedelta(hours=3))
    assert shop.last(subscription).discount_amount == 200
    shop.agrees(subscription)


def test_what_is_used_beyond_the_plan(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    subscription = shop.by_card("pro")
    shop.until(subscription.current_period_end + timedelta(hours=3))
    shop.use(subscription, 5_100)
    shop.until(shop.again(subscription).current_period_end + timedelta(minutes=20), step=timedelta(minutes=20))
    shop.ask_due()
    shop.until(shop.now + timedelta(hours=2))
    renewal = shop.last(subscription)
    assert ("overage", 150) in shop.lines(renewal)
    assert (renewal.status, renewal.total) == ("paid", 5_536)
    shop.agrees(subscription)


def test_paid_for_after_it_was_given_up(stripe_shop: StripeShop) -> None:
    """A free plan is cancelled while the page is open, and the page completed: it is ended there, and the money is booked."""
    shop = stripe_shop
    shop.subscribe("free")
    begun = shop.begin("basic")
    commands.cancel_subscription(actor=shop.bola, subscription_id=begun.id, at_period_end=False, now=shop.now)
    ended = shop.finish(begun)
    shop.move(minutes=5)
    shop.ask_due()
    with tenant(shop.cluster_id):
        due = StripeCall.objects.filter(cluster_id=shop.cluster_id, act="cancel").count()
    assert due == 1
    assert ended.status == "canceled"
    assert shop.payments(ended) == [("succeeded", 2150)]
    assert [doc["status"] for doc in shop.rows("subscription")] == ["canceled"]


def test_a_preview_of_the_second_in_which_something_happened_holds(stripe_shop: StripeShop) -> None:
    """Stripe counts in seconds; what happened before the preview does not make it old."""
    shop = stripe_shop
    shop.move(milliseconds=300)
    subscription = shop.by_card("basic")
    shop.move(milliseconds=200)
    preview = commands.preview_at_stripe(
        actor=shop.bola, subscription_id=subscription.id, plan_id=shop.plan("team").id, interval="month", now=shop.now
    )
    shop.move(milliseconds=100)
    shop.change(subscription, "team", proration_date=preview.proration_date, digest=preview.digest)
    shop.hear()
    assert shop.last(subscription).total == preview.sums.total.minor
    shop.agrees(subscription)
