"""Inviting those who were added in bulk, a batch at a time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.clusters.models import Cluster, Membership
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
        estate = Cluster.objects.get(id=cluster_id).name
        for user_id in {member.user_id for member in waiting if member.left_at is None or member.left_at > now}:
            try:
                people.invite(user_id=user_id, estate=estate, now=now)
            except PersonErased:
                continue  # forgotten since; nobody is left to invite
        Membership.objects.filter(cluster_id=cluster_id, id__in=[member.id for member in waiting]).update(
            invited_at=now
        )
        if len(waiting) == _BATCH:
            request_invitations(cluster_id)
    return len(waiting)
