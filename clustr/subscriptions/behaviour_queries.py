"""What customers do, for platform staff: what they use, who is about to go, and why those went who did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.kit.actor import Actor
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.figures import rate
from clustr.subscriptions.states import DISPUTED
from clustr.subscriptions.types import LEVELS, CancelReason, FeatureType

_COUNTED = ", ".join(f"'{feature}'" for feature in FeatureType if feature not in LEVELS)
_DISPUTED = ", ".join(f"'{status}'" for status in sorted(DISPUTED))
_REASONS = ", ".join(f"'{reason}'" for reason in CancelReason)
FALLEN_TO = Decimal("0.5")
"""Usage has fallen where a period brings less than this share of what the one before it brought."""
ENOUGH_SEEN = Decimal("0.25")
"""Of a period, before its usage is compared."""
ENOUGH_USED = 10
"""Units in the period before, below which a fall says nothing."""


@dataclass(frozen=True, slots=True)
class UsageMonth:
    """What was counted of a feature in the billing periods that began in a month, and by how many subscriptions."""

    month: date
    feature: FeatureType
    used: Decimal
    subscriptions: int


@dataclass(frozen=True, slots=True)
class Adoption:
    """Of the subscriptions that run on a plan now, how many used a feature in the period under way, or have it in use."""

    plan: str
    feature: FeatureType
    users: int
    subscriptions: int

    @property
    def share(self) -> Decimal | None:
        return rate(self.users, self.subscriptions)


@dataclass(frozen=True, slots=True)
class AtRisk:
    """A subscription that may be lost, and why: `failed_renewal`, `payment_disputed`, `cancellation_scheduled`,
    `falling_usage`."""

    subscription_id: UUID
    user_id: UUID
    plan: str
    status: str
    currency: str
    monthly: int
    period_end: datetime
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cancellations:
    """How many customers said that they would go for a reason, in which currency, and what they brought in a month.
    `kept`: those of them who thought better of it."""

    reason: str
    currency: str
    customers: int
    monthly: int
    kept: int


_USAGE = """
SELECT date_trunc('month', starts_at AT TIME ZONE %(zone)s)::date, feature_type, sum(used), count(*) FILTER (WHERE used > 0)
FROM subscriptions_usage WHERE cluster_id = kit_tenant() AND NOT level AND starts_at >= %(since)s
GROUP BY 1, 2 ORDER BY 1, 2
"""
_ADOPTION = """
SELECT p.code, u.feature_type, count(DISTINCT s.id), max(of_plan.held)
FROM subscriptions_subscription s
JOIN subscriptions_plan p ON p.cluster_id = s.cluster_id AND p.id = s.plan_id
JOIN subscriptions_usage u ON u.cluster_id = s.cluster_id AND u.subscription_id = s.id AND u.used > 0
  AND (u.level OR u.starts_at = s.current_period_start)
JOIN (SELECT p.code, count(*) AS held FROM subscriptions_subscription s
      JOIN subscriptions_plan p ON p.cluster_id = s.cluster_id AND p.id = s.plan_id
      WHERE s.cluster_id = kit_tenant() AND s.ended_at IS NULL AND s.status <> 'incomplete' GROUP BY 1) AS of_plan ON of_plan.code = p.code
WHERE s.cluster_id = kit_tenant() AND s.ended_at IS NULL
GROUP BY 1, 2 ORDER BY 1, 2
"""
_AT_RISK = f"""
WITH running AS (
  SELECT s.*, p.code, e.monthly_minor,
         extract(epoch FROM %(now)s - s.current_period_start)
           / extract(epoch FROM s.current_period_end - s.current_period_start) AS seen
  FROM subscriptions_subscription s
  JOIN subscriptions_plan p ON p.cluster_id = s.cluster_id AND p.id = s.plan_id
  CROSS JOIN LATERAL (
    SELECT monthly_minor FROM subscriptions_event e WHERE e.cluster_id = s.cluster_id AND e.subscription_id = s.id
    ORDER BY n DESC LIMIT 1) AS e
  WHERE s.cluster_id = kit_tenant() AND s.ended_at IS NULL AND s.status <> 'incomplete'
), found AS (
  SELECT r.*, r.status IN ('past_due', 'unpaid') AS failed,
    EXISTS (SELECT FROM subscriptions_dispute d WHERE d.cluster_id = r.cluster_id AND d.subscription_id = r.id
      AND d.status IN ({_DISPUTED})) AS disputed,
    r.seen >= {ENOUGH_SEEN} AND r.seen <= 1 AND EXISTS (
      SELECT FROM subscriptions_usage b
      LEFT JOIN subscriptions_usage u ON u.cluster_id = b.cluster_id AND u.subscription_id = b.subscription_id
        AND u.feature_type = b.feature_type AND u.starts_at = r.current_period_start
      WHERE b.cluster_id = r.cluster_id AND b.subscription_id = r.id AND b.feature_type IN ({_COUNTED})
        AND b.starts_at = (SELECT max(x.starts_at) FROM subscriptions_usage x WHERE x.cluster_id = r.cluster_id
          AND x.subscription_id = r.id AND NOT x.level AND x.starts_at < r.current_period_start)
        AND b.used >= {ENOUGH_USED} AND coalesce(u.used, 0) < {FALLEN_TO} * b.used * r.seen) AS falling
  FROM running r
)
SELECT id, user_id, code, status, currency, monthly_minor, current_period_end, array_remove(ARRAY[
         CASE WHEN failed THEN 'failed_renewal' END,
         CASE WHEN disputed THEN 'payment_disputed' END,
         CASE WHEN cancel_at_period_end THEN 'cancellation_scheduled' END,
         CASE WHEN falling THEN 'falling_usage' END], NULL)
