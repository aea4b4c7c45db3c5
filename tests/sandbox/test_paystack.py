"""Paystack: what happens to money, and each refusal as it was documented or seen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox import Answer
from tests.sandbox.rig import SHARED, Rig, sample


def test_it_works(rig: Rig) -> None:
    made = rig.paystack_checkout("ref-1", 500_000)
    assert made["authorization_url"].endswith(f"/checkout/paystack/{made['access_code']}")
    assert rig.verified("paystack")["status"] == "abandoned"
    rig.end("paystack")
    seen = rig.verified("paystack")
    assert (seen["status"], seen["amount"], seen["requested_amount"], seen["currency"]) == (
        "success",
        500_000,
        500_000,
        "NGN",
    )
    assert (seen["domain"], seen["fees"], seen["gateway_response_code"]) == ("test", 7_500 + 10_000, "approved")
    assert seen["paid_at"] == "2026-11-02T09:00:00.000Z"
    assert seen["authorization"]["reusable"] is True


@pytest.mark.parametrize("amount", [100_00, "10000", 10000.0])
def test_an_amount_may_be_written_so(rig: Rig, amount: object) -> None:
    rig.ask("paystack", "POST", "/transaction/initialize", {"email": "a@b.co", "amount": amount})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amount": 100.5}, '"amount" must be an integer'),
        ({"amount": "much"}, '"amount" must be an integer'),
        ({"amount": True}, '"amount" must be an integer'),
        ({"amount": 0}, "Invalid Amount Sent"),
        ({"amount": -100}, "Invalid Amount Sent"),
        ({"amount": None}, "Amount is required"),
        ({"email": ""}, "Email Address is required"),
        ({"email": "bola"}, "Invalid Email Address Passed"),
        ({"currency": "XXX"}, "Currency not supported by merchant"),
        (
            {"reference": "with space"},
            "Invalid characters in reference. Only -,., = and alphanumeric characters are allowed",
        ),
        ({"reference": "known"}, "Duplicate Transaction Reference"),
        ({"channels": ["pigeon"]}, "Invalid channels passed"),
    ],
)
def test_a_checkout_is_refused(rig: Rig, change: dict[str, object], message: str) -> None:
    rig.paystack_checkout("known")
    body = {"email": "a@b.co", "amount": 10000, "reference": "fresh"} | change
    said = rig.ask("paystack", "POST", "/transaction/initialize", body, status=400)
    assert (said["status"], said["message"]) == (False, message)
    rig.paystack_checkout("fresh")  # a refused request does not use up the reference


def test_refusals_are_worded_as_catalogued(rig: Rig) -> None:
    """The bodies of the catalogue that this sandbox can provoke, whole."""
    if not (SHARED / "payloads").exists():
        pytest.skip("the catalogue of errors is not on this machine")
    known = {entry["body"]["message"]: entry for entry in sample("paystack/errors/error-catalogue.json")}
    rig.paid("paystack")
    code = rig.verified("paystack")["authorization"]["authorization_code"]
    charge = {"email": "bola@palmgrove.test", "amount": 10000, "authorization_code": code}
    refund = rig.ask("paystack", "POST", "/refund", {"transaction": "ref-1", "amount": 100_000})["data"]["id"]
    account = {"refund_account_details": {"currency": "NGN", "account_number": "1", "bank_id": "9"}}
    transfer = {"source": "balance", "amount": 10000, "recipient": "RCP_none", "reference": "payout-0000000001"}
    provoked = [
        rig.raw("paystack", "GET", "/balance", key="sk_test_wrong"),
        rig.raw("paystack", "POST", "/transaction/initialize", {"amount": 10000}),
        rig.raw("paystack", "POST", "/transaction/initialize", {"email": "x", "amount": 10000}),
        rig.raw(
            "paystack", "POST", "/transaction/initialize", {"email": "a@b.co", "amount": 10000, "reference": "ref-1"}
        ),
        rig.raw("paystack", "GET", "/transaction/verify/none"),
        rig.raw("paystack", "GET", "/transaction/1"),
        rig.raw("paystack", "POST", "/transaction/charge_authorization", charge | {"authorization_code": "AUTH_none"}),
        rig.raw("paystack", "POST", "/transaction/charge_authorization", charge | {"email": "other@b.co"}),
        rig.raw("paystack", "POST", "/refund", {"transaction": "ref-1", "amount": 400_001}),
        rig.raw("paystack", "POST", "/refund", {"transaction": "ref-1", "amount": 1000, "currency": "GHS"}),
        rig.raw("paystack", "POST", f"/refund/retry_with_customer_details/{refund}", account),
        rig.raw("paystack", "POST", "/transfer", transfer),
        rig.raw("paystack", "GET", "/transfer/verify/none"),
        rig.raw("paystack", "POST", "/transfer/finalize_transfer", {"transfer_code": "TRF_none", "otp": "1"}),
        rig.raw("paystack", "POST", "/customer/authorization/deactivate", {"authorization_code": "AUTH_none"}),
    ]
    messages = set()
    for answer in provoked:
        assert isinstance(answer, Answer)
        said = json.loads(answer.body)
        messages.add(said["message"])
        entry = known[said["message"]]
        assert answer.status == entry["http"], said
        for name, value in entry["body"].items():
            assert said[name] == value, said
    assert len(messages) == len(provoked)


def test_a_missing_key_is_a_wrong_key(rig: Rig) -> None:
    answer = rig.sandbox.handle("GET", "/paystack/balance", {})
    assert isinstance(answer, Answer)
    assert answer.status == 401


def test_a_decline_is_no_end(rig: Rig) -> None:
    """The customer tries again on the same page and the same reference."""
    rig.paystack_checkout()
    rig.end("paystack", outcome="expired_card")
    seen = rig.verified("paystack")
    assert (seen["status"], seen["gateway_response"], seen["gateway_response_code"]) == (
        "failed",
        "Expired Card",
        "expired_card",
    )
    rig.end("paystack")
    seen = rig.verified("paystack")
    assert (seen["status"], seen["log"]["attempts"], seen["log"]["errors"]) == ("success", 2, 1)


def test_it_is_paid_once(rig: Rig) -> None:
    rig.paid("paystack")
    rig.end("paystack", outcome="declined")
    assert rig.verified("paystack")["status"] == "success"


@pytest.mark.parametrize(("outcome", "amount"), [("partly", 250_000), ("too_much", 750_000)])
def test_another_amount_is_paid(rig: Rig, outcome: str, amount: int) -> None:
    seen = rig.paid("paystack", outcome=outcome)
    assert (seen["amount"], seen["requested_amount"]) == (amount, 500_000)


def test_the_payer_bears_the_fee() -> None:
    seen = Rig(charge__payer_bears_fees=1).paid("paystack")
    assert (seen["amount"], seen["requested_amount"], seen["fees"]) == (517_500, 500_000, 17_500)


def again(rig: Rig, **change: object) -> Any:
    code = rig.verified("paystack")["authorization"]["authorization_code"]
    body = {"email": "bola@palmgrove.test", "amount": 20000, "authorization_code": code, "reference": "again"} | change
    return rig.ask("paystack", "POST", "/transaction/charge_authorization", body)


def test_a_saved_card_pays_again(rig: Rig) -> None:
    rig.paid("paystack")
    data = again(rig)["data"]
    assert (data["status"], data["amount"], data["reference"]) == ("success", 20000, "again")
    assert rig.verified("paystack", "again")["status"] == "success"


def test_a_saved_card_is_declined_with_200(rig: Rig) -> None:
    rig.paid("paystack")
    rig.control("PUT", "/dials", {"charge.decline": 1})
    data = again(rig)["data"]
    assert data["status"] == "failed"
    assert data["gateway_response"] not in ("Approved", "")


def test_a_saved_card_needs_its_holder(rig: Rig) -> None:
    rig.paid("paystack")
    rig.control("PUT", "/dials", {"charge.challenge": 1})
    data = again(rig)["data"]
    assert data["paused"] is True
    assert data.keys() == {"authorization_url", "reference", "access_code", "paused"}
    assert rig.verified("paystack", "again")["status"] == "abandoned"
    rig.end("paystack", "again")
    assert rig.verified("paystack", "again")["status"] == "success"


def test_a_deactivated_card_pays_no_more(rig: Rig) -> None:
    code = rig.paid("paystack")["authorization"]["authorization_code"]
    rig.ask("paystack", "POST", "/customer/authorization/deactivate", {"authorization_code": code})
    body = {"email": "bola@palmgrove.test", "amount": 20000, "authorization_code": code}
    rig.ask("paystack", "POST", "/transaction/charge_authorization", body, status=400)


def test_a_refund_goes_step_by_step(rig: Rig) -> None:
    rig.paid("paystack")
    refund = rig.ask("paystack", "POST", "/refund", {"transaction": "ref-1"})["data"]
    assert (refund["status"], rig.verified("paystack")["status"]) == ("pending", "reversal-pending")
    rig.wait(seconds=6)
    assert rig.ask("paystack", "GET", f"/refund/{refund['id']}")["data"]["status"] == "processing"
    rig.wait(seconds=6)
    assert rig.ask("paystack", "GET", f"/refund/{refund['id']}")["data"]["status"] == "processed"
    assert rig.verified("paystack")["status"] == "reversed"
    listed = rig.ask("paystack", "GET", f"/refund?transaction={rig.verified('paystack')['id']}")["data"]
    assert [row["id"] for row in listed] == [refund["id"]]


@pytest.mark.parametrize(("card", "status"), [("4084080000671803", "failed"), ("4084080000671902", "needs-attention")])
def test_a_card_decides_how_a_refund_ends(rig: Rig, card: str, status: str) -> None:
    rig.paid("paystack", card=card)
    refund = rig.ask("paystack", "POST", "/refund", {"transaction": "ref-1"})["data"]["id"]
    rig.wait(seconds=20)
    assert rig.ask("paystack", "GET", f"/refund/{refund}")["data"]["status"] == status
    assert rig.verified("paystack")["status"] == ("success" if status == "failed" else "reversal-pending")


def test_parts_are_refunded_up_to_the_whole(rig: Rig) -> None:
    rig.paid("paystack")
    rig.ask("paystack", "POST", "/refund", {"transaction": "ref-1", "amount": 200_000})
    rig.ask("paystack", "POST", "/refund", {"transaction": "ref-1"}, status=400)
    rig.ask("paystack", "POST", "/refund", {"transaction": "ref-1", "amount": 300_000})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": "SHOUTING-00000001"}, "Your reference contains illegal special characters"),
        ({"reference": "short"}, "Your reference contains illegal special characters"),
        ({"reference": None}, "Reference is required"),
        ({"source": "pocket"}, "Source must be balance"),
        ({"amount": 10**9}, "Your balance is not enough to fulfil this request"),
        (
            {"reference": "payout-0000000001"},
            "Please provide a unique reference. Reference already exists on a transfer",
        ),
    ],
)
def test_a_transfer_is_refused(rig: Rig, change: dict[str, object], message: str) -> None:
    rig.transfer("paystack")
    rig.control("PUT", "/balance", {"provider": "paystack", "amount": 10**8})
    body = {"source": "balance", "amount": 10000, "recipient": rig.recipient(), "reference": "payout-0000000002"}
    assert rig.ask("paystack", "POST", "/transfer", body | change, status=400)["message"] == message


def test_a_transfer_succeeds_and_leaves_the_balance(rig: Rig) -> None:
    before = rig.ask("paystack", "GET", "/balance")["data"][0]["balance"]
    assert rig.transfer("paystack")["status"] == "pending"
    rig.wait(seconds=6)
    assert rig.ask("paystack", "GET", "/transfer/verify/payout-0000000001")["data"]["status"] == "success"
    assert rig.ask("paystack", "GET", "/balance")["data"][0]["balance"] == before - 100_000 - 1_000


def test_an_account_has_one_recipient(rig: Rig) -> None:
    assert rig.recipient() == rig.recipient()


def test_money_comes_into_a_dedicated_account(rig: Rig) -> None:
    body = {"email": "bola@palmgrove.test", "first_name": "Bola", "last_name": "Ade"}
    customer = rig.ask("paystack", "POST", "/customer", body)["data"]["customer_code"]
    account = rig.ask("paystack", "POST", "/dedicated_account", {"customer": customer})["data"]
    assert rig.ask("paystack", "POST", "/dedicated_account", {"customer": customer})["data"] == account
    pay = {"provider": "paystack", "account_number": account["account_number"], "amount": 150_000}
    reference = rig.control("POST", "/pay-account", pay)["reference"]
    seen = rig.verified("paystack", reference)
    assert (seen["channel"], seen["amount"]) == ("dedicated_nuban", 150_000)
    assert seen["authorization"]["receiver_bank_account_number"] == account["account_number"]


def test_a_day_is_settled_on_the_next(rig: Rig) -> None:
    rig.paid("paystack", "one")
    rig.paid("paystack", "two")
    rig.ask("paystack", "POST", "/refund", {"transaction": "two", "amount": 100_000})
    assert rig.ask("paystack", "GET", "/settlement")["data"] == []
    rig.wait(days=1)
    opened = rig.ask("paystack", "GET", "/balance")["data"][0]["balance"]
    assert rig.ask("paystack", "GET", "/settlement")["data"] == [], "it stays in the balance"
    rig.control("PUT", "/dials", {"settlement.to_bank": 1})
    (row,) = rig.ask("paystack", "GET", "/settlement")["data"]
    left = rig.ask("paystack", "GET", "/balance")["data"][0]["balance"]
    assert opened - left == row["effective_amount"]
    assert (row["total_processed"], row["total_fees"], row["deductions"]) == (1_000_000, 35_000, 100_000)
    assert row["effective_amount"] == row["total_processed"] - row["total_fees"] - row["deductions"]
    rows = rig.ask("paystack", "GET", f"/settlement/{row['id']}/transactions")["data"]
    assert {row["reference"] for row in rows} == {"one", "two"}
    assert rig.ask("paystack", "GET", f"/transaction?settlement={row['id']}")["meta"]["total"] == 2


def test_a_list_is_read_page_by_page_either_way(rig: Rig) -> None:
    for number in range(5):
        rig.paystack_checkout(f"ref-{number}")
    first = rig.ask("paystack", "GET", "/transaction?perPage=2&page=3")
    assert ([row["reference"] for row in first["data"]], first["meta"]["pageCount"]) == (["ref-0"], 3)
    seen, cursor = [], ""
    while cursor is not None:
        page = rig.ask("paystack", "GET", f"/transaction?use_cursor=true&perPage=2&next={cursor}")
        seen += [row["reference"] for row in page["data"]]
        cursor = page["meta"]["next"]
    assert seen == ["ref-4", "ref-3", "ref-2", "ref-1", "ref-0"]


def test_a_list_is_narrowed(rig: Rig) -> None:
    rig.paid("paystack", "old")
    rig.wait(days=2)
    rig.paystack_checkout("new")
    for query, found in (
        ("status=success", ["old"]),
        ("from=2026-11-03", ["new"]),
        ("to=2026-11-02", ["old"]),
        ("from=2026-11-02T00:00:00.000Z&to=2026-11-05", ["new", "old"]),
    ):
        assert [row["reference"] for row in rig.ask("paystack", "GET", f"/transaction?{query}")["data"]] == found
    rig.ask("paystack", "GET", "/transaction?from=yesterday", status=400)


def test_an_unknown_address_is_said_to_be_one(rig: Rig) -> None:
    rig.ask("paystack", "GET", "/bill", status=404)
