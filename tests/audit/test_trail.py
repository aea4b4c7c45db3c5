"""The trail of who did what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, connections, transaction

from clustr.audit import commands, queries
from clustr.audit.types import EventFilter, Subject
from clustr.kit.actor import Actor, Origin, PermissionMissing
from clustr.kit.ids import new_id
from clustr.kit.tenancy import TenantMismatch, tenant

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def an_admin(cluster_id: UUID | None = None) -> Actor:
    return Actor(
        cluster_id=cluster_id or new_id(),
        currency="NGN",
        timezone="Africa/Lagos",
        user_id=new_id(),
        role="admin",
        permissions=frozenset({"ViewPayments"}),
        origin=Origin(ip="203.0.113.9", user_agent="curl/8", request_id="request-1"),
    )


def note(actor: Actor, *, at: datetime = NOW, action: str = "bills.cancelled", subject_id: UUID | None = None) -> UUID:
    with tenant(actor.cluster_id):
        return commands.record(
            actor=actor, action=action, subject_kind="bill", subject_id=subject_id or new_id(), at=at, reason="typo"
        )


def read(actor: Actor, **options: object) -> list[UUID]:
    with tenant(actor.cluster_id):
        return [event.id for event in queries.audit_events(actor=actor, **options)]  # type: ignore[arg-type]


def test_it_works() -> None:
    ada, bill, journal = an_admin(), new_id(), new_id()
    with tenant(ada.cluster_id):
        made = commands.record(
            actor=ada,
            action="bills.cancelled",
            subject_kind="bill",
            subject_id=bill,
            at=NOW,
            reason="typo",
            facts={"amount": "5000.00"},
            journal=journal,
        )
        (event,) = queries.audit_events(actor=ada)
    assert (event.id, event.at, event.actor_id, event.action) == (made, NOW, ada.user_id, "bills.cancelled")
    assert (event.subject_kind, event.subject_id, event.reason) == ("bill", bill, "typo")
    assert (event.ip, event.user_agent, event.request_id) == ("203.0.113.9", "curl/8", "request-1")
    assert (event.facts, event.journal) == ({"amount": "5000.00"}, journal)


def test_an_act_of_the_system_has_no_actor() -> None:
    ada = an_admin()
    system = Actor(cluster_id=ada.cluster_id, currency="NGN", timezone="UTC")
    note(system)
    with tenant(ada.cluster_id):
        (event,) = queries.audit_events(actor=ada)
    assert (event.actor_id, event.ip) == (None, None)


def test_it_is_undone_with_the_act() -> None:
    ada = an_admin()
    with pytest.raises(ZeroDivisionError), tenant(ada.cluster_id):
        commands.record(actor=ada, action="bills.made", subject_kind="bill", subject_id=new_id(), at=NOW)
        _ = 1 / 0
    assert read(ada) == []


def test_it_needs_a_transaction() -> None:
    with pytest.raises(TenantMismatch):
        commands.record(actor=an_admin(), action="bills.made", subject_kind="bill", subject_id=new_id(), at=NOW)


def test_many_subjects_in_one_statement() -> None:
    ada, journal = an_admin(), new_id()
    subjects = [Subject(new_id(), {"n": n}, journal if n % 2 else None) for n in range(1000)]
    with tenant(ada.cluster_id):
        written = commands.record_batch(
            actor=ada, action="bills.refunded", subject_kind="member_bill", subjects=subjects, at=NOW
        )
        events = queries.audit_events(actor=ada, limit=2000)
    assert written == 1000
    assert {(e.subject_id, e.facts["n"], e.journal) for e in events} == {
        (s.id, s.facts["n"], s.journal) for s in subjects
    }


def test_sql_functions_may_write_it_too() -> None:
    ada = an_admin()
    with tenant(ada.cluster_id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT audit_record(NULL, %s, %s, 'bills.paid', 'bill', %s, '', %s, %s, %s)",
            [NOW, ada.user_id, new_id(), ada.origin.ip, ada.origin.user_agent, ada.origin.request_id],
        )
        (event,) = queries.audit_events(actor=ada)
    assert (event.action, event.id.version, event.facts) == ("bills.paid", 7, {})


def test_it_reads_newest_first_page_by_page() -> None:
    ada = an_admin()
    ids = [note(ada, at=NOW + timedelta(minutes=minute // 2)) for minute in range(6)]
    first = read(ada, limit=4)
    with tenant(ada.cluster_id):
        last = queries.audit_events(actor=ada, limit=4)[-1]
    rest = read(ada, after=(last.at, last.id), limit=4)
    assert first + rest == ids[::-1]


def test_it_filters() -> None:
    ada, bill = an_admin(), new_id()
    wanted = note(ada, subject_id=bill, action="bills.changed", at=NOW)
    note(ada, at=NOW + timedelta(days=1))
    for matching in (
        EventFilter(action="bills.changed"),
        EventFilter(subject_id=bill),
        EventFilter(until=NOW + timedelta(seconds=1)),
        EventFilter(actor_id=ada.user_id, since=NOW, until=NOW + timedelta(days=1)),
    ):
        assert read(ada, matching=matching) == [wanted]
    assert read(ada, matching=EventFilter(actor_id=new_id())) == []


def test_another_estate_sees_nothing() -> None:
    ada = an_admin()
    note(ada)
    assert read(an_admin()) == []


def test_reading_needs_the_permission() -> None:
    bola = Actor(cluster_id=new_id(), currency="NGN", timezone="UTC", user_id=new_id(), role="resident")
    with pytest.raises(PermissionMissing):
        read(bola)


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_event SET reason = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"]
)
@pytest.mark.parametrize("alias", ["default", "owner"])
def test_it_never_changes(statement: str, alias: str) -> None:
    ada = an_admin()
    note(ada)
    with (
        pytest.raises(DatabaseError),
        transaction.atomic(using=alias),
        connections[alias].cursor() as cursor,
    ):
        cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(ada.cluster_id)])
        cursor.execute(statement)
    assert len(read(ada)) == 1
