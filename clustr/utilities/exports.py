"""What this room holds about one person, for their export; and what it destroys with them."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any
from uuid import UUID

from clustr.clusters.queries import clusters_ever_of
from clustr.kit.tenancy import tenant
from clustr.kit.vault import unseal
from clustr.utilities.models import Account, Purchase, UtilityProvider, Validation
from clustr.utilities.policies import customer_place, number_place
from clustr.utilities.queries import token_of


def utilities_held(user_id: UUID) -> list[dict[str, Any]]:
    """By cluster: the person's meter and customer numbers, who the utilities said they are, and what they bought."""
    held = []
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            section = {
                "cluster_id": str(cluster_id),
                "numbers": _numbers(cluster_id, user_id),
                "validations": _validations(cluster_id, user_id),
                "purchases": _purchases(cluster_id, user_id),
            }
        held.append(section)
    return held


def forget_utilities(user_id: UUID, now: datetime) -> None:  # noqa: ARG001 - an erasure's signature
    """Destroy a person's numbers, names and tokens, and what would make the same number the same. Purchases stay."""
    for cluster_id in clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            for account in Account.objects.filter(cluster_id=cluster_id, user_id=user_id):
                account.number, account.hint, account.label, account.saved_at = b"", "", "", None
                account.fingerprint = os.urandom(32)
                account.save(update_fields=["number", "hint", "label", "saved_at", "fingerprint"])
            Validation.objects.filter(cluster_id=cluster_id, user_id=user_id).update(customer=b"")
            Purchase.objects.filter(cluster_id=cluster_id, user_id=user_id).update(token=b"")


def _numbers(cluster_id: UUID, user_id: UUID) -> list[dict[str, Any]]:
    names = dict(UtilityProvider.objects.values_list("id", "name"))
    return [
        {
            "provider": names[row.provider_id],
            "number": unseal(bytes(row.number), bound_to=number_place(row.id)) if row.number else "removed",
            "label": row.label,
            "met_at": row.met_at.isoformat(),
            "saved_at": row.saved_at.isoformat() if row.saved_at else None,
        }
        for row in Account.objects.filter(cluster_id=cluster_id, user_id=user_id).order_by("id")
    ]


def _validations(cluster_id: UUID, user_id: UUID) -> list[dict[str, Any]]:
    return [
        {
            "asked_at": row.asked_at.isoformat(),
            "state": row.state,
            "customer": unseal(bytes(row.customer), bound_to=customer_place(row.id)) if row.customer else "",
        }
        for row in Validation.objects.filter(cluster_id=cluster_id, user_id=user_id).order_by("id")
    ]


def _purchases(cluster_id: UUID, user_id: UUID) -> list[dict[str, Any]]:
    return [
        {
            "transaction_id": str(row.id),
            "amount": str(row.amount),
            "fee": str(row.fee),
            "currency": row.currency,
            "token": token_of(purchase=row),
            "units": row.units,
            "at": row.at.isoformat(),
            "delivered_at": row.delivered_at.isoformat() if row.delivered_at else None,
        }
        for row in Purchase.objects.filter(cluster_id=cluster_id, user_id=user_id).order_by("id")
    ]
