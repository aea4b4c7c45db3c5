"""What bills brought in, by the cluster's own days, months and years."""

from __future__ import annotations

from datetime import UTC, date, datetime
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections

from clustr.bills import commands as bills
from clustr.bills.models import Bill
from clustr.bills.types import BillType
from clustr.clusters.commands import update_settings
from clustr.clusters.types import SettingsChanges
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind
from clustr.wallets import queries
from clustr.wallets.tasks import close_books_of
from clustr.wallets.types import Revenue
from tests.cast import Cast, make_cast
from tests.money import acknowledge, fund, issue, naira, no_pin
from tests.wallets.acts import credit, transfer

pytestmark = pytest.mark.usefixtures("books")


@pytest.fixture
def year() -> int:
    """A year that nobody of the cast has seen the end of."""
    return make_cast(residents=1).now.year + 1


def pay(cast: Cast, amount: str, at: datetime, type: BillType = BillType.WATER) -> UUID:
    """A bill of this type, issued, acknowledged and paid at this instant."""
    present, cast.now = cast.now, at
    try:
        fund(cast, cast.bola, amount)
        bill: Bill = issue(cast, amount, to=cast.bola, type=type)
        acknowledge(cast, cast.bola, bill)
        paid, _ = bills.pay_bill(
            actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=no_pin(cast.bola), now=at
        )
    finally:
        cast.now = present
    return paid.id


def refund(cast: Cast, transaction_id: UUID, amount: str, at: datetime) -> None:
    bills.refund_bill_payment(
        actor=cast.ada.actor, transaction_id=transaction_id, amount=naira(amount), reason="Too much", now=at
    )


def revenue(cast: Cast, now: datetime) -> Revenue:
    with tenant(cast.cluster_id):
        return queries.cluster_wallet_revenue(actor=cast.ada.actor, now=now)


def close(cast: Cast) -> None:
    with tenant(cast.cluster_id):
        account = ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency="NGN")
    ledger.close_account(cluster_id=cast.cluster_id, account_id=account, timezone="Africa/Lagos")


def sums(seen: Revenue) -> tuple[str, str, str]:
    return str(seen.today), str(seen.this_month), str(seen.this_year)


@pytest.mark.parametrize("closed", ["never", "at the end", "in between"])
def test_it_works(cast: Cast, year: int, closed: str) -> None:
    """23:00 UTC is midnight in Lagos: at the end of the year day, month and year turn together."""
    last_second = datetime(year, 12, 31, 22, 59, 59, tzinfo=UTC)
    midnight = datetime(year, 12, 31, 23, 0, 0, tzinfo=UTC)
    first = pay(cast, "100.00", datetime(year, 12, 30, 12, 0, tzinfo=UTC), BillType.SECURITY)
    pay(cast, "20.00", last_second)
    if closed == "in between":
        close(cast)
    refund(cast, first, "1.00", last_second)
    pay(cast, "3.00", midnight)
    if closed == "at the end":
        close(cast)

    old = revenue(cast, last_second)
    assert str(old.today) == "19.00", "20 paid, 1 refunded; what comes after midnight is another day's"
    new = revenue(cast, midnight)
    assert sums(new) == ("3.00", "3.00", "3.00")
    assert {label: str(money) for label, money in new.by_type.items()} == {"water": "3.00"}
    by_month = {month: str(money) for month, money in new.by_month.items()}
    assert len(by_month) == 12
    assert by_month[date(year, 12, 1)] == "119.00"
    assert by_month[date(year + 1, 1, 1)] == "3.00"
    assert list(by_month) == sorted(by_month)
    assert next(iter(by_month)) == date(year, 2, 1)


def test_books_close_by_the_time_zone_that_comes_while_they_wait(cast: Cast, year: int) -> None:
    at = datetime(year, 6, 10, 23, 30, tzinfo=UTC)  # the 11th in Lagos, the 10th in Accra
    pay(cast, "100.00", at)
    with tenant(cast.cluster_id):
        changes = SettingsChanges(timezone="Africa/Accra")
        update_settings(actor=cast.ada.actor, changes=changes, now=cast.now)
        closing = Thread(target=close_and_part, args=[cast.cluster_id])
        closing.start()
        closing.join(0.5)
        assert closing.is_alive()
    closing.join()
    with tenant(cast.cluster_id), connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT day FROM ledger_turnover WHERE cluster_id = %s", [cast.cluster_id])
        assert cursor.fetchall() == [(at.date(),)]


def close_and_part(cluster_id: UUID) -> None:
    try:
        close_books_of(cluster_id=cluster_id)
    finally:
        connections.close_all()


def test_within_a_year(cast: Cast, year: int) -> None:
    pay(cast, "100.00", datetime(year, 3, 1, 12, 0, tzinfo=UTC), BillType.SECURITY)
    pay(cast, "20.00", datetime(year, 5, 1, 12, 0, tzinfo=UTC))
    pay(cast, "3.00", datetime(year, 5, 20, 12, 0, tzinfo=UTC))
    seen = revenue(cast, datetime(year, 5, 20, 18, 0, tzinfo=UTC))
    assert sums(seen) == ("3.00", "23.00", "123.00")
    assert {label: str(money) for label, money in seen.by_type.items()} == {"security": "100.00", "water": "23.00"}


def test_a_month_begins_at_the_clusters_midnight(cast: Cast, year: int) -> None:
    pay(cast, "5.00", datetime(year, 4, 30, 23, 30, tzinfo=UTC))  # the first of May in Lagos
    close(cast)
    may = revenue(cast, datetime(year, 5, 31, 22, 59, tzinfo=UTC))
    assert sums(may) == ("0.00", "5.00", "5.00")
    june = revenue(cast, datetime(year, 5, 31, 23, 0, tzinfo=UTC))
    assert sums(june) == ("0.00", "0.00", "5.00")


def test_only_bills_are_revenue(cast: Cast, year: int) -> None:
    credit(cast, "1000.00")
    transfer(cast, "400.00")
    assert sums(revenue(cast, cast.now)) == ("0.00", "0.00", "0.00")


def test_a_refund_counts_on_its_own_day(cast: Cast, year: int) -> None:
    paid = pay(cast, "50.00", datetime(year, 5, 1, 12, 0, tzinfo=UTC))
    refund(cast, paid, "50.00", datetime(year, 5, 2, 12, 0, tzinfo=UTC))
    seen = revenue(cast, datetime(year, 5, 2, 13, 0, tzinfo=UTC))
    assert sums(seen) == ("-50.00", "0.00", "0.00")


def test_an_estate_without_money_has_none(cast: Cast) -> None:
    seen = revenue(cast, cast.now)
    assert sums(seen) == ("0.00", "0.00", "0.00")
    assert seen.by_type == {}
    assert set(map(str, seen.by_month.values())) == {"0.00"}


def test_it_costs_the_same_at_any_size(cast: Cast, year: int, django_assert_max_num_queries: Any) -> None:
    for day in range(1, 6):
        pay(cast, "1.00", datetime(year, 5, day, 12, 0, tzinfo=UTC))
    with tenant(cast.cluster_id), django_assert_max_num_queries(2):
        queries.cluster_wallet_revenue(actor=cast.ada.actor, now=datetime(year, 5, 6, tzinfo=UTC))
