"""What this room holds about one person, for their export."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from clustr.clusters.queries import clusters_ever_of
from clustr.kit.tenancy import tenant
from clustr.payments.models import Transaction


def transactions_held(user_id: UUID) -> list[dict[str, Any]]:
    """Every transaction of this person, in all clusters, oldest first."""
    held: list[dict[str, Any]] = []
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            rows = list(Transaction.objects.filter(cluster_id=cluster_id, user_id=user_id).order_by("id"))
        held.extend(_plain(row) for row in rows)
    return held


def _plain(row: Transaction) -> dict[str, Any]:
    return {
        "cluster_id": str(row.cluster_id),
        "id": str(row.id),
        "reference": row.reference,
        "type": row.type,
        "status": row.status,
        "amount": str(row.amount),
        "currency": row.currency,
        "provider": row.provider,
        "provider_reference": row.provider_reference,
        "description": row.description,
        "created_at": row.created_at.isoformat(),
        "completed_at": row.completed_at.isoformat() if row.completed_at else None,
    }
