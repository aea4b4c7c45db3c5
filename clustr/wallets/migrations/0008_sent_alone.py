"""What an estate has sent lately without a second person is found by when it was asked for."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

INDEX = """
CREATE INDEX wallets_payout_alone ON wallets_payout (cluster_id, created_at) WHERE approval = 'not_needed';
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("wallets", "0007_holders")]
    operations: ClassVar = [sql(INDEX)]
