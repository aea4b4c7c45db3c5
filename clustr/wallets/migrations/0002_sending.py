"""Payees: the bank accounts money was sent to, so that a new one waits; and when a payout may be sent."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql, tenant_reference, tenant_table

TABLE = """
CREATE TABLE wallets_payee (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  owner_id uuid,
  fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
  first_used_at timestamptz NOT NULL,
  CONSTRAINT wallets_payee_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT wallets_payee_once UNIQUE NULLS NOT DISTINCT (cluster_id, owner_id, fingerprint)
);
ALTER TABLE wallets_payout ADD COLUMN payee_id uuid NOT NULL, ADD COLUMN sendable_at timestamptz NOT NULL;
"""

STATE = [
    migrations.CreateModel(
        name="Payee",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("owner_id", models.UUIDField(null=True)),
            ("fingerprint", models.BinaryField()),
            ("first_used_at", models.DateTimeField()),
        ],
    ),
    migrations.AddField("payout", "payee_id", models.UUIDField(), preserve_default=False),
    migrations.AddField("payout", "sendable_at", models.DateTimeField(), preserve_default=False),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("wallets", "0001_wallets")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLE)], STATE),
        tenant_table("wallets_payee", app="SELECT, INSERT", key=""),
        tenant_reference("wallets_payout", "payee_id", "wallets_payee"),
    ]
