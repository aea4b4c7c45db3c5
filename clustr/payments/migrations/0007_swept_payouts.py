"""Payouts that wait, and those that went, are found by one statement over all estates; so is what a settlement was for."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

SWEPT = """
CREATE INDEX payments_attempt_payouts ON payments_attempt (provider, started_at) WHERE kind = 'payout';
GRANT SELECT (kind, started_at) ON payments_attempt TO {sweep};
GRANT SELECT (cluster_id, id, purpose, status) ON payments_transaction TO {sweep};
CREATE POLICY sweep_reads ON payments_transaction FOR SELECT TO {sweep} USING (true);
GRANT SELECT (asked_id) ON payments_settlement TO {sweep};
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("payments", "0006_purchases")]
    operations: ClassVar = [sql(SWEPT)]
