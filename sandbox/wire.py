"""What goes over the wire: requests, answers, answers that never come, and amounts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

# For whoever carries an answer: how long to wait before it, and how long to spread it. Never sent on.
WAIT = "x-sandbox-wait-seconds"
DRIP = "x-sandbox-drip-seconds"


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Dropped:
    """The client hears nothing: after `seconds` the connection ends, `reset` or silent. `effect`: whether it happened."""

    reset: bool
    effect: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Keys:
    """What ClustR is given as its keys of the sandbox. No secrets: no money moves here."""

    paystack_secret: str = "sk_test_sandbox"  # noqa: S105
    flutterwave_secret: str = "FLWSECK_TEST-sandbox-X"  # noqa: S105
    flutterwave_hash: str = "sandbox-secret-hash"
    stripe_secret: str = "sk_test_sandbox"  # noqa: S105
    stripe_webhook: str = "whsec_sandbox_secret"


class Refused(Exception):
    """The provider says no, with this status and body."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body.get("message", ""))
        self.status, self.body = status, body


@dataclass(slots=True)
class Request:
    """What arrived, taken apart."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    params: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, *, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
        parts = urlsplit(target)
        lowered = {name.lower(): value for name, value in headers.items()}
        return cls(method.upper(), parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), lowered, body)

    @property
    def bearer(self) -> str:
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    def json(self) -> dict[str, Any] | None:
        """The body as an object, numbers with a point as Decimal; None if it is not one. A form counts as an object, but JSON
        is JSON whatever it is called: `curl -d` calls everything a form."""
        try:
            read = json.loads(self.body or b"{}", parse_float=Decimal)
        except ValueError:
            is_form = self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
            return dict(self.form()) if is_form else None
        return read if isinstance(read, dict) else None

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))


def answer_json(body: Any, *, status: int = 200) -> Answer:
    """JSON as a provider writes it. A Decimal becomes the number it is."""
    text = json.dumps(body, ensure_ascii=False, default=_plain)
    return Answer(status, {"content-type": "application/json; charset=utf-8"}, text.encode())


def answer_html(text: str, *, status: int = 200) -> Answer:
    return Answer(status, {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"}, text.encode())


def major(minor: int) -> int | Decimal:
    """Kobo to naira: 10000 is 100, 140 is 1.4."""
    whole, rest = divmod(minor, 100)
    return whole if rest == 0 else (Decimal(minor) / 100).normalize()


def minor_of_major(value: object) -> int | None:
    """Naira, as a number or a string, to kobo; None if it is no amount of whole kobo."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    try:
        kobo = Decimal(value) * 100
    except InvalidOperation:
        return None
    return int(kobo) if kobo.is_finite() and kobo == kobo.to_integral_value() else None


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        # A double holds any amount below ten trillion naira to the kobo, and is written as short as it was.
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value)} has no place on the wire")
