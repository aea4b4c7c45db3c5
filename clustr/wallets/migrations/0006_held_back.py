"""A payout may wait because its estate's books do not hold."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

CHECK = """
ALTER TABLE wallets_payout DROP CONSTRAINT wallets_payout_waits_for,
  ADD CONSTRAINT wallets_payout_waits_for CHECK (waits_for IN ('', 'cover', 'books'));
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("wallets", "0005_not_covered")]
    operations: ClassVar = [sql(CHECK)]
