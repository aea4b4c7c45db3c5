"""`/members/notifications/`: what somebody was told, what of it they have read, and what they want to be told."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.notifications import commands, queries
from clustr.notifications.types import (
    Channel,
    Choice,
    EventChoices,
    Face,
    Notification,
    NotificationEvents,
    Priority,
)
from clustr.web.door import Request, once, read
from clustr.web.paging import Page, PageQuery, by_id, last_id, page
from clustr.web.schemas import Flag, In, Instant, Out

router = Router(tags=["My notifications"])

_ID = "01998a4e-6f00-7c00-8000-000000000001"


class NotificationsQuery(PageQuery):
    unread: Annotated[bool, Field(description="Only what is unread.")] = False


class NotificationOut(Out):
    """One notice, in words."""

    id: UUID
    event: NotificationEvents
    about: Face = Field(description="`member`: told to you as a member; `office`: as one of the office.")
    priority: Priority
    title: str
    body: str = Field(description="Plain text; paragraphs are apart by an empty line.")
    subject_id: UUID | None = Field(description="What it is about, such as a bill or a transaction.")
    created_at: Instant
    read_at: Instant | None


class NotificationsOut(Page[NotificationOut]):
    """A page of notices, and how many are unread in all."""

    unread_count: int = Field(description="Counts to 1000.")


class UnreadOut(Out):
    unread_count: int = Field(description="Counts to 1000.")


class ReadIn(In):
    """What was read: some notices, or everything."""

    model_config = {"json_schema_extra": {"examples": [{"notification_ids": [_ID]}, {"all": True}]}}

    notification_ids: list[UUID] = Field(default_factory=list, max_length=200)
    all: Flag = False


class ChannelOut(Out):
    channel: Channel
    enabled: Flag
    can_change: Flag


class PreferenceOut(Out):
    """One event, and where it reaches you."""

    event: NotificationEvents
    what: str
    channels: list[ChannelOut]


class PreferencesOut(Out):
    results: list[PreferenceOut]


class PreferenceIn(In):
    event: NotificationEvents
    channel: Channel
    enabled: Flag


class PreferencesIn(In):
    """What to change; the rest stays."""

    model_config = {
        "json_schema_extra": {
            "examples": [{"preferences": [{"event": "bill_acknowledged", "channel": "email", "enabled": False}]}]
        }
    }

    preferences: list[PreferenceIn] = Field(min_length=1, max_length=200)


@router.get("", response=NotificationsOut, summary="My notifications")
def list_notifications(request: Request, query: Query[NotificationsQuery]) -> HttpResponse:
    """What you were told in this estate, the newest first."""

    def work() -> NotificationsOut:
        rows = queries.my_notifications(
            actor=request.actor, unread_only=query.unread, after=last_id(request, query), limit=query.fetch
        )
        shown = page(request, query, rows, key=lambda row: by_id(row.id), out=_notification_out)
        unread = queries.unread_count(actor=request.actor)
        return NotificationsOut(results=shown.results, next=shown.next, unread_count=unread)

    return read(request, work)


@router.post("read/", response=UnreadOut, summary="Mark notifications as read")
def read_notifications(request: Request, body: ReadIn) -> HttpResponse:
    """A repeat is harmless. Refuses with `notification_not_found`."""

    def work() -> UnreadOut:
        if body.all:
            commands.mark_all_read(actor=request.actor, now=request.now)
        else:
            commands.mark_read(actor=request.actor, ids=body.notification_ids, now=request.now)
        return UnreadOut(unread_count=queries.unread_count(actor=request.actor))

    return once(request, body, 200, work)


@router.get("preferences/", response=PreferencesOut, summary="What I am told, and where")
def list_preferences(request: Request) -> HttpResponse:
    """Every event that can reach you, with the channels offered here."""
    return read(request, lambda: _preferences(request))


@router.patch("preferences/", response=PreferencesOut, summary="Choose what I am told")
def change_preferences(request: Request, body: PreferencesIn) -> HttpResponse:
    """Refuses with `always_told` (what nobody can switch off) and `channel_not_offered`."""

    def work() -> PreferencesOut:
        choices = [Choice(wish.event, wish.channel, wish.enabled) for wish in body.preferences]
        commands.choose_notifications(actor=request.actor, choices=choices, now=request.now)
        return _preferences(request)

    return once(request, body, 200, work)


def _notification_out(notice: Notification) -> NotificationOut:
    return NotificationOut(
        id=notice.id,
        event=notice.event,
        about=notice.face,
        priority=notice.priority,
        title=notice.title,
        body=notice.body,
        subject_id=notice.subject_id,
        created_at=notice.at,
        read_at=notice.read_at,
    )


def _preferences(request: Request) -> PreferencesOut:
    return PreferencesOut(results=[_preference_out(row) for row in queries.my_choices(actor=request.actor)])


def _preference_out(row: EventChoices) -> PreferenceOut:
    channels = [
        ChannelOut(channel=choice.channel, enabled=choice.enabled, can_change=choice.can_change)
        for choice in row.channels
    ]
    return PreferenceOut(event=row.event, what=row.what, channels=channels)
