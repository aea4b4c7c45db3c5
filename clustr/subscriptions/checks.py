"""What must hold of subscriptions, their documents and their usage at every moment."""

from __future__ import annotations

from clustr.kit.invariants import Invariant
from clustr.ledger.types import DOCUMENTED

_DOCUMENTED = ", ".join(f"'{kind}'" for kind in sorted(DOCUMENTED))

INVARIANTS = [
    Invariant(
        "subscriptions.documented",
        "Every transfer of a sale belongs to an invoice, a credit note, a payment, a refund or a dispute.",
        f"""SELECT t.cluster_id, t.id FROM ledger_transfer t
           LEFT JOIN subscriptions_invoice i ON i.cluster_id = t.cluster_id AND i.id = t.journal
           LEFT JOIN subscriptions_payment p ON p.cluster_id = t.cluster_id AND p.id = t.journal
           LEFT JOIN subscriptions_refund r ON r.cluster_id = t.cluster_id AND r.id = t.journal
           LEFT JOIN subscriptions_dispute d ON d.cluster_id = t.cluster_id AND d.id = t.journal
           WHERE t.kind IN ({_DOCUMENTED}) AND coalesce(i.id, p.id, r.id, d.id) IS NULL""",
    ),
    Invariant(
        "subscriptions.numbers",
        "No number of a series of documents is missing.",
        """SELECT s.cluster_id, s.series, s.last_number, count(i.id) FROM subscriptions_series s
           LEFT JOIN subscriptions_invoice i ON i.cluster_id = s.cluster_id AND i.invoice_number LIKE s.series || '%'
           GROUP BY 1, 2, 3 HAVING s.last_number <> count(i.id)
           UNION ALL
           SELECT i.cluster_id, i.invoice_number, 0, 0 FROM subscriptions_invoice i WHERE NOT EXISTS (
             SELECT FROM subscriptions_series s WHERE s.cluster_id = i.cluster_id
               AND s.series = substring(i.invoice_number FROM '^[A-Z]+[0-9]{4}')
               AND substr(i.invoice_number, length(s.series) + 1)::bigint BETWEEN 1 AND s.last_number)""",
    ),
    Invariant(
        "subscriptions.lines",
        "The sums of a document are those of its lines.",
        """SELECT i.cluster_id, i.id, i.invoice_number FROM subscriptions_invoice i
           LEFT JOIN LATERAL (
             SELECT sum(amount) AS amount, sum(discount) AS discount, sum(tax) AS tax FROM subscriptions_invoiceline l
             WHERE l.cluster_id = i.cluster_id AND l.invoice_id = i.id) AS l ON true
           WHERE (i.subtotal, i.discount_amount, i.tax_amount) IS DISTINCT FROM (l.amount, l.discount, l.tax)""",
    ),
    Invariant(
        "subscriptions.credited",
        "Credit notes give back no more of an invoice than it charged, neither net nor tax.",
        """SELECT i.cluster_id, i.id, i.invoice_number FROM subscriptions_invoice i
           JOIN subscriptions_invoice n ON n.cluster_id = i.cluster_id AND n.corrects_id = i.id AND n.stripe_status <> 'void'
           GROUP BY i.cluster_id, i.id, i.invoice_number, i.total, i.tax_amount
           HAVING sum(n.total) > i.total OR NOT (
             sum(n.total - n.tax_amount) BETWEEN least(i.total - i.tax_amount, 0) AND greatest(i.total - i.tax_amount, 0)
             AND sum(n.tax_amount) BETWEEN least(i.tax_amount, 0) AND greatest(i.tax_amount, 0))""",
    ),
    Invariant(
        "subscriptions.posted",
        "What a document comes to stands in the books: its net as revenue, its tax as tax.",
        """SELECT i.cluster_id, i.id, i.invoice_number FROM subscriptions_invoice i
           LEFT JOIN LATERAL (
             SELECT coalesce(sum(signed) FILTER (WHERE kind IN ('invoiced', 'credited')), 0) AS net,
                    coalesce(sum(signed) FILTER (WHERE kind IN ('invoiced_tax', 'credited_tax')), 0) AS tax
             FROM (
               SELECT t.kind, CASE WHEN (a.kind IN ('receivables', 'customer_credit')) = (i.kind = 'invoice')
                 THEN t.amount ELSE -t.amount END AS signed
               FROM ledger_transfer t JOIN ledger_account a ON a.cluster_id = t.cluster_id AND a.id = t.debit
               WHERE t.cluster_id = i.cluster_id AND t.journal = i.id) AS t) AS l ON true
           WHERE l.net <> i.total - i.tax_amount OR l.tax <> i.tax_amount""",
    ),
    Invariant(
        "subscriptions.paid",
        "What was paid of an invoice is the sum of its payments and of the credit applied to it.",
        """SELECT i.cluster_id, i.id, i.invoice_number FROM subscriptions_invoice i
           LEFT JOIN LATERAL (
             SELECT coalesce(sum(amount - surplus_minor), 0) AS amount FROM subscriptions_payment p
             WHERE p.cluster_id = i.cluster_id AND p.invoice_id = i.id AND p.status = 'succeeded') AS p ON true
           LEFT JOIN LATERAL (
             SELECT coalesce(sum(amount), 0) AS amount FROM ledger_transfer t
             WHERE t.cluster_id = i.cluster_id AND t.journal = i.id AND t.kind = 'credit_applied') AS c ON true
           WHERE i.kind = 'invoice' AND (i.amount_paid <> p.amount OR i.credit_applied <> c.amount)""",
    ),
    Invariant(
        "subscriptions.payments",
        "A payment that succeeded moved exactly its amount, and no other moved anything.",
        """SELECT p.cluster_id, p.id, p.amount, l.amount FROM subscriptions_payment p
           LEFT JOIN LATERAL (
             SELECT coalesce(sum(amount), 0) AS amount FROM ledger_transfer t WHERE t.cluster_id = p.cluster_id
               AND t.journal = p.id AND t.kind IN ('invoice_paid', 'invoice_overpaid')) AS l ON true
           WHERE l.amount <> CASE WHEN p.status = 'succeeded' THEN p.amount ELSE 0 END""",
    ),
    Invariant(
        "subscriptions.refunds",
        "A refund moved exactly its amount while it is on its way, and nothing once it came back; a payment counts what is.",
        """SELECT r.cluster_id, r.id, r.amount, l.amount FROM subscriptions_refund r
           LEFT JOIN LATERAL (
             SELECT coalesce(sum(CASE t.kind WHEN 'invoice_refunded' THEN t.amount ELSE -t.amount END), 0) AS amount
             FROM ledger_transfer t WHERE t.cluster_id = r.cluster_id AND t.journal = r.id) AS l ON true
           WHERE l.amount <> CASE WHEN r.status IN ('failed', 'canceled') THEN 0 ELSE r.amount END
           UNION ALL
           SELECT p.cluster_id, p.id, p.refunded_minor, r.amount FROM subscriptions_payment p
           LEFT JOIN LATERAL (
             SELECT coalesce(sum(amount), 0) AS amount FROM subscriptions_refund r WHERE r.cluster_id = p.cluster_id
               AND r.payment_id = p.id AND r.status NOT IN ('failed', 'canceled')) AS r ON true
           WHERE p.refunded_minor <> r.amount""",
    ),
    Invariant(
        "subscriptions.came_back",
        "What came back of refunds by card is owed in the books until it is given again, and no more of it is given again.",
        """SELECT r.cluster_id, r.payment_id, r.owed, l.by_refunds, l.by_notes FROM (
             SELECT cluster_id, payment_id, array_agg(id) AS ids,
                    coalesce(sum(note_minor + credit_minor + owed_minor + loss_minor)
                             FILTER (WHERE status IN ('failed', 'canceled')), 0) - sum(owed_minor) AS owed
             FROM subscriptions_refund GROUP BY 1, 2) AS r
           LEFT JOIN LATERAL (
             SELECT coalesce(sum(t.signed) FILTER (WHERE t.journal <> r.payment_id), 0) AS by_refunds,
                    coalesce(sum(t.signed) FILTER (WHERE t.journal = r.payment_id), 0) AS by_notes FROM (
               SELECT t.journal, CASE WHEN t.credit = a.id THEN t.amount ELSE -t.amount END AS signed
               FROM ledger_transfer t JOIN ledger_account a ON a.cluster_id = t.cluster_id AND a.id IN (t.credit, t.debit)
               WHERE a.kind = 'refunds' AND t.cluster_id = r.cluster_id AND t.journal = ANY (r.ids || r.payment_id)) AS t
           ) AS l ON true
           WHERE l.by_refunds <> r.owed OR l.by_refunds + l.by_notes < 0""",
    ),
    Invariant(
        "subscriptions.disputes",
        "What a dispute took stands in the books while it is gone, where it is said to; a payment counts what is at stake.",
        """SELECT d.cluster_id, d.id, d.place, l.held FROM subscriptions_dispute d
           LEFT JOIN LATERAL (
             SELECT coalesce(sum(CASE WHEN a.id = t.debit THEN t.amount ELSE -t.amount END)
                      FILTER (WHERE a.kind = 'chargebacks'), 0) AS held,
                    coalesce(sum(CASE WHEN a.id = t.debit THEN t.amount ELSE -t.amount END)
                      FILTER (WHERE a.kind = 'bad_debts'), 0) AS lost
             FROM ledger_transfer t JOIN ledger_account a ON a.cluster_id = t.cluster_id AND a.id IN (t.debit, t.credit)
             WHERE t.cluster_id = d.cluster_id AND t.journal = d.id) AS l ON true
           WHERE l.held <> CASE d.place WHEN 'held' THEN d.amount ELSE 0 END
              OR l.lost <> CASE d.place WHEN 'lost' THEN d.amount ELSE 0 END
           UNION ALL
           SELECT p.cluster_id, p.id, '', p.disputed_minor FROM subscriptions_payment p
           LEFT JOIN LATERAL (
             SELECT coalesce(sum(amount), 0) AS amount FROM subscriptions_dispute d WHERE d.cluster_id = p.cluster_id
               AND d.payment_id = p.id AND (d.place <> 'with_us' OR d.status IN (
                 'warning_needs_response', 'warning_under_review', 'needs_response', 'under_review'))) AS d ON true
           WHERE p.disputed_minor <> d.amount""",
    ),
    Invariant(
        "subscriptions.receivables",
        "What the books say a customer owes is what is due of their open invoices.",
        """SELECT coalesce(i.cluster_id, a.cluster_id), coalesce(i.user_id, a.subject_id), i.due, a.owed FROM (
             SELECT cluster_id, user_id, currency, sum(total - credit_applied - amount_paid) AS due
             FROM subscriptions_invoice WHERE status = 'open' GROUP BY 1, 2, 3) AS i
           FULL JOIN (
             SELECT a.cluster_id, a.subject_id, a.currency,
                    sum(CASE WHEN t.debit = a.id THEN t.amount ELSE -t.amount END) AS owed
             FROM ledger_account a JOIN ledger_transfer t ON t.cluster_id = a.cluster_id AND a.id IN (t.debit, t.credit)
             WHERE a.kind = 'receivables' GROUP BY 1, 2, 3) AS a
             ON a.cluster_id = i.cluster_id AND a.subject_id = i.user_id AND a.currency = i.currency
           WHERE coalesce(i.due, 0) <> coalesce(a.owed, 0)""",
    ),
    Invariant(
        "subscriptions.credit",
        "No credit stands beside an open invoice of its customer that it would pay.",
        """SELECT i.cluster_id, i.id, i.invoice_number FROM subscriptions_invoice i
           JOIN ledger_account a ON a.cluster_id = i.cluster_id AND a.subject_id = i.user_id AND a.currency = i.currency
           WHERE i.status = 'open' AND i.stripe_invoice_id = '' AND a.kind = 'customer_credit' AND a.balance > 0""",
    ),
    Invariant(
        "subscriptions.usage",
        "What counts as used is the sum of the events that were recorded.",
        """SELECT u.cluster_id, u.subscription_id, u.feature_type, u.used FROM subscriptions_usage u
           LEFT JOIN LATERAL (
             SELECT coalesce(sum(usage_amount), 0) AS amount FROM subscriptions_usagerecord r
             WHERE r.cluster_id = u.cluster_id AND r.subscription_id = u.subscription_id
               AND r.feature_type = u.feature_type AND (u.level OR r.billing_period_start = u.starts_at)) AS r ON true
           WHERE u.used <> r.amount""",
    ),
    Invariant(
        "subscriptions.packs",
        "Units that a subscriber bought by card count once they are paid, and not before.",
        """SELECT i.cluster_id, i.id, i.invoice_number, i.status FROM subscriptions_invoice i
           LEFT JOIN subscriptions_usagepack p ON p.cluster_id = i.cluster_id AND p.invoice_id = i.id
           LEFT JOIN subscriptions_stripecall c
             ON c.cluster_id = i.cluster_id AND c.act = 'pack' AND c.stripe_id = i.stripe_invoice_id
           WHERE i.kind = 'invoice' AND i.stripe_invoice_id <> ''
             AND (c.id IS NOT NULL OR EXISTS (SELECT FROM subscriptions_invoiceline l
               WHERE l.cluster_id = i.cluster_id AND l.invoice_id = i.id AND l.kind = 'usage_pack'))
             AND ((i.status = 'paid') <> (p.id IS NOT NULL) OR p.id IS NOT NULL
               AND (p.feature_type, p.quantity, p.subscription_id)
                 IS DISTINCT FROM (c.terms->>'feature', (c.terms->>'units')::numeric, c.subscription_id))""",
    ),
    Invariant(
        "subscriptions.coupons",
        "A coupon counts every customer who used it.",
        """SELECT c.cluster_id, c.id, c.redeemed, count(r.id) FROM subscriptions_coupon c
           LEFT JOIN subscriptions_redemption r ON r.cluster_id = c.cluster_id AND r.coupon_id = c.id
           GROUP BY 1, 2, 3 HAVING c.redeemed <> count(r.id)""",
    ),
    Invariant(
        "subscriptions.history",
        "A subscription stands where its history ends.",
        """SELECT s.cluster_id, s.id, s.status, e.status FROM subscriptions_subscription s
           LEFT JOIN LATERAL (
             SELECT status, plan_id, interval, n, count(*) OVER () AS steps FROM subscriptions_event e
             WHERE e.cluster_id = s.cluster_id AND e.subscription_id = s.id ORDER BY n DESC LIMIT 1) AS e ON true
           WHERE (s.status, s.plan_id, s.interval) IS DISTINCT FROM (e.status, e.plan_id, e.interval) OR e.n <> e.steps""",
    ),
]
