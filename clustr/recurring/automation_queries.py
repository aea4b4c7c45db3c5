"""Automations as their owner sees them: what they may do, how it went, and what comes next; and in sum, as the office does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from clustr.bills.types import UTILITY_TYPES, BillType
from clustr.clusters.types import PaymentsPermissions
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant
from clustr.recurring.automation_models import AutomationRun, AutomationStep, UtilityAutomation
from clustr.recurring.automation_planner import Purse
from clustr.recurring.automation_reading import read_purse
from clustr.recurring.automation_refusals import AutomationNotFound
from clustr.recurring.automation_types import (
    AutomationFailure,
    AutomationNotices,
    AutomationRunState,
    AutomationRunView,
    AutomationState,
    AutomationSums,
    AutomationTerms,
    AutomationView,
    ScheduleKind,
    ScheduleTerms,
    SpendingLimitView,
)
from clustr.recurring.seeking import automations_runs
from clustr.recurring.types import PaymentSource, RunsSought, StoppedBy
from clustr.utilities.planning_queries import Sold, sold_for
from clustr.utilities.queries import accounts_called

LOOKED_BACK = timedelta(days=30)


def terms_of(automation: UtilityAutomation) -> AutomationTerms:
    """What an automation may do."""
    return AutomationTerms(
        schedule=ScheduleTerms(
            ScheduleKind(automation.schedule_kind), automation.schedule_every, automation.schedule_at
        ),
        amount=automation.money(automation.amount_minor),
        max_amount=automation.money(automation.max_minor),
        payment_source=PaymentSource(automation.payment_source),
        payment_method_id=automation.method_id,
        spending_limit=automation.money(automation.limit_minor),
        minimum_balance=automation.money(automation.keeps_minor),
        priority=automation.priority,
        allow_partial=automation.allow_partial,
        notify=frozenset(AutomationNotices(name) for name in automation.notify),
    )


def my_automations(
    *, actor: Actor, now: datetime, q: str = "", before: UUID | None = None, limit: int = 50
) -> list[AutomationView]:
    """The member's own automations, newest first; `before` is the id of the last one read. `q`: part of what their number is
    called, of its end, or of who sells."""
    rows = automations_of(actor=actor, q=q, before=before, limit=limit)
    sold = sold_for(account_ids=[row.account_id for row in rows])
    return automation_views(rows=rows, sold=sold, purse=read_purse(actor=actor, now=now))


def my_automation(*, actor: Actor, automation_id: UUID, now: datetime) -> AutomationView:
    """One automation of the member's own. Refuses `AutomationNotFound`."""
    row = automation_of(actor=actor, automation_id=automation_id)
    sold = sold_for(account_ids=[row.account_id])
    (view,) = automation_views(rows=[row], sold=sold, purse=read_purse(actor=actor, now=now))
    return view


def automations_of(*, actor: Actor, q: str, before: UUID | None, limit: int) -> list[UtilityAutomation]:
    """The rows of `my_automations`."""
    mine = _mine(actor)
    if q:
        mine = mine.filter(account_id__in=accounts_called(actor=actor, q=q))
    if before is not None:
        mine = mine.filter(id__lt=before)
    return list(mine.order_by("-id")[:limit])


def automation_of(*, actor: Actor, automation_id: UUID) -> UtilityAutomation:
    """The row of `my_automation`. Refuses `AutomationNotFound`."""
    row = _mine(actor).filter(id=automation_id).first()
    if row is None:
        raise AutomationNotFound
    return row


def automation_views(
    *, rows: Sequence[UtilityAutomation], sold: Mapping[UUID, Sold], purse: Purse
) -> list[AutomationView]:
    """These automations as their owner sees them, with what is sold for their numbers and what they have spent."""
    return [_view(row, sold[row.account_id], purse.spent_by_automation.get(row.id, 0)) for row in rows]


