"""What somebody must see to at Stripe is a case too."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql
from clustr.payments.states import CaseKind

_KINDS = ", ".join(f"'{kind}'" for kind in CaseKind)

WIDER = f"""
ALTER TABLE payments_case DROP CONSTRAINT payments_case_kind_check,
  ADD CONSTRAINT payments_case_kind_check CHECK (kind IN ({_KINDS}));
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("payments", "0010_balance_cases")]
    operations: ClassVar = [sql(WIDER)]
