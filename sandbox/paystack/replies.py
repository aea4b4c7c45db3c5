"""Paystack's envelopes, its refusals, and what it makes of fields and pages."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sandbox.wire import Answer, Refused, Request, answer_json

CURRENCIES = ("NGN", "GHS", "KES", "USD", "ZAR")
LARGEST = 10_000_000_00
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+$")


def ok(message: str, data: Any, *, meta: dict[str, Any] | None = None, status: int = 200) -> Answer:
    body = {"status": True, "message": message, "data": data}
    return answer_json(body if meta is None else body | {"meta": meta}, status=status)


def refusal(
    status: int, message: str, *, code: str = "", next_step: str = "", kind: str = "validation_error"
) -> Refused:
    """`{"status": false, "message", "meta": {"nextStep"}, "type", "code"}`; without a code, as short as it was seen."""
    body: dict[str, Any] = {"status": False, "message": message}
    if next_step:
        body["meta"] = {"nextStep": next_step}
    return Refused(status, body | {"type": kind, "code": code} if code else body)


def invalid_key() -> Refused:
    return refusal(
        401,
        "Invalid key",
        code="invalid_Key",
        next_step="Ensure that you provide the correct authorization key for the request",
    )


def missing(what: str) -> Refused:
    return refusal(400, f"{what} is required", code="missing_params", next_step="Provide all required params")


def invalid(message: str, *, code: str = "invalid_params") -> Refused:
    return refusal(400, message, code=code, next_step="Ensure that the value(s) you're passing are valid")


def body_of(request: Request) -> dict[str, Any]:
    read = request.json()
    if read is None:
        raise invalid("Invalid JSON body")
    return read


def text(body: dict[str, Any], name: str, *, label: str) -> str:
    """A field that must be there."""
    value = body.get(name)
    if value is None or value == "":
        raise missing(label)
    return str(value)


def email(body: dict[str, Any]) -> str:
    value = text(body, "email", label="Email Address")
    if not _EMAIL.match(value):
        raise invalid("Invalid Email Address Passed", code="invalid_email_address")
    return value


def amount(body: dict[str, Any], *, name: str = "amount") -> int:
    """Kobo: a whole number, also as text or as 100.0."""
    value = body.get(name)
    if value is None or value == "":
        raise missing("Amount")
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else None
        whole = number is not None and number == number.to_integral_value()
    except ArithmeticError:
        number, whole = None, False
    if number is None or not whole:
        raise refusal(400, f'"{name}" must be an integer')
    if number <= 0:
        raise refusal(400, "Invalid Amount Sent")
    if number > LARGEST:
        raise invalid("Amount exceeds maximum allowed")
    return int(number)


def currency(body: dict[str, Any]) -> str:
    value = body.get("currency") or "NGN"
    if value not in CURRENCIES:
        raise refusal(400, "Currency not supported by merchant")
    return str(value)


def page_of(request: Request, rows: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
    """One page and its `meta`: by page, or by cursor with `use_cursor=true`. Both spellings of the size are taken."""
    query = request.query
    size = _whole(query.get("perPage") or query.get("per_page"), usual=50)
    if query.get("use_cursor") == "true":
        start = _start_of(query.get("next") or query.get("previous"))
        after, before = start + size, start - size
        meta: dict[str, Any] = {
            "next": _cursor(after) if after < len(rows) else None,
            "previous": _cursor(before) if before >= 0 and start else None,
            "perPage": size,
        }
        return list(rows[start:after]), meta
    page = _whole(query.get("page"), usual=1)
    skipped = (page - 1) * size
    meta = {
        "total": len(rows),
        "skipped": skipped,
        "perPage": size,
        "page": page,
        "pageCount": max(1, -(-len(rows) // size)),
    }
    return list(rows[skipped : skipped + size]), meta


def between(request: Request, at: datetime) -> bool:
    """Whether an instant lies in `from` .. `to`."""
    start, end = (_instant(request.query.get(name), name=name) for name in ("from", "to"))
    return (start is None or at >= start) and (end is None or at <= end)


def _instant(value: str | None, *, name: str) -> datetime | None:
    if not value:
        return None
    try:
        read = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        raise invalid(f"Invalid '{name}' date passed") from None
    if len(value) == 10 and name == "to":
        read = read.replace(hour=23, minute=59, second=59, microsecond=999999)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _whole(value: str | None, *, usual: int) -> int:
    return int(value) if value and value.isdecimal() and int(value) else usual


def _cursor(start: int) -> str:
    return base64.b64encode(f"sandbox:{start}".encode()).decode()


def _start_of(cursor: str | None) -> int:
    try:
        return int(base64.b64decode(cursor or "").decode().partition(":")[2] or 0)
    except ValueError:
        raise invalid("Invalid cursor passed") from None
