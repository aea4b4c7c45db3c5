"""Flutterwave's own samples, and a third party's description of its API: what we ask and what it answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
import pytest

from clustr.kit.money import Money
from clustr.kit.outbound import OutboundError, OutcomeUnknown
from clustr.payments.providers.flutterwave import make_flutterwave
from clustr.payments.providers.flutterwave_wire import charge_truth, payout_truth
from clustr.payments.providers.nouns import Balance, ChargeTruth, Mode, NotFoundYet, NoticeKind, Outcome
from clustr.payments.providers.port import NoSuchAccount, ProviderRefused
from clustr.payments.providers.returns import RefundRequest
from tests.payments.providers.flutterwave_wire import FlutterwaveWire
from tests.payments.providers.port_suite import MONEY_CALLS, OTHER_CALLS, account_request, saved_charge
from tests.payments.providers.shared import description, needs_shared, provider_told, sample, samples
from tests.payments.providers.wires import SETTINGS, FakeCharge, ngn, reference

SINCE, UNTIL = datetime(2000, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
BODIES: dict[str, tuple[set[str], set[str]]] = {
    "/v3/payments": (
        {"tx_ref", "amount", "currency", "redirect_url", "customer"},
        {"customizations", "meta", "payment_options", "configurations"},
    ),
    "/v3/tokenized-charges": (
        {"token", "email", "currency", "amount", "tx_ref"},
        {"country", "first_name", "last_name", "ip", "narration"},
    ),
    "/v3/transfers": (
        {"account_bank", "account_number", "amount", "narration", "currency", "reference"},
        {"callback_url", "debit_currency", "beneficiary_name", "meta"},
    ),
    "/v3/virtual-account-numbers": (
        {"email", "is_permanent", "bvn"},
        {"tx_ref", "phonenumber", "firstname", "lastname", "narration", "amount", "currency"},
    ),
    "/v3/accounts/resolve": ({"account_number", "account_bank"}, set()),
    "/v3/transactions/77/refund": ({"amount"}, {"comments"}),
}
"""What it documents of each body: what must be there, and what may."""
QUERIES = {
    "/v3/transactions/verify_by_reference": {"tx_ref"},
    "/v3/transactions": {"from", "to", "page", "status", "tx_ref", "currency"},
    "/v3/transfers": {"page", "status", "reference"},
    "/v3/settlements": {"page", "from", "to"},
    "/v3/refunds": {"from", "to", "status", "currency", "id", "page"},
}
DESCRIBED = {
    "/payments": "checkout",
    "/transfers": "transfer",
    "/virtual-account-numbers": "virtual-account",
    "/accounts/resolve": "verification",
}


def every_request() -> list[httpx.Request]:
    wire = FlutterwaveWire()
    wire.add(FakeCharge(reference(), ngn(100), "paid", id=77))
    wire.add(FakeCharge("a-failed-one-000001", ngn(100), "declined", said="Declined"))
    wire.provider().fetch_charge(reference="a-failed-one-000001")
    for call in (MONEY_CALLS | OTHER_CALLS).values():
        call(wire.provider())
    return wire.seen


@cache
def validator(path: str) -> Any:
    operation = description(f"flutterwave-unofficial/{DESCRIBED[path]}.yaml")["paths"][path]["post"]
    return jsonschema_rs.Draft202012Validator(operation["requestBody"]["content"]["application/json"]["schema"])


def test_every_request_has_what_is_documented() -> None:
    asked = set()
    for request in every_request():
        asked.add(request.url.path)
        if request.method == "POST":
            must, may = BODIES[request.url.path]
            body = json.loads(request.content)
            assert must <= set(body) <= must | may, request.url.path
        else:
            assert set(request.url.params) <= QUERIES.get(request.url.path, set()), request.url.path
    assert set(BODIES) <= asked


@needs_shared
def test_every_request_fits_the_third_partys_description() -> None:
    fitted = set()
    for request in every_request():
        path = request.url.path.removeprefix("/v3")
        if request.method == "POST" and path in DESCRIBED:
            body = json.loads(request.content, parse_float=Decimal)
            if path == "/transfers":  # described as whole naira; its own documentation takes decimals
                body["amount"] = int(body["amount"])
            validator(path).validate(json.loads(json.dumps(body)))
            fitted.add(path)
    assert fitted == set(DESCRIBED)


@needs_shared
@pytest.mark.parametrize(
    ("name", "amount", "fee"),
    [
        ("transactions__verify-transaction", ngn(10_000), ngn(140)),
        ("transactions__verify-transaction-with-reference", ngn(250_000), ngn(3_500)),
        ("tokenization__charge-with-token", ngn(30_000), ngn(420)),
    ],
)
def test_verified(name: str, amount: Money, fee: Money) -> None:
    body = sample(f"flutterwave/api/{name}__response.json")
    truth = provider_told(make_flutterwave, (200, body)).fetch_charge(reference=body["data"]["tx_ref"])
    assert isinstance(truth, ChargeTruth)
    assert (truth.outcome, truth.amount, truth.fee) == (Outcome.SUCCEEDED, amount, fee)
    assert truth.saved_method is not None
    assert truth.saved_method.token.startswith("flw-t1nf-")
    assert truth.saved_method.expires_year in (2022, 2023, 2032)
    assert "@" not in str(truth.record)


@needs_shared
@pytest.mark.parametrize("path", samples("flutterwave/api/collections__*__response.json"))
def test_a_charge_under_way_is_pending(path: str) -> None:
    data = sample(path).get("data")
    if isinstance(data, dict) and "tx_ref" in data:
        assert charge_truth(data, mode=Mode.TEST).outcome is Outcome.PENDING


@needs_shared
def test_lists() -> None:
    charges = sample("flutterwave/api/transactions__get-all-transactions__response.json")
    (page, *_) = provider_told(
        make_flutterwave, (200, {**charges, "meta": {"page_info": {"total_pages": 1}}})
    ).list_charges(since=SINCE, until=UNTIL)
    assert (len(page.rows), page.unreadable) == (10, ())
    assert all(truth.email for truth in page.rows)
    (settled,) = provider_told(
        make_flutterwave, (200, sample("flutterwave/api/settlements__get-all-settlements__response.json"))
    ).list_settlements(since=SINCE, until=UNTIL)
    assert (len(settled.rows), settled.unreadable) == (6, ())
    assert sorted(found.other.minor for found in settled.rows) == [0, 0, 0, 0, 0, 2_011_400], "one had refunds"
    assert [found.to_bank for found in settled.rows].count(True) < len(settled.rows), "some went into the wallet"


@needs_shared
def test_balances() -> None:
    body = sample("flutterwave/api/misc__get-all-wallet-balances__response.json")
    found = provider_told(make_flutterwave, (200, body)).balances()
    assert found[0] == Balance(available=ngn(236_784_000), collected=ngn(25_312_582))
    assert len(found) == 12, "those that ClustR knows, of fifteen"
    for row in ({"available_balance": "7 naira"}, {"available_balance": 1, "ledger_balance": {}}, {}):
        with pytest.raises(OutcomeUnknown):
            provider_told(make_flutterwave, (200, {**body, "data": [{"currency": "NGN", **row}]})).balances()


@needs_shared
def test_payouts() -> None:
    made = payout_truth(sample("flutterwave/api/transfers__create-a-transfer__response.json")["data"], mode=Mode.TEST)
    assert (made.outcome, made.amount, made.fee) == (Outcome.PENDING, ngn(550_000), ngn(2_688))
    for row in sample("flutterwave/api/transfers__get-all-transfers__response.json")["data"]:
        truth = payout_truth(row, mode=Mode.TEST)
        assert truth.outcome is {"FAILED": Outcome.FAILED, "SUCCESSFUL": Outcome.SUCCEEDED}[row["status"]]
        assert (truth.decline is None) == (truth.outcome is Outcome.SUCCEEDED)


@needs_shared
def test_refund_account_and_banks() -> None:
    refunded = sample("flutterwave/api/transactions__create-a-transaction-refund__response.json")
    request = RefundRequest(reference="01kav0h2r4n8z3m5w7y9b1d2f6", charge_id="5708", amount=ngn(500_000))
    assert provider_told(make_flutterwave, (200, refunded)).refund_charge(request).outcome is Outcome.SUCCEEDED
    with pytest.raises(OutcomeUnknown):
        other = RefundRequest(reference="01kav0h2r4n8z3m5w7y9b1d2f6", charge_id="5708", amount=ngn(500_001))
        provider_told(make_flutterwave, (200, refunded)).refund_charge(other)
    made = sample("flutterwave/api/virtualaccount__create-a-virtual-account-number__response.json")
    account = provider_told(make_flutterwave, (200, made)).open_virtual_account(account_request())
    assert (account.account_number, account.bank_name) == ("7824822527", "WEMA BANK")
    assert account.account_name == "CollinX Akpevwe Omokri"
    named = provider_told(
        make_flutterwave, (200, sample("flutterwave/api/misc__resolve-account-details__response.json"))
    )
    assert named.resolve_account(bank_code="044", account_number="0690000032", currency="NGN") == "Pastor Bright"
    banks = sample("flutterwave/api/banks__get-all-banks__response.json")
    assert len(provider_told(make_flutterwave, (200, banks)).list_banks(currency="NGN")) > 50


@needs_shared
@pytest.mark.parametrize("path", samples("flutterwave/errors/*.json"))
def test_every_error_is_a_refusal_or_not_known(path: str) -> None:
    error = sample(path)
    body = {name: held for name, held in error.items() if not name.startswith("_")}
    provider = provider_told(make_flutterwave, (error["_http"], body))
    with pytest.raises((ProviderRefused, OutboundError)) as raised:
        provider.charge_saved_method(saved_charge())
    assert (raised.type is OutcomeUnknown) == (error["_http"] >= 500)
    if "unknown-id" in path:
        for status in (200, 400, 404):  # which one is not confirmed
            assert provider_told(make_flutterwave, (status, body)).fetch_charge(reference=reference()) == NotFoundYet()


@needs_shared
@pytest.mark.parametrize("path", samples("flutterwave/webhooks*/*.json"))
def test_every_delivery_is_read(path: str) -> None:
    event = sample(path)
    raw = json.dumps(event, default=str).encode()
    notice = provider_told(make_flutterwave, (500, {})).read_notice(
        raw_body=raw, headers={"verif-hash": SETTINGS.FLUTTERWAVE_WEBHOOK_SECRET}
    )
    if "transfer.completed" in path or "/transfer.docs" in path:
        assert notice.kind is NoticeKind.PAYOUT
    elif "refund" in path:
        assert (notice.kind, notice.key) == (NoticeKind.REFUND, "refund:99025:completed")
    elif "charge.completed" in path or "legacy-flat" in path:
        assert notice.kind is NoticeKind.CHARGE
        assert notice.key == f"charge.completed:{notice.provider_id}:successful"
        assert notice.reference
    elif "singlebillpayment" in path:
        assert (notice.kind, bool(notice.reference)) == (NoticeKind.PURCHASE, True)
    else:
        assert notice.kind is NoticeKind.OTHER


@pytest.mark.parametrize(
    ("message", "sure"),
    [
        ("Sorry, that account number is invalid, please check and try again", True),
        ("account not found", True),
        ("Sorry, recipient account could not be validated. Please try again", False),
        ("Unable to complete account resolve", False),
    ],
)
def test_that_there_is_no_such_account_is_believed_only_where_it_is_sure(message: str, sure: bool) -> None:
    provider = provider_told(make_flutterwave, (422, {"status": "error", "message": message, "data": None}))
    with pytest.raises(ProviderRefused) as raised:
        provider.resolve_account(bank_code="044", account_number="0690000031", currency="NGN")
    assert isinstance(raised.value, NoSuchAccount) is sure
