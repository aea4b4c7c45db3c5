"""What the office paused is resumed by its member only once the office lets it go."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql
from clustr.recurring.types import StoppedBy

_STOPPED_BY = ", ".join(f"'{value}'" for value in StoppedBy)
RELEASED = f"""
ALTER TABLE recurring_payment DROP CONSTRAINT recurring_payment_stopped_by_check,
  ADD CONSTRAINT recurring_payment_stopped_by_check CHECK (stopped_by IN ({_STOPPED_BY}));
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("recurring", "0006_returned")]
    operations: ClassVar = [sql(RELEASED)]
