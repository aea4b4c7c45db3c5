"""Integrators' endpoints and the log of what was sent there, for who manages them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q

from clustr.clusters.types import PaymentsPermissions
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.kit.vault import unseal
from clustr.notifications.models import Endpoint, EndpointDelivery, Event
from clustr.notifications.refusals import EndpointNotFound
from clustr.notifications.types import CallsSought, CallView, EndpointView, Facts, NotificationEvents


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
    """What was sent to an endpoint, or waits, the newest first, of that what is `sought`. Needs ManageMembers. Refuses
    `EndpointNotFound`."""
    endpoint_of(actor=actor, endpoint_id=endpoint_id)
    with tenant(actor.cluster_id):
        rows = EndpointDelivery.objects.filter(cluster_id=actor.cluster_id, endpoint_id=endpoint_id)
        rows = rows.filter(_sought(actor.cluster_id, sought)) if sought else rows
        rows = rows.filter(event_id__lt=after) if after else rows
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


def _sought(cluster_id: UUID, sought: CallsSought) -> Q:
    told = Event.objects.filter(cluster_id=cluster_id).filter(
        Q(event__in=sought.events) | Q(office_event__in=sought.events)
    )
    found = Q(event_id__in=told.values("id")) if sought.events else Q(pk__in=[])
    found |= Q(state__in=sought.states) | Q(why__in=sought.whys, http_status=None)
    if sought.http_status is not None:
        found |= Q(http_status=sought.http_status)
    return found | Q(id=sought.id) | Q(event_id=sought.id) if sought.id else found


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
