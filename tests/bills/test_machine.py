"""Any sequence of acts on bills, beside a model in plain Python that shares no code with what it judges.

The model says of every act what must come of it, success or which refusal, and afterwards what each member and the
office must see; after every act wallets and the cluster's money are compared, and the books proved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from clustr.bills import commands as bills
from clustr.bills.commands.issuing import BillChanges
from clustr.bills.models import Dispute
from clustr.bills.types import BillType, NewBill, Resolution
from clustr.kit.errors import Refusal
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.wallets import commands as wallets
from clustr.wallets.types import OfflineMethod
from tests.bills import acts
from tests.cast import Cast, Person, make_cast
from tests.money import cluster_balance, no_pin, prove, wallet_balance

EVERYBODY = 6
AMOUNTS = st.sampled_from([1, 99, 100, 150, 250, 400, 1_000])
WHO = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4])
WHICH = st.sampled_from([0, 0, 0, 1, 1, 2])
SELDOM = st.sampled_from([False, False, False, False, False, True])


@dataclass
class Member:
    person: Person
    joined: datetime
    left: datetime | None = None
    wallet: int = 0
    frozen: bool = False


@dataclass
class Payment:
    id: UUID
    who: Member
    amount: int
    back: int = 0

    @property
    def rest(self) -> int:
        return self.amount - self.back


@dataclass
class Receipt:
    """Cash that the office recorded into a member's wallet."""

    id: UUID
    who: Member
    amount: int
    taken_back: bool = False


@dataclass
class Model:
    """One bill as it should be."""

    id: UUID
    cluster_id: UUID
    only: Member | None
    amount: int
    due: datetime
    issued: datetime
    at_issue_only: bool
    late_allowed: bool
    title: str = "Bill"
    version: int = 1
    cancelled: bool = False
    lowered: dict[UUID, int] = field(default_factory=dict)
    exempted: set[UUID] = field(default_factory=set)
    consents: set[tuple[UUID, int]] = field(default_factory=set)
    disputes: dict[UUID, UUID] = field(default_factory=dict)
    payments: list[Payment] = field(default_factory=list)

    def reaches(self, member: Member) -> bool:
        if self.only is not None:
            return self.only is member
        until = self.issued if self.at_issue_only else self.due
        return member.joined <= until and (member.left is None or member.left > self.issued)

    def owed(self, member: Member) -> int:
        if member.person.user_id in self.exempted:
            return 0
        return max(0, self.amount - self.lowered.get(member.person.user_id, 0))

    def paid(self, member: Member) -> int:
        return sum(payment.rest for payment in self.payments if payment.who is member)

    def consented(self, member: Member) -> bool:
        return (member.person.user_id, self.version) in self.consents

    def disputed(self, member: Member) -> bool:
        return member.person.user_id in self.disputes

    def status(self, member: Member, now: datetime) -> str:
        conditions = {
            "cancelled": self.cancelled,
            "paid": self.paid(member) >= self.owed(member),
            "disputed": self.disputed(member),
            "overdue": now > self.due,
            "partially_paid": self.paid(member) > 0,
            "acknowledged": self.consented(member),
        }
        return next((name for name, holds in conditions.items() if holds), "pending_acknowledgment")

    def payment_refused(self, member: Member, amount: int | None, now: datetime) -> str | None:
        remaining = self.owed(member) - self.paid(member)
        reasons = {
            "bill_not_found": not self.reaches(member),
            "bill_cancelled": self.cancelled,
            "bill_already_paid": remaining <= 0,
            "bill_disputed": self.disputed(member),
            "bill_not_acknowledged": not self.consented(member),
            "bill_past_due": now > self.due and not self.late_allowed,
            "amount_exceeds_remaining": amount is not None and amount > remaining,
        }
        return next((code for code, holds in reasons.items() if holds), None)


