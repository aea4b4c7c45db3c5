"""Money of an estate whose books do not hold stays here: nothing is sent out until somebody of the platform has looked. What
comes in goes on coming in, and what moves within the estate goes on moving."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from clustr.audit import commands as audit
from clustr.clusters import queries as clusters
from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit import clock
from clustr.kit.ids import new_id
from clustr.kit.invariants import Violation, violations
from clustr.kit.tenancy import current_tenant, tenant
from clustr.payments.models import Hold
from clustr.payments.refusals import BooksDoNotHold, NothingHeld

ACCEPTED_FOR = timedelta(days=7)
"""How long what a person let go although it does not hold keeps nothing back again."""


def hold_outgoing(violation: Violation) -> None:
    """Keep the money of every estate in which an invariant does not hold from being sent out. Harmless to repeat."""
    now = clock.now()
    for cluster_id in sorted(violation.cluster_ids & set(clusters.all_cluster_ids()) - {PLATFORM_CLUSTER_ID}):
        with tenant(cluster_id):
            _hold(violation.invariant.name, now)


def is_held() -> bool:
    """Whether nothing may be sent out for the current cluster."""
    return Hold.objects.filter(cluster_id=current_tenant(), released_at=None).exists()


def release_outgoing(
    *, cluster_id: UUID, reason: str, released_by: UUID, although_broken: bool = False, now: datetime
) -> list[str]:
    """Let an estate's money go again, after a person has looked; answers the invariants that held it back. For the platform's
    staff (`released_by`), at the command line.

    The estate's books are proved first. `although_broken`: what does not hold is known and harmless; for a week it holds
    nothing back again. Refuses `NothingHeld`, `BooksDoNotHold`.
    """
    broken = {found.invariant.name for found in violations(cluster_id=cluster_id)}
    if broken and not although_broken:
        raise BooksDoNotHold(f"These do not hold: {', '.join(sorted(broken))}.")
    with tenant(cluster_id):
        held = Hold.objects.select_for_update().filter(cluster_id=cluster_id, released_at=None)
        names = [hold.invariant for hold in held.order_by("id")]
        if not names:
            raise NothingHeld
        held.update(
            released_at=now,
            released_by=released_by,
            reason=reason,
            accepted_until=now + ACCEPTED_FOR if although_broken else None,
        )
        audit.record(
            actor=system_actor(cluster_id=cluster_id),
            action="payments.outgoing_released",
            subject_kind="cluster",
            subject_id=cluster_id,
            at=now,
            reason=reason,
            facts={"invariants": names, "by": str(released_by), "although_broken": sorted(broken)},
        )
    return names


def _hold(invariant: str, now: datetime) -> None:
    standing = Q(released_at=None) | Q(accepted_until__gt=now)
    cluster_id = current_tenant()
    if Hold.objects.filter(standing, cluster_id=cluster_id, invariant=invariant).exists():
        return
    made = Hold(id=new_id(), cluster_id=cluster_id, invariant=invariant, held_at=now)
    Hold.objects.bulk_create([made], ignore_conflicts=True)
    if not Hold.objects.filter(cluster_id=cluster_id, id=made.id).exists():
        return
    audit.record(
        actor=system_actor(cluster_id=cluster_id),
        action="payments.outgoing_held",
        subject_kind="cluster",
        subject_id=cluster_id,
        at=now,
        facts={"invariant": invariant},
    )
