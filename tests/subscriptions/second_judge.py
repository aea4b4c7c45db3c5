"""localstripe, somebody else's stand-in for Stripe, in a process of its own; and our adapter speaking to it.

It is started as a program, never imported. It speaks the older of the two shapes, on the real clock, and calls a price a
plan; `_OlderWords` says to it, in its words, what our adapter says in today's. Nothing it answers is changed, but for one
name: where it leaves out the anchor of a subscription's periods, that is the subscription's start.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest

from clustr.kit.outbound import Outbound
from clustr.subscriptions.vendors.stripe_service import StripeService

SECRET = "whsec_second_judge"
_LOOPBACK = Path(__file__).parent / "loopback"
_RUNNING = re.compile(r"Running on http://\S+:(\d+)")
_UNKNOWN_TO_IT = ("off_session", "payment_behavior", "proration_behavior", "billing_cycle_anchor", "country")
"""What it refuses as unexpected, and what does not change what it is asked here."""
_NAMES = {"subscription_proration_behavior": None, "subscription_billing_cycle_anchor": None}
Form = dict[str, str]


class SecondJudge:
    """A localstripe that runs: our adapter at it, and what only a test asks of it."""

    def __init__(self, url: str) -> None:
        self.plain = httpx.Client(base_url=url, headers={"Authorization": "Bearer sk_test_judge"}, trust_env=False)
        outbound = Outbound(
            base_url=url, headers={}, timeout_seconds=10, transport=_OlderWords(url), attempts=1, name="stripe"
        )
        self.service = StripeService(key="sk_test_judge", version="2023-10-16", secrets=(SECRET,), outbound=outbound)

    def ask(self, path: str, form: Form | None = None, *, status: int = 200) -> Any:
        """A POST in its own words."""
        answer = self.plain.post(path, data=form or {})
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def price(self, minor: int, interval: str) -> str:
        """A price, which it calls a plan."""
        form = {"amount": str(minor), "currency": "usd", "interval": interval, "product[name]": f"{minor} a {interval}"}
        return str(self.ask("/v1/plans", form)["id"])


class _OlderWords(httpx.BaseTransport):
    """Sends on what the adapter asks, in the words that localstripe knows."""

    def __init__(self, url: str) -> None:
        self._wire = httpx.HTTPTransport()
        self._plain = httpx.Client(base_url=url, transport=self._wire)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path, headers = request.url.path, {"authorization": request.headers["authorization"]}
        query = dict(parse_qsl(request.url.query.decode()))
        if request.method == "DELETE":
            query = {}
        elif held := re.fullmatch(r"/v1/customers/(\w+)/payment_methods", path):
            path, query = "/v1/payment_methods", {"customer": held[1], "type": "card"}
        elif path == "/v1/invoices/upcoming":
            told = self._plain.get(f"/v1/subscriptions/{query['subscription']}", headers=headers).json()
            query = _older(query) | {"customer": told["customer"]}
        form = _older(dict(parse_qsl(request.content.decode())))
        answer = self._plain.request(
            request.method,
            path,
            params=query,
            content=urlencode(form),
            headers=headers | {"content-type": "application/x-www-form-urlencoded"},
        )
        return httpx.Response(answer.status_code, stream=httpx.ByteStream(_anchored(answer.content)))


def _older(form: Form) -> Form:
    said = {}
    for name, value in form.items():
        if name in _UNKNOWN_TO_IT or name in _NAMES or name == "default_payment_method":
            continue  # it takes from the customer's own card
        name = name.replace("[price]", "[plan]")
        if name.startswith("default_tax_rates"):
            name = "items[0][tax_rates][0]"  # those of the whole it leaves out of the lines
        if not name.endswith("items[0][id]"):
            said[name] = value
    return said


def _anchored(content: bytes) -> bytes:
    told = json.loads(content)
    for one in [told, *(told.get("data") or [])] if isinstance(told, dict) else []:
        if isinstance(one, dict) and one.get("object") == "subscription":
            one["billing_cycle_anchor"] = one["billing_cycle_anchor"] or one["start_date"]
    return json.dumps(told).encode()


@contextmanager
def running() -> Iterator[SecondJudge]:
    """A localstripe with nothing in it, on a free port of the loopback. Skips where it is not installed or cannot run."""
    if importlib.util.find_spec("localstripe") is None:
        pytest.skip("localstripe is not installed: bin/setup dev")
    own = {"PATH": os.environ["PATH"], "PYTHONPATH": str(_LOOPBACK), "PYTHONUNBUFFERED": "1", "TZ": "UTC"}
    with tempfile.TemporaryFile("w+") as heard:
        started = subprocess.Popen(
            [sys.executable, "-m", "localstripe", "--from-scratch", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=heard,
            text=True,
            env=own,
        )
        try:
            assert started.stdout
            port = next(filter(None, map(_RUNNING.search, started.stdout)), None)
            if port is None:
                heard.seek(0)
                pytest.skip(f"localstripe does not run here: {heard.read()[-200:]}")
            yield SecondJudge(f"http://127.0.0.1:{port[1]}")
        finally:
            started.terminate()
            started.wait(timeout=10)
