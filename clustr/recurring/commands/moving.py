"""Moving the money of a batch of due orders: contributions and payments on bills, each wallet's as far as it covers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from clustr.bills import commands as bills
from clustr.bills.types import BillType
from clustr.kit.errors import refusals_from_database
from clustr.kit.ids import new_id, reference_of
from clustr.kit.prepared import fetch_prepared
from clustr.kit.tenancy import current_tenant
from clustr.payments.queries import parts_being_paid
from clustr.recurring.models import RecurringPayment
from clustr.recurring.policies import Open, divide_among_bills
from clustr.recurring.schedule import Schedule
from clustr.recurring.types import Frequency, RunFailure


class Due(NamedTuple):
    """An order whose period is due, as a sweep claims it."""

    id: UUID
    user_id: UUID
    title: str
    amount_minor: int
    most_minor: int
    currency: str
    frequency: str
    bill_type: str
    anchor: datetime
    timezone: str
    end_at: datetime | None
    period: int
    failed_attempts: int
    is_member: bool
    wallet_id: UUID | None
    run_id: UUID
    method_id: UUID | None

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.anchor, Frequency(self.frequency), self.timezone, self.end_at)


@dataclass(slots=True)
class Outcome:
    """What an attempt moved, or why it moved nothing."""

    moved_minor: int = 0
    failure: RunFailure = RunFailure.NONE
    short_minor: int = 0
    bill_payments: Sequence[UUID] = ()


def move_money(*, batch: Sequence[Due], now: datetime) -> dict[UUID, Outcome]:
    """Move what each of these orders is due, of which no two share a wallet; part of a sweep's transaction. Answers by
    order what moved, or why nothing did; nothing about an order that has to wait, because a charge may pay its bills."""
    return _contribute(batch, now) | _pay_bills(batch, now)


def charged_meanwhile(*, paying: Sequence[Due], held: Mapping[UUID, Sequence[tuple[UUID, int]]]) -> set[UUID]:
    """Of these orders for bills, no two of one member, those with a bill that a charge which is not decided may pay. The
    transaction under way holds the bills: whoever began the charge has held them before, and is seen."""
    owing = [due for due in paying if held.get(due.user_id)]
    if not owing:
        return set()
    parts = {(due.user_id, bill_id) for due in owing for bill_id, _ in held[due.user_id]}
    members = {user_id for user_id, _ in parts_being_paid(parts=parts)}
    others = RecurringPayment.objects.filter(
        cluster_id=current_tenant(), user_id__in=[due.user_id for due in owing], charging_id__isnull=False
    )
    charging = set(others.values_list("user_id", "bill_type"))
    return {due.id for due in owing if due.user_id in members or (due.user_id, due.bill_type) in charging}


def _contribute(here: Sequence[Due], now: datetime) -> dict[UUID, Outcome]:
    """Contributions, for orders without a type of bills."""
    contributing = [due for due in here if not due.bill_type]
    outcomes = {due.id: Outcome(0, RunFailure.INSUFFICIENT_FUNDS, due.amount_minor) for due in contributing}
    for currency in sorted({due.currency for due in contributing}):
        paying = [due for due in contributing if due.currency == currency and due.wallet_id]
        transactions = [new_id() for _ in paying]
        verdicts = _verdicts(
            "SELECT wallet, verdict, short FROM recurring_contribute(%b::uuid[], %b::uuid[], %b::uuid[], %b::bigint[],"
            " %b::text[], %b::uuid[], %b::text[], %s, %s)",
            [
                [due.run_id for due in paying],
                [due.user_id for due in paying],
                [due.wallet_id for due in paying],
                [due.amount_minor for due in paying],
                [due.title for due in paying],
                transactions,
                [reference_of(id) for id in transactions],
                currency,
                now,
            ],
        )
        for due in paying:
            outcomes[due.id] = _judged(verdicts[due.wallet_id], due.amount_minor)
    return outcomes


def _pay_bills(here: Sequence[Due], now: datetime) -> dict[UUID, Outcome]:
    """What is open of each order's type of bills, the oldest first, up to its cap: the whole of that or nothing."""
    owing = [due for due in here if due.bill_type]
    if not owing:
        return {}
    held = bills.hold_payable_bills(wanted=[(due.user_id, BillType(due.bill_type)) for due in owing], now=now)
    waiting = charged_meanwhile(paying=owing, held=held)
    paying = [due for due in owing if due.id not in waiting]
    outcomes: dict[UUID, Outcome] = {}
    parts: dict[UUID, list[Any]] = {}
    for due in paying:
        owed = [Open(bill_id, remaining) for bill_id, remaining in held.get(due.user_id, [])]
        shares = divide_among_bills(cap_minor=due.most_minor, owed=owed)
        outcomes[due.id] = Outcome()
        if due.wallet_id:
            parts[due.id] = [
                bills.part_to_pay(bill_id=bill_id, user_id=due.user_id, wallet_id=due.wallet_id, amount_minor=minor)
                for bill_id, minor in shares
            ]
        elif shares:
            total = sum(minor for _, minor in shares)
            outcomes[due.id] = Outcome(0, RunFailure.INSUFFICIENT_FUNDS, total)
    for currency in sorted({due.currency for due in paying}):
        batch = [part for due in paying if due.currency == currency for part in parts.get(due.id, ())]
        verdicts = bills.pay_held_bills(parts=batch, currency=currency, action="recurring.bill_paid", now=now)
        for due in paying:
            if due.currency == currency and parts.get(due.id):
                mine = parts[due.id]
                outcome = _judged(verdicts[mine[0].wallet_id], sum(part.amount_minor for part in mine))
                if outcome.moved_minor:
                    outcome.bill_payments = [part.transaction_id for part in mine]
                outcomes[due.id] = outcome
    return outcomes


def _verdicts(statement: str, values: list[Any]) -> dict[Any, tuple[str, int]]:
    if not values[0]:
        return {}
    with refusals_from_database():
        return {wallet: (verdict, short) for wallet, verdict, short in fetch_prepared(statement, values)}


def _judged(verdict: tuple[str, int], amount_minor: int) -> Outcome:
    what, short = verdict
    return Outcome(amount_minor) if what == "posted" else Outcome(0, RunFailure(what), short)