FROM found WHERE (failed OR disputed OR cancel_at_period_end OR falling)
  AND (%(q)s = '' OR EXISTS (SELECT FROM people_user u WHERE u.id = user_id AND u.search @@ people_find(%(q)s)))
  AND (%(currency)s::text IS NULL OR currency > %(currency)s
       OR currency = %(currency)s AND (monthly_minor, id) < (%(monthly)s, %(id)s))
ORDER BY currency, monthly_minor DESC, id DESC LIMIT %(most)s
"""
_CANCELLATIONS = f"""
WITH asked AS (
  SELECT e.subscription_id, s.user_id, s.currency, e.n, before.monthly_minor,
         CASE WHEN split_part(e.reason, ':', 1) IN ({_REASONS}) THEN split_part(e.reason, ':', 1) ELSE 'other' END AS reason
  FROM subscriptions_event e
  JOIN subscriptions_subscription s ON s.cluster_id = e.cluster_id AND s.id = e.subscription_id
  CROSS JOIN LATERAL (
    SELECT monthly_minor, kind FROM subscriptions_event b WHERE b.cluster_id = e.cluster_id
      AND b.subscription_id = e.subscription_id AND b.n < e.n ORDER BY b.n DESC LIMIT 1) AS before
  WHERE e.cluster_id = kit_tenant() AND e.at >= %(since)s AND (e.kind = 'cancellation_scheduled' OR e.kind = 'ended'
    AND NOT EXISTS (SELECT FROM subscriptions_event c WHERE c.cluster_id = e.cluster_id
      AND c.subscription_id = e.subscription_id AND c.n < e.n AND c.kind = 'cancellation_scheduled'
      AND NOT EXISTS (SELECT FROM subscriptions_event k WHERE k.cluster_id = e.cluster_id
        AND k.subscription_id = e.subscription_id AND k.kind = 'reactivated' AND k.n > c.n AND k.n < e.n)))
)
SELECT reason, currency, count(DISTINCT user_id), sum(monthly_minor)::bigint, count(DISTINCT user_id) FILTER (WHERE EXISTS (
  SELECT FROM subscriptions_event k WHERE k.cluster_id = kit_tenant() AND k.subscription_id = asked.subscription_id
    AND k.kind = 'reactivated' AND k.n > asked.n))
FROM asked GROUP BY 1, 2 ORDER BY 2, 3 DESC, 1
"""


def usage_trends(*, actor: Actor, since: datetime) -> list[UsageMonth]:
    """What was counted of each feature month by month. Read from the sums that are kept as usage comes, so it costs the
    same however many events there were. For platform staff."""
    rows = _rows(actor, _USAGE, {"since": since, "zone": actor.timezone})
    return [UsageMonth(month, FeatureType(feature), used, count) for month, feature, used, count in rows]


def feature_adoption(*, actor: Actor) -> list[Adoption]:
    """Which features the customers of each plan use now. For platform staff."""
    rows = _rows(actor, _ADOPTION, {})
    return [Adoption(plan, FeatureType(feature), users, held) for plan, feature, users, held in rows]


def at_risk(
    *, actor: Actor, now: datetime, q: str = "", after: tuple[str, int, UUID] | None = None, limit: int = 1_000
) -> list[AtRisk]:
    """The subscriptions that may be lost, those that bring most first. `q` finds by the beginnings of words of the customer's
    name or e-mail address. `after`: currency, monthly amount and id of the one read last. For platform staff."""
    currency, monthly, last = after or (None, None, None)
    values = {"now": now, "q": q.strip(), "currency": currency, "monthly": monthly, "id": last, "most": limit}
    rows = _rows(actor, _AT_RISK, values)
    return [AtRisk(*(*held, tuple(reasons))) for *held, reasons in rows]


def cancellation_reasons(*, actor: Actor, since: datetime) -> list[Cancellations]:
    """Why customers said that they would go, since then; what they wrote besides is not told. For platform staff."""
    return [Cancellations(*row) for row in _rows(actor, _CANCELLATIONS, {"since": since})]


def _rows(actor: Actor, statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    actor.require(queries.STAFF)
    with tenant(actor.cluster_id), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
