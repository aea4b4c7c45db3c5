"""A sandbox on a virtual clock, spoken to without sockets; and the providers' own samples."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox import Answer, Dropped, Sandbox
from sandbox.clock import VirtualClock
from sandbox.hooks import Delivery

START = datetime(2026, 11, 2, 9, tzinfo=UTC)
KEYS = {"paystack": "sk_test_sandbox", "flutterwave": "FLWSECK_TEST-sandbox-X"}
PREFIXES = {"paystack": "/paystack", "flutterwave": "/flutterwave/v3"}
SHARED = Path(__file__).resolve().parents[3] / "shared"


class Rig:
    """`ask` a provider, `control` the sandbox, `wait`, and take the webhooks."""

    def __init__(self, *, seed: int = 7, folder: Path | None = None, **dials: float) -> None:
        self.clock = VirtualClock(at=START)
        notify = {name: f"http://127.0.0.1:1/hooks/{name}" for name in KEYS}
        turned = {name.replace("__", "."): value for name, value in dials.items()}
        self.sandbox = Sandbox(seed, self.clock, dials=turned, notify=notify, folder=folder)

    def raw(
        self, provider: str, method: str, path: str, body: object = None, *, key: str | None = None
    ) -> Answer | Dropped:
        headers = {"Authorization": f"Bearer {KEYS[provider] if key is None else key}"}
        sent = b"" if body is None else json.dumps(body).encode()
        return self.sandbox.handle(method, PREFIXES[provider] + path, headers, sent)

    def ask(self, provider: str, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        answer = self.raw(provider, method, path, body)
        assert isinstance(answer, Answer)
        assert answer.status == status, answer.body
        return json.loads(answer.body)

    def control(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        answer = self.sandbox.handle(method, f"/_sandbox{path}", {}, json.dumps(body or {}).encode())
        assert isinstance(answer, Answer)
        assert answer.status == status, answer.body
        return json.loads(answer.body)

    def wait(self, **span: float) -> None:
        self.clock.move(by=timedelta(**span))

    def hooks(self, *, answered: int | None = 200) -> list[Delivery]:
        """The webhooks due now, each answered like this."""
        due = self.sandbox.due_webhooks()
        for delivery in due:
            self.sandbox.delivered(delivery, answered)
        return due

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(delivery.body) for delivery in self.hooks()]

    def paystack_checkout(self, reference: str = "ref-1", amount: int = 500_000, **more: object) -> Any:
        body = {"email": "bola@palmgrove.test", "amount": amount, "reference": reference, **more}
        return self.ask("paystack", "POST", "/transaction/initialize", body)["data"]

    def flutterwave_checkout(self, reference: str = "ref-1", amount: object = 5000, **more: object) -> str:
        body = {
            "tx_ref": reference,
            "amount": amount,
            "redirect_url": "http://127.0.0.1:8000/back/",
            "customer": {"email": "bola@palmgrove.test", "name": "Bola Ade"},
            **more,
        }
        return str(self.ask("flutterwave", "POST", "/payments", body)["data"]["link"])

    def end(self, provider: str, reference: str = "ref-1", outcome: str = "success", **more: object) -> Any:
        body = {"provider": provider, "reference": reference, "outcome": outcome, **more}
        return self.control("POST", "/complete", body)

    def verified(self, provider: str, reference: str = "ref-1") -> Any:
        paths = {
            "paystack": f"/transaction/verify/{reference}",
            "flutterwave": f"/transactions/verify_by_reference?tx_ref={reference}",
        }
        return self.ask(provider, "GET", paths[provider])["data"]

    def paid(self, provider: str, reference: str = "ref-1", amount: int = 5000, **more: object) -> Any:
        """A paid checkout of so many naira, as verify shows it."""
        if provider == "paystack":
            self.paystack_checkout(reference, amount * 100)
        else:
            self.flutterwave_checkout(reference, amount)
        self.end(provider, reference, **more)
        return self.verified(provider, reference)

    def recipient(self) -> str:
        body = {
            "type": "nuban",
            "name": "Ada Eze",
            "account_number": "0123456789",
            "bank_code": "044",
            "currency": "NGN",
        }
        return str(self.ask("paystack", "POST", "/transferrecipient", body, status=201)["data"]["recipient_code"])

    def transfer(self, provider: str, reference: str = "payout-0000000001", amount: int = 1000) -> Any:
        if provider == "paystack":
            body = {"source": "balance", "amount": amount * 100, "recipient": self.recipient(), "reference": reference}
            return self.ask("paystack", "POST", "/transfer", body)["data"]
        body = {
            "account_bank": "044",
            "account_number": "0690000040",
            "amount": amount,
            "currency": "NGN",
            "reference": reference,
        }
        return self.ask("flutterwave", "POST", "/transfers", body)["data"]


def sample(path: str, *, status: str = "200") -> Any:
    """A provider's own sample; the test is skipped where it is absent."""
    file = SHARED / "payloads" / path
    if not file.exists():
        pytest.skip(f"the provider's sample {path} is not on this machine")
    read = json.loads(file.read_text())
    return read[status]["data"] if status in read else read


def differences(theirs: Any, ours: Any, *, more: frozenset[str] = frozenset(), at: str = "") -> list[str]:
    """Where our object has other keys or types than theirs. Null and absent content is taken for any type; `more` names the
    keys that only we have; rows of a list are compared by the first."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = [f"{at}.{key} is missing" for key in theirs.keys() - ours.keys() if ours or not theirs]
        found += [f"{at}.{key} is ours alone" for key in ours.keys() - theirs.keys() - more if theirs]
        for key in theirs.keys() & ours.keys():
            found += differences(theirs[key], ours[key], more=more, at=f"{at}.{key}")
        return sorted(found)
    if isinstance(theirs, list) and isinstance(ours, list):
        return differences(theirs[0], ours[0], more=more, at=f"{at}[]") if theirs and ours else []
    if theirs is None or ours is None:
        return []
    return [] if _kind(theirs) == _kind(ours) else [f"{at} is {type(ours).__name__}, theirs is {type(theirs).__name__}"]


def _kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
