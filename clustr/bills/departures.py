"""Who has paid on a bill stays among those it reaches: what this room asks before a resident's period ends."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.bills.locks import lock_part
from clustr.bills.models import Bill
from clustr.bills.refusals import MemberHasPayments
from clustr.kit.tenancy import current_tenant

_PAID_AND_LOST = """
SELECT EXISTS (SELECT FROM bills_memberbill p JOIN bills_bill b ON b.cluster_id = p.cluster_id AND b.id = p.bill_id
  WHERE p.cluster_id = %(cluster)s AND p.user_id = %(member)s AND p.paid_minor > 0 AND b.user_id IS NULL
    AND b.issued_at >= %(left_at)s AND NOT bills_reaches(b, p.user_id))"""


def refuse_departure_of_payer(user_id: UUID, left_at: datetime) -> None:
    """Refuse `MemberHasPayments` if a cluster-wide bill on which this person has paid no longer reaches them, now that
    their period ends at `left_at`. Payments under way on the bills concerned are waited for, and then counted."""
    cluster_id = current_tenant()
    concerned = Bill.objects.filter(cluster_id=cluster_id, user=None, issued_at__gte=left_at)
    for bill_id in concerned.order_by("id").values_list("id", flat=True):
        lock_part(bill_id, user_id)
    with connection.cursor() as cursor:
        cursor.execute(_PAID_AND_LOST, {"cluster": cluster_id, "member": user_id, "left_at": left_at})
        if cursor.fetchone()[0]:
            raise MemberHasPayments
