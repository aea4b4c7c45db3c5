"""The sandbox on a socket: the checkout as a browser walks through it, and faults that only sockets have."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sandbox import Sandbox
from sandbox.clock import FollowedClock
from sandbox.courier import Courier
from sandbox.server import NotLoopback, Server

ROOT = Path(__file__).parents[2]
BACK = "http://127.0.0.1:9/back/?bill=1"


class Receiver(BaseHTTPRequestHandler):
    """Takes webhooks; refuses the first."""

    taken: list[dict[str, str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.taken.append(dict(self.headers.items()))
        self.send_response(500 if len(self.taken) == 1 else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    Receiver.taken.clear()
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    sandbox = Sandbox(
        7,
        FollowedClock(data_dir=None),
        dials={"webhook.scale": 0.00001, "wait.scale": 0.01},
        notify={"paystack": f"http://127.0.0.1:{receiver.server_address[1]}/hook"},
    )
    serving = Server(host="127.0.0.1", port=0, sandbox=sandbox)
    sandbox.world.base_url = f"http://127.0.0.1:{serving.port}"
    courier = Courier(sandbox)
    threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    courier.start()
    yield serving
    courier.stop()
    for one in (serving, receiver):
        one.shutdown()
        one.server_close()


@pytest.fixture
def browser(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.sandbox.world.base_url, timeout=10) as client:
        yield client


def paystack_page(browser: httpx.Client, **more: object) -> str:
    body = {"email": "bola@palmgrove.test", "amount": 1250000, "callback_url": BACK, **more}
    headers = {"authorization": "Bearer sk_test_sandbox"}
    made = browser.post("/paystack/transaction/initialize", json=body, headers=headers)
    return str(made.json()["data"]["authorization_url"])


def flutterwave_page(browser: httpx.Client, reference: str) -> str:
    body = {
        "tx_ref": reference,
        "amount": "12500.50",
        "redirect_url": BACK,
        "customer": {"email": "bola@palmgrove.test"},
        "customizations": {"title": "Palm Grove", "description": "Security <levy>"},
    }
    headers = {"authorization": "Bearer FLWSECK_TEST-sandbox-X"}
    return str(browser.post("/flutterwave/v3/payments", json=body, headers=headers).json()["data"]["link"])


def gone_to(answer: httpx.Response) -> dict[str, list[str]]:
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith("http://127.0.0.1:9/back/?")
    return parse_qs(urlsplit(answer.headers["location"]).query)


def test_it_works(browser: httpx.Client) -> None:
    page = paystack_page(browser, reference="shown", metadata={"description": "Levy"})
    shown = browser.get(page)
    for words in ("Sandbox: no money moves", "NGN 12,500.00", "Levy", "ClustR", "Transfer", "USSD", "Mobile money"):
        assert words in shown.text
    assert "<script" not in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    went = gone_to(browser.post(page, data={"channel": "card", "number": "4084 0840 8408 4081", "expiry": "12/30"}))
    assert went == {"bill": ["1"], "trxref": ["shown"], "reference": ["shown"]}
    assert "This was paid" in browser.get(page).text


def test_a_webhook_is_sent_again_until_it_is_taken(browser: httpx.Client) -> None:
    gone_to(browser.post(paystack_page(browser), data={"outcome": "success"}))
    deadline = time.monotonic() + 10
    while len(Receiver.taken) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(Receiver.taken) >= 2
    assert all(re.fullmatch("[0-9a-f]{128}", headers["x-paystack-signature"]) for headers in Receiver.taken)


def test_a_decline_is_said_and_may_be_tried_again(browser: httpx.Client) -> None:
    page = paystack_page(browser)
    declined = browser.post(page, data={"channel": "card", "number": "4084080000670037"})
    assert "Not paid: Insufficient Funds." in declined.text
    assert "Return to ClustR" in declined.text
    gone_to(browser.post(page, data={"channel": "card", "number": "4084084084084081"}))


def test_an_unknown_card_is_no_attempt(browser: httpx.Client) -> None:
    page = paystack_page(browser, reference="unknown-card")
    assert "test cards only" in browser.post(page, data={"channel": "card", "number": "4242424242424242"}).text
    headers = {"authorization": "Bearer sk_test_sandbox"}
    seen = browser.get("/paystack/transaction/verify/unknown-card", headers=headers).json()["data"]
    assert seen["status"] == "abandoned"


@pytest.mark.parametrize(
    ("entry", "said"), [("1234123456", ""), ("1111111111", "Incorrect PIN"), ("12346648", "Insufficient Funds")]
)
def test_the_bank_asks(browser: httpx.Client, entry: str, said: str) -> None:
    page = paystack_page(browser)
    card = {"channel": "card", "number": "5060666666666666666"}
    assert "Your bank asks" in browser.post(page, data=card).text
    answer = browser.post(page, data=card | {"entry": entry})
    assert said in answer.text if said else gone_to(answer)


def test_closing_goes_to_the_cancel_address(browser: httpx.Client) -> None:
    page = paystack_page(browser, metadata={"cancel_action": f"{BACK}&cancelled=1"})
    assert gone_to(browser.post(page, data={"outcome": "abandon"}))["cancelled"] == ["1"]
    assert "Checkout closed" in browser.post(paystack_page(browser), data={"outcome": "abandon"}).text


def test_flutterwave_goes_back_in_its_own_way(browser: httpx.Client) -> None:
    page = flutterwave_page(browser, "flw-1")
    assert "Security &lt;levy&gt;" in browser.get(page).text
    went = gone_to(browser.post(page, data={"outcome": "abandon"}))
    assert went == {"bill": ["1"], "status": ["cancelled"], "tx_ref": ["flw-1"]}
    assert "status=failed" in browser.post(page, data={"outcome": "do_not_honour"}).text
    went = gone_to(browser.post(page, data={"channel": "bank_transfer"}))
    assert (went["status"], went["tx_ref"]) == (["successful"], ["flw-1"])
    headers = {"authorization": "Bearer FLWSECK_TEST-sandbox-X"}
    seen = browser.get(f"/flutterwave/v3/transactions/{went['transaction_id'][0]}/verify", headers=headers).json()[
        "data"
    ]
    assert (seen["status"], seen["payment_type"], seen["amount"]) == ("successful", "bank_transfer", 12500.5)


def test_a_delayed_payment_goes_back_pending(browser: httpx.Client) -> None:
    went = gone_to(browser.post(flutterwave_page(browser, "flw-2"), data={"outcome": "delay", "seconds": "30"}))
    assert went["status"] == ["pending"]


def test_a_body_is_read_whatever_it_is_called(browser: httpx.Client) -> None:
    headers = {"authorization": "Bearer sk_test_sandbox", "content-type": "application/x-www-form-urlencoded"}
    for body in ('{"email": "a@b.co", "amount": 10000}', "email=a%40b.co&amount=10000"):
        assert browser.post("/paystack/transaction/initialize", content=body, headers=headers).status_code == 200
    headers["content-type"] = "application/json"
    assert browser.post("/paystack/transaction/initialize", content="{", headers=headers).status_code == 400


def test_an_unknown_checkout_is_not_found(browser: httpx.Client) -> None:
    assert browser.get("/checkout/paystack/none").status_code == 404
    assert browser.get("/checkout/nobody/none").status_code == 404


@pytest.mark.parametrize(
    ("fault", "error"),
    [("timeout_after", httpx.RemoteProtocolError), ("reset_after", (httpx.ReadError, httpx.RemoteProtocolError))],
)
def test_the_connection_ends_without_an_answer(
    browser: httpx.Client, fault: str, error: type[Exception] | tuple[type[Exception], ...]
) -> None:
    browser.put("/_sandbox/dials", json={f"list.{fault}": 1})
    try:
        with pytest.raises(error):
            browser.get("/paystack/bank", headers={"authorization": "Bearer sk_test_sandbox"})
    finally:
        browser.post("/_sandbox/heal")


def test_an_answer_drips(browser: httpx.Client) -> None:
    browser.put("/_sandbox/dials", json={"list.drip_after": 1})
    try:
        with browser.stream("GET", "/paystack/balance", headers={"authorization": "Bearer sk_test_sandbox"}) as answer:
            pieces = list(answer.iter_raw())
    finally:
        browser.post("/_sandbox/heal")
    assert len(pieces) > 10
    assert json.loads(b"".join(pieces))["status"] is True


def test_it_serves_this_machine_only(server: Server, browser: httpx.Client) -> None:
    for host in ("0.0.0.0", "192.0.2.1", "::"):  # noqa: S104
        with pytest.raises(NotLoopback):
            Server(host=host, port=0, sandbox=server.sandbox)
    assert browser.get("/_sandbox/state", headers={"host": "evil.example"}).status_code == 403
    foreign = {"origin": "http://evil.example"}
    assert browser.post("/_sandbox/reset", json={}, headers=foreign).status_code == 403


def test_the_program_refuses_what_it_cannot_do() -> None:
    for arguments in (["--host", "0.0.0.0"], ["--fault", "charge.sneeze=1"]):  # noqa: S104
        run = subprocess.run(
            [sys.executable, "-m", "sandbox", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert run.returncode == 2
        assert "cannot start" in run.stderr


def test_the_clock_follows_the_demonstration(tmp_path: Path) -> None:
    clock = FollowedClock(data_dir=tmp_path)
    before = clock()
    (tmp_path / "clock-offset").write_text(str(30 * 86400))
    assert timedelta(days=30) <= clock() - before < timedelta(days=30, hours=1)
