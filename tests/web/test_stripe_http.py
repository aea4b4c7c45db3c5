"""Plans by card over HTTP: Stripe's page, its signed notice, the worker's answer to it, and what the customer sees."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.test import Client

from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit import clock
from clustr.payments.models import Notice
from clustr.people.commands import create_platform_staff
from clustr.settlement import commands as settlement
from clustr.subscriptions import commands
from clustr.subscriptions.catalogue import DEFAULT_PLANS, read_catalogue
from clustr.subscriptions.vendors import registry
from tests.cast import ApiClient, Cast, client_of_user
from tests.subscriptions.stripe_stage import StripeWire, forget_names
from tests.web.test_billing import ask

pytestmark = pytest.mark.usefixtures("books")


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[StripeWire]:
    made = StripeWire(clock.now())
    monkeypatch.setattr(registry, "_holder", lambda: made.holder)
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    commands.sync_plans(actor=platform, catalogue=read_catalogue(DEFAULT_PLANS), now=clock.now())
    forget_names()
    yield made
    forget_names()


def post(body: bytes, header: str | None) -> int:
    headers = {} if header is None else {"Stripe-Signature": header}
    answer = Client().post("/payments/webhooks/stripe/", body, content_type="application/json", headers=headers)
    return answer.status_code


def deliver(wire: StripeWire) -> int:
    """Every notice that is due, posted twice and acted on."""
    known = set(Notice.objects.values_list("id", flat=True))
    deliveries = wire.events()
    for delivery in deliveries:
        for _ in range(2):
            assert post(delivery.body, delivery.headers["stripe-signature"]) == 200
    new = list(Notice.objects.exclude(id__in=known))
    assert len(new) == len(deliveries)
    for notice in new:
        settlement.handle_notice(notice_id=notice.id, now=clock.now())
    return len(new)


def finish(wire: StripeWire, url: str, **how: Any) -> None:
    wire.control("POST", f"/stripe/page/{url.rpartition('/')[2]}", how)
    assert deliver(wire)


def test_it_works(wire: StripeWire, cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    body = {"plan_id": "basic", "interval": "month", "collection": "card"}
    made = ask(bola, "POST", "subscribe/", body, 201, key="one")
    assert (made["status"], made["collection"]) == ("incomplete", "stripe")
    assert ask(bola, "POST", "subscribe/", body, 201, key="one")["checkout_url"] == made["checkout_url"]
    finish(wire, made["checkout_url"])
    held = ask(bola, "GET", "subscription/")
    assert (held["status"], held["plan"]["id"], held["checkout_url"]) == ("trialing", "basic", "")
    (card,) = ask(bola, "GET", "payment-methods/")["results"]
    assert (card["last4"], card["is_default"]) == ("4242", True)
    given = ask(bola, "POST", "payment-methods/", status=201)
    finish(wire, given["checkout_url"], card="4000000000000341")
    cards = ask(bola, "GET", "payment-methods/")["results"]
    assert [one["is_default"] for one in cards] == [True, False]
    used = ask(bola, "POST", f"payment-methods/{card['id']}/use/")["results"]
    assert {one["id"]: one["is_default"] for one in used} == {card["id"]: True, cards[0]["id"]: False}
    (running,) = [row for row in wire.rows("subscription") if row["customer"] == wire.rows("customer")[-1]["id"]]
    assert running["default_payment_method"] == card["id"]
    assert ask(cast.client_of(cast.ada), "POST", f"payment-methods/{card['id']}/use/", status=404)
    left = ask(bola, "DELETE", f"payment-methods/{card['id']}/")["results"]
    assert [one["id"] for one in left] == [cards[0]["id"]]
    assert ask(cast.client_of(cast.ada), "DELETE", f"payment-methods/{cards[0]['id']}/", status=404)
    change = {"plan_id": "pro", "interval": "month"}
    assert ask(bola, "POST", "preview-invoice/", change)["amount_due"] == 0
    assert ask(bola, "PUT", "subscription/", change)["plan"]["id"] == "pro"
    assert ask(bola, "POST", "cancel/", {})["cancel_at_period_end"]
    assert not ask(bola, "POST", "reactivate/")["cancel_at_period_end"]
    assert ask(bola, "POST", "cancel/", {"at_period_end": False})["status"] == "canceled"


def test_staff_give_back_and_answer_a_dispute(wire: StripeWire, cast: Cast) -> None:
    """What goes back stands on invoice and payment, the customer is told, and what needs a person stands where staff see it."""
    bola, email = cast.client_of(cast.bola), f"staff-{uuid4().hex}@example.test"
    ngozi = client_of_user(create_platform_staff(email=email, name="Ngozi", now=clock.now(), password_hash="!"))
    made = ask(bola, "POST", "subscribe/", {"plan_id": "basic", "interval": "month", "collection": "card"}, 201)
    finish(wire, made["checkout_url"])
    ask(bola, "POST", "usage/packs/", {"pack_id": "ai_responses_500"}, 201)
    deliver(wire)
    (invoice,) = ask(bola, "GET", "invoices/")["results"]
    terms = {"invoice_id": invoice["id"], "amount": 100, "reason": "Twice"}
    assert ask(bola, "POST", "staff/refund_payment/", terms, 403)
    for _ in range(2):
        after = ask(ngozi, "POST", "staff/refund_payment/", terms, 201, key="one")
        assert (after["refunded"], after["credited"], after["disputed"]) == (100, 100, 0)
    assert ask(ngozi, "POST", "staff/refund_payment/", {**terms, "currency": "NGN"}, 422)["code"] == "currency_mismatch"
    (payment,) = ask(bola, "GET", "payments/")["results"]
    assert (payment["amount"], payment["refunded"]) == (invoice["total"], 100)
    intent = payment["stripe_payment_intent_id"]
    wire.control("POST", f"/stripe/return/{intent}", {"act": "dispute", "amount": 300})
    assert deliver(wire)
    (case,) = [
        case
        for case in ask(ngozi, "GET", "staff/cases/")["results"]
        if case["facts"].get("invoice") == invoice["invoice_number"]
    ]
    assert (case["kind"], case["facts"]["what"]) == ("chargeback", "dispute")
    assert ask(bola, "GET", "invoices/")["results"][-1]["disputed"] == 300
    closed = ask(ngozi, "POST", "staff/close_case/", {"case_id": case["id"], "note": "Answered"})
    assert (closed["id"], closed["note"]) == (case["id"], "Answered")
    assert case["id"] in {one["id"] for one in ask(ngozi, "GET", "staff/cases/?open=false")["results"]}


def test_for_an_estate(wire: StripeWire, cast: Cast) -> None:
    ada, dayo = cast.client_of(cast.ada), cast.client_of(cast.dayo)
    estate = {"cluster_id": str(cast.cluster_id)}
    body = {"plan_id": "basic", "interval": "year", "collection": "card", **estate}
    assert ask(dayo, "POST", "subscribe/", body, 404)["code"] == "estate_not_yours"
    assert ask(cast.client_of(cast.bola), "POST", "subscribe/", body, 404)["code"] == "estate_not_yours"
    made = ask(ada, "POST", "subscribe/", body, 201)
    finish(wire, made["checkout_url"])
    assert ask(ada, "GET", f"subscription/?cluster_id={cast.cluster_id}")["status"] == "trialing"
    for client in (dayo, cast.client_of(cast.bola)):
        for method, path, sent in (
            ("GET", f"subscription/?cluster_id={cast.cluster_id}", None),
            ("PUT", "subscription/", {"plan_id": "pro", "interval": "month", **estate}),
            ("POST", "preview-invoice/", {"plan_id": "pro", "interval": "month", **estate}),
            ("POST", "cancel/", estate),
            ("POST", "apply-coupon/", {"code": "ANY", **estate}),
            ("POST", "usage/packs/", {"pack_id": "ai_responses_500", **estate}),
            ("POST", f"reactivate/?cluster_id={cast.cluster_id}", None),
        ):
            assert ask(client, method, path, sent, 404)["code"] == "subscription_not_found"
    assert ask(ada, "POST", "cancel/", {"at_period_end": False, **estate})["status"] == "canceled"


def test_units_in_advance(wire: StripeWire, cast: Cast) -> None:
    """Bought twice by the same click, paid and counted once; a bank that asks is answered on Stripe's page first."""
    bola = cast.client_of(cast.bola)
    made = ask(bola, "POST", "subscribe/", {"plan_id": "basic", "interval": "month", "collection": "card"}, 201)
    assert ask(bola, "GET", "usage/packs/")["results"] == []
    finish(wire, made["checkout_url"])
    offered = {one["id"]: one for one in ask(bola, "GET", "usage/packs/")["results"]}
    assert offered["ai_responses_500"] == {
        "id": "ai_responses_500",
        "feature_type": "ai_responses",
        "units": 500,
        "price": 900,
        "currency": "USD",
    }

    def included(held: Any) -> str:
        return str({use["feature_type"]: use["included"] for use in held["usage"]}["ai_responses"])

    body = {"pack_id": "ai_responses_500"}
    for _ in range(2):
        assert included(ask(bola, "POST", "usage/packs/", body, 201, key="one")) == "1000"
    deliver(wire)
    wire.dial(stripe__charge__challenge=1)
    waits = ask(bola, "POST", "usage/packs/", body, 201)
    assert (included(waits), "/invoice/stripe/" in waits["checkout_url"]) == ("1000", True)
    wire.heal()
    wire.control("POST", f"/stripe/invoice/{waits['checkout_url'].rpartition('/')[2]}", {"agree": True})
    deliver(wire)
    held = ask(bola, "GET", "subscription/")
    assert (included(held), held["checkout_url"]) == ("1500", "")
    assert [one["amount"] for one in ask(bola, "GET", "payments/")["results"]] == [968, 968]
    assert ask(bola, "POST", "usage/packs/", {"pack_id": "nothing"}, 404)["code"] == "usage_pack_not_found"
    assert ask(cast.client_of(cast.ada), "POST", "usage/packs/", body, 404)["code"] == "subscription_not_found"


