"""A slip that was recorded for the wrong member, and taken back whole, may be recorded for the right one."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

# A deposit by hand is refunded by that alone; a bill's payment by hand may be refunded too, and its slip has counted.
FREED = """
CREATE UNIQUE INDEX payments_transaction_offline_once ON payments_transaction
  (cluster_id, provider, lower(regexp_replace(provider_reference, '[^[:alnum:]]', '', 'g')))
  WHERE provider IN ('cash', 'bank_transfer', 'pos') AND provider_reference <> ''
    AND NOT (purpose = 'wallet' AND status = 'refunded');
DROP INDEX payments_transaction_offline_reference;
ALTER INDEX payments_transaction_offline_once RENAME TO payments_transaction_offline_reference;
CREATE UNIQUE INDEX payments_transaction_provider_once ON payments_transaction
  (cluster_id, provider, (purpose = 'payout'), provider_reference)
  WHERE provider_reference <> '' AND provider NOT IN ('cash', 'bank_transfer', 'pos');
DROP INDEX payments_transaction_provider_reference;
ALTER INDEX payments_transaction_provider_once RENAME TO payments_transaction_provider_reference;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("payments", "0011_cases_at_stripe")]
    operations: ClassVar = [sql(FREED)]
