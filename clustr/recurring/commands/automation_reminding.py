"""Reminding members of what their automations buy soon, with what the wallet will lack, or which limit forbids it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connections

from clustr.kit.actor import Actor
from clustr.kit.going_on import GoingOn
from clustr.kit.tenancy import in_tenant
from clustr.recurring.automation_models import UtilityAutomation
from clustr.recurring.automation_notices import tell_ahead
from clustr.recurring.automation_types import ScheduleKind, UpcomingView
from clustr.recurring.automation_upcoming import upcoming_automations
from clustr.recurring.commands.automation_running import member_now

_SOON = "FROM recurring_automation WHERE state = 'on' AND next_run_at > %s AND next_run_at <= %s"


def send_automation_reminders(*, now: datetime) -> int:
    """Remind each member once for each period of an automation that buys within RECURRING_REMINDER_DAYS; of one that buys as
    often as that only where it will not buy. Answers how many notices were made."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT cluster_id, user_id {_SOON} ORDER BY 1, 2", [now, _until(now)])
        soon: list[tuple[UUID, UUID]] = cursor.fetchall()
    made = 0
    with GoingOn() as going_on:
        for cluster_id, user_id in soon:
            with going_on.past(cluster_id=cluster_id, user_id=user_id):
                actor = member_now(cluster_id=cluster_id, user_id=user_id, now=now)
                made += _remind_in_tenant(actor, now) if actor is not None else 0
    return made


def count_automation_reminders(*, now: datetime) -> int:
    """How many automations buy within RECURRING_REMINDER_DAYS, in all clusters."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute(f"SELECT count(*) {_SOON}", [now, _until(now)])
        return int(cursor.fetchone()[0])


def _remind_in_tenant(actor: Actor, now: datetime) -> int:
    return in_tenant(actor.cluster_id, lambda: _remind(actor, now))


def _remind(actor: Actor, now: datetime) -> int:
    views = {view.automation_id: view for view in upcoming_automations(actor=actor, now=now)}
    mine = UtilityAutomation.objects.filter(cluster_id=actor.cluster_id, id__in=views)
    soon = mine.filter(next_run_at__gt=now, next_run_at__lte=_until(now)).order_by("next_run_at", "id")
    return tell_ahead(upcoming=[(each, views[each.id]) for each in soon if _is_told(each, views[each.id])], now=now)


def _is_told(automation: UtilityAutomation, view: UpcomingView) -> bool:
    if view.due_at != automation.next_run_at:
        return False  # an earlier period is still being tried, of which its member is told
    often = automation.schedule_kind == ScheduleKind.EVERY_DAYS and (
        automation.schedule_every <= settings.ENV.RECURRING_REMINDER_DAYS
    )
    no_money = view.card_missing or bool(view.beyond_card) or view.shortfall.minor > 0
    return not often or view.amount is None or view.over_limit or no_money


def _until(now: datetime) -> datetime:
    return now + timedelta(days=settings.ENV.RECURRING_REMINDER_DAYS)
