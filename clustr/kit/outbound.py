"""The one way out to the internet: never inside a transaction, never a redirect, never longer than the deadline.

What goes wrong is one of two things, and money depends on which:

    OutboundError
        NothingSent       no byte of the request left: nothing can have happened
        OutcomeUnknown    the request may have been heard: ask for the truth, never assume a failure

No exception and no log line repeats an address, a header or a body.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import structlog
from django.db import connections
from psycopg.pq import TransactionStatus

from clustr.kit import metrics
from clustr.kit.deadline import deadline, deadline_transport
from clustr.kit.exact_json import NotExactJson, read_json, write_json
from clustr.kit.session_locks import held_session_lock
from clustr.kit.turnstile import Turnstile, TurnstileFull

log = structlog.get_logger(__name__)

LARGEST_BODY_BYTES = 4 * 1024 * 1024
CONNECT_SECONDS = 5
QUICK_SECONDS = 15
ASIDE_AT_ONCE = 2
"""So many questions about banks and names may be with one host at once: they are asked on in turn of banks that may hang."""
"""Enough where a person waits and no money moves."""
LONGEST_WAIT_SECONDS = 5
"""The longest pause before a repeat; a provider that asks for more is asked again later, by a job."""
_IN_TRANSACTION = frozenset({TransactionStatus.ACTIVE, TransactionStatus.INTRANS, TransactionStatus.INERROR})
_UNSURE = frozenset({408, 409, 425, 429})
_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # below that they write addresses, which hold account numbers


class NetworkInTransaction(RuntimeError):
    """The outside world was called while a transaction was open, or a lock of the session was held: a bug."""


class OutboundError(Exception):
    """The outside world did not answer in a way that can be used. `why` is a word of ours, safe to log."""

    def __init__(self, why: str, *, http_status: int | None = None, retry_after_seconds: int | None = None) -> None:
        super().__init__(why if http_status is None else f"{why} (HTTP {http_status})")
        self.why = why
        self.http_status = http_status
        self.retry_after_seconds = retry_after_seconds


class NothingSent(OutboundError):
    """No connection was made, so the request was not heard."""


class OutcomeUnknown(OutboundError):
    """The request may have been heard; what came of it is not known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered with a status that means something (2xx, or 4xx that refuses), as exact JSON."""

    http_status: int
    body: Any


def refuse_inside_transaction() -> None:
    """Refuse if any connection of this thread has a transaction open, by Django's account or by the server's, or holds a
    lock beyond one. Every request that leaves is asked, so that no row is ever locked by waiting for somebody else's server."""
    for connection in connections.all(initialized_only=True):
        session = connection.connection
        if connection.in_atomic_block or (session is not None and session.info.transaction_status in _IN_TRANSACTION):
            raise NetworkInTransaction(f"a transaction is open on {connection.alias!r}")
    if what := held_session_lock():
        raise NetworkInTransaction(f"a lock is held on {what}")


def _ask_before_leaving(_request: httpx.Request) -> None:
    refuse_inside_transaction()


def outbound_client(
    *,
    base_url: str,
    timeout_seconds: float,
    headers: Mapping[str, str] | None = None,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """A client for one host, safe to share between threads. Each request is checked to be between transactions;
    redirects are not followed, certificates are verified, proxies of the environment are ignored."""
    return httpx.Client(
        base_url=base_url,
        timeout=httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)),
        headers={
            "User-Agent": "ClustR",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            **(headers or {}),
        },
        transport=transport or deadline_transport(),
        follow_redirects=False,
        trust_env=False,
        event_hooks={"request": [_ask_before_leaving]},
    )


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    content: bytes | None
    repeatable: bool
    seconds: float
    content_type: str = "application/json"
    headers: Mapping[str, str] | None = None
    aside: bool = False
    in_all: bool = False
    """Whether its seconds are those of the turn and all attempts together, not of each attempt."""


