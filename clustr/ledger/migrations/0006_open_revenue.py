"""Of what the platform charges and of the tax on it, more may be given back than was charged."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

KINDS = """
INSERT INTO ledger_kind VALUES ('subscription_revenue', false, true), ('tax_payable', false, true) ON CONFLICT DO NOTHING;
ALTER TABLE ledger_account NO FORCE ROW LEVEL SECURITY;
UPDATE ledger_account SET open = true WHERE kind IN ('subscription_revenue', 'tax_payable');
ALTER TABLE ledger_account FORCE ROW LEVEL SECURITY;
DELETE FROM ledger_kind WHERE kind IN ('subscription_revenue', 'tax_payable') AND NOT open;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ledger", "0005_subscription_accounts")]
    operations: ClassVar = [sql(KINDS)]
