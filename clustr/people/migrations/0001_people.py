"""People, the mail that waits, erasures, and the counters that slow down guessing."""

from typing import ClassVar

import django.db.models.functions.text
from django.db import migrations, models

import clustr.kit.ids
from clustr.kit.schema import append_only, sql

RIGHTS = """
REVOKE ALL ON people_user, people_mail, people_erasure FROM {app}, {sweep}, {checker}, PUBLIC;
GRANT SELECT, INSERT, UPDATE ON people_user TO {app};
GRANT SELECT (id, is_active, erased_at) ON people_user TO {checker};
GRANT SELECT, INSERT, DELETE ON people_mail TO {app};
GRANT SELECT, INSERT ON people_erasure TO {app};
GRANT SELECT ON people_erasure TO {checker}
"""

COUNTERS = """
CREATE UNLOGGED TABLE people_cache (
  key text COLLATE "C" PRIMARY KEY,
  value jsonb NOT NULL,
  expires_at timestamptz NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX people_cache_expires_at ON people_cache (expires_at);
REVOKE ALL ON people_cache FROM {app}, {sweep}, {checker}, PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON people_cache TO {app}
"""


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar = [("kit", "0001_functions")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                (
                    "id",
                    models.UUIDField(default=clustr.kit.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("user_id", models.UUIDField(unique=True)),
                ("at", models.DateTimeField()),
                ("reason", models.CharField(max_length=500)),
                ("by", models.UUIDField(null=True)),
                ("basis", models.CharField(max_length=500)),
            ],
            options={
                "db_table": "people_erasure",
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "id",
                    models.UUIDField(default=clustr.kit.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("email", models.EmailField(max_length=254)),
                ("name", models.CharField(blank=True, default="", max_length=200)),
                ("phone", models.CharField(blank=True, default="", max_length=40)),
                ("is_platform_staff", models.BooleanField(default=False)),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
                ("erased_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "people_user",
                "constraints": [
                    models.UniqueConstraint(fields=("email",), name="people_user_email_unique"),
                    models.CheckConstraint(
                        condition=models.Q(("email", django.db.models.functions.text.Lower("email"))),
                        name="people_user_email_lower_case",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("erased_at__isnull", True),
                            models.Q(
                                ("is_active", False),
                                ("is_platform_staff", False),
                                ("name", "Erased person"),
                                ("phone", ""),
                            ),
                            _connector="OR",
                        ),
                        name="people_user_erased_is_empty",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Mail",
            fields=[
                (
                    "id",
                    models.UUIDField(default=clustr.kit.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("user_id", models.UUIDField(null=True)),
                ("address", models.EmailField(max_length=254)),
                ("subject", models.CharField(max_length=200)),
                ("body", models.TextField()),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "people_mail",
                "indexes": [models.Index(fields=["created_at"], name="people_mail_created_at")],
            },
        ),
        sql(RIGHTS),
        append_only("people_erasure"),
        sql(COUNTERS),
    ]
