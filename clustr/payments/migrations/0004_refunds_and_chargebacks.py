"""Refunds to the source, and chargebacks: more reasons to ask a person, and numbers of a provider's that are counted apart."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql
from clustr.payments.states import CaseKind

_KINDS = ", ".join(f"'{kind}'" for kind in CaseKind)

WIDER = f"""
ALTER TABLE payments_case DROP CONSTRAINT payments_case_kind_check,
  ADD CONSTRAINT payments_case_kind_check CHECK (kind IN ({_KINDS}));
-- A provider counts charges, payouts, refunds and disputes apart: one of each may have the same number.
DROP INDEX payments_transaction_provider_reference;
CREATE UNIQUE INDEX payments_transaction_provider_reference ON payments_transaction
  (cluster_id, provider, (CASE WHEN purpose IN ('payout', 'refund', 'chargeback') THEN purpose ELSE '' END),
   provider_reference) WHERE provider_reference <> '';
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("payments", "0003_under_way")]
    operations: ClassVar = [sql(WIDER)]
