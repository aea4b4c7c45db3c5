"""Flutterwave v3: what happens to money, and each refusal."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Answer
from tests.sandbox.rig import Rig, sample


def test_it_works(rig: Rig) -> None:
    assert "/checkout/flutterwave/flwlnk-" in rig.flutterwave_checkout(amount="5000.50")
    rig.ask("flutterwave", "GET", "/transactions/verify_by_reference?tx_ref=ref-1", status=400)
    rig.end("flutterwave")
    seen = rig.verified("flutterwave")
    assert (seen["status"], seen["amount"], seen["charged_amount"], seen["currency"]) == (
        "successful",
        5000.5,
        5000.5,
        "NGN",
    )
    assert (seen["app_fee"], seen["amount_settled"]) == (70.01, 4930.49)
    assert rig.ask("flutterwave", "GET", f"/transactions/{seen['id']}/verify")["data"] == seen


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tx_ref": ""}, "tx_ref is required"),
        ({"amount": None}, "amount is required"),
        ({"amount": "much"}, "amount must be a number"),
        ({"amount": 10.001}, "amount must be a number"),
        ({"amount": 0}, "amount should be greater than 0"),
        ({"currency": "XXX"}, "currency XXX is not supported"),
        ({"redirect_url": ""}, "redirect_url is required"),
        ({"customer": None}, "customer is required"),
        ({"customer": {"email": "bola"}}, "email must be a valid email"),
        ({"tx_ref": "known"}, "Duplicate transaction reference. Please use a unique reference"),
        ({"session_duration": 1441}, "session_duration must be at most 1440"),
    ],
)
def test_a_checkout_is_refused(rig: Rig, change: dict[str, object], message: str) -> None:
    rig.flutterwave_checkout("known")
    body = {"tx_ref": "fresh", "amount": 10, "redirect_url": "http://x.y/", "customer": {"email": "a@b.co"}} | change
    said = rig.ask("flutterwave", "POST", "/payments", body, status=400)
    assert said == {"status": "error", "message": message, "data": None}


def test_refusals_are_worded_as_catalogued(rig: Rig) -> None:
    wrong_key = rig.raw("flutterwave", "GET", "/balances", key="")
    assert isinstance(wrong_key, Answer)
    assert wrong_key.status == 401
    unknown = rig.ask("flutterwave", "GET", "/transactions/1/verify", status=400)
    body = {"account_bank": "044", "account_number": "0690000036", "amount": 10, "currency": "NGN"}
    blacklisted = rig.ask("flutterwave", "POST", "/transfers", body, status=400)
    link = rig.flutterwave_checkout()
    rig.ask("flutterwave", "POST", "/payments/link/disable", {"link": link})
    inactive = rig.ask("flutterwave", "POST", "/payments/link/disable", {"link": link}, status=400)
    for name, said in (
        ("verify-unknown-id", unknown),
        ("transfer-blacklisted-account", blacklisted),
        ("payment-link-inactive", inactive),
    ):
        theirs = sample(f"flutterwave/errors/{name}.json")
        assert said == {key: value for key, value in theirs.items() if not key.startswith("_")}


def test_each_attempt_is_a_transaction_and_is_told(rig: Rig) -> None:
    rig.flutterwave_checkout()
    rig.end("flutterwave", outcome="insufficient_funds")
    failed = rig.verified("flutterwave")
    assert (failed["status"], failed["processor_response"]) == ("failed", "Insufficient Funds")
    rig.end("flutterwave")
    paid = rig.verified("flutterwave")
    assert (paid["status"], paid["tx_ref"]) == ("successful", failed["tx_ref"])
    assert paid["id"] != failed["id"]
    assert [event["data"]["status"] for event in rig.told()] == ["failed", "successful"]


@pytest.mark.parametrize(("outcome", "amount"), [("partly", 2500), ("too_much", 7500)])
def test_another_amount_is_paid(rig: Rig, outcome: str, amount: int) -> None:
    assert rig.paid("flutterwave", outcome=outcome)["amount"] == amount


def test_the_payer_bears_the_fee() -> None:
    seen = Rig(charge__payer_bears_fees=1).paid("flutterwave")
    assert (seen["amount"], seen["charged_amount"], seen["amount_settled"]) == (5000, 5070, 5000)


def again(rig: Rig, *, status: int = 200, **change: object) -> Any:
    token = rig.verified("flutterwave")["card"]["token"]
    body = {
        "token": token,
        "email": "bola@palmgrove.test",
        "currency": "NGN",
        "amount": 20.5,
        "tx_ref": "again",
    } | change
    return rig.ask("flutterwave", "POST", "/tokenized-charges", body, status=status)


def test_a_token_pays_again(rig: Rig) -> None:
    rig.paid("flutterwave")
    data = again(rig)["data"]
    assert (data["status"], data["amount"], data["tx_ref"], data["auth_model"]) == (
        "successful",
        20.5,
        "again",
        "noauth",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"token": "flw-t1nf-none"}, "Wrong token or email passed"),
        ({"email": "other@b.co"}, "Wrong token or email passed"),
        ({"currency": None}, "currency is required"),
        ({"tx_ref": "ref-1"}, "Duplicate transaction reference. Please use a unique reference"),
    ],
)
def test_a_token_is_refused(rig: Rig, change: dict[str, object], message: str) -> None:
    rig.paid("flutterwave")
    assert again(rig, status=400, **change)["message"] == message


def test_a_token_is_declined(rig: Rig) -> None:
    rig.paid("flutterwave")
    rig.control("PUT", "/dials", {"charge.decline": 1})
    said = again(rig)
    assert (said["status"], said["data"]["status"]) == ("success", "failed")


def test_a_token_needs_its_holder(rig: Rig) -> None:
    rig.paid("flutterwave")
    rig.control("PUT", "/dials", {"charge.challenge": 1})
    said = again(rig)
    assert (said["data"]["status"], said["meta"]["authorization"]["mode"]) == ("pending", "redirect")
    rig.end("flutterwave", "again")
    assert rig.verified("flutterwave", "again")["status"] == "successful"


def test_a_refund_is_complete_at_once(rig: Rig) -> None:
    paid = rig.paid("flutterwave")
    refund = rig.ask("flutterwave", "POST", f"/transactions/{paid['id']}/refund", {"amount": 2000})["data"]
    assert (refund["status"], refund["amount_refunded"]) == ("completed", 2000)
    assert rig.ask("flutterwave", "GET", f"/refunds/{refund['id']}")["data"]["status"] == "completed"
    rig.ask("flutterwave", "POST", f"/transactions/{paid['id']}/refund", {"amount": 3000.01}, status=400)
    assert rig.verified("flutterwave")["status"] == "successful"


@pytest.mark.parametrize(
    ("suffix", "seconds", "status"),
    [
        ("", 6, "SUCCESSFUL"),
        ("_PMCKDU_1", 61, "SUCCESSFUL"),
        ("_PMCK", 601, "SUCCESSFUL"),
        ("_PMCK_ST_FDU_1", 61, "FAILED"),
    ],
)
def test_a_transfer_ends_as_its_reference_says(rig: Rig, suffix: str, seconds: int, status: str) -> None:
    made = rig.transfer("flutterwave", f"payout{suffix}")
    assert (made["status"], made["fee"]) == ("NEW", 10.75)
    rig.wait(seconds=1)
    assert rig.ask("flutterwave", "GET", f"/transfers/{made['id']}")["data"]["status"] == "PENDING"
    rig.wait(seconds=seconds)
    (row,) = rig.ask("flutterwave", "GET", f"/transfers?reference=payout{suffix}")["data"]
    assert row["status"] == status


def test_a_transfer_is_refused(rig: Rig) -> None:
    rig.transfer("flutterwave", "known")
    body = {"account_bank": "044", "account_number": "0690000040", "amount": 10, "currency": "NGN"}
    rig.ask("flutterwave", "POST", "/transfers", body | {"reference": "known"}, status=400)
    rig.ask("flutterwave", "POST", "/transfers", body | {"account_bank": "xyz"}, status=400)
    rig.ask("flutterwave", "POST", "/transfers", body | {"amount": 10**9}, status=400)


def test_money_comes_into_a_virtual_account_again_and_again(rig: Rig) -> None:
    body = {"email": "bola@palmgrove.test", "is_permanent": True, "bvn": "12345678901", "tx_ref": "va-1"}
    account = rig.ask("flutterwave", "POST", "/virtual-account-numbers", body)["data"]
    pay = {"provider": "flutterwave", "account_number": account["account_number"], "amount": 150_000}
    first, second = rig.control("POST", "/pay-account", pay), rig.control("POST", "/pay-account", pay)
    assert (first["reference"], second["reference"]) == ("va-1", "va-1")
    told = rig.told()
    assert [event["data"]["payment_type"] for event in told] == ["bank_transfer"] * 2
    assert {event["data"]["id"] for event in told} == {first["id"], second["id"]}
    rig.ask("flutterwave", "POST", "/virtual-account-numbers", body | {"bvn": "1"}, status=400)


def test_a_day_is_settled_on_the_next(rig: Rig) -> None:
    def held() -> tuple[int, int]:
        row = rig.ask("flutterwave", "GET", "/balances/NGN")["data"]
        return row["available_balance"], row["ledger_balance"]

    opened, _ = held()
    rig.paid("flutterwave")
    assert held() == (opened + 4930, 0)
    rig.control("PUT", "/dials", {"settlement.next_day": 1})
    assert held() == (opened, 4930)
    rig.wait(days=1)
    assert held() == (opened + 4930, 0)
    (row,) = rig.ask("flutterwave", "GET", "/settlements")["data"]
    assert row["destination"] == "autowallet"
    rig.control("PUT", "/dials", {"settlement.to_bank": 1})
    assert held() == (opened, 0)
    (row,) = rig.ask("flutterwave", "GET", "/settlements")["data"]
    assert row["destination"] == "account"
    assert (row["gross_amount"], row["app_fee"], row["net_amount"]) == (5000, 70, 4930)
    (settled,) = rig.ask("flutterwave", "GET", f"/settlements/{row['id']}")["data"]["transactions"]
    assert (settled["tx_ref"], settled["settlement_amount"]) == ("ref-1", 4930)


def test_banks_and_whose_account_it_is(rig: Rig) -> None:
    codes = {row["code"] for row in rig.ask("flutterwave", "GET", "/banks/NG")["data"]}
    assert {"044", "058", "057"} <= codes
    rig.ask(
        "flutterwave", "POST", "/accounts/resolve", {"account_number": "1230000", "account_bank": "044"}, status=400
    )
