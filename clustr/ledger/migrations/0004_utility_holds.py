"""Accounts that hold what members spend on utilities until the vendor has sold it."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ledger", "0003_refunds_and_chargebacks")]
    operations: ClassVar = [
        sql("INSERT INTO ledger_kind VALUES ('utility_hold', true, false) ON CONFLICT DO NOTHING"),
    ]
