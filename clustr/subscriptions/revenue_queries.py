"""Recurring revenue over time, for platform staff: derived from what happened to each subscription, never stored.

What a subscription brings in a month stands beside each of its events (`monthly_minor`). So it is known for every instant:
it holds from one event to the next. A customer's revenue is that of all their subscriptions in a currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from clustr.kit.actor import Actor
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.figures import CohortMonth, MonthOfRevenue, Standing

MOST_MONTHS = 120

_STANDINGS = """
WITH spans AS (
  SELECT s.user_id, s.currency, e.monthly_minor AS monthly, e.at,
         lead(e.at, 1, 'infinity') OVER (PARTITION BY e.subscription_id ORDER BY e.n) AS until,
         coalesce(max(e.n) FILTER (WHERE e.kind = 'cancellation_scheduled') OVER past, 0)
           > coalesce(max(e.n) FILTER (WHERE e.kind = 'reactivated') OVER past, 0) AS leaving
  FROM subscriptions_event e
  JOIN subscriptions_subscription s ON s.cluster_id = e.cluster_id AND s.id = e.subscription_id
  WHERE e.cluster_id = kit_tenant()
  WINDOW past AS (PARTITION BY e.subscription_id ORDER BY e.n)
), first AS (
  SELECT user_id, currency, min(at) AS at FROM spans WHERE monthly > 0 AND until > at GROUP BY 1, 2
), standing AS (
  SELECT b.n, f.user_id, f.currency, f.at AS began,
         coalesce(sum(s.monthly), 0)::bigint AS mrr,
         coalesce(sum(s.monthly) FILTER (WHERE NOT s.leaving), 0)::bigint AS committed
  FROM unnest(%(bounds)s::timestamptz[]) WITH ORDINALITY AS b(at, n)
  CROSS JOIN first f
  LEFT JOIN spans s ON s.user_id = f.user_id AND s.currency = f.currency AND s.at < b.at AND b.at <= s.until
  GROUP BY 1, 2, 3, 4
)
"""
_MONTHS = (
    _STANDINGS
    + """
, moved AS (
  SELECT l.n, l.currency, l.mrr AS before, r.mrr AS after, r.committed,
         l.began >= (%(bounds)s::timestamptz[])[l.n] AS is_new
  FROM standing l JOIN standing r ON r.user_id = l.user_id AND r.currency = l.currency AND r.n = l.n + 1
)
SELECT n, currency,
       sum(before)::bigint,
       coalesce(sum(after) FILTER (WHERE before = 0 AND is_new), 0)::bigint,
       coalesce(sum(after - before) FILTER (WHERE before > 0 AND after > before), 0)::bigint,
       coalesce(sum(before - after) FILTER (WHERE after > 0 AND after < before), 0)::bigint,
       coalesce(sum(before) FILTER (WHERE after = 0), 0)::bigint,
       coalesce(sum(after) FILTER (WHERE before = 0 AND NOT is_new), 0)::bigint,
       sum(after)::bigint, sum(committed)::bigint,
       count(*) FILTER (WHERE before > 0),
       count(*) FILTER (WHERE before = 0 AND after > 0 AND is_new),
       count(*) FILTER (WHERE before > 0 AND after = 0),
       count(*) FILTER (WHERE before = 0 AND after > 0 AND NOT is_new),
       count(*) FILTER (WHERE after > 0)
FROM moved GROUP BY n, currency ORDER BY currency, n
"""
)
_COHORTS = (
    _STANDINGS
    + """
, cohort AS (
  SELECT user_id, currency, width_bucket(at, %(bounds)s::timestamptz[]) AS n FROM first
  WHERE at >= (%(bounds)s::timestamptz[])[1] AND at < (%(bounds)s::timestamptz[])[array_length(%(bounds)s::timestamptz[], 1)]
)
SELECT c.n, c.currency, s.n - c.n - 1, count(*), count(*) FILTER (WHERE s.mrr > 0), sum(s.mrr)::bigint
FROM cohort c JOIN standing s ON s.user_id = c.user_id AND s.currency = c.currency AND s.n > c.n
GROUP BY 1, 2, 3 ORDER BY 2, 1, 3
"""
)

_NOW = """
SELECT s.currency,
       coalesce(sum(e.monthly_minor), 0)::bigint,
       coalesce(sum(e.monthly_minor) FILTER (WHERE NOT s.cancel_at_period_end), 0)::bigint,
       count(DISTINCT s.user_id) FILTER (WHERE e.monthly_minor > 0),
       count(*) FILTER (WHERE s.status = 'trialing'),
       count(*) FILTER (WHERE s.status = 'trialing' AND NOT s.cancel_at_period_end),
       coalesce(sum(CASE s.interval WHEN 'year' THEN round(s.price_minor / 12.0) ELSE s.price_minor END)
         FILTER (WHERE s.status = 'trialing'), 0)::bigint,
       coalesce(sum(e.monthly_minor) FILTER (WHERE s.status = 'past_due'), 0)::bigint
FROM subscriptions_subscription s
CROSS JOIN LATERAL (
  SELECT monthly_minor FROM subscriptions_event e WHERE e.cluster_id = s.cluster_id AND e.subscription_id = s.id
  ORDER BY n DESC LIMIT 1) AS e
WHERE s.cluster_id = kit_tenant() AND s.ended_at IS NULL AND s.price_minor > 0
GROUP BY 1 ORDER BY 1
"""


def revenue_by_month(*, actor: Actor, months: int, now: datetime) -> list[MonthOfRevenue]:
    """How recurring revenue moved in the last so many months of the seller's calendar, the present one as far as it has
    come; by currency, oldest first. For platform staff."""
    bounds = _bounds(actor, months, now)
    rows = _rows(actor, _MONTHS, bounds)
    return [MonthOfRevenue(_month(bounds[n - 1], actor), *rest) for n, *rest in rows]


def cohorts(*, actor: Actor, months: int, now: datetime) -> list[CohortMonth]:
    """Customers by the month of their first payment of a plan, and how many of them still pay at the end of each month
    since. `age` 0: at the end of that month. For platform staff."""
    bounds = _bounds(actor, months, now)
    rows = _rows(actor, _COHORTS, bounds)
    return [CohortMonth(_month(bounds[n - 1], actor), *rest) for n, *rest in rows]


def revenue_now(*, actor: Actor) -> list[Standing]:
    """The recurring revenue as it stands, by currency. For platform staff."""
    return [Standing(*row) for row in _rows(actor, _NOW, [])]


def _bounds(actor: Actor, months: int, now: datetime) -> list[datetime]:
    """The first instants of so many months, the last of them the present one, and the one after now."""
    local = now.astimezone(ZoneInfo(actor.timezone))
    present = local.year * 12 + local.month - 1
    firsts = []
    for number in range(present - months + 1, present + 1):
        year, month = divmod(number, 12)
        firsts.append(datetime(year, month + 1, 1, tzinfo=ZoneInfo(actor.timezone)))
    return [*firsts, now + timedelta(microseconds=1)]


def _month(first: datetime, actor: Actor) -> date:
    return first.astimezone(ZoneInfo(actor.timezone)).date()


def _rows(actor: Actor, statement: str, bounds: Sequence[datetime]) -> list[tuple[Any, ...]]:
    actor.require(queries.STAFF)
    with tenant(actor.cluster_id), connection.cursor() as cursor:
        cursor.execute(statement, {"bounds": list(bounds)})
        return list(cursor.fetchall())
