"""Whose bank account a payout goes to, as the bank says, and whether that is the name that was typed."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

COLUMNS = """
ALTER TABLE wallets_payout ADD COLUMN holder bytea,
  ADD COLUMN name_check text NOT NULL DEFAULT 'not_checked',
  ADD CONSTRAINT wallets_payout_name_check CHECK (name_check IN ('same', 'differs', 'unnamed', 'not_checked')),
  ADD CONSTRAINT wallets_payout_checked_by_holder CHECK ((holder IS NULL) = (name_check = 'not_checked'));
"""

STATE = [
    migrations.AddField("payout", "holder", models.BinaryField(null=True)),
    migrations.AddField("payout", "name_check", models.TextField(default="not_checked", db_default="not_checked")),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("wallets", "0006_held_back")]
    operations: ClassVar = [migrations.SeparateDatabaseAndState([sql(COLUMNS)], STATE)]
