"""The books beside a plain model of them: whatever happens, in whatever order, both say the same after every step."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands, queries
from clustr.ledger.refusals import AccountFrozen, AlreadyReversed, InsufficientFunds, TransferKeyReused
from clustr.ledger.types import GUARDED, OPEN, AccountKind, Entry, TransferKind
from tests.proofs import broken_books

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
KINDS = [
    AccountKind.RECEIVED_CASH,
    AccountKind.MEMBER_WALLET,
    AccountKind.MEMBER_WALLET,
    AccountKind.CLUSTER_WALLET,
    AccountKind.PAYOUTS,
]
INDEX = st.integers(0, len(KINDS) - 1)
MOVE = st.tuples(INDEX, INDEX, st.integers(1, 300)).filter(lambda move: move[0] != move[1])


@dataclass
class Posted:
    """A transfer that stands, and the step at which it came."""

    entry: Entry
    step: int


class BooksMachine(RuleBasedStateMachine):
    """Five accounts: money outside, two wallets, and two that grow."""

    def __init__(self) -> None:
        super().__init__()
        self.cluster_id = uuid4()
        self.accounts: list[UUID] = []
        self.balance: Counter[UUID] = Counter()
        self.frozen: set[UUID] = set()
        self.posted: list[Posted] = []
        self.reversed: set[UUID] = set()
        self.step = 0

    @initialize()
    def open_accounts(self) -> None:
        with tenant(self.cluster_id):
            self.accounts = [
                commands.open_account(
                    kind=kind, currency="NGN", subject_id=uuid4() if kind is AccountKind.MEMBER_WALLET else None
                )
                for kind in KINDS
            ]

    # --- What happens ------------------------------------------------------------------------------------------------

    @rule(moves=st.lists(MOVE, min_size=1, max_size=1) | st.lists(MOVE, min_size=2, max_size=6))
    def post(self, moves: list[tuple[int, int, int]]) -> None:
        entries = [self._entry(self.accounts[debit], self.accounts[credit], minor) for debit, credit, minor in moves]
        self._posting(entries)

    @rule(minor=st.integers(1, 2000), account=INDEX)
    def money_comes_in(self, minor: int, account: int) -> None:
        if account:
            self._posting([self._entry(self.accounts[0], self.accounts[account], minor)])

    @precondition(lambda self: self.posted)
    @rule(data=st.data(), fresh=st.booleans())
    def post_again(self, data: st.DataObject, fresh: bool) -> None:
        """A repeat is skipped, alone or beside something new."""
        known = data.draw(st.sampled_from(self.posted)).entry
        if known.reverses is not None:
            return
        new = [self._entry(self.accounts[0], self.accounts[1], 1)] if fresh else []
        with tenant(self.cluster_id):
            assert commands.post(entries=[known, *new], at=AT) == len(new)
        self._book(new)

    @precondition(lambda self: self.posted)
    @rule(data=st.data())
    def post_with_a_known_key(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from(self.posted)).entry
        other = Entry(known.id, known.debit, known.credit, known.amount + Money(1, "NGN"), known.kind, known.journal)
        with pytest.raises(TransferKeyReused), tenant(self.cluster_id):
            commands.post(entries=[other], at=AT)

    @precondition(lambda self: self.posted)
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from(self.posted)).entry
        mirror = self._entry(known.credit, known.debit, known.amount.minor, reverses=known.id)
        expected = AlreadyReversed if known.id in self.reversed else self._refusal([mirror])
        if expected:
            with pytest.raises((expected, AlreadyReversed)), tenant(self.cluster_id):
                commands.reverse(transfer_id=known.id, journal=mirror.journal, at=AT)
            return
        with tenant(self.cluster_id):
            undone = commands.reverse(transfer_id=known.id, journal=mirror.journal, at=AT)
        self.reversed.add(known.id)
        self._book(
            [Entry(undone, mirror.debit, mirror.credit, mirror.amount, mirror.kind, mirror.journal, "", known.id)]
        )

    @rule(account=st.integers(1, len(KINDS) - 1))
    def freeze(self, account: int) -> None:
        chosen = self.accounts[account]
        with tenant(self.cluster_id):
            assert commands.freeze_account(account_id=chosen, at=AT) == (chosen not in self.frozen)
        self.frozen.add(chosen)

    @precondition(lambda self: self.frozen)
    @rule()
    def unfreeze_all(self) -> None:
        with tenant(self.cluster_id):
            for account in self.frozen:
                assert commands.unfreeze_account(account_id=account)
        self.frozen.clear()

    @rule(account=st.sampled_from([0, 3, 4]))
    def close(self, account: int) -> None:
        commands.close_account(cluster_id=self.cluster_id, account_id=self.accounts[account], timezone="Africa/Lagos")

    # --- What must be so -----------------------------------------------------------------------------------------------

    @invariant()
    def both_say_the_same(self) -> None:
        if not self.accounts:
            return
        with tenant(self.cluster_id):
            for account in self.accounts:
                assert queries.balance(account_id=account, currency="NGN").minor == self.balance[account]
                lines = queries.statement(account_id=account, limit=1000)
                assert [(line.id, line.amount_minor) for line in lines] == self._statement(account)
            trial = {line.kind: (line.accounts, line.balance_minor) for line in queries.trial_balance()}
        expected = {
            kind.value: (KINDS.count(kind), sum(self.balance[self.accounts[at]] for at in self._at(kind)))
            for kind in set(KINDS)
        }
        assert trial == expected
        assert sum(minor for _, minor in trial.values()) == 0

    def teardown(self) -> None:
        assert [name for name, _ in broken_books(self.cluster_id) if name.startswith("ledger.")] == []

    # --- The model -------------------------------------------------------------------------------------------------------

    def _posting(self, entries: list[Entry]) -> None:
        expected = self._refusal(entries)
        if expected:
            with pytest.raises(expected), tenant(self.cluster_id):
                commands.post(entries=entries, at=AT)
            return
        with tenant(self.cluster_id):
            assert commands.post(entries=entries, at=AT) == len(entries)
        self._book(entries)

    def _refusal(self, entries: list[Entry]) -> type[Exception] | None:
        debited = {entry.debit for entry in entries if self._kind(entry.debit) not in OPEN}
        if debited & self.frozen:
            return AccountFrozen
        after = self.balance.copy()
        for entry in entries:
            after[entry.debit] -= entry.amount.minor
            after[entry.credit] += entry.amount.minor
        return InsufficientFunds if any(after[account] < 0 for account in debited) else None

    def _book(self, entries: list[Entry]) -> None:
        self.step += 1
        for entry in entries:
            self.posted.append(Posted(entry, self.step))
            self.balance[entry.debit] -= entry.amount.minor
            self.balance[entry.credit] += entry.amount.minor

    def _statement(self, account: UUID) -> list[tuple[UUID, int]]:
        mine = [known for known in self.posted if account in (known.entry.debit, known.entry.credit)]
        mine.sort(key=lambda known: (known.step, known.entry.id), reverse=True)
        return [
            (known.entry.id, known.entry.amount.minor * (1 if known.entry.credit == account else -1)) for known in mine
        ]

    def _entry(self, debit: UUID, credit: UUID, minor: int, reverses: UUID | None = None) -> Entry:
        kind = TransferKind.REVERSAL if reverses else TransferKind.ADJUSTMENT
        return Entry(new_id(), debit, credit, Money(minor, "NGN"), kind, new_id(), "", reverses)

    def _kind(self, account: UUID) -> AccountKind:
        return KINDS[self.accounts.index(account)]

    def _at(self, kind: AccountKind) -> list[int]:
        return [at for at, other in enumerate(KINDS) if other is kind]


assert {AccountKind.MEMBER_WALLET} == GUARDED & set(KINDS), (
    "the model takes wallets for the only guarded ones of its accounts"
)

BooksMachine.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestBooks = BooksMachine.TestCase
