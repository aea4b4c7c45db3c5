"""What this room holds about one person, for their export; and the cards it forgets with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from clustr.clusters.queries import clusters_ever_of
from clustr.kit.tenancy import tenant
from clustr.payments.models import SavedMethod, Transaction


def transactions_held(user_id: UUID) -> list[dict[str, Any]]:
    """Every transaction of this person, in all clusters, oldest first."""
    held: list[dict[str, Any]] = []
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            rows = list(Transaction.objects.filter(cluster_id=cluster_id, user_id=user_id).order_by("id"))
        held.extend(_plain(row) for row in rows)
    return held


def methods_held(user_id: UUID) -> list[dict[str, Any]]:
    """Every card a provider keeps for this person, in all clusters. The token that can charge it is named and not given."""
    held: list[dict[str, Any]] = []
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            kept = SavedMethod.objects.filter(cluster_id=cluster_id, user_id=user_id).order_by("id")
            held.extend(
                {
                    "cluster_id": str(cluster_id),
                    "provider": method.provider,
                    "brand": method.brand,
                    "last_four": method.last_four,
                    "saved_at": method.saved_at.isoformat(),
                    "removed_at": method.removed_at.isoformat() if method.removed_at else None,
                    "token": "kept sealed" if method.token else "destroyed",
                }
                for method in kept
            )
    return held


def forget_methods(user_id: UUID, now: datetime) -> None:
    """Destroy the tokens of a person who is being erased."""
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            theirs = SavedMethod.objects.filter(cluster_id=cluster_id, user_id=user_id)
            theirs.filter(removed_at=None).update(removed_at=now)
            theirs.update(token=b"", brand="", last_four="0000")


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
