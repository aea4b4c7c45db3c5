"""How far nights have compared what stands at Stripe: the next begins where a complete one ended."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql, tenant_table

TABLES = """
CREATE TABLE subscriptions_stripereconciliation (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  since timestamptz NOT NULL,
  until timestamptz NOT NULL,
  at timestamptz NOT NULL,
  complete boolean NOT NULL,
  followed integer NOT NULL,
  strange integer NOT NULL,
  unheard integer NOT NULL,
  returned integer NOT NULL,
  CONSTRAINT subscriptions_stripereconciliation_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT subscriptions_stripereconciliation_heard CHECK (NOT complete OR unheard = 0)
);
CREATE INDEX subscriptions_stripereconciliation_ended ON subscriptions_stripereconciliation (cluster_id, until)
  WHERE complete;
"""

STATE = [
    migrations.CreateModel(
        name="StripeReconciliation",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("since", models.DateTimeField()),
            ("until", models.DateTimeField()),
            ("at", models.DateTimeField()),
            ("complete", models.BooleanField()),
            ("followed", models.PositiveIntegerField()),
            ("strange", models.PositiveIntegerField()),
            ("unheard", models.PositiveIntegerField()),
            ("returned", models.PositiveIntegerField()),
        ],
    ),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0013_returns")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLES)], STATE),
        tenant_table("subscriptions_stripereconciliation", app="SELECT, INSERT", key=""),
    ]
