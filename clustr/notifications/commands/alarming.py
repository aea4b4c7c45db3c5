"""What does not hold of the books is told to who can stop money: the estate's office, and the platform's staff; so is, to these
alone, that a provider holds less than estates own."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.clusters import queries as clusters
from clustr.clusters.types import PLATFORM_CLUSTER_ID, PaymentsPermissions
from clustr.kit.invariants import Violation
from clustr.kit.tenancy import tenant
from clustr.notifications.commands.notifying import notify
from clustr.notifications.types import Audience, NotificationEvents
from clustr.people import commands as people
from clustr.people import queries as people_queries


def raise_alarm(violation: Violation, now: datetime) -> None:
    """Tell of an invariant that does not hold, once a day for each estate; the platform's staff once a day in all."""
    known = set(clusters.all_cluster_ids())
    key = f"{violation.invariant.name}:{now:%Y-%m-%d}"
    facts = {
        "what": "The books of the estate need to be looked at",
        "detail": f"A check of the books did not hold: {violation.invariant.says}",
        "todo": "No money is sent out until the platform's staff have looked. They have been told. Payments to the estate, and"
        " bills paid from wallets, go on.",
    }
    for cluster_id in sorted(violation.cluster_ids & known - {PLATFORM_CLUSTER_ID}):
        _tell(cluster_id, facts, key, now)
    with tenant(PLATFORM_CLUSTER_ID):
        if _tell(PLATFORM_CLUSTER_ID, facts, key, now):
            for user_id in people_queries.platform_staff():
                people.write_to(
                    user_id=user_id,
                    template="notifications/alarm",
                    context={"invariant": violation.invariant.name, "says": violation.invariant.says},
                    now=now,
                )


def raise_shortfall(*, provider: str, missing: str, now: datetime) -> None:
    """Tell the platform's staff, once a day for each provider and amount, that it holds less than all estates own there. In the
    platform's transaction under way."""
    facts = {
        "what": "A payment provider holds less than estates own",
        "detail": f"{provider}: {missing} less than the books say",
        "todo": "Look into it at once; see bin/manage reconcile and bin/manage platform_cases.",
    }
    if _tell(PLATFORM_CLUSTER_ID, facts, f"shortfall:{provider}:{missing}:{now:%Y-%m-%d}", now):
        for user_id in people_queries.platform_staff():
            people.write_to(
                user_id=user_id,
                template="notifications/shortfall",
                context={"provider": provider, "missing": missing},
                now=now,
            )


def _tell(cluster_id: UUID, facts: dict[str, str], key: str, now: datetime) -> bool:
    return notify(
        event=NotificationEvents.ADMIN_ALERT,
        cluster_id=cluster_id,
        audience=Audience.holders(PaymentsPermissions.TRANSFER_FUNDS),
        subject_id=None,
        facts=facts,
        now=now,
        key=key,
    )
