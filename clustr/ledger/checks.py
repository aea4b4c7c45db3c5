"""What must hold of the books at every moment."""

from __future__ import annotations

from clustr.kit.invariants import Invariant, recent

DERIVED = ("ledger_checkpoint", "ledger_turnover")
"""Tables that only sum up others up to a horizon; emptied after a restore, they fill again by themselves."""

# A reversal's id is derived, and says nothing about its time; reversals are few, and have an index of their own.
RECENT_TRANSFERS = f"""(SELECT * FROM {recent("ledger_transfer")} AS made
  UNION SELECT * FROM ledger_transfer
    WHERE reverses IS NOT NULL AND (at >= %(since)s OR reverses >= %(first)s AND reverses < %(last)s))"""

_TOUCHED = f"""(SELECT DISTINCT cluster_id, side.account FROM {RECENT_TRANSFERS} AS t
  CROSS JOIN LATERAL (VALUES (t.debit), (t.credit)) AS side(account))"""

# What a growing account holds: its checkpoint and every transfer since. The horizon comes out of an aggregate: from a
# COALESCE, behind row-level security, it could not be looked up in an index.
_CHECKPOINT = """CROSS JOIN LATERAL (
    SELECT coalesce(max(k.horizon), '0') AS horizon, coalesce(sum(k.balance), 0) AS balance
    FROM ledger_checkpoint k WHERE k.cluster_id = a.cluster_id AND k.account_id = a.id) AS k"""
_GROWN = """k.balance
  + coalesce((SELECT sum(t.amount) FROM ledger_transfer t
              WHERE t.credit = a.id AND t.cluster_id = a.cluster_id AND t.xid >= k.horizon), 0)
  - coalesce((SELECT sum(t.amount) FROM ledger_transfer t
              WHERE t.debit = a.id AND t.cluster_id = a.cluster_id AND t.xid >= k.horizon), 0)"""

_HORIZON = """SELECT cluster_id, account_id, horizon::text FROM ledger_checkpoint
           WHERE horizon > kit_lasting(pg_snapshot_xmax(pg_current_snapshot()))"""

INVARIANTS = [
    Invariant(
        "ledger.two_accounts",
        "Both sides of a transfer are accounts of its cluster, of one currency.",
        """SELECT t.cluster_id, t.id FROM ledger_transfer t
           LEFT JOIN ledger_account d ON d.cluster_id = t.cluster_id AND d.id = t.debit
           LEFT JOIN ledger_account c ON c.cluster_id = t.cluster_id AND c.id = t.credit
           WHERE (d.currency = c.currency) IS NOT TRUE""",
        f"""SELECT t.cluster_id, t.id FROM {RECENT_TRANSFERS} AS t
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
        f"""SELECT a.cluster_id, a.id, a.balance, s.amount FROM {_TOUCHED} AS w
           JOIN ledger_account a ON a.cluster_id = w.cluster_id AND a.id = w.account AND a.guarded
           CROSS JOIN LATERAL (SELECT
             coalesce((SELECT sum(t.amount) FROM ledger_transfer t
                       WHERE t.credit = a.id AND t.cluster_id = a.cluster_id), 0)
             - coalesce((SELECT sum(t.amount) FROM ledger_transfer t
                         WHERE t.debit = a.id AND t.cluster_id = a.cluster_id), 0) AS amount) AS s
           WHERE a.balance <> s.amount""",
    ),
    Invariant(
        "ledger.not_overdrawn",
        "Only accounts that stand for money outside, for revenue or for its tax are below zero.",
        """SELECT a.cluster_id, a.id, s.amount FROM ledger_account a
           JOIN (
             SELECT cluster_id, account, sum(amount) AS amount FROM (
               SELECT cluster_id, credit AS account, amount FROM ledger_transfer
               UNION ALL SELECT cluster_id, debit, -amount FROM ledger_transfer) AS side
             GROUP BY 1, 2) AS s ON s.cluster_id = a.cluster_id AND s.account = a.id
           WHERE NOT a.open AND NOT a.guarded AND s.amount < 0""",
        f"""SELECT a.cluster_id, a.id, s.amount FROM {_TOUCHED} AS w
           JOIN ledger_account a ON a.cluster_id = w.cluster_id AND a.id = w.account AND NOT a.open AND NOT a.guarded
           {_CHECKPOINT}
           CROSS JOIN LATERAL (SELECT {_GROWN} AS amount) AS s
           WHERE s.amount < 0""",
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
        # Every transfer has two sides, so all balances of a currency add up to nothing; a wrong checkpoint shows in that
        # sum, and the transfers it closed need not be read again.
        f"""SELECT w.cluster_id, a.currency, sum(s.amount) FROM (SELECT DISTINCT cluster_id FROM {_TOUCHED} AS t) AS w
           JOIN ledger_account a ON a.cluster_id = w.cluster_id
           {_CHECKPOINT}
           CROSS JOIN LATERAL (SELECT CASE WHEN a.guarded THEN a.balance ELSE {_GROWN} END AS amount) AS s
           GROUP BY 1, 2 HAVING sum(s.amount) <> 0""",
    ),
    Invariant(
        "ledger.horizon",
        "No checkpoint's horizon lies in the future of this server's transactions.",
        _HORIZON,
        _HORIZON,
    ),
    Invariant(
        "ledger.turnover",
        "Turnover by day adds up to the checkpoint.",
        """SELECT k.cluster_id, k.account_id, k.balance, coalesce(s.net, 0) FROM ledger_checkpoint k
           LEFT JOIN (
             SELECT cluster_id, account_id, sum(credits) - sum(debits) AS net FROM ledger_turnover GROUP BY 1, 2) AS s
             ON s.cluster_id = k.cluster_id AND s.account_id = k.account_id
           WHERE k.balance <> coalesce(s.net, 0)""",
        f"""SELECT k.cluster_id, k.account_id, k.balance, s.net FROM {_TOUCHED} AS w
           JOIN ledger_checkpoint k ON k.cluster_id = w.cluster_id AND k.account_id = w.account
           CROSS JOIN LATERAL (SELECT coalesce(sum(credits) - sum(debits), 0) AS net FROM ledger_turnover d
             WHERE d.cluster_id = k.cluster_id AND d.account_id = k.account_id) AS s
           WHERE k.balance <> s.net""",
    ),
    Invariant(
        "ledger.reversal",
        "A reversal is the exact mirror of the transfer it undoes.",
        """SELECT r.cluster_id, r.id FROM ledger_transfer r
           LEFT JOIN ledger_transfer o ON o.cluster_id = r.cluster_id AND o.id = r.reverses
           WHERE r.reverses IS NOT NULL
             AND (o.debit = r.credit AND o.credit = r.debit AND o.amount = r.amount) IS NOT TRUE""",
        """SELECT r.cluster_id, r.id FROM ledger_transfer r
           LEFT JOIN ledger_transfer o ON o.cluster_id = r.cluster_id AND o.id = r.reverses
           WHERE r.reverses IS NOT NULL AND r.at >= %(since)s
             AND (o.debit = r.credit AND o.credit = r.debit AND o.amount = r.amount) IS NOT TRUE""",
    ),
]
