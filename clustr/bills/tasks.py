"""Jobs of this room: advance the tallies of cluster-wide bills."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from clustr.clusters import queries as clusters
from clustr.kit.jobs import periodic
from clustr.kit.tenancy import tenant

# The horizon comes out of an aggregate: from a COALESCE, behind row-level security, it could not be looked up in an index,
# and every quiet bill's acts would be read from the first.
_WITH_NEWS = """
SELECT b.id FROM bills_bill b
CROSS JOIN LATERAL (
  SELECT coalesce(max(t.horizon), '0'::xid8) AS horizon FROM bills_tally t
  WHERE t.cluster_id = b.cluster_id AND t.bill_id = b.id) AS t
WHERE b.cluster_id = %(cluster)s AND b.user_id IS NULL AND (
  EXISTS (SELECT FROM bills_billpayment p WHERE p.bill_id = b.id AND p.xid >= t.horizon
    AND p.cluster_id = b.cluster_id OFFSET 0)
  OR EXISTS (SELECT FROM bills_acknowledgment k WHERE k.bill_id = b.id AND k.xid >= t.horizon
    AND k.cluster_id = b.cluster_id OFFSET 0))
"""


@periodic(cron="* * * * *", name="bills.close_tallies")
def close_tallies(timestamp: int) -> None:
    """Every minute: move the tally of each cluster-wide bill with news up, so that its totals stay cheap to read."""
    del timestamp
    for cluster_id in clusters.all_cluster_ids(with_platform=False):
        close_tallies_of(cluster_id)


def close_tallies_of(cluster_id: UUID) -> None:
    """Move up the tallies of one cluster's bills, each in a transaction of its own."""
    with tenant(cluster_id), connection.cursor() as cursor:
        cursor.execute(_WITH_NEWS, {"cluster": cluster_id})
        bills = [row[0] for row in cursor.fetchall()]
    for bill_id in bills:
        with tenant(cluster_id), connection.cursor() as cursor:
            cursor.execute("SELECT bills_close(%s)", [bill_id])
