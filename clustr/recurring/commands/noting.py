"""Writing down how attempts at a period went, and where each order stands after them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from clustr.audit import commands as audit
from clustr.audit.types import Subject
from clustr.clusters import queries as clusters
from clustr.kit.errors import refusals_from_database
from clustr.kit.prepared import fetch_prepared
from clustr.recurring.commands.moving import Due, Outcome
from clustr.recurring.models import RecurringPayment
from clustr.recurring.policies import Step, after_failure, after_success
from clustr.recurring.types import BEYOND_CARD, FINAL, OrderState, RunState

WAIT = timedelta(hours=1)
"""How much later an order is looked at again whose bills a charge that is not decided may pay."""

_NOTE = """
SELECT recurring_note_runs(%b::uuid[], %b::integer[], %b::uuid[], %b::timestamptz[], %b::text[], %b::bigint[],
  %b::bigint[], %b::text[], %b::bigint[], %b::text[], %b::text[], %b::integer[], %b::timestamptz[], %b::smallint[], %s)"""


def note_attempts(
    *, cluster_id: UUID, here: Sequence[Due], outcomes: Mapping[UUID, Outcome], now: datetime
) -> list[Step]:
    """Write down how an attempt at each of these claimed orders went; part of a sweep's transaction. Answers the steps."""
    steps = {due.id: _step(due, outcomes[due.id], now) for due in here}
    _note(here, outcomes, steps, now)
    note_pauses(
        cluster_id=cluster_id, paused=[due.id for due in here if steps[due.id].order is OrderState.PAUSED], now=now
    )
    return list(steps.values())


def _step(due: Due, outcome: Outcome, now: datetime) -> Step:
    if due.bill_type and outcome.failure in BEYOND_CARD.values():
        return after_success(schedule=due.schedule, period=due.period, run=RunState.FAILED)
    if outcome.failure:
        return after_failure(
            period=due.period,
            failed_attempts=due.failed_attempts,
            most=1 if outcome.failure in FINAL else settings.ENV.RECURRING_MAX_FAILURES,
            first_wait=timedelta(hours=settings.ENV.RECURRING_RETRY_HOURS),
            now=now,
        )
    run = RunState.COMPLETED if outcome.moved_minor else RunState.NOTHING_DUE
    return after_success(schedule=due.schedule, period=due.period, run=run)


def _note(here: Sequence[Due], outcomes: Mapping[UUID, Outcome], steps: dict[UUID, Step], now: datetime) -> None:
    if not here:
        return
    columns = zip(*(_line(due, outcomes[due.id], steps[due.id]) for due in here), strict=True)
    with refusals_from_database():
        fetch_prepared(_NOTE, [*map(list, columns), now])


def _line(due: Due, outcome: Outcome, step: Step) -> tuple[Any, ...]:
    return (
        due.id,
        due.period,
        due.run_id,
        due.schedule.due_at(due.period),
        step.run.value,
        due.most_minor,
        outcome.moved_minor,
        outcome.failure.value,
        outcome.short_minor,
        step.order.value,
        step.stopped_by.value,
        step.next_period,
        step.next_run_at,
        step.failed_attempts,
    )


def note_waits(*, cluster_id: UUID, waiting: Sequence[UUID], now: datetime) -> None:
    """Let these claimed orders, whose bills a charge may pay, come again later: nothing was tried."""
    RecurringPayment.objects.filter(cluster_id=cluster_id, id__in=waiting).update(next_run_at=now + WAIT)


def note_pauses(*, cluster_id: UUID, paused: Sequence[UUID], now: datetime) -> None:
    """Write into the trail that these orders paused themselves."""
    if not paused:
        return
    audit.record_batch(
        actor=clusters.system_actor(cluster_id=cluster_id),
        action="recurring.paused",
        subject_kind="recurring_payment",
        subjects=[Subject(order_id) for order_id in paused],
        at=now,
        reason="It failed as often as it may.",
    )
