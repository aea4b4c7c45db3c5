"""Writing down what became of automations' attempts: many runs in one statement, the pauses that follow, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from clustr.audit import commands as audit
from clustr.audit.types import Subject
from clustr.clusters import queries as clusters
from clustr.kit.actor import Actor
from clustr.kit.errors import Refusal, refusals_from_database
from clustr.kit.money import Money
from clustr.recurring.automation_models import AutomationRun, UtilityAutomation
from clustr.recurring.automation_notices import Tried, tell_of_attempts, tell_of_limits
from clustr.recurring.automation_planner import Decision
from clustr.recurring.automation_policies import ASKED_AGAIN_AFTER, PATIENCE, after_attempt
from clustr.recurring.automation_types import BEYOND_CARD, AutomationFailure, AutomationRunState, AutomationState
from clustr.recurring.commands.automation_judging import Judged
from clustr.recurring.types import StoppedBy
from clustr.utilities import commands as utilities
from clustr.utilities.refusals import UtilityAccountCooling, UtilityLimitExceeded, UtilityPinNeeded

_SAVE = """
UPDATE recurring_automationrun r SET state = t.state, amount_minor = t.amount, fee_minor = t.fee, funded_minor = t.funded,
  source = t.source, month = t.month, counted_at = t.counted_at, limit_minor = t.limit_minor,
  type_limit_minor = t.type_limit_minor, attempts = t.attempts, failure = t.failure, short_minor = t.short,
  try_at = t.try_at, ended_at = t.ended_at
