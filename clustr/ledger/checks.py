"""What must hold of the books at every moment."""

from __future__ import annotations

from clustr.kit.invariants import Invariant

DERIVED = ("ledger_checkpoint", "ledger_turnover")
"""Tables that only sum up others up to a horizon; emptied after a restore, they fill again by themselves."""

INVARIANTS = [
    Invariant(
        "ledger.two_accounts",
        "Both sides of a transfer are accounts of its cluster, of one currency.",
        """SELECT t.cluster_id, t.id FROM ledger_transfer t
           LEFT JOIN ledger_account d ON d.cluster_id = t.cluster_id AND d.id = t.debit
           LEFT JOIN ledger_account c ON c.cluster_id = t.cluster_id AND c.id = t.credit
           WHERE (d.currency = c.currency) IS NOT TRUE""",
    ),
    Invariant(
        "ledger.guarded_balance",
        "A guarded account's balance is the sum of its transfers.",
        """SELECT a.cluster_id, a.id, a.balance, coalesce(s.amount, 0) FROM ledger_account a
           LEFT JOIN (
             SELECT cluster_id, account, sum(amount) AS amount FROM (
               SELECT cluster_id, credit AS account, amount FROM ledger_transfer
               UNION ALL SELECT cluster_id, debit, -amount FROM ledger_transfer) AS side
             GROUP BY 1, 2) AS s ON s.cluster_id = a.cluster_id AND s.account = a.id
           WHERE a.guarded AND a.balance <> coalesce(s.amount, 0)""",
    ),
    Invariant(
        "ledger.not_overdrawn",
        "Only accounts that stand for money outside are below zero.",
        """SELECT a.cluster_id, a.id, s.amount FROM ledger_account a
           JOIN (
             SELECT cluster_id, account, sum(amount) AS amount FROM (
               SELECT cluster_id, credit AS account, amount FROM ledger_transfer
               UNION ALL SELECT cluster_id, debit, -amount FROM ledger_transfer) AS side
             GROUP BY 1, 2) AS s ON s.cluster_id = a.cluster_id AND s.account = a.id
           WHERE NOT a.open AND NOT a.guarded AND s.amount < 0""",
    ),
    Invariant(
        "ledger.checkpoint",
        "A checkpoint is the sum of its account's transfers older than its horizon.",
        """SELECT k.cluster_id, k.account_id, k.balance FROM ledger_checkpoint k
           LEFT JOIN LATERAL (
             SELECT coalesce(sum(CASE WHEN t.credit = k.account_id THEN t.amount ELSE -t.amount END), 0) AS amount
             FROM ledger_transfer t
             WHERE t.cluster_id = k.cluster_id AND k.account_id IN (t.credit, t.debit) AND t.xid < k.horizon) AS s
             ON true
           WHERE k.balance <> s.amount""",
    ),
    Invariant(
        "ledger.horizon",
        "No checkpoint's horizon lies in the future of this server's transactions.",
        """SELECT cluster_id, account_id, horizon::text FROM ledger_checkpoint
           WHERE horizon > kit_lasting(pg_snapshot_xmax(pg_current_snapshot()))""",
    ),
    Invariant(
        "ledger.turnover",
        "Turnover by day adds up to the checkpoint.",
        """SELECT k.cluster_id, k.account_id, k.balance, coalesce(s.net, 0) FROM ledger_checkpoint k
           LEFT JOIN (
             SELECT cluster_id, account_id, sum(credits) - sum(debits) AS net FROM ledger_turnover GROUP BY 1, 2) AS s
             ON s.cluster_id = k.cluster_id AND s.account_id = k.account_id
           WHERE k.balance <> coalesce(s.net, 0)""",
    ),
    Invariant(
        "ledger.reversal",
        "A reversal is the exact mirror of the transfer it undoes.",
        """SELECT r.cluster_id, r.id FROM ledger_transfer r
           LEFT JOIN ledger_transfer o ON o.cluster_id = r.cluster_id AND o.id = r.reverses
           WHERE r.reverses IS NOT NULL
             AND (o.debit = r.credit AND o.credit = r.debit AND o.amount = r.amount) IS NOT TRUE""",
    ),
]
