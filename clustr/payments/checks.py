"""What must hold of transactions at every moment."""

from __future__ import annotations

from clustr.kit.invariants import Invariant, recent
from clustr.ledger.checks import RECENT_TRANSFERS
from clustr.ledger.types import BESIDE, DOCUMENTED

_MADE = recent("payments_transaction")
_BESIDE = ", ".join(f"'{kind}'" for kind in sorted(BESIDE))
_DOCUMENTED = ", ".join(f"'{kind}'" for kind in sorted(DOCUMENTED))

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
        "Every transfer belongs to a transaction of its cluster, or to a document of the platform's sales.",
        f"""SELECT t.cluster_id, t.id FROM ledger_transfer t
           LEFT JOIN payments_transaction p ON p.cluster_id = t.cluster_id AND p.id = t.journal
           WHERE p.id IS NULL AND t.kind NOT IN ({_DOCUMENTED})""",
        f"""SELECT t.cluster_id, t.id FROM {RECENT_TRANSFERS} AS t
           LEFT JOIN payments_transaction p ON p.cluster_id = t.cluster_id AND p.id = t.journal
           WHERE p.id IS NULL AND t.kind NOT IN ({_DOCUMENTED})""",
    ),
    Invariant(
        "payments.every_transfer_is_audited",
        "Every transfer is in the audit trail of its cluster.",
        """SELECT t.cluster_id, t.id FROM ledger_transfer t
           WHERE NOT EXISTS (SELECT FROM audit_event e WHERE e.cluster_id = t.cluster_id AND e.journal = t.journal)""",
        # The trail's entry is written after the transfer, in the same transaction: it lies in the same time.
        # One set less another: joined, two sets of unknown size may be compared row by row.
        f"""SELECT cluster_id, journal FROM {RECENT_TRANSFERS} AS t
           EXCEPT SELECT cluster_id, journal FROM {recent("audit_event")} AS e""",
    ),
    Invariant(
        "payments.refunds_within",
        "What was refunded of a transaction is the sum of its refunds, and with what is under way no more than its amount.",
        """SELECT t.cluster_id, t.id, t.refunded_minor, coalesce(r.amount, 0) FROM payments_transaction t
           LEFT JOIN (
             SELECT cluster_id, subject_id, sum(amount_minor) AS amount FROM payments_transaction
             WHERE purpose = 'refund' AND status IN ('completed', 'refunded') GROUP BY 1, 2) AS r
             ON r.cluster_id = t.cluster_id AND r.subject_id = t.id
           LEFT JOIN (
             SELECT cluster_id, subject_id, sum(amount_minor) AS amount FROM payments_transaction
             WHERE purpose = 'refund' AND status IN ('pending', 'processing', 'unknown') GROUP BY 1, 2) AS w
             ON w.cluster_id = t.cluster_id AND w.subject_id = t.id
           WHERE t.refunded_minor <> coalesce(r.amount, 0) OR t.refunded_minor + coalesce(w.amount, 0) > t.amount_minor""",
        f"""WITH made AS MATERIALIZED (SELECT cluster_id, id, purpose, subject_id FROM {_MADE} AS m)
           SELECT t.cluster_id, t.id, t.refunded_minor, r.amount FROM (
             SELECT cluster_id, id FROM made UNION SELECT cluster_id, subject_id FROM made WHERE purpose = 'refund') AS w
           JOIN payments_transaction t ON t.cluster_id = w.cluster_id AND t.id = w.id
           CROSS JOIN LATERAL (SELECT
             coalesce(sum(amount_minor) FILTER (WHERE status IN ('completed', 'refunded')), 0) AS amount,
             coalesce(sum(amount_minor) FILTER (WHERE status IN ('pending', 'processing', 'unknown')), 0) AS under_way
             FROM payments_transaction r
             WHERE r.subject_id = t.id AND r.cluster_id = t.cluster_id AND r.purpose = 'refund') AS r
           WHERE t.refunded_minor <> r.amount OR t.refunded_minor + r.under_way > t.amount_minor""",
    ),
    Invariant(
        "payments.history",
        "A transaction's history is an unbroken path of steps that ends where it stands.",
        """SELECT t.cluster_id, t.id, t.status, h.to_status FROM payments_transaction t JOIN (
             SELECT cluster_id, transaction_id, n, from_status, to_status,
                    lag(to_status) OVER steps AS before, lag(n, 1, 0::smallint) OVER steps AS n_before,
                    lead(n) OVER steps IS NULL AS last
             FROM payments_statuschange WINDOW steps AS (PARTITION BY cluster_id, transaction_id ORDER BY n)) AS h
             ON h.cluster_id = t.cluster_id AND h.transaction_id = t.id
           WHERE h.n <> h.n_before + 1 OR h.before <> h.from_status OR h.last AND h.to_status <> t.status""",
    ),
    Invariant(
        "payments.watched",
        "Whatever was asked of a provider and has not ended is asked about again.",
        """SELECT a.cluster_id, a.id, t.status FROM payments_attempt a
           JOIN payments_transaction t ON t.cluster_id = a.cluster_id AND t.id = a.id
           WHERE t.status IN ('pending', 'processing', 'unknown') AND a.next_check_at IS NULL""",
        f"""SELECT a.cluster_id, a.id, t.status FROM {recent("payments_attempt")} AS a
           JOIN payments_transaction t ON t.cluster_id = a.cluster_id AND t.id = a.id
           WHERE t.status IN ('pending', 'processing', 'unknown') AND a.next_check_at IS NULL""",
    ),
    Invariant(
        "payments.settled_as_asked",
        "What a provider took completed what was asked, whole, or is a completed deposit of its own.",
        """SELECT s.cluster_id, s.id, s.asked_id, s.surplus_id FROM payments_settlement s
           JOIN payments_transaction t ON t.cluster_id = s.cluster_id AND t.id = s.asked_id
           LEFT JOIN payments_transaction more ON more.cluster_id = s.cluster_id AND more.id = s.surplus_id
           WHERE s.completes_minor > 0 AND (s.completes_minor = t.amount_minor
                   AND t.status IN ('completed', 'refunded') AND s.currency = t.currency) IS NOT TRUE
              OR s.surplus_minor > 0 AND (more.amount_minor = s.surplus_minor AND more.purpose = 'surplus'
                   AND more.subject_id = s.asked_id AND more.currency = s.currency) IS NOT TRUE""",
        f"""SELECT s.cluster_id, s.id, s.asked_id, s.surplus_id FROM {recent("payments_settlement")} AS s
           JOIN payments_transaction t ON t.cluster_id = s.cluster_id AND t.id = s.asked_id
           LEFT JOIN payments_transaction more ON more.cluster_id = s.cluster_id AND more.id = s.surplus_id
           WHERE s.completes_minor > 0 AND (s.completes_minor = t.amount_minor
                   AND t.status IN ('completed', 'refunded') AND s.currency = t.currency) IS NOT TRUE
              OR s.surplus_minor > 0 AND (more.amount_minor = s.surplus_minor AND more.purpose = 'surplus'
                   AND more.subject_id = s.asked_id AND more.currency = s.currency) IS NOT TRUE""",
    ),
    Invariant(
        "payments.charged_and_settled",
        "Every payment through a provider that is completed was settled, once.",
        """SELECT t.cluster_id, t.id FROM payments_transaction t
           JOIN payments_attempt a ON a.cluster_id = t.cluster_id AND a.id = t.id AND a.kind = 'charge'
           LEFT JOIN payments_settlement s
             ON s.cluster_id = t.cluster_id AND s.asked_id = t.id AND s.completes_minor > 0
           WHERE t.status IN ('completed', 'refunded') AND s.id IS NULL""",
        f"""SELECT t.cluster_id, t.id FROM {recent("payments_attempt")} AS a
           JOIN payments_transaction t ON a.cluster_id = t.cluster_id AND a.id = t.id AND a.kind = 'charge'
           LEFT JOIN payments_settlement s
             ON s.cluster_id = t.cluster_id AND s.asked_id = t.id AND s.completes_minor > 0
           WHERE t.status IN ('completed', 'refunded') AND s.id IS NULL""",
    ),
    Invariant(
        "payments.clearing",
        "What the books say providers took is what the settlements say.",
        """SELECT coalesce(s.cluster_id, l.cluster_id), s.amount, l.amount FROM (
             SELECT cluster_id, currency, sum(amount_minor + surcharge_minor) AS amount FROM payments_settlement GROUP BY 1, 2
           ) AS s
           FULL JOIN (
             SELECT t.cluster_id, a.currency, sum(t.amount) AS amount FROM ledger_account a
             JOIN ledger_transfer t ON t.cluster_id = a.cluster_id AND t.debit = a.id
             WHERE a.kind = 'provider_clearing' AND t.kind IN ('deposit', 'bill_payment', 'contribution', 'unplaced_receipt', 'fee_surcharge')
             GROUP BY 1, 2) AS l USING (cluster_id, currency)
           WHERE s.amount IS DISTINCT FROM l.amount""",
    ),
]
