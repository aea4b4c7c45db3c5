"""`/management/payments/audit/`: who did what, when, from where."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.audit import queries
from clustr.audit.types import Event, EventFilter
from clustr.clusters.member_queries import who_is_found
from clustr.web.door import Request, read
from clustr.web.paging import Page, PageQuery, page, position
from clustr.web.schemas import Instant, Out, Text

router = Router(tags=["Audit"])


class AuditQuery(PageQuery):
    action: Annotated[str | None, Text(80)] = Field(None, description='What was done, such as "bills.cancelled".')
    actor_id: UUID | None = Field(None, description="Who did it.")
    subject_id: UUID | None = Field(None, description="What it was done to.")
    q: Annotated[str, Text(100, empty=True)] = Field(
        "", description="By people found by the beginnings of words: name, e-mail, phone, unit."
    )
    since: Instant | None = Field(None, alias="from", description="From this instant on.")
    until: Instant | None = Field(None, alias="to", description="Before this instant.")

    def as_filter(self, request: Request) -> EventFilter:
        """What to read, for the work of a request: a search looks up who it means."""
        who = who_is_found(actor=request.actor, q=self.q, now=request.now) if self.q else None
        return EventFilter(self.action, self.actor_id, self.subject_id, self.since, self.until, who)


class EventOut(Out):
    id: UUID
    at: Instant
    actor_id: UUID | None = Field(description="Null: the system acted by itself.")
    action: str = Field(examples=["bills.cancelled"])
    subject_kind: str = Field(examples=["bill"])
    subject_id: UUID
    reason: str
    ip: str | None
    user_agent: str
    request_id: str
    facts: dict[str, Any]
    journal: UUID | None = Field(description="The books' journal that moved the money, if any moved.")


@router.get("audit/", response=Page[EventOut], summary="The trail")
def list_audit_events(request: Request, query: Query[AuditQuery]) -> HttpResponse:
    """Every act of administration and every movement of money, newest first. Needs ViewPayments."""

    def work() -> Page[EventOut]:
        rows = queries.audit_events(
            actor=request.actor,
            matching=query.as_filter(request),
            after=position(request, query, (datetime, UUID)),
            limit=query.fetch,
        )
        return page(request, query, rows, key=lambda row: (row.at, row.id), out=_event_out)

    return read(request, work)


def _event_out(event: Event) -> EventOut:
    return EventOut(
        id=event.id,
        at=event.at,
        actor_id=event.actor_id,
        action=event.action,
        subject_kind=event.subject_kind,
        subject_id=event.subject_id,
        reason=event.reason,
        ip=event.ip,
        user_agent=event.user_agent,
        request_id=event.request_id,
        facts=event.facts,
        journal=event.journal,
    )
