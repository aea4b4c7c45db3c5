"""Pages of bills cost the same in a large cluster: a fixed number of statements, and no look at every member."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from clustr.bills import arrears, directory, member_accounts, office_queries, queries
from clustr.bills import commands as bills
from clustr.bills.models import Bill
from clustr.bills.types import BillType, MemberStatus, NewBill
from clustr.clusters.commands import enrol_members
from clustr.clusters.types import NewMember, Role
from clustr.kit.tenancy import tenant
from clustr.people.commands import register_people
from tests.bills import acts
from tests.cast import Cast, Part, make_cast, make_estate
from tests.money import acknowledge, fund, issue, naira, prove

MEMBERS = 20_000
GROWING = {"clusters_membership", "bills_acknowledgment", "bills_memberbill", "bills_adjustment", "people_user"}


@dataclass(frozen=True)
class Town:
    """A cluster of 20,000 among many small ones, with forty bills, one of them acknowledged by a quarter."""

    cast: Cast
    bill: Bill
    some: list[UUID]


@pytest.fixture(scope="module")
def town(django_db_setup: None) -> Iterator[Town]:
    cast = make_cast()
    register_people(
        rows=[(f"elsewhere-{n}-{cast.cluster_id}@example.test", "", "") for n in range(MEMBERS)], now=cast.now
    )
    for number in range(60):
        make_estate(f"Hamlet {number}", (Part("Ada", Role.ADMIN), Part("Bola", Role.RESIDENT)), cast.now)
    rows = [(f"town-{number}-{cast.cluster_id}@example.test", f"T{number}", "") for number in range(MEMBERS)]
    people = list(register_people(rows=rows, now=cast.now).values())
    enrol_members(
        cluster_id=cast.cluster_id,
        members=[NewMember(user_id, Role.RESIDENT, cast.now - timedelta(days=30)) for user_id in people],
        now=cast.now,
    )
    made = bills.create_bulk_bills(
        actor=cast.ada.actor,
        bills=[
            NewBill(f"Bill {n}", naira("10.00"), BillType.WATER, cast.now + timedelta(days=5 + n)) for n in range(40)
        ],
        now=cast.now,
    )
    bill = made[20]
    with tenant(cast.cluster_id), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bills_acknowledgment (cluster_id, id, bill_id, user_id, version, terms_digest, at)"
            " SELECT kit_tenant(), gen_random_uuid(), b.id, m.user_id, 1, b.terms_digest, %s"
            " FROM bills_bill b JOIN clusters_membership m ON m.cluster_id = b.cluster_id AND m.user_id::text < '4'"
            " OR b.id = %s AND m.user_id = ANY(%s) WHERE b.id = %s",
            [cast.now, bill.id, people[:5_000], bill.id],
        )
        others = [each.id for each in made if each is not bill]
        cursor.execute(
            "INSERT INTO bills_memberbill SELECT kit_tenant(), b, m.user_id, 0 FROM clusters_membership m, unnest(%s) AS b"
            " WHERE m.cluster_id = kit_tenant() AND m.user_id = ANY(%s)",
            [others, people[:200]],
        )
        cursor.execute(
            "INSERT INTO bills_adjustment SELECT kit_tenant(), gen_random_uuid(), b, m, 1, 'rounding', %s, %s"
            " FROM unnest(%s::uuid[]) AS b, unnest(%s::uuid[]) AS m",
            [cast.ada.user_id, cast.now, others, people[:60]],
        )
    fund(cast, cast.bola, "100.00")
    acknowledge(cast, cast.bola, bill)
    acts.close_fully(bill)
    with connections["owner"].cursor() as cursor:
        for table in sorted(GROWING | {"bills_bill", "bills_dispute", "people_user", "clusters_tally"}):
            cursor.execute(f"ANALYZE {table}")
    yield Town(cast, bill, people[:50])
    prove(cast)


def _payable(cast: Cast, members: list[UUID]) -> Any:
    with tenant(cast.cluster_id):
        return queries.payable_of(wanted=[(member, BillType.WATER) for member in members], now=cast.now)


def pages(cast: Cast, bill: Bill, some: list[UUID]) -> dict[str, Callable[[], Any]]:
    """Every page of bills, by name."""
    bola, ada, now = cast.bola.actor, cast.ada.actor, cast.now
    anything = queries.MemberBillFilter()
    owing = queries.MemberBillFilter(status=MemberStatus.PENDING_ACKNOWLEDGMENT)
    return {
        "my bills": lambda: queries.bills_visible_to(actor=bola, chosen=anything, now=now),
        "my bills, next page": lambda: queries.bills_visible_to(actor=bola, chosen=anything, now=now, before=bill.id),
        "my bills by status": lambda: queries.bills_visible_to(actor=bola, chosen=owing, now=now),
        "my bill": lambda: queries.bill_visible_to(actor=bola, bill_id=bill.id, now=now),
        "my summary": lambda: queries.bill_summary(actor=bola, now=now),
        "what standing orders find": lambda: _payable(cast, some[:5]),
        "members of a bill": lambda: office_queries.members_of_bill(
            actor=ada, bill_id=bill.id, status=None, now=now, limit=50
        ),
        "members of a bill, next page": lambda: office_queries.members_of_bill(
            actor=ada, bill_id=bill.id, status=None, now=now, after=some[len(some) // 2], limit=50
        ),
        "bill status of members": lambda: directory.bill_status_of(actor=ada, user_ids=some, now=now),
        "members of the cluster": lambda: directory.members_with_bill_status(actor=ada, now=now),
        "members of the cluster by status": lambda: directory.members_with_bill_status(
            actor=ada, now=now, status=MemberStatus.PENDING_ACKNOWLEDGMENT
        ),
        "members in arrears": lambda: arrears.members_in_arrears(actor=ada, now=now + timedelta(days=8)),
        "account of a member": lambda: member_accounts.account_of_member(actor=ada, user_id=some[0], now=now),
        "bills of a member": lambda: member_accounts.bills_of_member(actor=ada, user_id=some[0], now=now),
        "bills of the cluster": lambda: office_queries.bills_of_cluster(
            actor=ada, chosen=office_queries.BillFilter(), now=now
        ),
        "a bill of the cluster": lambda: office_queries.bill_of_cluster(actor=ada, bill_id=bill.id, now=now),
    }


PAGES = [
    "my bills",
    "my bills, next page",
    "my bills by status",
    "my bill",
    "my summary",
    "what standing orders find",
    "members of a bill",
    "members of a bill, next page",
    "bill status of members",
    "members of the cluster",
    "members of the cluster by status",
    "members in arrears",
    "account of a member",
    "bills of a member",
    "bills of the cluster",
    "a bill of the cluster",
]


def statements(cluster_id: UUID, page: Callable[[], Any]) -> list[str]:
    with tenant(cluster_id), CaptureQueriesContext(connection) as captured:
        page()
    return [query["sql"] for query in captured]


def scans(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every (node, table) of a plan."""
    if "Relation Name" in plan:
        yield plan["Node Type"], plan["Relation Name"]
    for child in plan.get("Plans", ()):
        yield from scans(child)


