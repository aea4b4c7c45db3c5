"""Jobs of this room: advance the checkpoints of growing accounts, and forget used PIN reset codes."""

from __future__ import annotations

from uuid import UUID

from django.db import connections

from clustr.clusters import queries as clusters
from clustr.kit import clock
from clustr.kit.jobs import periodic
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.models import Account
from clustr.wallets.models import PinReset


@periodic(cron="* * * * *", name="wallets.close_books")
def close_books(timestamp: int) -> None:
    """Every minute: move each growing account's checkpoint up, so that balances stay cheap to read."""
    del timestamp
    for cluster_id in clusters.all_cluster_ids():
        close_books_of(cluster_id=cluster_id)


def close_books_of(*, cluster_id: UUID) -> None:
    """Close one cluster's growing accounts, each in a transaction of its own, by the days of the time zone that holds
    until that transaction ends."""
    with tenant(cluster_id):
        growing = list(Account.objects.filter(cluster_id=cluster_id, guarded=False).values_list("id", flat=True))
    for account_id in growing:
        with tenant(cluster_id):
            timezone = clusters.lasting_timezone()
            ledger.close_account(cluster_id=cluster_id, account_id=account_id, timezone=timezone)


@periodic(cron="41 3 * * *", name="wallets.forget_reset_codes")
def forget_reset_codes(timestamp: int) -> None:
    """Every night: delete PIN reset codes that have expired."""
    del timestamp
    now = clock.now()
    with connections["sweep"].cursor() as cursor:
        cursor.execute("SELECT DISTINCT cluster_id FROM wallets_pinreset WHERE expires_at < %s", [now])
        due = [row[0] for row in cursor.fetchall()]
    for cluster_id in due:
        with tenant(cluster_id):
            PinReset.objects.filter(cluster_id=cluster_id, expires_at__lt=now).delete()
