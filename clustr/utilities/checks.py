"""What must hold of utilities at every moment."""

from __future__ import annotations

from clustr.kit.invariants import Invariant, recent

_HELD = """SELECT coalesce(a.cluster_id, w.cluster_id), coalesce(a.subject_id, w.user_id), a.balance, w.amount
           FROM (SELECT cluster_id, subject_id, currency, balance FROM ledger_account WHERE kind = 'utility_hold') AS a
           FULL JOIN (
             SELECT p.cluster_id, p.user_id, p.currency, sum(t.amount_minor) AS amount FROM utilities_purchase p
             JOIN payments_transaction t ON t.cluster_id = p.cluster_id AND t.id = p.id
             WHERE t.status IN ('pending', 'processing', 'unknown') GROUP BY 1, 2, 3) AS w
             ON w.cluster_id = a.cluster_id AND w.user_id = a.subject_id AND w.currency = a.currency
           WHERE coalesce(a.balance, 0) <> coalesce(w.amount, 0)"""

_DELIVERED = """SELECT p.cluster_id, p.id, t.status, p.delivered_at, v.amount FROM {purchases} AS p
           JOIN payments_transaction t ON t.cluster_id = p.cluster_id AND t.id = p.id
           JOIN utilities_provider u ON u.id = p.provider_id
           CROSS JOIN LATERAL (SELECT sum(l.amount) AS amount, count(*) AS times FROM ledger_transfer l
             WHERE l.journal = p.id AND l.cluster_id = p.cluster_id AND l.kind = 'utility_vended'
               AND l.debit IN (SELECT a.id FROM ledger_account a WHERE a.cluster_id = p.cluster_id
                               AND a.kind = 'utility_hold' AND a.subject_id = p.user_id)) AS v
           WHERE CASE WHEN t.status IN ('completed', 'refunded')
             THEN (v.times = 1 AND v.amount = t.amount_minor AND p.delivered_at IS NOT NULL) IS NOT TRUE
             ELSE v.times <> 0 OR p.delivered_at IS NOT NULL END"""

_SENT = """SELECT p.cluster_id, p.id FROM {purchases} AS p
           JOIN utilities_provider u ON u.id = p.provider_id
           WHERE u.gives_token AND p.delivered_at IS NOT NULL AND p.token = ''
             AND EXISTS (SELECT FROM utilities_account a WHERE a.cluster_id = p.cluster_id AND a.id = p.account_id
                         AND a.number <> '')"""

_BILL = """SELECT p.cluster_id, p.id FROM {purchases} AS p
           LEFT JOIN bills_bill b ON b.cluster_id = p.cluster_id AND b.id = p.bill_id
           LEFT JOIN payments_transaction t ON t.cluster_id = p.cluster_id AND t.id = p.id
           LEFT JOIN utilities_quote q ON q.cluster_id = p.cluster_id AND q.id = p.quote_id
           WHERE (b.category = 'user_managed' AND b.user_id = p.user_id AND b.utility_provider_id = p.provider_id
                  AND b.amount_minor = p.amount_minor + p.fee_minor AND b.terms_digest = q.terms_digest
                  AND t.subject_id = p.bill_id AND t.amount_minor = b.amount_minor
                  AND q.amount_minor = p.amount_minor AND q.fee_minor = p.fee_minor AND q.account_id = p.account_id)
                 IS NOT TRUE"""

_PURCHASE = """SELECT b.cluster_id, b.id FROM {bills} AS b
           LEFT JOIN utilities_purchase p ON p.cluster_id = b.cluster_id AND p.bill_id = b.id
           WHERE b.category = 'user_managed' AND p.id IS NULL"""

INVARIANTS = [
    Invariant("utilities.held", "What is held for utilities is what members bought that is not decided yet.", _HELD),
    Invariant(
        "utilities.delivered",
        "A purchase is delivered exactly if it is completed and what was held for it went to the service, once.",
        _DELIVERED.format(purchases="utilities_purchase"),
        _DELIVERED.format(purchases=recent("utilities_purchase")),
    ),
    Invariant(
        "utilities.token",
        "What is delivered by token has one, unless its number was destroyed.",
        _SENT.format(purchases="utilities_purchase"),
        _SENT.format(purchases=recent("utilities_purchase")),
    ),
    Invariant(
        "utilities.bill_of_purchase",
        "A purchase has a bill of its buyer's, of its amount and fee, with the terms that were quoted.",
        _BILL.format(purchases="utilities_purchase"),
        _BILL.format(purchases=recent("utilities_purchase")),
    ),
    Invariant(
        "utilities.purchase_of_bill",
        "Every bill that a member manages stands for a purchase.",
        _PURCHASE.format(bills="bills_bill"),
        _PURCHASE.format(bills=recent("bills_bill")),
    ),
]
