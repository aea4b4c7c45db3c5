"""Whatever fails, and wherever: all of an act has happened, or nothing of it; and done again it comes out right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from clustr.kit.crashpoints import Crash, failing, watching
from clustr.kit.money import Money
from clustr.subscriptions import commands
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.states import PaymentMethod
from clustr.subscriptions.types import Discount, Duration, FeatureType
from tests.house.test_catalogue import tenant_tables
from tests.subscriptions.shop import Shop
from tests.subscriptions.test_documents import Authority

Act = Callable[[Shop, Subscription], object]
PLACES = ("before", "before_commit", "after_commit")


@dataclass(frozen=True)
class Case:
    """An act on a subscription of the plan `plan`, after `days` and after what must be there first."""

    act: Act
    plan: str = "basic"
    days: int = 10
    first: Act | None = None


def _change(shop: Shop, subscription: Subscription, code: str, *, up: bool) -> object:
    change: Any = commands.upgrade_plan if up else commands.downgrade_plan
    terms = {} if up else {"at_period_end": False}
    plan_id = shop.plan(code).id
    return change(
        actor=shop.bola, subscription_id=subscription.id, plan_id=plan_id, interval="month", now=shop.now, **terms
    )


def _fail(shop: Shop, subscription: Subscription) -> object:
    return commands.handle_failed_payment(
        actor=shop.staff,
        invoice_id=shop.last(subscription).id,
        amount=Money(1, "USD"),
        method=PaymentMethod.OTHER,
        code="no",
        message="No.",
        now=shop.now,
    )


def _cancel(shop: Shop, subscription: Subscription) -> object:
    return commands.cancel_subscription(actor=shop.bola, subscription_id=subscription.id, now=shop.now)


def _credit(shop: Shop, subscription: Subscription) -> object:
    return commands.credit_invoice(
        actor=shop.staff,
        invoice_id=shop.documents(subscription)[0].id,
        amount=Money(100, "USD"),
        tax_basis_points=750,
        reason="A day without",
        now=shop.now,
    )


def _clear(shop: Shop, subscription: Subscription) -> object:
    was = settings.ENV
    Authority.deaf, Authority.asked = False, []
    settings.ENV = was.model_copy(update={"SUBSCRIPTION_CLEARING": f"{Authority.__module__}:Authority"})
    try:
        return commands.deliver_invoice(actor=shop.system, invoice_id=shop.last(subscription).id, now=shop.now)
    finally:
        settings.ENV = was


def _coupon(shop: Shop, subscription: Subscription) -> object:
    return commands.create_coupon(
        actor=shop.staff, code="ONE", name="One", discount=Discount(1000), duration=Duration.ONCE, now=shop.now
    )


def _pack(shop: Shop, subscription: Subscription) -> object:
    return commands.buy_usage_pack(
        actor=shop.staff,
        subscription_id=subscription.id,
        feature=FeatureType.AI_RESPONSES,
        quantity=Decimal(10),
        price=Money(300, "USD"),
        now=shop.now,
    )


CASES: dict[str, Case] = {
    "subscriptions.subscribe": Case(lambda shop, _: shop.subscribe("basic", actor=shop.staff)),
    "subscriptions.upgrade": Case(lambda shop, s: _change(shop, s, "team", up=True)),
    "subscriptions.downgrade": Case(lambda shop, s: _change(shop, s, "basic", up=False), "team"),
    "subscriptions.cancel": Case(
        lambda shop, s: commands.cancel_subscription(actor=shop.bola, subscription_id=s.id, now=shop.now)
    ),
    "subscriptions.renew": Case(lambda shop, s: shop.renew(s), days=40),
    "subscriptions.process_payment": Case(lambda shop, s: shop.pay(shop.last(s), 3000, reference="ONCE")),
    "subscriptions.handle_failed_payment": Case(_fail),
    "subscriptions.void": Case(
        lambda shop, s: commands.void_invoice(
            actor=shop.staff, invoice_id=shop.last(s).id, reason="Twice", now=shop.now
        )
    ),
    "subscriptions.write_off": Case(
        lambda shop, s: commands.write_off_invoice(
            actor=shop.staff, invoice_id=shop.last(s).id, reason="Gone", now=shop.now
        )
    ),
    "subscriptions.reactivate": Case(
        lambda shop, s: commands.reactivate_subscription(actor=shop.bola, subscription_id=s.id, now=shop.now),
        first=_cancel,
    ),
    "subscriptions.apply_coupon": Case(
        lambda shop, s: commands.apply_coupon(actor=shop.bola, subscription_id=s.id, code="ONE", now=shop.now),
        first=_coupon,
    ),
    "subscriptions.buy_usage_pack": Case(_pack),
    "subscriptions.settle_standing": Case(lambda shop, s: shop.chase(s), days=20),
    "subscriptions.credit_invoice": Case(_credit),
    "subscriptions.keep_clearance": Case(_clear),
    "subscriptions.record_usage": Case(lambda shop, s: shop.use(s, 3, event_id="once")),
}


def rows_of(shop: Shop) -> dict[str, int]:
    """How many rows of this estate stand in each table."""
    counts = {}
    with connections["checker"].cursor() as cursor:
        for table in tenant_tables():
            cursor.execute(f'SELECT count(*) FROM "{table}" WHERE cluster_id = %s', [shop.cluster_id])
            counts[table] = cursor.fetchone()[0]
    return counts


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", list(CASES))
def test_all_of_it_or_nothing(shop: Shop, name: str, place: str) -> None:
    case = CASES[name]
    subscription = shop.subscribe(case.plan)
    shop.move(days=case.days)
    if case.first is not None:
        case.first(shop, subscription)
    before = rows_of(shop)
    with watching(failing(f"{name}.{place}")), pytest.raises(Crash):
        case.act(shop, subscription)
    assert (rows_of(shop) == before) is (place != "after_commit")
    if place != "after_commit":
        case.act(shop, subscription)
        assert rows_of(shop) != before


def test_inside_the_posting_too(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.move(days=10)
    before = rows_of(shop)
    for place in ("ledger.post.before", "ledger.post.after"):
        with watching(failing(place)), pytest.raises(Crash):
            _change(shop, subscription, "team", up=True)
        assert rows_of(shop) == before
