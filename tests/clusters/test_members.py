"""Adding members, changing what they are, ending memberships: what works and what is refused."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from clustr.audit import queries as audit
from clustr.clusters import member_queries, queries
from clustr.clusters.commands import (
    create_cluster,
    end_membership,
    enrol_members,
    invite_member,
    send_invitations,
    update_member,
)
from clustr.clusters.member_queries import Presence, member_of, members_of
from clustr.clusters.models import Membership
from clustr.clusters.refusals import (
    AdminOnly,
    AlreadyMember,
    LastAdmin,
    MemberNotFound,
    MembershipEnded,
    OwnMembership,
    PeriodsOverlap,
    PermissionNotYours,
)
from clustr.clusters.types import Member, MemberChanges, NewMember, Role
from clustr.kit.actor import Actor, PermissionMissing
from clustr.kit.errors import Invalid, InvalidValue, Refusal
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.people.models import Mail
from clustr.people.queries import export_person
from tests.cast import ORIGIN, Cast, Part, Person
from tests.races import one_after_the_other


def address() -> str:
    return f"{new_id()}@example.test"


def invite(cast: Cast, by: Person | None = None, **values: Any) -> UUID:
    given = {"email": address(), "name": "Uche Obi", "role": Role.RESIDENT} | values
    return invite_member(actor=(by or cast.ada).actor, now=cast.now, **given)


def change(cast: Cast, whom: Person | UUID, by: Person | None = None, **changes: Any) -> UUID:
    membership_id = whom.membership_id if isinstance(whom, Person) else whom
    return update_member(
        actor=(by or cast.ada).actor, membership_id=membership_id, changes=MemberChanges(**changes), now=cast.now
    )


def seen(cast: Cast, membership_id: UUID) -> Member:
    return member_of(actor=cast.ada.actor, membership_id=membership_id)


def acts(cast: Cast) -> list[str]:
    with tenant(cast.cluster_id):
        return [event.action for event in audit.audit_events(actor=cast.ada.actor)]


def test_it_works(cast: Cast) -> None:
    email = address()
    member = seen(cast, invite(cast, email=email, unit=" Block B  4 ", unit_type="flat", phone="+234 80"))
    assert (member.name, member.email, member.unit, member.unit_type) == ("Uche Obi", email, "Block B 4", "flat")
    assert (member.role, member.permissions, member.joined_at, member.left_at) == ("resident", (), cast.now, None)
    actor = queries.actor_for(user_id=member.user_id, cluster_id=None, origin=ORIGIN, now=cast.now)
    assert actor.cluster_id == cast.cluster_id
    (mail,) = Mail.objects.filter(user_id=member.user_id)
    assert "Palm Grove" in mail.subject + mail.body


def test_staff_get_what_they_are_granted(cast: Cast) -> None:
    member = seen(cast, invite(cast, role=Role.STAFF, permissions={"ViewWallet", "ManageBill"}))
    actor = queries.actor_for(user_id=member.user_id, cluster_id=None, origin=ORIGIN, now=cast.now)
    assert actor.permissions == {"ViewWallet", "ManageBill"}


def test_the_same_person_twice_is_refused(cast: Cast) -> None:
    with pytest.raises(AlreadyMember):
        invite(cast, email=cast.bola.email)
    invite(cast, email=cast.bola.email, role=Role.STAFF)  # a resident may also work there


def test_who_comes_back_gets_a_new_period(cast: Cast) -> None:
    change(cast, cast.bola, left_at=cast.now - timedelta(days=10))
    with pytest.raises(PeriodsOverlap):
        invite(cast, email=cast.bola.email, joined_at=cast.now - timedelta(days=20))
    again = invite(cast, email=cast.bola.email)
    assert again != cast.bola.membership_id
    with tenant(cast.cluster_id):
        assert Membership.objects.get(id=again).previous_left_at == cast.now - timedelta(days=10)


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"email": "nobody"}, Invalid),
        ({"role": Role.RESIDENT, "permissions": {"ViewPayments"}}, InvalidValue),
        ({"role": Role.STAFF, "permissions": {"Everything"}}, InvalidValue),
        ({"unit": "x" * 101}, InvalidValue),
        ({"name": "x" * 201}, Invalid),
    ],
)
def test_invalid_values_are_refused(cast: Cast, values: dict[str, Any], refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        invite(cast, **values)


def test_nobody_joins_in_the_future(cast: Cast) -> None:
    with pytest.raises(InvalidValue):
        invite(cast, joined_at=cast.now + timedelta(seconds=1))


def test_members_are_managed_with_the_permission_only(cast: Cast) -> None:
    for person in (cast.efe, cast.bola):
        with pytest.raises(PermissionMissing):
            invite(cast, by=person)
        with pytest.raises(PermissionMissing):
            change(cast, cast.bola, by=person, left_at=cast.now)
        with pytest.raises(PermissionMissing):
            members_of(actor=person.actor, now=cast.now)


def test_nobody_grants_what_they_do_not_hold(cast: Cast) -> None:
    manager = cast.manager("ManageMembers", "ViewPayments")
    invite(cast, by=manager, role=Role.STAFF, permissions={"ViewPayments"})
    with pytest.raises(PermissionNotYours):
        invite(cast, by=manager, role=Role.STAFF, permissions={"TransferFunds"})
    with pytest.raises(PermissionNotYours):
        change(cast, cast.efe, by=manager, permissions=frozenset({"ViewPayments", "TransferFunds"}))
    treasurer = cast.manager("TransferFunds", name="Treasurer")
    with pytest.raises(PermissionNotYours):
        change(cast, treasurer, by=manager, permissions=frozenset())


def test_only_administrators_make_and_change_administrators(cast: Cast) -> None:
    manager = cast.manager("ManageMembers")
    with pytest.raises(AdminOnly):
        invite(cast, by=manager, role=Role.ADMIN)
    with pytest.raises(AdminOnly):
        change(cast, cast.efe, by=manager, role=Role.ADMIN)
    for changes in ({"role": Role.RESIDENT}, {"left_at": cast.now}):
        with pytest.raises(AdminOnly):
            change(cast, cast.ada, by=manager, **changes)


def test_nobody_changes_their_own_role_or_permissions(cast: Cast) -> None:
    manager = cast.manager("ManageMembers")
    with pytest.raises(OwnMembership):
        change(cast, manager, by=manager, permissions=frozenset({"ManageMembers", "ViewWallet"}))
    with pytest.raises(OwnMembership):
        change(cast, cast.ada, role=Role.STAFF)


def test_nobody_ends_or_brings_back_what_they_do_not_hold(cast: Cast) -> None:
    manager, treasurer = cast.manager("ManageMembers"), cast.manager("TransferFunds", name="Treasurer")
    with pytest.raises(PermissionNotYours):
        change(cast, treasurer, by=manager, left_at=cast.now)
    change(cast, treasurer, left_at=cast.now)
    with pytest.raises(PermissionNotYours):
        change(cast, treasurer, by=manager, left_at=None)
    assert seen(cast, treasurer.membership_id).left_at == cast.now


def test_nobody_moves_the_end_of_their_own_membership(cast: Cast) -> None:
    manager = cast.manager("ManageMembers")
    for left_at in (cast.now, cast.now + timedelta(days=1)):
        with pytest.raises(OwnMembership):
            change(cast, manager, by=manager, left_at=left_at)
    change(cast, manager, left_at=cast.now + timedelta(days=1))
    with pytest.raises(OwnMembership):
        change(cast, manager, by=manager, left_at=None)


def test_a_manager_does_not_end_their_own_life_in_the_estate(cast: Cast) -> None:
    joined_at = cast.now - timedelta(days=60)
    (home,) = enrol_members(
        cluster_id=cast.cluster_id, members=[NewMember(cast.ada.user_id, Role.RESIDENT, joined_at)], now=cast.now
    )
    with pytest.raises(OwnMembership):
        change(cast, home, left_at=cast.now - timedelta(days=30))
    (second,) = cast.add(cast.palm_grove, Part("Second", Role.ADMIN))
    change(cast, home, by=second, left_at=cast.now - timedelta(days=30))


def test_an_administrator_may_leave_but_not_come_back_alone(cast: Cast) -> None:
    cast.add(cast.palm_grove, Part("Second", Role.ADMIN))
    soon = cast.now + timedelta(days=9)
    change(cast, cast.ada, left_at=soon)
    for left_at in (None, soon + timedelta(days=1)):
        with pytest.raises(OwnMembership):
            change(cast, cast.ada, left_at=left_at)
    change(cast, cast.ada, left_at=cast.now)


def test_the_last_administrator_stays(cast: Cast) -> None:
    for left_at in (cast.now, cast.now + timedelta(days=30)):
        with pytest.raises(LastAdmin):
            change(cast, cast.ada, left_at=left_at)
    (second,) = cast.add(cast.palm_grove, Part("Second", Role.ADMIN))
    change(cast, cast.ada, left_at=cast.now)
    with pytest.raises(LastAdmin):
        change(cast, second, by=second, left_at=cast.now)


def test_of_two_administrators_who_dismiss_each_other_one_stays(cast: Cast) -> None:
    (second,) = cast.add(cast.palm_grove, Part("Second", Role.ADMIN))
    together, outcomes = Barrier(2), []

    def dismiss(by: Person, whom: Person) -> None:
        together.wait()
        try:
            outcomes.append(change(cast, whom, by=by, role=Role.RESIDENT))
        except LastAdmin as refusal:
            outcomes.append(refusal)
        finally:
            connections.close_all()

    threads = [Thread(target=dismiss, args=pair) for pair in ((cast.ada, second), (second, cast.ada))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(isinstance(outcome, LastAdmin) for outcome in outcomes) == [False, True]


def test_who_changes_members_waits_for_whoever_does(cast: Cast) -> None:
    """Else of two administrators who take the other's place away each would find the other still there. No count of
    residents changes, which would make one wait as well."""
    (second,) = cast.add(cast.palm_grove, Part("Second", Role.ADMIN))
    ended, waited = one_after_the_other(
        cast.cluster_id,
        lambda: change(cast, second, by=cast.ada, role=Role.STAFF),
        lambda: change(cast, cast.ada, by=second, role=Role.STAFF),
    )
    assert waited, "the second did not wait"
    assert ended.refused == {"LastAdmin": 1}
    assert len(ended.results) == 1


def test_a_role_within_management_changes_in_place(cast: Cast) -> None:
    assert change(cast, cast.efe, role=Role.ADMIN) == cast.efe.membership_id
    assert seen(cast, cast.efe.membership_id).permissions == ()
    assert change(cast, cast.efe, role=Role.STAFF, permissions=frozenset({"ViewWallet"})) == cast.efe.membership_id
    assert seen(cast, cast.efe.membership_id).permissions == ("ViewWallet",)


def test_a_resident_who_becomes_staff_gets_a_new_period(cast: Cast) -> None:
    stands = change(cast, cast.bola, role=Role.STAFF, permissions=frozenset({"ViewPayments"}))
    assert stands != cast.bola.membership_id
    assert seen(cast, cast.bola.membership_id).left_at == cast.now
    assert (seen(cast, stands).role, seen(cast, stands).unit) == ("staff", "A1")
    with tenant(cast.cluster_id):
        assert queries.members_billed(issued_at=cast.now, due_date=cast.now, at_issue_only=True) == 2


def test_units_change_and_are_found_by_any_spelling(cast: Cast) -> None:
    change(cast, cast.bola, unit="Block  C 1", unit_type="duplex")
    change(cast, cast.residents[1], unit="block c 1")
    first, second = (seen(cast, person.membership_id) for person in cast.residents[:2])
    assert (first.unit, first.unit_type) == (second.unit, second.unit_type) == ("Block C 1", "duplex")
    change(cast, cast.bola, unit="")
    assert seen(cast, cast.bola.membership_id).unit is None


def test_an_ended_membership_keeps_its_role_and_unit(cast: Cast) -> None:
    end_membership(actor=cast.ada.actor, membership_id=cast.bola.membership_id, left_at=cast.now, now=cast.now)
    for changes in ({"unit": "Z1"}, {"role": Role.STAFF}):
        with pytest.raises(MembershipEnded):
            change(cast, cast.bola, **changes)


def test_an_end_is_moved_within_its_neighbours(cast: Cast) -> None:
    change(cast, cast.bola, left_at=cast.now - timedelta(days=30))
    again = invite(cast, email=cast.bola.email, joined_at=cast.now - timedelta(days=20))
    for left_at in (None, cast.now - timedelta(days=19)):
        with pytest.raises(PeriodsOverlap):
            change(cast, cast.bola, left_at=left_at)
    with pytest.raises(InvalidValue):
        change(cast, cast.bola, left_at=cast.now - timedelta(days=90))
    change(cast, cast.bola, left_at=cast.now - timedelta(days=20))
    with tenant(cast.cluster_id):
        assert Membership.objects.get(id=again).previous_left_at == cast.now - timedelta(days=20)
    change(cast, again, left_at=cast.now)
    change(cast, again, left_at=None)
    assert seen(cast, again).left_at is None


def test_another_estates_member_is_not_there(cast: Cast) -> None:
    for stranger in (cast.chidi.membership_id, new_id()):
        with pytest.raises(MemberNotFound):
            change(cast, stranger, left_at=cast.now)
        with pytest.raises(MemberNotFound):
            seen(cast, stranger)


def test_what_administrators_do_is_on_the_trail(cast: Cast) -> None:
    invite(cast)
    change(cast, cast.efe, permissions=frozenset(), unit="Office")
    change(cast, cast.bola, left_at=cast.now)
    assert sorted(acts(cast)) == ["members.added", "members.ended", "members.role_changed", "members.unit_changed"]


@pytest.mark.parametrize("walked", [2_000, 2])
def test_members_are_listed_and_found(cast: Cast, monkeypatch: pytest.MonkeyPatch, walked: int) -> None:
    monkeypatch.setattr(member_queries, "_WALKED_AT_MOST", walked)
    monkeypatch.setattr(member_queries, "_WALK", member_queries._WALK.replace("LIMIT 2000", f"LIMIT {walked}"))
    wanted = invite(cast, name="Adébáyò Ọlá", phone="+234 803 555 1234", unit="Crescent 9")
    invite(cast, name="Musa", email=f"o'neil%_{new_id()}@example.test")

    def found(q: str, **filters: Any) -> list[UUID]:
        return [member.id for member in members_of(actor=cast.ada.actor, now=cast.now, q=q, **filters)]

    for q in ("adebayo", "ADÉB", "ola adé", "0803555", "+234803555", "8035551234", "crescent", "CRESCENT 9"):
        assert found(q) == [wanted], q
    for q in ("adebayo musa", "chidi", "%", "'", "\\", "crescent 91", "🏠"):
        assert found(q) == [], q
    assert len(found("o'neil")) == 1
    assert found("crescent", role=Role.STAFF) == []
    everybody = members_of(actor=cast.ada.actor, now=cast.now)
    page = members_of(actor=cast.ada.actor, now=cast.now, after=everybody[2].id, limit=2)
    assert page == everybody[3:5]
    change(cast, cast.bola, left_at=cast.now)
    left = members_of(actor=cast.ada.actor, now=cast.now, presence=Presence.LEFT)
    assert [member.name for member in left] == ["Bola"]
    assert len(members_of(actor=cast.ada.actor, now=cast.now, presence=Presence.PRESENT)) == len(everybody) - 1


def test_a_persons_export_names_their_memberships(cast: Cast) -> None:
    (held,) = export_person(user_id=cast.efe.user_id)["memberships"]
    assert (held["cluster"], held["role"], held["permissions"]) == ("Palm Grove", "staff", ["ViewPayments"])


def test_a_cluster_is_founded_with_its_administrator(cast: Cast) -> None:
    email = address()
    cluster_id = create_cluster(
        name="Ikoyi Heights", admin_email=email, currency="NGN", timezone="Africa/Lagos", now=cast.now
    )
    (mail,) = Mail.objects.filter(address=email)
    assert mail.user_id is not None
    actor = queries.actor_for(user_id=mail.user_id, cluster_id=None, origin=ORIGIN, now=cast.now)
    assert (actor.cluster_id, actor.role, actor.currency) == (cluster_id, "admin", "NGN")
    assert queries.settings_of(actor=actor, now=cast.now).name == "Ikoyi Heights"
    assert cluster_id in queries.all_cluster_ids()


def test_invitations_go_out_in_batches(cast: Cast) -> None:
    with tenant(cast.cluster_id):
        Membership.objects.filter(cluster_id=cast.cluster_id).update(invited_at=None)
    assert send_invitations(cluster_id=cast.cluster_id, now=cast.now) == 5
    assert send_invitations(cluster_id=cast.cluster_id, now=cast.now) == 0
    assert Mail.objects.filter(user_id__in=[person.user_id for person in cast.palm_grove.people.values()]).count() == 5


def test_the_system_acts_without_permissions(cast: Cast) -> None:
    assert queries.system_actor(cluster_id=cast.cluster_id) == Actor(cast.cluster_id, "NGN", "Africa/Lagos")


def test_of_many_who_add_the_same_person_one_succeeds(cast: Cast) -> None:
    email, together, outcomes = address(), Barrier(10), []

    def add() -> None:
        together.wait()
        try:
            outcomes.append(invite(cast, email=email, unit="Race 1"))
        except AlreadyMember as refusal:
            outcomes.append(refusal)
        finally:
            connections.close_all()

    threads = [Thread(target=add) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(isinstance(outcome, UUID) for outcome in outcomes) == [False] * 9 + [True]
