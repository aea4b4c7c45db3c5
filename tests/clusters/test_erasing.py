"""Forgetting a person ends what they are in every estate; the last administrator of one is not forgotten."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

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
from tests.cast import Cast, Part, Person


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
