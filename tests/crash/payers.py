"""Residents who pay over HTTP and never give up: each payment has a key, and is asked for until there is an answer."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

PASSWORD = "clustr-demo"
PATIENCE_SECONDS = 120
_TIMEOUT_SECONDS = 20
_ASK_AGAIN = {"request_in_progress", "too_many_requests"}


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    replayed: bool


class Client:
    """One keep-alive connection with a token."""

    def __init__(self, port: int, token: str = "") -> None:
        self.port, self.token = port, token
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: Any = None, key: str = "") -> Answer:
        """Raises OSError or HTTPException where no answer came; the next request then opens another connection."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        headers |= {"Idempotency-Key": key} if key else {}
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_SECONDS)
            self._connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = self._connection.getresponse()
            sent = answer.read()
        except (OSError, http.client.HTTPException):
            if self._connection:
                self._connection.close()
            self._connection = None
            raise
        return Answer(answer.status, json.loads(sent or b"null"), answer.headers.get("Idempotent-Replayed") == "true")

    def must(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body)
        assert answer.status in (200, 201), (path, answer)
        return answer.body


def sign_in(port: int, email: str) -> Client:
    sent = {"email": email, "password": PASSWORD}
    answer = Client(port).must("POST", "/_allauth/app/v1/auth/login", sent)
    return Client(port, answer["meta"]["access_token"])


@dataclass
class Payer:
    """A thread that pays, one payment after the other, while it is let."""

    client: Client
    user_id: UUID
    bills: Sequence[str]
    paid: dict[int, UUID] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
    count: Counter[str] = field(default_factory=Counter)
    heard_at: float = 0.0
    """When the last payment that was answered had been asked for."""
    last_trouble: str = ""
    failed: Exception | None = None

    def __post_init__(self) -> None:
        self._may = threading.Event()
        self._idle = threading.Event()
        self._ended = False
        self._made = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def go_on(self) -> None:
        self._idle.clear()
        self._may.set()

    def pause(self) -> None:
        """Answers when the payment under way has its answer."""
        self._may.clear()
        if not self._idle.wait(PATIENCE_SECONDS):
            raise AssertionError(f"a payment was never answered: {self.last_trouble}")
        if self.failed:
            raise self.failed

    def stop(self) -> None:
        self._ended = True
        self._may.set()
        self._thread.join(PATIENCE_SECONDS)

    def _run(self) -> None:
        try:
            while True:
                if not self._may.is_set():
                    self._idle.set()
                    self._may.wait()
                if self._ended:
                    return
                self._pay_once()
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits
            self.failed = error
            self._idle.set()

    def _pay_once(self) -> None:
        """Every tenth payment is of more than is owed, and refused."""
        self._made += 1
        minor = self._made + (100_000_000_000 if self._made % 10 == 0 else 100)
        sent = {"bill_id": self.bills[self._made % len(self.bills)], "amount": f"{minor // 100}.{minor % 100:02}"}
        answer, doubted = self._until_answered(sent)
        self.count["in_doubt"] += doubted
        if answer.status == 201:
            self.count.update(paid=1, stood=int(doubted and answer.replayed))
            self.paid[minor] = UUID(answer.body["transaction"]["id"])
        elif answer.status == 409 and answer.body["code"] == "amount_exceeds_remaining":
            self.count["refused"] += 1
            self.refused.add(minor)
        else:
            raise AssertionError(f"an answer that nobody expects: {answer}")

    def _until_answered(self, sent: dict[str, str]) -> tuple[Answer, bool]:
        key, doubted = uuid4().hex, False
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            asked_at = time.monotonic()
            try:
                answer = self.client.ask("POST", "/members/bills/pay_bill/", sent, key)
                if answer.status < 500 and answer.body.get("code") not in _ASK_AGAIN:
                    self.heard_at = asked_at
                    return answer, doubted
                self.last_trouble = str(answer)
                doubted = doubted or answer.status >= 500
            except (OSError, http.client.HTTPException, ValueError) as error:
                doubted, self.last_trouble = True, repr(error)
            if time.monotonic() > deadline:
                raise AssertionError(f"no answer: {self.last_trouble}")
            time.sleep(0.05)
