"""`/api/v1/billing/` for the platform's staff: what they do for customers, and what they are told."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse

from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit import clock
from clustr.kit.ids import new_id
from clustr.people.commands import create_platform_staff
from clustr.subscriptions import commands
from clustr.subscriptions.catalogue import DEFAULT_PLANS, read_catalogue
from tests.cast import ApiClient, Cast, client_of_user
from tests.words import reference as a_reference

BILLING = "/api/v1/billing/"


@pytest.fixture
def bola(cast: Cast) -> ApiClient:
    """Bola, while the default plans are on offer."""
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    commands.sync_plans(actor=platform, catalogue=read_catalogue(DEFAULT_PLANS), now=clock.now())
    return cast.client_of(cast.bola)


@pytest.fixture
def ngozi() -> ApiClient:
    """One of the platform's staff."""
    email = f"staff-{uuid4().hex}@example.test"
    return client_of_user(create_platform_staff(email=email, name="Ngozi", now=clock.now(), password_hash="!"))


def ask(client: ApiClient, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
    answer = client.request(method, BILLING + path, body, **more)
    assert answer.status_code == status, answer.content
    return answer.json()


def text_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    streamed: bytes = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return streamed.decode()


def rows_of(client: ApiClient, path: str) -> list[dict[str, str]]:
    answer = client.get(BILLING + path)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(text_of(answer))))


def invoiced(cast: Cast, bola: ApiClient, **terms: Any) -> dict[str, Any]:
    """Bola's first invoice: for basic, after the trial was left out by choosing free first."""
    ask(bola, "POST", "subscribe/", {"plan_id": "free", "interval": "month"}, 201)
    ask(bola, "PUT", "subscription/", {"plan_id": "basic", "interval": "month"})
    found: dict[str, Any] = ask(bola, "GET", "invoices/")["results"][0]
    return found


def test_an_invoice_is_downloaded(cast: Cast, bola: ApiClient, ngozi: ApiClient) -> None:
    url = invoiced(cast, bola)["invoice_pdf_url"].removeprefix(BILLING)
    for client in (bola, ngozi):
        answer: HttpResponse = client.get(BILLING + url)
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
        assert answer.content.startswith(b"%PDF")
        assert "attachment" in answer["Content-Disposition"]
    for syntax, root in (("cii", b"CrossIndustryInvoice"), ("ubl", b"urn:oasis:names:specification:ubl")):
        answer = bola.get(f"{BILLING}{url}?format={syntax}")
        assert (answer.status_code, answer["Content-Type"]) == (200, "application/xml")
        assert root in answer.content
    neighbour = cast.client_of(cast.residents[1])
    assert ask(neighbour, "GET", url, status=404)["code"] == "invoice_not_found"
    assert ask(bola, "GET", f"{url}?format=doc", status=422)["code"] == "invalid"


def test_staff_find_customers_and_book_their_payments(cast: Cast, bola: ApiClient, ngozi: ApiClient) -> None:
    invoice = invoiced(cast, bola)
    (held,) = ask(ngozi, "GET", f"staff/subscriptions/?email={cast.bola.email}")["results"]
    assert (held["user_id"], held["plan_id"], held["status"]) == (str(cast.bola.user_id), "basic", "active")
    assert ask(ngozi, "GET", "staff/subscriptions/?email=nobody@example.test")["results"] == []
    (found,) = ask(ngozi, "GET", f"staff/invoices/?number={invoice['invoice_number'].lower()}")["results"]
    assert found["id"] == invoice["id"]
    paid = {"invoice_id": invoice["id"], "amount": 2043, "currency": "USD", "reference": a_reference()}
    tried = {"invoice_id": invoice["id"], "amount": 2043, "currency": "USD", "message": "The bank sent it back."}
    assert ask(ngozi, "POST", "staff/record_failed_payment/", tried, 201)["status"] == "failed"
    wrong = tried | {"currency": "NGN"}
    assert ask(ngozi, "POST", "staff/record_failed_payment/", wrong, 422)["code"] == "currency_mismatch"
    assert ask(bola, "GET", "invoices/")["results"][0]["status"] == "open"
    (told,) = ask(bola, "GET", "payments/")["results"]
    assert (told["failure_message"], told["failed_at"]) == ("The bank sent it back.", told["created_at"])
    made = ask(ngozi, "POST", "staff/record_payment/", paid, 201)
    assert (made["status"], made["surplus"]) == ("succeeded", 0)
    assert ask(ngozi, "POST", "staff/record_payment/", paid, 409)["code"] == "payment_reference_taken"
    assert ask(bola, "GET", "invoices/")["results"][0]["status"] == "paid"
    credit = {"invoice_id": invoice["id"], "act": "credit", "reason": "A day without", "tax_basis_points": 750}
    assert ask(ngozi, "POST", "staff/correct_invoice/", credit, 422)["code"] == "invalid_value"
    ask(ngozi, "POST", "staff/correct_invoice/", credit | {"amount": 100, "currency": "USD"})
    too_much = credit | {"amount": 1801, "currency": "USD"}
    assert ask(ngozi, "POST", "staff/correct_invoice/", too_much, 409)["code"] == "credit_exceeds_invoice"
    assert ask(bola, "GET", "subscription/")["credit"] == 108
    void = {"invoice_id": invoice["id"], "act": "void", "reason": "Twice"}
    assert ask(ngozi, "POST", "staff/correct_invoice/", void, 409)["code"] == "invoice_not_open"


