"""Who issued a document, kept with it; and corrections of invoices that were paid."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql
from clustr.subscriptions.types import LineKind

_KINDS = ", ".join(f"'{kind}'" for kind in LineKind)

COLUMNS = f"""
ALTER TABLE subscriptions_invoice ADD COLUMN seller jsonb NOT NULL DEFAULT '{{}}'
  CHECK (jsonb_typeof(seller) = 'object');
ALTER TABLE subscriptions_invoiceline DROP CONSTRAINT subscriptions_invoiceline_kind_check,
  ADD CONSTRAINT subscriptions_invoiceline_kind_check CHECK (kind IN ({_KINDS}));
"""

KEEPING = """
CREATE FUNCTION subscriptions_keep_sellers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.seller IS DISTINCT FROM OLD.seller THEN
    RAISE EXCEPTION 'an invoice is corrected by a credit note, never changed' USING ERRCODE = 'restrict_violation';
  ELSIF OLD.irn <> '' AND NEW.irn <> OLD.irn THEN
    RAISE EXCEPTION 'what a tax authority has cleared stays cleared' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER subscriptions_invoice_seller_kept BEFORE UPDATE ON subscriptions_invoice
  FOR EACH ROW EXECUTE FUNCTION subscriptions_keep_sellers();
ALTER TABLE subscriptions_invoice ENABLE ALWAYS TRIGGER subscriptions_invoice_seller_kept;
"""

STATE = [migrations.AddField("invoice", "seller", models.JSONField(default=dict))]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0004_stripe")]
    operations: ClassVar = [migrations.SeparateDatabaseAndState([sql(COLUMNS)], STATE), sql(KEEPING)]
