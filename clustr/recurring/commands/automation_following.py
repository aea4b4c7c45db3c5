"""What became of what automations bought and charged: seen to its end, run by run. And the sweeps over what is due."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import connections, transaction

from clustr.kit.crashpoints import crash_points
from clustr.kit.going_on import GoingOn
from clustr.kit.jobs import enqueue
from clustr.kit.tenancy import in_tenant
from clustr.payments.models import Attempt, Transaction
from clustr.payments.states import TransactionStatus
from clustr.recurring.automation_models import AutomationRun, AutomationStep, UtilityAutomation
from clustr.recurring.automation_notices import Tried, tell_of_page
from clustr.recurring.automation_types import (
    AutomationFailure,
    AutomationOutcome,
    AutomationRunState,
    AutomationState,
)
from clustr.recurring.commands.automation_charging import CHARGE, PURCHASE
from clustr.recurring.commands.automation_noting import end_run, note_attempts, save_runs
from clustr.recurring.commands.automation_returned import stop_returned
from clustr.recurring.commands.automation_running import run_automations_of
from clustr.utilities import commands as utilities
from clustr.utilities.planning_queries import sold_for

_UNDER_WAY = (AutomationRunState.CHARGING, AutomationRunState.BUYING)
_OVER = (TransactionStatus.FAILED, TransactionStatus.CANCELLED)
_DONE = (TransactionStatus.COMPLETED, TransactionStatus.REFUNDED)
_DUE = """
SELECT cluster_id, user_id FROM recurring_automation WHERE state = 'on' AND next_run_at <= %(now)s
UNION SELECT cluster_id, user_id FROM recurring_automationrun WHERE state = 'waiting' AND try_at <= %(now)s ORDER BY 1, 2"""
_FOLLOWED = "SELECT DISTINCT cluster_id FROM recurring_automationrun WHERE state IN ('charging', 'buying') ORDER BY 1"


def due_members(*, now: datetime) -> list[tuple[UUID, UUID]]:
    """The members (cluster, user) of whom an automation is due, or is to be tried again; read through the sweep role."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute(_DUE, {"now": now})
        return list(cursor.fetchall())


def followed_clusters() -> list[UUID]:
    """The clusters in which something that automations bought or charged is not decided; read through the sweep role."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute(_FOLLOWED)
        return [row[0] for row in cursor.fetchall()]


def ask_to_run_automations(*, now: datetime) -> int:
    """Have the workers run what is due, a job for each member, and look at what became of the rest. Answers how many members."""
    due = due_members(now=now)
    with transaction.atomic():
        for cluster_id, user_id in due:
            _ask_to_run(cluster_id, user_id)
        for cluster_id in followed_clusters():
            enqueue(
                "recurring.follow_automations",
                once_key=f"recurring.follow_automations:{cluster_id}",
                cluster_id=cluster_id,
            )
    return len(due)


def run_utility_automations(*, now: datetime) -> AutomationOutcome:
    """Do now what the workers do by the clock: run what is due, member by member, and see to what is under way. An error at
    one leaves the others alone, and is raised at the end."""
    total = AutomationOutcome()
    with GoingOn() as going_on:
        for cluster_id in followed_clusters():
            with going_on.past(cluster_id=cluster_id):
                follow_automations(cluster_id=cluster_id, now=now)
        for cluster_id, user_id in due_members(now=now):
            with going_on.past(cluster_id=cluster_id, user_id=user_id):
                total += run_automations_of(cluster_id=cluster_id, user_id=user_id, now=now)
    return total


def follow_automations(*, cluster_id: UUID, now: datetime) -> int:
    """See to the runs of a cluster that are charging or buying; answers how many came to an end or go on. Outside any
    transaction; harmless to repeat."""
    under_way = in_tenant(
        cluster_id,
        lambda: list(
            AutomationRun.objects.filter(cluster_id=cluster_id, state__in=_UNDER_WAY)
            .order_by("id")
            .values_list("id", "user_id")
        ),
    )
    seen_to = 0
    with GoingOn() as going_on:
        for run_id, user_id in under_way:
            with going_on.past(run_id=run_id):
                follow = partial(_follow, cluster_id, user_id, run_id, now)
                seen_to += in_tenant(cluster_id, follow)
    return seen_to


def _follow(cluster_id: UUID, user_id: UUID, run_id: UUID, now: datetime) -> bool:
    with crash_points("recurring.follow_automation"):
        utilities.lock_purchases(cluster_id=cluster_id, user_id=user_id)
        run = AutomationRun.objects.select_for_update(no_key=True).get(cluster_id=cluster_id, id=run_id)
        if run.state not in _UNDER_WAY:
            return False
        automation = UtilityAutomation.objects.select_for_update(no_key=True).get(
            cluster_id=cluster_id, id=run.automation_id
        )
        kind = CHARGE if run.state == AutomationRunState.CHARGING else PURCHASE
        step = AutomationStep.objects.filter(cluster_id=cluster_id, run_id=run_id, kind=kind).order_by("-n")[0]
        made = Transaction.objects.get(cluster_id=cluster_id, id=step.id)
        if kind == CHARGE and made.status == TransactionStatus.REFUNDED:
            stop_returned(runs=[run], now=now)
        elif made.status in _OVER:
            failure = AutomationFailure.CARD_DECLINED if kind == CHARGE else AutomationFailure.VENDOR_REFUSED
            _failed(automation, run, failure, now)
        elif made.status not in _DONE:
            if kind == CHARGE:
                _ask_for_owner(automation, run, made, now)
            return False
        elif kind == CHARGE:
            _funded(automation, run, made, now)
        else:
            end_run(run=run, state=AutomationRunState.COMPLETED, failure=AutomationFailure.NONE, now=now)
            save_runs(runs=[run])
    return True


def _funded(automation: UtilityAutomation, run: AutomationRun, charge: Transaction, now: datetime) -> None:
    """The card's money is in the wallet: it is kept for this run, and bought with at once."""
    if automation.state == AutomationState.OFF:
        end_run(run=run, state=AutomationRunState.STOPPED, failure=AutomationFailure.NONE, now=now)
        save_runs(runs=[run])
        return
    run.state, run.funded_minor, run.try_at = AutomationRunState.WAITING.value, charge.amount_minor, now
    save_runs(runs=[run])
    _ask_to_run(run.cluster_id, run.user_id)


def _failed(automation: UtilityAutomation, run: AutomationRun, failure: AutomationFailure, now: datetime) -> None:
    if automation.state == AutomationState.OFF:
        end_run(run=run, state=AutomationRunState.FAILED, failure=failure, now=now)
        save_runs(runs=[run])
        return
    sold = sold_for(account_ids=[automation.account_id])[automation.account_id]
    tried = Tried(automation, run, sold, failure, run.amount_minor + run.fee_minor)
    note_attempts(tried=[tried], now=now)


def _ask_for_owner(automation: UtilityAutomation, run: AutomationRun, charge: Transaction, now: datetime) -> None:
    attempt = Attempt.objects.get(cluster_id=run.cluster_id, id=charge.id)
    if attempt.checkout_url:
        sold = sold_for(account_ids=[automation.account_id])[automation.account_id]
        tell_of_page(automation=automation, run=run, sold=sold, charge_id=charge.id, page=attempt.checkout_url, now=now)


def _ask_to_run(cluster_id: UUID, user_id: UUID) -> None:
    word = f"recurring.run_automations:{cluster_id}:{user_id}"
    enqueue("recurring.run_automations", once_key=word, one_by_one=word, cluster_id=cluster_id, user_id=user_id)
