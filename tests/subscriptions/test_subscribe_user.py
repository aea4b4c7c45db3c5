"""Choosing a plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.conf import settings

from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import queries as books
from clustr.people.models import Mail
from clustr.subscriptions import commands
from clustr.subscriptions.commands.addresses import NewAddress
from clustr.subscriptions.document_queries import current_subscription
from clustr.subscriptions.refusals import (
    AlreadySubscribed,
    CollectionNotOffered,
    CurrencyNotOffered,
    CustomerNotFound,
    EstateNotYours,
    PlanNotFound,
    SubscriptionNotFound,
)
from clustr.subscriptions.states import Collection
from clustr.subscriptions.types import Discount, Duration
from tests.races import race
from tests.subscriptions.shop import PLANS, Shop
from tests.subscriptions.stripe_stage import StripeShop


def trial_balance(shop: Shop) -> dict[str, int]:
    with tenant(shop.cluster_id):
        return {line.kind: line.balance_minor for line in books.trial_balance() if line.currency == "USD"}


def test_it_works(shop: Shop) -> None:
    """20.00 a month and 7.5 % of tax: invoiced at once, owed by the customer, earned by the house."""
    subscription = shop.subscribe("basic")
    (invoice,) = shop.documents(subscription)
    assert (subscription.status, subscription.collection) == ("active", "bank_transfer")
    assert subscription.current_period_start == shop.now
    assert subscription.current_period_end == datetime(2026, 7, 15, 9, 0, tzinfo=UTC)
    assert (invoice.subtotal, invoice.tax_amount, invoice.total, invoice.status) == (2000, 150, 2150, "open")
    assert invoice.invoice_number == "INV2026000001"
    assert invoice.due_date == shop.now + timedelta(days=settings.ENV.SUBSCRIPTION_INVOICE_DUE_DAYS)
    assert shop.lines(invoice) == [("plan", 2000)]
    assert trial_balance(shop) == {"receivables": -2150, "subscription_revenue": 2000, "tax_payable": 150}
    assert shop.history(subscription) == ["created"]
    assert shop.monthly(subscription) == 2000
    assert shop.mail(shop.bola) == []


def test_a_free_plan_is_never_invoiced(shop: Shop) -> None:
    subscription = shop.subscribe("free")
    assert (subscription.status, subscription.collection) == ("active", "none")
    subscription = shop.end_period(subscription)
    assert subscription.current_period_start == shop.now
    assert shop.documents(subscription) == []


def test_a_trial_is_free_until_its_local_day_ends(shop: Shop) -> None:
    subscription = shop.subscribe("pro")
    assert (subscription.status, shop.documents(subscription), shop.monthly(subscription)) == ("trialing", [], 0)
    assert subscription.trial_end == datetime(2026, 6, 29, 23, 0, tzinfo=UTC)
    subscription = shop.end_period(subscription)
    assert (subscription.status, subscription.current_period_start) == ("active", subscription.trial_end)
    assert subscription.current_period_end == datetime(2026, 7, 29, 23, 0, tzinfo=UTC)
    assert shop.last(subscription).total == 5375
    assert shop.history(subscription) == ["created", "trial_ended"]


def test_there_is_one_trial(shop: Shop) -> None:
    first = shop.subscribe("pro")
    commands.cancel_subscription(actor=shop.bola, subscription_id=first.id, at_period_end=False, now=shop.now)
    again = shop.subscribe("pro")
    assert (again.status, again.trial_end) == ("active", None)


def test_the_customer_is_told_once_before_a_trial_ends(shop: Shop) -> None:
    subscription = shop.subscribe("pro")
    for days in (0, 10, 1, 1):
        shop.move(days=days)
        commands.warn_of_trial_end(actor=shop.system, subscription_id=subscription.id, now=shop.now)
    assert shop.mail(shop.bola) == ["Your trial of Pro ends on 30 June 2026 00:00"]


@pytest.mark.parametrize("code", ["", "TENTH"])
def test_the_mail_before_a_trial_ends_says_what_is_charged(shop: Shop, code: str) -> None:
    """With tax, and less what a coupon takes off: as its first invoice."""
    commands.create_coupon(
        actor=shop.staff, code="TENTH", name="A tenth", discount=Discount(1000), duration=Duration.FOREVER, now=shop.now
    )
    subscription = shop.subscribe("pro", coupon=code)
    shop.use(subscription, 5_100)
    shop.move(days=12)
    commands.warn_of_trial_end(actor=shop.system, subscription_id=subscription.id, now=shop.now)
    mine = Mail.objects.filter(user_id=shop.bola.user_id, subject__startswith="Your trial")
    said = mine.values_list("body", flat=True).get()
    first = shop.last(shop.end_period(subscription))
    total, tax = (Money(minor, "USD").with_sign() for minor in (first.total, first.tax_amount))
    assert f"it costs $50.00 a month, plus VAT. The first invoice comes to {total}, of which {tax} is VAT." in said
    assert ("Your coupon has taken $5.00 off." in said) == bool(code)
    assert "It charges $1.50 for what you used beyond the plan so far." in said


@pytest.mark.parametrize(("agreed", "charged"), [(3_000, "$30.00"), (0, "$50.00")])
def test_by_card_the_mail_says_the_price_that_is_agreed_then(
    stripe_shop: StripeShop, agreed: int, charged: str
) -> None:
    """Stripe is told of it after the mail has gone out, and not at all of what would cost nothing."""
    shop = stripe_shop
    trial = shop.by_card("pro")
    commands.agree_contract_price(
        actor=shop.staff,
        user_id=shop.bola.member_id,
        plan_code="pro",
        interval="month",
        price=Money(agreed, "USD"),
        starts_at=shop.now,
        ends_at=None,
        now=shop.now,
    )
    ends = trial.current_period_end
    shop.until(ends - timedelta(days=2), step=timedelta(days=6))
    said = Mail.objects.filter(user_id=shop.bola.user_id, subject__startswith="Your trial")
    body = said.values_list("body", flat=True).get()
    shop.until(ends - timedelta(hours=6))
    commands.take_agreed_price(actor=shop.system, subscription_id=trial.id, now=shop.now)
    shop.move(minutes=5)
    shop.ask_due()
    shop.until(ends + timedelta(hours=3))
    total = Money(shop.last(trial).total, "USD").with_sign()
    assert f"it costs {charged} a month, plus VAT. The first invoice comes to {total}, of which" in body


def test_a_year_and_another_currency(shop: Shop) -> None:
    subscription = shop.subscribe("basic", interval="year", currency="NGN")
    assert shop.last(subscription).total == 32_250_000
    assert subscription.current_period_end == datetime(2027, 6, 15, 9, 0, tzinfo=UTC)
    assert shop.monthly(subscription) == 2_500_000


def test_a_contract_price_counts_in_its_term(shop: Shop) -> None:
    commands.agree_contract_price(
        actor=shop.staff,
        user_id=shop.bola.member_id,
        plan_code="basic",
        interval="month",
        price=Money(1500, "USD"),
        starts_at=shop.now,
        ends_at=shop.now + timedelta(days=1),
        now=shop.now,
    )
    assert shop.subscribe("basic").price_minor == 1500
    shop.move(days=2)
    assert shop.subscribe("basic", actor=shop.customer()).price_minor == 2000


def test_each_period_has_the_price_in_force_when_it_begins(shop: Shop) -> None:
    """Agreed while the plan runs: from the next period on, until the term has passed; then the plan's own again."""
    subscription = shop.subscribe("basic")
    terms = {"user_id": shop.bola.member_id, "plan_code": "basic", "interval": "month", "now": shop.now}
    commands.agree_contract_price(
        actor=shop.staff,
        price=Money(1500, "USD"),
        starts_at=shop.now,
        ends_at=shop.now + timedelta(days=45),
        **terms,  # type: ignore[arg-type]
    )
    for _ in range(3):
        shop.end_period(subscription)
    assert [document.subtotal for document in shop.documents(subscription)] == [2000, 1500, 2000, 2000]
    assert shop.monthly(subscription) == 2000


