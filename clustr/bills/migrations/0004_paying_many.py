"""Paying many members' bills in one statement: for standing orders."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

PAYING = """
-- For the sweeps that remind of bills which fall due and tell of those which have.
CREATE INDEX bills_bill_by_due_date ON bills_bill (cluster_id, due_date) WHERE cancelled_at IS NULL;

-- Hold the parts of these members' bills of these types that look open to be paid, in the order of all who hold several,
-- and answer what then remains of each: acknowledged in its present version, not disputed, cancelled or paid, and not too
-- late. The oldest first: by due date, then by number.
CREATE FUNCTION bills_hold_payable(p_members uuid[], p_types text[], p_at timestamptz)
RETURNS TABLE (member uuid, bill uuid, remaining bigint) LANGUAGE plpgsql AS $$
DECLARE
  tenant uuid := kit_tenant();
  bills uuid[];
  members uuid[];
BEGIN
  SELECT array_agg(c.bill ORDER BY c.bill, c.member), array_agg(c.member ORDER BY c.bill, c.member) INTO bills, members
  FROM (
    SELECT DISTINCT b.id AS bill, m.member FROM unnest(p_members, p_types) AS m(member, type)
    JOIN bills_bill b ON b.cluster_id = tenant AND b.type = m.type AND b.user_id IS NULL AND b.cancelled_at IS NULL
      AND (b.due_date >= p_at OR b.allow_payment_after_due)
    JOIN bills_acknowledgment k ON k.cluster_id = tenant AND k.bill_id = b.id AND k.user_id = m.member
      AND k.version = b.version
    LEFT JOIN bills_memberbill p ON p.cluster_id = tenant AND p.bill_id = b.id AND p.user_id = m.member
    WHERE coalesce(p.paid_minor, 0) < b.amount_minor
    UNION ALL
    SELECT DISTINCT b.id, m.member FROM unnest(p_members, p_types) AS m(member, type)
    JOIN bills_bill b ON b.cluster_id = tenant AND b.user_id = m.member AND b.type = m.type AND b.cancelled_at IS NULL
      AND (b.due_date >= p_at OR b.allow_payment_after_due)
    JOIN bills_acknowledgment k ON k.cluster_id = tenant AND k.bill_id = b.id AND k.user_id = m.member
      AND k.version = b.version
    LEFT JOIN bills_memberbill p ON p.cluster_id = tenant AND p.bill_id = b.id AND p.user_id = m.member
    WHERE coalesce(p.paid_minor, 0) < b.amount_minor) AS c;
  PERFORM bills_lock_part(t.bill, t.member)
    FROM (SELECT * FROM unnest(bills, members) AS u(bill, member) ORDER BY u.bill, u.member) AS t;
  RETURN QUERY
    SELECT t.member, t.bill, o.due_minor - o.paid_minor FROM unnest(bills, members) AS t(bill, member)
    CROSS JOIN LATERAL bills_owed_by(t.bill, t.member) AS o
    WHERE o.cancelled_at IS NULL AND o.paid_minor < o.due_minor AND o.dispute_id IS NULL
      AND o.acknowledged_at IS NOT NULL AND (p_at <= o.due_date OR o.allow_payment_after_due)
    ORDER BY t.member, o.due_date, o.bill_number;
END $$;

-- Pay on many bills from their members' wallets, whose parts the caller holds: all of one wallet's or none, as its balance
-- covers them. Every payment passes the same rules as a single one. Answers for each wallet `posted`, or why not.
CREATE FUNCTION bills_pay_many(
  p_bills uuid[], p_members uuid[], p_wallets uuid[], p_amounts bigint[], p_transactions uuid[], p_references text[],
  p_currency text, p_at timestamptz, p_action text
) RETURNS TABLE (wallet uuid, verdict text, short bigint) LANGUAGE plpgsql AS $$
DECLARE
  tenant uuid := kit_tenant();
  into_account uuid := ledger_open_account(gen_random_uuid(), 'cluster_wallet', p_currency, NULL, false, false);
  owed bills_owed[];
  wallets uuid[];
  verdicts text[];
  shorts bigint[];
  made uuid[];
  raised bigint;
