"""What all notices have in common: one header, compared in constant time; an event; a key that repeats share."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from clustr.kit.exact_json import NotExactJson, read_json
from clustr.payments.providers.port import NoticeRefused
from clustr.payments.providers.reading import optional_mapping, text


def one_header(headers: Mapping[str, Any], name: str) -> bytes:
    """The header's only value. Absent, empty, given twice or no text: refused."""
    given = [value for held, value in headers.items() if held.lower() == name]
    if len(given) != 1 or not isinstance(given[0], str) or not given[0] or not given[0].isascii():
        raise NoticeRefused
    return given[0].encode("ascii")


def refuse_unless_equal(given: bytes, right: Sequence[bytes]) -> None:
    """Refuse unless `given` is one of the right values; each comparison takes the same time, and all are made."""
    matches = [hmac.compare_digest(given, one) for one in right if one]
    if not any(matches):
        raise NoticeRefused


def read_event(raw_body: bytes) -> tuple[str, Mapping[str, Any]]:
    """The event's name and data; empty where the body, although signed, is nothing we can read."""
    try:
        body = optional_mapping(read_json(raw_body))
    except NotExactJson:
        return "", {}
    return text(body.get("event")), optional_mapping(body.get("data")) or ({} if "event" in body else body)


def notice_key(event: str, provider_id: str, status: str, *, raw_body: bytes) -> str:
    """The same for every delivery of the same news. Without an id only the same bytes are the same news."""
    if event and provider_id:
        return f"{event}:{provider_id}:{status}"[:200]
    return f"sha256:{hashlib.sha256(raw_body).hexdigest()}"
