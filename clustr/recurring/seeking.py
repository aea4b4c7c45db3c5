"""Looking a run up among those of one standing order, or of one automation."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_
from uuid import UUID

from django.db.models import Q

from clustr.payments.models import Transaction
from clustr.payments.states import Purpose
from clustr.recurring.automation_models import AutomationStep
from clustr.recurring.automation_types import AutomationRunState
from clustr.recurring.models import RunBill
from clustr.recurring.types import RunsSought, RunState

_NONE = Q(pk__in=[])


def orders_runs(*, cluster_id: UUID, sought: RunsSought) -> Q:
    """The runs of standing orders that are looked for."""
    idle, meanwhile = Q(state=RunState.NOTHING_DUE), reduce(or_, [_within(*span) for span in sought.waited], _NONE)
    found = _due(sought) | Q(state__in=sought.states - {RunState.NOTHING_DUE}) | Q(failure__in=sought.failures)
    if RunState.NOTHING_DUE in sought.states:
        found |= idle & ~meanwhile
    if sought.unread:
        found |= idle & meanwhile
    if sought.transaction_id is None:
        return found
    charged = Transaction.objects.filter(
        cluster_id=cluster_id, id=sought.transaction_id, purpose=Purpose.RECURRING_PAYMENT
    )
    paid = RunBill.objects.filter(cluster_id=cluster_id, id=sought.transaction_id)
    return found | Q(id__in=charged.values("subject_id")) | Q(id__in=paid.values("run_id"))


def automations_runs(*, cluster_id: UUID, sought: RunsSought) -> Q:
    """The runs of automations that are looked for. Why one failed is not told of one that was delivered in the end."""
    found = _due(sought) | Q(state__in=sought.states)
    found |= Q(failure__in=sought.failures) & ~Q(state=AutomationRunState.COMPLETED)
    if sought.transaction_id is None:
        return found
    steps = AutomationStep.objects.filter(cluster_id=cluster_id, id=sought.transaction_id)
    return found | Q(id__in=steps.values("run_id"))


def _due(sought: RunsSought) -> Q:
    said = [Q(due_at__day=sought.day)] if sought.day else []
    said += [Q(due_at__month__in=sought.months)] if sought.months else []
    said += [Q(due_at__year=sought.year)] if sought.year else []
    return reduce(and_, said) if said else _NONE


def _within(began: object, ended: object) -> Q:
    return Q(due_at__gte=began) & (Q(due_at__lt=ended) if ended else Q())
