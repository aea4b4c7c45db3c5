"""Handing events to integrators' endpoints: at least once, each under the same `webhook-id`, signed, tried for three days."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection

from clustr.clusters.types import PaymentsPermissions
from clustr.kit import clock
from clustr.kit.calling_out import post_out
from clustr.kit.crashpoints import crash_point
from clustr.kit.exact_json import write_json
from clustr.kit.outbound import OutboundError
from clustr.kit.tenancy import tenant
from clustr.kit.vault import unseal
from clustr.notifications.commands.endpoints import skip_waiting
from clustr.notifications.commands.notifying import notify
from clustr.notifications.endpoint_queries import payload_of, secret_place
from clustr.notifications.models import Endpoint, EndpointDelivery, Event
from clustr.notifications.policies import pause_after_call
from clustr.notifications.signing import signed_headers
from clustr.notifications.types import Audience, NotificationEvents

log = structlog.get_logger(__name__)

SLICE_SECONDS = 10
CALL_SECONDS = 10
CLAIM_STANDS = timedelta(minutes=1)
"""A call whose caller died is made again after this long: receivers know it by its id."""
DISABLE_AFTER = timedelta(days=3)
GONE = 410

_CLAIM = """
WITH next AS MATERIALIZED (
  SELECT id FROM notifications_endpointdelivery
  WHERE cluster_id = %(cluster)s AND state = 'queued' AND next_try_at <= %(now)s
    AND endpoint_id <> ALL(%(in_trouble)s::uuid[])
  ORDER BY next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE notifications_endpointdelivery d SET attempts = d.attempts + 1, next_try_at = %(again_at)s FROM next
WHERE d.cluster_id = %(cluster)s AND d.id = next.id
RETURNING d.id, d.endpoint_id, d.event_id, d.attempts
"""
# Materialized: as a subquery it may be asked again for every row it is joined with, and each time lock and claim another.


@dataclass(frozen=True, slots=True)
class _Call:
    id: UUID
    endpoint_id: UUID
    event_id: UUID
    attempts: int


def call_endpoints(*, cluster_id: UUID, now: datetime, seconds: float = SLICE_SECONDS, transport: Any = None) -> int:
    """Make an estate's due calls, one at a time, for at most so long. Answers how many were taken by their receivers.

    An endpoint in trouble is left alone for the rest of the run.
    """
    ends_at = time.monotonic() + seconds
    taken = 0
    in_trouble: list[UUID] = []
    while time.monotonic() < ends_at and (call := _claim(cluster_id, in_trouble, now)) is not None:
        crash_point("notifications.call.claimed")
        try:
            status, why = _make(cluster_id, call, now, transport)
        except Exception:
            # Of one call that cannot be made, so that it does not stand before all others; no fault of its receiver.
            log.exception("webhook_not_made", endpoint=str(call.endpoint_id), attempts=call.attempts)
            _give_up(cluster_id, call, now)
            continue
        crash_point("notifications.call.made")
        if status is not None and 200 <= status < 300:
            taken += 1
            _succeed(cluster_id, call, status, now)
        else:
            in_trouble.append(call.endpoint_id)
            _fail(cluster_id, call, status, why or "refused", now)
    return taken


def _claim(cluster_id: UUID, in_trouble: list[UUID], now: datetime) -> _Call | None:
    with tenant(cluster_id), connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {"cluster": cluster_id, "now": now, "again_at": now + CLAIM_STANDS, "in_trouble": in_trouble},
        )
        row = cursor.fetchone()
    return _Call(*row) if row else None


def _make(cluster_id: UUID, call: _Call, now: datetime, transport: Any) -> tuple[int | None, str]:
    with tenant(cluster_id):
        endpoint = Endpoint.objects.get(cluster_id=cluster_id, id=call.endpoint_id)
        event = Event.objects.get(cluster_id=cluster_id, id=call.event_id)
    wanted = [
        name for name in (event.event, event.office_event) if name and (not endpoint.events or name in endpoint.events)
    ]
    body = write_json(payload_of(event=event, type=wanted[0])).encode()
    sealed = [endpoint.secret]
    if endpoint.previous_secret is not None and endpoint.previous_until and endpoint.previous_until > now:
        sealed.append(endpoint.previous_secret)
    secrets = [unseal(bytes(secret), bound_to=secret_place(endpoint.id)) for secret in sealed]
    headers = signed_headers(message_id=call.id, at=clock.real(clock.now()), body=body, secrets=secrets)
    try:
        status = post_out(
            url=endpoint.url,
            content=body,
            headers=headers | {"Content-Type": "application/json"},
            seconds=CALL_SECONDS,
            transport=transport,
        )
    except OutboundError as error:
        return None, error.why
    return status, ""


def _succeed(cluster_id: UUID, call: _Call, status: int, now: datetime) -> None:
    with tenant(cluster_id):
        _waiting(cluster_id, call).update(state="sent", next_try_at=None, ended_at=now, http_status=status, why="")
        Endpoint.objects.filter(cluster_id=cluster_id, id=call.endpoint_id).exclude(failing_since=None).update(
            failing_since=None
        )


def _give_up(cluster_id: UUID, call: _Call, now: datetime) -> None:
    """Try what could not be made again as if it had not been taken, but hold nothing against the endpoint."""
    pause = pause_after_call(attempts=call.attempts)
    with tenant(cluster_id):
        if pause is None:
            _waiting(cluster_id, call).update(state="failed", next_try_at=None, ended_at=now, why="not_made")
        else:
            _waiting(cluster_id, call).update(next_try_at=now + pause, why="not_made")


def _fail(cluster_id: UUID, call: _Call, status: int | None, why: str, now: datetime) -> None:
    pause = pause_after_call(attempts=call.attempts)
    log.warning(
        "webhook_not_taken", endpoint=str(call.endpoint_id), http_status=status, why=why, attempts=call.attempts
    )
    with tenant(cluster_id):
        endpoint = Endpoint.objects.select_for_update().get(cluster_id=cluster_id, id=call.endpoint_id)
        said = {"http_status": status, "why": why}
        if pause is None:
            _waiting(cluster_id, call).update(state="failed", next_try_at=None, ended_at=now, **said)
        else:
            _waiting(cluster_id, call).update(next_try_at=now + pause, **said)
        endpoint.failing_since = endpoint.failing_since or now
        if status == GONE or now - endpoint.failing_since >= DISABLE_AFTER:
            endpoint.disabled_at = endpoint.disabled_at or now
            skip_waiting(endpoint=endpoint, why="endpoint_disabled", now=now)
            _tell(endpoint, now)
        endpoint.save(update_fields=["failing_since", "disabled_at"])


def _waiting(cluster_id: UUID, call: _Call) -> Any:
    return EndpointDelivery.objects.filter(cluster_id=cluster_id, id=call.id, state="queued", attempts=call.attempts)


def _tell(endpoint: Endpoint, now: datetime) -> None:
    notify(
        event=NotificationEvents.ADMIN_ALERT,
        cluster_id=endpoint.cluster_id,
        audience=Audience.holders(PaymentsPermissions.MANAGE_MEMBERS),
        subject_id=endpoint.id,
        facts={
            "what": "A webhook was switched off",
            "detail": f"Your system at {endpoint.url} has not taken what ClustR sends it. Nothing more is sent there.",
            "todo": "Have it repaired, then switch the webhook on again. What happened meanwhile is in the lists.",
        },
        now=now,
    )
