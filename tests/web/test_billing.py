"""`/api/v1/billing/`: a customer's way from the price list to a smaller plan, over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit import clock
from clustr.subscriptions import commands
from clustr.subscriptions.catalogue import DEFAULT_PLANS, read_catalogue
from tests.cast import ApiClient, Cast, anonymous

BILLING = "/api/v1/billing/"


@pytest.fixture
def bola(cast: Cast) -> ApiClient:
    """Bola, while the default plans are on offer."""
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    commands.sync_plans(actor=platform, catalogue=read_catalogue(DEFAULT_PLANS), now=clock.now())
    return cast.client_of(cast.bola)


def ask(client: ApiClient, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
    answer = client.request(method, BILLING + path, body, **more)
    assert answer.status_code == status, answer.content
    return answer.json()


def test_it_works(bola: ApiClient) -> None:
    plans = {plan["id"]: plan for plan in ask(anonymous(), "GET", "plans/")["results"]}
    assert list(plans) == ["free", "basic", "pro", "enterprise"]
    assert (plans["basic"]["price_monthly"], plans["basic"]["limits"]["ai_responses"]) == (1900, 500)

    first = ask(bola, "POST", "preview-invoice/", {"plan_id": "basic", "interval": "month"})
    assert (first["subtotal"], first["total"], first["digest"]) == (1900, 2043, "")
    assert ask(bola, "GET", "subscription/", status=404)["code"] == "subscription_not_found"
    made = ask(bola, "POST", "subscribe/", {"plan_id": "free", "interval": "month"}, 201)
    assert (made["status"], made["plan"]["id"], made["collection"], made["usage"][0]["used"]) == (
        "active",
        "free",
        "none",
        "0",
    )

    events = [{"feature_type": "ai_responses", "amount": "2", "event_id": "one"}] * 2
    used = {row["feature_type"]: row for row in ask(bola, "POST", "usage/events/", events)["results"]}
    assert (used["ai_responses"]["used"], used["ai_responses"]["limit"]) == ("2", "50")

    shown = ask(bola, "POST", "preview-invoice/", {"plan_id": "basic", "interval": "month"})
    assert (shown["subtotal"], shown["tax_amount"], shown["amount_due"]) == (1900, 143, 2043)
    change = {"plan_id": "basic", "interval": "month", "proration_date": shown["proration_date"]}
    assert ask(bola, "PUT", "subscription/", change | {"digest": "0" * 32}, 409)["code"] == "preview_too_old"
    ask(bola, "PUT", "subscription/", change | {"digest": shown["digest"]})
    (invoice,) = ask(bola, "GET", "invoices/")["results"]
    assert (invoice["total"], invoice["amount_due"], invoice["status"]) == (2043, 2043, "open")
    assert [(line["kind"], line["amount"]) for line in invoice["lines"]] == [("plan", 1900)]

    smaller = {"plan_id": "free", "interval": "month"}
    shown = ask(bola, "POST", "preview-invoice/", smaller)
    assert (shown["at_period_end"], shown["total"], shown["lines"]) == (True, 0, [])
    shown = ask(bola, "POST", "preview-invoice/", smaller | {"when": "now"})
    assert (shown["at_period_end"], shown["is_credit_note"]) == (False, True)
    held = ask(bola, "PUT", "subscription/", smaller)
    assert (held["plan"]["id"], held["pending_change"]["plan_id"]) == ("basic", "free")
    assert ask(bola, "POST", "reactivate/")["pending_change"] is None
    assert ask(bola, "POST", "cancel/", {"reason": "Too dear"})["cancel_at_period_end"]
    assert ask(bola, "GET", "subscription/")["status"] == "active"
    assert ask(bola, "GET", "payments/")["results"] == []


def test_a_trial_comes_first(bola: ApiClient) -> None:
    made = ask(bola, "POST", "subscribe/", {"plan_id": "pro", "interval": "year", "currency": "NGN"}, 201)
    assert (made["status"], made["price"], made["currency"]) == ("trialing", 75_000_000, "NGN")
    assert ask(bola, "GET", "invoices/")["results"] == []


def test_a_repeated_request_is_answered_once(bola: ApiClient) -> None:
    key, body = uuid4().hex, {"plan_id": "pro", "interval": "month"}
    first = ask(bola, "POST", "subscribe/", body, 201, key=key)
    assert ask(bola, "POST", "subscribe/", body, 201, key=key) == first
    assert ask(bola, "POST", "subscribe/", body, 409)["code"] == "already_subscribed"


def test_usage_in_numbers_and_lists_in_pages(bola: ApiClient) -> None:
    first = ask(anonymous(), "GET", "plans/?limit=3")
    rest = ask(anonymous(), "GET", f"plans/?limit=3&cursor={first['next']}")
    assert [plan["id"] for plan in first["results"] + rest["results"]] == ["free", "basic", "pro", "enterprise"]
    assert rest["next"] is None
    ask(anonymous(), "GET", "plans/?cursor=none", status=422)
    ask(bola, "POST", "subscribe/", {"plan_id": "free", "interval": "month"}, 201)
    told = {"feature_type": "ai_responses", "amount": 3, "event_id": "n", "metadata": {"pages": 3, "draft": True}}
    used = {row["feature_type"]: row for row in ask(bola, "POST", "usage/events/", [told])["results"]}
    assert used["ai_responses"]["used"] == "3"
    for wrong in (1.5, True, None, "1e3", 10**13):
        ask(bola, "POST", "usage/events/", [told | {"amount": wrong, "event_id": "w"}], 422)
    assert ask(bola, "POST", "cancel/")["cancel_at_period_end"]


def test_the_billing_address(bola: ApiClient) -> None:
    assert not ask(bola, "GET", "billing-address/")["is_default"]
    ask(bola, "PUT", "billing-address/", {"line1": "1 High Street", "city": "Accra", "country": "GH"})
    assert ask(bola, "GET", "billing-address/")["country"] == "GH"
    home = {"line1": "2 Marina", "city": "Lagos", "country": "NG"}
    assert not ask(bola, "PUT", "billing-address/", home | {"is_default": False})["is_default"]
    kept = ask(bola, "GET", "billing-address/")
    assert (kept["country"], [other["country"] for other in kept["others"]]) == ("GH", ["NG"])
    for _ in range(2):
        assert ask(bola, "PUT", "billing-address/", home | {"is_default": True})["is_default"]
    kept = ask(bola, "GET", "billing-address/")
    assert (kept["country"], [other["country"] for other in kept["others"]]) == ("NG", ["GH"])
    assert ask(bola, "PUT", "billing-address/", home | {"is_default": False})["is_default"], (
        "no other was given instead"
    )
    ask(bola, "PUT", "billing-address/", {"line1": "1 High Street", "city": "Accra", "country": "Ghana"}, 422)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "subscription/", None, 404, "subscription_not_found"),
        ("GET", "usage/", None, 404, "subscription_not_found"),
        ("POST", "subscribe/", {"plan_id": "none", "interval": "month"}, 404, "plan_not_found"),
        ("POST", "subscribe/", {"plan_id": "pro", "interval": "week"}, 422, "invalid"),
        ("POST", "subscribe/", {"plan_id": "pro", "interval": "month", "currency": "EUR"}, 422, "currency_not_offered"),
        ("POST", "subscribe/", {"plan_id": "pro", "interval": "month", "coupon": "NONE"}, 422, "coupon_not_valid"),
        ("PUT", "subscription/", {"plan_id": "pro", "interval": "month"}, 404, "subscription_not_found"),
        ("POST", "usage/events/", [], 422, "invalid"),
    ],
)
def test_refusals(bola: ApiClient, method: str, path: str, body: Any, status: int, code: str) -> None:
    assert ask(bola, method, path, body, status)["code"] == code


def test_of_several_subscriptions_one_is_named(bola: ApiClient, cast: Cast) -> None:
    """Ada's own, and that of the estate she manages."""
    ada, estate = cast.client_of(cast.ada), cast.cluster_id
    ask(ada, "POST", "subscribe/", {"plan_id": "free", "interval": "month"}, 201)
    ask(ada, "POST", "subscribe/", {"plan_id": "basic", "interval": "month", "cluster_id": str(estate)}, 201)
    events = [{"feature_type": "ai_responses", "event_id": "one", "cluster_id": str(estate)}]
    told = ask(ada, "POST", "usage/events/", events)["results"] + ask(ada, "GET", "usage/")["results"]
    assert [row["used"] for row in told if row["feature_type"] == "ai_responses"] == ["1", "0"]
    for named, plan, days in ((f"?cluster_id={estate}", "basic", 1), ("", "free", 0)):
        assert len(ask(ada, "GET", f"usage/report/{named}")["results"]) == days
        assert ask(ada, "GET", f"plan-advice/{named}")["present"]["plan_id"] == plan
    cheaper = ask(ada, "GET", f"save-offer/?reason=too_expensive&cluster_id={estate}")["cheaper"]
    assert cheaper is not None
    assert cheaper["plan_id"] == "free"
    ask(cast.client_of(cast.chidi), "GET", f"usage/?cluster_id={estate}", None, 404)


def test_a_larger_plan_does_not_wait(bola: ApiClient) -> None:
    ask(bola, "POST", "subscribe/", {"plan_id": "basic", "interval": "month"}, 201)
    waiting = {"plan_id": "pro", "interval": "month", "when": "period_end"}
    assert ask(bola, "PUT", "subscription/", waiting, 422)["code"] == "invalid_value"


def test_nobody_without_signing_in() -> None:
    assert ask(anonymous(), "GET", "subscription/", None, 401)["code"] == "not_signed_in"
