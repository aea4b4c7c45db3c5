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
from clustr.payments.queries import Place, SettledPlace, place_of_reference, settled_between, settled_with
from clustr.payments.states import CaseKind
from clustr.settlement.commands.asking import confirm_charge
from clustr.settlement.commands.charging_back import hear_taken_back, stands_taken
from clustr.settlement.commands.fencing import Fence
from clustr.settlement.models import Reconciliation
from clustr.settlement.policies import what_arrived

_DISPUTES_LAST = timedelta(days=120)
"""How long after it was raised a dispute may still be decided: so far back disputes are listed."""
_REFUNDS_LAST = timedelta(days=30)
"""The same of refunds, which providers make within ten working days."""
_RUNS_READ = 100


def reconcile(
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    cluster_ids: Collection[UUID] | None = None,
    go_on: bool = False,
) -> list[Reconciliation]:
    """Go through what each provider lists between two instants, and through what we settled; outside any transaction.

    Money that was taken and not booked is booked now, and so is what a lost dispute took. What does not agree becomes a case
    of its estate, or of the platform where it is nobody's, once; so does a row that fails by an error of ours, and the rest
    goes on. Harmless to repeat. Answers one record for each provider.
    `cluster_ids`: only what concerns these estates, and what is nobody's; such a run is not kept. None: all of them.
    `go_on`: begin where complete runs ended, if that is before `since`, so that nights without a worker leave no hole.
    """
    made = []
    for name in available_providers():
        ended = compared_until(name) if go_on else None
        run = _Run(provider_named(name=name), min(since, ended or since), until, now, cluster_ids).through()
        if cluster_ids is None:
            run.save(force_insert=True)
        made.append(run)
    return made


def compared_until(provider: str, compares: str = Reconciliation.CHARGES) -> datetime | None:
    """Up to when complete runs followed each other without a hole; None if none was complete."""
    complete = Reconciliation.objects.filter(provider=provider, compares=compares, complete=True)
    runs = complete.order_by("-at")[:_RUNS_READ]
    ended: datetime | None = None
    for run in reversed(runs):
        if ended is None or run.since <= ended:
            ended = max(ended or run.until, run.until)
    return ended


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
    seen: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    fence: Fence = field(init=False)

    def __post_init__(self) -> None:
        self.fence = Fence(self.provider.name, self.now)

    def through(self) -> Reconciliation:
        self.fence.through(self._compare_charges, about="charges")
        self.fence.through(self._hear_what_went_back, about="disputes and refunds")
        return Reconciliation(
            id=new_id(),
            provider=self.provider.name,
            since=self.since,
            until=self.until,
            at=self.now,
            complete=self.fence.complete,
            listed=self.listed,
            settled_now=self.settled_now,
            breaks=self.fence.breaks,
        )

    def _compare_charges(self) -> None:
        for page in self.provider.list_charges(since=self.since, until=self.until):
            self.fence.unreadable(page.unreadable, about="charges")
            for truth in page.rows:
                self._compare(truth)
        self._look_for_the_unlisted()

    def _hear_what_went_back(self) -> None:
        """Nobody asks about a settled payment again: a dispute or a refund whose notice was lost shows here only."""
        charge_ids: set[str] = set()
        for about, listed, lasts in (
            ("disputes", self.provider.disputed_charges, _DISPUTES_LAST),
            ("refunds", self.provider.refunded_charges, _REFUNDS_LAST),
        ):
            try:
                for page in listed(since=min(self.since, self.now - lasts), until=self.until):
                    self.fence.unreadable(page.unreadable, about=about)
                    charge_ids.update(page.rows)
            except NotOffered:
                continue
        if charge_ids:
            for place in settled_with(provider=self.provider.name, provider_ids=sorted(charge_ids)):
                self._hear_taken_back(place.cluster_id, place.asked_id, place.provider_id)

    def _hear_taken_back(self, cluster_id: UUID, asked_id: UUID, charge_id: str) -> None:
        if charge_id in self.asked or not self._concerns(cluster_id):
            return
        self.asked.add(charge_id)
        with self.fence.row(Place(cluster_id, asked_id), charge_id):
            hear_taken_back(cluster_id=cluster_id, provider_name=self.provider.name, charge_id=charge_id, now=self.now)

    def _compare(self, truth: ChargeTruth) -> None:
        place = place_of_reference(reference=truth.reference.lower())
        if place is not None and not self._concerns(place.cluster_id):
            return
        self.listed += 1
        if truth.outcome in (Outcome.SUCCEEDED, Outcome.REVERSED):
            self.seen.add(truth.provider_id)
            with self.fence.row(place, truth.provider_id):
                if truth.outcome is Outcome.SUCCEEDED:
                    self._match(place, truth)
                else:
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
        if self._stands_taken(settled):
            hear_taken_back(
                cluster_id=place.cluster_id,
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
        notice of it shows here only. What we never booked costs what the provider kept of it."""
        if place is None:
            return
        if self._settlement(place, truth) is None:
            confirm_charge(
                cluster_id=place.cluster_id,
                transaction_id=place.transaction_id,
                provider_id=truth.provider_id,
                now=self.now,
            )
            return
        hear_taken_back(
            cluster_id=place.cluster_id,
            provider_name=self.provider.name,
            charge_id=truth.provider_id,
            now=self.now,
        )

    def _settlement(self, place: Place, truth: ChargeTruth) -> Settlement | None:
        with tenant(place.cluster_id):
            return Settlement.objects.filter(
                cluster_id=place.cluster_id, provider=self.provider.name, provider_id=truth.provider_id
            ).first()

    def _stands_taken(self, settled: Settlement) -> bool:
        """Whether we booked something as taken of what the provider now calls a success."""
        with tenant(settled.cluster_id):
            return stands_taken(settled=settled)

    def _look_for_the_unlisted(self) -> None:
        """What we settled and the list does not have: asked about one by one, because a list goes by the day a charge was
        begun and not by the day it was paid."""
        for settled in settled_between(provider=self.provider.name, since=self.since, until=self.until):
            if settled.provider_id in self.seen or not self._concerns(settled.cluster_id):
                continue
            with self.fence.row(Place(settled.cluster_id, settled.asked_id), settled.provider_id):
                truth = self.provider.fetch_charge_by_id(provider_id=settled.provider_id)
                if not isinstance(truth, ChargeTruth) or truth.outcome in (Outcome.FAILED, Outcome.PENDING):
                    self._open_not_at_provider(settled)
                elif truth.outcome is Outcome.REVERSED:
                    self._ask_about_reversed(Place(settled.cluster_id, settled.asked_id), truth)
                elif truth.outcome is Outcome.SUCCEEDED:
                    self._match(Place(settled.cluster_id, settled.asked_id), truth)

    def _open_not_at_provider(self, place: SettledPlace) -> None:
        with tenant(place.cluster_id):
            settled = Settlement.objects.get(cluster_id=place.cluster_id, id=place.settlement_id)
            self.fence.breaks += payments.open_case(
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
            self.fence.breaks += payments.open_case(
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
