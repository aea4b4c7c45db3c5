"""Flutterwave's chargebacks, which it lists by the transaction they are about.

Source: https://developer.flutterwave.com/reference/endpoints/charge-backs/ (v3). A row names no currency: it is that of the
transaction, which is asked for beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from clustr.payments.providers.nouns import ChargeTruth
from clustr.payments.providers.reading import mapping, money, needed_text, record_of, text
from clustr.payments.providers.returns import DisputeState, DisputeTruth

_DECIDED = {"lost": DisputeState.LOST, "accepted": DisputeState.LOST, "won": DisputeState.WON}
"""What is `initiated`, or was `declined` by us and lies with the bank, is open."""
_KEPT = ("id", "amount", "status", "stage", "due_date", "created_at", "transaction_id", "settlement_id")


def about(row: Mapping[str, Any]) -> str:
    """The transaction that a chargeback is about."""
    return text(row.get("transaction_id"))


def disputed_charge(raw: Any) -> str:
    """The same, where it must be told."""
    return needed_text(about(mapping(raw, "chargeback")), "transaction_id")


def disputes(found: Iterable[Mapping[str, Any]], *, charge: ChargeTruth) -> tuple[DisputeTruth, ...]:
    """Chargebacks of this charge as truths."""
    return tuple(
        DisputeTruth(
            state=_DECIDED.get(text(row.get("status")).lower(), DisputeState.OPEN),
            provider_id=needed_text(row.get("id"), "id"),
            charge_id=charge.provider_id,
            reference=charge.reference,
            amount=money(row.get("amount"), charge.amount.currency),
            mode=charge.mode,
            record=record_of(row, kept=_KEPT, told=()),
        )
        for row in found
    )
