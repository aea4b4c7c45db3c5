"""Paystack's deliveries: signed with the secret key, HMAC-SHA512 over the raw bytes, in hexadecimal."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from clustr.payments.providers.notices import notice_key, one_header, read_event, refuse_unless_equal
from clustr.payments.providers.nouns import Notice, NoticeKind
from clustr.payments.providers.reading import optional_mapping, text

_NOTICES = {
    "charge.success": NoticeKind.CHARGE,
    "charge.failed": NoticeKind.CHARGE,
    "refund": NoticeKind.REFUND,
    "transfer": NoticeKind.PAYOUT,
    "charge.dispute": NoticeKind.DISPUTE,
    "dedicatedaccount.assign": NoticeKind.VIRTUAL_ACCOUNT,
}


def read_paystack_notice(*, accepted: Sequence[bytes], raw_body: bytes, headers: Mapping[str, Any]) -> Notice:
    """A delivery signed with one of the accepted keys. It carries no id of its own: its key is made of what it tells."""
    given = one_header(headers, "x-paystack-signature")
    refuse_unless_equal(given, [hmac.new(key, raw_body, hashlib.sha512).hexdigest().encode() for key in accepted])
    event, data = read_event(raw_body)
    kind = _NOTICES.get(event) or _NOTICES.get(event.rpartition(".")[0], NoticeKind.OTHER)
    provider_id, reference = text(data.get("id")), text(data.get("reference"))
    told_apart_by = provider_id
    if kind is NoticeKind.PAYOUT:
        told_apart_by = provider_id = text(data.get("transfer_code")) or provider_id
    elif kind is NoticeKind.REFUND:
        told_apart_by = provider_id or text(data.get("refund_reference"))  # which is no id to ask by
        reference = text(data.get("transaction_reference"))
    elif kind is NoticeKind.DISPUTE:
        reference = text(optional_mapping(data.get("transaction")).get("reference"))
    return Notice(
        kind=kind,
        reference=reference,
        provider_id=provider_id,
        key=notice_key(event, told_apart_by, text(data.get("status")), raw_body=raw_body),
    )
