"""Integrators' endpoints: made with a secret that is shown once, given a new one, opened again, removed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from clustr.audit import commands as audit
from clustr.clusters.types import PaymentsPermissions
from clustr.kit.actor import Actor
from clustr.kit.calling_out import NotPublic, refuse_private_url
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.kit.vault import seal
from clustr.notifications.endpoint_queries import secret_place
from clustr.notifications.models import Endpoint, EndpointDelivery
from clustr.notifications.refusals import (
    AddressNotPublic,
    DeliveryNotFound,
    EndpointDisabled,
    EndpointNotFound,
    TooManyEndpoints,
)
from clustr.notifications.signing import new_secret
from clustr.notifications.types import NotificationEvents

MOST_ENDPOINTS = 10
OLD_SECRET_SIGNS = timedelta(hours=24)
"""How long after a secret was changed the one before signs beside it."""


def create_endpoint(
    *, actor: Actor, url: str, description: str, events: Sequence[NotificationEvents], now: datetime
) -> Endpoint:
    """Have an estate's events (none named: all) sent to this address from now on, signed with a secret of its own.

    Needs ManageMembers. Refuses `AddressNotPublic`, `TooManyEndpoints`.
    """
    actor.require(PaymentsPermissions.MANAGE_MEMBERS)
    try:
        refuse_private_url(url)
    except NotPublic:
        raise AddressNotPublic from None
    id = new_id()
    with tenant(actor.cluster_id), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"endpoints:{actor.cluster_id}"])
        if Endpoint.objects.filter(cluster_id=actor.cluster_id, removed_at=None).count() >= MOST_ENDPOINTS:
            raise TooManyEndpoints
        made = Endpoint.objects.create(
            id=id,
            cluster_id=actor.cluster_id,
            url=url,
            description=description,
            events=sorted({event.value for event in events}),
            secret=seal(new_secret(), bound_to=secret_place(id)),
            secret_made_at=now,
            created_at=now,
            created_by=actor.member_id,
        )
        _record(actor, "webhooks.created", made, now)
    return made


def rotate_secret(*, actor: Actor, endpoint_id: UUID, now: datetime) -> Endpoint:
    """Give an endpoint a new secret; for a day the one before signs too. Needs ManageMembers. Refuses `EndpointNotFound`."""
    with tenant(actor.cluster_id):
        endpoint = _locked(actor, endpoint_id)
        endpoint.previous_secret, endpoint.previous_until = endpoint.secret, now + OLD_SECRET_SIGNS
        endpoint.secret = seal(new_secret(), bound_to=secret_place(endpoint.id))
        endpoint.secret_made_at = now
        endpoint.save(update_fields=["secret", "secret_made_at", "previous_secret", "previous_until"])
        _record(actor, "webhooks.secret_changed", endpoint, now)
    return endpoint


def enable_endpoint(*, actor: Actor, endpoint_id: UUID, now: datetime) -> None:
    """Send to a disabled endpoint again, what happens from now on. Needs ManageMembers. Refuses `EndpointNotFound`."""
    with tenant(actor.cluster_id):
        endpoint = _locked(actor, endpoint_id)
        if endpoint.disabled_at is None:
            return
        endpoint.disabled_at = endpoint.failing_since = None
        endpoint.save(update_fields=["disabled_at", "failing_since"])
        _record(actor, "webhooks.enabled", endpoint, now)


def disable_endpoint(*, actor: Actor, endpoint_id: UUID, now: datetime) -> None:
    """Send nothing to an endpoint until it is switched on again: neither what waits nor what happens meanwhile. Needs
    ManageMembers. Refuses `EndpointNotFound`."""
    with tenant(actor.cluster_id):
        endpoint = _locked(actor, endpoint_id)
        if endpoint.disabled_at is not None:
            return
        endpoint.disabled_at = now
        endpoint.save(update_fields=["disabled_at"])
        skip_waiting(endpoint=endpoint, why="endpoint_disabled", now=now)
        _record(actor, "webhooks.disabled", endpoint, now)


def send_again(*, actor: Actor, endpoint_id: UUID, delivery_id: UUID, now: datetime) -> None:
    """Send an event to an endpoint once more, under the id it had, whatever became of it; one that waits is sent at once.

    Needs ManageMembers. Refuses `EndpointNotFound`, `EndpointDisabled`, `DeliveryNotFound`.
    """
    with tenant(actor.cluster_id):
        endpoint = _locked(actor, endpoint_id)
        if endpoint.disabled_at is not None:
            raise EndpointDisabled
        found = EndpointDelivery.objects.filter(cluster_id=actor.cluster_id, endpoint_id=endpoint.id, id=delivery_id)
        ended = found.exclude(state="queued").update(
            state="queued", attempts=0, next_try_at=now, ended_at=None, http_status=None, why=""
        )
        if not ended and not found.filter(state="queued").update(next_try_at=now):
            raise DeliveryNotFound
        _record(actor, "webhooks.sent_again", endpoint, now)


def remove_endpoint(*, actor: Actor, endpoint_id: UUID, now: datetime) -> None:
    """Send nothing to this endpoint any more. Needs ManageMembers. Refuses `EndpointNotFound`."""
    with tenant(actor.cluster_id):
        endpoint = _locked(actor, endpoint_id)
        endpoint.removed_at = now
        endpoint.save(update_fields=["removed_at"])
        skip_waiting(endpoint=endpoint, why="endpoint_removed", now=now)
        _record(actor, "webhooks.removed", endpoint, now)


def skip_waiting(*, endpoint: Endpoint, why: str, now: datetime) -> None:
    """End what waits to be sent to an endpoint; in the transaction under way."""
    EndpointDelivery.objects.filter(cluster_id=endpoint.cluster_id, endpoint_id=endpoint.id, state="queued").update(
        state="skipped", next_try_at=None, ended_at=now, why=why
    )


def _locked(actor: Actor, endpoint_id: UUID) -> Endpoint:
    actor.require(PaymentsPermissions.MANAGE_MEMBERS)
    found = Endpoint.objects.select_for_update().filter(cluster_id=actor.cluster_id, id=endpoint_id, removed_at=None)
    endpoint = found.first()
    if endpoint is None:
        raise EndpointNotFound
    return endpoint


def _record(actor: Actor, action: str, endpoint: Endpoint, now: datetime) -> None:
    audit.record(actor=actor, action=action, subject_kind="webhook_endpoint", subject_id=endpoint.id, at=now)
