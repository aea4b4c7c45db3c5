"""What must hold of wallets at every moment."""

from __future__ import annotations

from clustr.kit.invariants import Invariant, recent
from clustr.ledger.checks import RECENT_TRANSFERS

_PIN_LOCKED = "SELECT cluster_id, user_id FROM wallets_pin WHERE failed_attempts >= 5 AND locked_until IS NULL"
_TWO_PEOPLE = "SELECT cluster_id, id FROM wallets_payout WHERE decided_by = requested_by"
_OF_SUBSCRIPTIONS = "('invoice_refunded', 'invoice_refund_returned')"

INVARIANTS = [
    Invariant(
        "wallets.account",
        "A wallet is a guarded account of its member, in its currency.",
        """SELECT w.cluster_id, w.id FROM wallets_wallet w
           LEFT JOIN ledger_account a ON a.cluster_id = w.cluster_id AND a.id = w.id
           WHERE (a.kind = 'member_wallet' AND a.guarded AND a.subject_id = w.user_id AND a.currency = w.currency)
                 IS NOT TRUE""",
        f"""SELECT w.cluster_id, w.id FROM {recent("wallets_wallet")} AS w
           LEFT JOIN ledger_account a ON a.cluster_id = w.cluster_id AND a.id = w.id
           WHERE (a.kind = 'member_wallet' AND a.guarded AND a.subject_id = w.user_id AND a.currency = w.currency)
                 IS NOT TRUE""",
    ),
    Invariant(
        "wallets.pin_locked",
        "Five wrong PINs in a row have brought a lock.",
        _PIN_LOCKED,
        _PIN_LOCKED,
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
        f"""SELECT a.cluster_id, a.currency, held.amount, waiting.amount FROM (
             SELECT DISTINCT a.cluster_id, a.id, a.currency FROM {RECENT_TRANSFERS} AS t
             JOIN ledger_account a ON a.cluster_id = t.cluster_id AND a.id IN (t.credit, t.debit) AND a.kind = 'payouts'
           ) AS a
           CROSS JOIN LATERAL (SELECT
             coalesce((SELECT sum(t.amount) FROM ledger_transfer t
                       WHERE t.credit = a.id AND t.cluster_id = a.cluster_id), 0)
             - coalesce((SELECT sum(t.amount) FROM ledger_transfer t
                         WHERE t.debit = a.id AND t.cluster_id = a.cluster_id), 0) AS amount) AS held
           CROSS JOIN LATERAL (SELECT coalesce(sum(t.amount_minor), 0) AS amount FROM wallets_payout p
             JOIN payments_transaction t ON t.cluster_id = p.cluster_id AND t.id = p.id
             WHERE p.cluster_id = a.cluster_id AND t.currency = a.currency AND t.purpose = 'payout'
               AND t.status IN ('pending', 'processing', 'unknown')) AS waiting
           WHERE held.amount <> waiting.amount""",
    ),
    Invariant(
        "wallets.refunds_hold",
        "The refunds account holds exactly what providers were asked to give back and have not decided, beside subscriptions' refunds.",
        f"""SELECT cluster_id, currency, a.amount, w.amount FROM (
             SELECT t.cluster_id, a.currency, sum(CASE WHEN t.credit = a.id THEN t.amount ELSE -t.amount END) AS amount
             FROM ledger_account a JOIN ledger_transfer t ON t.cluster_id = a.cluster_id AND a.id IN (t.credit, t.debit)
             WHERE a.kind = 'refunds' AND t.kind NOT IN {_OF_SUBSCRIPTIONS} GROUP BY 1, 2) AS a
           FULL JOIN (
             SELECT cluster_id, currency, sum(amount_minor) AS amount FROM payments_transaction
             WHERE purpose = 'refund' AND status IN ('pending', 'processing', 'unknown') GROUP BY 1, 2) AS w
             USING (cluster_id, currency)
           WHERE coalesce(a.amount, 0) <> coalesce(w.amount, 0)""",
        f"""SELECT a.cluster_id, a.currency, held.amount, waiting.amount FROM (
             SELECT DISTINCT a.cluster_id, a.id, a.currency FROM {RECENT_TRANSFERS} AS t
             JOIN ledger_account a ON a.cluster_id = t.cluster_id AND a.id IN (t.credit, t.debit) AND a.kind = 'refunds'
           ) AS a
           CROSS JOIN LATERAL (SELECT
             coalesce((SELECT sum(t.amount) FROM ledger_transfer t
                       WHERE t.credit = a.id AND t.cluster_id = a.cluster_id
                         AND t.kind NOT IN {_OF_SUBSCRIPTIONS}), 0)
             - coalesce((SELECT sum(t.amount) FROM ledger_transfer t
                         WHERE t.debit = a.id AND t.cluster_id = a.cluster_id
                           AND t.kind NOT IN {_OF_SUBSCRIPTIONS}), 0) AS amount) AS held
           CROSS JOIN LATERAL (SELECT coalesce(sum(r.amount_minor), 0) AS amount FROM payments_attempt p
             JOIN payments_transaction r ON r.cluster_id = p.cluster_id AND r.id = p.id
             WHERE p.cluster_id = a.cluster_id AND p.kind = 'refund' AND r.purpose = 'refund' AND r.currency = a.currency
               AND r.status IN ('pending', 'processing', 'unknown')) AS waiting
           WHERE held.amount <> waiting.amount""",
    ),
    Invariant(
        "wallets.two_people",
        "Nobody approved or rejected their own transfer.",
        _TWO_PEOPLE,
        _TWO_PEOPLE,
    ),
]