class Outbound:
    """One provider's JSON API: each call has one deadline, each answer a largest size.

    What was surely not sent is tried again, up to `attempts` times. What may have been heard is tried again only if
    the caller says `repeatable`: a GET, or a POST that the provider does once for our reference. Of a process's threads no
    more than `at_once` are with the host, so that one that hangs does not take them all; and no more than ASIDE_AT_ONCE with
    questions that are asked `aside`, which take no place from the others.
    """

    def __init__(
        self,
        *,
        base_url: str,
        headers: Mapping[str, str],
        timeout_seconds: float,
        transport: httpx.BaseTransport | None = None,
        attempts: int = 3,
        at_once: int = 4,
        name: str = "",
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._client = outbound_client(
            base_url=self._base + "/", timeout_seconds=timeout_seconds, headers=headers, transport=transport
        )
        self._name = name or "unnamed"
        self._timeout_seconds = timeout_seconds
        self._attempts = attempts
        self._turnstiles = {
            False: Turnstile(at_once=at_once, tick=tick),
            True: Turnstile(at_once=ASIDE_AT_ONCE, tick=tick),
        }
        self._sleep = sleep
        self._jitter = jitter
        self._tick = tick

    def get(
        self,
        *path: str,
        query: Mapping[str, str] | None = None,
        within_seconds: float | None = None,
        aside: bool = False,
    ) -> Answer:
        """Read. The parts of the path are quoted, so that no reference can lead elsewhere. `aside`: about nobody's money, and
        perhaps long under way, because the host asks somebody else in turn. `within_seconds`: less time than usual, where a
        person waits; the wait for a turn and all repeats are part of it."""
        seconds, in_all = self._seconds(within_seconds), within_seconds is not None
        return self._patiently(_Call("GET", path, query or {}, None, True, seconds, aside=aside, in_all=in_all))

    def post(
        self,
        *path: str,
        body: Mapping[str, Any],
        repeatable: bool = False,
        within_seconds: float | None = None,
        aside: bool = False,
    ) -> Answer:
        """Ask for an effect. `within_seconds`, where no money moves, and `aside`: as in `get()`."""
        content, seconds = write_json(body).encode(), self._seconds(within_seconds)
        in_all = within_seconds is not None
        return self._patiently(_Call("POST", path, {}, content, repeatable, seconds, aside=aside, in_all=in_all))

    def form(
        self,
        method: str,
        *path: str,
        query: Mapping[str, str],
        content: bytes | None,
        headers: Mapping[str, str],
        repeatable: bool,
    ) -> Answer:
        """Ask with a form that somebody else wrote, and headers of this one call; the answer is JSON as ever."""
        form = "application/x-www-form-urlencoded"
        call = _Call(method, path, query, content, repeatable, self._timeout_seconds, form, headers)
        return self._patiently(call)

    def _seconds(self, within_seconds: float | None) -> float:
        return min(self._timeout_seconds, within_seconds or self._timeout_seconds)

    def close(self) -> None:
        self._client.close()

    def _patiently(self, call: _Call) -> Answer:
        """One call, counted, and told in one line that says nothing of what was asked."""
        began = self._tick()
        try:
            answer = self._within_turns(call, began)
        except OutboundError as error:
            self._tell(
                "unsent" if isinstance(error, NothingSent) else "unheard", call, began, error.why, error.http_status
            )
            raise
        outcome = "answered" if answer.http_status < 400 else "refused"
        self._tell(outcome, call, began, "", answer.http_status)
        return answer

    def _tell(self, outcome: str, call: _Call, began: float, why: str, http_status: int | None) -> None:
        seconds = self._tick() - began
        metrics.PROVIDER_CALLS.labels(self._name, outcome).inc()
        metrics.PROVIDER_SECONDS.labels(self._name).observe(seconds)
        write = log.warning if outcome in ("unsent", "unheard") else log.info
        facts = {
            "provider": self._name,
            "method": call.method,
            "outcome": outcome,
            "http_status": http_status,
            "why": why,
        }
        write("provider_call", ms=round(seconds * 1000, 1), **{name: fact for name, fact in facts.items() if fact})

    def _within_turns(self, call: _Call, began: float) -> Answer:
        if any(part in ("", ".", "..") for part in call.path):
            raise NothingSent("no_name")  # it would lead to another address
        turnstile = self._turnstiles[call.aside]
        try:
            with turnstile.turn(at_most=call.seconds if call.in_all else None):
                answer = self._with_repeats(call, began if call.in_all else self._tick())
        except TurnstileFull:
            raise NothingSent("too_many_at_once") from None
        except OutcomeUnknown:
            turnstile.not_heard()
            raise
        turnstile.heard()
        return answer

    def _with_repeats(self, call: _Call, began: float) -> Answer:
        unheard: OutcomeUnknown | None = None
        for attempt in range(1, self._attempts + 1):
            seconds = call.seconds - (self._tick() - began) if call.in_all else call.seconds
            if seconds <= 0:
                raise unheard or NothingSent("no_time_left")
            try:
                answer = self._once(call, seconds)
            except OutboundError as error:
                unheard = error if isinstance(error, OutcomeUnknown) else unheard
                pause = self._pause_after(error, attempt)
                may_repeat = call.repeatable or unheard is None
                if not may_repeat or pause is None or self._tick() - began + pause >= call.seconds:
                    raise unheard or error from None
                self._sleep(pause)
            else:
                if unheard is not None and call.method != "GET" and answer.http_status >= 400:
                    # The refusal is of the repeat; perhaps because the first was heard.
                    raise OutcomeUnknown("refused_after_unknown", http_status=answer.http_status)
                return answer
        raise AssertionError("unreachable: the last attempt answers or raises")

    def _pause_after(self, error: OutboundError, attempt: int) -> float | None:
        """How long to wait before the next attempt, in seconds; None: not now."""
        if attempt >= self._attempts:
            return None
        if error.retry_after_seconds is not None:
            return error.retry_after_seconds if error.retry_after_seconds <= LONGEST_WAIT_SECONDS else None
        return min(LONGEST_WAIT_SECONDS, 0.2 * (1 << attempt)) * (0.5 + self._jitter() / 2)

    def _once(self, call: _Call, seconds: float) -> Answer:
        request = self._client.build_request(
            call.method,
            self._base + "/" + "/".join(quote(part, safe="") for part in call.path),
            params=call.query or None,
            content=call.content,
            headers={
                **({"Content-Type": call.content_type} if call.content is not None else {}),
                **(call.headers or {}),
            },
        )
        try:
            with deadline(seconds):
                response = self._client.send(request, stream=True)
                try:
                    body = _limited(response)
                finally:
                    response.close()
        except _NOTHING_SENT as error:
            raise NothingSent(type(error).__name__) from None
        except httpx.HTTPError as error:
            raise OutcomeUnknown(type(error).__name__) from None
        return _understood(response, body)


def _limited(response: httpx.Response) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise OutcomeUnknown("packed_unasked", http_status=response.status_code)
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > LARGEST_BODY_BYTES:
            raise OutcomeUnknown("too_large", http_status=response.status_code)
    return body


def _understood(response: httpx.Response, body: bytes) -> Answer:
    status = response.status_code
    if status in _UNSURE or not (200 <= status < 300 or 400 <= status < 500):
        raise OutcomeUnknown("no_usable_status", http_status=status, retry_after_seconds=_retry_after(response))
    try:
        return Answer(http_status=status, body=read_json(body))
    except NotExactJson:
        raise OutcomeUnknown("not_json", http_status=status) from None


def _retry_after(response: httpx.Response) -> int | None:
    """Whole seconds; a date is not read, because that would need the clock."""
    said = response.headers.get("retry-after", "").strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) < 7 else None