def test_by_card_unless_said_otherwise(wire: StripeWire, cast: Cast) -> None:
    """With a saved card at once, without one on Stripe's page."""
    bola, ada = cast.client_of(cast.bola), cast.client_of(cast.ada)
    body = {"plan_id": "basic", "interval": "month"}
    finish(wire, ask(bola, "POST", "subscribe/", body, 201)["checkout_url"])
    (card,) = ask(bola, "GET", "payment-methods/?limit=1")["results"]
    assert ask(bola, "POST", "cancel/", {"at_period_end": False})["status"] == "canceled"
    saved = body | {"payment_method_id": card["id"]}
    wrong = ask(bola, "POST", "subscribe/", saved | {"collection": "bank_transfer"}, 422)
    assert wrong["errors"][0]["field"] == "payment_method_id"
    held = ask(bola, "POST", "subscribe/", saved, 201)
    assert (held["status"], held["collection"], held["checkout_url"]) == ("active", "stripe", "")
    assert ask(ada, "POST", "subscribe/", saved, 404)["code"] == "payment_method_not_found"
    assert ask(ada, "POST", "subscribe/", {"plan_id": "free", "interval": "month"}, 201)["collection"] == "none"


@pytest.mark.parametrize("heard", ["timeout_before", "timeout_after"])
def test_the_same_request_again_asks_for_what_it_began(wire: StripeWire, cast: Cast, heard: str) -> None:
    """Stripe was not heard: with its key the request is answered as if it had been; without, it is another one."""
    bola = cast.client_of(cast.bola)
    body = {"plan_id": "basic", "interval": "month"}

    def silent(method: str, path: str, sent: dict[str, Any] | None, key: str) -> None:
        wire.dial(**{f"any__{heard}": 1})
        assert ask(bola, method, path, sent, 504, key=key)["code"] == "provider_silent"
        wire.heal()

    silent("POST", "subscribe/", body, "one")
    assert ask(bola, "POST", "subscribe/", body, 409)["code"] == "already_subscribed"
    assert ask(bola, "POST", "subscribe/", body | {"interval": "year"}, 409, key="one")["code"] == "already_subscribed"
    made = ask(bola, "POST", "subscribe/", body, 201, key="one")
    finish(wire, made["checkout_url"])
    silent("PUT", "subscription/", body | {"plan_id": "pro"}, "two")
    assert ask(bola, "PUT", "subscription/", body | {"plan_id": "pro"}, key="two")["plan"]["id"] == "pro"
    silent("POST", "cancel/", {"at_period_end": False}, "three")
    assert ask(bola, "POST", "cancel/", {"at_period_end": False}, key="three")["status"] == "canceled"
    silent("POST", "payment-methods/", None, "four")
    assert ask(bola, "POST", "payment-methods/", status=201, key="four")["checkout_url"]
    assert len(wire.rows("subscription")) == 1


