"""What providers hold beside what the books say, what they paid to the operator's bank, and what of it is the operator's."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import append_only, sql

WALLS = """
CREATE INDEX settlement_held_latest ON settlement_held (provider, currency, at DESC, id DESC);
ALTER TABLE settlement_banked ADD CONSTRAINT settlement_banked_once UNIQUE (provider, provider_id);
ALTER TABLE settlement_own_funds ADD CONSTRAINT settlement_own_funds_moves CHECK (amount_minor <> 0 AND reason <> '');
REVOKE ALL ON settlement_held, settlement_banked, settlement_own_funds FROM {app}, {sweep}, {checker}, PUBLIC;
GRANT SELECT, INSERT ON settlement_held, settlement_banked, settlement_own_funds TO {app};
GRANT SELECT ON settlement_held, settlement_banked, settlement_own_funds TO {checker};
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("settlement", "0004_payouts_compared")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="HeldByProvider",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("provider", models.TextField()),
                ("currency", models.CharField(max_length=3)),
                ("at", models.DateTimeField()),
                ("books_minor", models.BigIntegerField()),
                ("own_minor", models.BigIntegerField()),
                ("banked_minor", models.BigIntegerField()),
                ("held_minor", models.BigIntegerField()),
                ("collected_minor", models.BigIntegerField(null=True)),
                ("unsettled_minor", models.BigIntegerField()),
                ("going_minor", models.BigIntegerField()),
                ("difference_minor", models.BigIntegerField()),
                ("exact", models.BooleanField()),
            ],
            options={"db_table": "settlement_held"},
        ),
        migrations.CreateModel(
            name="BankedSettlement",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("provider", models.TextField()),
                ("provider_id", models.TextField()),
                ("currency", models.CharField(max_length=3)),
                ("gross_minor", models.BigIntegerField()),
                ("fee_minor", models.BigIntegerField()),
                ("net_minor", models.BigIntegerField()),
                ("settled_at", models.DateTimeField(null=True)),
                ("seen_at", models.DateTimeField()),
            ],
            options={"db_table": "settlement_banked"},
        ),
        migrations.CreateModel(
            name="OwnFunds",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("provider", models.TextField()),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("reason", models.TextField()),
                ("noted_by", models.UUIDField()),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "settlement_own_funds"},
        ),
        sql(WALLS),
        append_only("settlement_held"),
        append_only("settlement_banked"),
        append_only("settlement_own_funds"),
    ]
