"""Every answer and webhook of Flutterwave has the keys and types of its own sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.rig import Rig, differences, sample


def flw_settled(rig: Rig) -> Any:
    rig.paid("flutterwave")
    rig.wait(days=1)
    return rig.ask("flutterwave", "GET", "/settlements")


def flw_account(rig: Rig) -> Any:
    body = {"email": "bola@palmgrove.test", "is_permanent": True, "bvn": "12345678901", "tx_ref": "va-1"}
    return rig.ask("flutterwave", "POST", "/virtual-account-numbers", body)


def flw_token(rig: Rig) -> Any:
    token = rig.paid("flutterwave")["card"]["token"]
    body = {"token": token, "email": "bola@palmgrove.test", "currency": "NGN", "amount": 300, "tx_ref": "again"}
    return rig.ask("flutterwave", "POST", "/tokenized-charges", body)


FLUTTERWAVE: dict[str, Callable[[Rig], Any]] = {
    "payments-standard": lambda rig: {
        "status": "success",
        "message": "Hosted Link",
        "data": {"link": rig.flutterwave_checkout()},
    },
    "transactions__verify-transaction": lambda rig: rig.ask(
        "flutterwave", "GET", f"/transactions/{rig.paid('flutterwave')['id']}/verify"
    ),
    "transactions__verify-transaction-with-reference": lambda rig: [
        rig.paid("flutterwave"),
        rig.ask("flutterwave", "GET", "/transactions/verify_by_reference?tx_ref=ref-1"),
    ][1],
    "transactions__get-all-transactions": lambda rig: [
        rig.paid("flutterwave"),
        rig.ask("flutterwave", "GET", "/transactions"),
    ][1],
    "tokenization__charge-with-token": flw_token,
    "transactions__create-a-transaction-refund": lambda rig: rig.ask(
        "flutterwave", "POST", f"/transactions/{rig.paid('flutterwave')['id']}/refund", {"amount": 10}
    ),
    "banks__get-all-banks": lambda rig: rig.ask("flutterwave", "GET", "/banks/NG"),
    "misc__resolve-account-details": lambda rig: rig.ask(
        "flutterwave", "POST", "/accounts/resolve", {"account_number": "0690000032", "account_bank": "044"}
    ),
    "transfers__create-a-transfer": lambda rig: {
        "status": "success",
        "message": "",
        "data": rig.transfer("flutterwave"),
    },
    "transfers__get-all-transfers": lambda rig: [
        rig.transfer("flutterwave"),
        rig.ask("flutterwave", "GET", "/transfers"),
    ][1],
    "transfers__get-transfer-fee": lambda rig: rig.ask(
        "flutterwave", "GET", "/transfers/fee?amount=12500&currency=NGN"
    ),
    "transactions__get-transaction-fee": lambda rig: rig.ask(
        "flutterwave", "GET", "/transactions/fee?amount=1000&currency=NGN"
    ),
    "transactions__resend-transaction-webhook": lambda rig: rig.ask(
        "flutterwave", "POST", f"/transactions/{rig.paid('flutterwave')['id']}/resend-hook"
    ),
    "settlements__get-all-settlements": flw_settled,
    "settlements__get-a-settlement": lambda rig: rig.ask(
        "flutterwave", "GET", f"/settlements/{flw_settled(rig)['data'][0]['id']}"
    ),
    "virtualaccount__create-a-virtual-account-number": flw_account,
    "virtualaccount__get-a-virtual-account-number": lambda rig: rig.ask(
        "flutterwave", "GET", f"/virtual-account-numbers/{flw_account(rig)['data']['order_ref']}"
    ),
    "misc__get-all-wallet-balances": lambda rig: rig.ask("flutterwave", "GET", "/balances"),
    "misc__get-balances-per-currency": lambda rig: rig.ask("flutterwave", "GET", "/balances/NGN"),
}
# The samples of one object differ in these: another way to pay, a flag written as a number, a list written as text.
FLW_QUIRKS = {
    ".data[].account is missing",
    ".data[].card is ours alone",
    ".data.is_local is bool, theirs is int",
    ".data.meta is list, theirs is str",
}


@pytest.mark.parametrize("name", FLUTTERWAVE)
def test_flutterwave_answers_as_its_samples(rig: Rig, name: str) -> None:
    theirs = sample(f"flutterwave/api/{name}__response.json")
    assert set(differences(theirs, FLUTTERWAVE[name](rig))) <= FLW_QUIRKS


FLUTTERWAVE_EVENTS = {
    "webhooks/charge.completed.card.successful.with-event.type": ("charge", 0.0),
    "webhooks/charge.completed.bank_transfer.successful": ("transfer-in", 0.0),
    "webhooks/transfer.completed.successful": ("transfer", 0.0),
    "webhooks/refund.flat": ("refund", 0.0),
    "webhooks-legacy-flat/bank_transfer_transaction.successful.real-2024": ("transfer-in", 1.0),
    "webhooks-legacy-flat/card_transaction.successful.docs": ("charge", 1.0),
    "webhooks-legacy-flat/transfer.docs": ("transfer", 1.0),
}
# Of the bank's own making, or only in the newer of two samples of the flat shape.
FLW_EVENT_QUIRKS = {
    *(
        f".meta_data.{name} is missing"
        for name in ("originatorname", "bankname", "originatoramount", "originatoraccountnumber")
    ),
    *(f".{name} is ours alone" for name in ("appfee", "charge_type", "merchantbearsfee", "merchantfee", "paymentPage")),
    ".entity.createdAt is missing",
}


@pytest.mark.parametrize("name", FLUTTERWAVE_EVENTS)
def test_flutterwave_tells_as_its_samples(name: str) -> None:
    kind, flat = FLUTTERWAVE_EVENTS[name]
    rig = Rig(webhook__flat=flat, webhook__flutterwave_refunds=1)
    theirs = sample(f"flutterwave/{name}.json")
    if kind == "transfer":
        rig.transfer("flutterwave")
        rig.wait(seconds=60)
    else:
        paid = rig.paid("flutterwave", channel="bank_transfer" if kind == "transfer-in" else "card")
        if kind == "refund":
            rig.told()
            rig.ask("flutterwave", "POST", f"/transactions/{paid['id']}/refund", {})
    (told,) = rig.told()
    assert set(differences(theirs, told)) <= FLW_EVENT_QUIRKS
