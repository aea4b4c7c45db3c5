"""How this room's acts on money are written on the trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.payments.models import Transaction
from clustr.payments.states import Purpose


def record_money_act(
    *,
    actor: Actor,
    action: str,
    transaction: Transaction,
    reason: str = "",
    facts: Mapping[str, str] | None = None,
    now: datetime,
) -> None:
    """Write one act on this transaction, with its amount and these facts, into the trail, in the transaction under way; of a
    refund also which transaction it gives back."""
    of = {"of": str(transaction.subject_id)} if transaction.purpose == Purpose.REFUND else {}
    audit.record(
        actor=actor,
        action=action,
        subject_kind="transaction",
        subject_id=transaction.id,
        at=now,
        reason=reason,
        facts={"amount": str(transaction.amount), "currency": transaction.currency} | of | dict(facts or {}),
        journal=transaction.id,
    )
