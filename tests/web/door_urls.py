"""The project's addresses, and beside them a few that exist to try every tool of the door."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import path
from ninja import Query, Router
from pydantic import Field

from clustr.audit import commands as audit
from clustr.audit import queries
from clustr.audit.types import EventFilter
from clustr.kit.errors import Busy, Conflict, Declined, Invalid, Locked, NotAllowed, NotFound, TooMany, Unavailable
from clustr.kit.ids import new_id
from clustr.web.api import make_api
from clustr.web.csv_answers import csv_answer
from clustr.web.door import Request, once, read
from clustr.web.paging import Page, PageQuery, page, position
from clustr.web.schemas import Amount, AmountOrZero, Currency, Flag, In, Instant, Out, Pin, Text, to_money

REFUSALS = {
    kind.code: kind for kind in (Invalid, NotAllowed, NotFound, Conflict, Declined, Locked, TooMany, Unavailable, Busy)
}
ATTEMPTS: list[UUID] = []
STARTED = threading.Event()
GO_ON = threading.Event()
router = Router(tags=["Trying"])


class NoteIn(In):
    title: Annotated[str, Text(20)]
    amount: Amount | None = None
    fee: AmountOrZero | None = None
    currency: Currency = "NGN"
    at: Instant | None = None
    pin: Pin | None = None
    urgent: Flag = False
    description: Annotated[str, Text(50, lines=True, empty=True)] = ""
    parts: list[NoteIn] = Field(default=[], max_length=3)
    user_id: UUID | None = None


class NoteOut(Out):
    id: UUID
    title: str
    amount: str | None
    at: Instant | None


def take_note(request: Request, body: NoteIn) -> NoteOut:
    note_id = audit.record(
        actor=request.actor, action="notes.taken", subject_kind="note", subject_id=new_id(), at=request.now
    )
    amount = str(to_money(body.amount, body.currency)) if body.amount else None
    return NoteOut(id=note_id, title=body.title, amount=amount, at=body.at)


@router.post("notes/", response={201: NoteOut})
def make_note(request: Request, body: NoteIn) -> HttpResponse:
    return once(request, body, 201, lambda: take_note(request, body))


@router.post("notes/refused/", response={201: NoteOut})
def make_refused_note(request: Request, body: NoteIn) -> HttpResponse:
    def work() -> NoteOut:
        take_note(request, body)
        raise REFUSALS[body.title](retry_after_seconds=7 if body.urgent else None)

    return once(request, body, 201, work)


@router.post("notes/slow/", response={201: NoteOut})
def make_slow_note(request: Request, body: NoteIn) -> HttpResponse:
    def work() -> NoteOut:
        made = take_note(request, body)
        STARTED.set()
        GO_ON.wait(10)
        return made

    return once(request, body, 201, work)


@router.post("notes/after_attempt/", response={201: NoteOut})
def make_note_after_attempt(request: Request, body: NoteIn) -> HttpResponse:
    def before() -> UUID:
        assert not connection.in_atomic_block
        ATTEMPTS.append(request.signed_in.user_id)
        return uuid4()

    def work(attempt: UUID) -> NoteOut:
        assert isinstance(attempt, UUID)
        if body.urgent:
            raise Conflict
        return take_note(request, body)

    return once(request, body, 201, work, before=before)


@router.post("bodiless/", response={201: NoteOut})
def make_bodiless_note(request: Request) -> HttpResponse:
    return once(request, None, 201, lambda: take_note(request, NoteIn(title="empty")))


@router.get("notes/{note_id}/", response=NoteOut)
def show_note(request: Request, note_id: UUID) -> HttpResponse:
    return read(request, lambda: NoteOut(id=note_id, title="x", amount=None, at=None))


class NotesQuery(PageQuery):
    action: Annotated[str | None, Text(40)] = None


def list_of_notes(request: Request, query: NotesQuery) -> HttpResponse:
    def work() -> Page[NoteOut]:
        rows = queries.audit_events(
            actor=request.actor,
            matching=EventFilter(action=query.action),
            after=position(request, query, (datetime, UUID)),
            limit=query.fetch,
        )
        return page(
            request,
            query,
            rows,
            key=lambda row: (row.at, row.id),
            out=lambda row: NoteOut(id=row.id, title=row.action, amount=None, at=row.at),
        )

    return read(request, work)


@router.get("list/", response=Page[NoteOut])
def list_notes(request: Request, query: Query[NotesQuery]) -> HttpResponse:
    return list_of_notes(request, query)


@router.get("other_list/", response=Page[NoteOut])
def list_other_notes(request: Request, query: Query[NotesQuery]) -> HttpResponse:
    return list_of_notes(request, query)


@router.get("csv/")
def list_notes_as_csv(request: Request) -> HttpResponseBase:
    return csv_answer(
        request,
        name="notes",
        header=("id", "action"),
        fetch=lambda after, limit: queries.audit_events(actor=request.actor, after=after, limit=limit),
        key=lambda row: (row.at, row.id),
        row=lambda row: (str(row.id), row.action),
    )


class BreakQuery(In):
    how: str


@router.get("break/", response=NoteOut)
def break_something(request: Request, query: Query[BreakQuery]) -> HttpResponse:
    statements = {
        "write": "SELECT audit_record(NULL, now(), NULL, 'a.b', 'c', gen_random_uuid(), '', NULL, '', '')",
        "data": "SELECT 'x'::int",
        "slow": "SET LOCAL statement_timeout = 50; SELECT pg_sleep(2)",
        "idle": "SET LOCAL idle_in_transaction_session_timeout = 20",
        "constraint": "SELECT kit_refuse('not_a_known_code', '')",
    }

    def work() -> NoteOut:
        if query.how == "bug":
            secret = "canary-4711"
            raise KeyError(secret)
        with connection.cursor() as cursor:
            cursor.execute(statements[query.how])
            if query.how == "idle":
                threading.Event().wait(0.5)
                cursor.execute("SELECT 1")
        return NoteOut(id=uuid4(), title="unbroken", amount=None, at=None)

    return read(request, work)


def break_page(_request: HttpRequest) -> HttpResponse:
    raise KeyError("canary-4711")


api = make_api((("members/trying/", router),), namespace="trying")

from clustr.urls import handler400, handler403, handler404, handler500  # noqa: E402
from clustr.urls import urlpatterns as projects  # noqa: E402

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
urlpatterns: list[Any] = [
    path("members/broken-page/", break_page),
    path("", api.urls),
    *projects,
]
