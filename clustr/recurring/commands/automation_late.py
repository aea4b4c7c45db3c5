"""Money of a card that came after its charge was given up: the payer tried again on the same page. The run that waits keeps
it, and buys with it; its card is not charged again."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.bills.types import BillType
from clustr.kit.actor import Actor
from clustr.recurring.automation_models import AutomationRun, UtilityAutomation
from clustr.recurring.automation_planner import Purse, left_of_limits
from clustr.recurring.automation_reading import month_of, read_purse
from clustr.recurring.commands.automation_noting import save_runs

# Of a run that nothing is kept for: the first of its charges that is paid, without what was given back of it or is on its
# way back.
_PAID = """
SELECT DISTINCT ON (r.id) r.id, t.amount_minor - t.refunded_minor - (
  SELECT coalesce(sum(w.amount_minor), 0)::bigint FROM payments_transaction w
  WHERE w.cluster_id = t.cluster_id AND w.subject_id = t.id AND w.purpose = 'refund'
    AND w.status IN ('pending', 'processing', 'unknown'))
FROM recurring_automationrun r
JOIN recurring_automationstep s ON s.cluster_id = r.cluster_id AND s.run_id = r.id AND s.kind = 'charge'
JOIN payments_transaction t ON t.cluster_id = s.cluster_id AND t.id = s.id AND t.status = 'completed'
WHERE r.cluster_id = kit_tenant() AND r.user_id = %s AND r.state = 'waiting' AND r.funded_minor = 0
ORDER BY r.id, s.n"""


def keep_late_charges(*, actor: Actor, now: datetime) -> None:
    """Keep for the member's waiting runs what their cards have brought late, as far as the month's limits let it be spent:
    from now on it counts against them. What they do not let be spent is the member's, in the wallet. Part of a transaction
    that holds back the member's purchases."""
    with connection.cursor() as cursor:
        cursor.execute(_PAID, [actor.member_id])
        paid: dict[UUID, int] = dict(cursor.fetchall())
    if not paid:
        return
    late = AutomationRun.objects.select_for_update(no_key=True).filter(cluster_id=actor.cluster_id, id__in=paid)
    runs = list(late.order_by("id"))
    automations = UtilityAutomation.objects.filter(cluster_id=actor.cluster_id).in_bulk(
        [run.automation_id for run in runs]
    )
    purse = read_purse(actor=actor, now=now)
    kept = []
    for run in sorted(runs, key=lambda run: (automations[run.automation_id].priority, run.due_at, run.id)):
        if _keep(run, automations[run.automation_id], paid[run.id], purse):
            run.month, run.counted_at = month_of(now=now, timezone=actor.timezone), now
            kept.append(run)
    save_runs(runs=kept)


def _keep(run: AutomationRun, automation: UtilityAutomation, paid_minor: int, purse: Purse) -> bool:
    type = BillType(run.bill_type)
    left = left_of_limits(
        automation_id=automation.id, type=type, limit=automation.limit_minor, enough=paid_minor, purse=purse
    )
    minor = min(paid_minor, *left)
    if minor <= 0:
        return False
    run.funded_minor, run.amount_minor, run.fee_minor = minor, minor, 0
    run.limit_minor, run.type_limit_minor = automation.limit_minor, purse.type_limits.get(type)
    purse.count(automation_id=automation.id, type=type, minor=minor)
    return True
