"""What must hold of standing orders at every moment."""

from __future__ import annotations

from clustr.kit.invariants import Invariant, recent
from clustr.recurring.automation_checks import AUTOMATION_INVARIANTS

_MOVED = """(SELECT coalesce(sum(t.amount_minor), 0) AS amount FROM (
  SELECT t.amount_minor FROM payments_transaction t WHERE t.subject_id = r.id AND t.cluster_id = r.cluster_id
    AND t.purpose = 'recurring_payment' AND t.status IN ('completed', 'refunded')
  UNION ALL
  SELECT t.amount_minor FROM recurring_runbill b
  JOIN bills_billpayment p ON p.cluster_id = b.cluster_id AND p.id = b.id
  JOIN payments_transaction t ON t.cluster_id = b.cluster_id AND t.id = b.id
  WHERE b.cluster_id = r.cluster_id AND b.run_id = r.id) AS t)"""

_PERIODS = """SELECT o.cluster_id, o.id, o.next_period, o.skipped_periods, r.ended, r.open FROM {orders} AS o
  CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE r.state <> 'retrying' AND r.period < o.next_period) AS ended,
           count(*) FILTER (WHERE r.state = 'retrying') AS open,
           count(*) FILTER (WHERE r.state = 'retrying' AND (r.period <> o.next_period OR o.state <> 'active')
                            OR r.state <> 'retrying' AND r.period >= o.next_period) AS astray
    FROM recurring_run r WHERE r.cluster_id = o.cluster_id AND r.order_id = o.id) AS r
  WHERE r.ended + o.skipped_periods <> o.next_period OR r.open > 1 OR r.astray > 0
     OR (r.open = 1) <> (o.state = 'active' AND o.failed_attempts > 0)"""

_RECENT_RUNS = recent("recurring_run")
_RECENT_ORDERS = f"""(SELECT * FROM recurring_payment WHERE (cluster_id, id) IN (
  SELECT r.cluster_id, r.order_id FROM {_RECENT_RUNS} AS r))"""

INVARIANTS = [
    Invariant(
        "recurring.every_period_once",
        "Each period of a standing order has run once, is being retried, or passed while the order was paused.",
        _PERIODS.format(orders="recurring_payment"),
        _PERIODS.format(orders=_RECENT_ORDERS),
    ),
    Invariant(
        "recurring.run_moved_its_amount",
        "What a run says it moved is what its transactions moved.",
        f"SELECT r.cluster_id, r.id, r.amount_minor, m.amount FROM recurring_run r CROSS JOIN LATERAL {_MOVED} AS m"
        " WHERE r.amount_minor <> m.amount",
        f"SELECT r.cluster_id, r.id, r.amount_minor, m.amount FROM {_RECENT_RUNS} AS r CROSS JOIN LATERAL {_MOVED} AS m"
        " WHERE r.amount_minor <> m.amount",
    ),
    Invariant(
        "recurring.money_has_a_run",
        "Every contribution is of a completed run of its payer's own standing order.",
        """SELECT t.cluster_id, t.id FROM payments_transaction t
           LEFT JOIN recurring_run r ON r.cluster_id = t.cluster_id AND r.id = t.subject_id
           LEFT JOIN recurring_payment o ON o.cluster_id = r.cluster_id AND o.id = r.order_id
           WHERE t.purpose = 'recurring_payment'
             AND (r.state = 'completed' AND o.user_id = t.user_id AND o.bill_type = '') IS NOT TRUE""",
        f"""SELECT t.cluster_id, t.id FROM {recent("payments_transaction")} AS t
           LEFT JOIN recurring_run r ON r.cluster_id = t.cluster_id AND r.id = t.subject_id
           LEFT JOIN recurring_payment o ON o.cluster_id = r.cluster_id AND o.id = r.order_id
           WHERE t.purpose = 'recurring_payment'
             AND (r.state = 'completed' AND o.user_id = t.user_id AND o.bill_type = '') IS NOT TRUE""",
    ),
    Invariant(
        "recurring.bills_of_the_member",
        "A run pays only its own member's bills, of the type its standing order names.",
        """SELECT b.cluster_id, b.id FROM recurring_runbill b
           JOIN recurring_run r ON r.cluster_id = b.cluster_id AND r.id = b.run_id
           JOIN recurring_payment o ON o.cluster_id = r.cluster_id AND o.id = r.order_id
           JOIN bills_billpayment p ON p.cluster_id = b.cluster_id AND p.id = b.id
           JOIN bills_bill bill ON bill.cluster_id = p.cluster_id AND bill.id = p.bill_id
           WHERE p.user_id <> o.user_id OR bill.type <> o.bill_type OR p.amount_minor <= 0""",
        f"""SELECT b.cluster_id, b.id FROM {recent("recurring_runbill")} AS b
           JOIN recurring_run r ON r.cluster_id = b.cluster_id AND r.id = b.run_id
           JOIN recurring_payment o ON o.cluster_id = r.cluster_id AND o.id = r.order_id
           JOIN bills_billpayment p ON p.cluster_id = b.cluster_id AND p.id = b.id
           JOIN bills_bill bill ON bill.cluster_id = p.cluster_id AND bill.id = p.bill_id
           WHERE p.user_id <> o.user_id OR bill.type <> o.bill_type OR p.amount_minor <= 0""",
    ),
    Invariant(
        "recurring.none_after_the_end",
        "No period of a standing order began to run after the order was paused or cancelled.",
        """SELECT r.cluster_id, r.id FROM recurring_payment o
           JOIN recurring_run r ON r.cluster_id = o.cluster_id AND r.order_id = o.id
           WHERE r.started_at > o.stopped_at""",
        f"""SELECT r.cluster_id, r.id FROM {_RECENT_RUNS} AS r
           JOIN recurring_payment o ON o.cluster_id = r.cluster_id AND o.id = r.order_id
           WHERE r.started_at > o.stopped_at""",
    ),
    *AUTOMATION_INVARIANTS,
]
