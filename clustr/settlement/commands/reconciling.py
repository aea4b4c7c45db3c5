"""Reconciling: what a provider lists, what we settled, and what the books say must be the same, day by day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clustr.clusters import queries as clusters
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Settlement
from clustr.payments.providers.nouns import ChargeTruth, Outcome
from clustr.payments.providers.port import PaymentProvider
from clustr.payments.providers.registry import available_providers, provider_named
from clustr.payments.queries import Place, place_of_reference
from clustr.payments.states import CaseKind
from clustr.settlement.commands.asking import UNHEARD, confirm_charge
from clustr.settlement.commands.charging_back import hear_reversal
from clustr.settlement.models import Reconciliation
from clustr.settlement.policies import what_arrived


@dataclass(slots=True)
class _Count:
    listed: int = 0
    settled_now: int = 0
    breaks: int = 0
    unreadable: int = 0


def reconcile(*, since: datetime, until: datetime, now: datetime) -> list[Reconciliation]:
    """Go through what each provider lists between two instants, and through what we settled; outside any transaction.

    Money that was taken and not booked is booked now. What does not agree becomes a case of its estate, or of the platform
    where it is nobody's, once. Harmless to repeat. Answers one record for each provider.
    """
    return [_reconcile_with(provider_named(name=name), since, until, now) for name in available_providers()]


def _reconcile_with(provider: PaymentProvider, since: datetime, until: datetime, now: datetime) -> Reconciliation:
    count, seen, complete = _Count(), set[str](), True
    try:
        for page in provider.list_charges(since=since, until=until):
            count.unreadable += len(page.unreadable)
            for truth in page.rows:
                count.listed += 1
                if truth.outcome is Outcome.SUCCEEDED:
                    seen.add(truth.provider_id)
                    _match(provider, truth, count, now)
                elif truth.outcome is Outcome.REVERSED:
                    seen.add(truth.provider_id)
                    _ask_about_reversed(provider, truth, now)
    except UNHEARD:
        complete = False  # what the list did not say proves nothing; the next run asks again
    if complete:
        complete = _look_for_the_unlisted(provider, seen, since, until, count, now)
    return Reconciliation.objects.create(
        id=new_id(),
        provider=provider.name,
        since=since,
        until=until,
        at=now,
        complete=complete and not count.unreadable,
        listed=count.listed,
        settled_now=count.settled_now,
        breaks=count.breaks,
    )


def _match(provider: PaymentProvider, truth: ChargeTruth, count: _Count, now: datetime) -> None:
    place = place_of_reference(reference=truth.reference.lower())
    if place is None:
        _open(PLATFORM_CLUSTER_ID, CaseKind.NOT_WITH_US, provider.name, truth, None, count, now)
        return
    settled = _settlement(place, provider.name, truth.provider_id)
    if settled is None:
        confirm_charge(
            cluster_id=place.cluster_id,
            transaction_id=place.transaction_id,
            provider_id=truth.provider_id,
            now=now,
        )
        settled = _settlement(place, provider.name, truth.provider_id)
        count.settled_now += settled is not None
    if settled is None:
        _open(place.cluster_id, CaseKind.NOT_WITH_US, provider.name, truth, place.transaction_id, count, now)
        return
    arrived, fee = what_arrived(truth=truth)
    if (settled.amount_minor + settled.surcharge_minor, settled.currency) != (arrived.minor, arrived.currency):
        _open(place.cluster_id, CaseKind.AMOUNT_DIFFERS, provider.name, truth, place.transaction_id, count, now)
    elif truth.fee is not None and settled.fee_minor != fee.minor:
        _open(place.cluster_id, CaseKind.FEE_DIFFERS, provider.name, truth, place.transaction_id, count, now)


def _ask_about_reversed(provider: PaymentProvider, truth: ChargeTruth, now: datetime) -> None:
    """What we booked and the provider gave back, or had taken: nobody asks about a settled payment again, so a lost notice
    of it shows here only."""
    place = place_of_reference(reference=truth.reference.lower())
    if place is not None and _settlement(place, provider.name, truth.provider_id) is not None:
        hear_reversal(cluster_id=place.cluster_id, provider_name=provider.name, charge_id=truth.provider_id, now=now)


def _settlement(place: Place, provider: str, provider_id: str) -> Settlement | None:
    with tenant(place.cluster_id):
        return Settlement.objects.filter(
            cluster_id=place.cluster_id, provider=provider, provider_id=provider_id
        ).first()


def _look_for_the_unlisted(
    provider: PaymentProvider, seen: set[str], since: datetime, until: datetime, count: _Count, now: datetime
) -> bool:
    """What we settled and the list does not have: asked about one by one, because a list goes by the day a charge was begun
    and not by the day it was paid. Answers whether every one could be asked about."""
    for cluster_id, settled in _settled_between(provider.name, since, until):
        if settled.provider_id in seen:
            continue
        try:
            truth = provider.fetch_charge_by_id(provider_id=settled.provider_id)
        except UNHEARD:
            return False
        if isinstance(truth, ChargeTruth) and truth.outcome in (Outcome.SUCCEEDED, Outcome.REVERSED):
            continue
        with tenant(cluster_id):
            count.breaks += payments.open_case(
                kind=CaseKind.NOT_AT_PROVIDER,
                subject=f"{provider.name}:{settled.provider_id}",
                transaction_id=settled.asked_id,
                facts={
                    "provider": provider.name,
                    "provider_id": settled.provider_id,
                    "amount_minor": settled.amount_minor,
                },
                once=True,
                now=now,
            )
    return True


def _settled_between(provider: str, since: datetime, until: datetime) -> Iterator[tuple[UUID, Settlement]]:
    for cluster_id in clusters.all_cluster_ids(with_platform=False):
        with tenant(cluster_id):
            rows = list(
                Settlement.objects.filter(
                    cluster_id=cluster_id, provider=provider, paid_at__gte=since, paid_at__lt=until
                )
            )
        yield from ((cluster_id, row) for row in rows)


def _open(
    cluster_id: UUID,
    kind: CaseKind,
    provider: str,
    truth: ChargeTruth,
    transaction_id: UUID | None,
    count: _Count,
    now: datetime,
) -> None:
    with tenant(cluster_id):
        count.breaks += payments.open_case(
            kind=kind,
            subject=f"{provider}:{truth.provider_id}",
            transaction_id=transaction_id,
            facts={
                "provider": provider,
                "provider_id": truth.provider_id,
                "amount": truth.amount.for_people(),
                "fee": truth.fee.for_people() if truth.fee else None,
                "paid_at": truth.paid_at.isoformat() if truth.paid_at else None,
            },
            once=True,
            now=now,
        )
