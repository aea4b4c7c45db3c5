"""Reconciling payouts: what a provider says it sent, and what we asked it to send, must be the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clustr.clusters import queries as clusters
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Transaction
from clustr.payments.providers.nouns import NotFoundYet, Outcome, PayoutTruth
from clustr.payments.providers.port import PaymentProvider
from clustr.payments.providers.registry import available_providers, provider_named
from clustr.payments.queries import Place, place_of_reference
from clustr.payments.states import AttemptKind, CaseKind, TransactionStatus
from clustr.settlement.commands.asking import UNHEARD, confirm_payment

_GONE = (TransactionStatus.COMPLETED, TransactionStatus.REFUNDED)
_BACK = (TransactionStatus.FAILED, TransactionStatus.REFUNDED)


@dataclass(slots=True)
class PayoutsCompared:
    """How the payouts of one provider compared. `complete`: the whole list could be read. `breaks`: cases that are new."""

    provider: str
    listed: int = 0
    breaks: int = 0
    complete: bool = True


def reconcile_payouts(*, since: datetime, until: datetime, now: datetime) -> list[PayoutsCompared]:
    """Go through what each provider says it paid out between two instants, and what we asked for; outside any transaction.

    What was heard of too late is applied now. What does not agree becomes a case of its estate, or of the platform where it
    is nobody's, once. Harmless to repeat.
    """
    return [_compare(provider_named(name=name), since, until, now) for name in available_providers()]


def _compare(provider: PaymentProvider, since: datetime, until: datetime, now: datetime) -> PayoutsCompared:
    compared, seen = PayoutsCompared(provider.name), set[str]()
    try:
        for page in provider.list_payouts(since=since, until=until):
            compared.complete = compared.complete and not page.unreadable
            for truth in page.rows:
                compared.listed += 1
                seen.add(truth.reference)
                compared.breaks += _match(provider, truth, now)
        for place, reference in _asked_between(provider.name, since, until):
            if reference not in seen:
                compared.breaks += _look_for(provider, place, reference, now)
    except UNHEARD:
        compared.complete = False  # what was not said proves nothing; the next run asks again
    return compared


def _match(provider: PaymentProvider, truth: PayoutTruth, now: datetime) -> bool:
    """Whether this payout of the provider's is a new break."""
    place = place_of_reference(reference=truth.reference.lower())
    if place is None:
        moved = truth.outcome in (Outcome.SUCCEEDED, Outcome.PENDING)
        return moved and _open(PLATFORM_CLUSTER_ID, CaseKind.NOT_WITH_US, provider.name, truth, None, now)
    if not _agrees(place, truth):
        confirm_payment(cluster_id=place.cluster_id, transaction_id=place.transaction_id, now=now)
    if _agrees(place, truth) and truth.mode == provider.mode:
        return False
    return _open(place.cluster_id, CaseKind.PAYOUT_DIFFERS, provider.name, truth, place.transaction_id, now)


def _agrees(place: Place, truth: PayoutTruth) -> bool:
    """Whether our payout stands as the provider's does, and is of the same amount."""
    with tenant(place.cluster_id):
        ours = Transaction.objects.get(cluster_id=place.cluster_id, id=place.transaction_id)
    if truth.amount != ours.amount:
        return False
    match truth.outcome:
        case Outcome.SUCCEEDED:
            return ours.status in _GONE
        case Outcome.FAILED | Outcome.REVERSED:
            return ours.status in _BACK
        case Outcome.PENDING | Outcome.UNKNOWN:
            return ours.status not in _BACK


def _look_for(provider: PaymentProvider, place: Place, reference: str, now: datetime) -> bool:
    """Ask by name for what we say has gone and the list does not have: a list goes by a day of the provider's own."""
    truth = provider.fetch_payout(reference=reference)
    if not isinstance(truth, NotFoundYet):
        return _match(provider, truth, now)
    with tenant(place.cluster_id):
        return payments.open_case(
            kind=CaseKind.PAYOUT_DIFFERS,
            subject=f"{provider.name}:payout:{reference}",
            transaction_id=place.transaction_id,
            facts={"provider": provider.name, "reference": reference, "found": "nothing"},
            once=True,
            now=now,
        )


def _asked_between(provider: str, since: datetime, until: datetime) -> Iterator[tuple[Place, str]]:
    """The payouts that went, by our books, in a span: whose, and their references."""
    for cluster_id in clusters.all_cluster_ids(with_platform=False):
        with tenant(cluster_id):
            sent = dict(
                Attempt.objects.filter(
                    cluster_id=cluster_id,
                    kind=AttemptKind.PAYOUT,
                    provider=provider,
                    started_at__gte=since,
                    started_at__lt=until,
                ).values_list("id", "reference")
            )
            gone = Transaction.objects.filter(cluster_id=cluster_id, id__in=sent, status__in=_GONE)
            found = [(Place(cluster_id, id), sent[id]) for id in gone.order_by("id").values_list("id", flat=True)]
        yield from found


def _open(
    cluster_id: UUID, kind: CaseKind, provider: str, truth: PayoutTruth, transaction_id: UUID | None, now: datetime
) -> bool:
    with tenant(cluster_id):
        return payments.open_case(
            kind=kind,
            subject=f"{provider}:payout:{truth.reference}",
            transaction_id=transaction_id,
            facts={
                "provider": provider,
                "reference": truth.reference,
                "amount": truth.amount.for_people(),
                "found": truth.outcome.value,
                "mode": truth.mode.value,
            },
            once=True,
            now=now,
        )
