"""What must hold of standing orders at every moment."""

from __future__ import annotations

from clustr.kit.invariants import Invariant, recent
from clustr.ledger.checks import RECENT_TRANSFERS
from clustr.recurring.automation_checks import AUTOMATION_INVARIANTS

_MOVED = """(SELECT coalesce(sum(t.amount_minor), 0) AS amount FROM (
  SELECT t.amount_minor FROM payments_transaction t JOIN recurring_payment o
    ON o.cluster_id = r.cluster_id AND o.id = r.order_id AND o.bill_type = ''
  WHERE t.subject_id = r.id AND t.cluster_id = r.cluster_id
    AND t.purpose = 'recurring_payment' AND t.status IN ('completed', 'refunded')
  UNION ALL
  SELECT t.amount_minor FROM recurring_runbill b
  JOIN bills_billpayment p ON p.cluster_id = b.cluster_id AND p.id = b.id
  JOIN payments_transaction t ON t.cluster_id = b.cluster_id AND t.id = b.id
  WHERE b.cluster_id = r.cluster_id AND b.run_id = r.id) AS t)"""

_PERIODS = """SELECT o.cluster_id, o.id, o.next_period, o.skipped_periods, r.ended, r.open FROM {orders} AS o
  CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE r.state NOT IN ('retrying', 'charging') AND r.period < o.next_period) AS ended,
           count(*) FILTER (WHERE r.state = 'retrying') AS open,
           count(*) FILTER (WHERE r.state = 'charging') AS charging,
           count(*) FILTER (WHERE r.state = 'retrying' AND (r.period <> o.next_period OR o.state <> 'active')
                            OR r.state = 'charging' AND r.period <> o.next_period
                            OR r.state NOT IN ('retrying', 'charging') AND r.period >= o.next_period) AS astray
    FROM recurring_run r WHERE r.cluster_id = o.cluster_id AND r.order_id = o.id) AS r
  WHERE r.ended + o.skipped_periods <> o.next_period OR r.open > 1 OR r.astray > 0
     OR (r.open = 1) <> (o.state = 'active' AND o.failed_attempts > 0 AND o.charging_id IS NULL)
     OR (r.charging = 1) <> (o.charging_id IS NOT NULL)"""

_MONEY = """SELECT t.cluster_id, t.id FROM {transactions} t
           LEFT JOIN recurring_run r ON r.cluster_id = t.cluster_id AND r.id = t.subject_id
           LEFT JOIN recurring_payment o ON o.cluster_id = r.cluster_id AND o.id = r.order_id
           WHERE t.purpose = 'recurring_payment' AND (o.user_id = t.user_id AND CASE
             WHEN t.provider = 'wallet' THEN r.state = 'completed' AND o.bill_type = ''
             WHEN t.status NOT IN ('completed', 'refunded') THEN o.payment_source = 'card'
             ELSE o.payment_source = 'card'
               AND r.state = ANY (CASE o.bill_type WHEN '' THEN '{{completed}}' ELSE '{{completed,nothing_due}}' END::text[])
           END) IS NOT TRUE"""

_WAITS = """SELECT r.cluster_id, r.id, o.charging_id FROM {runs} r
           JOIN recurring_payment o ON o.cluster_id = r.cluster_id AND o.id = r.order_id
           LEFT JOIN payments_transaction t ON t.cluster_id = o.cluster_id AND t.id = o.charging_id
           WHERE r.state = 'charging' AND (t.subject_id = r.id AND t.status IN ('pending', 'processing', 'unknown')) IS NOT TRUE"""

_WITHIN = """SELECT r.cluster_id, r.id FROM {runs} r CROSS JOIN LATERAL (
             SELECT count(*) AS made, coalesce(sum(t.amount_minor), 0) AS amount FROM payments_transaction t
             WHERE t.subject_id = r.id AND t.cluster_id = r.cluster_id AND t.purpose = 'recurring_payment'
               AND t.status IN ('completed', 'refunded')) AS t
           WHERE t.made > 1 OR t.amount > r.cap_minor OR t.made = 1 AND r.amount_minor > t.amount"""

_RECENT_RUNS = recent("recurring_run")
_RECENT_ORDERS = f"""(SELECT * FROM recurring_payment WHERE (cluster_id, id) IN (
  SELECT r.cluster_id, r.order_id FROM {_RECENT_RUNS} AS r))"""

_GIVEN_BACK = """SELECT t.cluster_id, t.id, t.amount FROM {transfers} t
           LEFT JOIN payments_transaction r ON r.cluster_id = t.cluster_id AND r.id = t.journal
           LEFT JOIN payments_transaction o ON o.cluster_id = r.cluster_id AND o.id = r.subject_id
           WHERE t.kind = 'contribution_refund'
             AND (r.purpose = 'refund' AND r.amount_minor = t.amount AND o.purpose = 'recurring_payment') IS NOT TRUE
           UNION ALL
           SELECT r.cluster_id, r.id, r.amount_minor FROM {refunds} r
           JOIN payments_transaction o
             ON o.cluster_id = r.cluster_id AND o.id = r.subject_id AND o.purpose = 'recurring_payment'
           LEFT JOIN ledger_transfer t ON t.cluster_id = r.cluster_id AND t.id = r.id
           WHERE r.purpose = 'refund' AND r.status IN ('completed', 'refunded')
             AND (t.kind IN ('contribution_refund', 'refund_to_source', 'chargeback_borne')) IS NOT TRUE"""

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
        "Every contribution, and every charge of a card that was completed, is of a run of its payer's own standing order that"
        " ended with it.",
        _MONEY.format(transactions="payments_transaction"),
        _MONEY.format(transactions=f"{recent('payments_transaction')} AS"),
    ),
    Invariant(
        "recurring.charge_awaited",
        "Whatever waits for a card's charge waits for one that is its own and not decided.",
        _WAITS.format(runs="recurring_run"),
        _WAITS.format(runs=f"{_RECENT_RUNS} AS"),
    ),
    Invariant(
        "recurring.charged_once",
        "A run was paid by one charge of a card at most, within its maximum, and moved no more than that.",
        _WITHIN.format(runs="recurring_run"),
        _WITHIN.format(runs=f"{_RECENT_RUNS} AS"),
    ),
    Invariant(
        "recurring.contributions_given_back",
        "What was given back of contributions left the cluster's wallet as that, and nothing else did.",
        _GIVEN_BACK.format(transfers="ledger_transfer", refunds="payments_transaction"),
        _GIVEN_BACK.format(transfers=f"{RECENT_TRANSFERS} AS", refunds=f"{recent('payments_transaction')} AS"),
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
