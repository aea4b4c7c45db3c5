"""What this room holds about one person, for their export."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection

from clustr.clusters.queries import clusters_ever_of
from clustr.kit.tenancy import tenant

_BILLS = """
SELECT bill_number, title, version, amount_minor, currency, due_minor, paid_minor, due_date, issued_at, cancelled_at
FROM bills_owed WHERE cluster_id = %(cluster)s AND member_id = %(person)s ORDER BY id"""
_ACKNOWLEDGMENTS = """
SELECT b.bill_number, k.version, k.at, host(k.ip) AS ip, k.user_agent FROM bills_acknowledgment k
JOIN bills_bill b ON b.cluster_id = k.cluster_id AND b.id = k.bill_id
WHERE k.cluster_id = %(cluster)s AND k.user_id = %(person)s ORDER BY k.at"""
_DISPUTES = """
SELECT b.bill_number, d.reason, d.state, d.opened_at, d.closed_at, d.note FROM bills_dispute d
JOIN bills_bill b ON b.cluster_id = d.cluster_id AND b.id = d.bill_id
WHERE d.cluster_id = %(cluster)s AND d.user_id = %(person)s ORDER BY d.opened_at"""
_ADJUSTMENTS = """
SELECT b.bill_number, a.amount_minor, b.currency, a.reason, a.at FROM bills_adjustment a
JOIN bills_bill b ON b.cluster_id = a.cluster_id AND b.id = a.bill_id
WHERE a.cluster_id = %(cluster)s AND a.user_id = %(person)s ORDER BY a.at"""


def bills_held(user_id: UUID) -> list[dict[str, Any]]:
    """By cluster: the bills that apply to this person and what they did about them. Amounts in minor units."""
    held = []
    for cluster_id in clusters_ever_of(user_id=user_id):
        asked = {"cluster": cluster_id, "person": user_id}
        with tenant(cluster_id):
            section = {
                "cluster_id": str(cluster_id),
                "bills": _rows(_BILLS, asked),
                "acknowledgments": _rows(_ACKNOWLEDGMENTS, asked),
                "disputes": _rows(_DISPUTES, asked),
                "adjustments": _rows(_ADJUSTMENTS, asked),
            }
        held.append(section)
    return held


def _rows(statement: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        names = [column.name for column in cursor.description or ()]
        return [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in cursor.fetchall()]


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
