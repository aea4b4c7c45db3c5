"""Every payment and acknowledgment is told to the member and to the office, whoever wrote it: a row beside it."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

TELLING = """
CREATE FUNCTION bills_tell_payments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO notifications_event (cluster_id, id, event, user_id, office_event, permission, subject_id, facts, at)
    SELECT p.cluster_id, p.id, 'payment_confirmed', p.user_id, 'cluster_wallet_credited', 'ViewWallet', p.id,
      jsonb_build_object('bill', t.description, 'what', t.description, 'bill_id', p.bill_id, 'reference', t.reference,
        'amount_minor', p.amount_minor, 'currency', t.currency, 'method', t.provider, 'member_user_id', p.user_id), p.at
    FROM made p JOIN payments_transaction t ON t.cluster_id = p.cluster_id AND t.id = p.id
    WHERE p.amount_minor > 0;
  RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER INSERT ON bills_billpayment REFERENCING NEW TABLE AS made
  FOR EACH STATEMENT EXECUTE FUNCTION bills_tell_payments();

CREATE FUNCTION bills_tell_acknowledgments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO notifications_event (cluster_id, id, event, user_id, office_event, permission, subject_id, facts, at)
    SELECT a.cluster_id, a.id, 'bill_acknowledged', a.user_id, 'bill_acknowledged', 'ViewPayments', a.bill_id,
      jsonb_build_object('bill', b.title, 'bill_number', b.bill_number, 'amount_minor', b.amount_minor,
        'currency', b.currency, 'due_date', b.due_date, 'member_user_id', a.user_id), a.at
    FROM made a JOIN bills_bill b ON b.cluster_id = a.cluster_id AND b.id = a.bill_id;
  RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER INSERT ON bills_acknowledgment REFERENCING NEW TABLE AS made
  FOR EACH STATEMENT EXECUTE FUNCTION bills_tell_acknowledgments();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("bills", "0002_direct_payments"), ("notifications", "0001_notifications")]
    operations: ClassVar = [sql(TELLING)]
