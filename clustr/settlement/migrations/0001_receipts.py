"""Receipts."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql, tenant_reference, tenant_table

TABLE = """
CREATE TABLE settlement_receipt (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  code text NOT NULL CHECK (code ~ '^[0-9A-HJKMNP-TV-Z]{16}$'),
  pdf bytea NOT NULL CHECK (length(pdf) > 0),
  digest bytea NOT NULL CHECK (digest = sha256(pdf)),
  issued_at timestamptz NOT NULL,
  CONSTRAINT settlement_receipt_pkey PRIMARY KEY (cluster_id, id)
);
CREATE UNIQUE INDEX settlement_receipt_by_code ON settlement_receipt (code);
"""

UNCHANGED = """
-- A receipt never changes. It goes only with the identity of the person it names.
CREATE TRIGGER unchanged BEFORE UPDATE ON settlement_receipt FOR EACH ROW EXECUTE FUNCTION kit_refuse_change();
ALTER TABLE settlement_receipt ENABLE ALWAYS TRIGGER unchanged;
"""

STATE = migrations.CreateModel(
    name="Receipt",
    fields=[
        ("id", models.UUIDField(primary_key=True, serialize=False)),
        ("cluster_id", models.UUIDField()),
        ("code", models.TextField()),
        ("pdf", models.BinaryField()),
        ("digest", models.BinaryField()),
        ("issued_at", models.DateTimeField()),
    ],
)


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = [("kit", "0001_functions"), ("payments", "0002_providers")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLE)], [STATE]),
        tenant_table("settlement_receipt", app="SELECT, INSERT, DELETE", key="", sweep_columns="cluster_id, id, code"),
        tenant_reference("settlement_receipt", "id", "payments_transaction"),
        sql(UNCHANGED),
    ]
