"""Payments through providers in a running ClustR, over HTTP: from the click to the money that a webhook, or nothing, told of."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.crash.serving import ROOT, Serving, kill_everything
from tests.listening import secrets_in
from tests.settlement.stage import PROVIDERS

pytestmark = pytest.mark.early


class Running:
    """A served demonstration: its residents at the door, and its providers' sandbox."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self.web = httpx.Client(base_url=f"http://127.0.0.1:{serving.port}", timeout=30)
        self.sandbox = httpx.Client(base_url=(serving.data_dir / "sandbox-url").read_text(), timeout=30)
        self.ada, self.bola = self.sign_in("ada@palmgrove.test"), self.sign_in("bola@palmgrove.test")

    def sign_in(self, email: str) -> str:
        answer = self.web.post("/_allauth/app/v1/auth/login", json={"email": email, "password": "clustr-demo"})
        return str(answer.json()["meta"]["access_token"])

    def ask(self, token: str, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
        answer = self.web.request(method, path, json=body, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def deposit(self, amount: str, provider: str) -> Any:
        return self.ask(self.bola, "POST", "/members/wallet/deposit/", {"amount": amount, "provider": provider})

    def balance(self) -> str:
        return str(self.ask(self.bola, "GET", "/members/wallet/balance/")["balance"])

    def pay_on_the_page(self, started: Any) -> str:
        """What a payer does in a browser; answers where it is sent then, without going there."""
        page = self.sandbox.get(started["payment_url"])
        assert "no money moves" in page.text
        paid = self.sandbox.post(started["payment_url"], data={"channel": "card", "outcome": "success"})
        assert paid.status_code == 303, paid.text
        return paid.headers["Location"]

    def status(self, started: Any) -> str:
        mine = self.ask(self.bola, "GET", "/members/wallet/transactions/")["results"]
        return next(str(one["status"]) for one in mine if one["reference"] == started["reference"])

    def hooks(self, started: Any) -> list[Any]:
        """The webhooks that the sandbox sent about it."""
        sent = self.sandbox.get("/_sandbox/state").json()["hook"]
        return [hook for hook in sent if started["reference"].lower() in hook["body"]]

    def until_completed(self, started: Any) -> None:
        deadline = time.monotonic() + 60
        while self.status(started) != "completed":
            assert time.monotonic() < deadline, self.serving.said()
            time.sleep(0.05)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    serving = Serving(tmp_path_factory.mktemp("running") / "data", members=10)
    try:
        serving.start()
        yield Running(serving)
        serving.end()
    finally:
        if serving.process is not None and serving.process.poll() is None:
            kill_everything(serving, random.Random())


@pytest.fixture(scope="module")
def untold(running: Running) -> dict[str, Any]:
    """A deposit with each provider, paid, whose webhooks were lost; a minute ago."""
    running.sandbox.put("/_sandbox/dials", json={"webhook.drop": 1})
    started = {provider: running.deposit("700.00", provider) for provider in PROVIDERS}
    for one in started.values():
        running.pay_on_the_page(one)
    running.sandbox.post("/_sandbox/heal")
    (running.serving.data_dir / "clock-offset").write_text("60")
    return started


@pytest.mark.usefixtures("untold")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_deposit_is_credited_by_its_webhook(running: Running, provider: str) -> None:
    started = running.deposit("2500.00", provider)
    assert started["status"] == "processing"
    back = running.pay_on_the_page(started)
    running.until_completed(started)
    assert [hook["attempts"][-1]["status"] for hook in running.hooks(started)] == [200]
    assert b"Your payment arrived" in running.web.get(back).content


@pytest.mark.usefixtures("untold")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_bill_is_paid_by_its_webhook(running: Running, provider: str) -> None:
    issued = {"title": "Security", "amount": "7500.00", "type": "security", "due_date": "2040-06-30T22:59:59Z"}
    bill = running.ask(running.ada, "POST", "/management/payments/create_bill/", issued)["id"]
    running.ask(running.bola, "POST", "/members/bills/acknowledge_bill/", {"bill_id": bill, "version": 1})
    wanted = {"bill_id": bill, "provider": provider}
    started = running.ask(running.bola, "POST", "/members/bills/pay_bill_direct/", wanted)
    running.pay_on_the_page(started)
    running.until_completed(started)
    paid = running.ask(running.bola, "GET", f"/members/bills/{bill}/")
    assert (paid["status"], paid["amount_paid"]) == ("paid", "7500.00")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_deposit_whose_webhook_was_lost_is_found(running: Running, untold: dict[str, Any], provider: str) -> None:
    running.until_completed(untold[provider])
    assert running.hooks(untold[provider]) == []


def test_everything_was_credited_once_and_the_books_hold(running: Running, untold: dict[str, Any]) -> None:
    for started in untold.values():
        running.until_completed(started)
    mine = running.ask(running.bola, "GET", "/members/wallet/transactions/?type=deposit&status=completed")["results"]
    assert len({one["reference"] for one in mine}) == len(mine)
    assert Decimal(running.balance()) == sum(Decimal(one["amount"]) for one in mine)
    kept = {name: value for name, value in os.environ.items() if name not in Serving.unset}
    proved = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "check_books"],
        env={**kept, **running.serving.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert proved.returncode == 0, proved.stdout + proved.stderr


def test_figures_and_log_tell_of_both_processes(running: Running) -> None:
    """What the web and the worker did, told together by whichever web process is asked; and nothing told in confidence."""
    started = running.deposit("2500.00", "paystack")
    running.pay_on_the_page(started)
    running.until_completed(started)
    text = running.web.get("/metrics").text
    for told in (
        r'clustr_payments_total\{provider="paystack",status="processing",type="deposit"\} [1-9]',  # the web's
        r'clustr_payments_total\{provider="paystack",status="completed",type="deposit"\} [1-9]',  # the worker's
        r'clustr_provider_calls_total\{outcome="answered",provider="paystack"\} [1-9]',
        r'clustr_jobs_total\{job="settlement.handle_notice",outcome="done",queue="money"\} [1-9]',
        r"clustr_worker_lanes 2",
        r'clustr_process_memory_bytes\{process="worker"\} [1-9]',
        r'clustr_process_memory_bytes\{process="web"\} [1-9]',
        r'clustr_measure_missing\{measure="payments_under_way"\} 0',
    ):
        assert re.search(told, text), told
    lines = [
        line for line in running.serving.said().splitlines() if re.search(r"\[(info|warning|error|critical) *\]", line)
    ]
    for event in ("request", "payment", "provider_call", "job", "worker_started"):
        assert any(f"] {event} " in line for line in lines), event
    assert [line for line in lines if secrets_in(line)] == []
