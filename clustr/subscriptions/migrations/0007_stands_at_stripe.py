"""Where an invoice stands at Stripe is kept apart from where it stands here: only what is settled there is looked at no more.
And a new billing address is told to Stripe."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql
from clustr.subscriptions.states import Act

_ACTS = ", ".join(f"'{act}'" for act in Act)

ACTS = f"""
ALTER TABLE subscriptions_stripecall DROP CONSTRAINT subscriptions_stripecall_act_check,
  ADD CONSTRAINT subscriptions_stripecall_act_check CHECK (act IN ({_ACTS}));
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0006_cards")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            [sql("ALTER TABLE subscriptions_invoice ADD COLUMN stripe_status text NOT NULL DEFAULT '';")],
            [migrations.AddField("invoice", "stripe_status", models.TextField(default=""))],
        ),
        sql(ACTS),
    ]
