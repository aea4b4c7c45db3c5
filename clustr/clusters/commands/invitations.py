"""Inviting people, those who were added in bulk a batch at a time; and what accepting does."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from clustr.audit import commands as audit
from clustr.clusters.commands.enrolment import lock_cluster
from clustr.clusters.models import Cluster, Membership
from clustr.clusters.queries import actor_for, system_actor
from clustr.clusters.refusals import InvitationNotAccepted
from clustr.kit.actor import Actor, Origin
from clustr.kit.jobs import enqueue
from clustr.kit.tenancy import tenant
from clustr.people import commands as people
from clustr.people.refusals import PersonErased

_BATCH = 100
TASK = "clusters.send_invitations"


def request_invitations(cluster_id: UUID) -> None:
    """Have everybody who waits for an invitation invited, once the transaction under way has committed."""
    enqueue(TASK, cluster_id=cluster_id)


def send_invitations(*, cluster_id: UUID, now: datetime) -> int:
    """Invite the next hundred members who wait for it, and ask for the rest. Answers how many were invited."""
    with tenant(cluster_id):
        waiting = list(
            Membership.objects.select_for_update(skip_locked=True)
            .filter(cluster_id=cluster_id, invited_at=None)
            .order_by("id")[:_BATCH]
        )
        if not waiting:
            return 0
        to_come = {member.user_id: member for member in waiting if member.left_at is None or member.left_at > now}
        for member in to_come.values():
            try:
                invite_to_cluster(member, now)
            except PersonErased:
                continue  # forgotten since; nobody is left to invite
        Membership.objects.filter(cluster_id=cluster_id, id__in=[member.id for member in waiting]).update(
            invited_at=now
        )
        if len(waiting) == _BATCH:
            request_invitations(cluster_id)
    return len(waiting)


def invite_to_cluster(member: Membership, now: datetime) -> None:
    """Mail one member, and tell them how to accept if they have to. In the cluster's transaction."""
    estate = Cluster.objects.values_list("name", flat=True).get(id=member.cluster_id)
    accept = None if member.accepted_at else member.cluster_id
    people.invite(user_id=member.user_id, estate=estate, now=now, accept=accept)


def enter_cluster(*, user_id: UUID, cluster_id: UUID | None, origin: Origin, now: datetime) -> Actor:
    """As `queries.actor_for`, and accepts: whoever names a cluster they were invited to is a member from then on."""
    try:
        return actor_for(user_id=user_id, cluster_id=cluster_id, origin=origin, now=now)
    except InvitationNotAccepted:
        if cluster_id is None:
            raise
    _accept_invitation(user_id, cluster_id, origin, now)
    return actor_for(user_id=user_id, cluster_id=cluster_id, origin=origin, now=now)


def _accept_invitation(user_id: UUID, cluster_id: UUID, origin: Origin, now: datetime) -> None:
    with tenant(cluster_id):
        lock_cluster()  # so that nobody is invited to something else meanwhile, and has to accept that too
        invited = Membership.objects.filter(cluster_id=cluster_id, user_id=user_id, accepted_at=None)
        ids = list(invited.order_by("id").values_list("id", flat=True))
        invited.update(accepted_at=now, supplied_email=None, supplied_name=None, supplied_phone=None)
        actor = replace(system_actor(cluster_id=cluster_id), user_id=user_id, origin=origin)
        for membership_id in ids:
            audit.record(
                actor=actor, action="members.accepted", subject_kind="member", subject_id=membership_id, at=now
            )
