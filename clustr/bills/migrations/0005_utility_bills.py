"""Bills that members make themselves, by buying from a utility: they are paid by their purchase and by nothing else."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

COLUMNS = """
ALTER TABLE bills_bill
  ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
  ADD COLUMN is_automated boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT bills_bill_automated_by_its_member CHECK (NOT is_automated OR category = 'user_managed');
"""

RULES = """
-- As before, with the columns of `bills_owed` named one by one: the table has more.
CREATE OR REPLACE FUNCTION bills_owed_by(p_bill uuid, p_member uuid) RETURNS SETOF bills_owed LANGUAGE sql STABLE AS $$
  SELECT b.cluster_id, b.id, b.user_id, b.bill_number, b.title, b.description, b.type, b.category, b.amount_minor,
    b.currency, b.due_date, b.allow_payment_after_due, b.members_at_issue_only, b.issued_at, b.created_by, b.cancelled_at,
    b.cancelled_by, b.cancel_reason, b.version, b.terms_digest, b.utility_provider_id, p_member, s.*
  FROM bills_bill b
  CROSS JOIN LATERAL bills_standing(b.cluster_id, b.id, p_member, b.amount_minor, b.version) AS s
  WHERE b.cluster_id = kit_tenant() AND b.id = p_bill AND bills_reaches(b, p_member)
$$;

-- Refuse to take a payment, or pass. The same rules, in the same order, as Python's `policies.refuse_payment`. What stands
-- for a purchase from a utility is refused first: its money goes to the vendor, not to the cluster.
CREATE OR REPLACE FUNCTION bills_refuse_payment(owed bills_owed, moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF owed.id IS NULL THEN
    PERFORM kit_refuse('bill_not_found');
  ELSIF owed.category = 'user_managed' THEN
    PERFORM kit_refuse('bill_managed_by_member');
  ELSIF owed.cancelled_at IS NOT NULL THEN
    PERFORM kit_refuse('bill_cancelled');
  ELSIF owed.paid_minor >= owed.due_minor THEN
    PERFORM kit_refuse('bill_already_paid');
  ELSIF owed.dispute_id IS NOT NULL THEN
    PERFORM kit_refuse('bill_disputed');
  ELSIF owed.acknowledged_at IS NULL THEN
    PERFORM kit_refuse('bill_not_acknowledged');
  ELSIF moment > owed.due_date AND NOT owed.allow_payment_after_due THEN
    PERFORM kit_refuse('bill_past_due');
  END IF;
END $$;

-- Write down that a utility has sold what a bill stands for: the whole of it, in one payment, to whoever consented. The
-- caller holds the member's part of the bill and the transaction, moves the money and completes the transaction.
CREATE FUNCTION bills_settle_utility(p_transaction uuid, p_bill uuid, p_member uuid, p_amount bigint, p_at timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  tenant uuid := kit_tenant();
  owed bills_owed;
BEGIN
  SELECT * INTO owed FROM bills_owed_by(p_bill, p_member);
  IF owed.id IS NULL OR owed.category <> 'user_managed' THEN
    PERFORM kit_refuse('bill_not_found');
  ELSIF owed.cancelled_at IS NOT NULL THEN
    PERFORM kit_refuse('bill_cancelled');
  ELSIF owed.acknowledged_at IS NULL THEN
    PERFORM kit_refuse('bill_not_acknowledged');
  ELSIF owed.paid_minor <> 0 OR p_amount <> owed.due_minor THEN
    PERFORM kit_refuse('bill_already_paid');
  END IF;
  INSERT INTO bills_memberbill (cluster_id, bill_id, user_id, paid_minor) VALUES (tenant, p_bill, p_member, p_amount);
  INSERT INTO bills_billpayment (cluster_id, id, bill_id, user_id, version, amount_minor, settles, at)
    VALUES (tenant, p_transaction, p_bill, p_member, owed.version, p_amount, 1, greatest(p_at, owed.acknowledged_at));
END $$;
"""

TELLING = """
-- As before, but for what stands for a purchase from a utility: its money does not reach the cluster's wallet, and it is the
-- member's own affair, of which they are told by the room that buys.
CREATE OR REPLACE FUNCTION bills_tell_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO notifications_event (cluster_id, id, event, user_id, office_event, permission, subject_id, facts, at)
    SELECT p.cluster_id, p.id, 'payment_confirmed', p.user_id, 'cluster_wallet_credited', 'ViewWallet', p.id,
      jsonb_build_object('bill', t.description, 'what', t.description, 'bill_id', p.bill_id, 'reference', t.reference,
        'amount_minor', p.amount_minor, 'currency', t.currency, 'method', t.provider, 'member_user_id', p.user_id), p.at
    FROM made p JOIN payments_transaction t ON t.cluster_id = p.cluster_id AND t.id = p.id
    WHERE p.amount_minor > 0 AND t.purpose <> 'utility';
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION bills_tell_acknowledgments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO notifications_event (cluster_id, id, event, user_id, office_event, permission, subject_id, facts, at)
    SELECT a.cluster_id, a.id, 'bill_acknowledged', a.user_id, 'bill_acknowledged', 'ViewPayments', a.bill_id,
      jsonb_build_object('bill', b.title, 'bill_number', b.bill_number, 'amount_minor', b.amount_minor,
        'currency', b.currency, 'due_date', b.due_date, 'member_user_id', a.user_id), a.at
    FROM made a JOIN bills_bill b ON b.cluster_id = a.cluster_id AND b.id = a.bill_id
    WHERE b.category <> 'user_managed';
  RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("bills", "0004_paying_many")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            [sql(COLUMNS)],
            [
                migrations.AddField("bill", "metadata", models.JSONField(default=dict)),
                migrations.AddField("bill", "is_automated", models.BooleanField(default=False)),
            ],
        ),
        sql(RULES),
        sql(TELLING),
    ]
