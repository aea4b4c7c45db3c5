"""Every answer and webhook of Paystack has the keys and types of its own sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.paystack import shapes
from tests.sandbox.rig import Rig, differences, sample

# Documented later than the samples were written: the page of gateway responses, and the description.
NEWER = frozenset({"response_code", "gateway_response_code"})
NEWER_REFUND = frozenset(shapes.NEWER_REFUND)
# Which of the samples of one list or one account has a key differs from sample to sample.
OFTEN = NEWER | {"isDeleted", "international_format_phone", "metadata", "log"}


def paid_account(rig: Rig) -> Any:
    customer = rig.ask("paystack", "POST", "/customer", {"email": "dva@palmgrove.test", "first_name": "Bola"})["data"]
    return rig.ask("paystack", "POST", "/dedicated_account", {"customer": customer["customer_code"]})["data"]


def charge_again(rig: Rig) -> Any:
    code = rig.paid("paystack")["authorization"]["authorization_code"]
    body = {"email": "bola@palmgrove.test", "amount": 20000, "authorization_code": code, "reference": "again"}
    return rig.ask("paystack", "POST", "/transaction/charge_authorization", body)


def refunded(rig: Rig) -> Any:
    rig.paid("paystack")
    return rig.ask("paystack", "POST", "/refund", {"transaction": "ref-1"})


def settled(rig: Rig) -> Any:
    rig.control("PUT", "/dials", {"settlement.to_bank": 1})
    rig.paid("paystack")
    rig.wait(days=1)
    return rig.ask("paystack", "GET", "/settlement")


def disputed(rig: Rig) -> Any:
    rig.paid("paystack")
    made = rig.control("POST", "/chargeback", {"provider": "paystack", "reference": "ref-1"})
    return rig.ask("paystack", "GET", f"/dispute/{made['id']}")


def retried(rig: Rig) -> Any:
    rig.control("PUT", "/dials", {"refund.needs_attention": 1})
    number = refunded(rig)["data"]["id"]
    rig.wait(seconds=30)
    rig.ask("paystack", "GET", f"/refund/{number}")
    details = {"refund_account_details": {"currency": "NGN", "account_number": "0123456789", "bank_id": "9"}}
    return rig.ask("paystack", "POST", f"/refund/retry_with_customer_details/{number}", details)


PAYSTACK: dict[str, tuple[Callable[[Rig], Any], frozenset[str]]] = {
    "transactions__initialize": (
        lambda rig: rig.ask("paystack", "POST", "/transaction/initialize", {"email": "a@b.co", "amount": 10000}),
        frozenset(),
    ),
    "transactions__verify": (
        lambda rig: [rig.paid("paystack"), rig.ask("paystack", "GET", "/transaction/verify/ref-1")][1],
        NEWER,
    ),
    "transactions__fetch": (
        lambda rig: rig.ask("paystack", "GET", f"/transaction/{rig.paid('paystack')['id']}"),
        NEWER | {"entry_point"},
    ),
    "transactions__list": (
        lambda rig: [rig.paid("paystack"), rig.ask("paystack", "GET", "/transaction?use_cursor=true")][1],
        OFTEN,
    ),
    "transactions__charge_authorization": (charge_again, NEWER),
    "refunds__create": (refunded, NEWER | {"id", "email"}),
    "refunds__fetch": (lambda rig: rig.ask("paystack", "GET", f"/refund/{refunded(rig)['data']['id']}"), NEWER_REFUND),
    "refunds__list": (
        lambda rig: [refunded(rig), rig.ask("paystack", "GET", "/refund")][1],
        NEWER_REFUND | {"meta", "createdAt", "updatedAt"},
    ),
    "refunds__retry": (retried, frozenset()),
    "miscellaneous__bank": (
        lambda rig: rig.ask("paystack", "GET", "/bank?use_cursor=true&perPage=5"),
        frozenset({"supports_transfer", "available_for_direct_debit"}),
    ),
    "verification__resolve-account": (
        lambda rig: rig.ask("paystack", "GET", "/bank/resolve?account_number=0022728151&bank_code=063"),
        frozenset({"bank_id"}),
    ),
    "transfers__initiate": (
        lambda rig: {"status": True, "message": "", "data": rig.transfer("paystack")},
        frozenset(),
    ),
    "transfers__verify": (
        lambda rig: [rig.transfer("paystack"), rig.ask("paystack", "GET", "/transfer/verify/payout-0000000001")][1],
        frozenset(),
    ),
    "transfers__fetch": (
        lambda rig: rig.ask("paystack", "GET", f"/transfer/{rig.transfer('paystack')['transfer_code']}"),
        frozenset(),
    ),
    "settlements__list": (settled, frozenset()),
    "settlements__transactions": (
        lambda rig: rig.ask("paystack", "GET", f"/settlement/{settled(rig)['data'][0]['id']}/transactions"),
        OFTEN | {"connect"},
    ),
    "dedicated-virtual-account__create": (
        lambda rig: {"status": True, "message": "", "data": paid_account(rig)},
        OFTEN | {"split_config", "expired_at"},
    ),
    "dedicated-virtual-account__fetch": (
        lambda rig: rig.ask("paystack", "GET", f"/dedicated_account/{paid_account(rig)['id']}"),
        OFTEN,
    ),
    "customers__create": (
        lambda rig: rig.ask("paystack", "POST", "/customer", {"email": "new@palmgrove.test"}),
        OFTEN | {"first_name", "last_name", "phone", "risk_action", "transactions", "subscriptions", "authorizations"},
    ),
    "customers__fetch": (
        lambda rig: [rig.paid("paystack"), rig.ask("paystack", "GET", "/customer/bola@palmgrove.test")][1],
        OFTEN | {"dedicated_accounts"},
    ),
    "transfers-control__balance": (lambda rig: rig.ask("paystack", "GET", "/balance"), frozenset()),
    "disputes__fetch": (
        disputed,
        NEWER | {"fees_breakdown", "pos_transaction_data", "transaction_date", "plan_object"},
    ),
}
QUIRKS = {
    # Samples of another age: the fetched one has the assignment's split as text.
    "dedicated-virtual-account__fetch": {".data.split_config is dict, theirs is str"},
    # Paystack's own samples have an object, "", 0 and null here.
    "settlements__transactions": {".data[].metadata is str, theirs is dict"},
    "disputes__fetch": {".data.refund_amount is int, theirs is NoneType"},
}


@pytest.mark.parametrize("name", PAYSTACK)
def test_paystack_answers_as_its_samples(rig: Rig, name: str) -> None:
    asked, more = PAYSTACK[name]
    theirs = sample(f"paystack/api/{name}.json")
    assert set(differences(theirs, asked(rig), more=more)) <= QUIRKS.get(name, set())


def events_of(rig: Rig) -> dict[str, Any]:
    """One webhook of each kind, by the name of its sample."""
    rig.paid("paystack", "card")
    rig.paid("paystack", "transfer", channel="bank_transfer")
    rig.paid("paystack", "ussd", channel="ussd")
    account = paid_account(rig)
    pay = {"provider": "paystack", "account_number": account["account_number"], "amount": 10000}
    rig.control("POST", "/pay-account", pay)
    rig.paystack_checkout("wrong")
    rig.end("paystack", "wrong", "partly", channel="bank_transfer")
    rig.ask("paystack", "POST", "/refund", {"transaction": "card"})
    rig.control("PUT", "/dials", {"refund.failed": 1})
    rig.ask("paystack", "POST", "/refund", {"transaction": "transfer"})
    rig.control("PUT", "/dials", {"refund.failed": 0, "refund.needs_attention": 1})
    rig.ask("paystack", "POST", "/refund", {"transaction": "ussd"})
    first = rig.transfer("paystack", "payout-0000000001")
    rig.transfer("paystack", "payout-0000000002")
    rig.wait(seconds=60)
    rig.control("POST", f"/transfer/{first['id']}", {"status": "failed"})
    rig.control("POST", f"/transfer/{first['id']}", {"status": "reversed"})
    dispute = rig.control("POST", "/chargeback", {"provider": "paystack", "reference": "ussd"})
    rig.control("POST", f"/dispute/{dispute['id']}", {"event": "remind"})
    rig.control("POST", f"/dispute/{dispute['id']}", {"event": "resolve", "resolution": "merchant-accepted"})
    told: dict[str, Any] = {}
    for event in rig.told():
        told.setdefault(event["event"], event)
        if event["event"] == "charge.success":
            told[f"charge.success.{event['data']['channel']}"] = event
    return told


PAYSTACK_EVENTS = {
    "charge.success.card": "charge.success.card",
    "charge.success.bank_transfer_pwt": "charge.success.bank_transfer",
    "charge.success.dedicated_nuban.third-party-test": "charge.success.dedicated_nuban",
    "bank.transfer.rejected.pwt": "bank.transfer.rejected",
    "charge.dispute.create": "charge.dispute.create",
    "charge.dispute.remind": "charge.dispute.remind",
    "charge.dispute.resolve": "charge.dispute.resolve",
    "refund.pending": "refund.pending",
    "refund.processing": "refund.processing",
    "refund.processed": "refund.processed",
    "refund.failed": "refund.failed",
    "refund.needs-attention": "refund.needs-attention",
    "transfer.success": "transfer.success",
    "transfer.failed": "transfer.failed",
    "transfer.reversed": "transfer.reversed",
}
# charge.success has more or fewer keys in every sample; what must not be missing is in theirs.
LOOSE = ("charge.success", "charge.dispute")
EVENT_QUIRKS = {
    ".data.log.authentication is missing",
    ".data.log.channel is missing",
    ".data.metadata is str, theirs is int",
    ".data.metadata is dict, theirs is str",
    ".data.fees_breakdown is NoneType, theirs is dict",
    ".data.integration.logo_path is missing",
}


@pytest.mark.parametrize("name", PAYSTACK_EVENTS)
def test_paystack_tells_as_its_samples(rig: Rig, name: str) -> None:
    theirs = sample(f"paystack/webhooks/{name}.json")
    found = set(differences(theirs, events_of(rig)[PAYSTACK_EVENTS[name]]))
    if name.startswith(LOOSE):
        found = {difference for difference in found if not difference.endswith("is ours alone")}
    assert found <= EVENT_QUIRKS


@pytest.mark.parametrize("broken", [{"data": {}}, {"data": {"id": "1"}}, {"data": {"id": 1, "more": 2}}])
def test_a_difference_is_seen(broken: dict[str, Any]) -> None:
    assert differences({"data": {"id": 1, "amount": 2}}, broken) != [] or broken == {"data": {}}
