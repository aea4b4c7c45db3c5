"""Running automations, one member's at a time: their due periods begin, one plan is made of all that waits, and what it
chooses is bought one after the other. What is asked of utilities and cards is asked between transactions."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_noop as _

from clustr.audit import commands as audit
from clustr.clusters import queries as clusters
from clustr.clusters.refusals import ClusterNotFound, InvitationNotAccepted, NoMembership, PersonNotActive
from clustr.clusters.types import FORMER
from clustr.kit.actor import Actor, Origin
from clustr.kit.crashpoints import crash_points
from clustr.kit.going_on import GoingOn
from clustr.kit.ids import new_id
from clustr.kit.tenancy import in_tenant
from clustr.notifications.types import NotificationEvents
from clustr.recurring.automation_models import AutomationRun, UtilityAutomation
from clustr.recurring.automation_notices import Tried, tell_of_automation
from clustr.recurring.automation_planner import Verdict
from clustr.recurring.automation_types import (
    AutomationFailure,
    AutomationOutcome,
    AutomationRunState,
    AutomationState,
)
from clustr.recurring.commands.automation_buying import buy_for_run
from clustr.recurring.commands.automation_judging import Judged, judge_runs, waiting_runs
from clustr.recurring.commands.automation_late import keep_late_charges
from clustr.recurring.commands.automation_noting import (
    end_run,
    note_attempts,
    put_off,
    save_runs,
    short_of,
    stop_at_limits,
    stop_beyond_cards,
)
from clustr.recurring.commands.automation_returned import release_returned_money
from clustr.recurring.types import StoppedBy
from clustr.utilities import commands as utilities
from clustr.utilities.planning_queries import sold_for

_GONE = (PersonNotActive, NoMembership, ClusterNotFound, InvitationNotAccepted)
OPEN = (AutomationRunState.WAITING, AutomationRunState.CHARGING, AutomationRunState.BUYING)


def run_automations_of(*, cluster_id: UUID, user_id: UUID, now: datetime) -> AutomationOutcome:
    """Buy what this member's automations are due, in the order of their priority; outside any transaction. Harmless to
    repeat, and to run beside itself: each period is bought once."""
    actor = member_now(cluster_id=cluster_id, user_id=user_id, now=now)
    if actor is None:
        in_tenant(cluster_id, lambda: _stop_for_departure(cluster_id, user_id, now))
        return AutomationOutcome()
    outcome, chosen = in_tenant(cluster_id, lambda: _plan(actor, now))
    with GoingOn() as going_on:
        for run_id in chosen:
            with going_on.past(run_id=run_id):
                _buy_or_put_off(actor, run_id, outcome, now)
    return outcome


def _buy_or_put_off(actor: Actor, run_id: UUID, outcome: AutomationOutcome, now: datetime) -> None:
    """Buy for a run; if that fails by an error, it is tried again in a while and not every minute."""
    try:
        buy_for_run(actor=actor, run_id=run_id, outcome=outcome, now=now)
    except Exception:
        in_tenant(actor.cluster_id, lambda: put_off(actor=actor, run_id=run_id, now=now))
        raise


def member_now(*, cluster_id: UUID, user_id: UUID, now: datetime) -> Actor | None:
    """The member whose automations act; None once they have left."""
    try:
        actor = clusters.actor_for(user_id=user_id, cluster_id=cluster_id, origin=Origin(), now=now)
    except _GONE:
        return None
    return None if actor.role == FORMER else actor


def _plan(actor: Actor, now: datetime) -> tuple[AutomationOutcome, list[UUID]]:
    """Begin what is due and decide about all that waits; answers what was decided for good, and what to buy, in order."""
    outcome, chosen = AutomationOutcome(), list[UUID]()
    with crash_points("recurring.plan_automations"):
        utilities.lock_purchases(cluster_id=actor.cluster_id, user_id=actor.member_id)
        _begin_periods(actor, now)
        release_returned_money(actor=actor, now=now)
        keep_late_charges(actor=actor, now=now)
        judged = judge_runs(actor=actor, runs=waiting_runs(actor=actor), now=now)
        limited, beyond, tried = (
            [],
            [],
            [_unfit(judged, run, failure) for run, failure in judged.unfit if _is_due(run, now)],
        )
        for decision in judged.decisions:
            match decision.verdict:
                case Verdict.BUY | Verdict.CHARGE:
                    chosen.append(decision.wish.run_id)
                case Verdict.SPENDING_LIMIT | Verdict.TYPE_LIMIT:
                    limited.append(decision)
                case Verdict.CARD_SHORT:
                    beyond.append(decision)
                case Verdict.SHORT:
                    tried.append(short_of(judged=judged, decision=decision))
                case Verdict.LATER:
                    pass
        stop_at_limits(judged=judged, limited=limited, now=now)
        stop_beyond_cards(judged=judged, short=beyond, now=now)
        note_attempts(tried=tried, now=now)
        outcome.limited, outcome.failed = len(limited), len(tried) + len(beyond)
    return outcome, chosen


def _begin_periods(actor: Actor, now: datetime) -> None:
    """Begin the periods that are due, of automations that do nothing yet. Of several that were missed the last counts."""
    busy = AutomationRun.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id, state__in=OPEN)
    due = (
        UtilityAutomation.objects.select_for_update(no_key=True)
        .filter(
            cluster_id=actor.cluster_id,
            user_id=actor.member_id,
            state=AutomationState.ON,
            next_run_at__lte=now,
        )
        .exclude(id__in=busy.values("automation_id"))
    )
    automations = list(due.order_by("id"))
    types = {
        id: sold.type.value for id, sold in sold_for(account_ids=[each.account_id for each in automations]).items()
    }
    begun = []
    for each in automations:
        if each.next_run_at is None:
            raise AssertionError("what is on has a next time")
        due_at = each.schedule.last_until(now=now, since=each.next_run_at)
        due_on = each.schedule.day_of(due_at=due_at)
        begun.append(
            AutomationRun(
                id=new_id(),
                cluster_id=actor.cluster_id,
                automation_id=each.id,
                user_id=actor.member_id,
                bill_type=types[each.account_id],
                period=each.next_period,
                due_at=due_at,
                due_on=due_on,
                state=AutomationRunState.WAITING.value,
                source=each.payment_source,
                try_at=now,
                started_at=now,
            )
        )
        each.timezone, each.next_period = actor.timezone, each.next_period + 1
        each.next_run_at = each.schedule.after_day(due_on)
    AutomationRun.objects.bulk_create(begun, batch_size=1_000)
    UtilityAutomation.objects.bulk_update(automations, ["timezone", "next_period", "next_run_at"], batch_size=500)


def _unfit(judged: Judged, run: AutomationRun, failure: AutomationFailure) -> Tried:
    _run, automation, sold = judged.of(run.id)
    return Tried(automation, run, sold, failure, automation.amount_minor or automation.max_minor or 0)


def _is_due(run: AutomationRun, now: datetime) -> bool:
    return run.try_at is not None and run.try_at <= now


def _stop_for_departure(cluster_id: UUID, user_id: UUID, now: datetime) -> None:
    with crash_points("recurring.stop_automations"):
        utilities.lock_purchases(cluster_id=cluster_id, user_id=user_id)
        mine = UtilityAutomation.objects.select_for_update(no_key=True).filter(cluster_id=cluster_id, user_id=user_id)
        for automation in mine.exclude(state=AutomationState.OFF).order_by("id"):
            switch_off(automation=automation, by=StoppedBy.DEPARTURE, now=now)
            audit.record(
                actor=clusters.system_actor(cluster_id=cluster_id),
                action="recurring.automation_disabled",
                subject_kind="automation",
                subject_id=automation.id,
                at=now,
                reason="Its member has left.",
            )
            ended = NotificationEvents.UTILITY_AUTOMATION_CANCELLED
            tell_of_automation(automation=automation, event=ended, now=now, why=_("you have left the estate."))


def switch_off(*, automation: UtilityAutomation, by: StoppedBy, now: datetime) -> None:
    """Switch a locked automation off; what waits to be tried ends with it. What is being bought or charged is seen to its
    end. Part of an act's transaction, which holds back the member's purchases."""
    automation.state, automation.next_run_at, automation.reason = AutomationState.OFF.value, None, ""
    automation.stopped_at, automation.stopped_by = now, by.value
    automation.save(update_fields=["state", "next_run_at", "stopped_at", "stopped_by", "reason"])
    waiting = AutomationRun.objects.select_for_update(no_key=True).filter(
        cluster_id=automation.cluster_id, automation_id=automation.id, state=AutomationRunState.WAITING
    )
    stopped = list(waiting)
    for run in stopped:
        end_run(run=run, state=AutomationRunState.STOPPED, failure=AutomationFailure(run.failure), now=now)
    save_runs(runs=stopped)
