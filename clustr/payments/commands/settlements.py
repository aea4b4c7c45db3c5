"""Settlements: money that a provider took for us, recorded once for ever."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant
from clustr.payments.models import Settlement


def record_settlement(
    *,
    provider: str,
    provider_id: str,
    asked_id: UUID,
    amount: Money,
    completes: Money,
    surplus_id: UUID | None,
    surcharge_minor: int,
    fee_minor: int,
    paid_at: datetime,
    now: datetime,
) -> bool:
    """Record that this transaction of the provider was booked; answers False if it was before, by whomever.

    The unique key (provider, provider's id) decides, across all estates. `amount` is what counts for us, without the
    surcharge; `completes` of it completed `asked_id`, the rest is `surplus_id`'s.
    """
    try:
        with transaction.atomic():
            Settlement.objects.create(
                id=new_id(),
                cluster_id=current_tenant(),
                provider=provider,
                provider_id=provider_id,
                asked_id=asked_id,
                amount_minor=amount.minor,
                currency=amount.currency,
                surcharge_minor=surcharge_minor,
                fee_minor=fee_minor,
                completes_minor=completes.minor,
                surplus_id=surplus_id,
                surplus_minor=(amount - completes).minor,
                paid_at=paid_at,
                settled_at=now,
            )
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) != "payments_settlement_once":
            raise
        return False
    return True
