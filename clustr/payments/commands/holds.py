"""Money of an estate whose books do not hold stays here: nothing is sent out until somebody of the platform has looked. What
comes in goes on coming in, and what moves within the estate goes on moving."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from clustr.audit import commands as audit
from clustr.clusters import queries as clusters
from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.ids import new_id
from clustr.kit.invariants import Violation, violations
from clustr.kit.tenancy import current_tenant, tenant
from clustr.payments.models import Attempt, Hold, Transaction
from clustr.payments.refusals import BooksDoNotHold, NothingHeld
from clustr.payments.states import Purpose, TransactionStatus

ACCEPTED_FOR = timedelta(days=7)
"""How long what a person let go although it does not hold keeps nothing back again."""


def hold_outgoing(violation: Violation, now: datetime) -> None:
    """Keep the money of every estate in which an invariant does not hold from being sent out. Harmless to repeat."""
    for cluster_id in sorted(violation.cluster_ids & set(clusters.all_cluster_ids()) - {PLATFORM_CLUSTER_ID}):
        with tenant(cluster_id):
            _hold(violation.invariant.name, now)


def is_held() -> bool:
    """Whether nothing may be sent out for the current cluster."""
    return _standing().exists()


def release_outgoing(
    *, cluster_id: UUID, reason: str, released_by: UUID, although_broken: bool = False, now: datetime
) -> list[str]:
    """Let an estate's money go again, after a person has looked; answers the invariants that held it back. For the platform's
    staff (`released_by`), at the command line. What is found while its books are proved holds it back on.

    The estate's books are proved first. `although_broken`: what does not hold is known and harmless; for a week it holds
    nothing back again. Refuses `NothingHeld`, `BooksDoNotHold`.
    """
    with tenant(cluster_id):
        looked_at = list(_standing().values_list("id", flat=True))
    broken = {found.invariant.name for found in violations(cluster_id=cluster_id)}
    if broken and not although_broken:
        raise BooksDoNotHold("These do not hold: {broken}.", broken=", ".join(sorted(broken)))
    with tenant(cluster_id):
        held = list(_standing().select_for_update().filter(id__in=looked_at).order_by("id"))
        if not held:
            raise NothingHeld
        for hold in held:
            hold.released_at, hold.released_by, hold.reason = now, released_by, reason
            hold.accepted_until = now + ACCEPTED_FOR if hold.invariant in broken else None
            hold.save(update_fields=["released_at", "released_by", "reason", "accepted_until"])
        names = [hold.invariant for hold in held]
        _look_at_refunds(now)
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


def _standing() -> QuerySet[Hold]:
    return Hold.objects.filter(cluster_id=current_tenant(), released_at=None)


def _look_at_refunds(now: datetime) -> None:
    """Refunds that waited are looked at by a schedule that grows long; payouts by a sweep."""
    waiting = Transaction.objects.filter(
        cluster_id=current_tenant(), purpose=Purpose.REFUND, status=TransactionStatus.PENDING
    )
    attempts = Attempt.objects.filter(cluster_id=current_tenant(), id__in=waiting.values("id"), sent_at=None)
    attempts.update(next_check_at=now)


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
