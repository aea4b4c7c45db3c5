"""An estate whose books do not hold sends no money out until a person has looked."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql, tenant_table

ONCE = """
CREATE UNIQUE INDEX payments_hold_once ON payments_hold (cluster_id, invariant) WHERE released_at IS NULL;
ALTER TABLE payments_hold ADD CONSTRAINT payments_hold_released
  CHECK ((released_at IS NULL) = (released_by IS NULL));
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("payments", "0008_save_card")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("cluster_id", models.UUIDField()),
                ("invariant", models.TextField()),
                ("held_at", models.DateTimeField()),
                ("released_at", models.DateTimeField(null=True)),
                ("released_by", models.UUIDField(null=True)),
                ("reason", models.TextField(default="")),
                ("accepted_until", models.DateTimeField(null=True)),
            ],
        ),
        tenant_table("payments_hold"),
        sql(ONCE),
    ]
