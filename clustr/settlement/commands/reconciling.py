"""Reconciling: what a provider lists, what we settled, and what the books say must be the same, day by day."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Settlement
from clustr.payments.providers.nouns import ChargeTruth, Outcome
from clustr.payments.providers.port import NotOffered, PaymentProvider
from clustr.payments.providers.registry import available_providers, provider_named
from clustr.payments.queries import Place, SettledPlace, place_of_reference, settled_between
from clustr.payments.states import CaseKind
from clustr.settlement.commands.asking import UNHEARD, confirm_charge
from clustr.settlement.commands.charging_back import hear_counts_again, hear_disputes, hear_reversal
from clustr.settlement.models import Reconciliation
from clustr.settlement.policies import what_arrived

DISPUTES_LAST = timedelta(days=120)
"""How long after a payer complained their bank may still decide."""


def reconcile(
    *, since: datetime, until: datetime, now: datetime, cluster_ids: Collection[UUID] | None = None
) -> list[Reconciliation]:
    """Go through what each provider lists between two instants, and through what we settled; outside any transaction.

    Money that was taken and not booked is booked now. What does not agree becomes a case of its estate, or of the platform
    where it is nobody's, once. Harmless to repeat. Answers one record for each provider.
    `cluster_ids`: only what concerns these estates, and what is nobody's; None: all of them.
    """
    return [_Run(provider_named(name=name), since, until, now, cluster_ids).through() for name in available_providers()]


@dataclass(slots=True)
class _Run:
    """One provider's list and our settlements beside each other, and what was counted on the way."""

    provider: PaymentProvider
    since: datetime
    until: datetime
    now: datetime
    cluster_ids: Collection[UUID] | None
    listed: int = 0
    settled_now: int = 0
    breaks: int = 0
    unreadable: int = 0
    seen: set[str] = field(default_factory=set)

    def through(self) -> Reconciliation:
        complete = True
        try:
            for page in self.provider.list_charges(since=self.since, until=self.until):
                self.unreadable += len(page.unreadable)
                for truth in page.rows:
                    self._compare(truth)
            self._look_for_the_unlisted()
            self._ask_about_disputes()
        except UNHEARD:
            complete = False  # what the list did not say proves nothing; the next run asks again
        return Reconciliation.objects.create(
            id=new_id(),
            provider=self.provider.name,
            since=self.since,
            until=self.until,
            at=self.now,
            complete=complete and not self.unreadable,
            listed=self.listed,
            settled_now=self.settled_now,
            breaks=self.breaks,
        )

    def _compare(self, truth: ChargeTruth) -> None:
        place = place_of_reference(reference=truth.reference.lower())
        if place is not None and not self._concerns(place.cluster_id):
            return
        self.listed += 1
        if truth.outcome is Outcome.SUCCEEDED:
            self.seen.add(truth.provider_id)
            self._match(place, truth)
        elif truth.outcome is Outcome.REVERSED:
            self.seen.add(truth.provider_id)
            self._ask_about_reversed(place, truth)

    def _concerns(self, cluster_id: UUID) -> bool:
        return self.cluster_ids is None or cluster_id in self.cluster_ids

    def _match(self, place: Place | None, truth: ChargeTruth) -> None:
        if place is None:
            self._open(CaseKind.NOT_WITH_US, None, truth)
            return
        settled = self._settlement(place, truth)
        if settled is None:
            confirm_charge(
                cluster_id=place.cluster_id,
                transaction_id=place.transaction_id,
                provider_id=truth.provider_id,
                now=self.now,
            )
            settled = self._settlement(place, truth)
            self.settled_now += settled is not None
        if settled is None:
            self._open(CaseKind.NOT_WITH_US, place, truth)
            return
        hear_counts_again(
            cluster_id=settled.cluster_id,
            provider_name=self.provider.name,
            charge_id=truth.provider_id,
            now=self.now,
        )
        arrived, fee = what_arrived(truth=truth)
        if (settled.amount_minor + settled.surcharge_minor, settled.currency) != (arrived.minor, arrived.currency):
            self._open(CaseKind.AMOUNT_DIFFERS, place, truth)
        elif truth.fee is not None and settled.fee_minor != fee.minor:
            self._open(CaseKind.FEE_DIFFERS, place, truth)

    def _ask_about_reversed(self, place: Place | None, truth: ChargeTruth) -> None:
        """What we booked and the provider gave back, or had taken: nobody asks about a settled payment again, so a lost
        notice of it shows here only."""
        if place is not None and self._settlement(place, truth) is not None:
            hear_reversal(
                cluster_id=place.cluster_id,
                provider_name=self.provider.name,
                charge_id=truth.provider_id,
                now=self.now,
            )

    def _ask_about_disputes(self) -> None:
        """How the complaints of the last months were decided: a provider tells of that weeks after the charge, and once."""
        try:
            disputed = self.provider.disputed_charges(since=self.now - DISPUTES_LAST, until=self.now)
        except NotOffered:
            return
        for charge_id in disputed:
            truth = self.provider.fetch_charge_by_id(provider_id=charge_id)
            place = place_of_reference(reference=truth.reference.lower()) if isinstance(truth, ChargeTruth) else None
            if place is not None and self._concerns(place.cluster_id):
                hear_disputes(
                    cluster_id=place.cluster_id, provider_name=self.provider.name, charge_id=charge_id, now=self.now
                )

    def _settlement(self, place: Place, truth: ChargeTruth) -> Settlement | None:
        with tenant(place.cluster_id):
            return Settlement.objects.filter(
                cluster_id=place.cluster_id, provider=self.provider.name, provider_id=truth.provider_id
            ).first()

    def _look_for_the_unlisted(self) -> None:
        """What we settled and the list does not have: asked about one by one, because a list goes by the day a charge was
        begun and not by the day it was paid."""
        for settled in settled_between(provider=self.provider.name, since=self.since, until=self.until):
            if settled.provider_id in self.seen or not self._concerns(settled.cluster_id):
                continue
            truth = self.provider.fetch_charge_by_id(provider_id=settled.provider_id)
            if isinstance(truth, ChargeTruth) and truth.outcome in (Outcome.SUCCEEDED, Outcome.REVERSED):
                continue
            self._open_not_at_provider(settled)

    def _open_not_at_provider(self, place: SettledPlace) -> None:
        with tenant(place.cluster_id):
            settled = Settlement.objects.get(cluster_id=place.cluster_id, id=place.settlement_id)
            self.breaks += payments.open_case(
                kind=CaseKind.NOT_AT_PROVIDER,
                subject=f"{settled.provider}:{settled.provider_id}",
                transaction_id=settled.asked_id,
                facts={
                    "provider": settled.provider,
                    "provider_id": settled.provider_id,
                    "amount_minor": settled.amount_minor,
                },
                once=True,
                now=self.now,
            )

    def _open(self, kind: CaseKind, place: Place | None, truth: ChargeTruth) -> None:
        """A case of the estate, or of the platform where it is nobody's; once."""
        with tenant(place.cluster_id if place else PLATFORM_CLUSTER_ID):
            self.breaks += payments.open_case(
                kind=kind,
                subject=f"{self.provider.name}:{truth.provider_id}",
                transaction_id=place.transaction_id if place else None,
                facts={
                    "provider": self.provider.name,
                    "provider_id": truth.provider_id,
                    "amount": truth.amount.for_people(),
                    "fee": truth.fee.for_people() if truth.fee else None,
                    "paid_at": truth.paid_at.isoformat() if truth.paid_at else None,
                },
                once=True,
                now=self.now,
            )