@pytest.mark.parametrize("name", PAGES)
def test_the_number_of_statements_is_the_same(cast: Cast, town: Town, name: str) -> None:
    bill = issue(cast)
    small = statements(cast.cluster_id, pages(cast, bill, [cast.bola.user_id])[name])
    large = statements(town.cast.cluster_id, pages(town.cast, town.bill, town.some)[name])
    assert len(small) == len(large) <= 2


@pytest.mark.parametrize("name", PAGES)
def test_no_page_looks_at_every_member(town: Town, name: str) -> None:
    with tenant(town.cast.cluster_id), connection.cursor() as cursor:
        with CaptureQueriesContext(connection) as captured:
            pages(town.cast, town.bill, town.some)[name]()
        found = []
        for query in captured.captured_queries:
            cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + query["sql"])
            (answer,) = cursor.fetchone()
            plan = answer[0] if isinstance(answer, list) else json.loads(answer)[0]
            found += list(scans(plan["Plan"]))
            touched = rows_touched(plan["Plan"])
            assert touched < MEMBERS // 2, (name, touched, json.dumps(plan, indent=1))
    assert not [(node, table) for node, table in found if node == "Seq Scan" and table in GROWING], found


def rows_touched(plan: dict[str, Any]) -> int:
    """How many rows the plan read from tables that grow with the members, those it threw away included."""
    own = 0
    if plan.get("Relation Name") in GROWING:
        read = (
            plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        )
        own = int(read * plan["Actual Loops"])
    return own + sum(rows_touched(child) for child in plan.get("Plans", ()))
