"""How an estate's people write amounts and dates."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.locales import DEFAULT_LOCALE, LOCALES
from clustr.kit.schema import sql

_ONE_OF = ", ".join(f"'{locale}'" for locale in sorted(LOCALES))

LOCALE = f"""
ALTER TABLE clusters_cluster ADD COLUMN locale text NOT NULL DEFAULT '{DEFAULT_LOCALE}'
  CONSTRAINT clusters_cluster_locale_check CHECK (locale IN ({_ONE_OF}));
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("clusters", "0001_estates")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            [sql(LOCALE)],
            [migrations.AddField("cluster", "locale", models.TextField(default=DEFAULT_LOCALE))],
        ),
    ]
