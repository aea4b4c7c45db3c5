"""Jobs of this room: advance the tallies of cluster-wide bills."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from clustr.bills import commands
from clustr.clusters import queries as clusters
from clustr.kit import clock
from clustr.kit.jobs import MESSAGES, periodic
from clustr.kit.tenancy import tenant

# The newest act of each kind is one step back in its index, whatever the statistics say: sorting is switched off for this
# question. Asked for any act since the horizon instead, the planner expects a third of all acts to be such, reads the
# table from its beginning, and in a quiet bill finds nothing.
NO_SORTING = "SET LOCAL enable_sort = off"
WITH_NEWS = """
SELECT b.id FROM bills_bill b
LEFT JOIN bills_tally t ON t.cluster_id = b.cluster_id AND t.bill_id = b.id
WHERE b.cluster_id = %(cluster)s AND b.user_id IS NULL AND coalesce(t.horizon, '0') <= greatest(
  (SELECT p.xid FROM bills_billpayment p WHERE p.cluster_id = b.cluster_id AND p.bill_id = b.id
   ORDER BY p.xid DESC LIMIT 1),
  (SELECT k.xid FROM bills_acknowledgment k WHERE k.cluster_id = b.cluster_id AND k.bill_id = b.id
   ORDER BY k.xid DESC LIMIT 1))
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
        cursor.execute(NO_SORTING)
        cursor.execute(WITH_NEWS, {"cluster": cluster_id})
        bills = [row[0] for row in cursor.fetchall()]
    for bill_id in bills:
        with tenant(cluster_id), connection.cursor() as cursor:
            cursor.execute("SELECT bills_close(%s)", [bill_id])


@periodic(cron="10 6 * * *", name="bills.check_overdue_bills", queue=MESSAGES)
def check_overdue_bills(timestamp: int) -> None:
    """Every morning: tell who still owes on a bill that its due date has passed."""
    del timestamp
    commands.check_overdue_bills(now=clock.now())


@periodic(cron="20 6 * * *", name="bills.send_bill_reminders", queue=MESSAGES)
def send_bill_reminders(timestamp: int) -> None:
    """Every morning: remind who still owes of the bills that fall due soon."""
    del timestamp
    commands.send_bill_reminders(now=clock.now())
