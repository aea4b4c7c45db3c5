"""What is bought from utilities is asked of a provider too, and may be taken back by it."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql
from clustr.payments.states import AttemptKind, CaseKind


def _one_of(values: type) -> str:
    return ", ".join(f"'{value}'" for value in values)


WIDER = f"""
ALTER TABLE payments_attempt DROP CONSTRAINT payments_attempt_kind_check,
  ADD CONSTRAINT payments_attempt_kind_check CHECK (kind IN ({_one_of(AttemptKind)}));
ALTER TABLE payments_case DROP CONSTRAINT payments_case_kind_check,
  ADD CONSTRAINT payments_case_kind_check CHECK (kind IN ({_one_of(CaseKind)}));
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("payments", "0005_settlements_by_day")]
    operations: ClassVar = [sql(WIDER)]
