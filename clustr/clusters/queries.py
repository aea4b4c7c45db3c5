"""Who is who in which cluster: the only reader of this room that others call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, connections, transaction
from django.db.models import Q

from clustr.audit import queries as audit
from clustr.clusters.models import Cluster, Membership, PlanAllowance
from clustr.clusters.policies import limit_at, standing
from clustr.clusters.refusals import (
    ClusterNotFound,
    ClusterRequired,
    InvitationNotAccepted,
    MemberNotFound,
    NoMembership,
    PersonNotActive,
    PlanLimitReached,
    PlanStopped,
)
from clustr.clusters.types import (
    FORMER,
    ClusterSettings,
    EstateOf,
    FeeBearer,
    PaymentsPermissions,
    PendingLimit,
    Period,
    Role,
    Standing,
)
from clustr.kit.actor import Actor, Origin
from clustr.kit.money import Money
from clustr.kit.prepared import fetch_prepared
from clustr.kit.tenancy import current_tenant, tenant

_Found = tuple[str, str, Standing]


def actor_for(*, user_id: UUID, cluster_id: UUID | None, origin: Origin, now: datetime) -> Actor:
    """Who this person is in the cluster they ask for, or in their only one. One statement, before any transaction.

    Refuses with PersonNotActive, NoMembership, ClusterRequired (several and none chosen), ClusterNotFound (chosen, but not
    theirs) and InvitationNotAccepted: what nobody accepted is not implied and gives no access. Somebody who lives in one cluster and once lived in others means the one they live in.
    """
    found, invited = _standings(user_id, now)
    if cluster_id is None:
        cluster_id = _implied(found, invited)
    if cluster_id not in found:
        raise InvitationNotAccepted if cluster_id in invited else ClusterNotFound
    currency, timezone, stands = found[cluster_id]
    return Actor(
        cluster_id=cluster_id,
        currency=currency,
        timezone=timezone,
        user_id=user_id,
        role=stands.role,
        permissions=stands.permissions,
        origin=origin,
    )


def clusters_of(*, user_id: UUID, now: datetime) -> dict[UUID, str]:
    """The clusters where this person is or was a member, and their role there (`former` for those who left)."""
    return {cluster_id: stands.role for cluster_id, (_, _, stands) in _standings(user_id, now)[0].items()}


def estates_of(*, user_id: UUID, now: datetime) -> list[EstateOf]:
    """A person's estates by name, those that invited them included: for them to choose one. Asked outside any tenant."""
    found, invited = _standings(user_id, now)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('clustr.user', %s, true)", [str(user_id)])
        cursor.execute(
            "SELECT DISTINCT c.id, c.name, c.currency FROM clusters_membership m JOIN clusters_cluster c ON c.id = m.cluster_id"
            " WHERE m.user_id = %s ORDER BY c.name, c.id",
            [user_id],
        )
        named = cursor.fetchall()
    return [
        EstateOf(id, name, found[id][2].role if id in found else "", id in invited, currency)
        for id, name, currency in named
        if id in found or id in invited
    ]


def memberships_held(user_id: UUID) -> list[dict[str, Any]]:
    """Every membership a person has or had, in all clusters, as plain values: for their export."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('clustr.user', %s, true)", [str(user_id)])
        cursor.execute(
            "SELECT c.name, m.role, m.permissions, m.joined_at, m.left_at, m.accepted_at, m.supplied_email,"
            " m.supplied_name, m.supplied_phone FROM clusters_membership m"
            " JOIN clusters_cluster c ON c.id = m.cluster_id WHERE m.user_id = %s ORDER BY m.joined_at, m.id",
            [user_id],
        )
        return [
            {
                "cluster": name,
                "role": role,
                "permissions": permissions,
                "joined_at": joined_at.isoformat(),
                "left_at": left_at.isoformat() if left_at else None,
                "accepted_at": accepted_at.isoformat() if accepted_at else None,
                "supplied_by_the_cluster": supplied if any(supplied) else None,
            }
            for name, role, permissions, joined_at, left_at, accepted_at, *supplied in cursor.fetchall()
        ]


def clusters_ever_of(*, user_id: UUID) -> list[UUID]:
    """Every cluster where this person is or was a member, active or not; asked outside any tenant."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('clustr.user', %s, true)", [str(user_id)])
        cursor.execute(
            "SELECT DISTINCT cluster_id FROM clusters_membership WHERE user_id = %s ORDER BY cluster_id", [user_id]
        )
        return [row[0] for row in cursor.fetchall()]


