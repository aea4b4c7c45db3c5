"""Reminding members of bills that are due soon or overdue: one notice a bill, however many it reaches, made once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from clustr.audit import commands as audit
from clustr.bills.models import Bill
from clustr.bills.policies import refuse_member_managed
from clustr.bills.refusals import AlreadyReminded, BillCancelled, BillNotFound, NobodyOwes
from clustr.bills.telling import tell_ahead, tell_by_hand, tell_of_overdue
from clustr.bills.types import BillCategory
from clustr.clusters import queries as clusters
from clustr.kit.actor import Actor
from clustr.kit.going_on import through_estates
from clustr.kit.tenancy import tenant

LOOKED_BACK = timedelta(days=30)
"""A sweep that did not run for this long still tells of what became overdue meanwhile."""


def check_overdue_bills(*, now: datetime) -> int:
    """Tell whoever still owes on a bill that its due date has passed, once for each bill and version of its terms. The
    status itself needs no job: it is derived. Answers how many notices were made."""
    return through_estates(clusters.all_cluster_ids(with_platform=False), lambda id: _check_cluster(id, now))


def send_bill_reminders(*, now: datetime) -> int:
    """Remind whoever still owes on a bill, so many days before it is due as the estate chose; once for each of them.
    Answers how many notices were made."""
    return through_estates(clusters.all_cluster_ids(with_platform=False), lambda id: _remind_cluster(id, now))


def remind_of_bill(*, actor: Actor, bill_id: UUID, now: datetime) -> None:
    """Remind whoever still owes on a bill, by hand: once on each of the cluster's days, for each version of its terms.

    Needs ManageBill. Refuses `BillNotFound`, `BillManagedByMember`, `BillCancelled`, `NobodyOwes`, `AlreadyReminded`.
    """
    actor.require("ManageBill")
    with tenant(actor.cluster_id):
        bill = Bill.objects.filter(cluster_id=actor.cluster_id, id=bill_id).first()
        if bill is None:
            raise BillNotFound
        refuse_member_managed(category=bill.category)
        if bill.cancelled_at is not None:
            raise BillCancelled
        if not _owed([bill]) or (bill.user_id is None and _is_paid(bill)):
            raise NobodyOwes
        day = now.astimezone(ZoneInfo(actor.timezone)).date()
        if not tell_by_hand(bill=bill, day=day, now=now):
            raise AlreadyReminded
        audit.record(
            actor=actor,
            action="bills.reminded",
            subject_kind="bill",
            subject_id=bill.id,
            at=now,
            facts={"bill_number": bill.bill_number},
        )


def _is_paid(bill: Bill) -> bool:
    """Whether nobody owes anything on a cluster-wide bill any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.collected_minor >= bills_amount_billed(b) FROM bills_bill b CROSS JOIN LATERAL bills_totals(b) AS t"
            " WHERE b.cluster_id = kit_tenant() AND b.id = %s",
            [bill.id],
        )
        return bool(cursor.fetchone()[0])


def count_overdue_bills(*, now: datetime) -> int:
    """How many bills became overdue lately and are still owed, in all clusters: whose members were told, or are due to be."""
    return sum(_counted(cluster_id, now - LOOKED_BACK, now) for cluster_id in _estates())


def count_bills_due_soon(*, now: datetime) -> int:
    """How many bills fall due within the days of which members are reminded, in all clusters."""
    return sum(
        _counted(
            cluster_id, now, now + timedelta(days=max(clusters.reminder_days_of(cluster_id=cluster_id), default=0))
        )
        for cluster_id in _estates()
    )


def _check_cluster(cluster_id: UUID, now: datetime) -> int:
    with tenant(cluster_id):
        return tell_of_overdue(bills=_owed(_due_between(cluster_id, now - LOOKED_BACK, now)), now=now)


def _remind_cluster(cluster_id: UUID, now: datetime) -> int:
    """The nearest reminder that has come due is sent; one that a bill was issued after, or that a later one overtook, is
    not."""
    days = clusters.reminder_days_of(cluster_id=cluster_id)
    if not days:
        return 0
    with tenant(cluster_id):
        soon = _owed(_due_between(cluster_id, now, now + timedelta(days=max(days))))
        made = 0
        for ahead in days:
            wanted = [
                bill
                for bill in soon
                if min(each for each in days if bill.due_date <= now + timedelta(days=each)) == ahead
                and bill.issued_at < bill.due_date - timedelta(days=ahead)
            ]
            made += tell_ahead(bills=wanted, days=ahead, now=now)
    return made


def _estates() -> list[UUID]:
    return clusters.all_cluster_ids(with_platform=False)


def _counted(cluster_id: UUID, after: datetime, until: datetime) -> int:
    with tenant(cluster_id):
        return len(_owed(_due_between(cluster_id, after, until)))


def _due_between(cluster_id: UUID, after: datetime, until: datetime) -> list[Bill]:
    """Without members' purchases from utilities, which pay themselves."""
    found = Bill.objects.filter(cluster_id=cluster_id, cancelled_at=None, due_date__gt=after, due_date__lte=until)
    return list(found.exclude(category=BillCategory.USER_MANAGED.value).order_by("due_date", "id"))


def _owed(bills: Sequence[Bill]) -> list[Bill]:
    """Without one member's own bills that are paid or disputed; of a cluster-wide bill the notice itself reaches only who
    still owes."""
    own = [bill.id for bill in bills if bill.user_id is not None]
    if not own:
        return list(bills)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.id FROM bills_bill b CROSS JOIN LATERAL bills_standing(b.cluster_id, b.id, b.user_id,"
            " b.amount_minor, b.version) AS s WHERE b.cluster_id = kit_tenant() AND b.id = ANY(%s)"
            " AND s.paid_minor < s.due_minor AND s.dispute_id IS NULL",
            [own],
        )
        owed = {row[0] for row in cursor.fetchall()}
    return [bill for bill in bills if bill.user_id is None or bill.id in owed]
