"""Payments under way, found without reading those that have ended: for the figures that operators watch."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

INDEX = """
CREATE INDEX payments_transaction_open ON payments_transaction (status, type, provider, created_at)
  WHERE status IN ('pending', 'processing', 'unknown');
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("payments", "0002_providers")]
    operations: ClassVar = [sql(INDEX)]
