"""Money that a card brought for a run and that was given back, or is on its way back: it is kept for it no longer. A period of
which all was given back is over, and its card is not charged again for it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.kit.actor import Actor
from clustr.recurring.automation_models import AutomationRun, UtilityAutomation
from clustr.recurring.automation_notices import Tried, tell_of_attempts
from clustr.recurring.automation_types import AutomationFailure, AutomationRunState
from clustr.recurring.commands.automation_noting import end_run, save_runs
from clustr.utilities.planning_queries import sold_for

# Whoever gives money back holds the payment: it is given back before this, or after what is bought with it is bought.
_HELD = """
SELECT t.id FROM recurring_automationrun r
JOIN recurring_automationstep s ON s.cluster_id = r.cluster_id AND s.run_id = r.id AND s.kind = 'charge'
JOIN payments_transaction t ON t.cluster_id = s.cluster_id AND t.id = s.id AND t.status IN ('completed', 'refunded')
WHERE r.cluster_id = kit_tenant() AND r.user_id = %s AND r.state = 'waiting'
ORDER BY t.id FOR SHARE OF t"""

_RETURNED = """
SELECT r.id, sum(t.amount_minor - t.refunded_minor - b.minor)::bigint
FROM recurring_automationrun r
JOIN recurring_automationstep s ON s.cluster_id = r.cluster_id AND s.run_id = r.id AND s.kind = 'charge'
JOIN payments_transaction t ON t.cluster_id = s.cluster_id AND t.id = s.id
CROSS JOIN LATERAL (
  SELECT coalesce(sum(w.amount_minor), 0) AS minor FROM payments_transaction w
  WHERE w.cluster_id = t.cluster_id AND w.subject_id = t.id AND w.purpose = 'refund'
    AND w.status IN ('pending', 'processing', 'unknown')) AS b
WHERE r.cluster_id = kit_tenant() AND r.state = 'waiting' AND t.id = ANY(%s)
GROUP BY r.id HAVING sum(t.refunded_minor + b.minor) > 0"""


def release_returned_money(*, actor: Actor, now: datetime) -> None:
    """Let the member's waiting runs keep no more than what is left of their charges, and end those of which nothing is left.
    Part of a transaction that holds back the member's purchases; until it ends nobody gives more of them back."""
    left = _left_of_charges(actor.member_id)
    if not left:
        return
    waiting = AutomationRun.objects.select_for_update(no_key=True).filter(cluster_id=actor.cluster_id, id__in=left)
    runs = list(waiting.order_by("id"))
    lowered = [run for run in runs if 0 < left[run.id] < run.funded_minor]
    for run in lowered:
        run.funded_minor = run.amount_minor = left[run.id]
        run.fee_minor = 0
    save_runs(runs=lowered)
    stop_returned(runs=[run for run in runs if left[run.id] <= 0], now=now)


def stop_returned(*, runs: list[AutomationRun], now: datetime) -> None:
    """End these locked runs of one member, whose charges were given back, and tell. Their automations go on with their next
    period."""
    if not runs:
        return
    automations = UtilityAutomation.objects.filter(cluster_id=runs[0].cluster_id).in_bulk(
        [run.automation_id for run in runs]
    )
    sold = sold_for(account_ids=[automation.account_id for automation in automations.values()])
    tried = []
    for run in runs:
        automation = automations[run.automation_id]
        amount = run.amount_minor + run.fee_minor or automation.amount_minor or automation.max_minor or 0
        run.attempts += 1
        end_run(run=run, state=AutomationRunState.STOPPED, failure=AutomationFailure.CARD_REFUNDED, now=now)
        tried.append(Tried(automation, run, sold[automation.account_id], AutomationFailure.CARD_REFUNDED, amount))
    save_runs(runs=runs)
    tell_of_attempts(tried=tried, now=now)


def _left_of_charges(user_id: UUID) -> dict[UUID, int]:
    """Of the member's waiting runs of whose charges something was given back: what is left of all of them, in minor units."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [user_id])
        held = [row[0] for row in cursor.fetchall()]
        if not held:
            return {}
        cursor.execute(_RETURNED, [held])
        return dict(cursor.fetchall())
