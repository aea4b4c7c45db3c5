"""Money that a provider took for a bill."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

SETTLING = """
-- Put money that a provider took on the bill it was asked for, if what stood when its checkout was started still stands:
-- the terms (p_version), and room for the whole amount. A dispute that came later does not turn the money away. Answers ''
-- if it was put there, else why not, with nothing changed. The caller holds the member's part of the bill and the
-- transaction, and completes the transaction.
CREATE FUNCTION bills_settle_direct(
  p_transaction uuid, p_bill uuid, p_member uuid, p_amount bigint, p_version integer, p_from uuid, p_to uuid,
  p_paid_at timestamptz, p_at timestamptz
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  tenant uuid := kit_tenant();
  owed bills_owed;
  settled_at timestamptz;
BEGIN
  SELECT * INTO owed FROM bills_owed o WHERE o.cluster_id = tenant AND o.id = p_bill AND o.member_id = p_member;
  IF owed.id IS NULL THEN
    RETURN 'bill_not_found';
  ELSIF owed.cancelled_at IS NOT NULL THEN
    RETURN 'bill_cancelled';
  ELSIF owed.version <> p_version THEN
    RETURN 'bill_changed';
  ELSIF owed.acknowledged_at IS NULL THEN
    RETURN 'bill_not_acknowledged';
  ELSIF owed.paid_minor >= owed.due_minor THEN
    RETURN 'bill_already_paid';
  ELSIF p_amount > owed.due_minor - owed.paid_minor THEN
    RETURN 'amount_exceeds_remaining';
  ELSIF p_paid_at > owed.due_date AND NOT owed.allow_payment_after_due THEN
    RETURN 'bill_past_due';
  END IF;
  settled_at := greatest(p_at, owed.acknowledged_at);
  INSERT INTO bills_memberbill AS m (cluster_id, bill_id, user_id, paid_minor)
    VALUES (tenant, p_bill, p_member, p_amount)
    ON CONFLICT (cluster_id, bill_id, user_id) DO UPDATE SET paid_minor = m.paid_minor + EXCLUDED.paid_minor
      WHERE m.paid_minor + EXCLUDED.paid_minor <= owed.due_minor;
  IF NOT FOUND THEN
    RETURN 'amount_exceeds_remaining';
  END IF;
  INSERT INTO bills_billpayment (cluster_id, id, bill_id, user_id, version, amount_minor, settles, at)
    VALUES (tenant, p_transaction, p_bill, p_member, owed.version, p_amount,
      (owed.due_minor = owed.amount_minor AND owed.paid_minor + p_amount >= owed.due_minor)::int, settled_at);
  PERFORM ledger_post(ARRAY[p_transaction], ARRAY[p_from], ARRAY[p_to], ARRAY[p_amount], ARRAY['bill_payment'],
    ARRAY[owed.type], ARRAY[p_transaction], ARRAY[NULL::uuid], settled_at);
  PERFORM audit_record(NULL, settled_at, NULL, 'bills.paid_directly', 'bill', p_bill, '', NULL, '', '',
    jsonb_build_object('amount_minor', p_amount, 'currency', owed.currency, 'user_id', p_member), p_transaction);
  RETURN '';
END $$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("bills", "0001_bills"), ("payments", "0002_providers")]
    operations: ClassVar = [sql(SETTLING)]
