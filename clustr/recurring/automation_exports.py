"""What automations hold about one person, for their export; and that they end with their erasure."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from clustr.clusters.queries import clusters_ever_of
from clustr.kit.tenancy import tenant
from clustr.recurring.automation_models import AutomationRun, SpendingLimit, UtilityAutomation
from clustr.recurring.automation_types import AutomationState
from clustr.recurring.commands.automation_running import switch_off
from clustr.recurring.types import StoppedBy
from clustr.utilities import commands as utilities


def automations_held(user_id: UUID) -> list[dict[str, Any]]:
    """By cluster: this person's automations, how each period went, and their limits. Amounts in minor units."""
    held = []
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            mine = UtilityAutomation.objects.filter(cluster_id=cluster_id, user_id=user_id).order_by("id")
            limits = SpendingLimit.objects.filter(cluster_id=cluster_id, user_id=user_id).order_by("bill_type")
            section = {
                "cluster_id": str(cluster_id),
                "automations": [_held(automation) for automation in mine],
                "spending_limits": {limit.bill_type: limit.limit_minor for limit in limits},
            }
        held.append(section)
    return held


def forget_automations(user_id: UUID, now: datetime) -> None:
    """Switch this person's automations off, for good: their numbers are destroyed too."""
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            utilities.lock_purchases(cluster_id=cluster_id, user_id=user_id)
            mine = UtilityAutomation.objects.select_for_update(no_key=True).filter(
                cluster_id=cluster_id, user_id=user_id
            )
            for automation in mine.exclude(state=AutomationState.OFF).order_by("id"):
                switch_off(automation=automation, by=StoppedBy.DEPARTURE, now=now)
            SpendingLimit.objects.filter(cluster_id=cluster_id, user_id=user_id).delete()


def _held(automation: UtilityAutomation) -> dict[str, Any]:
    runs = AutomationRun.objects.filter(cluster_id=automation.cluster_id, automation_id=automation.id).order_by("id")
    return {
        "account_id": str(automation.account_id),
        "schedule": f"{automation.schedule_kind} {automation.schedule_every} {automation.schedule_at:%H:%M}",
        "amount_minor": automation.amount_minor,
        "max_minor": automation.max_minor,
        "currency": automation.currency,
        "payment_source": automation.payment_source,
        "limit_minor": automation.limit_minor,
        "keeps_minor": automation.keeps_minor,
        "priority": automation.priority,
        "state": automation.state,
        "created_at": automation.created_at.isoformat(),
        "removed_at": automation.removed_at.isoformat() if automation.removed_at else None,
        "runs": [
            {
                "due_at": run.due_at.isoformat(),
                "state": run.state,
                "amount_minor": run.amount_minor,
                "fee_minor": run.fee_minor,
                "failure": run.failure,
            }
            for run in runs
        ],
    }
