"""Webhooks: signed as documented, sent again on the providers' schedules, and what the dials do to them."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta

import pytest

from tests.sandbox.rig import KEYS, START, Rig


def attempts(rig: Rig, *, answered: int | None, days: int) -> list[timedelta]:
    """When attempts are made, from the first on, while every one is answered like this."""
    end, made = START + timedelta(days=days), []
    while (at := rig.sandbox.next_change_at()) is not None and at <= end:
        rig.clock.move(by=max(timedelta(), at - rig.clock()))
        made += [rig.clock() - START] * len(rig.hooks(answered=answered))
    return made


def test_it_works(rig: Rig) -> None:
    rig.paid("paystack")
    (sent,) = rig.hooks()
    assert json.loads(sent.body)["data"]["reference"] == "ref-1"
    signature = hmac.new(KEYS["paystack"].encode(), sent.body, hashlib.sha512).hexdigest()
    assert sent.headers["x-paystack-signature"] == signature
    assert sent.url == "http://127.0.0.1:1/hooks/paystack"
    assert attempts(rig, answered=200, days=5) == []


def test_flutterwave_sends_its_secret_hash(rig: Rig) -> None:
    rig.paid("flutterwave")
    (sent,) = rig.hooks()
    assert sent.headers["verif-hash"] == "sandbox-secret-hash"


@pytest.mark.parametrize("answered", [500, 404, 301, 204, None])
def test_paystack_repeats_hourly_for_ten_hours_in_test_mode(rig: Rig, answered: int | None) -> None:
    rig.paid("paystack")
    assert attempts(rig, answered=answered, days=5) == [timedelta(hours=hour) for hour in range(11)]


def test_paystack_repeats_for_three_days_in_live_mode() -> None:
    rig = Rig(webhook__live_schedule=1)
    rig.paid("paystack")
    made = attempts(rig, answered=500, days=5)
    assert made[:6] == [timedelta(minutes=minute) for minute in (0, 3, 6, 9, 12, 72)]
    assert timedelta(hours=70) < made[-1] <= timedelta(hours=72)


def test_flutterwave_repeats_three_times_half_an_hour_apart(rig: Rig) -> None:
    rig.paid("flutterwave")
    assert attempts(rig, answered=500, days=5) == [timedelta(minutes=minute) for minute in (0, 30, 60, 90)]


def test_flutterwave_may_be_told_not_to_repeat() -> None:
    rig = Rig(webhook__flutterwave_retries=0)
    rig.paid("flutterwave")
    assert attempts(rig, answered=500, days=5) == [timedelta()]


def test_pauses_are_scaled() -> None:
    rig = Rig(webhook__scale=0.001)
    rig.paid("flutterwave")
    assert attempts(rig, answered=500, days=1)[-1] == timedelta(minutes=90) * 0.001


def test_what_nobody_reports_counts_as_timed_out(rig: Rig) -> None:
    rig.paid("paystack")
    assert len(rig.sandbox.due_webhooks()) == 1
    rig.wait(hours=1)
    assert rig.sandbox.due_webhooks() == []
    rig.wait(seconds=30)
    assert len(rig.sandbox.due_webhooks()) == 1


def test_paystack_does_not_tell_of_a_failed_charge(rig: Rig) -> None:
    rig.paystack_checkout()
    rig.end("paystack", outcome="declined")
    assert rig.told() == []


def test_one_is_lost_for_good() -> None:
    rig = Rig(webhook__drop=1)
    rig.paid("paystack")
    assert attempts(rig, answered=500, days=5) == []
    assert rig.verified("paystack")["status"] == "success"


def test_one_comes_twice() -> None:
    rig = Rig(webhook__duplicate=1)
    rig.paid("paystack")
    first, second = rig.hooks()
    assert first.body == second.body


def test_one_is_passed_by_a_later_one() -> None:
    rig = Rig(webhook__reorder=1)
    rig.paid("paystack", "early")
    rig.control("PUT", "/dials", {"webhook.reorder": 0})
    rig.paid("paystack", "late")
    assert [event["data"]["reference"] for event in rig.told()] == ["late"]
    rig.wait(seconds=30)
    assert [event["data"]["reference"] for event in rig.told()] == ["early"]


@pytest.mark.parametrize("provider", ["paystack", "flutterwave"])
def test_one_has_a_wrong_signature(provider: str) -> None:
    rig = Rig(webhook__bad_signature=1)
    rig.paid(provider)
    (sent,) = rig.hooks()
    right = hmac.new(KEYS["paystack"].encode(), sent.body, hashlib.sha512).hexdigest()
    assert sent.headers.get("x-paystack-signature") != right
    assert sent.headers.get("verif-hash") != "sandbox-secret-hash"


def test_all_wait_first() -> None:
    rig = Rig(webhook__delay_seconds=10)
    rig.paid("paystack")
    assert rig.hooks() == []
    rig.wait(seconds=10)
    assert len(rig.hooks()) == 1


def test_one_is_sent_again_when_asked(rig: Rig) -> None:
    rig.paid("paystack")
    (first,) = rig.hooks()
    rig.control("POST", f"/hook/{first.hook_id}/replay")
    (second,) = rig.hooks()
    assert second.body == first.body


def test_refunds_and_transfers_are_told_step_by_step(rig: Rig) -> None:
    rig.paid("paystack")
    rig.ask("paystack", "POST", "/refund", {"transaction": "ref-1"})
    rig.transfer("paystack")
    rig.wait(minutes=1)
    assert sorted(event["event"] for event in rig.told()) == [
        *("charge.success", "refund.pending", "refund.processed", "refund.processing", "transfer.success"),
    ]


def test_a_chargeback_is_told_and_reverses_the_charge(rig: Rig) -> None:
    rig.paid("paystack")
    made = rig.control("POST", "/chargeback", {"provider": "paystack", "reference": "REF-1"})
    rig.control("POST", f"/dispute/{made['id']}", {"event": "resolve", "resolution": "merchant-accepted"})
    assert [event["event"] for event in rig.told()][1:] == ["charge.dispute.create", "charge.dispute.resolve"]
    assert rig.verified("paystack")["status"] == "reversed"
