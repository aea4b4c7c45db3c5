"""Who somebody is in which cluster: asked by the door before anything else."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clustr.clusters import queries
from clustr.clusters.commands import enrol_members, update_member
from clustr.clusters.refusals import ClusterNotFound, ClusterRequired, NoMembership, PersonNotActive
from clustr.clusters.types import MemberChanges, NewMember, Role
from clustr.kit.actor import Actor
from clustr.kit.ids import new_id
from clustr.people.commands import erase_person, register_people
from tests.cast import ORIGIN, Cast, Person


def actor_of(person: Person, now: datetime, cluster_id: UUID | None = None) -> Actor:
    return queries.actor_for(user_id=person.user_id, cluster_id=cluster_id, origin=ORIGIN, now=now)


def end(cast: Cast, person: Person) -> None:
    update_member(
        actor=cast.ada.actor, membership_id=person.membership_id, changes=MemberChanges(left_at=cast.now), now=cast.now
    )


def test_it_works(cast: Cast) -> None:
    for person in (cast.ada, cast.efe, cast.bola, cast.chidi):
        with CaptureQueriesContext(connection) as statements:
            assert actor_of(person, cast.now) == person.actor
        assert len(statements) == 1


def test_an_admin_who_lives_there_is_an_admin(cast: Cast) -> None:
    enrol_members(
        cluster_id=cast.cluster_id,
        members=[NewMember(cast.ada.user_id, Role.RESIDENT, cast.now - timedelta(days=5))],
        now=cast.now,
    )
    assert actor_of(cast.ada, cast.now).role == "admin"


def test_several_clusters_must_be_told_apart(cast: Cast) -> None:
    enrol_members(
        cluster_id=cast.lekki.id, members=[NewMember(cast.bola.user_id, Role.RESIDENT, cast.now)], now=cast.now
    )
    with pytest.raises(ClusterRequired):
        actor_of(cast.bola, cast.now)
    assert actor_of(cast.bola, cast.now, cast.lekki.id).cluster_id == cast.lekki.id
    assert actor_of(cast.bola, cast.now, cast.cluster_id) == cast.bola.actor


def test_a_foreign_cluster_is_not_there(cast: Cast) -> None:
    with pytest.raises(ClusterNotFound):
        actor_of(cast.dayo, cast.now, cast.cluster_id)
    with pytest.raises(ClusterNotFound):
        actor_of(cast.dayo, cast.now, new_id())


def test_nobodys_member_is_refused(cast: Cast) -> None:
    (stranger,) = register_people(rows=[(f"{new_id()}@example.test", "Uche", "")], now=cast.now).values()
    with pytest.raises(NoMembership):
        queries.actor_for(user_id=stranger, cluster_id=None, origin=ORIGIN, now=cast.now)


def test_unknown_and_erased_people_are_refused_at_once(cast: Cast) -> None:
    erase_person(user_id=cast.bola.user_id, reason="asked", by=None, now=cast.now)
    for user_id in (cast.bola.user_id, new_id()):
        with pytest.raises(PersonNotActive):
            queries.actor_for(user_id=user_id, cluster_id=None, origin=ORIGIN, now=cast.now)


def test_a_former_resident_keeps_a_standing_without_permissions(cast: Cast) -> None:
    end(cast, cast.bola)
    former = actor_of(cast.bola, cast.now)
    assert (former.role, former.permissions) == ("former", frozenset())


def test_a_former_member_of_staff_keeps_a_standing_without_permissions(cast: Cast) -> None:
    end(cast, cast.efe)
    for cluster_id in (None, cast.cluster_id):
        former = actor_of(cast.efe, cast.now, cluster_id)
        assert (former.role, former.permissions) == ("former", frozenset())


def test_who_moved_away_means_where_they_live_now(cast: Cast) -> None:
    end(cast, cast.bola)
    enrol_members(
        cluster_id=cast.lekki.id, members=[NewMember(cast.bola.user_id, Role.RESIDENT, cast.now)], now=cast.now
    )
    assert actor_of(cast.bola, cast.now).cluster_id == cast.lekki.id
    assert actor_of(cast.bola, cast.now, cast.cluster_id).role == "former"


def test_a_membership_that_ends_later_still_counts_now(cast: Cast) -> None:
    update_member(
        actor=cast.ada.actor,
        membership_id=cast.bola.membership_id,
        changes=MemberChanges(left_at=cast.now + timedelta(days=30)),
        now=cast.now,
    )
    assert actor_of(cast.bola, cast.now).role == "resident"
    assert actor_of(cast.bola, cast.now + timedelta(days=30)).role == "former"


def test_the_question_leaves_no_trace_in_a_transaction(cast: Cast) -> None:
    from clustr.kit.tenancy import tenant

    with tenant(cast.lekki.id):
        queries.actor_for(user_id=cast.bola.user_id, cluster_id=None, origin=ORIGIN, now=cast.now)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM clusters_membership WHERE cluster_id = %s", [cast.cluster_id])
            assert cursor.fetchone() == (0,)
