"""GET /management/payments/audit/"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from clustr.audit import commands
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from tests.cast import Cast, Person
from tests.web.test_door_errors import is_problem

AUDIT = "/management/payments/audit/"


def note(cast: Cast, person: Person, *, action: str = "bills.cancelled", minutes_ago: int = 0, **facts: Any) -> UUID:
    subject_id = new_id()
    with tenant(person.cluster_id):
        commands.record(
            actor=person.actor,
            action=action,
            subject_kind="bill",
            subject_id=subject_id,
            at=cast.now - timedelta(minutes=minutes_ago),
            reason="Sent by mistake",
            facts=facts,
        )
    return subject_id


def subjects(client: Any, **query: Any) -> list[str]:
    answer = client.get(AUDIT, query)
    assert answer.status_code == 200, answer.content
    return [row["subject_id"] for row in answer.json()["results"]]


def test_it_works(cast: Cast) -> None:
    bill = note(cast, cast.ada, amount="5000.00")
    (event,) = cast.client_of(cast.efe).get(AUDIT).json()["results"]
    assert event == {
        "id": event["id"],
        "at": cast.now.isoformat().replace("+00:00", "Z"),
        "actor_id": str(cast.ada.user_id),
        "action": "bills.cancelled",
        "subject_kind": "bill",
        "subject_id": str(bill),
        "reason": "Sent by mistake",
        "ip": "192.0.2.7",
        "user_agent": "tests",
        "request_id": "test",
        "facts": {"amount": "5000.00"},
        "journal": None,
    }


def test_filters(cast: Cast) -> None:
    old = str(note(cast, cast.ada, minutes_ago=60))
    new = str(note(cast, cast.efe, action="bills.changed"))
    ada = cast.client_of(cast.ada)
    assert subjects(ada) == [new, old]
    assert subjects(ada, action="bills.changed") == [new]
    assert subjects(ada, actor_id=str(cast.ada.user_id)) == [old]
    assert subjects(ada, subject_id=old) == [old]
    half_past = (cast.now - timedelta(minutes=30)).isoformat()
    assert subjects(ada, **{"from": half_past}) == [new]
    assert subjects(ada, to=half_past) == [old]


@pytest.mark.parametrize("query", [{"actor_id": "x"}, {"from": "yesterday"}, {"to": "2027-01-01"}, {"action": ""}])
def test_bad_filters(cast: Cast, query: dict[str, str]) -> None:
    (error,) = is_problem(cast.client_of(cast.ada).get(AUDIT, query), 422, "invalid")["errors"]
    assert error["field"] in query


def test_a_resident_may_not(cast: Cast) -> None:
    is_problem(cast.client_of(cast.bola).get(AUDIT), 403, "permission_missing")


def test_staff_need_the_permission(cast: Cast) -> None:
    is_problem(cast.client_of(cast.manager("ManageBill")).get(AUDIT), 403, "permission_missing")


def test_strangers_see_their_own(cast: Cast) -> None:
    bill = note(cast, cast.ada)
    assert subjects(cast.client_of(cast.dayo)) == []
    assert subjects(cast.client_of(cast.dayo), subject_id=str(bill)) == []
