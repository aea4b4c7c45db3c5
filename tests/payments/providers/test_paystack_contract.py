"""Paystack's own OpenAPI document and samples: what we ask is described there, what it answers we understand."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
import pytest

from clustr.kit.money import Money
from clustr.kit.outbound import OutboundError, OutcomeUnknown
from clustr.payments.providers.nouns import (
    Balance,
    Channel,
    ChargeTruth,
    Mode,
    NotFoundYet,
    NoticeKind,
    Outcome,
    PayoutTruth,
)
from clustr.payments.providers.paystack import make_paystack
from clustr.payments.providers.paystack_wire import charge_truth
from clustr.payments.providers.port import AlreadyKnown, NoSuchAccount, ProviderRefused
from clustr.payments.providers.returns import RefundRequest, RefundTruth
from clustr.payments.types import PaymentErrorType
from tests.payments.providers.paystack_wire import PaystackWire
from tests.payments.providers.port_suite import MONEY_CALLS, OTHER_CALLS, saved_charge
from tests.payments.providers.shared import description, needs_shared, provider_told, sample, samples
from tests.payments.providers.wires import SETTINGS, FakeCharge, ngn, reference

pytestmark = needs_shared
SPEC = "paystack/paystack.yaml"
SINCE, UNTIL = datetime(2000, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
ONLY_IN_THE_DOCS = {"/settlement": {"from", "to"}, "/refund": {"transaction"}, "/transaction": set(), "/bank": set()}
"""Parameters that its written documentation names and its OpenAPI document leaves out."""


@cache
def operation(method: str, path: str) -> tuple[str, dict[str, Any]]:
    """The described operation that a request is, preferring a path without a variable."""
    for template in sorted(description(SPEC)["paths"], key=lambda known: known.count("{")):
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in description(SPEC)["paths"][template]:
            return template, description(SPEC)["paths"][template][method.lower()]
    raise AssertionError(f"{method} {path} is not described")


@cache
def validator(name: str) -> Any:
    schema = {"$ref": f"#/components/schemas/{name}", "components": description(SPEC)["components"]}
    return jsonschema_rs.Draft4Validator(schema)


def properties_of(name: str) -> set[str]:
    schema = description(SPEC)["components"]["schemas"][name]
    parts = [schema, *schema.get("allOf", [])]
    named = {part["$ref"].rpartition("/")[2] for part in parts if "$ref" in part}
    return {name for part in parts for name in part.get("properties", {})} | {
        held for other in named for held in properties_of(other)
    }


def every_request() -> list[httpx.Request]:
    wire = PaystackWire()
    wire.add(FakeCharge(reference(), ngn(100), "paid", id=77))
    for call in (MONEY_CALLS | OTHER_CALLS).values():
        call(wire.provider())
    return wire.seen


def test_every_request_is_described() -> None:
    asked = set()
    for request in every_request():
        template, described = operation(request.method, request.url.path)
        asked.add(template)
        parameters = {held["name"] for held in described.get("parameters", []) if held.get("in") == "query"}
        assert set(request.url.params) <= parameters | ONLY_IN_THE_DOCS.get(template, set()), template
        if request.method == "POST":
            schema = described["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            body = json.loads(request.content)
            validator(schema).validate(body)
            assert set(body) <= properties_of(schema), template
    assert len(asked) == 16


def test_the_description_would_notice() -> None:
    with pytest.raises(jsonschema_rs.ValidationError):
        validator("TransactionInitialize").validate({"email": "a@b.example", "amount": 100.5})


def test_verified() -> None:
    body = sample("paystack/api/transactions__verify.json")["200"]["data"]
    truth = provider_told(make_paystack, (200, body)).fetch_charge(reference="re4lyvq3s3")
    assert isinstance(truth, ChargeTruth)
    assert (truth.outcome, truth.mode, truth.channel) == (Outcome.SUCCEEDED, Mode.TEST, Channel.CARD)
    assert (truth.amount, truth.charged, truth.fee) == (ngn(30_050), ngn(40_333), ngn(10_283))
    assert truth.paid_at == datetime(2024, 8, 22, 9, 15, 2, tzinfo=UTC)
    assert truth.saved_method is not None
    assert (truth.saved_method.brand, truth.saved_method.reusable) == ("visa", True)


def test_failed() -> None:
    truth = charge_truth(sample("paystack/observed/transaction.failed.airbyte-2023.json"))
    assert truth.outcome is Outcome.FAILED
    assert truth.decline is not None
    assert truth.decline.type is PaymentErrorType.NETWORK_ERROR
    assert (truth.amount, truth.saved_method) == (Money(29_700, "ZAR"), None)


def test_charged_with_a_saved_method() -> None:
    body = sample("paystack/api/transactions__charge_authorization.json")["200"]["data"]
    provider = provider_told(make_paystack, (200, body))
    request = saved_charge(ngn(25_000))
    object.__setattr__(request, "reference", body["data"]["reference"])
    truth = provider.charge_saved_method(request)
    assert isinstance(truth, ChargeTruth)
    assert (truth.amount, truth.charged, truth.outcome) == (ngn(25_000), ngn(35_247), Outcome.SUCCEEDED)


@pytest.mark.parametrize(
    "variant", ["200_otp", "200_pending", "200_pin", "200_failed", "200_bank_auth", "200_birthday"]
)
def test_states_of_a_charge(variant: str) -> None:
    data = sample("paystack/api/charges__check.json")[variant]["data"]["data"]
    truth = charge_truth(data, asked=ngn(1_000), mode=Mode.TEST)
    assert truth.outcome is (Outcome.FAILED if variant == "200_failed" else Outcome.PENDING)
    assert truth.decline is None or truth.decline.type is PaymentErrorType.INSUFFICIENT_FUNDS


def test_started_listed_and_settled() -> None:
    listed = sample("paystack/api/transactions__list.json")["200"]["data"]
    (page,) = provider_told(make_paystack, (200, listed)).list_charges(since=SINCE, until=UNTIL)
    assert [(truth.amount, truth.outcome) for truth in page.rows] == [(ngn(30_050), Outcome.SUCCEEDED)]
    assert page.unreadable == ()
    body = sample("paystack/api/settlements__list.json")["200"]["data"]
    (settled, *_) = provider_told(make_paystack, (200, body)).list_settlements(since=SINCE, until=UNTIL)
    assert settled.unreadable == ()
    assert len(settled.rows) == len(body["data"])
    assert {found.other.minor for found in settled.rows} == {0}
    of_one = sample("paystack/api/settlements__transactions.json")["200"]["data"]["data"]
    assert [charge_truth(row).amount for row in of_one][:1] == [ngn(10_000)]


def test_balances() -> None:
    body = sample("paystack/api/transfers-control__balance.json")["200"]["data"]
    assert provider_told(make_paystack, (200, body)).balances() == (
        Balance(available=ngn(body["data"][0]["balance"]), collected=None),
    )
    told = [{"currency": "NGN", "balance": -5}, {"currency": "XYZ", "balance": "?"}]
    owed = provider_told(make_paystack, (200, {**body, "data": told}))
    assert owed.balances() == (Balance(available=ngn(-5), collected=None),)
    for nonsense in ([{"currency": "NGN", "balance": "7 naira"}], [{"currency": "NGN"}], {}, None, [7]):
        with pytest.raises(OutcomeUnknown):
            provider_told(make_paystack, (200, {**body, "data": nonsense})).balances()


def test_refunds() -> None:
    made = sample("paystack/api/refunds__create.json")["200"]["data"]
    request = RefundRequest(
        reference="01kav0h2r4n8z3m5w7y9b1d2f6", charge_id=str(made["data"]["transaction"]["id"]), amount=ngn(10_000)
    )
    assert provider_told(make_paystack, (200, made)).refund_charge(request).outcome is Outcome.PENDING
    found = provider_told(make_paystack, (200, sample("paystack/api/refunds__fetch.json")["200"]["data"]))
    truth = found.fetch_refund(provider_id="1")
    assert isinstance(truth, RefundTruth)
    assert (truth.outcome, truth.amount, truth.charge_id) == (Outcome.SUCCEEDED, ngn(500_000), "1641")
    listed = provider_told(make_paystack, (200, sample("paystack/api/refunds__list.json")["200"]["data"]))
    assert len(listed.refunds_of(charge_id="1641")) == 1


@pytest.mark.parametrize("name", ["transfers__verify", "transfers__fetch", "transfers__initiate"])
def test_payouts(name: str) -> None:
    body = sample(f"paystack/api/{name}.json")["200"]["data"]
    truth = provider_told(make_paystack, (200, body)).fetch_payout(reference=body["data"]["reference"])
    assert isinstance(truth, PayoutTruth)
    assert (truth.outcome, truth.amount.minor) == (Outcome.SUCCEEDED, body["data"]["amount"])


def test_accounts() -> None:
    banks = sample("paystack/api/miscellaneous__bank.json")["200"]["data"]
    last = {**banks, "data": [], "meta": {"next": None}}
    assert len(provider_told(make_paystack, (200, banks), (200, last)).list_banks(currency="NGN")) == 5
    named = sample("paystack/api/verification__resolve-account.json")["200"]["data"]
    provider = provider_told(make_paystack, (200, named))
    assert provider.resolve_account(bank_code="063", account_number="0022728151", currency="NGN") == "WES GIBBONS"


ERRORS = range(len(sample("paystack/errors/error-catalogue.json"))) if samples("paystack/errors/*") else ()


@pytest.mark.parametrize("number", ERRORS)
def test_every_error_is_a_refusal_or_not_known(number: int) -> None:
    error = sample("paystack/errors/error-catalogue.json")[number]
    provider = provider_told(make_paystack, (error["http"], error["body"]))
    with pytest.raises((ProviderRefused, AlreadyKnown, OutboundError)) as raised:
        provider.charge_saved_method(saved_charge())
    not_ours = error["http"] >= 500 or error["body"].get("type") == "api_error"
    assert (raised.type is OutcomeUnknown) == (not_ours and raised.type is not AlreadyKnown)
    if error["http"] in (401, 403):
        assert raised.value.type is PaymentErrorType.AUTHENTICATION_ERROR
    if error["http"] < 500 and "not found" in error["body"]["message"].lower():
        assert provider.fetch_charge(reference=reference()) == NotFoundYet()


KINDS = {
    "charge.success": NoticeKind.CHARGE,
    "charge.dispute": NoticeKind.DISPUTE,
    "refund": NoticeKind.REFUND,
    "transfer": NoticeKind.PAYOUT,
    "dedicatedaccount.assign": NoticeKind.VIRTUAL_ACCOUNT,
}


@pytest.mark.parametrize("path", samples("paystack/webhooks/*.json"))
def test_every_delivery_is_read(path: str) -> None:
    event = sample(path)
    raw = json.dumps(event, default=str).encode()
    signature = hmac.new(SETTINGS.PAYSTACK_SECRET_KEY.encode(), raw, hashlib.sha512).hexdigest()
    provider = provider_told(make_paystack, (500, {}))
    notice = provider.read_notice(raw_body=raw, headers={"x-paystack-signature": signature})
    kind = next(
        (kind for name, kind in KINDS.items() if event["event"].startswith(f"{name}.") or event["event"] == name),
        NoticeKind.OTHER,
    )
    assert notice.kind is kind
    assert notice.key
    if kind is NoticeKind.CHARGE and "currency" in event["data"]:  # one sample is cut short
        truth = charge_truth(event["data"])
        assert (truth.outcome, truth.reference) == (Outcome.SUCCEEDED, notice.reference)
        assert notice.provider_id == truth.provider_id
    if kind in (NoticeKind.PAYOUT, NoticeKind.REFUND, NoticeKind.DISPUTE):
        assert notice.reference


def test_a_payment_into_a_virtual_account_is_known_by_the_account() -> None:
    event = sample("paystack/webhooks/charge.success.dedicated_nuban.third-party-test.json")
    truth = charge_truth(event["data"])
    assert (truth.channel, truth.receiving_account) == (Channel.VIRTUAL_ACCOUNT, "1234567890")


@pytest.mark.parametrize(
    ("message", "sure"),
    [
        ("Unknown bank code: 999", True),
        ("Account number is invalid", True),
        ("Account closed", True),
        ("Could not resolve account name. Check parameters or try again.", False),
        ("Bank is currently unavailable", False),
        ("Invalid key", False),
    ],
)
def test_that_there_is_no_such_account_is_believed_only_where_it_is_sure(message: str, sure: bool) -> None:
    provider = provider_told(make_paystack, (422, {"status": False, "message": message, "type": "validation_error"}))
    with pytest.raises(ProviderRefused) as raised:
        provider.resolve_account(bank_code="044", account_number="0690000031", currency="NGN")
    assert isinstance(raised.value, NoSuchAccount) is sure
