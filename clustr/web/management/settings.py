"""`/management/payments/settings/`: what an administrator may choose for the estate."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Router
from pydantic import Field

from clustr.clusters import commands
from clustr.clusters.queries import managed_settings
from clustr.clusters.types import AS_IS, ClusterSettings, FeeBearer, SettingsChanges
from clustr.kit.locales import DEFAULT_LOCALE, LOCALES
from clustr.web.door import Request, once, read
from clustr.web.schemas import AmountOrZero, ChangesIn, Instant, Out, Text, to_money

router = Router(tags=["Settings"])

_SETTINGS: dict[str, Any] = {
    "cluster_id": "01998a4e-6f00-7c00-8000-000000000001",
    "name": "Palm Grove",
    "currency": "NGN",
    "timezone": "Africa/Lagos",
    "transfer_approval_limit": "1000000.00",
    "pending_transfer_approval_limit": {"limit": "5000000.00", "counts_from": "2026-11-22T09:30:00Z"},
    "support_email": "office@palmgrove.test",
    "fee_bearer": "cluster",
    "locale": "en-NG",
    "reminder_days": [7, 1],
}


ReminderDay = Annotated[int, Field(strict=True, ge=1, le=365)]


class PendingLimitOut(Out):
    limit: str | None = Field(description="The coming limit; null: none.")
    counts_from: Instant


class SettingsOut(Out):
    model_config = {"json_schema_extra": {"examples": [_SETTINGS]}}

    cluster_id: UUID
    name: str
    currency: str = Field(description="What the books are kept in; it never changes.")
    timezone: str
    transfer_approval_limit: str | None = Field(
        description="A second person approves a transfer from the cluster's wallet that is above this amount together with "
        "what was sent in the last 24 hours without one; null: never."
    )
    pending_transfer_approval_limit: PendingLimitOut | None = Field(
        description="A limit that was raised or removed, and from when it counts; null: nothing is pending."
    )
    support_email: str
    fee_bearer: FeeBearer = Field(description="Who bears a provider's fee: the cluster, or the payer on top.")
    locale: str = Field(description="How amounts and dates are written in notices.")
    reminder_days: list[int] = Field(
        description="How many days before a due date members are reminded, the longest first; none: they are not."
    )


class SettingsIn(ChangesIn):
    """What to change; what is absent stays. The limit and who bears fees are for administrators."""

    model_config = {"json_schema_extra": {"examples": [{"transfer_approval_limit": "250000.00"}]}}

    name: Annotated[str, Text(200)] = ""
    timezone: Annotated[str, Text(64)] = Field("", examples=["Africa/Lagos"])
    transfer_approval_limit: AmountOrZero | None = None
    support_email: Annotated[str, Text(254, empty=True)] = ""
    fee_bearer: FeeBearer = FeeBearer.CLUSTER
    locale: Annotated[str, Text(20)] = Field("", examples=[DEFAULT_LOCALE], description=f"One of {', '.join(LOCALES)}.")
    reminder_days: list[ReminderDay] | None = Field(
        None, max_length=5, description="Null: as the platform does; an empty list: no reminders."
    )
    reason: Annotated[str, Text(500, lines=True, empty=True)] = Field("", description="For the trail.")


@router.get("settings/", response=SettingsOut, summary="Settings")
def show_settings(request: Request) -> HttpResponse:
    """The estate's settings. Needs ManageMembers."""
    return read(request, lambda: _settings_out(managed_settings(actor=request.actor, now=request.now)))


@router.patch("settings/", response=SettingsOut, summary="Change settings")
def update_settings(request: Request, body: SettingsIn) -> HttpResponse:
    """Change the estate's settings. Needs ManageMembers; the limit and who bears fees, an administrator. A lower
    limit counts at once; a higher one, or none, only after a day."""

    def work() -> SettingsOut:
        changes = _changes(body, request.actor.currency)
        commands.update_settings(actor=request.actor, changes=changes, now=request.now, reason=body.reason)
        return _settings_out(managed_settings(actor=request.actor, now=request.now))

    return once(request, body, 200, work)


def _changes(body: SettingsIn, currency: str) -> SettingsChanges:
    given, limit = body.model_fields_set, body.transfer_approval_limit
    approval = to_money(limit, currency, field="transfer_approval_limit") if limit is not None else None
    return SettingsChanges(
        name=body.name if "name" in given else AS_IS,
        timezone=body.timezone if "timezone" in given else AS_IS,
        transfer_approval_limit=approval if "transfer_approval_limit" in given else AS_IS,
        support_email=body.support_email if "support_email" in given else AS_IS,
        fee_bearer=body.fee_bearer if "fee_bearer" in given else AS_IS,
        locale=body.locale if "locale" in given else AS_IS,
        reminder_days=body.reminder_days if "reminder_days" in given else AS_IS,
    )


def _settings_out(held: ClusterSettings) -> SettingsOut:
    limit, pending = held.transfer_approval_limit, held.pending_limit
    return SettingsOut(
        cluster_id=held.cluster_id,
        name=held.name,
        currency=held.currency,
        timezone=held.timezone,
        transfer_approval_limit=None if limit is None else str(limit),
        pending_transfer_approval_limit=PendingLimitOut(
            limit=None if pending.limit is None else str(pending.limit), counts_from=pending.counts_from
        )
        if pending
        else None,
        support_email=held.support_email,
        fee_bearer=held.fee_bearer,
        locale=held.locale,
        reminder_days=list(held.reminder_days),
    )
