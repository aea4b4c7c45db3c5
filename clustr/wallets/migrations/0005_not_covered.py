"""What a payout that may go waits for; those that wait are looked at after the others."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

COLUMN = """
ALTER TABLE wallets_payout ADD COLUMN waits_for text NOT NULL DEFAULT '',
  ADD CONSTRAINT wallets_payout_waits_for CHECK (waits_for IN ('', 'cover'));
GRANT SELECT (waits_for) ON wallets_payout TO {sweep};
"""

STATE = [migrations.AddField("payout", "waits_for", models.TextField(default=""))]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("wallets", "0004_swept_payouts")]
    operations: ClassVar = [migrations.SeparateDatabaseAndState([sql(COLUMN)], STATE)]