def test_staff_make_coupons_for_the_verified(cast: Cast, bola: ApiClient, ngozi: ApiClient) -> None:
    """An education coupon is for who was seen to be a student."""
    code = f"EDU{uuid4().hex[:8]}".upper()
    coupon = {
        "code": code,
        "name": "Education",
        "percent": 50,
        "duration": "forever",
        "needs_verification": "education",
    }
    assert ask(ngozi, "POST", "staff/create_coupon/", coupon, 201)["code"] == code
    assert ask(ngozi, "POST", "staff/create_coupon/", coupon, 409)["code"] == "coupon_code_taken"
    wrong = coupon | {"amount": 5, "currency": "USD"}
    assert ask(ngozi, "POST", "staff/create_coupon/", wrong, 422)["code"] == "invalid_value"
    body = {"plan_id": "basic", "interval": "month", "coupon": code}
    assert ask(bola, "POST", "subscribe/", body, 422)["code"] == "coupon_not_valid"
    seen = {"user_id": str(cast.bola.user_id), "kind": "education", "expires_at": "2099-01-01T00:00:00Z"}
    ask(ngozi, "POST", "staff/verify_customer/", seen, 201)
    made = ask(bola, "POST", "subscribe/", body, 201)
    shown = {
        "code": code,
        "name": "Education",
        "basis_points": 5000,
        "amount": 0,
        "currency": "",
        "duration": "forever",
    }
    assert (made["status"], made["coupon"]) == ("trialing", shown | {"ends_at": None})
    assert ask(bola, "GET", "subscription/")["coupon"] == made["coupon"]
    nobody = seen | {"user_id": str(new_id())}
    assert ask(ngozi, "POST", "staff/verify_customer/", nobody, 404)["code"] == "customer_not_found"


def test_staff_agree_on_a_price_and_sell_units(cast: Cast, bola: ApiClient, ngozi: ApiClient) -> None:
    price = {
        "user_id": str(cast.bola.user_id),
        "plan_id": "enterprise",
        "interval": "year",
        "price": 99_000,
        "currency": "USD",
        "starts_at": "2020-01-01T00:00:00Z",
    }
    ask(ngozi, "POST", "staff/agree_price/", price, 201)
    assert ask(ngozi, "POST", "staff/agree_price/", price | {"plan_id": "none"}, 404)["code"] == "plan_not_found"
    made = ask(bola, "POST", "subscribe/", {"plan_id": "enterprise", "interval": "year"}, 201)
    assert made["price"] == 99_000
    pack = {
        "subscription_id": made["id"],
        "feature_type": "ai_responses",
        "quantity": "100",
        "price": 500,
        "currency": "USD",
    }
    ask(ngozi, "POST", "staff/sell_usage_pack/", pack, 201)
    used = {row["feature_type"]: row for row in ask(bola, "GET", "usage/")["results"]}
    assert used["ai_responses"]["included"] == "100100"
    assert ask(ngozi, "POST", "staff/sell_usage_pack/", pack | {"currency": "NGN"}, 422)["code"] == "currency_mismatch"


