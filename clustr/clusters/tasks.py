"""The clusters room's jobs."""

from __future__ import annotations

from uuid import UUID

from clustr.clusters import commands
from clustr.kit import clock
from clustr.kit.jobs import MESSAGES, task


@task(name="clusters.send_invitations", queue=MESSAGES)
def send_invitations(cluster_id: str) -> None:
    """Invite the next hundred members who were added in bulk, until all are."""
    commands.send_invitations(cluster_id=UUID(cluster_id), now=clock.now())
