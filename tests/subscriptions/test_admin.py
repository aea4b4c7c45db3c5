"""`/platform/admin/`: the platform's staff looks at the platform's tables, and can change nothing there."""

from __future__ import annotations

import pytest
from django.db.models import BigIntegerField

from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands
from clustr.subscriptions.admin import _MONEY, _said, site
from clustr.subscriptions.catalogue import DEFAULT_PLANS, read_catalogue
from clustr.subscriptions.models import ContractPrice, Payment, SubscriptionPlan
from tests.cast import Cast
from tests.web.pages.browsing import Browser
from tests.web.pages.test_platform import ngozi

__all__ = ["ngozi"]

LISTS = [f"/platform/admin/subscriptions/{model._meta.model_name}/" for model in site._registry]


@pytest.fixture(autouse=True)
def plan(cast: Cast) -> SubscriptionPlan:
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    commands.sync_plans(actor=platform, catalogue=read_catalogue(DEFAULT_PLANS), now=cast.now)
    with tenant(PLATFORM_CLUSTER_ID):
        return SubscriptionPlan.objects.filter(code="basic", is_active=True).get()


def test_it_works(ngozi: object, plan: SubscriptionPlan) -> None:
    staff = Browser(ngozi)  # type: ignore[arg-type]
    assert staff.open("/platform/admin/").status_code == 200
    for address in LISTS:
        assert staff.open(address).status_code == 200, address
    staff.open("/platform/admin/subscriptions/subscriptionplan/")
    assert "Basic" in staff.text
    assert "$19.00" in staff.text
    assert "Billing addresses" in staff.text
    assert staff.open(f"/platform/admin/subscriptions/subscriptionplan/{plan.id}/change/").status_code == 200
    assert 'name="price_monthly"' not in staff.text


def test_one_row_says_money_and_instants_as_its_list_does(ngozi: object, plan: SubscriptionPlan) -> None:
    staff = Browser(ngozi)  # type: ignore[arg-type]
    with tenant(PLATFORM_CLUSTER_ID):
        pro = SubscriptionPlan.objects.get(code="pro", is_active=True)
    staff.open(f"/platform/admin/subscriptions/subscriptionplan/{pro.id}/change/")
    for said in ("₦75,000.00 a month", "chat_messages: $0.005 each", "ai_responses: ₦15.00 each", " UTC"):
        assert said in staff.text, said
    assert str(pro.price_monthly) not in staff.text
    assert "chat_messages: 10,000" in staff.text
    staff.open(f"/platform/admin/subscriptions/subscriptionplan/{plan.id}/change/")
    assert "$19.00" in staff.text


def test_it_offers_to_show_all_only_where_something_is_left_out(ngozi: object, plan: SubscriptionPlan) -> None:
    staff, plans = Browser(ngozi), "/platform/admin/subscriptions/subscriptionplan/"  # type: ignore[arg-type]
    staff.open(plans)
    assert "Show all" not in staff.text
    staff.open(f"{plans}?code={plan.code}")
    assert "Show all" in staff.text


def test_what_has_no_limit_says_so() -> None:
    plan = SubscriptionPlan(limits={"ai_responses": 5_000, "chat_messages": None})
    assert _said(plan, "limits") == "ai_responses: 5,000<br>chat_messages: no limit<br>"


def test_a_row_is_called_by_money_too() -> None:
    assert str(Payment(status="succeeded", amount=31_175_00, currency="NGN")) == "succeeded ₦31,175.00"
    assert str(ContractPrice(plan_code="pro", price_minor=49_00, currency="USD")) == "pro for $49.00"


def test_every_column_that_holds_money_is_shown_as_money() -> None:
    """A column of large whole numbers is money, or counts."""
    counts = {"stripe_asked", "stripe_seen", "returns_asked", "returns_seen"}
    large = {each.name for model in site._registry for each in model._meta.fields if isinstance(each, BigIntegerField)}
    assert large - _MONEY == counts
    assert large >= _MONEY


@pytest.mark.parametrize("what", ["add/", "{id}/change/", "{id}/delete/", ""])
def test_nothing_is_written(ngozi: object, plan: SubscriptionPlan, what: str) -> None:
    staff = Browser(ngozi)  # type: ignore[arg-type]
    staff.open("/platform/admin/")
    token = staff.client.cookies.get("csrftoken")
    address = "/platform/admin/subscriptions/subscriptionplan/" + what.format(id=plan.id)
    sent = {"name": "Cheap", "price_monthly": "1", "csrfmiddlewaretoken": token.value if token else ""}
    assert staff.client.post(address, sent).status_code in (403, 405)
    assert staff.client.get(address).status_code in (200, 403)
    with tenant(PLATFORM_CLUSTER_ID):
        assert SubscriptionPlan.objects.get(id=plan.id).price_monthly == plan.price_monthly


def test_nobody_else_sees_it(cast: Cast) -> None:
    for person in (cast.ada, cast.bola):
        for address in ("/platform/admin/", *LISTS):
            assert Browser(person).client.get(address).status_code == 404
    stranger = Browser(None).client.get("/platform/admin/")
    assert stranger.status_code == 302
    assert stranger["Location"].startswith("/accounts/login/")


def test_only_these_pages_are_let_do_more(ngozi: object) -> None:
    staff = Browser(ngozi)  # type: ignore[arg-type]
    assert "unsafe-eval" in staff.client.get(LISTS[0])["Content-Security-Policy"]
    assert "unsafe" not in staff.client.get("/platform/plans/")["Content-Security-Policy"]