def test_staff_are_told_how_it_goes(cast: Cast, bola: ApiClient, ngozi: ApiClient) -> None:
    """The platform's books hold what other tests sold too: what is asked is that it is consistent, and the same as CSV."""
    invoiced(cast, bola)
    told = ask(ngozi, "GET", "analytics/?months=2")
    (month,) = [one for one in told["months"] if one["currency"] == "USD"][-1:]
    assert month["mrr_end"] >= 1900
    moved = month["new"] + month["reactivation"] + month["expansion"] - month["contraction"] - month["churn"]
    assert month["mrr_end"] == month["mrr_start"] + moved
    assert [one["mrr"] for one in told["now"] if one["currency"] == "USD"] == [month["mrr_end"]]
    rows = rows_of(ngozi, "analytics/?months=2&format=csv")
    assert {(row["month"], row["currency"], row["mrr_end"]) for row in rows} == {
        (one["month"], one["currency"], str(one["mrr_end"])) for one in told["months"]
    }
    for table in ("cohorts", "usage", "adoption", "at_risk", "cancellations"):
        shown = ask(ngozi, "GET", f"analytics/{table}/")
        as_csv = rows_of(ngozi, f"analytics/{table}/?format=csv")
        assert [list(row) for row in as_csv[:1]] in ([], [shown["columns"]])
        assert len(as_csv) == len(shown["rows"])


def test_staff_take_the_journal_home(cast: Cast, bola: ApiClient, ngozi: ApiClient) -> None:
    invoice = invoiced(cast, bola)
    rows = rows_of(ngozi, "journal/")
    mine = [row for row in rows if row["reference"] == invoice["invoice_number"]]
    assert [(row["account"], row["debit"], row["credit"]) for row in mine if row["kind"] == "invoiced"] == [
        ("receivables", "19.00", ""),
        ("subscription_revenue", "", "19.00"),
    ]
    assert rows_of(ngozi, "journal/?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z") == []


def test_usage_by_day(bola: ApiClient) -> None:
    """As JSON and as CSV; the period under way, unless asked otherwise."""
    ask(bola, "POST", "subscribe/", {"plan_id": "free", "interval": "month"}, 201)
    events = [{"feature_type": "storage_gb", "amount": amount, "event_id": uuid4().hex} for amount in ("0.25", "0.5")]
    ask(bola, "POST", "usage/events/", events)
    (day,) = ask(bola, "GET", "usage/report/")["results"]
    assert (day["feature_type"], day["used"], day["events"]) == ("storage_gb", "0.75", 2)
    assert [row["used"] for row in rows_of(bola, "usage/report/?format=csv")] == ["0.75"]
    assert ask(bola, "GET", "usage/report/?to=2020-01-01T00:00:00Z")["results"] == []


def test_a_customer_is_advised_and_offered_something(bola: ApiClient) -> None:
    ask(bola, "POST", "subscribe/", {"plan_id": "pro", "interval": "month"}, 201)
    advice = ask(bola, "GET", "plan-advice/")
    assert (advice["present"]["plan_id"], advice["best"]["plan_id"]) == ("pro", "free")
    assert advice["best"]["lacks"] == ["reports", "automation"]
    assert ask(bola, "GET", "save-offer/?reason=too_expensive")["cheaper"]["plan_id"] == "free"
    assert ask(bola, "GET", "save-offer/?reason=technical") == {"cheaper": None, "coupon": "", "coupon_name": ""}
    left = ask(bola, "POST", "cancel/", {"reason_code": "too_expensive", "reason": "Twice the other"})
    assert left["cancel_at_period_end"]


@pytest.mark.parametrize(
    "path",
    [
        *("analytics/", "analytics/cohorts/", "staff/subscriptions/", "staff/invoices/"),
        "journal/?from=2020-01-01T00:00:00Z&to=2099-01-01T00:00:00Z",
    ],
)
def test_nobody_else_is_told(bola: ApiClient, cast: Cast, path: str) -> None:
    for client in (bola, cast.client_of(cast.ada)):
        assert ask(client, "GET", path, status=403)["code"] == "permission_missing"
