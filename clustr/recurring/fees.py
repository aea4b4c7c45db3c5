"""What a member whose card paid bore on top, where the estate lets payers bear the provider's fee; and how much the provider
takes at once, with that fee."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant
from clustr.payments.models import Attempt, Transaction
from clustr.payments.policies import beyond_bounds
from clustr.payments.providers.registry import provider_named
from clustr.payments.refusals import ProviderNotAvailable
from clustr.payments.states import Purpose, TransactionStatus


def beyond_card(*, provider: str, total: Money) -> str:
    """Why a provider takes so much, a fee on top included, in no charge of a card: `amount_too_small`, `amount_too_large`, or
    "". Asks nobody; of a provider that is switched off the charge itself tells."""
    try:
        bounds = provider_named(name=provider).charge_bounds(currency=total.currency)
    except ProviderNotAvailable:
        return ""
    return beyond_bounds(total=total, bounds=bounds)


def fees_borne(*, run_ids: Iterable[UUID]) -> dict[UUID, int]:
    """By run, the minor units that its card was charged on top; only where there were any."""
    paid = Transaction.objects.filter(
        cluster_id=current_tenant(),
        subject_id__in=list(run_ids),
        purpose=Purpose.RECURRING_PAYMENT,
        status=TransactionStatus.COMPLETED,
    ).exclude(provider="wallet")
    run_of = {payment.id: payment.subject_id for payment in paid if payment.subject_id}
    borne = Attempt.objects.filter(cluster_id=current_tenant(), id__in=list(run_of), surcharge_minor__gt=0)
    return {run_of[id]: minor for id, minor in borne.values_list("id", "surcharge_minor")}
