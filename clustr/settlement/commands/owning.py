"""What of a provider's balance is the operator's own: noted by hand, because no provider tells it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.audit import commands as audit
from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.settlement.models import OwnFunds


def note_own_funds(*, provider: str, amount: Money, reason: str, noted_by: UUID, now: datetime) -> OwnFunds:
    """Note that the operator put money of their own into a provider's balance, or took it out (an amount below zero). It is no
    estate's, and stands in no estate's books: the comparison of balances counts it. For the platform's staff (`noted_by`), at the
    command line."""
    with tenant(PLATFORM_CLUSTER_ID):
        noted = OwnFunds.objects.create(
            id=new_id(),
            provider=provider,
            currency=amount.currency,
            amount_minor=amount.minor,
            reason=reason,
            noted_by=noted_by,
            at=now,
        )
        audit.record(
            actor=system_actor(cluster_id=PLATFORM_CLUSTER_ID),
            action="settlement.own_funds_noted",
            subject_kind="own_funds",
            subject_id=noted.id,
            at=now,
            reason=reason,
            facts={"provider": provider, "amount": str(amount), "currency": amount.currency, "by": str(noted_by)},
        )
        return noted
