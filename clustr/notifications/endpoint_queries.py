"""Integrators' endpoints and the log of what was sent there, for who manages them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from clustr.clusters.types import PaymentsPermissions
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant, tenant
from clustr.kit.vault import unseal
from clustr.notifications.models import Endpoint, EndpointDelivery, Event
from clustr.notifications.refusals import EndpointNotFound
from clustr.notifications.types import CallsSought, CallView, EndpointView, Facts, NotificationEvents

LOOKED_THROUGH = 10_000
"""How many calls a search looks through: a log of 90 days may have millions, and most of what is looked for stands in no
index."""


def endpoints_of(*, actor: Actor) -> list[EndpointView]:
    """The estate's endpoints, the oldest first. Needs ManageMembers."""
    actor.require(PaymentsPermissions.MANAGE_MEMBERS)
    with tenant(actor.cluster_id):
        found = Endpoint.objects.filter(cluster_id=actor.cluster_id, removed_at=None).order_by("id")
        return [endpoint_view(row) for row in found]


def endpoint_of(*, actor: Actor, endpoint_id: UUID, secret_made_at: str | None = None) -> EndpointView:
    """One endpoint; with its secret only for who names the instant it was made at, as its maker's request kept it.

    Needs ManageMembers. Refuses `EndpointNotFound`.
    """
    actor.require(PaymentsPermissions.MANAGE_MEMBERS)
    with tenant(actor.cluster_id):
        row = Endpoint.objects.filter(cluster_id=actor.cluster_id, id=endpoint_id, removed_at=None).first()
    if row is None:
        raise EndpointNotFound
    show = secret_made_at == row.secret_made_at.isoformat()
    return endpoint_view(row, secret=unseal(bytes(row.secret), bound_to=secret_place(row.id)) if show else None)


def calls_of(
    *,
    actor: Actor,
    endpoint_id: UUID,
    sought: CallsSought | None = None,
    after: UUID | None = None,
    limit: int = 50,
) -> list[CallView]:
    """What was sent to an endpoint, or waits, the newest first; of the newest 10,000 after `after` that what is `sought`, by
    its id of all. Needs ManageMembers. Refuses `EndpointNotFound`."""
    endpoint_of(actor=actor, endpoint_id=endpoint_id)
    with tenant(actor.cluster_id):
        rows = _calls(actor, endpoint_id, after)
        rows = _found(rows, sought) if sought else rows
        shown = list(rows.order_by("-event_id")[:limit])
        happened = Event.objects.filter(cluster_id=actor.cluster_id, id__in=[row.event_id for row in shown])
        names = {event.id: NotificationEvents(str(event.event or event.office_event)) for event in happened}
    return [
        CallView(
            *(row.id, row.event_id, names[row.event_id], row.state, row.attempts, row.next_try_at),
            *(row.http_status, row.why, row.created_at, row.ended_at),
        )
        for row in shown
    ]


def goes_further(*, actor: Actor, endpoint_id: UUID, after: UUID | None = None) -> bool:
    """Whether there are more calls than a search looks through. Needs ManageMembers. Refuses `EndpointNotFound`."""
    endpoint_of(actor=actor, endpoint_id=endpoint_id)
    with tenant(actor.cluster_id):
        return _calls(actor, endpoint_id, after)[LOOKED_THROUGH : LOOKED_THROUGH + 1].exists()


def _calls(actor: Actor, endpoint_id: UUID, after: UUID | None) -> QuerySet[EndpointDelivery]:
    rows = EndpointDelivery.objects.filter(cluster_id=actor.cluster_id, endpoint_id=endpoint_id).order_by("-event_id")
    return rows.filter(event_id__lt=after) if after else rows


def _found(rows: QuerySet[EndpointDelivery], sought: CallsSought) -> QuerySet[EndpointDelivery]:
    """Those that are looked for, along the one index by which calls are read: the oldest of those looked through bounds it.
    What each tells of is asked by its event's id, one by one: joined, all events of the estate might be read for it. An id is
    no word: it is looked for alone."""
    if sought.id:
        event_id = rows.filter(id=sought.id).order_by().values_list("event_id", flat=True).first()
        return rows.filter(event_id__in=[sought.id, event_id or sought.id])
    found = Q(state__in=sought.states) | Q(why__in=sought.whys, http_status=None)
    if sought.http_status is not None:
        found |= Q(http_status=sought.http_status)
    if sought.events:
        told = Event.objects.filter(cluster_id=current_tenant(), id=OuterRef("event_id"))
        rows = rows.alias(shown_as=Subquery(told.values_list(Coalesce("event", "office_event"))[:1]))
        found |= Q(shown_as__in=sought.events)
    oldest = rows.values_list("event_id", flat=True)[LOOKED_THROUGH - 1 : LOOKED_THROUGH].first()
    return rows.filter(found, event_id__gte=oldest) if oldest else rows.filter(found)


def endpoint_view(row: Endpoint, *, secret: str | None = None) -> EndpointView:
    return EndpointView(
        id=row.id,
        url=row.url,
        description=row.description,
        events=tuple(NotificationEvents(name) for name in row.events),
        created_at=row.created_at,
        previous_secret_until=row.previous_until,
        failing_since=row.failing_since,
        disabled_at=row.disabled_at,
        secret=secret,
    )


def payload_of(*, event: Event, type: str) -> dict[str, Any]:
    """What an integrator is told of an event: ids and figures, amounts as decimal strings; nobody's name, and nothing that
    somebody wrote in confidence."""
    return {
        "type": type,
        "timestamp": event.at.isoformat(),
        "data": {
            "id": str(event.id),
            "cluster_id": str(event.cluster_id),
            "subject_id": str(event.subject_id) if event.subject_id else None,
            "user_id": str(event.user_id) if event.user_id else None,
            "reaches": "members" if event.reach_from else "member" if event.user_id else "office",
            **_figures(event.facts),
        },
    }


def secret_place(endpoint_id: UUID) -> str:
    """The place an endpoint's secret is sealed for."""
    return f"notifications_endpoint:{endpoint_id}"


_IN_CONFIDENCE = frozenset({"reason", "note", "card", "ending"})
"""Facts that are for the people concerned: what they wrote to each other, and of which card or account it is."""


def _figures(facts: Facts) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in facts.items():
        if name in _IN_CONFIDENCE:
            continue
        if name.endswith("_minor"):
            amount = None if value is None else str(Money(int(value), str(facts["currency"])))
            told[name.removesuffix("_minor")] = amount
        else:
            told[name] = value
    return told
