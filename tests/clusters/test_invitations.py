"""Who is known elsewhere is shown as the inviting estate wrote them, and stays as they are, until they accept."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clustr.audit import queries as audit
from clustr.clusters import queries
from clustr.clusters.commands import enter_cluster, import_roster, invite_member, send_invitations, update_member
from clustr.clusters.member_queries import members_of
from clustr.clusters.models import Membership
from clustr.clusters.refusals import ClusterRequired, InvitationNotAccepted
from clustr.clusters.types import Member, MemberChanges, Role
from clustr.kit.actor import Actor
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.people.commands import create_platform_staff, erase_person
from clustr.people.models import Mail, User
from clustr.people.queries import export_person
from tests.cast import ORIGIN, Cast, Person


def invite(cast: Cast, whom: Person, **values: Any) -> None:
    """Lekki Gardens invites somebody of Palm Grove."""
    given = {"email": whom.email, "name": "Somebody", "phone": "+234 801 000 0000", "role": Role.RESIDENT} | values
    invite_member(actor=cast.dayo.actor, now=cast.now, **given)


def enter(cast: Cast, person: Person, *, named: bool) -> Actor:
    cluster_id = cast.lekki.id if named else None
    return enter_cluster(user_id=person.user_id, cluster_id=cluster_id, origin=ORIGIN, now=cast.now)


def listed(cast: Cast, q: str = "") -> list[Member]:
    return [member for member in members_of(actor=cast.dayo.actor, now=cast.now, q=q) if member.role == "resident"]


def describe(member: Member) -> tuple[str, str, str]:
    return member.name, member.email, member.phone


def test_it_works(cast: Cast) -> None:
    User.objects.filter(id=cast.bola.user_id).update(phone="+2348039999999")
    invite(cast, cast.bola)
    assert describe(listed(cast)[-1]) == ("Somebody", cast.bola.email, "+234 801 000 0000")
    assert enter(cast, cast.bola, named=False).cluster_id == cast.cluster_id
    with pytest.raises(InvitationNotAccepted):
        queries.actor_for(user_id=cast.bola.user_id, cluster_id=cast.lekki.id, origin=ORIGIN, now=cast.now)

    (mail,) = Mail.objects.filter(user_id=cast.bola.user_id)
    assert str(cast.lekki.id) in mail.body
    assert enter(cast, cast.bola, named=True).role == "resident"
    assert describe(listed(cast)[-1]) == ("Bola", cast.bola.email, "+2348039999999")
    with pytest.raises(ClusterRequired):
        enter(cast, cast.bola, named=False)
    with tenant(cast.lekki.id):
        actions = [event.action for event in audit.audit_events(actor=cast.dayo.actor)]
    assert sorted(actions) == ["members.accepted", "members.added"]
    with CaptureQueriesContext(connection) as statements:
        enter(cast, cast.bola, named=True)
    assert len(statements) == 1


def test_a_stranger_is_found_by_what_the_estate_wrote_only(cast: Cast) -> None:
    User.objects.filter(id=cast.bola.user_id).update(name="Adunni Bola", phone="+2348039999999")
    invite(cast, cast.bola)
    assert [len(listed(cast, q)) for q in ("adunni", "08039999999", "somebody", "08010000000", cast.bola.email)] == [
        0,
        0,
        1,
        1,
        1,
    ]


def test_an_import_tells_nobody_who_is_known(cast: Cast) -> None:
    new = f"{new_id()}@example.test"
    content = f"email,name\n{cast.bola.email},One\n{new},Two\n".encode()
    result = import_roster(actor=cast.dayo.actor, content=content, now=cast.now)
    assert (result.created, result.updated) == (2, 0)
    assert [member.name for member in listed(cast)[-2:]] == ["One", "Two"]
    assert enter(cast, cast.bola, named=False).cluster_id == cast.cluster_id
    send_invitations(cluster_id=cast.lekki.id, now=cast.now)
    told = {
        mail.address: str(cast.lekki.id) in mail.body
        for mail in Mail.objects.filter(address__in=[new, cast.bola.email])
    }
    assert told == {new: False, cast.bola.email: True}


def test_who_has_not_accepted_is_billed_all_the_same(cast: Cast) -> None:
    invite(cast, cast.bola)
    with tenant(cast.lekki.id):
        assert queries.members_billed(issued_at=cast.now, due_date=cast.now, at_issue_only=True) == 2


def test_a_change_of_role_accepts_nothing(cast: Cast) -> None:
    invite(cast, cast.bola)
    changes = MemberChanges(role=Role.STAFF, permissions=frozenset({"ViewWallet"}))
    later = cast.now.replace(year=cast.now.year + 1)
    update_member(actor=cast.dayo.actor, membership_id=listed(cast)[-1].id, changes=changes, now=later)
    staff = members_of(actor=cast.dayo.actor, now=later, role=Role.STAFF)
    assert [describe(member) for member in staff] == [("Somebody", cast.bola.email, "+234 801 000 0000")]
    assert enter(cast, cast.bola, named=False).cluster_id == cast.cluster_id
    entered = enter_cluster(user_id=cast.bola.user_id, cluster_id=cast.lekki.id, origin=ORIGIN, now=later)
    assert entered.permissions == {"ViewWallet"}


def test_who_has_accepted_once_accepts_no_more(cast: Cast) -> None:
    invite(cast, cast.bola)
    enter(cast, cast.bola, named=True)
    invite(cast, cast.bola, role=Role.STAFF, permissions={"ViewWallet"})
    assert enter(cast, cast.bola, named=True).permissions == {"ViewWallet"}


def test_who_belongs_nowhere_yet_is_told_what_to_name(cast: Cast) -> None:
    email = f"{new_id()}@example.test"
    user_id = create_platform_staff(email=email, name="Ngozi", now=cast.now)
    invite_member(actor=cast.dayo.actor, email=email, name="", role=Role.RESIDENT, now=cast.now)
    with pytest.raises(InvitationNotAccepted, match=str(cast.lekki.id)):
        enter_cluster(user_id=user_id, cluster_id=None, origin=ORIGIN, now=cast.now)


def test_what_an_estate_wrote_is_exported_and_forgotten(cast: Cast) -> None:
    invite(cast, cast.bola)
    held = export_person(user_id=cast.bola.user_id)["memberships"][-1]
    assert (held["accepted_at"], held["supplied_by_the_cluster"][1]) == (None, "Somebody")
    erase_person(user_id=cast.bola.user_id, reason="asked", by=None, now=cast.now)
    assert listed(cast)[-1].name == "Erased person"
    with tenant(cast.lekki.id):
        assert not Membership.objects.filter(cluster_id=cast.lekki.id).exclude(supplied_email=None).exists()
