"""A period that costs more than its card brought for it says so."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql
from clustr.recurring.automation_types import AutomationFailure

_FAILURES = ", ".join(f"'{value}'" for value in AutomationFailure)
WHY = f"""
ALTER TABLE recurring_automationrun DROP CONSTRAINT recurring_automationrun_failure_check,
  ADD CONSTRAINT recurring_automationrun_failure_check CHECK (failure IN ({_FAILURES}));
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("recurring", "0009_reminded")]
    operations: ClassVar = [sql(WHY)]
