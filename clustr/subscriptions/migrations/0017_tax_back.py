"""An invoice of Stripe's may give back more tax than it charges: what is unused was taxed at the rate of another address."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

TAX_BACK = """
ALTER TABLE subscriptions_invoice DROP CONSTRAINT subscriptions_invoice_tax_amount_check,
  ADD CONSTRAINT subscriptions_invoice_tax_amount_check CHECK (tax_amount >= 0 OR stripe_invoice_id <> '');
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0016_coupon_events")]
    operations: ClassVar = [sql(TAX_BACK)]
