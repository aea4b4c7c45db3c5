"""Forgetting a person ends what they are in every estate; the last administrator of one is not forgotten."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from secrets import randbelow, token_hex
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from clustr.audit import queries as audit
from clustr.clusters import queries
from clustr.clusters.commands import enrol_members
from clustr.clusters.models import Membership
from clustr.clusters.refusals import LastAdmin
from clustr.clusters.types import NewMember, Role
from clustr.kit.invariants import violations
from clustr.kit.tenancy import tenant
from clustr.people.commands import erase_person, reapply_erasures
from clustr.people.models import Erasure, User
from tests.canaries import stored
from tests.cast import Cast, Part, Person, client_of


def erase(cast: Cast, person: Person) -> None:
    erase_person(user_id=person.user_id, reason="asked", by=None, now=cast.now)


def test_it_works(cast: Cast) -> None:
    elsewhere = NewMember(cast.bola.user_id, Role.STAFF, cast.now)
    enrol_members(cluster_id=cast.lekki.id, members=[elsewhere], now=cast.now)
    erase(cast, cast.bola)
    for cluster_id in (cast.cluster_id, cast.lekki.id):
        with tenant(cluster_id):
            (left_at,) = Membership.objects.filter(user_id=cast.bola.user_id).values_list("left_at", flat=True)
            assert left_at in (cast.now, cast.now + timedelta(microseconds=1))
        assert list(violations(cluster_id=cluster_id)) == []
    with tenant(cast.cluster_id):
        assert queries.members_billed(issued_at=cast.now, due_date=cast.now, at_issue_only=True) == 2
        assert [event.action for event in audit.audit_events(actor=cast.ada.actor)] == ["members.ended"]
    erase(cast, cast.bola)


def test_first_answers_do_not_say_who_it_was(cast: Cast) -> None:
    """The office made them a member, and their own profile was changed, each with a key."""
    email, bola, ada = f"{uuid4()}@example.test", client_of(cast.bola), client_of(cast.ada)
    name, renamed, phone = f"Uche {token_hex(4)}", f"Bola {token_hex(4)}", f"+23480{randbelow(10**8):08}"
    body = {"email": email, "name": name, "phone": phone, "unit": "B 4", "unit_type": "flat"}
    made = ada.post("/management/payments/members/", body, key="k")
    assert made.status_code == 201, made.content
    assert bola.patch("/members/profile/", {"name": renamed}, key="k").status_code == 200
    uche = User.objects.get(email=email)
    texts = (email, name, phone, renamed, cast.bola.email)
    assert all(stored(text) for text in texts)
    for user_id in (uche.id, cast.bola.user_id):
        erase_person(user_id=user_id, reason="asked", by=None, now=cast.now)
    assert [stored(text) for text in texts] == [[]] * len(texts)
    again = ada.post("/management/payments/members/", body, key="k")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    kept = made.json()
    assert again.json() == kept | dict.fromkeys(("email", "name", "phone"), "")


def test_the_last_administrator_is_not_forgotten(cast: Cast) -> None:
    with pytest.raises(LastAdmin):
        erase(cast, cast.ada)
    with pytest.raises(CommandError, match="last administrator"):
        call_command("erase_person", cast.ada.email, reason="asked", stdout=StringIO())
    assert User.objects.get(id=cast.ada.user_id).email == cast.ada.email
    assert not Erasure.objects.filter(user_id=cast.ada.user_id).exists()
    cast.add(cast.palm_grove, Part("Second", Role.ADMIN))
    erase(cast, cast.ada)


def test_what_was_decided_before_a_restore_is_not_asked_again(cast: Cast) -> None:
    reapply_erasures(records=[{"user_id": str(cast.ada.user_id), "reason": "asked"}], now=cast.now)
    assert User.objects.get(id=cast.ada.user_id).erased_at == cast.now
