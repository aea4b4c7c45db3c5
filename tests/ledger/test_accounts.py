"""Opening, freezing, closing, and reading accounts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from clustr.kit.tenancy import tenant
from clustr.ledger import commands, queries
from clustr.ledger.models import Account
from clustr.ledger.queries import Line, TrialLine
from clustr.ledger.refusals import AccountNotFound
from clustr.ledger.types import AccountKind, TransferKind
from tests.ledger.books import Books, open_books
from tests.races import race


def test_an_account_is_opened_once(ledger: Books) -> None:
    with tenant(ledger.cluster_id):
        assert commands.open_account(kind=AccountKind.CLUSTER_WALLET, currency="NGN") == ledger.till
        assert commands.open_account(kind=AccountKind.CLUSTER_WALLET, currency="USD") != ledger.till


def test_twenty_at_once_open_one(ledger: Books) -> None:
    subject = uuid4()

    def opening() -> UUID:
        with tenant(ledger.cluster_id):
            return commands.open_account(kind=AccountKind.MEMBER_WALLET, currency="NGN", subject_id=subject)

    ended = race(opening).only()
    assert len(ended.results) == 20
    assert len(set(ended.results)) == 1


def test_twenty_at_once_open_one_that_is_nobodys(ledger: Books) -> None:
    """Without a subject too: a cluster has one wallet of a currency."""

    def opening() -> UUID:
        with tenant(ledger.cluster_id):
            return commands.open_account(kind=AccountKind.CLUSTER_WALLET, currency="KES")

    assert len(set(race(opening).only().results)) == 1
    with tenant(ledger.cluster_id):
        assert Account.objects.filter(kind=AccountKind.CLUSTER_WALLET, currency="KES").count() == 1


def test_twenty_batches_at_once_open_each_once(ledger: Books) -> None:
    subjects = [uuid4() for _ in range(30)]

    def opening(order: list[UUID]) -> frozenset[tuple[UUID, UUID]]:
        with tenant(ledger.cluster_id):
            found = commands.open_accounts(kind=AccountKind.MEMBER_WALLET, currency="NGN", subject_ids=order)
        return frozenset(found.items())

    orders = [subjects[turn:] + subjects[:turn] for turn in range(20)]
    ended = race([lambda order=order: opening(order) for order in orders]).only()  # type: ignore[misc]
    assert len(ended.results) == 20
    assert len(set(ended.results)) == 1


def test_an_account_is_found_without_looking_at_others(ledger: Books) -> None:
    """However many residents have a wallet: looked at is the one that is asked for."""
    subjects = [uuid4() for _ in range(300)]
    kind, currency = AccountKind.MEMBER_WALLET, "NGN"
    with tenant(ledger.cluster_id):
        commands.open_accounts(kind=kind, currency=currency, subject_ids=subjects)
        before = accounts_looked_at()
        opened = commands.open_account(kind=kind, currency=currency, subject_id=uuid4())
        assert commands.open_account(kind=kind, currency=currency, subject_id=subjects[0]) != opened
        assert queries.balance_of(kind=kind, currency=currency, subject_id=subjects[-1]).minor == 0
        assert accounts_looked_at() - before < 10


def accounts_looked_at() -> int:
    """How many of them this transaction has read, in their table or by their key."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_stat_get_xact_tuples_returned('ledger_account'::regclass)"
            " + pg_stat_get_xact_tuples_returned('ledger_account_one_each'::regclass)"
        )
        return int(cursor.fetchone()[0])


def test_a_freeze_says_whether_it_changed_anything(ledger: Books) -> None:
    with tenant(ledger.cluster_id):
        assert commands.freeze_account(account_id=ledger.wallet, at=ledger.cast.now)
        assert not commands.freeze_account(account_id=ledger.wallet, at=ledger.cast.now)
        assert commands.unfreeze_account(account_id=ledger.wallet)
        assert not commands.unfreeze_account(account_id=ledger.wallet)


def test_another_clusters_account_is_not_frozen(ledger: Books) -> None:
    strangers = open_books(ledger.cast, ledger.cast.lekki)
    with tenant(ledger.cluster_id):
        assert not commands.freeze_account(account_id=strangers.wallet, at=ledger.cast.now)
    strangers.move(strangers.cash, strangers.wallet, 5)
    strangers.move(strangers.wallet, strangers.till, 5)


def test_closing_folds_each_transfer_in_once(ledger: Books) -> None:
    for minor in (500, 70, 3):
        ledger.move(ledger.cash, ledger.till, minor)
    ledger.move(ledger.till, ledger.wallet, 100)
    assert ledger.close_wholly(ledger.till) == 4
    assert ledger.close(ledger.till) == 0
    ledger.move(ledger.cash, ledger.till, 1)
    assert ledger.balance(ledger.till) == 474
    assert ledger.close_wholly(ledger.till) == 1
    assert ledger.said_and_summed(ledger.till) == (474, 474)