FROM unnest(%s::uuid[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::date[], %s::timestamptz[],
  %s::bigint[], %s::bigint[], %s::smallint[], %s::text[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
  AS t(id, state, amount, fee, funded, source, month, counted_at, limit_minor, type_limit_minor, attempts, failure, short,
       try_at, ended_at)
WHERE r.cluster_id = kit_tenant() AND r.id = t.id"""
_COLUMNS = (
    *("id", "state", "amount_minor", "fee_minor", "funded_minor", "source", "month", "counted_at", "limit_minor"),
    *("type_limit_minor", "attempts", "failure", "short_minor", "try_at", "ended_at"),
)


_BLOCKED: dict[AutomationFailure, type[Refusal]] = {
    AutomationFailure.DAILY_LIMIT: UtilityLimitExceeded,
    AutomationFailure.NUMBER_TOO_NEW: UtilityAccountCooling,
    AutomationFailure.PIN_NEEDED: UtilityPinNeeded,
}
"""What is stopped because it may not be its member's: noted and told whatever they chose to hear of."""


def save_runs(*, runs: Sequence[AutomationRun]) -> None:
    """Write down how these runs stand, in one statement."""
    if not runs:
        return
    columns = [[getattr(run, name) for run in runs] for name in _COLUMNS]
    with refusals_from_database(), connection.cursor() as cursor:
        cursor.execute(_SAVE, columns)


def uncount(*, run: AutomationRun) -> None:
    """What it was to spend counts against no limit any more."""
    run.amount_minor, run.fee_minor, run.funded_minor = 0, 0, 0
    run.month, run.counted_at, run.limit_minor, run.type_limit_minor = None, None, None, None


def end_run(*, run: AutomationRun, state: AutomationRunState, failure: AutomationFailure, now: datetime) -> None:
    """Let a run end so, in memory."""
    run.state, run.failure, run.try_at, run.ended_at = state.value, failure.value, None, now
    if state is not AutomationRunState.COMPLETED:
        uncount(run=run)


def note_attempts(*, tried: Sequence[Tried], now: datetime) -> None:
    """Note attempts in vain of one member's runs: each is tried again later, or fails for good and pauses its automation;
    what the card's provider does not take at once ends its period, and the automation goes on."""
    paused = []
    for one in tried:
        one.run.attempts += 1
        if blocked := _BLOCKED.get(one.failure):
            utilities.note_blocked_automation(
                account_id=one.automation.account_id,
                amount=Money(one.amount_minor, one.automation.currency),
                refusal=blocked(),
                now=now,
            )
        if one.failure in BEYOND_CARD.values():
            end_run(run=one.run, state=AutomationRunState.SKIPPED, failure=one.failure, now=now)
            continue
        step = after_attempt(
            attempts=one.run.attempts,
            most=settings.ENV.RECURRING_MAX_FAILURES,
            first_wait=timedelta(hours=settings.ENV.RECURRING_RETRY_HOURS),
            now=now,
        )
        if step.pauses:
            end_run(run=one.run, state=step.state, failure=one.failure, now=now)
            paused.append(one)
        else:
            one.run.state, one.run.failure, one.run.try_at = step.state.value, one.failure.value, step.try_at
            if not one.run.funded_minor:
                uncount(run=one.run)
    save_runs(runs=[one.run for one in tried])
    _pause(paused, now)
    tell_of_attempts(tried=tried, now=now)


def wait_for_utility(*, one: Tried, now: datetime) -> bool:
    """The utility did not answer, or the same is being bought: tried again soon, which counts as no attempt for a day.
    Answers whether it is waited for."""
    if now - one.run.started_at >= PATIENCE:
        note_attempts(tried=[one], now=now)
        return False
    one.run.failure, one.run.try_at = one.failure.value, now + ASKED_AGAIN_AFTER
    save_runs(runs=[one.run])
    return True


def put_off(*, actor: Actor, run_id: UUID, now: datetime) -> None:
    """A defect kept a due run from being tried: that is no attempt, and it is tried again as after a silence."""
    utilities.lock_purchases(cluster_id=actor.cluster_id, user_id=actor.member_id)
    due = AutomationRun.objects.filter(
        cluster_id=actor.cluster_id, id=run_id, state=AutomationRunState.WAITING, try_at__lte=now
    )
    due.update(try_at=now + ASKED_AGAIN_AFTER)


def short_of(*, judged: Judged, decision: Decision) -> Tried:
    """An attempt that the wallet did not cover."""
    run, automation, sold = judged.of(decision.wish.run_id)
    run.short_minor = decision.missing
    return Tried(automation, run, sold, AutomationFailure.INSUFFICIENT_FUNDS, decision.wish.total)


def stop_at_limits(*, judged: Judged, limited: list[Decision], now: datetime) -> None:
    """End the periods that a limit forbids, and tell; the automations go on with their next. Part of a plan."""
    ended = []
    for decision in limited:
        run, _automation, _sold = judged.of(decision.wish.run_id)
        run.short_minor = decision.missing
        end_run(run=run, state=AutomationRunState.SKIPPED, failure=AutomationFailure(decision.verdict.value), now=now)
        ended.append(run)
    save_runs(runs=ended)
    told = []
    for decision in limited:
        _run, automation, sold = judged.of(decision.wish.run_id)
        told.append((automation, decision, sold))
    tell_of_limits(limited=told, now=now)


def stop_beyond_cards(*, judged: Judged, short: list[Decision], now: datetime) -> None:
    """End the periods that cost more than their cards brought for them, and tell: what they brought is their member's, in the
    wallet. The automations go on with their next."""
    tried = []
    for decision in short:
        run, automation, sold = judged.of(decision.wish.run_id)
        run.attempts, run.short_minor = run.attempts + 1, decision.missing
        end_run(run=run, state=AutomationRunState.STOPPED, failure=AutomationFailure.CARD_SHORT, now=now)
        tried.append(Tried(automation, run, sold, AutomationFailure.CARD_SHORT, decision.wish.total))
    save_runs(runs=[one.run for one in tried])
    tell_of_attempts(tried=tried, now=now)


def _pause(tried: Sequence[Tried], now: datetime) -> None:
    if not tried:
        return
    for one in tried:
        automation = one.automation
        automation.state, automation.next_run_at = AutomationState.PAUSED.value, None
        automation.stopped_at, automation.stopped_by = now, StoppedBy.FAILURES.value
        automation.reason = one.failure.value
    UtilityAutomation.objects.bulk_update(
        [one.automation for one in tried],
        ["state", "next_run_at", "stopped_at", "stopped_by", "reason"],
        batch_size=500,
    )
    audit.record_batch(
        actor=clusters.system_actor(cluster_id=tried[0].automation.cluster_id),
        action="recurring.automation_paused",
        subject_kind="automation",
        subjects=[Subject(one.automation.id) for one in tried],
        at=now,
        reason="It failed as often as it may.",
    )
