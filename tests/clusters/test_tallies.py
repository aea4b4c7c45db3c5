"""Counting whom a bill reaches without looking at them: always the number one finds by looking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clustr.clusters import checks, queries
from clustr.clusters.commands import enrol_members
from clustr.clusters.models import Membership
from clustr.clusters.policies import reaches
from clustr.clusters.refusals import AlreadyMember, PeriodsOverlap
from clustr.clusters.types import NewMember, Period, Role
from clustr.kit.tenancy import tenant
from clustr.people.commands import register_people
from tests.cast import Cast, make_estate

pytestmark = pytest.mark.early

START = datetime(2026, 1, 30, 12, tzinfo=UTC)
INSTANTS = [START + timedelta(hours=7 * step, microseconds=step) for step in range(16)]
"""Close enough for periods to meet and touch, wide enough to cross days and a month."""

PERIODS = st.lists(st.integers(0, 15), min_size=1, max_size=6, unique=True).map(sorted)
PEOPLE = st.lists(
    st.tuples(PERIODS, st.sampled_from(["resident", "resident", "staff", "admin"])), min_size=1, max_size=5
)


@pytest.fixture(scope="module")
def ids(django_db_setup: None) -> list[UUID]:
    rows = [(f"tally-{number}@example.test", f"T{number}", "") for number in range(5)]
    return list(register_people(rows=rows, now=START).values())


def billed_by_looking(cluster_id: UUID, issued: datetime, due: datetime, at_issue_only: bool) -> int:
    with tenant(cluster_id):
        members = list(Membership.objects.filter(cluster_id=cluster_id))
    return len(
        {
            member.user_id
            for member in members
            if reaches(
                Period(member.role, (), member.joined_at, member.left_at),
                issued_at=issued,
                due_date=due,
                at_issue_only=at_issue_only,
            )
        }
    )


def billed_in_sql(cluster_id: UUID, issued: datetime, due: datetime, at_issue_only: bool) -> int:
    with tenant(cluster_id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT user_id) FROM clusters_membership m WHERE cluster_id = %s"
            " AND clusters_reaches(m.role, m.joined_at, m.left_at, %s, %s, %s)",
            [cluster_id, issued, due, at_issue_only],
        )
        return int(cursor.fetchone()[0])


def assert_counted(cluster_id: UUID) -> None:
    edges = [*INSTANTS, INSTANTS[0] - timedelta(days=40), INSTANTS[-1] + timedelta(days=40)]
    for first, issued in enumerate(edges[::3]):
        for due in edges[first::2]:
            if due < issued:
                continue
            for at_issue_only in (False, True):
                with tenant(cluster_id):
                    counted = queries.members_billed(issued_at=issued, due_date=due, at_issue_only=at_issue_only)
                assert counted == billed_by_looking(cluster_id, issued, due, at_issue_only)
    assert counted == billed_in_sql(cluster_id, issued, due, at_issue_only)
    assert violations(cluster_id) == []


def violations(cluster_id: UUID) -> list[str]:
    broken = []
    with connections["checker"].cursor() as cursor:
        for invariant in checks.INVARIANTS:
            cursor.execute(f"SELECT count(*) FROM ({invariant.sql}) AS found WHERE cluster_id = %s", [cluster_id])
            if cursor.fetchone()[0]:
                broken.append(invariant.name)
    return broken


def live(cluster_id: UUID, user_id: UUID, role: str, instants: list[int]) -> list[UUID]:
    """Join and leave at these instants in turn; the last period may stay open."""
    made = []
    for begins in range(0, len(instants), 2):
        (membership_id,) = enrol_members(
            cluster_id=cluster_id, members=[NewMember(user_id, Role(role), INSTANTS[instants[begins]])], now=START
        )
        made.append(membership_id)
        if begins + 1 < len(instants):
            with tenant(cluster_id):
                Membership.objects.filter(cluster_id=cluster_id, id=membership_id).update(
                    left_at=INSTANTS[instants[begins + 1]]
                )
    return made


@given(people=PEOPLE, edits=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 15)), max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_tallies_agree_with_looking(ids: list[UUID], people: list[tuple[list[int], str]], edits: list[tuple[int, int]]):
    cluster_id = make_estate("Tally", (), START).id
    made = [
        membership_id
        for user_id, (instants, role) in zip(ids, people, strict=False)
        for membership_id in live(cluster_id, user_id, role, instants)
    ]
    for index, instant in edits:  # move an end, or let somebody change from resident to staff; constraints may refuse
        change = {"left_at": INSTANTS[instant]} if instant % 3 else {"role": "staff"}
        try:
            with tenant(cluster_id):
                Membership.objects.filter(cluster_id=cluster_id, id=made[index % len(made)]).update(**change)
        except IntegrityError:
            continue
    assert_counted(cluster_id)


def test_who_leaves_and_comes_back_counts_once(cast: Cast) -> None:
    cluster_id = make_estate("Return", (), START).id
    live(cluster_id, cast.bola.user_id, "resident", [0, 3, 5])
    with tenant(cluster_id):
        assert queries.members_billed(issued_at=INSTANTS[1], due_date=INSTANTS[9], at_issue_only=False) == 1
        assert queries.members_billed(issued_at=INSTANTS[3], due_date=INSTANTS[4], at_issue_only=False) == 0
        assert queries.members_billed(issued_at=INSTANTS[4], due_date=INSTANTS[9], at_issue_only=True) == 0


def test_periods_of_a_person_cannot_overlap(cast: Cast) -> None:
    cluster_id = make_estate("Overlap", (), START).id
    live(cluster_id, cast.bola.user_id, "resident", [2, 5])
    with pytest.raises(PeriodsOverlap):
        enrol_members(
            cluster_id=cluster_id, members=[NewMember(cast.bola.user_id, Role.RESIDENT, INSTANTS[4])], now=START
        )
    live(cluster_id, cast.bola.user_id, "resident", [5])
    with pytest.raises(AlreadyMember):
        live(cluster_id, cast.bola.user_id, "resident", [9])
    live(cluster_id, cast.bola.user_id, "staff", [9])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE clusters_membership SET previous_left_at = joined_at - interval '1 s' WHERE id = %s",
        "UPDATE clusters_membership SET left_at = joined_at WHERE id = %s",
        "UPDATE clusters_membership SET permissions = '{ViewPayments}' WHERE id = %s",
        "UPDATE clusters_membership SET role = 'staff', permissions = '{Everything}' WHERE id = %s",
        "UPDATE clusters_membership SET unit_id = gen_random_uuid() WHERE id = %s",
    ],
)
def test_the_database_refuses(cast: Cast, statement: str) -> None:
    with pytest.raises(IntegrityError), tenant(cast.cluster_id), connection.cursor() as cursor:
        cursor.execute(statement, [cast.bola.membership_id])


def test_memberships_are_never_deleted(cast: Cast) -> None:
    for statement in ("DELETE FROM clusters_membership WHERE cluster_id = %s", "TRUNCATE clusters_membership"):
        arguments = [cast.cluster_id] if "%s" in statement else []
        for alias in ("default", "owner"):
            with (
                pytest.raises(DatabaseError, match=r"append-only|permission denied"),
                transaction.atomic(using=alias),
                connections[alias].cursor() as cursor,
            ):
                cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(cast.cluster_id)])
                cursor.execute(statement, arguments)


def test_a_wrong_tally_is_found(cast: Cast) -> None:
    """And taken back: whoever proves the books of this process next must not find it."""

    def add(joiners: int) -> None:
        with tenant(cast.cluster_id), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE clusters_tally SET joiners = joiners + %s WHERE cluster_id = %s", [joiners, cast.cluster_id]
            )

    add(1)
    try:
        assert violations(cast.cluster_id) == ["clusters.tallies_equal_memberships"]
    finally:
        add(-1)
    assert violations(cast.cluster_id) == []
