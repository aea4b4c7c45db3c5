"""What an estate's plan allows counts in the estate; one that has lapsed stops what is new, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from clustr.clusters import commands as clusters
from clustr.clusters.models import Membership
from clustr.clusters.refusals import PlanLimitReached, PlanStopped
from clustr.clusters.types import Role
from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands
from clustr.subscriptions.models import Subscription
from tests.bills.acts import pay, seen
from tests.money import acknowledge, fund, issue, wallet_balance
from tests.subscriptions.shop import PLANS, Shop
from tests.wallets.acts import withdraw
from tests.web.pages.browsing import Browser


@pytest.fixture
def estate(shop: Shop) -> Subscription:
    """Palm Grove has a plan of six members and two bills a month."""
    shop.now = shop.cast.now
    shop.sync(PLANS | {"estate": {"price_monthly": 3000, "members_limit": 6, "bills_limit": 2}})
    ada = replace(shop.staff, permissions=frozenset())
    subscription = shop.subscribe("estate", actor=ada, for_cluster_id=shop.cluster_id)
    written(shop)
    return subscription


def written(shop: Shop) -> None:
    commands.write_allowance(cluster_id=shop.cluster_id, for_cluster_id=shop.cluster_id, now=shop.now)


def invite(shop: Shop) -> None:
    email = f"{uuid4().hex}@palmgrove.test"
    clusters.invite_member(actor=shop.cast.ada.actor, email=email, name="New", role=Role.RESIDENT, now=shop.cast.now)


def test_it_works(shop: Shop, estate: Subscription) -> None:
    for _ in range(2):
        issue(shop.cast)
    with pytest.raises(PlanLimitReached):
        issue(shop.cast)
    while True:
        try:
            invite(shop)
        except PlanLimitReached:
            break
    with tenant(shop.cluster_id):
        assert Membership.objects.filter(cluster_id=shop.cluster_id, left_at=None).count() == 6


def test_an_estate_whose_plan_goes_on_is_told_of_no_end(shop: Shop, estate: Subscription) -> None:
    office = Browser(shop.cast.ada)
    issue(shop.cast)
    office.open("/office/")
    assert "has stopped" not in office.text
    assert "/office/bills/new/" in office.text


def test_a_lapsed_estate_bills_nothing_new_and_all_else_goes_on(shop: Shop, estate: Subscription) -> None:
    cast = shop.cast
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    fund(cast, cast.bola, "9000.00")
    shop.move(days=15)
    shop.chase(estate)
    shop.move(days=30)
    assert shop.chase(estate).status == "unpaid"
    written(shop)
    with pytest.raises(PlanStopped):
        issue(cast)
    with pytest.raises(PlanStopped):
        invite(shop)
    office = Browser(cast.ada)
    office.open("/office/")
    assert "The plan of this estate has stopped." in office.text
    assert "/office/bills/new/" not in office.text
    pay(cast, cast.bola, bill)
    assert withdraw(cast, cast.bola, "1000.00").status == "pending"
    assert wallet_balance(cast.bola) == "3000.00"
    assert seen(cast, cast.bola, bill).status == "paid"

    shop.pay(shop.last(estate), actor=replace(shop.staff, user_id=cast.dayo.user_id))
    assert shop.again(estate).status == "active"
    written(shop)
    issue(cast)
