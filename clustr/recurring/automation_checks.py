"""What must hold of automations at every moment."""

from __future__ import annotations

from clustr.kit.invariants import Invariant, recent

_PURCHASE = """SELECT p.cluster_id, p.id, r.state, t.status FROM {purchases} AS p
  LEFT JOIN recurring_automationstep s ON s.cluster_id = p.cluster_id AND s.id = p.id AND s.kind = 'purchase'
  LEFT JOIN recurring_automationrun r ON r.cluster_id = s.cluster_id AND r.id = s.run_id
  LEFT JOIN recurring_automation a ON a.cluster_id = r.cluster_id AND a.id = r.automation_id
  LEFT JOIN payments_transaction t ON t.cluster_id = p.cluster_id AND t.id = p.id
  WHERE CASE WHEN p.is_automated
    THEN (a.user_id = p.user_id AND r.user_id = p.user_id AND a.account_id = p.account_id) IS NOT TRUE
    ELSE s.id IS NOT NULL END"""

# A card may be paid twice for one period by its owner alone, on the page of a charge that had been given up; never by a
# charge that was begun while another might have taken money, or had.
_STEPS = """SELECT r.cluster_id, r.id, r.state, r.amount_minor, r.fee_minor, b.live, b.sold, b.amount, c.again
  FROM {runs} AS r
  CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE t.status NOT IN ('failed', 'cancelled')) AS live,
           count(*) FILTER (WHERE t.status IN ('completed', 'refunded')) AS sold,
           sum(t.amount_minor) FILTER (WHERE t.status NOT IN ('failed', 'cancelled')) AS amount
    FROM recurring_automationstep s JOIN payments_transaction t ON t.cluster_id = s.cluster_id AND t.id = s.id
    WHERE s.cluster_id = r.cluster_id AND s.run_id = r.id AND s.kind = 'purchase') AS b
  CROSS JOIN LATERAL (
    SELECT count(*) AS made, count(*) FILTER (WHERE EXISTS (
      SELECT FROM recurring_automationstep e JOIN payments_transaction f ON f.cluster_id = e.cluster_id AND f.id = e.id
      WHERE e.cluster_id = s.cluster_id AND e.run_id = s.run_id AND e.kind = s.kind AND e.n < s.n
        AND f.status NOT IN ('failed', 'cancelled', 'refunded')
        AND (f.completed_at IS NULL OR f.completed_at <= t.created_at))) AS again
    FROM recurring_automationstep s JOIN payments_transaction t ON t.cluster_id = s.cluster_id AND t.id = s.id
    WHERE s.cluster_id = r.cluster_id AND s.run_id = r.id AND s.kind = 'charge') AS c
  WHERE b.live > 1 OR c.again > 0
     OR CASE r.state
          WHEN 'completed' THEN (b.sold = 1 AND b.amount = r.amount_minor + r.fee_minor) IS NOT TRUE
          WHEN 'buying' THEN b.live = 1 AND b.amount <> r.amount_minor + r.fee_minor
          WHEN 'charging' THEN c.made = 0 OR b.live > 0
          ELSE b.live > 0 END"""

# What was counted before it, in the order in which it was counted, and it itself, lie within the limit that was asked then.
_LIMITS = """SELECT f.cluster_id, f.id, f.of_it, f.limit_minor, f.of_type, f.type_limit_minor FROM (
    SELECT r.cluster_id, r.id, r.limit_minor, r.type_limit_minor,
      sum(r.amount_minor + r.fee_minor) OVER (PARTITION BY r.cluster_id, r.automation_id, r.month
        ORDER BY r.counted_at, r.id) AS of_it,
      sum(r.amount_minor + r.fee_minor) OVER (PARTITION BY r.cluster_id, r.user_id, r.bill_type, r.month
        ORDER BY r.counted_at, r.id) AS of_type
    FROM recurring_automationrun r WHERE r.month IS NOT NULL) AS f
  WHERE f.of_it > f.limit_minor OR f.of_type > f.type_limit_minor"""

AUTOMATION_INVARIANTS = [
    Invariant(
        "recurring.automated_purchase_has_a_run",
        "Every automated purchase is of one run of its buyer's own automation, for its number; and no other is.",
        _PURCHASE.format(purchases="utilities_purchase"),
        _PURCHASE.format(purchases=recent("utilities_purchase")),
    ),
    Invariant(
        "recurring.automation_bought_once",
        "A period was bought once, its card charged again only where no charge before had taken money, and what it says it bought is what"
        " its purchase is.",
        _STEPS.format(runs="recurring_automationrun"),
        _STEPS.format(runs=recent("recurring_automationrun")),
    ),
    Invariant(
        "recurring.automation_within_limits",
        "What automations spent in a month lies within the limits that were asked.",
        _LIMITS,
    ),
]
