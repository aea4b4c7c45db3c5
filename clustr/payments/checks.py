"""What must hold of transactions at every moment."""

from __future__ import annotations

from clustr.kit.invariants import Invariant, recent
from clustr.ledger.checks import RECENT_TRANSFERS
from clustr.ledger.types import BESIDE

_MADE = recent("payments_transaction")
_BESIDE = ", ".join(f"'{kind}'" for kind in sorted(BESIDE))

# Transactions made or moved lately, with the transfers of each: the one that bears its id, and any other of that time.
_MOVED = f"""moved AS MATERIALIZED (SELECT * FROM {RECENT_TRANSFERS} AS t),
  touched AS (SELECT cluster_id, id FROM {_MADE} AS made UNION SELECT cluster_id, journal FROM moved),
  part AS (
    SELECT cluster_id, id, journal, amount, reverses FROM moved WHERE kind NOT IN ({_BESIDE})
    UNION SELECT t.cluster_id, t.id, t.journal, t.amount, t.reverses FROM touched
      JOIN ledger_transfer t ON t.cluster_id = touched.cluster_id AND t.id = touched.id)"""

INVARIANTS = [
    Invariant(
        "payments.settled_once",
        "A completed transaction has moved exactly its amount in the books, an unsettled one nothing for good.",
        f"""SELECT t.cluster_id, t.id, t.status, t.amount_minor, coalesce(s.amount, 0) FROM payments_transaction t
           LEFT JOIN (
             SELECT cluster_id, journal, sum(amount) FILTER (WHERE reverses IS NULL) AS amount,
                    coalesce(sum(amount) FILTER (WHERE reverses IS NOT NULL), 0) AS undone
             FROM ledger_transfer WHERE kind NOT IN ({_BESIDE}) GROUP BY 1, 2) AS s ON s.cluster_id = t.cluster_id AND s.journal = t.id
           WHERE (t.status IN ('completed', 'refunded') AND (s.amount = t.amount_minor AND s.undone = 0) IS NOT TRUE)
              OR (t.status IN ('failed', 'cancelled') AND coalesce(s.amount - s.undone, 0) <> 0)""",
        f"""WITH {_MOVED}
           SELECT t.cluster_id, t.id, t.status, t.amount_minor, coalesce(s.amount, 0) FROM touched
           JOIN payments_transaction t ON t.cluster_id = touched.cluster_id AND t.id = touched.id
           LEFT JOIN (
             SELECT cluster_id, journal, sum(amount) FILTER (WHERE reverses IS NULL) AS amount,
                    coalesce(sum(amount) FILTER (WHERE reverses IS NOT NULL), 0) AS undone
             FROM part GROUP BY 1, 2) AS s ON s.cluster_id = t.cluster_id AND s.journal = t.id
           WHERE (t.status IN ('completed', 'refunded') AND (s.amount = t.amount_minor AND s.undone = 0) IS NOT TRUE)
              OR (t.status IN ('failed', 'cancelled') AND coalesce(s.amount - s.undone, 0) <> 0)""",
    ),
    Invariant(
        "payments.every_transfer_has_one",
        "Every transfer belongs to a transaction of its cluster.",
        """SELECT t.cluster_id, t.id FROM ledger_transfer t
           LEFT JOIN payments_transaction p ON p.cluster_id = t.cluster_id AND p.id = t.journal
           WHERE p.id IS NULL""",
        f"""SELECT t.cluster_id, t.id FROM {RECENT_TRANSFERS} AS t
           LEFT JOIN payments_transaction p ON p.cluster_id = t.cluster_id AND p.id = t.journal
           WHERE p.id IS NULL""",
    ),
    Invariant(
        "payments.every_transfer_is_audited",
        "Every transfer is in the audit trail of its cluster.",
        """SELECT t.cluster_id, t.id FROM ledger_transfer t
           WHERE NOT EXISTS (SELECT FROM audit_event e WHERE e.cluster_id = t.cluster_id AND e.journal = t.journal)""",
        # The trail's entry is written after the transfer, in the same transaction: it lies in the same time.
        f"""WITH noted AS MATERIALIZED (SELECT cluster_id, journal FROM {recent("audit_event")} AS e)
           SELECT t.cluster_id, t.id FROM {RECENT_TRANSFERS} AS t
           WHERE NOT EXISTS (SELECT FROM noted e WHERE e.cluster_id = t.cluster_id AND e.journal = t.journal)""",
    ),
    Invariant(
        "payments.refunds_within",
        "What was refunded of a transaction is the sum of its refunds, and no more than its amount.",
        """SELECT t.cluster_id, t.id, t.refunded_minor, coalesce(r.amount, 0) FROM payments_transaction t
           LEFT JOIN (
             SELECT cluster_id, subject_id, sum(amount_minor) AS amount FROM payments_transaction
             WHERE purpose = 'refund' AND status = 'completed' GROUP BY 1, 2) AS r
             ON r.cluster_id = t.cluster_id AND r.subject_id = t.id
           WHERE t.refunded_minor <> coalesce(r.amount, 0)""",
        f"""WITH made AS MATERIALIZED (SELECT cluster_id, id, purpose, subject_id FROM {_MADE} AS m)
           SELECT t.cluster_id, t.id, t.refunded_minor, r.amount FROM (
             SELECT cluster_id, id FROM made UNION SELECT cluster_id, subject_id FROM made WHERE purpose = 'refund') AS w
           JOIN payments_transaction t ON t.cluster_id = w.cluster_id AND t.id = w.id
           CROSS JOIN LATERAL (SELECT coalesce(sum(amount_minor), 0) AS amount FROM payments_transaction r
             WHERE r.subject_id = t.id AND r.cluster_id = t.cluster_id
               AND r.purpose = 'refund' AND r.status = 'completed') AS r
           WHERE t.refunded_minor <> r.amount""",
    ),
]