def trail_held(user_id: UUID) -> list[dict[str, Any]]:
    """What the trail keeps of this person's own acts, in all clusters, as plain values: for their export."""
    held = []
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            held.extend(audit.acts_of(user_id=user_id))
    return held


def _implied(found: dict[UUID, _Found], invited: set[UUID]) -> UUID:
    present = [cluster_id for cluster_id, (_, _, stands) in found.items() if stands.role != FORMER]
    candidates = present or list(found)
    if not candidates and invited:
        asked = ", ".join(sorted(map(str, invited)))
        raise InvitationNotAccepted("To accept, name the cluster with the header X-Cluster-ID: {asked}.", asked=asked)
    if not candidates:
        raise NoMembership
    if len(candidates) > 1:
        raise ClusterRequired
    return candidates[0]


def _standings(user_id: UUID, now: datetime) -> tuple[dict[UUID, _Found], set[UUID]]:
    """What this person is where, and the clusters they were invited to and have not accepted."""
    rows = fetch_prepared(
        "SELECT is_active, cluster_id, currency, timezone, role, permissions, joined_at, left_at, accepted"
        " FROM clusters_memberships_of(%s)",
        [user_id],
    )
    if not rows or not rows[0][0]:
        raise PersonNotActive
    periods: defaultdict[UUID, list[Period]] = defaultdict(list)
    about: dict[UUID, tuple[str, str]] = {}
    invited: set[UUID] = set()
    for _, cluster_id, currency, timezone, role, permissions, joined_at, left_at, accepted in rows:
        if cluster_id is not None and not accepted:
            invited.add(cluster_id)
        elif cluster_id is not None:
            periods[cluster_id].append(Period(role, tuple(permissions), joined_at, left_at))
            about[cluster_id] = (currency, timezone)
    stands = {cluster_id: standing(theirs, now) for cluster_id, theirs in periods.items()}
    found = {cluster_id: (*about[cluster_id], held) for cluster_id, held in stands.items() if held is not None}
    return found, invited - found.keys()


def system_actor(*, cluster_id: UUID) -> Actor:
    """The system itself acting in a cluster, for jobs: no person, no permissions."""
    cluster = _cluster(cluster_id)
    return Actor(cluster_id=cluster_id, currency=cluster.currency, timezone=cluster.timezone)


def locale_of(*, cluster_id: UUID) -> str:
    """How the cluster's people write amounts and dates: one of `kit.locales.LOCALES`."""
    return _cluster(cluster_id).locale


def is_last_admin(*, user_id: UUID) -> bool:
    """Whether this person manages the cluster under way and no other active administrator does, with no end in sight."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) = 1 AND bool_and(m.user_id = %s) FROM clusters_membership m JOIN people_user u"
            " ON u.id = m.user_id WHERE m.cluster_id = %s AND m.role = 'admin' AND m.left_at IS NULL AND u.is_active",
            [user_id, current_tenant()],
        )
        return bool(cursor.fetchone()[0])


def lasting_timezone() -> str:
    """The time zone of the cluster under way, which nobody changes until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT timezone FROM clusters_cluster WHERE id = %s FOR SHARE", [current_tenant()])
        found = cursor.fetchone()
    if found is None:
        raise ClusterNotFound
    return str(found[0])


def settings_of(*, actor: Actor, now: datetime) -> ClusterSettings:
    """The settings of the actor's cluster, as they count now."""
    cluster = _cluster(actor.cluster_id)
    asked, counts_from = cluster.transfer_approval_limit_minor, cluster.approval_limit_from
    limit = limit_at(now, limit=asked, earlier=cluster.earlier_approval_limit_minor, limit_from=counts_from)
    pending = None
    if counts_from is not None and counts_from > now:
        pending = PendingLimit(None if asked is None else Money(asked, cluster.currency), counts_from)
    return ClusterSettings(
        cluster_id=cluster.id,
        name=cluster.name,
        currency=cluster.currency,
        timezone=cluster.timezone,
        transfer_approval_limit=None if limit is None else Money(limit, cluster.currency),
        pending_limit=pending,
        support_email=cluster.support_email,
        fee_bearer=FeeBearer(cluster.fee_bearer),
        locale=cluster.locale,
        reminder_days=tuple(_reminder_days(cluster)),
    )


def reminder_days_of(*, cluster_id: UUID) -> list[int]:
    """How many days before a due date this cluster reminds its members, the longest first; none: it does not."""
    return _reminder_days(_cluster(cluster_id))


