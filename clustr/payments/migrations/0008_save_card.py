"""Whether the payer of a checkout asked that their card be kept: no card is kept of anybody who did not."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

SAVE = """
ALTER TABLE payments_attempt ADD COLUMN save_card boolean NOT NULL DEFAULT false,
  ADD CONSTRAINT payments_attempt_saves_a_new_card CHECK (NOT save_card OR kind = 'charge' AND method_id IS NULL);
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("payments", "0007_swept_payouts")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            [sql(SAVE)], [migrations.AddField("attempt", "save_card", models.BooleanField(default=False))]
        ),
    ]
