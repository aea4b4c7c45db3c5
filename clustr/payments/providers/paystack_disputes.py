"""Paystack's disputes: a payer complains to their bank; what is accepted, by us or by the lapse of time, is taken back."""

from __future__ import annotations

from typing import Any

from clustr.kit.outbound import Outbound
from clustr.payments.providers.nouns import NotFoundYet
from clustr.payments.providers.paging import every_row, pages
from clustr.payments.providers.paystack_wire import Fetch, opened, read_mode, to_money
from clustr.payments.providers.reading import mapping, needed_text, record_of, text
from clustr.payments.providers.returns import DisputeState, DisputeTruth

_DECIDED = {
    "merchant-accepted": DisputeState.LOST,
    "auto-accepted": DisputeState.LOST,
    "declined": DisputeState.WON,
}
_KEPT = ("id", "domain", "status", "resolution", "refund_amount", "currency", "category", "dueAt", "resolvedAt")


def fetch_paystack_dispute(outbound: Outbound, *, provider_id: str) -> DisputeTruth | NotFoundYet:
    """One dispute, by its number."""
    envelope = opened(outbound.get("dispute", provider_id))
    return NotFoundYet() if not envelope.done and envelope.unknown_reference else dispute_truth(envelope.content())


def paystack_disputes_of(fetch: Fetch, *, charge_id: str) -> tuple[DisputeTruth, ...]:
    """Every dispute about a charge."""
    listed = pages(lambda number: fetch("dispute", number, {"transaction": charge_id}), dispute_truth)
    return tuple(dispute for dispute in every_row(listed) if dispute.charge_id == charge_id)


def disputed_charge(raw: Any) -> str:
    """The charge that a dispute is about."""
    return needed_text(mapping(mapping(raw, "dispute").get("transaction"), "transaction").get("id"), "transaction.id")


def dispute_truth(raw: Any) -> DisputeTruth:
    """A dispute as truth. Until an amount is claimed it is about the whole charge; what is neither resolved nor archived is
    open."""
    data = mapping(raw, "dispute")
    charge = mapping(data.get("transaction"), "transaction")
    told = data.get("refund_amount") is not None
    amount = data.get("refund_amount") if told else charge.get("amount")
    return DisputeTruth(
        state=_state(text(data.get("status")), text(data.get("resolution"))),
        provider_id=needed_text(data.get("id"), "id"),
        charge_id=needed_text(charge.get("id"), "transaction.id"),
        reference=needed_text(charge.get("reference"), "transaction.reference"),
        amount=to_money(amount, data.get("currency") or charge.get("currency")),
        mode=read_mode(data),
        record=record_of(data, kept=_KEPT, told=()),
    )


def _state(status: str, resolution: str) -> DisputeState:
    """One that was archived without a resolution is not decided any more."""
    match status:
        case "resolved":
            return _DECIDED.get(resolution, DisputeState.OPEN)
        case "archived":
            return _DECIDED.get(resolution, DisputeState.DROPPED)
        case _:
            return DisputeState.OPEN
