"""Reconciliation finds what was settled in a span of time by one statement over all estates."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

SWEPT = """
CREATE INDEX payments_settlement_by_day ON payments_settlement (provider, paid_at);
GRANT SELECT (cluster_id, id, provider, provider_id, paid_at) ON payments_settlement TO {sweep};
CREATE POLICY sweep_reads ON payments_settlement FOR SELECT TO {sweep} USING (true);
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("payments", "0004_refunds_and_chargebacks")]
    operations: ClassVar = [sql(SWEPT)]