@pytest.mark.parametrize("account", ["wallet", "unknown", "foreign"])
def test_what_does_not_grow_here_is_not_closed(ledger: Books, account: str) -> None:
    chosen = {
        "wallet": ledger.wallet,
        "unknown": uuid4(),
        "foreign": open_books(ledger.cast, ledger.cast.lekki).till,
    }[account]
    with pytest.raises(AccountNotFound):
        ledger.close(chosen)


def test_a_balance_that_is_not_there_is_zero(ledger: Books) -> None:
    strangers = open_books(ledger.cast, ledger.cast.lekki)
    strangers.move(strangers.cash, strangers.till, 500)
    assert ledger.balance(uuid4()) == 0
    assert ledger.balance(strangers.till) == 0


@pytest.mark.parametrize("closed", [False, True])
def test_turnover_by_month(ledger: Books, closed: bool) -> None:
    def receive(minor: int, at: datetime, label: str, debit: UUID = ledger.cash, credit: UUID = ledger.till) -> None:
        entry = ledger.entry(debit, credit, minor, kind=TransferKind.BILL_PAYMENT, label=label)
        with tenant(ledger.cluster_id):
            commands.post(entries=[entry], at=at)

    receive(100, datetime(2025, 12, 31, 22, 59, 59, tzinfo=UTC), "water")  # 23:59:59 in Lagos
    receive(200, datetime(2025, 12, 31, 23, 0, tzinfo=UTC), "water")  # midnight in Lagos
    receive(400, datetime(2026, 1, 31, 12, 0, tzinfo=UTC), "security")
    receive(50, datetime(2026, 1, 31, 13, 0, tzinfo=UTC), "security", ledger.till, ledger.wallet)
    if closed:
        ledger.close_wholly(ledger.till)
        receive(7, datetime(2026, 1, 31, 14, 0, tzinfo=UTC), "security")
    more = 7 if closed else 0

    with tenant(ledger.cluster_id):
        lines = queries.turnover_by_month(
            account_id=ledger.till, since=date(2025, 12, 1), today=date(2026, 1, 31), timezone="Africa/Lagos"
        )
        later = queries.turnover_by_month(
            account_id=ledger.till, since=date(2026, 1, 1), today=date(2026, 2, 1), timezone="Africa/Lagos"
        )
    said = [(line.month, line.label, line.debits, line.credits, line.today_net) for line in lines]
    assert said == [
        (date(2025, 12, 1), "water", 0, 100, 0),
        (date(2026, 1, 1), "security", 50, 400 + more, 350 + more),
        (date(2026, 1, 1), "water", 0, 200, 0),
    ]
    assert [(line.month, line.today_net) for line in later] == [(date(2026, 1, 1), 0), (date(2026, 1, 1), 0)]


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_a_statement_in_pages_is_the_whole_statement(ledger: Books, limit: int) -> None:
    for minor in (500, 70, 3):
        ledger.move(ledger.cash, ledger.till, minor)
        ledger.move(ledger.till, ledger.wallet, minor)
    ledger.post(*(ledger.entry(ledger.cash, ledger.till, minor) for minor in (1, 2, 4)))  # one transaction, one xid
    with tenant(ledger.cluster_id):
        whole = queries.statement(account_id=ledger.till)
        paged: list[Line] = []
        while page := queries.statement(
            account_id=ledger.till, before=(paged[-1].xid, paged[-1].id) if paged else None, limit=limit
        ):
            assert len(page) <= limit
            paged.extend(page)
    assert paged == whole
    assert [line.amount_minor for line in whole] == [4, 2, 1, -3, 3, -70, 70, -500, 500]


def test_a_statement_shows_nothing_of_another_cluster(ledger: Books) -> None:
    strangers = open_books(ledger.cast, ledger.cast.lekki)
    strangers.move(strangers.cash, strangers.till, 500)
    with tenant(ledger.cluster_id):
        assert queries.statement(account_id=strangers.till) == []


def test_the_trial_balance_sums_to_zero(ledger: Books) -> None:
    ledger.move(ledger.cash, ledger.wallet, 500)
    ledger.move(ledger.wallet, ledger.till, 200)
    ledger.close(ledger.till)
    ledger.move(ledger.wallet, ledger.till, 50)
    with tenant(ledger.cluster_id):
        lines = queries.trial_balance()
    assert lines == [
        TrialLine("cluster_wallet", "NGN", 1, 250),
        TrialLine("member_wallet", "NGN", 2, 250),
        TrialLine("received_cash", "NGN", 1, -500),
    ]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 1000)), max_size=20))
def test_whatever_is_posted_the_trial_balance_sums_to_zero(moves: list[tuple[int, int, int]]) -> None:
    from tests.cast import make_cast

    global _books
    _books = _books or open_books(make_cast(residents=1))
    books = _books
    accounts = [books.cash, books.wallet, books.other, books.till]
    for debit, credit, minor in moves:
        if debit != credit and (debit == 0 or books.balance(accounts[debit]) >= minor):
            books.move(accounts[debit], accounts[credit], minor)
    with tenant(books.cluster_id):
        assert sum(line.balance_minor for line in queries.trial_balance()) == 0


_books: Books | None = None
