"""A period that a card cannot pay, because it is less or more than its provider takes at once, says so."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql
from clustr.recurring.automation_types import AutomationFailure
from clustr.recurring.types import RunFailure

_OF_ORDERS = ", ".join(f"'{value}'" for value in RunFailure)
_OF_AUTOMATIONS = ", ".join(f"'{value}'" for value in AutomationFailure)
WHY = f"""
ALTER TABLE recurring_run DROP CONSTRAINT recurring_run_failure_check,
  ADD CONSTRAINT recurring_run_failure_check CHECK (failure IN ({_OF_ORDERS}));
ALTER TABLE recurring_automationrun DROP CONSTRAINT recurring_automationrun_failure_check,
  ADD CONSTRAINT recurring_automationrun_failure_check CHECK (failure IN ({_OF_AUTOMATIONS}));
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("recurring", "0007_released")]
    operations: ClassVar = [sql(WHY)]
