"""What an estate's plan allows it: written down by who sells the plans, held to by who adds members and bills."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.clusters.models import PlanAllowance
from clustr.clusters.queries import members_present, refuse_beyond_plan
from clustr.kit.tenancy import tenant


def write_plan_allowance(
    *,
    cluster_id: UUID,
    plan: str,
    limits: dict[str, int | None],
    counted_from: datetime,
    stopped_at: datetime | None,
    now: datetime,
) -> None:
    """Write down the plan of an estate: units by feature (`members`, `bills`), None for no limit; bills count from
    `counted_from`. `stopped_at`: since when nothing new is billed. Harmless to repeat."""
    with tenant(cluster_id):
        PlanAllowance.objects.update_or_create(
            cluster_id=cluster_id,
            id=cluster_id,
            defaults={
                "plan": plan,
                "limits": limits,
                "counted_from": counted_from,
                "stopped_at": stopped_at,
                "written_at": now,
            },
        )


def refuse_more_members(*, adding: int) -> None:
    """Whether the plan allows so many more members, the cluster locked. Refuses `PlanStopped`, `PlanLimitReached`."""

    if adding:
        refuse_beyond_plan(feature="members", adding=adding, used=lambda _since: members_present())
