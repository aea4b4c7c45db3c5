"""Money under real concurrency: twenty connections let go at once. Each race also catches the naive way of doing it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.db import connections, transaction

from clustr.kit.errors import Busy
from clustr.kit.tenancy import in_tenant, tenant
from clustr.ledger import commands
from clustr.ledger.refusals import AccountFrozen, InsufficientFunds
from clustr.ledger.types import AccountKind
from tests.ledger.books import Books
from tests.races import beside, one_after_the_other, own_connections, race, stay_open

SCRATCH = """
CREATE TABLE scratch_wallet (balance bigint NOT NULL);
INSERT INTO scratch_wallet VALUES (100);
CREATE TABLE scratch_transfer (key text NOT NULL, amount bigint NOT NULL)
"""


@pytest.fixture
def scratch() -> Iterator[Callable[..., Any]]:
    """Tables beside the books, to do things on as nobody should."""

    def run(statement: str) -> Any:
        with connections["owner"].cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone() if cursor.description else None

    run(SCRATCH)
    yield run
    run("DROP TABLE scratch_wallet, scratch_transfer")


def test_twenty_spends_of_a_wallet_that_holds_one(ledger: Books) -> None:
    ledger.move(ledger.cash, ledger.wallet, 100)
    ended = race(lambda: ledger.move(ledger.wallet, ledger.till, 100)).only(InsufficientFunds)
    assert len(ended.results) == 1
    assert (ledger.balance(ledger.wallet), ledger.balance(ledger.till)) == (0, 100)


def test_twenty_batches_of_a_wallet_that_holds_one(ledger: Books) -> None:
    ledger.move(ledger.cash, ledger.wallet, 100)

    def spend() -> int:
        return ledger.post(ledger.entry(ledger.wallet, ledger.till, 60), ledger.entry(ledger.wallet, ledger.other, 40))

    ended = race(spend).only(InsufficientFunds)
    assert ended.results == [2]
    assert (ledger.balance(ledger.wallet), ledger.balance(ledger.till), ledger.balance(ledger.other)) == (0, 60, 40)


def test_the_race_catches_read_then_write(scratch: Callable[..., Any]) -> None:
    def naive() -> bool:
        (held,) = scratch("SELECT balance FROM scratch_wallet")
        time.sleep(0.2)
        if held < 100:
            return False
        scratch(f"UPDATE scratch_wallet SET balance = {held} - 100")
        return True

    ended = race(naive).only()
    assert sum(ended.results) > 1, "spent once only: the race races nothing"


def test_one_key_twenty_times(ledger: Books) -> None:
    ledger.move(ledger.cash, ledger.wallet, 5000)
    entry = ledger.entry(ledger.wallet, ledger.till, 100)
    ended = race(lambda: ledger.post(entry)).only()
    assert sorted(ended.results) == [0] * 19 + [1]
    assert ledger.balance(ledger.wallet) == 4900


def test_one_batch_twenty_times_in_every_order(ledger: Books) -> None:
    ledger.move(ledger.cash, ledger.wallet, 5000)
    entries = [ledger.entry(ledger.wallet, ledger.till, 10) for _ in range(30)]

    def posting(turn: int) -> int:
        return ledger.post(*entries[turn:], *entries[:turn])

    ended = race([lambda turn=turn: posting(turn) for turn in range(20)]).only()  # type: ignore[misc]
    assert sum(ended.results) == 30
    assert ledger.balance(ledger.wallet) == 4700


def test_the_race_catches_look_then_insert(scratch: Callable[..., Any]) -> None:
    def naive() -> None:
        if scratch("SELECT 1 FROM scratch_transfer WHERE key = 'K'") is None:
            time.sleep(0.2)
            scratch("INSERT INTO scratch_transfer VALUES ('K', 100)")

    race(naive).only()
    (posted,) = scratch("SELECT count(*) FROM scratch_transfer")
    assert posted > 1, "posted once only: the race races nothing"


def test_twenty_debits_between_accounts_that_grow(ledger: Books) -> None:
    """Neither side keeps its balance on a row: only the lock on the giver stands between them."""
    with tenant(ledger.cluster_id):
        payouts = commands.open_account(kind=AccountKind.PAYOUTS, currency="NGN")
    ledger.move(ledger.cash, ledger.till, 300)
    ended = race(lambda: ledger.move(ledger.till, payouts, 100)).only(InsufficientFunds)
    assert len(ended.results) == 3
    assert (ledger.balance(ledger.till), ledger.balance(payouts)) == (0, 300)


def test_twenty_debits_of_a_growing_account_that_holds_three(ledger: Books) -> None:
    ledger.move(ledger.cash, ledger.till, 200)
    ledger.close(ledger.till)
    ledger.move(ledger.cash, ledger.till, 100)
    ended = race(lambda: ledger.move(ledger.till, ledger.wallet, 100)).only(InsufficientFunds)
    assert len(ended.results) == 3
    assert ledger.balance(ledger.till) == 0


def test_twenty_batches_from_a_growing_account_that_holds_three(ledger: Books) -> None:
    ledger.move(ledger.cash, ledger.till, 300)

    def pay_out() -> int:
        return ledger.post(*(ledger.entry(ledger.till, to, 50) for to in (ledger.wallet, ledger.other)))

    ended = race(pay_out).only(InsufficientFunds)
    assert ended.results == [2, 2, 2]
    assert ledger.balance(ledger.till) == 0


def test_twenty_batches_between_accounts_that_grow(ledger: Books) -> None:
    with tenant(ledger.cluster_id):
        payouts = commands.open_account(kind=AccountKind.PAYOUTS, currency="NGN")
    ledger.move(ledger.cash, ledger.till, 300)
    ended = race(lambda: ledger.post(*(ledger.entry(ledger.till, payouts, 50) for _ in range(2))))
    assert ended.only(InsufficientFunds).results == [2, 2, 2]
    assert (ledger.balance(ledger.till), ledger.balance(payouts)) == (0, 300)


@pytest.mark.parametrize("legs", [1, 2])
def test_who_spends_from_a_growing_account_waits_for_whoever_did(ledger: Books, legs: int) -> None:
    """What is not committed cannot be summed up: the second waits, and then finds too little. Nothing else makes it wait:
    the account that gains has no row to change."""
    ledger.move(ledger.cash, ledger.till, 300)

    def spend() -> int:
        entries = [ledger.entry(ledger.till, ledger.cash, 200 // legs) for _ in range(legs)]
        return in_tenant(ledger.cluster_id, lambda: commands.post(entries=entries, at=ledger.cast.now))

    ended, waited = one_after_the_other(ledger.cluster_id, spend, spend)
    assert waited, "the second did not wait"
    assert ended.only(InsufficientFunds).results == [legs]
    assert (ledger.balance(ledger.till), ledger.balance(ledger.cash)) == (100, -100)


def test_the_race_catches_sum_then_insert(scratch: Callable[..., Any]) -> None:
    """A sum asked for without the lock is out of date when the debit is written."""
    scratch("INSERT INTO scratch_transfer VALUES ('in', 300)")

    def naive() -> bool:
        (held,) = scratch("SELECT sum(amount) FROM scratch_transfer")
        time.sleep(0.2)
        if held < 100:
            return False
        scratch("INSERT INTO scratch_transfer VALUES ('out', -100)")
        return True

    ended = race(naive).only()
    assert sum(ended.results) > 3, "spent three times only: the race races nothing"


@pytest.mark.parametrize("legs", [1, 2])
def test_freezing_beside_spends(ledger: Books, legs: int) -> None:
    """After the freeze has been answered no spend succeeds; before it, each is whole."""
    ledger.move(ledger.cash, ledger.wallet, 1000)
    frozen = threading.Event()

    def freeze() -> bool:
        time.sleep(random.uniform(0, 0.02))
        with tenant(ledger.cluster_id):
            done = commands.freeze_account(account_id=ledger.wallet, at=ledger.cast.now)
        frozen.set()
        return done

    def spend() -> bool:
        time.sleep(random.uniform(0, 0.04))
        too_late = frozen.is_set()
        ledger.post(*(ledger.entry(ledger.wallet, ledger.till, 10 // legs) for _ in range(legs)))
        return too_late

    ended = race([freeze, *[spend] * 19]).only(AccountFrozen)
    assert ended.results[0] is True
    assert not any(ended.results[1:]), "a spend that began after the freeze went through"
    assert ledger.balance(ledger.wallet) == 1000 - 10 * (len(ended.results) - 1)


def test_transfers_to_and_fro_do_not_lock_each_other_for_ever(ledger: Books) -> None:
    """Two guarded accounts are locked in the order of their ids, whichever pays."""
    ledger.move(ledger.cash, ledger.wallet, 1000)
    ledger.move(ledger.cash, ledger.other, 1000)

    def swing(giver: UUID, taker: UUID) -> None:
        for _ in range(10):
            ledger.move(giver, taker, 1)

    there, back = (ledger.wallet, ledger.other), (ledger.other, ledger.wallet)
    race([lambda way=way: swing(*way) for way in [there, back] * 10]).only()  # type: ignore[misc]
    assert (ledger.balance(ledger.wallet), ledger.balance(ledger.other)) == (1000, 1000)


def test_sets_beside_single_posts_come_through(ledger: Books) -> None:
    """Sets lock in the order of ids, singles here against it: PostgreSQL ends the circle, and it is tried again."""
    ledger.move(ledger.cash, ledger.wallet, 10_000)
    ledger.move(ledger.cash, ledger.other, 10_000)
    low, high = sorted([ledger.wallet, ledger.other])

    def one_by_one() -> int:
        def work() -> int:
            first = commands.post(entries=[ledger.entry(high, ledger.till, 1)], at=ledger.cast.now)
            time.sleep(0.02)
            return first + commands.post(entries=[ledger.entry(low, ledger.till, 1)], at=ledger.cast.now)

        return in_tenant(ledger.cluster_id, work)

    def together() -> int:
        entries = [ledger.entry(giver, ledger.till, 1) for giver in (high, low) * 5]
        return in_tenant(ledger.cluster_id, lambda: commands.post(entries=entries, at=ledger.cast.now))

    ended = race([one_by_one, together, one_by_one, together]).only(Busy)
    assert len(ended.results) >= 2
    posted = sum(ended.results)
    assert (ledger.balance(low), ledger.balance(high)) == (10_000 - posted // 2, 10_000 - posted // 2)
    assert ledger.said_and_summed(ledger.till) == (posted, posted)


def test_closing_in_a_loop_beside_twenty_writers(ledger: Books) -> None:
    """Transactions commit out of the order in which they were numbered, some late; no closing may lose one."""
    ledger.move(ledger.cash, ledger.wallet, 100_000)

    def write() -> int:
        paid = 0
        for turn in range(8):
            with tenant(ledger.cluster_id):
                entries = [ledger.entry(ledger.wallet if turn % 2 else ledger.cash, ledger.till, 7)]
                commands.post(entries=entries, at=ledger.cast.now)
                if turn % 4 == 0:  # a guarded wallet is locked until then: only those that pay from outside dawdle
                    time.sleep(random.uniform(0.02, 0.15))
            paid += 7
        return paid

    def close_and_look() -> tuple[int, int]:
        ledger.close(ledger.till)
        return ledger.said_and_summed(ledger.till)

    ended, seen = beside(write, close_and_look)
    ended.only()
    assert [pair for pair in seen if pair[0] != pair[1]] == []
    assert seen[-1] == (sum(ended.results), 20 * 8 * 7)
    assert len(seen) > 10, "hardly a closing took place beside the writers"


def test_closings_beside_each_other(ledger: Books) -> None:
    ledger.close(ledger.till)  # the checkpoint is there already: making it would let them in one by one
    for _ in range(50):
        ledger.move(ledger.cash, ledger.till, 3)
    ended = race(lambda: ledger.close(ledger.till)).only()
    assert sum(ended.results) + ledger.close_wholly(ledger.till) == 50
    assert ledger.said_and_summed(ledger.till) == (150, 150)


def test_the_race_catches_closing_up_to_the_newest_row(ledger: Books) -> None:
    """What a checkpoint "up to the highest number committed" does with a transaction that commits late."""
    begun, go_on = threading.Event(), threading.Event()

    def late() -> None:
        with own_connections(), tenant(ledger.cluster_id):
            commands.post(entries=[ledger.entry(ledger.cash, ledger.till, 1000)], at=ledger.cast.now)
            stay_open()
            begun.set()
            go_on.wait(60)

    writer = threading.Thread(target=late)
    writer.start()
    begun.wait(60)
    ledger.move(ledger.cash, ledger.till, 1)
    ledger.close(ledger.till)
    naive = """
      UPDATE ledger_checkpoint SET horizon = (s.top::text::bigint + 1)::text::xid8, balance = s.amount
      FROM (SELECT max(xid) AS top, sum(amount) AS amount FROM ledger_transfer WHERE credit = %(till)s) AS s
      WHERE account_id = %(till)s"""
    with tenant_of_owner(ledger) as cursor:
        cursor.execute(naive, {"till": ledger.till})
    go_on.set()
    writer.join(60)
    try:
        assert ledger.said_and_summed(ledger.till) == (1, 1001), "the late transfer was counted: the test tests nothing"
    finally:
        with tenant_of_owner(ledger) as cursor:
            cursor.execute("DELETE FROM ledger_turnover WHERE account_id = %s", [ledger.till])
            cursor.execute("DELETE FROM ledger_checkpoint WHERE account_id = %s", [ledger.till])
    ledger.close_wholly(ledger.till)
    assert ledger.said_and_summed(ledger.till) == (1001, 1001)


@contextmanager
def tenant_of_owner(ledger: Books) -> Iterator[Any]:
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(ledger.cluster_id)])
        yield cursor


def test_a_late_transaction_holds_the_horizon_back(ledger: Books) -> None:
    """The same late commit, with the real closing: it waits for what is under way, and loses nothing."""
    begun, go_on = threading.Event(), threading.Event()

    def late() -> None:
        with own_connections(), tenant(ledger.cluster_id):
            commands.post(entries=[ledger.entry(ledger.cash, ledger.till, 1000)], at=ledger.cast.now)
            stay_open()
            begun.set()
            go_on.wait(60)

    writer = threading.Thread(target=late)
    writer.start()
    begun.wait(60)
    ledger.move(ledger.cash, ledger.till, 1)
    for account in (ledger.till, ledger.cash):
        assert ledger.close(account) == 0, "what is younger than a transaction under way is not folded in"
    assert (ledger.balance(ledger.till), ledger.balance(ledger.cash)) == (1, -1)
    go_on.set()
    writer.join(60)
    assert (ledger.balance(ledger.till), ledger.balance(ledger.cash)) == (1001, -1001)
    for account in (ledger.till, ledger.cash):
        assert ledger.close_wholly(account) == 2
    assert (ledger.balance(ledger.till), ledger.balance(ledger.cash)) == (1001, -1001)