def test_while_the_first_is_being_asked_its_repeat_waits(wire: StripeWire, cast: Cast) -> None:
    """Two that asked for the same at once would answer for each other: the one that did not get through would undo the
    other's."""
    body, repeated = {"plan_id": "basic", "interval": "month"}, list[Any]()
    answer = wire._answer

    def asked_again_meanwhile(request: httpx.Request) -> httpx.Response:
        wire._answer = answer  # type: ignore[method-assign]
        again = threading.Thread(
            target=lambda: repeated.append(ask(cast.client_of(cast.bola), "POST", "subscribe/", body, 409, key="one"))
        )
        again.start()
        again.join()
        return answer(request)

    wire._answer = asked_again_meanwhile  # type: ignore[method-assign]
    made = ask(cast.client_of(cast.bola), "POST", "subscribe/", body, 201, key="one")
    assert [one["code"] for one in repeated] == ["request_in_progress"]
    assert ask(cast.client_of(cast.bola), "POST", "subscribe/", body, 201, key="one") == made


def test_what_is_not_rightly_signed_is_not_kept(wire: StripeWire, cast: Cast) -> None:
    made = ask(
        cast.client_of(cast.bola),
        "POST",
        "subscribe/",
        {"plan_id": "basic", "interval": "month", "collection": "card"},
        201,
    )
    wire.control("POST", f"/stripe/page/{made['checkout_url'].rpartition('/')[2]}", {})
    (delivery, *_) = wire.events()
    before = Notice.objects.count()
    header = delivery.headers["stripe-signature"]
    for body, wrong in ((delivery.body, None), (delivery.body, "t=1,v1=0"), (delivery.body + b" ", header)):
        assert post(body, wrong) == 401
    assert Notice.objects.count() == before


def test_without_keys(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    off = StripeWire(clock.now())
    off.holder._env = type("Env", (), {"STRIPE_SECRET_KEY": ""})()
    monkeypatch.setattr(registry, "_holder", lambda: off.holder)
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    commands.sync_plans(actor=platform, catalogue=read_catalogue(DEFAULT_PLANS), now=clock.now())
    client: ApiClient = cast.client_of(cast.bola)
    body = {"plan_id": "basic", "interval": "month", "collection": "card"}
    assert ask(client, "POST", "subscribe/", body, 422)["code"] == "collection_not_offered"
    assert ask(client, "GET", "payment-methods/")["results"] == []
    assert post(b"{}", "t=1,v1=0") == 401
