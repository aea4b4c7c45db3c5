"""Paying many members' bills at once, from their wallets: for standing orders, in one transaction for a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clustr.bills.types import BillType
from clustr.kit.errors import refusals_from_database
from clustr.kit.ids import new_id, reference_of
from clustr.kit.prepared import fetch_prepared
from clustr.kit.tenancy import current_tenant


@dataclass(frozen=True, slots=True)
class PartToPay:
    """What is to be paid on one member's part of a bill. `transaction_id` names the payment; a new one is made."""

    bill_id: UUID
    user_id: UUID
    wallet_id: UUID
    amount_minor: int
    transaction_id: UUID


def hold_payable_bills(*, wanted: Sequence[tuple[UUID, BillType]], now: datetime) -> dict[UUID, list[tuple[UUID, int]]]:
    """Hold these members' parts of their bills of this type each that are open to be paid now, until the transaction under
    way ends. Answers by member each bill with what remains of it in minor units, the oldest due date first."""
    current_tenant()
    with refusals_from_database():
        found = fetch_prepared(
            "SELECT member, bill, remaining FROM bills_hold_payable(%b::uuid[], %b::text[], %s)",
            [[user_id for user_id, _ in wanted], [type.value for _, type in wanted], now],
        )
    held: dict[UUID, list[tuple[UUID, int]]] = {}
    for user_id, bill_id, remaining in found:
        held.setdefault(user_id, []).append((bill_id, remaining))
    return held


def pay_held_bills(
    *, parts: Sequence[PartToPay], currency: str, action: str, now: datetime
) -> dict[UUID, tuple[str, int]]:
    """Pay these parts, which the transaction under way holds: all of one wallet's or none. Every one passes the rules of a
    single payment; one that does not refuses the whole batch, as `pay_bill` would.

    Answers by wallet `posted`, `insufficient_funds` or `account_frozen`, and how much was missing in minor units.
    """
    if not parts:
        return {}
    current_tenant()
    with refusals_from_database():
        answered = fetch_prepared(
            "SELECT wallet, verdict, short FROM bills_pay_many(%b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[],"
            " %b::uuid[], %b::text[], %s, %s, %s)",
            [
                [part.bill_id for part in parts],
                [part.user_id for part in parts],
                [part.wallet_id for part in parts],
                [part.amount_minor for part in parts],
                [part.transaction_id for part in parts],
                [reference_of(part.transaction_id) for part in parts],
                currency,
                now,
                action,
            ],
        )
    return {wallet: (verdict, short) for wallet, verdict, short in answered}


def part_to_pay(*, bill_id: UUID, user_id: UUID, wallet_id: UUID, amount_minor: int) -> PartToPay:
    """A part with a new payment's id."""
    return PartToPay(bill_id, user_id, wallet_id, amount_minor, new_id())
