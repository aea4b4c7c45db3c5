"""Sorting the turnover by another time zone's days."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.ledger import commands, queries
from clustr.ledger.types import AccountKind, Entry, TransferKind
from tests.cast import Cast
from tests.ledger.books import Books
from tests.money import naira
from tests.races import one_after_the_other

LATE = datetime(2026, 3, 31, 23, 30, tzinfo=UTC)
"""Still March in UTC, April in Lagos."""


def _take_in(account: UUID, source: UUID) -> None:
    entry = Entry(
        id=new_id(),
        debit=source,
        credit=account,
        amount=naira("10.00"),
        kind=TransferKind.BILL_PAYMENT,
        journal=new_id(),
        label="water",
    )
    commands.post(entries=[entry], at=LATE)


def _months(account: UUID, timezone: str) -> list[tuple[int, int]]:
    lines = queries.turnover_by_month(account_id=account, since=date(2026, 1, 1), today=LATE.date(), timezone=timezone)
    return [(line.month.month, line.credits) for line in lines]


def test_it_works(cast: Cast) -> None:
    with tenant(cast.cluster_id):
        account = commands.open_account(kind=AccountKind.CLUSTER_WALLET, currency="NGN")
        _take_in(account, commands.open_account(kind=AccountKind.EXTERNAL_FUNDS, currency="NGN"))
    commands.close_account(cluster_id=cast.cluster_id, account_id=account, timezone="UTC")
    with tenant(cast.cluster_id):
        assert _months(account, "UTC") == [(3, 1000)]

        commands.resort_turnover(timezone="Africa/Lagos")

        assert _months(account, "Africa/Lagos") == [(4, 1000)]


def test_what_came_after_the_checkpoint_counts_once(ledger: Books) -> None:
    ledger.move(ledger.cash, ledger.till, 500)
    ledger.move(ledger.till, ledger.wallet, 200)
    for account in (ledger.till, ledger.cash):
        ledger.close_wholly(account)
    ledger.move(ledger.cash, ledger.till, 50)
    assert _turned_over(ledger) == (200, 550)
    with tenant(ledger.cluster_id):
        commands.resort_turnover(timezone="America/New_York")
    assert _turned_over(ledger) == (200, 550)
    ledger.close_wholly(ledger.till)
    assert _turned_over(ledger) == (200, 550)


def test_a_closing_waits_until_it_is_sorted(ledger: Books) -> None:
    ledger.move(ledger.cash, ledger.till, 500)
    ledger.close_wholly(ledger.till)
    ended, waited = one_after_the_other(
        ledger.cluster_id,
        lambda: commands.resort_turnover(timezone="America/New_York"),
        lambda: ledger.close(ledger.till),
    )
    ended.only()
    assert waited, "the closing did not wait"
    assert _turned_over(ledger) == (0, 500)


def _turned_over(ledger: Books) -> tuple[int, int]:
    with tenant(ledger.cluster_id):
        lines = queries.turnover_by_month(
            account_id=ledger.till, since=date(2026, 1, 1), today=ledger.cast.now.date(), timezone="America/New_York"
        )
    return sum(line.debits for line in lines), sum(line.credits for line in lines)