class Bills(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.cast: Cast = make_cast(residents=3)
        self.now = self.cast.now
        long_ago = self.now - timedelta(days=90)
        self.members = [Member(person, long_ago) for person in self.cast.residents]
        self.bills: list[Model] = []
        self.receipts: list[Receipt] = []
        self.cluster = 0
        self.slips = 0

    def attempt(self, expected: str | None, act: Callable[[], Any]) -> Any:
        """Do it: it must come through, or be refused as the model says."""
        try:
            done = act()
        except Refusal as refusal:
            codes = {refusal.code, *(error.code for error in refusal.errors)}
            assert expected in codes, f"the model expected {expected}, the code refused with {codes}"
            return None
        assert expected is None, f"the model expected {expected}, the code went through"
        return done

    def pick(self, who: int) -> Member:
        return self.members[who % len(self.members)]

    def choose(self, which: int) -> Model:
        return self.bills[which % len(self.bills)]

    @initialize(late_allowed=st.booleans())
    def begin(self, late_allowed: bool) -> None:
        self.issue(400, 8, None, False, late_allowed)
        self.issue(250, 8, 0, False, late_allowed)

    @precondition(lambda self: 0 < len(self.bills) < 4)
    @rule(
        amount=AMOUNTS,
        days=st.integers(1, 12),
        to=st.sampled_from([None, None, 0, 1]),
        at_issue_only=st.booleans(),
        late_allowed=st.booleans(),
    )
    def issue(self, amount: int, days: int, to: int | None, at_issue_only: bool, late_allowed: bool) -> None:
        only = None if to is None else self.pick(to)
        new = NewBill(
            title="Bill",
            amount=Money(amount, "NGN"),
            type=BillType.OTHER,
            due_date=self.now + timedelta(days=days),
            user_id=only.person.user_id if only else None,
            allow_payment_after_due=late_allowed,
            members_at_issue_only=at_issue_only,
        )
        create = bills.create_user_specific_bill if only else bills.create_cluster_wide_bill
        gone = only is not None and only.left is not None
        bill = self.attempt(
            "member_not_found" if gone else None, lambda: create(actor=self.cast.ada.actor, new=new, now=self.now)
        )
        if bill is None:
            return
        made = Model(bill.id, bill.cluster_id, only, amount, new.due_date, self.now, at_issue_only, late_allowed)
        self.bills.append(made)
        self.look(made)

    @precondition(lambda self: self.bills)
    @rule(who=WHO, which=WHICH, version=st.sampled_from([None, None, 1, 2]))
    def acknowledge(self, who: int, which: int, version: int | None) -> None:
        member, bill = self.pick(who), self.choose(which)
        reasons = {
            "bill_not_found": not bill.reaches(member),
            "bill_cancelled": bill.cancelled,
            "bill_changed": version is not None and version != bill.version,
            "bill_disputed": bill.disputed(member),
            "bill_already_paid": not bill.consented(member) and bill.paid(member) >= bill.owed(member),
        }
        expected = next((code for code, holds in reasons.items() if holds), None)
        self.attempt(
            expected,
            lambda: bills.acknowledge_bill(actor=member.person.actor, bill_id=bill.id, version=version, now=self.now),
        )
        if expected is None:
            bill.consents.add((member.person.user_id, bill.version))
        self.look(bill)

    @precondition(lambda self: self.bills)
    @rule(
        who=WHO, which=WHICH, amount=st.none() | AMOUNTS, prepared=st.sampled_from([True, True, False]), frozen=SELDOM
    )
    def pay(self, who: int, which: int, amount: int | None, prepared: bool, frozen: bool) -> None:
        member, bill = self.pick(who), self.choose(which)
        if prepared:
            self.receive(member, 300)
            self.acknowledge(who, which, None)
            self.freeze(who, frozen)
        expected = bill.payment_refused(member, amount, self.now)
        paying = bill.owed(member) - bill.paid(member) if amount is None else amount
        if expected is None and member.frozen:
            expected = "account_frozen"
        elif expected is None and paying > member.wallet:
            expected = "insufficient_funds"
        paid = self.attempt(
            expected,
            lambda: bills.pay_bill(
                actor=member.person.actor,
                bill_id=bill.id,
                amount=None if amount is None else Money(amount, "NGN"),
                authorization=no_pin(member.person),
                now=self.now,
            ),
        )
        if paid:
            assert paid[0].amount_minor == paying
            bill.payments.append(Payment(paid[0].id, member, paying))
            assert paid[1].status == bill.status(member, self.now)
            member.wallet -= paying
            self.cluster += paying
        self.look(bill)

    @precondition(lambda self: self.bills)
    @rule(who=WHO, which=WHICH, amount=AMOUNTS, prepared=st.booleans())
    def pay_by_hand(self, who: int, which: int, amount: int, prepared: bool) -> None:
        member, bill = self.pick(who), self.choose(which)
        if prepared:
            self.acknowledge(who, which, None)
        self.slips += 1
        paid = self.attempt(
            bill.payment_refused(member, amount, self.now),
            lambda: bills.record_offline_bill_payment(
                actor=self.cast.ada.actor,
                user_id=member.person.user_id,
                bill_id=bill.id,
                amount=Money(amount, "NGN"),
                method=OfflineMethod.POS,
                reference=f"S{self.slips}",
                now=self.now,
            ),
        )
        if paid:
            bill.payments.append(Payment(paid.id, member, amount))
            self.cluster += amount
        self.look(bill)

    @precondition(lambda self: any(bill.payments for bill in self.bills))
    @rule(nth=st.integers(0, 9), amount=st.none() | AMOUNTS)
    def refund(self, nth: int, amount: int | None) -> None:
        made = [(bill, payment) for bill in self.bills for payment in bill.payments]
        bill, payment = made[nth % len(made)]
        back = payment.rest if amount is None else amount
        reasons = {
            "refund_exceeds_payment": payment.rest == 0 or back > payment.rest,
            "insufficient_funds": back > self.cluster,
        }
        expected = next((code for code, holds in reasons.items() if holds), None)
        self.attempt(
            expected,
            lambda: bills.refund_bill_payment(
                actor=self.cast.ada.actor,
                transaction_id=payment.id,
                amount=None if amount is None else Money(amount, "NGN"),
                reason="",
                now=self.now,
            ),
        )
        if expected is None:
            payment.back += back
            payment.who.wallet += back
            self.cluster -= back
        self.look(bill)

    @precondition(lambda self: self.bills)
    @rule(
        which=WHICH,
        amount=st.none() | AMOUNTS,
        days=st.none() | st.integers(-1, 12),
        title=st.none() | st.sampled_from(["Bill", "Other"]),
        late_allowed=st.none() | st.booleans(),
    )
    def edit(
        self, which: int, amount: int | None, days: int | None, title: str | None, late_allowed: bool | None
    ) -> None:
        bill = self.choose(which)
        due = bill.due if days is None else self.now + timedelta(days=days)
        wanted = (
            bill.title if title is None else title,
            bill.amount if amount is None else amount,
            due,
        )
        changed = wanted != (bill.title, bill.amount, bill.due)
        reasons = {
            "bill_cancelled": bill.cancelled,
            "due_date_not_ahead": due != bill.due and due <= self.now,
            "bill_has_payments": changed and any(payment.rest for payment in bill.payments),
        }
        expected = next((code for code, holds in reasons.items() if holds), None)
        changes = BillChanges(
            title=title,
            amount=None if amount is None else Money(amount, "NGN"),
            due_date=None if days is None else due,
            allow_payment_after_due=late_allowed,
        )
        self.attempt(
            expected,
            lambda: bills.edit_bill(actor=self.cast.ada.actor, bill_id=bill.id, changes=changes, now=self.now),
        )
        if expected is None:
            bill.title, bill.amount, bill.due = wanted
            bill.version += changed
            bill.late_allowed = bill.late_allowed if late_allowed is None else late_allowed
        self.look(bill)

    @precondition(lambda self: self.bills)
    @rule(which=WHICH, refund=st.booleans(), really=SELDOM)
    def cancel(self, which: int, refund: bool, really: bool) -> None:
        if not really:
            return
        bill = self.choose(which)
        rest = sum(payment.rest for payment in bill.payments)
        reasons = {
            "bill_cancelled": bill.cancelled,
            "bill_has_payments": rest and not refund,
            "insufficient_funds": rest > self.cluster,
        }
        expected = next((code for code, holds in reasons.items() if holds), None)
        self.attempt(
            expected,
            lambda: bills.cancel_bill(
                actor=self.cast.ada.actor, bill_id=bill.id, reason="", refund_payers=refund, now=self.now
            ),
        )
        if expected is None:
            bill.cancelled = True
            bill.disputes.clear()
            self.cluster -= rest
            for payment in bill.payments:
                payment.who.wallet += payment.rest
                payment.back = payment.amount
        self.look(bill)

    @precondition(lambda self: self.bills)
    @rule(who=WHO, which=WHICH)
    def dispute(self, who: int, which: int) -> None:
        member, bill = self.pick(who), self.choose(which)
        reasons = {
            "former_member": member.left is not None,
            "bill_not_found": not bill.reaches(member),
            "bill_cancelled": bill.cancelled,
            "bill_already_paid": bill.paid(member) >= bill.owed(member),
            "already_disputed": bill.disputed(member),
        }
        expected = next((code for code, holds in reasons.items() if holds), None)
        self.attempt(
            expected,
            lambda: bills.dispute_bill(actor=member.person.actor, bill_id=bill.id, reason="why", now=self.now),
        )
        if expected is None:
            with tenant(bill.cluster_id):
                opened = Dispute.objects.get(bill_id=bill.id, user_id=member.person.user_id, state="open")
            bill.disputes[member.person.user_id] = opened.id
        self.look(bill)

    @precondition(lambda self: any(bill.disputes for bill in self.bills))
    @rule(
        nth=st.integers(0, 5),
        how=st.sampled_from(["withdraw", "reject", "uphold", "uphold"]),
        amount=st.none() | AMOUNTS,
    )
    def end_dispute(self, nth: int, how: str, amount: int | None) -> None:
        opened = [
            (bill, member)
            for bill in self.bills
            for member in self.members
            if bill.disputed(member) and (how != "withdraw" or bill.reaches(member))
        ]
        if not opened:
            return
        bill, member = opened[nth % len(opened)]
        owed, left = bill.owed(member), amount or 0
        reasons = {
            "amount_not_lower": how == "uphold" and left > owed,
            "amount_below_paid": how == "uphold" and left < bill.paid(member),
        }
        expected = next((code for code, holds in reasons.items() if holds), None)
        self.attempt(expected, lambda: self._end(bill, member, how, amount))
        if expected is None:
            del bill.disputes[member.person.user_id]
            if how == "uphold":
                user_id = member.person.user_id
                bill.lowered[user_id] = bill.lowered.get(user_id, 0) + owed - left
                bill.exempted |= set() if left else {user_id}
        self.look(bill)

    def _end(self, bill: Model, member: Member, how: str, amount: int | None) -> None:
        if how == "withdraw":
            bills.withdraw_dispute(actor=member.person.actor, bill_id=bill.id, note="", now=self.now)
            return
        bills.resolve_dispute(
            actor=self.cast.ada.actor,
            dispute_id=bill.disputes[member.person.user_id],
            resolution=Resolution.UPHELD if how == "uphold" else Resolution.REJECTED,
            amount_due=Money(amount, "NGN") if how == "uphold" and amount is not None else None,
            note="",
            now=self.now,
        )

    @precondition(lambda self: self.bills)
    @rule(which=WHICH)
    def close(self, which: int) -> None:
        bill = self.choose(which)
        acts.scalar(bill.cluster_id, "SELECT bills_close(%s)", bill.id)
        self.look(bill)

    @rule(days=st.sampled_from([1, 1, 2, 5]))
    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(who=WHO, really=SELDOM)
    def leave(self, who: int, really: bool) -> None:
        member = self.pick(who)
        if not really or member.left is not None:
            return
        self.now += timedelta(seconds=1)
        acts.leave(self.cast, member.person, self.now)
        member.left = self.now
        member.person = replace(member.person, actor=replace(member.person.actor, role="former"))

    @precondition(lambda self: len(self.members) < EVERYBODY)
    @rule()
    def join(self) -> None:
        person = self.cast.add_resident(f"Joiner {len(self.members)}", joined_at=self.now)
        self.members.append(Member(person, self.now))

    @precondition(lambda self: self.cluster)
    @rule(amount=AMOUNTS, really=SELDOM)
    def pay_out(self, amount: int, really: bool) -> None:
        if not really:
            return
        self.attempt(
            "insufficient_funds" if amount > self.cluster else None,
            lambda: acts.empty_cluster_wallet(self.cast, str(Money(amount, "NGN"))),
        )
        self.cluster -= amount if amount <= self.cluster else 0

    @rule(who=WHO, frozen=st.sampled_from([True, False, False]))
    def freeze(self, who: int, frozen: bool) -> None:
        member = self.pick(who)
        if frozen:
            wallets.freeze_wallet(actor=member.person.actor, now=self.now)
        else:
            wallets.unfreeze_wallet(actor=member.person.actor, authorization=no_pin(member.person), now=self.now)
        member.frozen = frozen

    @precondition(lambda self: self.receipts)
    @rule(nth=st.integers(0, 9), amount=st.none() | AMOUNTS, frozen=SELDOM)
    def take_back(self, nth: int, amount: int | None, frozen: bool) -> None:
        """The office finds that a receipt was recorded by mistake."""
        receipt = self.receipts[nth % len(self.receipts)]
        member, back = receipt.who, receipt.amount if amount is None else amount
        self.freeze(self.members.index(member), frozen)
        reasons = {
            "already_reversed": receipt.taken_back,
            "refund_exceeds_payment": back > receipt.amount,
            "account_frozen": member.frozen,
            "insufficient_funds": back > member.wallet,
        }
        expected = next((code for code, holds in reasons.items() if holds), None)
        self.attempt(
            expected,
            lambda: wallets.reverse_offline_receipt(
                actor=self.cast.ada.actor,
                transaction_id=receipt.id,
                amount=None if amount is None else Money(amount, "NGN"),
                reason="Another's slip",
                now=self.now,
            ),
        )
        if expected is None:
            receipt.taken_back = True
            member.wallet -= back

    def receive(self, member: Member, amount: int) -> None:
        self.slips += 1
        received = wallets.receive_offline(
            actor=self.cast.ada.actor,
            user_id=member.person.user_id,
            amount=Money(amount, "NGN"),
            method=OfflineMethod.CASH,
            reference=f"S{self.slips}",
            now=self.now,
        )
        self.receipts.append(Receipt(received.id, member, amount))
        member.wallet += amount

    def look(self, bill: Model) -> None:
        """What the office and each member see of the bill is what the model says."""
        reached = [member for member in self.members if bill.reaches(member)]
        office = acts.managed(self.cast, bill, at=self.now)  # type: ignore[arg-type]
        totals = office.totals
        assert (totals.members_billed, totals.billed_minor, totals.collected_minor) == (
            len(reached),
            sum(bill.owed(member) for member in reached),
            sum(bill.paid(member) for member in reached),
        )
        assert (totals.acknowledged_count, totals.disputed_count, totals.paid_count) == (
            sum(bill.consented(member) for member in reached),
            sum(bill.disputed(member) for member in reached),
            sum(bill.paid(member) >= bill.owed(member) for member in reached),
        )
        assert office.status == self.office_status(bill, reached)
        listed = acts.reached(self.cast, bill, at=self.now)  # type: ignore[arg-type]
        assert {
            user_id: (one.status, one.amount_due.minor, one.amount_paid.minor, one.acknowledged_at is not None)
            for user_id, one in listed.items()
        } == {
            member.person.user_id: (
                bill.status(member, self.now),
                0 if bill.cancelled else bill.owed(member),
                bill.paid(member),
                bill.consented(member),
            )
            for member in reached
        }

    def office_status(self, bill: Model, reached: list[Member]) -> str:
        if bill.only is not None:
            return bill.status(bill.only, self.now)
        outstanding = sum(max(0, bill.owed(member) - bill.paid(member)) for member in reached)
        if bill.cancelled:
            return "cancelled"
        if reached and outstanding == 0:
            return "paid"
        if self.now > bill.due:
            return "overdue"
        return "partially_paid" if any(bill.paid(member) for member in reached) else "pending_acknowledgment"

    @invariant()
    def money_is_right(self) -> None:
        for member in self.members:
            assert wallet_balance(member.person) == str(Money(member.wallet, "NGN"))
        assert cluster_balance(self.cast.cluster_id) == str(Money(self.cluster, "NGN"))
        prove(self.cast)

    def teardown(self) -> None:
        for bill in self.bills:
            self.look(bill)


def test_it_works() -> None:
    run_state_machine_as_test(
        Bills,
        settings=settings(
            max_examples=20,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
