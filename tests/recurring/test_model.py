"""Any sequence of acts on standing orders, beside a model in plain Python that shares no code with what it judges."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from clustr.bills.types import BillType
from clustr.kit.errors import Refusal
from clustr.kit.money import Money
from clustr.recurring import commands
from clustr.recurring.types import Frequency, NewOrder
from clustr.wallets import commands as wallets
from tests.bills import acts
from tests.cast import Cast, Person, make_cast
from tests.money import cluster_balance, fund, issue, no_pin, prove, wallet_balance
from tests.recurring.acts import runs, stored

AMOUNTS = st.sampled_from([1_00, 5_00, 7_00, 20_00, 55_00])
WHO = st.sampled_from([0, 0, 1])
WHICH = st.integers(0, 5)
STEPS = {"daily": 0, "weekly": 0, "monthly": 1, "quarterly": 3, "yearly": 12}


@dataclass
class MBill:
    id: UUID
    amount: int
    due: datetime
    number: str
    consents: set[int] = field(default_factory=set)
    disputed: set[int] = field(default_factory=set)
    paid: dict[int, int] = field(default_factory=dict)

    def open_to(self, who: int, now: datetime) -> int:
        if who not in self.consents or who in self.disputed or now > self.due:
            return 0
        return self.amount - self.paid.get(who, 0)


@dataclass
class MOrder:
    id: UUID
    who: int
    amount: int
    cap: int
    frequency: str
    start: datetime
    pays_bills: bool
    state: str = "active"
    period: int = 0
    next_run: datetime | None = None
    failed: int = 0
    runs: dict[int, tuple[str, int]] = field(default_factory=dict)

    def due(self, period: int) -> datetime:
        """Lagos knows no summer time: its wall clock is an hour ahead of UTC."""
        local = self.start + timedelta(hours=1)
        if self.frequency in ("daily", "weekly"):
            local += timedelta(days=period * (1 if self.frequency == "daily" else 7))
        else:
            months = local.month - 1 + period * STEPS[self.frequency]
            year, month = local.year + months // 12, months % 12 + 1
            local = local.replace(year=year, month=month, day=min(local.day, monthrange(year, month)[1]))
        return local - timedelta(hours=1)


class Orders(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.cast: Cast = make_cast(residents=2)
        self.now = self.cast.now
        self.people: list[Person] = self.cast.residents
        self.wallets = [0, 0]
        self.frozen = [False, False]
        self.orders: list[MOrder] = []
        self.bills: list[MBill] = []
        self.estate = 0

    def attempt(self, expected: str | None, act: Any) -> Any:
        try:
            done = act()
        except Refusal as refusal:
            assert refusal.code == expected, f"the model expected {expected}, the code refused with {refusal.code}"
            return None
        assert expected is None, f"the model expected {expected}, the code went through"
        return done

    @rule(who=WHO, amount=AMOUNTS)
    def put_money_in(self, who: int, amount: int) -> None:
        fund(self.cast, self.people[who], str(Money(amount, "NGN")))
        self.wallets[who] += amount

    @rule(who=WHO)
    def freeze_or_thaw(self, who: int) -> None:
        actor = self.people[who].actor
        if self.frozen[who]:
            wallets.unfreeze_wallet(actor=actor, authorization=None, now=self.now)
        else:
            wallets.freeze_wallet(actor=actor, now=self.now)
        self.frozen[who] = not self.frozen[who]

    @rule(amount=AMOUNTS, days=st.sampled_from([2, 9, 40]), consent=st.lists(WHO, unique=True))
    def issue_a_bill(self, amount: int, days: int, consent: list[int]) -> None:
        due = self.now + timedelta(days=days)
        self.cast.now = self.now
        bill = issue(self.cast, str(Money(amount, "NGN")), due_date=due)
        made = MBill(bill.id, amount, due, bill.bill_number)
        for who in consent:
            acts.bills.acknowledge_bill(actor=self.people[who].actor, bill_id=bill.id, version=None, now=self.now)
            made.consents.add(who)
        self.bills.append(made)

    @precondition(lambda self: self.bills)
    @rule(which=WHICH, who=WHO)
    def dispute_a_bill(self, which: int, who: int) -> None:
        bill = self.bills[which % len(self.bills)]
        paid = bill.paid.get(who, 0) >= bill.amount
        expected = "bill_already_paid" if paid else "already_disputed" if who in bill.disputed else None
        self.attempt(
            expected,
            lambda: acts.bills.dispute_bill(actor=self.people[who].actor, bill_id=bill.id, reason="No.", now=self.now),
        )
        if expected is None:
            bill.disputed.add(who)

    @rule(
        who=WHO,
        amount=AMOUNTS,
        more=st.sampled_from([0, 0, 10_00]),
        frequency=st.sampled_from(sorted(STEPS)),
        pays_bills=st.booleans(),
        ahead=st.sampled_from([0, 1, 30]),
    )
    def order(self, who: int, amount: int, more: int, frequency: str, pays_bills: bool, ahead: int) -> None:
        start = self.now + timedelta(hours=ahead)
        person = self.people[who]
        made = commands.create_recurring_payment(
            actor=person.actor,
            new=NewOrder(
                title="Order",
                amount=Money(amount, "NGN"),
                frequency=Frequency(frequency),
                start_date=start,
                bill_type=BillType.SERVICE_CHARGE if pays_bills else None,
                max_amount=Money(amount + more, "NGN") if pays_bills and more else None,
            ),
            authorization=no_pin(person),
            now=self.now,
        )
        cap = amount + more if pays_bills else amount
        self.orders.append(MOrder(made, who, amount, cap, frequency, start, pays_bills, next_run=start))

    @precondition(lambda self: self.orders)
    @rule(which=WHICH, act=st.sampled_from(["pause", "resume", "cancel"]))
    def change(self, which: int, act: str) -> None:
        order = self.orders[which % len(self.orders)]
        expected = None
        if order.state == "cancelled":
            expected = "recurring_payment_over"
        elif act == "pause" and order.state == "paused":
            expected = "recurring_payment_not_active"
        elif act == "resume" and order.state == "active":
            expected = "recurring_payment_not_paused"
        person = self.people[order.who]
        call: dict[str, Any] = {"actor": person.actor, "recurring_payment_id": order.id, "now": self.now}
        if act == "resume":
            call["authorization"] = no_pin(person)
        self.attempt(expected, lambda: getattr(commands, f"{act}_recurring_payment")(**call))
        if expected:
            return
        if act == "resume":
            while order.due(order.period) <= self.now:
                order.period += 1
            order.state, order.next_run, order.failed = "active", order.due(order.period), 0
            return
        if order.runs.get(order.period, ("",))[0] == "retrying":
            order.runs[order.period] = ("stopped", 0)
            order.period += 1
        order.state, order.next_run = ("paused" if act == "pause" else "cancelled"), None
        order.failed = 0

    @rule(hours=st.sampled_from([1, 5, 7, 24, 24 * 8, 24 * 33]))
    def time_passes_and_the_sweep_runs(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        commands.process_recurring_payments_of(cluster_id=self.cast.cluster_id, now=self.now)
        while True:
            due = [order for order in self.orders if order.next_run is not None and order.next_run <= self.now]
            if not due:
                return
            self._run(min(due, key=lambda order: (order.next_run, order.id)))

    def _run(self, order: MOrder) -> None:
        left, parts = order.cap, []
        if order.pays_bills:
            for bill in sorted(self.bills, key=lambda bill: (bill.due, bill.number)):
                part = min(left, bill.open_to(order.who, self.now))
                if part:
                    parts.append((bill, part))
                    left -= part
        total = sum(part for _, part in parts) if order.pays_bills else order.amount
        if total and (self.frozen[order.who] or self.wallets[order.who] < total):
            order.failed += 1
            if order.failed == 3:
                order.runs[order.period] = ("failed", 0)
                order.state, order.next_run = "paused", None
                order.period += 1
            else:
                order.runs[order.period] = ("retrying", 0)
                order.next_run = self.now + timedelta(hours=6 * 2 ** (order.failed - 1))
            return
        self.wallets[order.who] -= total
        self.estate += total
        for bill, part in parts:
            bill.paid[order.who] = bill.paid.get(order.who, 0) + part
        order.runs[order.period] = ("completed" if total else "nothing_due", total)
        order.period, order.failed = order.period + 1, 0
        order.next_run = order.due(order.period)

    @rule()
    def everything_is_as_the_model_says(self) -> None:
        for who, person in enumerate(self.people):
            assert wallet_balance(person) == str(Money(self.wallets[who], "NGN"))
        assert cluster_balance(self.cast.cluster_id) == str(Money(self.estate, "NGN"))
        for order in self.orders:
            kept = stored(self.cast, order.id)
            assert (kept.state, kept.next_period, kept.next_run_at) == (order.state, order.period, order.next_run)
            seen = {run.period: (run.state, run.amount_minor) for run in runs(self.cast, order.id)}
            assert seen == order.runs

    def teardown(self) -> None:
        self.everything_is_as_the_model_says()
        prove(self.cast)


def test_any_sequence_of_acts() -> None:
    run_state_machine_as_test(
        Orders,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
