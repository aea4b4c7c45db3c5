"""Every kind of change, with all that may stand beside it: what is shown is what the invoice then says, to the minor unit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from clustr.kit.money import Money
from clustr.subscriptions import commands
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.types import Discount, FeatureType
from tests.subscriptions.stripe_stage import StripeShop, buy_units, refused
from tests.subscriptions.test_change_and_usage import METERED
from tests.subscriptions.test_coupons import coupon
from tests.subscriptions.test_foreseeing import foreseen
from tests.subscriptions.test_stripe_returns import at_stripe

SELLING = {
    **METERED,
    "enterprise": {**METERED["enterprise"], "ai_responses_limit": 1000},
    "pro": {**METERED["pro"], "ai_responses_limit": 500, "overage": {"ai_responses": {"USD": "2"}}},
}
KINDS: dict[str, tuple[str, str, str, bool | None]] = {
    "a larger plan now": ("pro", "enterprise", "month", None),
    "a smaller plan later": ("enterprise", "pro", "month", None),
    "a smaller plan now": ("enterprise", "pro", "month", False),
    "by the year now": ("enterprise", "enterprise", "year", None),
    "by the month later": ("enterprise", "enterprise", "month", None),
}


@pytest.fixture
def shop(stripe_shop: StripeShop) -> StripeShop:
    stripe_shop.sync(SELLING)
    return stripe_shop


def begin(shop: StripeShop, kind: str, *, by_card: bool) -> Subscription:
    first = KINDS[kind][0]
    terms = {"interval": "year" if kind == "by the month later" else "month"}
    return shop.by_card(first, **terms) if by_card else shop.subscribe(first, **terms)  # type: ignore[arg-type]


def turn(shop: StripeShop, held: Subscription, *, by_card: bool) -> None:
    """Its period ends; what is asked of Stripe is asked within the hour."""
    if not by_card:
        shop.move(seconds=(shop.again(held).current_period_end - shop.now).total_seconds())
        shop.renew(held)
        return
    shop.until(shop.again(held).current_period_end + timedelta(minutes=20), step=timedelta(days=9))
    shop.move(minutes=3)
    shop.ask_due()
    shop.until(shop.now + timedelta(hours=3), step=timedelta(hours=1))


def changed_as_shown(shop: StripeShop, held: Subscription, kind: str, *, by_card: bool) -> None:
    """Look, change, and let whatever it comes to be invoiced."""
    _, code, interval, at_period_end = KINDS[kind]
    shown = foreseen(shop, held, code, interval, at_period_end=at_period_end)
    before = {one.id for one in shop.documents(held)}
    terms = {"at_period_end": at_period_end, "proration_date": shown.proration_date, "digest": shown.digest}
    if by_card:
        shop.change(held, code, interval=interval, **terms)  # type: ignore[arg-type]
        shop.hear()
    else:
        plan_id = shop.plan(code).id
        commands.change_plan(
            actor=shop.bola,
            subscription_id=held.id,
            plan_id=plan_id,
            interval=interval,
            now=shop.now,
            **terms,  # type: ignore[arg-type]
        )
    if shown.at_period_end:
        turn(shop, held, by_card=by_card)
    elif by_card and interval == "year":  # what was used is on an invoice of its own
        shop.move(minutes=5)
        shop.ask_due()
        shop.until(shop.now + timedelta(hours=3))
    made = [one for one in shop.documents(held) if one.id not in before]
    signed = [(-1 if one.kind == "credit_note" else 1, one) for one in made]
    whole = -1 if shown.is_credit_note else 1
    said = [whole * getattr(shown.sums, name).minor for name in ("subtotal", "discount", "tax", "total")]
    names = ("subtotal", "discount_amount", "tax_amount", "total")
    assert made
    assert [sum(sign * getattr(one, name) for sign, one in signed) for name in names] == said
    invoices = [one for one in made if one.kind == "invoice"]
    due = [one.amount_paid if by_card else one.amount_due.minor for one in invoices]
    assert sum(due) == shown.amount_due.minor
    assert by_card or all(one.status == "open" or not one.amount_due.minor for one in invoices)
    if by_card:
        shop.agrees(held)


def put_beside(shop: StripeShop, held: Subscription, *, by_card: bool) -> None:
    """Credit, units in advance, a coupon, and usage beyond all that is included."""
    if by_card:
        (doc,) = shop.rows("invoice")
        at_stripe(shop, doc["id"], "credit", amount=1_111)
        shop.hear()
        buy_units(shop, held)
        shop.hear()
    else:
        shop.pay(shop.last(held), shop.last(held).total + 1_111)
        commands.buy_usage_pack(
            actor=shop.staff,
            subscription_id=held.id,
            feature=FeatureType.AI_RESPONSES,
            quantity=Decimal(500),
            price=Money(900, "USD"),
            now=shop.now,
        )
    coupon(shop, "ODD", discount=Discount(3333))
    shop.ask(commands.begin_coupon(actor=shop.owner(held), subscription_id=held.id, code="ODD", now=shop.now))
    shop.hear()
    shop.use(held, 1_777)


@pytest.mark.parametrize("by_card", [False, True], ids=["by transfer", "by card"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_works(shop: StripeShop, kind: str, by_card: bool) -> None:
    held = begin(shop, kind, by_card=by_card)
    put_beside(shop, held, by_card=by_card)
    shop.move(days=11, hours=7, seconds=13)
    changed_as_shown(shop, held, kind, by_card=by_card)


def waits_at_stripe(shop: StripeShop, held: Subscription) -> None:
    """Its renewal was issued in the moment in which usage was put on it."""
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
    shop._answer = original  # type: ignore[method-assign]
    assert [one["invoice"] for one in shop.rows("invoiceitem")] == [None]


def is_to_be_sent(shop: StripeShop, held: Subscription) -> None:
    """Nobody asks until its renewal is issued."""
    shop.until(shop.now + timedelta(hours=3), step=timedelta(hours=1))
    assert [call.state for call in shop.calls(held) if call.act == "overage"] == ["recorded"]


def was_sent_unheard(shop: StripeShop, held: Subscription) -> None:
    """It waits at Stripe, which is not known here."""
    is_to_be_sent(shop, held)
    shop.dial(stripe__plan__timeout_after=1)
    shop.ask_due()
    shop.heal()
    assert [one["invoice"] for one in shop.rows("invoiceitem")] == [None]
    assert [call.state for call in shop.calls(held) if call.act == "overage"] == ["recorded"]


def goes_with_the_renewal(shop: StripeShop, held: Subscription) -> None:
    """It is put on the renewal of this period, and on no other."""


def waits_until_asked(shop: StripeShop, held: Subscription) -> None:
    """A change now is neither shown nor made before it is known where the usage stands."""
    assert refused(lambda: foreseen(shop, held, "enterprise")) == "change_under_way"
    assert refused(lambda: shop.change(held, "enterprise")) == "change_under_way"
    shop.move(minutes=3)
    shop.ask_due()


CLOSED = (waits_at_stripe, is_to_be_sent, was_sent_unheard, goes_with_the_renewal)


@pytest.mark.parametrize("place", CLOSED)
@pytest.mark.parametrize("kind", ["a larger plan now", "a smaller plan later"])
def test_usage_of_a_closed_period(
    shop: StripeShop, kind: str, place: Callable[[StripeShop, Subscription], None]
) -> None:
    """Beside that of the period under way. The tax of each is rounded up, which that of both together would not be. A change now
    waits until it is known where it stands."""
    held = begin(shop, kind, by_card=True)
    shop.use(held, 1_334)
    shop.until(held.current_period_end + timedelta(minutes=20), step=timedelta(days=9))
    place(shop, held)
    shop.hear()
    if place is not waits_at_stripe and kind == "a larger plan now":
        waits_until_asked(shop, held)
    elif place is goes_with_the_renewal:
        shown = foreseen(shop, held, KINDS[kind][1], KINDS[kind][2])
        assert [line.kind for line in shown.sums.lines if line.kind == "overage"] == []
    if place is goes_with_the_renewal:
        shop.move(minutes=3)
        shop.ask_due()
        shop.until(shop.now + timedelta(hours=3), step=timedelta(hours=1))
    shop.use(held, 1_333)
    changed_as_shown(shop, held, kind, by_card=True)


def test_what_somebody_put_there_by_hand(shop: StripeShop) -> None:
    """At Stripe, on the customer's next invoice: it is shown with it."""
    held = shop.by_card("enterprise")
    mine = shop.again(held).stripe_subscription_id
    service = shop.holder.service()
    terms = {"customer_id": service.fetch_subscription(subscription_id=mine).customer_id, "subscription_id": mine}
    service.add_item(
        **terms,
        invoice_id="",
        amount=1_234,
        currency="USD",
        description="A day of help",
        start=shop.now,
        end=shop.now + timedelta(days=1),
        key="by hand",
    )
    changed_as_shown(shop, held, "a smaller plan later", by_card=True)


def test_a_change_waits_a_day_at_most_for_usage_of_which_nothing_is_heard(shop: StripeShop) -> None:
    held = shop.by_card("pro")
    shop.use(held, 1_970)
    shop.until(held.current_period_end + timedelta(minutes=20), step=timedelta(days=9))
    is_to_be_sent(shop, held)
    shop.dial(stripe__plan__timeout_after=1)
    shop.ask_due()
    shop.move(hours=22)
    assert refused(lambda: shop.change(held, "enterprise")) == "change_under_way"
    shop.move(hours=2)
    shop.ask_due()
    shop.heal()
    changed_as_shown(shop, held, "a larger plan now", by_card=True)


def test_without_stripe_nothing_is_shown(shop: StripeShop) -> None:
    held = shop.by_card("enterprise")
    shop.dial(stripe__list__timeout_before=1)
    assert refused(lambda: foreseen(shop, held, "pro")) == "provider_silent"
