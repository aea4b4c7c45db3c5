"""Billing a whole cluster with one row, and whom that reaches."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clustr.bills import commands as bills
from clustr.bills import queries as bill_queries
from clustr.bills.types import BillType, MemberStatus, NewBill
from clustr.clusters.commands import enrol_members
from clustr.clusters.types import NewMember, Role
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from tests.bills import acts
from tests.cast import Cast, make_cast
from tests.money import issue, naira

pytestmark = pytest.mark.usefixtures("books")


def new_bill(cast: Cast, **changes: object) -> NewBill:
    usual = {
        "title": "Security",
        "amount": naira("1500.00"),
        "type": BillType.SECURITY,
        "due_date": cast.now + timedelta(days=10),
    }
    return NewBill(**(usual | changes))  # type: ignore[arg-type]


def test_it_works(cast: Cast) -> None:
    bill = bills.create_cluster_wide_bill(
        actor=cast.ada.actor, new=new_bill(cast, description="November"), now=cast.now
    )

    assert bill.is_cluster_wide()
    for resident in cast.residents:
        mine = acts.seen(cast, resident, bill)
        assert mine.status is MemberStatus.PENDING_ACKNOWLEDGMENT
        assert (str(mine.amount_due), str(mine.amount_remaining)) == ("1500.00", "1500.00")
        assert mine.is_cluster_wide
        assert mine.can_acknowledge
        assert not mine.can_pay
    office = acts.managed(cast, bill)
    assert office.totals.members_billed == len(cast.residents)
    assert office.totals.billed_minor == 150_000 * len(cast.residents)
    assert office.created_by == cast.ada.user_id
    assert office.bill_number.startswith("BILL-")


def test_the_same_rows_are_written_for_any_number_of_members() -> None:
    written = {}
    statements = {}
    for members in (1, 300):
        cast = make_cast(residents=members)
        before = acts.rows_of(cast.cluster_id)
        with CaptureQueriesContext(connection) as queries:
            bill = issue(cast)
        after = acts.rows_of(cast.cluster_id)
        written[members] = {table: after[table] - before[table] for table in after}
        statements[members] = len(queries)
        assert acts.managed(cast, bill).totals.members_billed == members
    assert written[1] == written[300]
    assert statements[1] == statements[300]
    assert {table: count for table, count in written[1].items() if count} == {"bills_bill": 1, "audit_event": 1}


def test_who_manages_is_not_billed(cast: Cast) -> None:
    bill = issue(cast)
    for manager in (cast.ada, cast.efe):
        with acts.refused("bill_not_found"):
            acts.seen(cast, manager, bill)
    assert set(acts.reached(cast, bill)) == {resident.user_id for resident in cast.residents}


def test_strangers_do_not_see_it(cast: Cast) -> None:
    bill = issue(cast)
    with acts.refused("bill_not_found"):
        acts.seen(cast, cast.chidi, bill)


def test_who_joins_before_the_due_date_is_billed(cast: Cast) -> None:
    bill = issue(cast)
    late = cast.add_resident("Late", joined_at=cast.now + timedelta(days=3))
    last = cast.add_resident("Last", joined_at=bill.due_date)
    too_late = cast.add_resident("Too late", joined_at=bill.due_date + timedelta(microseconds=1))

    assert acts.managed(cast, bill).totals.members_billed == len(cast.residents) - 1
    assert {late.user_id, last.user_id} <= set(acts.reached(cast, bill))
    assert too_late.user_id not in acts.reached(cast, bill)
    with acts.refused("bill_not_found"):
        acts.seen(cast, too_late, bill)


def test_who_leaves_after_issue_stays_billed(cast: Cast) -> None:
    bill = issue(cast)
    acts.leave(cast, cast.bola, cast.now + timedelta(days=1))

    assert acts.managed(cast, bill).totals.members_billed == len(cast.residents)
    assert acts.status(cast, cast.bola, bill) is MemberStatus.PENDING_ACKNOWLEDGMENT


def test_who_left_by_the_instant_of_issue_is_not_billed(cast: Cast) -> None:
    acts.leave(cast, cast.bola, cast.now)
    bill = issue(cast)

    assert acts.managed(cast, bill).totals.members_billed == len(cast.residents) - 1
    assert cast.bola.user_id not in acts.reached(cast, bill)
    with acts.refused("bill_not_found"):
        acts.seen(cast, cast.bola, bill)


def test_who_leaves_and_comes_back_is_billed_once(cast: Cast) -> None:
    bill = issue(cast)
    acts.leave(cast, cast.bola, cast.now + timedelta(days=1))
    enrol_members(
        cluster_id=cast.cluster_id,
        members=[NewMember(cast.bola.user_id, Role.RESIDENT, cast.now + timedelta(days=2))],
        now=cast.now + timedelta(days=2),
    )

    assert acts.managed(cast, bill).totals.members_billed == len(cast.residents)
    assert set(acts.reached(cast, bill)) == {resident.user_id for resident in cast.residents}
    with tenant(cast.cluster_id):
        mine = bill_queries.bills_visible_to(
            actor=cast.bola.actor, chosen=bill_queries.MemberBillFilter(), now=cast.now
        )
    assert [view.id for view in mine] == [bill.id]


def test_members_at_issue_only(cast: Cast) -> None:
    bill = issue(cast, members_at_issue_only=True)
    late = cast.add_resident("Late", joined_at=cast.now + timedelta(microseconds=1))

    assert acts.managed(cast, bill).totals.members_billed == len(cast.residents) - 1
    assert late.user_id not in acts.reached(cast, bill)
    with acts.refused("bill_not_found"):
        acts.seen(cast, late, bill)


def test_an_amount_beyond_a_bigint_in_total_is_counted(cast: Cast) -> None:
    bill = issue(cast, "9999999999999.99")
    count = 9_300
    acts.scalar(
        cast.cluster_id,
        "INSERT INTO clusters_tally (cluster_id, grain, at, joiners, leavers)"
        " SELECT %s, grain, at, %s, 0 FROM clusters_grains(%s::timestamptz - interval '1 year') RETURNING 1",
        cast.cluster_id,
        count,
        cast.now,
    )
    try:
        office = acts.managed(cast, bill)
        assert office.totals.billed_minor == 999_999_999_999_999 * (count + len(cast.residents))
    finally:
        acts.scalar(
            cast.cluster_id,
            "UPDATE clusters_tally SET joiners = 0 WHERE joiners = %s RETURNING 1",
            count,
        )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": Money(0, "NGN")}, "amount_must_be_positive"),
        ({"amount": Money(-1, "NGN")}, "amount_must_be_positive"),
        ({"amount": Money(100, "USD")}, "currency_mismatch"),
        ({"type": BillType.WATER_UTILITY}, "type_not_managed"),
    ],
)
def test_a_wrong_bill_is_refused(cast: Cast, changes: dict[str, object], code: str) -> None:
    with acts.refused(code, unchanged=cast.cluster_id):
        bills.create_cluster_wide_bill(actor=cast.ada.actor, new=new_bill(cast, **changes), now=cast.now)


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(microseconds=-1), timedelta(days=-400)])
def test_a_due_date_that_is_not_ahead_is_refused(cast: Cast, ahead: timedelta) -> None:
    with acts.refused("due_date_not_ahead", unchanged=cast.cluster_id):
        bills.create_cluster_wide_bill(
            actor=cast.ada.actor, new=new_bill(cast, due_date=cast.now + ahead), now=cast.now
        )


def test_it_needs_manage_bill(cast: Cast) -> None:
    others = set(cast.ada.actor.permissions) - {"ManageBill"}
    for person in (cast.efe, cast.bola, cast.manager(*others)):
        with acts.refused("permission_missing", unchanged=cast.cluster_id):
            bills.create_cluster_wide_bill(actor=person.actor, new=new_bill(cast), now=cast.now)
