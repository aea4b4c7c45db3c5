"""Issuing many bills at once: all or none, and no slower for being many."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clustr.bills import commands as bills
from clustr.bills.refusals import BulkInvalid
from clustr.bills.types import BillType, NewBill
from clustr.kit.money import Money
from tests.bills import acts
from tests.cast import Cast
from tests.money import naira

pytestmark = pytest.mark.usefixtures("books")


def rows(cast: Cast, count: int, **changes: object) -> list[NewBill]:
    usual = {"amount": naira("10.00"), "type": BillType.WATER, "due_date": cast.now + timedelta(days=5)}
    return [NewBill(title=f"Water {number}", **(usual | changes)) for number in range(count)]  # type: ignore[arg-type]


def test_it_works(cast: Cast) -> None:
    wanted = [*rows(cast, 2), *rows(cast, 1, user_id=cast.bola.user_id)]
    made = bills.create_bulk_bills(actor=cast.ada.actor, bills=wanted, now=cast.now)

    assert [bill.title for bill in made] == [new.title for new in wanted]
    assert [bill.user_id for bill in made] == [None, None, cast.bola.user_id]
    assert len({bill.bill_number for bill in made}) == 3
    assert all(acts.seen(cast, cast.bola, bill).id == bill.id for bill in made)
    assert acts.rows_of(cast.cluster_id)["bills_bill"] == 3


def test_five_thousand_take_a_statement_per_thousand(cast: Cast) -> None:
    wanted = rows(cast, 5_000)
    before = acts.rows_of(cast.cluster_id)
    with CaptureQueriesContext(connection) as queries:
        bills.create_bulk_bills(actor=cast.ada.actor, bills=wanted, now=cast.now)
    inserts = [query["sql"] for query in queries if 'INSERT INTO "bills_bill"' in query["sql"]]
    assert len(inserts) == 5
    assert len(queries) < 25
    after = acts.rows_of(cast.cluster_id)
    assert {table: after[table] - before[table] for table in after if after[table] != before[table]} == {
        "bills_bill": 5_000,
        "audit_event": 5_000,
    }


def test_one_wrong_bill_refuses_all_and_names_each(cast: Cast) -> None:
    wanted = rows(cast, 8)
    wanted[1] = rows(cast, 1, amount=Money(0, "NGN"))[0]
    wanted[3] = rows(cast, 1, due_date=cast.now)[0]
    wanted[4] = rows(cast, 1, type=BillType.ELECTRICITY_UTILITY)[0]
    wanted[5] = rows(cast, 1, user_id=cast.chidi.user_id)[0]
    wanted[6] = rows(cast, 1, user_id=uuid4())[0]
    wanted[7] = rows(cast, 1, amount=Money(5, "USD"))[0]
    before = acts.rows_of(cast.cluster_id)
    with pytest.raises(BulkInvalid) as caught:
        bills.create_bulk_bills(actor=cast.ada.actor, bills=wanted, now=cast.now)
    assert {(error.field, error.code) for error in caught.value.errors} == {
        ("bills.1.amount", "amount_must_be_positive"),
        ("bills.3.due_date", "due_date_not_ahead"),
        ("bills.4.type", "type_not_managed"),
        ("bills.5.user_id", "member_not_found"),
        ("bills.6.user_id", "member_not_found"),
        ("bills.7.amount", "currency_mismatch"),
    }
    assert acts.rows_of(cast.cluster_id) == before


def test_a_database_error_in_the_last_batch_leaves_nothing(cast: Cast) -> None:
    wanted = [*rows(cast, 1_500), *rows(cast, 1, amount=Money(10**15, "NGN"))]
    before = acts.rows_of(cast.cluster_id)
    with pytest.raises(Exception, match="bills_bill_amount_minor_check"):
        bills.create_bulk_bills(actor=cast.ada.actor, bills=wanted, now=cast.now)
    assert acts.rows_of(cast.cluster_id) == before


@pytest.mark.parametrize("count", [0, 5_001])
def test_none_or_too_many_are_refused(cast: Cast, count: int) -> None:
    with acts.refused("out_of_range", unchanged=cast.cluster_id):
        bills.create_bulk_bills(actor=cast.ada.actor, bills=rows(cast, count), now=cast.now)


def test_it_needs_manage_bill(cast: Cast) -> None:
    with acts.refused("permission_missing", unchanged=cast.cluster_id):
        bills.create_bulk_bills(actor=cast.efe.actor, bills=rows(cast, 1), now=cast.now)
