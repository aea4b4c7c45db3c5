"""Stripe's deliveries: signed with a time, so that an old one cannot be sent again; and what each asks us to look at."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from clustr.kit.exact_json import NotExactJson, read_json
from clustr.payments.providers.notices import notice_key, one_header
from clustr.payments.providers.nouns import Notice, NoticeKind
from clustr.payments.providers.port import NoticeRefused
from clustr.payments.providers.reading import optional_mapping
from clustr.subscriptions.vendors.stripe_returns import payment_of
from clustr.subscriptions.vendors.stripe_shapes import id_of, subscription_of

TOLERANCE_SECONDS = 300
"""How old, or how far ahead, the time of a signature may be. Stripe's library looks only at the age."""
_SIGNED_AT = re.compile(r"[0-9]{1,12}", re.ASCII)
_LOOK_AT = re.compile(r"(sub|cs|in|cus|pi|ch|py|cn|seti|sub_sched)_[A-Za-z0-9_]{1,120}", re.ASCII)


def read_stripe_notice(
    *, secrets: Sequence[str], live: bool, raw_body: bytes, headers: Mapping[str, Any], now: datetime
) -> Notice:
    """A delivery that one of the secrets signed, in time, of the mode of our keys. `provider_id` is the id of what to ask
    Stripe about: the subscription if it names one. Refuses `NoticeRefused`."""
    _refuse_unsigned(secrets, raw_body, one_header(headers, "stripe-signature").decode(), now)
    try:
        event = optional_mapping(read_json(raw_body))
    except NotExactJson:
        event = {}
    about = optional_mapping(optional_mapping(event.get("data")).get("object"))
    if bool(event.get("livemode")) != live:
        about = {}
    look_at = to_look_at(about)
    return Notice(
        kind=NoticeKind.SUBSCRIPTION if look_at else NoticeKind.OTHER,
        reference="",
        provider_id=look_at,
        key=notice_key(str(event.get("type", "")), str(event.get("id", "")), "", raw_body=raw_body),
    )


def to_look_at(about: Mapping[str, Any]) -> str:
    """The id of what an event's object concerns: its subscription, or the page, or its customer, or the payment of which
    something went back, or itself."""
    raw = dict(about)
    match raw.get("object"):
        case "subscription" | "checkout.session" | "customer":
            found = id_of(raw.get("id"))
        case "invoice":
            found = subscription_of(raw) or id_of(raw.get("id"))
        case "charge" if raw.get("amount_refunded") or raw.get("disputed"):
            found = id_of(raw.get("payment_intent")) or id_of(raw.get("id"))
        case "refund" | "dispute":
            found = payment_of(raw)
        case "credit_note":
            found = id_of(raw.get("id"))
        case "payment_intent" | "charge" | "payment_method" | "invoiceitem" | "discount":
            found = id_of(raw.get("customer"))
        case "setup_intent":
            found = id_of(raw.get("customer"))
        case "subscription_schedule":
            found = id_of(raw.get("subscription")) or id_of(raw.get("released_subscription"))
        case _:
            found = ""
    return found if _LOOK_AT.fullmatch(found) else ""


def _refuse_unsigned(secrets: Sequence[str], raw_body: bytes, header: str, now: datetime) -> None:
    parts = [part.strip().partition("=") for part in header.split(",")]
    signed_at = [value for name, _, value in parts if name == "t"]
    given = [value for name, _, value in parts if name == "v1"]
    if len(signed_at) != 1 or not _SIGNED_AT.fullmatch(signed_at[0]) or not given or not any(secrets):
        raise NoticeRefused
    right = [
        hmac.new(secret.encode(), signed_at[0].encode() + b"." + raw_body, hashlib.sha256).hexdigest()
        for secret in secrets
        if secret
    ]
    matches = [hmac.compare_digest(one.encode(), other.encode()) for one in given for other in right]
    if not any(matches) or abs(now.timestamp() - int(signed_at[0])) > TOLERANCE_SECONDS:
        raise NoticeRefused
