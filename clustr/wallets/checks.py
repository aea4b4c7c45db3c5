"""What must hold of wallets at every moment."""

from __future__ import annotations

from clustr.kit.invariants import Invariant

INVARIANTS = [
    Invariant(
        "wallets.account",
        "A wallet is a guarded account of its member, in its currency.",
        """SELECT w.cluster_id, w.id FROM wallets_wallet w
           LEFT JOIN ledger_account a ON a.cluster_id = w.cluster_id AND a.id = w.id
           WHERE (a.kind = 'member_wallet' AND a.guarded AND a.subject_id = w.user_id AND a.currency = w.currency)
                 IS NOT TRUE""",
    ),
    Invariant(
        "wallets.pin_locked",
        "Five wrong PINs in a row have brought a lock.",
        "SELECT cluster_id, user_id FROM wallets_pin WHERE failed_attempts >= 5 AND locked_until IS NULL",
    ),
    Invariant(
        "wallets.payouts_hold",
        "The payouts account holds exactly what waits to leave.",
        """SELECT cluster_id, currency, a.amount, w.amount FROM (
             SELECT t.cluster_id, a.currency, sum(CASE WHEN t.credit = a.id THEN t.amount ELSE -t.amount END) AS amount
             FROM ledger_account a JOIN ledger_transfer t ON t.cluster_id = a.cluster_id AND a.id IN (t.credit, t.debit)
             WHERE a.kind = 'payouts' GROUP BY 1, 2) AS a
           FULL JOIN (
             SELECT cluster_id, currency, sum(amount_minor) AS amount FROM payments_transaction
             WHERE purpose = 'payout' AND status IN ('pending', 'processing', 'unknown') GROUP BY 1, 2) AS w
             USING (cluster_id, currency)
           WHERE coalesce(a.amount, 0) <> coalesce(w.amount, 0)""",
    ),
    Invariant(
        "wallets.two_people",
        "Nobody approved or rejected their own transfer.",
        "SELECT cluster_id, id FROM wallets_payout WHERE decided_by = requested_by",
    ),
]
