"""Flutterwave's deliveries (v3): a static secret in a header, which does not bind the body, and two shapes of body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clustr.payments.providers.notices import notice_key, one_header, read_event, refuse_unless_equal
from clustr.payments.providers.nouns import Notice, NoticeKind
from clustr.payments.providers.reading import optional_mapping, text

_CHARGE, _PAYOUT, _PURCHASE = "charge.completed", "transfer.completed", "singlebillpayment.status"
_CHARGEBACK = "chargeback"
_KINDS = {
    _CHARGE: NoticeKind.CHARGE,
    _PAYOUT: NoticeKind.PAYOUT,
    "refund": NoticeKind.REFUND,
    _PURCHASE: NoticeKind.PURCHASE,
}


def read_flutterwave_notice(*, accepted: Sequence[bytes], raw_body: bytes, headers: Mapping[str, Any]) -> Notice:
    """A delivery with one of the accepted secrets. Both shapes of the same news have the same key. A virtual account
    uses one reference for every payment into it, so the key holds the id of the payment."""
    refuse_unless_equal(one_header(headers, "verif-hash"), accepted)
    event, data = read_event(raw_body)
    event, data = (event, data) if event else _flat(data)
    kind = _KINDS.get(event, NoticeKind.OTHER)
    if kind is NoticeKind.PURCHASE:
        return _purchase(event, data, raw_body)
    if _CHARGEBACK in event.lower():
        return _dispute(data, raw_body)
    provider_id, status = text(data.get("id")), text(data.get("status"))
    reference = text(data.get("tx_ref")) or text(data.get("txRef")) or text(data.get("reference"))
    return Notice(
        kind=kind,
        reference=reference if kind in (NoticeKind.CHARGE, NoticeKind.PAYOUT) else "",
        provider_id=provider_id,
        key=notice_key(event, provider_id, status, raw_body=raw_body),
    )


def _purchase(event: str, data: Mapping[str, Any], raw_body: bytes) -> Notice:
    """What became of a utility purchase: our reference is called the customer's there, and stands in capitals or small."""
    provider_id = text(data.get("flw_ref")) or text(data.get("tx_ref"))
    return Notice(
        kind=NoticeKind.PURCHASE,
        reference=text(data.get("customer_reference")).lower(),
        provider_id=provider_id,
        key=notice_key(event, provider_id, text(data.get("status")), raw_body=raw_body),
    )


def _dispute(data: Mapping[str, Any], raw_body: bytes) -> Notice:
    """A chargeback was raised or decided. Its body is described nowhere: whatever it says, the chargebacks of its
    transaction are asked for, by that one's own number or our reference."""
    charge_id = text(data.get("transaction_id")) or text(data.get("TransactionId"))
    steps = (text(data.get("id")), text(data.get("status")), text(data.get("stage")))
    return Notice(
        kind=NoticeKind.DISPUTE,
        reference=text(data.get("tx_ref")) or text(data.get("txRef")),
        provider_id=charge_id,
        key=notice_key(_CHARGEBACK, charge_id, ":".join(steps), raw_body=raw_body),
    )


def _flat(body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The older shape names no event: it is known by what it holds."""
    if "AmountRefunded" in body and "TransactionId" in body:
        return "refund", body
    if body.get("event.type") == "Transfer":
        return _PAYOUT, optional_mapping(body.get("transfer")) or body
    if _CHARGEBACK in text(body.get("event.type")).lower():
        return _CHARGEBACK, optional_mapping(body.get("chargeback")) or body
    if "txRef" in body:
        return _CHARGE, body
    return "", body
