"""The estate's own bank account, each that ever was."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import append_only, sql, tenant_reference, tenant_table

TABLE = """
CREATE TABLE wallets_bankdetails (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  payee_id uuid NOT NULL,
  destination bytea NOT NULL,
  kept_by uuid NOT NULL,
  kept_at timestamptz NOT NULL,
  CONSTRAINT wallets_bankdetails_pkey PRIMARY KEY (cluster_id, id)
)
"""

STATE = [
    migrations.CreateModel(
        name="BankDetails",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("payee_id", models.UUIDField()),
            ("destination", models.BinaryField()),
            ("kept_by", models.UUIDField()),
            ("kept_at", models.DateTimeField()),
        ],
    ),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("wallets", "0002_sending")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLE)], STATE),
        tenant_table("wallets_bankdetails", app="SELECT, INSERT", key=""),
        tenant_reference("wallets_bankdetails", "payee_id", "wallets_payee"),
        append_only("wallets_bankdetails"),
    ]
