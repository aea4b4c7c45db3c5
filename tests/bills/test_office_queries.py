"""Bills as the office reads them: status, filters, pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from clustr.bills import directory, office_queries, queries
from clustr.bills.models import Bill
from clustr.bills.office_queries import BillFilter
from clustr.bills.types import BillType, ManagedBillView, MemberStatus
from clustr.kit.tenancy import tenant
from tests.bills import acts
from tests.cast import Cast
from tests.money import acknowledge, fund, issue, naira

pytestmark = pytest.mark.usefixtures("books")


def found(cast: Cast, *, at: datetime | None = None, **chosen: Any) -> list[ManagedBillView]:
    with tenant(cast.cluster_id):
        return office_queries.bills_of_cluster(
            actor=cast.efe.actor, chosen=BillFilter(**chosen), now=at or cast.now, limit=200
        )


def settle(cast: Cast, bill: Bill) -> None:
    for resident in cast.residents:
        fund(cast, resident, "5000.00")
        acknowledge(cast, resident, bill)
        acts.pay(cast, resident, bill)


def test_it_works(cast: Cast) -> None:
    """The status of a cluster-wide bill: the first that holds."""
    late = acts.after_due(cast)
    bill = issue(cast, allow_payment_after_due=True)
    assert acts.managed(cast, bill).status == "pending_acknowledgment"
    acknowledge(cast, cast.bola, bill)
    acts.dispute(cast, cast.residents[1], bill)
    assert acts.managed(cast, bill).status == "pending_acknowledgment"
    acts.withdraw(cast, cast.residents[1], bill)
    acts.offline(cast, cast.bola, bill, "0.01")
    assert acts.managed(cast, bill).status == "partially_paid"
    assert acts.managed(cast, bill, at=bill.due_date).status == "partially_paid"
    assert acts.managed(cast, bill, at=late).status == "overdue"
    for resident in cast.residents[1:]:
        acts.uphold(cast, acts.dispute(cast, resident, bill), "0.00")
    acts.offline(cast, cast.bola, bill, "4999.99")
    assert acts.managed(cast, bill, at=late).status == "paid"
    acts.cancel(cast, bill, refund=True)
    assert acts.managed(cast, bill, at=late).status == "cancelled"


def test_nobody_billed_is_not_paid(cast: Cast) -> None:
    for resident in cast.residents:
        acts.leave(cast, resident)
    bill = issue(cast, members_at_issue_only=True)
    office = acts.managed(cast, bill)
    assert (office.totals.members_billed, office.totals.outstanding_minor) == (0, 0)
    assert office.status == "pending_acknowledgment"


def test_a_bill_to_one_member_has_that_members_status(cast: Cast) -> None:
    bill = issue(cast, to=cast.bola)
    acknowledge(cast, cast.bola, bill)
    assert acts.managed(cast, bill).status == "acknowledged"
    acts.dispute(cast, cast.bola, bill)
    assert acts.managed(cast, bill).status == "disputed"
    assert acts.managed(cast, bill).status == acts.status(cast, cast.bola, bill)


def test_filters(cast: Cast) -> None:
    paid = issue(cast, title="Water of May", type=BillType.WATER)
    settle(cast, paid)
    own = issue(cast, to=cast.bola, title="100% _fine_", due_date=cast.now + timedelta(days=3))
    cancelled = issue(cast)
    acts.cancel(cast, cancelled)

    def ids(**chosen: Any) -> set[UUID]:
        return {view.id for view in found(cast, **chosen)}

    assert ids() == {paid.id, own.id, cancelled.id}
    assert ids(status=MemberStatus.PAID) == {paid.id}
    assert ids(status=MemberStatus.CANCELLED) == {cancelled.id}
    assert ids(status=MemberStatus.PENDING_ACKNOWLEDGMENT) == {own.id}
    assert ids(type=BillType.WATER) == {paid.id}
    assert ids(cluster_wide=True) == {paid.id, cancelled.id}
    assert ids(cluster_wide=False) == {own.id} == ids(user_id=cast.bola.user_id)
    assert ids(user_id=cast.chidi.user_id) == set()
    assert ids(due_before=own.due_date) == set()
    assert ids(due_before=own.due_date + timedelta(seconds=1)) == {own.id}
    assert ids(due_after=paid.due_date) == {paid.id, cancelled.id}
    assert ids(q="WATER of") == {paid.id}
    assert ids(q="100% _F") == {own.id}
    assert ids(q="100__") == set()
    assert ids(q=own.bill_number.lower()) == {own.id}
    assert ids(status=MemberStatus.OVERDUE, at=acts.after_due(cast)) == {own.id}


def test_pages_are_complete_and_newest_first(cast: Cast) -> None:
    made = [issue(cast, "1.00").id for _ in range(7)]
    seen: list[UUID] = []
    before = None
    while True:
        with tenant(cast.cluster_id):
            page = office_queries.bills_of_cluster(
                actor=cast.ada.actor, chosen=BillFilter(), now=cast.now, before=before, limit=3
            )
            mine = queries.bills_visible_to(
                actor=cast.bola.actor, chosen=queries.MemberBillFilter(), now=cast.now, before=before, limit=3
            )
        assert [view.id for view in page] == [view.id for view in mine]
        if not page:
            break
        seen += [view.id for view in page]
        before = page[-1].id
    assert seen == sorted(made, reverse=True)


def test_members_of_a_bill_by_status_and_page(cast: Cast) -> None:
    bill = issue(cast)
    first, second, third = cast.residents
    fund(cast, first, "5000.00")
    acknowledge(cast, first, bill)
    acts.pay(cast, first, bill)
    acknowledge(cast, second, bill)
    assert set(acts.reached(cast, bill, status=MemberStatus.PAID)) == {first.user_id}
    assert set(acts.reached(cast, bill, status=MemberStatus.ACKNOWLEDGED)) == {second.user_id}
    assert set(acts.reached(cast, bill, status=MemberStatus.PENDING_ACKNOWLEDGMENT)) == {third.user_id}
    everybody = sorted(resident.user_id for resident in cast.residents)
    with tenant(cast.cluster_id):
        pages = [
            office_queries.members_of_bill(
                actor=cast.efe.actor, bill_id=bill.id, status=None, now=cast.now, after=after, limit=1
            )
            for after in (None, *everybody)
        ]
    assert [[member.user_id for member in page] for page in pages] == [[user_id] for user_id in everybody] + [[]]


def test_a_member_filters_by_status(cast: Cast) -> None:
    first, second = issue(cast), issue(cast, type=BillType.WATER)
    acknowledge(cast, cast.bola, first)
    with tenant(cast.cluster_id):
        for chosen, expected in (
            (queries.MemberBillFilter(status=MemberStatus.ACKNOWLEDGED), [first.id]),
            (queries.MemberBillFilter(status=MemberStatus.PENDING_ACKNOWLEDGMENT), [second.id]),
            (queries.MemberBillFilter(status=MemberStatus.PAID), []),
            (queries.MemberBillFilter(type=BillType.WATER), [second.id]),
        ):
            mine = queries.bills_visible_to(actor=cast.bola.actor, chosen=chosen, now=cast.now)
            assert [view.id for view in mine] == expected


def test_the_summary_and_the_card_say_the_same(cast: Cast) -> None:
    late = acts.after_due(cast)
    fund(cast, cast.bola, "100000.00")
    due_later = issue(cast, "70.00", due_date=late + timedelta(days=2))
    settled, partly, overdue = issue(cast, "10.00"), issue(cast, "20.00"), issue(cast, "40.00")
    cancelled, disputed = issue(cast, "80.00"), issue(cast, "160.00", due_date=late + timedelta(days=1))
    for bill in (settled, partly):
        acknowledge(cast, cast.bola, bill)
    acts.pay(cast, cast.bola, settled)
    acts.pay(cast, cast.bola, partly, "5.00")
    acts.cancel(cast, cancelled)
    acts.dispute(cast, cast.bola, disputed)
    past_the_disputed = late + timedelta(days=1, hours=1)
    for at, next_due in (
        (cast.now, overdue.due_date),
        (late, disputed.due_date),
        (past_the_disputed, due_later.due_date),
    ):
        with tenant(cast.cluster_id):
            mine = queries.bill_summary(actor=cast.bola.actor, now=at)
            card = directory.bill_status_of(actor=cast.ada.actor, user_ids=[cast.bola.user_id], now=at)[
                cast.bola.user_id
            ]
        assert {line.status: line.count for line in mine.lines} == card.counts
        assert mine.outstanding == card.outstanding == naira("285.00")
        assert mine.next_due_date == card.next_due_date
        assert mine.next_due_date is not None
        assert mine.next_due_date >= next_due if at is late else mine.next_due_date == next_due
    assert card.counts[MemberStatus.OVERDUE] == 2
    assert due_later.due_date > disputed.due_date


def test_a_bill_that_is_not_there_or_elsewhere_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    with tenant(cast.cluster_id), acts.refused("bill_not_found"):
        office_queries.bill_of_cluster(actor=cast.ada.actor, bill_id=uuid4(), now=cast.now)
    with tenant(cast.lekki.id):
        with acts.refused("bill_not_found"):
            office_queries.bill_of_cluster(actor=cast.dayo.actor, bill_id=bill.id, now=cast.now)
        with acts.refused("bill_not_found"):
            office_queries.members_of_bill(actor=cast.dayo.actor, bill_id=bill.id, status=None, now=cast.now)


def test_they_need_view_payments(cast: Cast) -> None:
    bill = issue(cast)
    nobody = cast.manager("ManageMembers").actor
    with tenant(cast.cluster_id):
        for actor in (cast.bola.actor, nobody):
            with acts.refused("permission_missing"):
                office_queries.bills_of_cluster(actor=actor, chosen=BillFilter(), now=cast.now)
            with acts.refused("permission_missing"):
                office_queries.bill_of_cluster(actor=actor, bill_id=bill.id, now=cast.now)
            with acts.refused("permission_missing"):
                office_queries.members_of_bill(actor=actor, bill_id=bill.id, status=None, now=cast.now)
            with acts.refused("permission_missing"):
                directory.bill_status_of(actor=actor, user_ids=[cast.bola.user_id], now=cast.now)
