"""`/management/payments/webhook_endpoints/`: where an estate's own systems hear of its events, and what was sent there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import BaseModel, Field

from clustr.notifications import commands, endpoint_queries
from clustr.notifications.types import CallView, EndpointView, NotificationEvents
from clustr.web.door import Request, once, once_keeping_facts, read
from clustr.web.paging import Page, PageQuery, all_of, by_id, last_id, page, page_of_few
from clustr.web.schemas import In, Instant, Out, Text

router = Router(tags=["Webhooks"])


class EndpointIn(In):
    """An address of your own system, on the public internet."""

    model_config = {
        "json_schema_extra": {
            "examples": [{"url": "https://estate.example/clustr", "events": ["payment_confirmed", "payment_due"]}]
        }
    }

    url: Annotated[str, Text(500)]
    description: Annotated[str, Text(200, empty=True)] = ""
    events: list[NotificationEvents] = Field(default_factory=list, max_length=50, description="None: all.")


class EndpointOut(Out):
    id: UUID
    url: str
    description: str
    events: list[NotificationEvents] = Field(description="Empty: all.")
    created_at: Instant
    previous_secret_until: Instant | None = Field(description="Until then the secret before signs too.")
    failing_since: Instant | None
    disabled_at: Instant | None = Field(description="Nothing is sent any more, until it is switched on again.")


class NewEndpointOut(EndpointOut):
    secret: str | None = Field(description="Signs what is sent. It is shown this once; null once there is a newer one.")


class RedeliveryPath(In):
    """Which entry of the log."""

    delivery_id: UUID


class CallOut(Out):
    """One event sent to an endpoint, or on its way."""

    id: UUID
    event_id: UUID
    event: NotificationEvents
    state: str = Field(description="`queued sent failed skipped`")
    attempts: int
    next_try_at: Instant | None
    http_status: int | None
    why: str
    created_at: Instant
    ended_at: Instant | None


@router.get("webhook_endpoints/", response=Page[EndpointOut], summary="Webhook endpoints")
def list_webhook_endpoints(request: Request, query: Query[PageQuery]) -> HttpResponse:
    """Needs ManageMembers."""

    def work() -> Page[EndpointOut]:
        return page_of_few(request, query, lambda: endpoint_queries.endpoints_of(actor=request.actor), out=_out)

    return read(request, work)


@router.post("webhook_endpoints/", response={201: NewEndpointOut}, summary="Add a webhook endpoint")
def create_webhook_endpoint(request: Request, body: EndpointIn) -> HttpResponse:
    """Needs ManageMembers. Refuses with `address_not_public`, `too_many_endpoints`."""

    def act() -> str:
        made = commands.create_endpoint(
            actor=request.actor, url=body.url, description=body.description, events=body.events, now=request.now
        )
        return json.dumps([str(made.id), made.secret_made_at.isoformat()])

    return once_keeping_facts(request, body, 201, act, _with_secret(request))


@router.post("webhook_endpoints/{endpoint_id}/rotate_secret/", response=NewEndpointOut, summary="New webhook secret")
def rotate_webhook_secret(request: Request, endpoint_id: UUID) -> HttpResponse:
    """A new secret; for a day the one before signs too. Needs ManageMembers. Refuses with `webhook_endpoint_not_found`."""

    def act() -> str:
        made = commands.rotate_secret(actor=request.actor, endpoint_id=endpoint_id, now=request.now)
        return json.dumps([str(made.id), made.secret_made_at.isoformat()])

    return once_keeping_facts(request, None, 200, act, _with_secret(request))


@router.post("webhook_endpoints/{endpoint_id}/enable/", response=EndpointOut, summary="Switch a webhook on again")
def enable_webhook_endpoint(request: Request, endpoint_id: UUID) -> HttpResponse:
    """What happens from now on is sent. Needs ManageMembers. Refuses with `webhook_endpoint_not_found`."""

    def work() -> EndpointOut:
        commands.enable_endpoint(actor=request.actor, endpoint_id=endpoint_id, now=request.now)
        return _out(endpoint_queries.endpoint_of(actor=request.actor, endpoint_id=endpoint_id))

    return once(request, None, 200, work)


@router.post("webhook_endpoints/{endpoint_id}/disable/", response=EndpointOut, summary="Switch a webhook off")
def disable_webhook_endpoint(request: Request, endpoint_id: UUID) -> HttpResponse:
    """What waits and what happens meanwhile is not sent. Needs ManageMembers. Refuses with `webhook_endpoint_not_found`."""

    def work() -> EndpointOut:
        commands.disable_endpoint(actor=request.actor, endpoint_id=endpoint_id, now=request.now)
        return _out(endpoint_queries.endpoint_of(actor=request.actor, endpoint_id=endpoint_id))

    return once(request, None, 200, work)


@router.post(
    "webhook_endpoints/{endpoint_id}/deliveries/{delivery_id}/redeliver/",
    response=EndpointOut,
    summary="Send an event again",
)
def redeliver(request: Request, endpoint_id: UUID, delivery_id: UUID) -> HttpResponse:
    """Once more, under the same `webhook-id`, with a signature of now. Needs ManageMembers.

    Refuses with `webhook_endpoint_not_found`, `webhook_delivery_not_found`, `webhook_endpoint_disabled`.
    """

    def work() -> EndpointOut:
        commands.send_again(actor=request.actor, endpoint_id=endpoint_id, delivery_id=delivery_id, now=request.now)
        return _out(endpoint_queries.endpoint_of(actor=request.actor, endpoint_id=endpoint_id))

    return once(request, None, 200, work)


@router.delete("webhook_endpoints/{endpoint_id}/", response=Page[EndpointOut], summary="Remove a webhook endpoint")
def remove_webhook_endpoint(request: Request, endpoint_id: UUID) -> HttpResponse:
    """Nothing is sent there any more. Needs ManageMembers. Refuses with `webhook_endpoint_not_found`."""

    def work() -> Page[EndpointOut]:
        commands.remove_endpoint(actor=request.actor, endpoint_id=endpoint_id, now=request.now)
        return all_of(endpoint_queries.endpoints_of(actor=request.actor), out=_out)

    return once(request, None, 200, work)


@router.get(
    "webhook_endpoints/{endpoint_id}/deliveries/", response=Page[CallOut], summary="What was sent to an endpoint"
)
def list_webhook_deliveries(request: Request, endpoint_id: UUID, query: Query[PageQuery]) -> HttpResponse:
    """The newest first, for 90 days. Needs ManageMembers. Refuses with `webhook_endpoint_not_found`."""

    def work() -> Page[CallOut]:
        rows = endpoint_queries.calls_of(
            actor=request.actor, endpoint_id=endpoint_id, after=last_id(request, query), limit=query.fetch
        )
        return page(request, query, rows, key=lambda row: by_id(row.event_id), out=_call_out)

    return read(request, work)


def _with_secret(request: Request) -> Callable[[str], BaseModel]:
    def shape(facts: str) -> NewEndpointOut:
        endpoint_id, made_at = json.loads(facts)
        view = endpoint_queries.endpoint_of(actor=request.actor, endpoint_id=UUID(endpoint_id), secret_made_at=made_at)
        return NewEndpointOut(**_out(view).model_dump(), secret=view.secret)

    return shape


def _out(view: EndpointView) -> EndpointOut:
    return EndpointOut(
        id=view.id,
        url=view.url,
        description=view.description,
        events=list(view.events),
        created_at=view.created_at,
        previous_secret_until=view.previous_secret_until,
        failing_since=view.failing_since,
        disabled_at=view.disabled_at,
    )


def _call_out(view: CallView) -> CallOut:
    fields: dict[str, Any] = {name: getattr(view, name) for name in CallOut.model_fields}
    return CallOut(**fields)
