"""Flutterwave's envelopes, its refusals, and what it makes of fields and pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.wire import Answer, Refused, Request, answer_json, minor_of_major

CURRENCIES = ("NGN", "GHS", "KES", "USD", "ZAR", "EUR", "GBP", "UGX", "TZS", "XAF", "XOF")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+$")
_PAGE = 10


def ok(message: str, data: Any, *, meta: dict[str, Any] | None = None) -> Answer:
    head: dict[str, Any] = {"status": "success", "message": message}
    return answer_json(head | ({} if meta is None else {"meta": meta}) | {"data": data})


def refusal(status: int, message: str) -> Refused:
    """`{"status": "error", "message", "data": null}`: a message and no code."""
    return Refused(status, {"status": "error", "message": message, "data": None})


def body_of(request: Request) -> dict[str, Any]:
    read = request.json()
    if read is None:
        raise refusal(400, "Invalid JSON body")
    return read


def text(body: dict[str, Any], name: str) -> str:
    """A field that must be there."""
    value = body.get(name)
    if value is None or value == "":
        raise refusal(400, f"{name} is required")
    return str(value)


def amount(body: dict[str, Any], name: str = "amount") -> int:
    """Naira, as a number or text, to kobo."""
    text(body, name)
    kobo = minor_of_major(body[name])
    if kobo is None:
        raise refusal(400, f"{name} must be a number")
    if kobo <= 0:
        raise refusal(400, f"{name} should be greater than 0")
    return kobo


def currency(body: dict[str, Any]) -> str:
    value = str(body.get("currency") or "NGN")
    if value not in CURRENCIES:
        raise refusal(400, f"currency {value} is not supported")
    return value


def email(body: dict[str, Any]) -> str:
    value = text(body, "email")
    if not _EMAIL.match(value):
        raise refusal(400, "email must be a valid email")
    return value


def page_of(request: Request, rows: Sequence[Any], *, with_size: bool = False) -> tuple[list[Any], dict[str, Any]]:
    """One page of ten and its `meta.page_info`."""
    asked = request.query.get("page", "")
    page = int(asked) if asked.isdecimal() and int(asked) else 1
    info = {"total": len(rows), "current_page": page, "total_pages": -(-len(rows) // _PAGE)}
    if with_size:
        info["page_size"] = _PAGE
    return list(rows[(page - 1) * _PAGE : page * _PAGE]), {"page_info": info}


def between(request: Request, at: datetime) -> bool:
    """Whether an instant lies in `from` .. `to`, days or instants, both included."""
    for name in ("from", "to"):
        value = request.query.get(name)
        if not value:
            continue
        try:
            edge = datetime.fromisoformat(value.replace(" ", "+"))
        except ValueError:
            raise refusal(400, f"{name} must be a valid date") from None
        if len(value) == 10 and name == "to":
            edge = edge.replace(hour=23, minute=59, second=59, microsecond=999999)
        edge = edge if edge.tzinfo else edge.replace(tzinfo=UTC)
        if (name == "from" and at < edge) or (name == "to" and at > edge):
            return False
    return True
