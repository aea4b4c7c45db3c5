"""Payouts that may be sent are found by one statement over all estates."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

SWEPT = """
GRANT SELECT (cluster_id, id, approval, sendable_at) ON wallets_payout TO {sweep};
CREATE POLICY sweep_reads ON wallets_payout FOR SELECT TO {sweep} USING (true);
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("wallets", "0003_bank_details")]
    operations: ClassVar = [sql(SWEPT)]