def automation_history(
    *,
    actor: Actor,
    automation_id: UUID,
    sought: RunsSought | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[AutomationRunView]:
    """What became of each period, newest first, of those that are `sought`; `before` is the id of the last one read. Refuses
    `AutomationNotFound`."""
    automation = automation_of(actor=actor, automation_id=automation_id)
    runs = AutomationRun.objects.filter(cluster_id=actor.cluster_id, automation_id=automation_id)
    if sought is not None:
        runs = runs.filter(automations_runs(cluster_id=actor.cluster_id, sought=sought))
    if before is not None:
        runs = runs.filter(id__lt=before)
    rows = list(runs.order_by("-id")[:limit])
    steps: dict[UUID, list[UUID]] = {}
    made = AutomationStep.objects.filter(
        cluster_id=actor.cluster_id, run_id__in=[run.id for run in rows], kind="purchase"
    )
    for run_id, id in made.order_by("n").values_list("run_id", "id"):
        steps.setdefault(run_id, []).append(id)
    return [_run_view(run, automation.currency, steps.get(run.id, [])) for run in rows]


def charges_for_automation(*, transaction_id: UUID) -> bool:
    """Whether a deposit of the current cluster is what an automation charged to its card."""
    return AutomationStep.objects.filter(cluster_id=current_tenant(), id=transaction_id).exists()


def tells_of_charge(*, transaction_id: UUID) -> bool:
    """Whether the automation that charged this to its card tells its member what became of it: one that is off does not."""
    runs = AutomationRun.objects.filter(
        cluster_id=current_tenant(), id__in=AutomationStep.objects.filter(id=transaction_id).values("run_id")
    )
    automations = UtilityAutomation.objects.filter(cluster_id=current_tenant(), id__in=runs.values("automation_id"))
    return automations.exclude(state=AutomationState.OFF.value).exists()


def my_spending_limits(*, actor: Actor, now: datetime) -> list[SpendingLimitView]:
    """By type of utility, what the member's automations may spend in a month, and what they have in this one."""
    purse = read_purse(actor=actor, now=now)
    return [
        SpendingLimitView(
            service_type=type,
            limit=Money(purse.type_limits[type], actor.currency) if type in purse.type_limits else None,
            spent_this_month=Money(purse.spent_by_type.get(type, 0), actor.currency),
        )
        for type in sorted(UTILITY_TYPES)
    ]


def automation_sums_of_cluster(*, actor: Actor, now: datetime) -> AutomationSums:
    """How automations do in the estate; needs ViewPayments."""
    actor.require(PaymentsPermissions.VIEW_PAYMENTS)
    on = Q(state=AutomationState.ON.value)
    automations = UtilityAutomation.objects.filter(cluster_id=actor.cluster_id).aggregate(
        on=Count("id", filter=on),
        paused=Count("id", filter=Q(state=AutomationState.PAUSED.value)),
        members=Count("user_id", filter=on, distinct=True),
    )
    delivered, retried = Q(state=AutomationRunState.COMPLETED.value), Q(attempts__gt=0)
    runs = AutomationRun.objects.filter(
        cluster_id=actor.cluster_id, ended_at__gt=now - LOOKED_BACK, ended_at__lte=now
    ).aggregate(
        delivered=Count("id", filter=delivered),
        failed=Count("id", filter=Q(state=AutomationRunState.FAILED.value)),
        limited=Count("id", filter=Q(state=AutomationRunState.SKIPPED.value)),
        retried=Count("id", filter=retried & ~Q(state=AutomationRunState.STOPPED.value)),
        recovered=Count("id", filter=retried & delivered),
    )
    return AutomationSums(**automations, **runs)


def _mine(actor: Actor) -> QuerySet[UtilityAutomation]:
    return UtilityAutomation.objects.filter(
        cluster_id=actor.cluster_id, user_id=actor.member_id, removed_at__isnull=True
    )


def _view(row: UtilityAutomation, sold: Sold, spent: int) -> AutomationView:
    return AutomationView(
        id=row.id,
        account_id=row.account_id,
        provider_id=row.provider_id,
        provider_name=sold.name,
        provider_type=BillType(sold.type),
        label=sold.label,
        ending=sold.ending,
        terms=terms_of(row),
        state=AutomationState(row.state),
        stopped_at=row.stopped_at,
        stopped_by=StoppedBy(row.stopped_by),
        reason=row.reason,
        next_run_at=row.next_run_at,
        spent_this_month=Money(spent, row.currency),
        created_at=row.created_at,
    )


def _run_view(run: AutomationRun, currency: str, purchase_ids: Sequence[UUID]) -> AutomationRunView:
    return AutomationRunView(
        id=run.id,
        period=run.period,
        due_at=run.due_at,
        state=AutomationRunState(run.state),
        amount=Money(run.amount_minor, currency),
        fee=Money(run.fee_minor, currency),
        source=PaymentSource(run.source),
        attempts=run.attempts,
        failure=AutomationFailure(run.failure),
        shortfall=Money(run.short_minor, currency),
        purchase_ids=tuple(purchase_ids),
        try_at=run.try_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
    )