def test_a_price_is_agreed_for_what_is_offered_to_who_is_there(shop: Shop) -> None:
    def agree(code: str, currency: str, user_id: UUID) -> None:
        commands.agree_contract_price(
            actor=shop.staff,
            user_id=user_id,
            plan_code=code,
            interval="month",
            price=Money(1500, currency),
            starts_at=shop.now,
            ends_at=None,
            now=shop.now,
        )

    for code, currency, user_id, refusal in (
        ("none", "USD", shop.bola.member_id, PlanNotFound),
        ("basic", "EUR", shop.bola.member_id, CurrencyNotOffered),
        ("basic", "USD", uuid4(), CustomerNotFound),
    ):
        with pytest.raises(refusal):
            agree(code, currency, user_id)


def test_tax_follows_the_billing_address(shop: Shop) -> None:
    address = NewAddress(line1="1 High Street", city="Accra", country="GH", name="Bola Ltd", tax_id="C0001")
    commands.set_billing_address(actor=shop.bola, address=address, now=shop.now)
    invoice = shop.last(shop.subscribe("basic"))
    assert (invoice.tax_amount, invoice.total) == (0, 2000)
    assert (invoice.buyer["country"], invoice.buyer["name"]) == ("GH", "Bola Ltd")


def test_a_changed_plan_leaves_subscribers_what_they_chose(shop: Shop) -> None:
    """Reliability S6: prices are versioned; who has the old one keeps it."""
    subscription = shop.subscribe("basic")
    assert shop.sync({**PLANS, "basic": {**PLANS["basic"], "price_monthly": 9900}}) == ["basic: version 2"]
    subscription = shop.end_period(subscription)
    assert [document.subtotal for document in shop.documents(subscription)] == [2000, 2000]
    assert shop.subscribe("basic", actor=shop.customer()).price_minor == 9900
    assert shop.sync({**PLANS, "basic": {**PLANS["basic"], "price_monthly": 9900}}) == []


