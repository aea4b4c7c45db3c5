"""Reminding members of what their automations buy soon, with what the wallet will lack, or which limit forbids it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction
from django.db.models import F, Q, QuerySet

from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.going_on import GoingOn, through_estates
from clustr.kit.jobs import enqueue
from clustr.kit.tenancy import in_tenant
from clustr.recurring.automation_models import UtilityAutomation
from clustr.recurring.automation_notices import tell_ahead
from clustr.recurring.automation_types import AutomationState, ScheduleKind, UpcomingView
from clustr.recurring.automation_upcoming import upcoming_automations
from clustr.recurring.commands.automation_running import member_now

_SOON = """FROM recurring_automation WHERE state = 'on' AND next_run_at > %s AND next_run_at <= %s
  AND reminded_period IS DISTINCT FROM next_period"""


def ask_to_send_automation_reminders(*, now: datetime) -> int:
    """Have the workers remind, a job for each estate with an automation that buys soon. Answers how many estates."""
    soon = _estates(now)
    with transaction.atomic():
        for cluster_id in soon:
            enqueue(
                "recurring.remind_of_automations",
                once_key=f"recurring.remind_of_automations:{cluster_id}",
                cluster_id=cluster_id,
            )
    return len(soon)


def send_automation_reminders(*, now: datetime) -> int:
    """Do now, in all estates, what the workers do by the clock. Answers how many notices were made."""
    return through_estates(_estates(now), lambda id: send_automation_reminders_of(cluster_id=id, now=now))


def send_automation_reminders_of(*, cluster_id: UUID, now: datetime) -> int:
    """Remind each member of an estate once for each period of an automation that buys within RECURRING_REMINDER_DAYS; of one
    that buys as often as that only where it will not buy. Answers how many notices were made."""
    members = in_tenant(
        cluster_id,
        lambda: list(_soon(cluster_id, now).order_by("user_id").values_list("user_id", flat=True).distinct()),
    )
    made = 0
    with GoingOn() as going_on:
        for user_id in members:
            with going_on.past(cluster_id=cluster_id, user_id=user_id):
                actor = member_now(cluster_id=cluster_id, user_id=user_id, now=now)
                made += _remind_in_tenant(actor, now) if actor is not None else 0
    return made


def count_automation_reminders(*, now: datetime) -> int:
    """How many automations buy within RECURRING_REMINDER_DAYS of which their members were not reminded, in all clusters."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute(f"SELECT count(*) {_SOON}", [now, _until(now)])
        return int(cursor.fetchone()[0])


def _estates(now: datetime) -> list[UUID]:
    with connections["sweep"].cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT cluster_id {_SOON} ORDER BY 1", [now, _until(now)])
        return [row[0] for row in cursor.fetchall()]


def _soon(cluster_id: UUID, now: datetime) -> QuerySet[UtilityAutomation]:
    return UtilityAutomation.objects.filter(
        Q(reminded_period=None) | ~Q(reminded_period=F("next_period")),
        cluster_id=cluster_id,
        state=AutomationState.ON,
        next_run_at__gt=now,
        next_run_at__lte=_until(now),
    )


def _remind_in_tenant(actor: Actor, now: datetime) -> int:
    return in_tenant(actor.cluster_id, lambda: _remind(actor, now))


def _remind(actor: Actor, now: datetime) -> int:
    """What is passed over in silence is looked at again the next morning: by then it may not be covered."""
    with crash_points("recurring.remind_of_automations"):
        views = {view.automation_id: view for view in upcoming_automations(actor=actor, now=now)}
        mine = _soon(actor.cluster_id, now).filter(user_id=actor.member_id, id__in=views)
        locked = mine.select_for_update(no_key=True).order_by("next_run_at", "id")
        told = [(each, views[each.id]) for each in locked if _is_told(each, views[each.id])]
        made = tell_ahead(upcoming=told, now=now)
        UtilityAutomation.objects.filter(cluster_id=actor.cluster_id, id__in=[each.id for each, _ in told]).update(
            reminded_period=F("next_period")
        )
    return made


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
