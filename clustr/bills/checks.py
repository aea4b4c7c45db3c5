"""What must hold of bills at every moment."""

from __future__ import annotations

from clustr.kit.invariants import Invariant, recent
from clustr.ledger.checks import RECENT_TRANSFERS

DERIVED = ("bills_tally",)
"""Tables that only sum up others up to a horizon; emptied after a restore, they fill again by themselves."""

RECOUNTED = 20_000
"""Acts up to which a bill's tally is counted again whenever the bill was touched; larger ones every night."""

_PAID = recent("bills_billpayment")

# A member's part of a bill that was paid or refunded lately, and all that happened on it, found by the member's own
# transactions: a bill has far more payments than a member.
_PARTS = f"""(SELECT DISTINCT cluster_id, bill_id, user_id FROM {_PAID} AS made)"""
_OF_PART = """(SELECT coalesce(sum(p.amount_minor), 0) AS amount, coalesce(sum(p.settles), 0) AS settles
  FROM payments_transaction t JOIN bills_billpayment p ON p.cluster_id = t.cluster_id AND p.id = t.id
  WHERE t.user_id = w.user_id AND t.cluster_id = w.cluster_id AND (t.subject_id = w.bill_id OR t.purpose = 'refund')
    AND p.bill_id = w.bill_id AND p.user_id = w.user_id)"""

