"""Units in advance, bought by subscribers themselves: paid once, counted once, and only when they are paid."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings

from clustr.kit.crashpoints import Crash, failing, watching
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.people.models import Mail
from clustr.subscriptions import commands
from clustr.subscriptions.models import StripeCall, Subscription, UsagePack
from clustr.subscriptions.refusals import CardDeclined, ChangeUnderWay, UsageLimitReached
from clustr.subscriptions.staff_queries import staff_cases
from clustr.subscriptions.states import Act
from clustr.subscriptions.vendors import registry
from tests.races import race
from tests.subscriptions.schematron import check_documents
from tests.subscriptions.stripe_stage import StripeShop, buy_units, refused

PACK = "ai_responses_500"
GROSS = 968
"""9.00 and 7.5 % of it."""
PLACES = (
    "subscriptions.ask_stripe.recorded",
    "subscriptions.ask_stripe.answered",
    "subscriptions.end_stripe_call.before_commit",
    "subscriptions.follow.answered",
    "subscriptions.follow.before_commit",
    "ledger.post.after",
)


def begin(shop: StripeShop, held: Subscription, code: str = PACK, **who: Any) -> StripeCall:
    actor = who.get("actor", shop.owner(held))
    return commands.begin_buying_pack(actor=actor, subscription_id=held.id, code=code, cause=None, now=shop.now)


def packs(shop: StripeShop, held: Subscription) -> list[tuple[str, int]]:
    with tenant(shop.cluster_id):
        found = UsagePack.objects.filter(cluster_id=shop.cluster_id, subscription_id=held.id).order_by("id")
        return [(one.feature_type, int(one.quantity)) for one in found]


def taken(shop: StripeShop, amount: int = GROSS) -> int:
    """How often the price was taken at Stripe."""
    return sum(one["amount_received"] == amount for one in shop.rows("payment_intent"))


def page_of(shop: StripeShop, held: Subscription) -> str:
    return shop.calls(held)[-1].stripe_id


def test_nothing_is_said_of_units_where_none_are_sold(stripe_shop: StripeShop) -> None:
    """Paid by transfer; or of a feature that no pack holds."""
    shop = stripe_shop
    held = shop.subscribe("basic")
    shop.use(held, 500)
    with pytest.raises(UsageLimitReached) as refusal:
        shop.use(held)
    assert str(refusal.value.detail) == "Of ai_responses, 500 of 500 is used."
    other = shop.by_card("basic", actor=shop.customer())
    with pytest.raises(UsageLimitReached) as refusal:
        shop.use(other, 11, feature="storage_gb")
    assert str(refusal.value.detail) == "Of storage_gb, 0 of 10 is used."


def test_it_works(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    held = shop.by_card("basic")
    shop.use(held, 500)
    with pytest.raises(UsageLimitReached) as refusal:
        shop.use(held)
    where = f"More can be bought in advance: {settings.BASE_URL}{commands.BUY_UNITS}"
    assert str(refusal.value.detail) == f"Of ai_responses, 500 of 500 is used. {where}"
    told = Mail.objects.filter(user_id=shop.bola.user_id, subject__startswith="Your plan's limit").latest("id")
    assert f"for this period: {settings.BASE_URL}{commands.BUY_UNITS}" in told.body
    assert buy_units(shop, held).state == "done"
    document = shop.last(held)
    assert (shop.lines(document), document.total, document.status) == ([("usage_pack", 900)], GROSS, "paid")
    assert packs(shop, held) == [("ai_responses", 500)]
    assert shop.use(held, 500) == 1000
    with pytest.raises(UsageLimitReached):
        shop.use(held)
    shop.hear()
    shop.agrees(held)
    check_documents(shop)
    assert (taken(shop), shop.payments(held).count(("succeeded", GROSS))) == (1, 1)
    shop.until(shop.again(held).current_period_end + timedelta(hours=3), step=timedelta(days=5))
    with pytest.raises(UsageLimitReached):
        shop.use(held, 501)


def test_two_clicks_are_one(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    held = shop.by_card("basic")
    ended = race(lambda: begin(shop, held), runners=4).only(ChangeUnderWay)
    (call,) = ended.results
    race(lambda: shop.ask(call), runners=3).only()
    assert (packs(shop, held), taken(shop)) == ([("ai_responses", 500)], 1)


def test_what_is_told_twice_and_out_of_order_counts_once(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    held = shop.by_card("basic")
    shop.move(minutes=1)
    buy_units(shop, held)
    deliveries = shop.events()
    assert len(deliveries) > 3
    for delivery in (*deliveries[::-1], *deliveries):
        shop.take_in(delivery.body, delivery.headers)
    assert (packs(shop, held), taken(shop)) == ([("ai_responses", 500)], 1)
    shop.agrees(held)


def test_a_declined_card_leaves_nothing(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    held = shop.by_card("basic")
    shop.dial(stripe__charge__decline=1)
    for _ in range(2):
        with pytest.raises(CardDeclined):
            buy_units(shop, held)
    shop.heal()
    shop.hear()
    assert packs(shop, held) == []
    assert {one["status"] for one in shop.rows("invoice") if one["billing_reason"] == "manual"} == {"void"}
    assert all(one.status != "open" for one in shop.documents(held))
    assert shop.again(held).status == "active"
    buy_units(shop, held)
    assert (packs(shop, held), taken(shop)) == ([("ai_responses", 500)], 1)


def test_a_bank_that_asks_is_answered_on_stripes_page(stripe_shop: StripeShop) -> None:
    """Until then nothing counts; who pays as the period turns has the units in the new one."""
    shop = stripe_shop
    held = shop.by_card("basic")
    shop.until(held.current_period_end - timedelta(minutes=20), step=timedelta(days=10))
    shop.dial(stripe__charge__challenge=1)
    waits = buy_units(shop, held)
    assert (waits.state, packs(shop, held)) == ("waiting", [])
    assert waits.url != ""
    assert all(document.status == "paid" for document in shop.documents(held)), "nobody owes for units"
    shop.hear()
    assert packs(shop, held) == []
    shop.heal()
    shop.move(minutes=30)
    shop.control("POST", f"/stripe/invoice/{page_of(shop, held)}", {"agree": True})
    shop.hear()
    assert packs(shop, held) == [("ai_responses", 500)]
    assert shop.calls(held)[-1].state == "done"
    assert shop.use(held, 1000) == 1000
    assert taken(shop) == 1


def test_who_does_not_answer_owes_nothing(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    held = shop.by_card("basic")
    shop.dial(stripe__charge__challenge=1)
    buy_units(shop, held)
    shop.heal()
    for minutes in (30, 31):
        shop.move(minutes=minutes)
        shop.ask_due()
    shop.hear()
    assert (packs(shop, held), taken(shop)) == ([], 0)
    assert shop.calls(held)[-1].state == "dropped"
    assert all(one.status != "open" for one in shop.documents(held))
    assert "open" not in {one["status"] for one in shop.rows("invoice")}


def test_wherever_it_is_interrupted(stripe_shop: StripeShop) -> None:
    """Between the request, the payment and the units: asked again, it is paid once and counts once."""
    shop = stripe_shop
    held = shop.by_card("basic")
    for n, place in enumerate(PLACES, 1):
        with watching(failing(place)), pytest.raises(Crash):
            buy_units(shop, held)
        shop.move(minutes=5)
        shop.ask_due()
        shop.hear()
        assert (len(packs(shop, held)), taken(shop)) == (n, n), place
        assert shop.calls(held)[-1].state == "done"
    shop.agrees(held)


@pytest.mark.parametrize("fault", ["timeout_after", "timeout_before"])
def test_what_was_not_heard_is_asked_again_and_done_once(stripe_shop: StripeShop, fault: str) -> None:
    """Of the invoice, or of its payment; what was not heard for an hour is bought no more."""
    shop = stripe_shop
    held = shop.by_card("basic")
    for group, later, bought in (("plan", 5, 1), ("charge", 5, 1), ("charge", 70, int(fault == "timeout_after"))):
        counted, before = len(packs(shop, held)), taken(shop)
        shop.dial(**{f"stripe__{group}__{fault}": 1})
        assert refused(lambda: buy_units(shop, held)) == "provider_silent"
        assert refused(lambda: begin(shop, held)) == "change_under_way"
        shop.heal()
        shop.move(minutes=later)
        shop.ask_due()
        shop.hear()
        assert (len(packs(shop, held)) - counted, taken(shop) - before) == (bought, bought), (group, later)
        assert shop.calls(held)[-1].state == ("done" if bought else "dropped")
    shop.agrees(held)


@pytest.mark.parametrize("fault", ["timeout_after", "timeout_before"])
def test_the_same_request_buys_once_however_it_is_heard(stripe_shop: StripeShop, fault: str) -> None:
    """Its client repeats it, as it is told to, after the worker has found out; another request buys more."""
    shop, cause = stripe_shop, new_id()
    held = shop.by_card("basic")
    shop.dial(**{f"stripe__charge__{fault}": 1})
    assert refused(lambda: buy_units(shop, held, cause=cause)) == "provider_silent"
    shop.heal()
    shop.move(minutes=5)
    shop.ask_due()
    for _ in range(2):
        assert buy_units(shop, held, cause=cause).state == "done"
        assert (packs(shop, held), taken(shop)) == ([("ai_responses", 500)], 1)
    buy_units(shop, held, cause=new_id())
    assert (len(packs(shop, held)), taken(shop)) == (2, 2)


def test_the_same_request_after_a_decline_is_a_new_try(stripe_shop: StripeShop) -> None:
    shop, cause = stripe_shop, new_id()
    held = shop.by_card("basic")
    shop.dial(stripe__charge__decline=1)
    with pytest.raises(CardDeclined):
        buy_units(shop, held, cause=cause)
    shop.heal()
    assert buy_units(shop, held, cause=cause).state == "done"
    assert (packs(shop, held), taken(shop)) == ([("ai_responses", 500)], 1)


def test_without_a_card_nothing_is_left_open(stripe_shop: StripeShop) -> None:
    """And a card that is put in use later pays for nothing that was refused."""
    shop = stripe_shop
    held = shop.by_card("basic")
    for row in shop.rows("customer"):
        row["invoice_settings"]["default_payment_method"] = None
    for row in shop.rows("subscription"):
        row["default_payment_method"] = None
    assert refused(lambda: buy_units(shop, held)) == "provider_would_not"
    shop.hear()
    assert "open" not in {one["status"] for one in shop.rows("invoice")}
    assert packs(shop, held) == []


def test_units_of_what_has_ended_are_not_paid_for(stripe_shop: StripeShop) -> None:
    """The bank asked its customer, who ended the plan instead: the page takes no money any more."""
    shop = stripe_shop
    held = shop.by_card("basic")
    shop.dial(stripe__charge__challenge=1)
    buy_units(shop, held)
    shop.heal()
    shop.cancel(held, at_period_end=False)
    shop.ask_due()
    shop.hear()
    assert packs(shop, held) == []
    assert "open" not in {one["status"] for one in shop.rows("invoice") if one["billing_reason"] == "manual"}
    assert refused(lambda: begin(shop, held)) == "subscription_ended"


def test_units_that_are_paid_for_after_the_end_are_given_back_by_a_person(stripe_shop: StripeShop) -> None:
    """The plan ended, and before its page was closed it was paid: a person is asked, once, also after they have done it."""
    shop = stripe_shop
    held = shop.by_card("basic")
    shop.dial(stripe__charge__challenge=1)
    buy_units(shop, held)
    shop.heal()
    page = page_of(shop, held)
    shop.cancel(held, at_period_end=False)
    shop.control("POST", f"/stripe/invoice/{page}", {"agree": True})
    shop.hear()
    shop.ask_due()
    paid = next(one for one in shop.documents(held) if shop.lines(one) == [("usage_pack", 900)])
    (case,) = staff_cases(actor=shop.staff)
    assert (case.facts["what"], case.facts["invoice"]) == ("pack_of_ended", paid.invoice_number)
    assert (shop.again(held).status, taken(shop)) == ("canceled", 1)
    shop.ask(commands.begin_refund(actor=shop.staff, invoice_id=paid.id, amount=None, reason="Of no use", now=shop.now))
    commands.close_staff_case(actor=shop.staff, case_id=case.id, note="Given back", now=shop.now)
    shop.move(days=1)
    shop.hear()
    shop.night()
    assert staff_cases(actor=shop.staff) == []


def test_what_was_not_heard_for_a_day_is_found(stripe_shop: StripeShop) -> None:
    """The process died after the payment, no notice came, and the keys hold no longer."""
    shop = stripe_shop
    held = shop.by_card("basic")
    with watching(failing("subscriptions.ask_stripe.answered")), pytest.raises(Crash):
        buy_units(shop, held)
    with tenant(shop.cluster_id):
        StripeCall.objects.filter(cluster_id=shop.cluster_id, act=Act.PACK).update(
            state="recorded", stripe_id="", finished_at=None, next_attempt_at=shop.now
        )
    shop.move(hours=24)
    shop.night()
    shop.ask_due()
    assert (packs(shop, held), taken(shop)) == ([("ai_responses", 500)], 1)
    assert shop.calls(held)[-1].state == "done"


def test_it_says_why_not(stripe_shop: StripeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = stripe_shop
    held = shop.by_card("basic")
    free = shop.subscribe("free", actor=shop.customer())
    assert refused(lambda: begin(shop, held, "no_such_units")) == "usage_pack_not_found"
    assert refused(lambda: begin(shop, held, "chat_messages_1000")) == "usage_pack_not_found"
    assert refused(lambda: begin(shop, held, actor=shop.customer())) == "subscription_not_found"
    assert refused(lambda: begin(shop, free)) == "collection_not_offered"
    off = registry.StripeHolder(SimpleNamespace(STRIPE_SECRET_KEY=""), shop._connect)
    monkeypatch.setattr(registry, "_holder", lambda: off)
    assert refused(lambda: begin(shop, held)) == "collection_not_offered"
    assert packs(shop, held) == []