BEGIN
  PERFORM bills_refuse_payment(o, p_at) FROM unnest(p_bills, p_members) AS t(bill, member)
    LEFT JOIN LATERAL bills_owed_by(t.bill, t.member) AS o ON true;
  SELECT array_agg(o ORDER BY t.n) INTO owed FROM unnest(p_bills, p_members) WITH ORDINALITY AS t(bill, member, n)
    CROSS JOIN LATERAL bills_owed_by(t.bill, t.member) AS o;
  SELECT array_agg(v.account), array_agg(v.verdict), array_agg(v.short) INTO wallets, verdicts, shorts
    FROM ledger_post_covered(p_transactions, p_wallets, into_account, p_amounts, 'bill_payment',
      ARRAY(SELECT o.type FROM unnest(owed) WITH ORDINALITY AS o ORDER BY o.ordinality), p_at) AS v;
  WITH paid AS (
    INSERT INTO payments_transaction (cluster_id, id, reference, type, status, amount_minor, currency, provider,
        user_id, purpose, subject_id, description, created_at, completed_at)
      SELECT tenant, t.id, t.reference, 'bill_payment', 'completed', t.amount, o.currency, 'wallet', t.member, 'bill',
        t.bill, o.title, greatest(p_at, o.acknowledged_at), greatest(p_at, o.acknowledged_at)
      FROM unnest(p_bills, p_members, p_wallets, p_amounts, p_transactions, p_references) WITH ORDINALITY
        AS t(bill, member, wallet, amount, id, reference, n)
      JOIN unnest(wallets, verdicts) AS v(wallet, verdict) ON v.wallet = t.wallet AND v.verdict = 'posted'
      JOIN unnest(owed) WITH ORDINALITY AS o ON o.ordinality = t.n
      RETURNING id
  ) SELECT coalesce(array_agg(paid.id), '{}') INTO made FROM paid;
  INSERT INTO bills_memberbill AS m (cluster_id, bill_id, user_id, paid_minor)
    SELECT tenant, t.bill, t.member, t.amount
    FROM unnest(p_bills, p_members, p_amounts, p_transactions) AS t(bill, member, amount, id)
    JOIN unnest(made) AS d(id) ON d.id = t.id
    ON CONFLICT (cluster_id, bill_id, user_id) DO UPDATE SET paid_minor = m.paid_minor + EXCLUDED.paid_minor
      WHERE m.paid_minor + EXCLUDED.paid_minor <= (
        SELECT o.due_minor FROM bills_owed_by(EXCLUDED.bill_id, EXCLUDED.user_id) AS o);
  GET DIAGNOSTICS raised = ROW_COUNT;
  PERFORM 1 FROM unnest(p_amounts, p_transactions) WITH ORDINALITY AS t(amount, id, n)
    JOIN unnest(owed) WITH ORDINALITY AS o ON o.ordinality = t.n
    WHERE t.amount > o.due_minor - o.paid_minor;
  IF FOUND OR raised <> cardinality(made) THEN
    PERFORM kit_refuse('amount_exceeds_remaining');
  END IF;
  INSERT INTO bills_billpayment (cluster_id, id, bill_id, user_id, version, amount_minor, settles, at)
    SELECT tenant, t.id, t.bill, t.member, o.version, t.amount,
      (o.due_minor = o.amount_minor AND o.paid_minor + t.amount >= o.due_minor)::int,
      greatest(p_at, o.acknowledged_at)
    FROM unnest(p_bills, p_members, p_amounts, p_transactions) WITH ORDINALITY AS t(bill, member, amount, id, n)
    JOIN unnest(made) AS d(id) ON d.id = t.id
    JOIN unnest(owed) WITH ORDINALITY AS o ON o.ordinality = t.n;
  PERFORM audit_record_batch(p_at, NULL, p_action, 'bill', array_agg(t.bill), '', NULL, '', '',
      array_agg(jsonb_build_object('amount_minor', t.amount, 'currency', p_currency, 'user_id', t.member)),
      array_agg(t.id))
    FROM unnest(p_bills, p_members, p_amounts, p_transactions) AS t(bill, member, amount, id)
    JOIN unnest(made) AS d(id) ON d.id = t.id
    HAVING count(*) > 0;
  RETURN QUERY SELECT * FROM unnest(wallets, verdicts, shorts);
END $$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("bills", "0003_telling"), ("ledger", "0002_covered")]
    operations: ClassVar = [sql(PAYING)]
