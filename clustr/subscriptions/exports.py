"""What this room holds about one person, for their export; whom it cannot forget yet, and what it forgets with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.tenancy import tenant
from clustr.subscriptions.models import (
    BillingAddress,
    ContractPrice,
    Invoice,
    Payment,
    Redemption,
    StripeCall,
    Subscription,
    UsageRecord,
    Verification,
)
from clustr.subscriptions.refusals import SubscriptionRuns

_HELD = (
    Subscription,
    Invoice,
    Payment,
    BillingAddress,
    ContractPrice,
    Redemption,
    Verification,
    UsageRecord,
    StripeCall,
)


def subscriptions_held(user_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """Every row of this person: what they chose, used, owed and paid, oldest first."""
    with tenant(PLATFORM_CLUSTER_ID):
        return {
            model._meta.model_name or "": [
                {
                    name: value if value is None or isinstance(value, dict | int | bool) else str(value)
                    for name, value in row.items()
                }
                for row in model._default_manager.filter(cluster_id=PLATFORM_CLUSTER_ID, user_id=user_id)
                .order_by("id")
                .values()
            ]
            for model in _HELD
        }


def refuse_erasing_subscriber(user_id: UUID) -> None:
    """Nobody is forgotten whose subscription runs: cancel it first. Refuses `SubscriptionRuns`."""
    with tenant(PLATFORM_CLUSTER_ID):
        if Subscription.objects.filter(cluster_id=PLATFORM_CLUSTER_ID, user_id=user_id, ended_at=None).exists():
            raise SubscriptionRuns


def forget_addresses(user_id: UUID, now: datetime) -> None:
    """Delete the billing addresses of a person who is being erased. Documents that were issued keep whom they were
    addressed to: the law on accounting requires it."""
    del now
    with tenant(PLATFORM_CLUSTER_ID):
        BillingAddress.objects.filter(cluster_id=PLATFORM_CLUSTER_ID, user_id=user_id).delete()