INVARIANTS = [
    Invariant(
        "bills.paid_is_sum",
        "What a member has paid on a bill is the sum of its payments and refunds.",
        """SELECT coalesce(m.cluster_id, p.cluster_id), coalesce(m.bill_id, p.bill_id), m.paid_minor, p.amount
           FROM bills_memberbill m FULL JOIN (
             SELECT cluster_id, bill_id, user_id, sum(amount_minor) AS amount FROM bills_billpayment GROUP BY 1, 2, 3) AS p
             ON (m.cluster_id, m.bill_id, m.user_id) = (p.cluster_id, p.bill_id, p.user_id)
           WHERE coalesce(m.paid_minor, 0) <> coalesce(p.amount, 0)""",
        f"""SELECT w.cluster_id, w.bill_id, w.user_id, m.paid_minor, p.amount FROM {_PARTS} AS w
           LEFT JOIN bills_memberbill m
             ON m.cluster_id = w.cluster_id AND m.bill_id = w.bill_id AND m.user_id = w.user_id
           CROSS JOIN LATERAL {_OF_PART} AS p
           WHERE coalesce(m.paid_minor, 0) <> p.amount""",
    ),
    Invariant(
        "bills.never_overpaid",
        "Nobody has paid more on a bill than they owe, and nothing on a cancelled one.",
        """SELECT b.cluster_id, b.id, m.user_id, m.paid_minor, s.due_minor FROM bills_memberbill m
           JOIN bills_bill b ON b.cluster_id = m.cluster_id AND b.id = m.bill_id
           CROSS JOIN LATERAL bills_standing(b.cluster_id, b.id, m.user_id, b.amount_minor, b.version) AS s
           WHERE m.paid_minor > s.due_minor OR b.cancelled_at IS NOT NULL AND m.paid_minor <> 0""",
        f"""SELECT b.cluster_id, b.id, m.user_id, m.paid_minor, s.due_minor FROM (
             SELECT cluster_id, bill_id, user_id FROM {_PARTS} AS paid
             UNION SELECT cluster_id, bill_id, user_id FROM {recent("bills_adjustment")} AS lowered) AS w
           JOIN bills_memberbill m ON m.cluster_id = w.cluster_id AND m.bill_id = w.bill_id AND m.user_id = w.user_id
           JOIN bills_bill b ON b.cluster_id = m.cluster_id AND b.id = m.bill_id
           CROSS JOIN LATERAL bills_standing(b.cluster_id, b.id, m.user_id, b.amount_minor, b.version) AS s
           WHERE m.paid_minor > s.due_minor OR b.cancelled_at IS NOT NULL AND m.paid_minor <> 0""",
    ),
    Invariant(
        "bills.payment_is_transaction",
        "Every movement on a bill is a completed transaction of its amount, its bill and its payer.",
        """SELECT p.cluster_id, p.id, p.amount_minor, t.amount_minor, t.status FROM bills_billpayment p
           LEFT JOIN payments_transaction t ON t.cluster_id = p.cluster_id AND t.id = p.id
           LEFT JOIN bills_bill b ON b.cluster_id = p.cluster_id AND b.id = p.bill_id
           WHERE (t.amount_minor = abs(p.amount_minor) AND t.user_id = p.user_id
                  AND t.status IN ('completed', 'refunded')
                  AND CASE WHEN p.amount_minor > 0 THEN t.subject_id = p.bill_id AND t.purpose = CASE b.category
                             WHEN 'user_managed' THEN 'utility' ELSE 'bill' END
                           ELSE t.purpose = 'refund' AND t.subject_id = p.refunds END) IS NOT TRUE""",
        f"""SELECT p.cluster_id, p.id, p.amount_minor, t.amount_minor, t.status FROM {_PAID} AS p
           LEFT JOIN payments_transaction t ON t.cluster_id = p.cluster_id AND t.id = p.id
           LEFT JOIN bills_bill b ON b.cluster_id = p.cluster_id AND b.id = p.bill_id
           WHERE (t.amount_minor = abs(p.amount_minor) AND t.user_id = p.user_id
                  AND t.status IN ('completed', 'refunded')
                  AND CASE WHEN p.amount_minor > 0 THEN t.subject_id = p.bill_id AND t.purpose = CASE b.category
                             WHEN 'user_managed' THEN 'utility' ELSE 'bill' END
                           ELSE t.purpose = 'refund' AND t.subject_id = p.refunds END) IS NOT TRUE""",
    ),
    Invariant(
        "bills.transaction_is_payment",
        "Every completed bill payment stands on its bill.",
        """SELECT t.cluster_id, t.id FROM payments_transaction t
           LEFT JOIN bills_billpayment p ON p.cluster_id = t.cluster_id AND p.id = t.id
           WHERE t.purpose IN ('bill', 'utility') AND t.status IN ('completed', 'refunded') AND p.id IS NULL""",
        f"""SELECT t.cluster_id, t.id FROM {recent("payments_transaction")} AS t
           LEFT JOIN bills_billpayment p ON p.cluster_id = t.cluster_id AND p.id = t.id
           WHERE t.purpose IN ('bill', 'utility') AND t.status IN ('completed', 'refunded') AND p.id IS NULL""",
    ),
    Invariant(
        "bills.consent_before_payment",
        "Every payment follows an acknowledgment, by its payer, of the version that was paid.",
        """SELECT p.cluster_id, p.id FROM bills_billpayment p
           LEFT JOIN bills_acknowledgment k
             ON (k.cluster_id, k.bill_id, k.user_id, k.version) = (p.cluster_id, p.bill_id, p.user_id, p.version)
           WHERE p.amount_minor > 0 AND (k.at <= p.at) IS NOT TRUE""",
        f"""SELECT p.cluster_id, p.id FROM {_PAID} AS p
           LEFT JOIN bills_acknowledgment k
             ON (k.cluster_id, k.bill_id, k.user_id, k.version) = (p.cluster_id, p.bill_id, p.user_id, p.version)
           WHERE p.amount_minor > 0 AND (k.at <= p.at) IS NOT TRUE""",
    ),
    Invariant(
        "bills.terms_as_acknowledged",
        "An acknowledgment of a bill's present version is of its present terms.",
        """SELECT k.cluster_id, k.bill_id, k.user_id FROM bills_acknowledgment k
           JOIN bills_bill b ON b.cluster_id = k.cluster_id AND b.id = k.bill_id
           WHERE k.version > b.version OR k.version = b.version AND k.terms_digest <> b.terms_digest""",
        f"""SELECT k.cluster_id, k.bill_id, k.user_id FROM {_PARTS} AS w
           JOIN bills_bill b ON b.cluster_id = w.cluster_id AND b.id = w.bill_id
           JOIN bills_acknowledgment k
             ON k.cluster_id = w.cluster_id AND k.bill_id = w.bill_id AND k.user_id = w.user_id
           WHERE k.version > b.version OR k.version = b.version AND k.terms_digest <> b.terms_digest""",
    ),
    Invariant(
        "bills.to_cluster_wallet",
        "What the cluster's bills brought in, net of refunds, is what they moved into and out of its wallet.",
        """SELECT coalesce(p.cluster_id, l.cluster_id), p.amount, l.amount FROM (
             SELECT p.cluster_id, sum(p.amount_minor) AS amount FROM bills_billpayment p
             JOIN bills_bill b ON b.cluster_id = p.cluster_id AND b.id = p.bill_id
             WHERE b.category = 'cluster_managed' GROUP BY 1) AS p
           FULL JOIN (
             SELECT t.cluster_id, sum(CASE WHEN t.credit = a.id THEN t.amount ELSE -t.amount END) AS amount
             FROM ledger_transfer t JOIN ledger_account a ON a.cluster_id = t.cluster_id
               AND a.id IN (t.credit, t.debit) AND a.kind = 'cluster_wallet'
             LEFT JOIN payments_transaction r
               ON r.cluster_id = t.cluster_id AND r.id = t.journal AND t.kind = 'refund_to_source' AND EXISTS (
                 SELECT FROM bills_billpayment o WHERE o.cluster_id = r.cluster_id AND o.id = r.subject_id)
             WHERE t.kind IN ('bill_payment', 'bill_refund') OR r.status = 'completed' GROUP BY 1) AS l USING (cluster_id)
           WHERE p.amount IS DISTINCT FROM l.amount""",
        f"""WITH moved AS MATERIALIZED (
             SELECT t.cluster_id, t.journal, sum(CASE WHEN t.credit = a.id THEN t.amount ELSE -t.amount END) AS amount
             FROM {RECENT_TRANSFERS} AS t JOIN ledger_account a ON a.cluster_id = t.cluster_id
               AND a.id IN (t.credit, t.debit) AND a.kind = 'cluster_wallet'
             WHERE t.kind IN ('bill_payment', 'bill_refund') GROUP BY 1, 2
             UNION ALL
             SELECT t.cluster_id, t.journal, -t.amount FROM {_PAID} AS p
             JOIN ledger_transfer t ON t.cluster_id = p.cluster_id AND t.id = p.id AND t.kind = 'refund_to_source')
           SELECT coalesce(p.cluster_id, l.cluster_id), coalesce(p.id, l.journal), p.amount_minor, l.amount
           FROM (SELECT p.* FROM {_PAID} AS p JOIN bills_bill b ON b.cluster_id = p.cluster_id AND b.id = p.bill_id
             WHERE b.category = 'cluster_managed') AS p FULL JOIN moved AS l ON (l.cluster_id, l.journal) = (p.cluster_id, p.id)
           WHERE p.amount_minor IS DISTINCT FROM l.amount""",
    ),
    Invariant(
        "bills.tally",
        "A bill's tally is the sum of the acts older than its horizon.",
        """SELECT t.cluster_id, t.bill_id, t.collected_minor, t.paid_count, t.acknowledged_count FROM bills_tally t
           CROSS JOIN LATERAL (
             SELECT coalesce(sum(amount_minor), 0) AS collected, coalesce(sum(settles), 0) AS paid
             FROM bills_billpayment p WHERE p.cluster_id = t.cluster_id AND p.bill_id = t.bill_id AND p.xid < t.horizon
           ) AS p
           CROSS JOIN LATERAL (
             SELECT count(*) AS acknowledged FROM bills_acknowledgment k
             WHERE k.cluster_id = t.cluster_id AND k.bill_id = t.bill_id AND k.version = t.version AND k.xid < t.horizon
           ) AS k
           WHERE (t.collected_minor, t.paid_count, t.acknowledged_count) <> (p.collected, p.paid, k.acknowledged)
              OR t.horizon > kit_lasting(pg_snapshot_xmax(pg_current_snapshot()))""",
        f"""SELECT t.cluster_id, t.bill_id, t.collected_minor, t.paid_count, t.acknowledged_count
           FROM (SELECT DISTINCT cluster_id, bill_id FROM {_PARTS} AS paid) AS w
           JOIN bills_tally t ON t.cluster_id = w.cluster_id AND t.bill_id = w.bill_id
             AND t.paid_count + t.acknowledged_count <= {RECOUNTED}
           CROSS JOIN LATERAL (
             SELECT coalesce(sum(amount_minor), 0) AS collected, coalesce(sum(settles), 0) AS paid
             FROM bills_billpayment p WHERE p.bill_id = t.bill_id AND p.cluster_id = t.cluster_id AND p.xid < t.horizon
           ) AS p
           CROSS JOIN LATERAL (
             SELECT count(*) AS acknowledged FROM bills_acknowledgment k
             WHERE k.bill_id = t.bill_id AND k.cluster_id = t.cluster_id AND k.version = t.version AND k.xid < t.horizon
           ) AS k
           WHERE (t.collected_minor, t.paid_count, t.acknowledged_count) <> (p.collected, p.paid, k.acknowledged)
              OR t.horizon > kit_lasting(pg_snapshot_xmax(pg_current_snapshot()))""",
    ),
    Invariant(
        "bills.one_settlement",
        "A member counts as settled exactly while they have paid a bill's whole amount and nothing was lowered for them.",
        """SELECT p.cluster_id, p.bill_id, p.user_id, p.settles, p.paid, b.amount_minor FROM (
             SELECT cluster_id, bill_id, user_id, sum(settles) AS settles, sum(amount_minor) AS paid
             FROM bills_billpayment GROUP BY 1, 2, 3) AS p
           JOIN bills_bill b ON b.cluster_id = p.cluster_id AND b.id = p.bill_id
           WHERE p.settles <> (p.paid >= b.amount_minor AND NOT EXISTS (
             SELECT FROM bills_adjustment a
             WHERE a.cluster_id = p.cluster_id AND a.bill_id = p.bill_id AND a.user_id = p.user_id))::int""",
        f"""SELECT w.cluster_id, w.bill_id, w.user_id, p.settles, p.amount, b.amount_minor FROM {_PARTS} AS w
           JOIN bills_bill b ON b.cluster_id = w.cluster_id AND b.id = w.bill_id
           CROSS JOIN LATERAL {_OF_PART} AS p
           WHERE p.settles <> (p.amount >= b.amount_minor AND NOT EXISTS (
             SELECT FROM bills_adjustment a
             WHERE a.cluster_id = w.cluster_id AND a.bill_id = w.bill_id AND a.user_id = w.user_id))::int""",
    ),
]