def _reminder_days(cluster: Cluster) -> list[int]:
    chosen = cluster.reminder_days
    return settings.ENV.bill_reminder_days if chosen is None else sorted(chosen, reverse=True)


def managed_settings(*, actor: Actor, now: datetime) -> ClusterSettings:
    """The settings, for who may change them. Needs ManageMembers."""
    actor.require(PaymentsPermissions.MANAGE_MEMBERS)
    return settings_of(actor=actor, now=now)


def _cluster(cluster_id: UUID) -> Cluster:
    with tenant(cluster_id):
        cluster = Cluster.objects.filter(id=cluster_id).first()
    if cluster is None:
        raise ClusterNotFound
    return cluster


def holders_of(*, permission: str, now: datetime) -> set[UUID]:
    """Who holds this permission in the cluster under way now: administrators, and staff it was granted to."""
    present = Membership.objects.filter(
        Q(left_at=None) | Q(left_at__gt=now), cluster_id=current_tenant(), joined_at__lte=now
    )
    allowed = present.filter(Q(role=Role.ADMIN) | Q(role=Role.STAFF, permissions__contains=[permission]))
    return set(allowed.values_list("user_id", flat=True))


def residents_by_email(*, emails: Collection[str], now: datetime) -> dict[str, UUID]:
    """The present residents of the cluster under way with these addresses, by address. Of whom has not accepted yet, the
    address that the cluster supplied counts."""
    there = "m.cluster_id = %(cluster)s AND m.role = 'resident' AND m.joined_at <= %(now)s AND coalesce(m.left_at > %(now)s, true)"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT u.email, m.user_id FROM people_user u JOIN clusters_membership m ON m.user_id = u.id"
            f" WHERE u.email = ANY(%(emails)s) AND m.supplied_email IS NULL AND {there} UNION ALL"
            " SELECT m.supplied_email, m.user_id FROM clusters_membership m"
            f" WHERE m.supplied_email = ANY(%(emails)s) AND {there}",
            {"cluster": current_tenant(), "now": now, "emails": list(emails)},
        )
        return dict(cursor.fetchall())


def require_member(*, user_id: UUID) -> None:
    """Refuse with MemberNotFound unless this person is or was a member of the cluster under way."""
    known = Membership.objects.filter(cluster_id=current_tenant(), user_id=user_id)
    if not known.exists():
        raise MemberNotFound


def members_billed(*, issued_at: datetime, due_date: datetime, at_issue_only: bool) -> int:
    """How many residents of the cluster under way a cluster-wide bill reaches; the same cost at any size."""
    current_tenant()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clusters_members_billed(%s, %s, %s)", [issued_at, due_date, at_issue_only])
        (count,) = cursor.fetchone()
    return int(count)


def members_present() -> int:
    """How many people are members of the cluster under way, those who were invited among them: what its plan limits."""
    return Membership.objects.filter(cluster_id=current_tenant(), left_at=None).count()


def all_cluster_ids(*, with_platform: bool = True) -> list[UUID]:
    """Every cluster's id, for sweeps: read through the sweep role, outside any tenant."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute("SELECT id FROM clusters_cluster WHERE %s OR NOT is_platform ORDER BY id", [with_platform])
        return [row[0] for row in cursor.fetchall()]


def cluster_names() -> set[str]:
    """The names of all estates, the platform's own tenant left out: read through the sweep role."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute("SELECT name FROM clusters_cluster WHERE NOT is_platform")
        return {row[0] for row in cursor.fetchall()}


def plan_has_stopped() -> bool:
    """Whether the plan of the cluster under way has stopped, so that `refuse_beyond_plan` refuses everything."""
    return PlanAllowance.objects.filter(cluster_id=current_tenant(), stopped_at__isnull=False).exists()


def refuse_beyond_plan(*, feature: str, adding: int, used: Callable[[datetime], int]) -> None:
    """Whether the plan of the cluster under way allows so many more of a feature (`members`, `bills`). `used`: how many
    there are since the instant from which they count; asked only where there is a limit.

    Refuses `PlanStopped`, `PlanLimitReached`.
    """
    allowed = PlanAllowance.objects.filter(cluster_id=current_tenant()).first()
    if allowed is None:
        return
    if allowed.stopped_at is not None:
        raise PlanStopped
    limit = allowed.limits.get(feature)
    if limit is not None and used(allowed.counted_from) + adding > limit:
        raise PlanLimitReached("The plan allows {limit} {feature}.", limit=f"{limit:,}", feature=feature)
