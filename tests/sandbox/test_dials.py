"""Each dial does what its line says, and turning one moves no other."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from sandbox import Answer, Dropped
from sandbox.dials import WIRE_FAULTS, all_dials
from sandbox.wire import DRIP, WAIT
from tests.sandbox.rig import Rig

BODY = {"email": "a@b.co", "amount": 10000, "reference": "ref-1"}


def struck(fault: str) -> tuple[Answer | Dropped, bool]:
    """What a checkout is answered under this fault, and whether it was made."""
    rig = Rig(**{f"charge__{fault}": 1.0})
    answer = rig.raw("paystack", "POST", "/transaction/initialize", BODY)
    return answer, bool(rig.control("GET", "/state")["charge"])


@pytest.mark.parametrize("fault", WIRE_FAULTS)
def test_the_name_says_whether_it_happened(fault: str) -> None:
    answer, happened = struck(fault)
    assert happened == fault.endswith("_after")
    if isinstance(answer, Dropped):
        assert answer.effect == happened


def test_no_answer_comes() -> None:
    assert struck("timeout_after")[0] == Dropped(reset=False, effect=True, seconds=60)
    assert struck("timeout_before")[0] == Dropped(reset=False, effect=False, seconds=60)
    assert struck("reset_after")[0] == Dropped(reset=True, effect=True, seconds=0)


@pytest.mark.parametrize(
    ("fault", "status", "header"),
    [
        ("error_before", 502, None),
        ("error_after", 502, None),
        ("too_many", 429, None),
        ("slow_503_after", 503, (WAIT, "28.0")),
        ("html_after", 200, ("content-type", "text/html; charset=utf-8")),
        ("empty_after", 200, None),
        ("truncated_after", 200, None),
        ("drip_after", 200, (DRIP, "20.0")),
    ],
)
def test_another_answer_comes(fault: str, status: int, header: tuple[str, str] | None) -> None:
    answer, _ = struck(fault)
    assert isinstance(answer, Answer)
    assert answer.status == status
    assert header is None or answer.headers[header[0]] == header[1]
    if fault in ("html_after", "empty_after", "truncated_after"):
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.body)


def test_flutterwave_words_its_time_out_as_documented() -> None:
    rig = Rig(flutterwave__charge__slow_503_after=1, wait__scale=0.5)
    body = {"tx_ref": "ref-1", "amount": 10, "redirect_url": "http://x.y/", "customer": {"email": "a@b.co"}}
    answer = rig.raw("flutterwave", "POST", "/payments", body)
    assert isinstance(answer, Answer)
    assert json.loads(answer.body) == {
        "status": "error",
        "message": "An error occurred. Please contact support",
        "data": None,
    }
    assert answer.headers[WAIT] == "14.0"
    rig.control("POST", "/heal")
    rig.end("flutterwave")
    assert rig.verified("flutterwave")["status"] == "successful"
    rig.paystack_checkout()  # the other provider was not concerned


@pytest.mark.parametrize("provider", ["paystack", "flutterwave"])
@pytest.mark.parametrize(
    ("dial", "names"),
    [
        ("verify.wrong_amount", {"amount"}),
        ("verify.wrong_currency", {"currency"}),
        ("verify.wrong_reference", {"reference", "tx_ref"}),
        ("verify.wrong_domain", {"domain"}),
    ],
)
def test_verify_lies(rig: Rig, provider: str, dial: str, names: set[str]) -> None:
    truth = rig.paid(provider)
    rig.control("PUT", "/dials", {dial: 1})
    lie = rig.verified(provider)
    lied_about = {name for name in truth if truth[name] != lie[name]}
    known = names & truth.keys()
    assert known <= lied_about <= known | {"requested_amount", "charged_amount"}


@pytest.mark.parametrize("provider", ["paystack", "flutterwave"])
def test_what_was_just_made_is_not_found(provider: str) -> None:
    rig = Rig(verify__missing_seconds=20)
    if provider == "paystack":
        rig.paystack_checkout()
        rig.ask("paystack", "GET", "/transaction/verify/ref-1", status=400)
        rig.transfer("paystack")
        rig.ask("paystack", "GET", "/transfer/verify/payout-0000000001", status=404)
    else:
        rig.flutterwave_checkout()
        rig.end("flutterwave")
        rig.ask("flutterwave", "GET", "/transactions/verify_by_reference?tx_ref=ref-1", status=400)
        rig.transfer("flutterwave")
        assert rig.ask("flutterwave", "GET", "/transfers?reference=payout-0000000001")["data"] == []
    rig.wait(seconds=20)
    rig.verified(provider)


@pytest.mark.parametrize("provider", ["paystack", "flutterwave"])
def test_an_abandoned_checkout_succeeds_after_all(provider: str) -> None:
    rig = Rig(checkout__abandoned_then_success=1)
    if provider == "paystack":
        rig.paystack_checkout()
    else:
        rig.flutterwave_checkout()
    rig.end(provider, outcome="abandon")
    assert rig.told() == []
    rig.wait(seconds=60)
    assert rig.verified(provider)["status"] in ("success", "successful")
    assert len(rig.told()) == 1


@pytest.mark.parametrize("provider", ["paystack", "flutterwave"])
def test_a_saved_card_stays_pending_for_a_while(provider: str) -> None:
    rig = Rig(charge__pending=1)
    paid = rig.paid(provider)
    if provider == "paystack":
        body = {"email": "bola@palmgrove.test", "amount": 10000, "reference": "again"}
        code = paid["authorization"]["authorization_code"]
        rig.ask(provider, "POST", "/transaction/charge_authorization", body | {"authorization_code": code})
    else:
        body = {"email": "bola@palmgrove.test", "amount": 100, "tx_ref": "again", "currency": "NGN"}
        rig.ask(provider, "POST", "/tokenized-charges", body | {"token": paid["card"]["token"]})
    assert rig.verified(provider, "again")["status"] == "pending"
    rig.wait(seconds=30)
    assert rig.verified(provider, "again")["status"] in ("success", "successful")


@pytest.mark.parametrize(
    ("dial", "status"),
    [("refund.failed", "failed"), ("refund.needs_attention", "needs-attention"), ("refund.stuck", "pending")],
)
def test_a_refund_ends_badly(dial: str, status: str) -> None:
    rig = Rig(**{dial.replace(".", "__"): 1.0})
    rig.paid("paystack")
    number = rig.ask("paystack", "POST", "/refund", {"transaction": "ref-1"})["data"]["id"]
    rig.wait(minutes=10)
    assert rig.ask("paystack", "GET", f"/refund/{number}")["data"]["status"] == status


@pytest.mark.parametrize(
    ("dial", "told", "status"),
    [
        ("transfer.failed", ["transfer.failed"], "failed"),
        ("transfer.reversed", ["transfer.success", "transfer.reversed"], "reversed"),
        ("transfer.pending", [], "pending"),
        ("transfer.otp", [], "abandoned"),
    ],
)
def test_a_transfer_ends_badly(dial: str, told: list[str], status: str) -> None:
    rig = Rig(**{dial.replace(".", "__"): 1.0})
    before = rig.ask("paystack", "GET", "/balance")
    rig.transfer("paystack")
    rig.wait(minutes=30)
    assert rig.ask("paystack", "GET", "/transfer/verify/payout-0000000001")["data"]["status"] == status
    assert [event["event"] for event in rig.told()] == told
    assert (rig.ask("paystack", "GET", "/balance") == before) == (status != "pending")


def test_a_transfer_goes_on_with_its_one_time_password() -> None:
    rig = Rig(transfer__otp=1)
    made = rig.transfer("paystack")
    body = {"transfer_code": made["transfer_code"], "otp": "000000"}
    rig.ask("paystack", "POST", "/transfer/finalize_transfer", body, status=400)
    rig.ask("paystack", "POST", "/transfer/finalize_transfer", body | {"otp": "123456"})
    rig.wait(seconds=6)
    assert rig.ask("paystack", "GET", "/transfer/verify/payout-0000000001")["data"]["status"] == "success"


def test_the_narrower_dial_counts(rig: Rig) -> None:
    rig.control("PUT", "/dials", {"any.error_before": 1, "paystack.charge.error_before": 0})
    rig.paystack_checkout()
    rig.ask("paystack", "GET", "/balance", status=502)


def test_a_dial_that_is_half_turned_strikes_half_the_time() -> None:
    rig = Rig(list__error_before=0.5)
    statuses = [answer.status for _ in range(200) if isinstance(answer := rig.raw("paystack", "GET", "/bank"), Answer)]
    assert 70 < statuses.count(502) < 130


def test_turning_one_dial_moves_no_other() -> None:
    def reset_on(**dials: float) -> list[int]:
        rig = Rig(list__reset_before=0.3, **dials)
        return [turn for turn in range(40) if isinstance(rig.raw("paystack", "GET", "/bank"), Dropped)]

    assert reset_on() == reset_on(list__error_before=0.5, webhook__drop=0.5)


def test_healing_ends_every_fault_and_keeps_the_scales(rig: Rig) -> None:
    rig.control("PUT", "/dials", {"any.timeout_after": 1, "verify.missing_seconds": 9, "webhook.scale": 0.1})
    assert rig.control("POST", "/heal")["turned"] == {"webhook.scale": 0.1}


@pytest.mark.parametrize("wrong", [{"charge.sneeze": 1}, {"charge.decline": "often"}, {"charge.decline": -1}])
def test_an_unknown_dial_is_refused_with_all_others(rig: Rig, wrong: dict[str, object]) -> None:
    rig.control("PUT", "/dials", {"charge.pending": 1, **wrong}, status=400)
    assert rig.control("GET", "/dials")["turned"] == {}


def test_every_dial_is_explained_and_documented() -> None:
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs/sandbox.md").read_text()
    for name in all_dials():
        group, fault = name.split(".")
        assert f"`{name}`" in page or (fault in WIRE_FAULTS and f"`{fault}`" in page and f"`{group}`" in page), name


def test_an_unknown_reference_may_be_404() -> None:
    rig = Rig(verify__unknown_is_404=1)
    rig.ask("paystack", "GET", "/transaction/verify/none", status=404)
    rig.ask("flutterwave", "GET", "/transactions/verify_by_reference?tx_ref=none", status=404)


def test_waiting_is_nothing_on_a_virtual_clock(rig: Rig) -> None:
    rig.paystack_checkout()
    rig.end("paystack", outcome="delay", seconds=90)
    assert rig.sandbox.next_change_at() == rig.clock() + timedelta(seconds=90)
