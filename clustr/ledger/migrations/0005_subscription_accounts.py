"""Accounts of what the platform charges for its plans."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

KINDS = """
INSERT INTO ledger_kind VALUES
  ('receivables', false, true), ('subscription_revenue', false, false), ('tax_payable', false, false),
  ('customer_credit', true, false), ('bad_debts', false, true)
  ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ledger", "0004_utility_holds")]
    operations: ClassVar = [sql(KINDS)]
