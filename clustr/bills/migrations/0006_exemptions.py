"""Who owes nothing on a bill owes nothing either once its amount is changed."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

COLUMN = """
ALTER TABLE bills_adjustment
  ADD COLUMN exempts boolean NOT NULL DEFAULT false,
  DROP CONSTRAINT bills_adjustment_amount_minor_check,
  ADD CONSTRAINT bills_adjustment_lowers CHECK (amount_minor > 0 OR amount_minor = 0 AND exempts);
DROP INDEX bills_adjustment_of_member;
CREATE INDEX bills_adjustment_of_member ON bills_adjustment (cluster_id, bill_id, user_id)
  INCLUDE (amount_minor, exempts);
"""

STANDING = """
-- As before, but who was exempted owes nothing, whatever the bill's amount has become since.
CREATE OR REPLACE FUNCTION bills_standing(
  p_cluster uuid, p_bill uuid, p_member uuid, p_amount bigint, p_version integer,
  OUT due_minor bigint, OUT paid_minor bigint, OUT acknowledged_at timestamptz, OUT dispute_id uuid
) RETURNS SETOF record LANGUAGE sql STABLE AS $$
  SELECT
    greatest(0, p_amount - coalesce((
      SELECT sum(CASE WHEN a.exempts THEN p_amount ELSE a.amount_minor END)::bigint FROM bills_adjustment a
      WHERE a.cluster_id = p_cluster AND a.bill_id = p_bill AND a.user_id = p_member), 0)),
    coalesce((SELECT m.paid_minor FROM bills_memberbill m
      WHERE m.cluster_id = p_cluster AND m.bill_id = p_bill AND m.user_id = p_member), 0),
    (SELECT k.at FROM bills_acknowledgment k
      WHERE k.cluster_id = p_cluster AND k.bill_id = p_bill AND k.user_id = p_member AND k.version = p_version),
    (SELECT d.id FROM bills_dispute d
      WHERE d.cluster_id = p_cluster AND d.bill_id = p_bill AND d.user_id = p_member AND d.state = 'open')
$$;

-- As before: what the few members owe for whom it was lowered is asked of the one place that says so.
CREATE OR REPLACE FUNCTION bills_amount_billed(p_bill bills_bill) RETURNS numeric LANGUAGE sql STABLE AS $$
  SELECT bills_members_billed(p_bill)::numeric * p_bill.amount_minor - coalesce((
    SELECT sum(p_bill.amount_minor - s.due_minor) FROM (
      SELECT DISTINCT a.user_id FROM bills_adjustment a
      WHERE a.cluster_id = kit_tenant() AND a.bill_id = p_bill.id) AS lowered
    CROSS JOIN LATERAL bills_standing(p_bill.cluster_id, p_bill.id, lowered.user_id, p_bill.amount_minor,
                                      p_bill.version) AS s
    WHERE bills_reaches(p_bill, lowered.user_id)), 0)
$$;
"""

# Which of those made before this were exemptions is what the trail says of the disputes that they answered.
FOUND = """
ALTER TABLE bills_adjustment NO FORCE ROW LEVEL SECURITY, DISABLE TRIGGER append_only;
ALTER TABLE bills_dispute NO FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_event NO FORCE ROW LEVEL SECURITY;
UPDATE bills_adjustment a SET exempts = true FROM bills_dispute d, audit_event e
  WHERE d.cluster_id = a.cluster_id AND d.bill_id = a.bill_id AND d.user_id = a.user_id AND d.closed_at = a.at
    AND d.state = 'upheld' AND e.cluster_id = d.cluster_id AND e.subject_id = d.id
    AND e.action = 'bills.dispute_resolved' AND (e.changes ->> 'amount_due')::numeric = 0;
ALTER TABLE audit_event FORCE ROW LEVEL SECURITY;
ALTER TABLE bills_dispute FORCE ROW LEVEL SECURITY;
ALTER TABLE bills_adjustment FORCE ROW LEVEL SECURITY, ENABLE ALWAYS TRIGGER append_only;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("bills", "0005_utility_bills"), ("audit", "0002_chain")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            [sql(COLUMN), sql(FOUND)],
            [migrations.AddField("adjustment", "exempts", models.BooleanField(default=False))],
        ),
        sql(STANDING),
    ]
