"""Jobs of this room: advance the tallies of cluster-wide bills."""

from __future__ import annotations

from django.db import connection

from clustr.bills.models import Bill
from clustr.clusters import queries as clusters
from clustr.kit.jobs import periodic
from clustr.kit.tenancy import tenant


@periodic(cron="* * * * *", name="bills.close_tallies")
def close_tallies(timestamp: int) -> None:
    """Every minute: move each cluster-wide bill's tally up, so that its totals stay cheap to read."""
    del timestamp
    for cluster_id in clusters.all_cluster_ids(with_platform=False):
        with tenant(cluster_id):
            bills = list(
                Bill.objects.filter(cluster_id=cluster_id, user=None, cancelled_at=None).values_list("id", flat=True)
            )
        for bill_id in bills:
            with tenant(cluster_id), connection.cursor() as cursor:
                cursor.execute("SELECT bills_close(%s)", [bill_id])