def test_a_plan_that_is_gone_is_not_offered(shop: Shop) -> None:
    gone = shop.plan("team")
    assert shop.sync({code: PLANS[code] for code in ("free", "basic", "pro")}) == ["team: no longer offered"]
    with pytest.raises(PlanNotFound):
        commands.subscribe_user(actor=shop.bola, plan_id=gone.id, interval="month", now=shop.now)


def test_one_subscription_each(shop: Shop) -> None:
    shop.subscribe("basic")
    with pytest.raises(AlreadySubscribed):
        shop.subscribe("free")


def test_twenty_at_once_make_one(shop: Shop) -> None:
    ended = race(lambda: shop.subscribe("basic")).only(AlreadySubscribed)
    assert len(ended.results) == 1
    assert len(shop.documents(ended.results[0])) == 1


def test_for_an_estate_of_ones_own(shop: Shop) -> None:
    """Its administrator subscribes for it, once whoever asks; nobody else may."""
    lekki, shop.now = shop.cast.lekki.id, shop.cast.now
    dayo = replace(shop.bola, user_id=shop.cast.dayo.user_id)
    subscription = shop.subscribe("basic", actor=dayo, for_cluster_id=lekki)
    assert subscription.for_cluster_id == lekki
    with pytest.raises(AlreadySubscribed):
        shop.subscribe("basic", actor=dayo, for_cluster_id=lekki)
    for stranger in (shop.bola, replace(shop.bola, user_id=shop.cast.chidi.user_id)):
        with pytest.raises(EstateNotYours):
            shop.subscribe("basic", actor=stranger, for_cluster_id=lekki)


def test_which_subscription_is_meant(shop: Shop) -> None:
    """One's own, where there is one; else that of the only estate. Named, the estate's."""
    lekki, shop.now = shop.cast.lekki.id, shop.cast.now
    dayo = replace(shop.bola, user_id=shop.cast.dayo.user_id)
    estates = shop.subscribe("basic", actor=dayo, for_cluster_id=lekki)
    assert current_subscription(actor=dayo).id == estates.id
    own = shop.subscribe("free", actor=dayo)
    assert current_subscription(actor=dayo).id == own.id
    assert current_subscription(actor=dayo, for_cluster_id=lekki).id == estates.id
    commands.cancel_subscription(actor=dayo, subscription_id=own.id, at_period_end=False, now=shop.now)
    assert current_subscription(actor=dayo).id == estates.id
    commands.cancel_subscription(actor=dayo, subscription_id=estates.id, at_period_end=False, now=shop.now)
    assert current_subscription(actor=dayo).id == own.id
    with pytest.raises(SubscriptionNotFound):
        current_subscription(actor=shop.bola)


def test_a_currency_without_a_price(shop: Shop) -> None:
    with pytest.raises(CurrencyNotOffered):
        shop.subscribe("basic", currency="EUR")


def test_a_card_needs_a_provider(shop: Shop) -> None:
    with pytest.raises(CollectionNotOffered):
        shop.subscribe("basic", collection=Collection.STRIPE)
