"""What an estate's plan allows it, written down here by who sells the plans."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql, tenant_table

TABLE = """
CREATE TABLE clusters_planallowance (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  plan text NOT NULL CHECK (plan <> ''),
  limits jsonb NOT NULL CHECK (jsonb_typeof(limits) = 'object'),
  counted_from timestamptz NOT NULL,
  stopped_at timestamptz,
  written_at timestamptz NOT NULL,
  CONSTRAINT clusters_planallowance_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT clusters_planallowance_one CHECK (id = cluster_id)
);
"""

STATE = [
    migrations.CreateModel(
        name="PlanAllowance",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("plan", models.TextField()),
            ("limits", models.JSONField(default=dict)),
            ("counted_from", models.DateTimeField()),
            ("stopped_at", models.DateTimeField(null=True)),
            ("written_at", models.DateTimeField()),
        ],
    )
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("clusters", "0002_locale")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLE)], STATE),
        tenant_table("clusters_planallowance", key=""),
    ]
