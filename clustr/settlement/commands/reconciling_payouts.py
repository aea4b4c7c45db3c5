"""Reconciling payouts: what a provider says it sent, and what we asked it to send, must be the same."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.providers.nouns import NotFoundYet, Outcome, PayoutTruth
from clustr.payments.providers.port import PaymentProvider
from clustr.payments.providers.registry import available_providers, provider_named
from clustr.payments.queries import Place, payouts_gone, place_of_reference
from clustr.payments.states import CaseKind, TransactionStatus
from clustr.settlement.commands.asking import confirm_payment
from clustr.settlement.commands.fencing import Fence
from clustr.settlement.commands.reconciling import compared_until
from clustr.settlement.models import Reconciliation

_GONE = (TransactionStatus.COMPLETED, TransactionStatus.REFUNDED)
_BACK = (TransactionStatus.FAILED, TransactionStatus.REFUNDED)


def reconcile_payouts(*, since: datetime, until: datetime, now: datetime, go_on: bool = False) -> list[Reconciliation]:
    """Go through what each provider says it paid out between two instants, and what we asked for; outside any transaction.

    What was heard of too late is applied now. What does not agree becomes a case of its estate, or of the platform where it
    is nobody's, once; so does a payout that fails by an error of ours, and the rest goes on. Harmless to repeat. Answers one
    record for each provider, which is kept.
    `go_on`: begin where complete runs ended, if that is before `since`.
    """
    made = []
    for name in available_providers():
        ended = compared_until(name, Reconciliation.PAYOUTS) if go_on else None
        run = _compare(provider_named(name=name), min(since, ended or since), until, now)
        run.save(force_insert=True)
        made.append(run)
    return made


def _compare(provider: PaymentProvider, since: datetime, until: datetime, now: datetime) -> Reconciliation:
    fence, listed = Fence(provider.name, now), 0

    def compare() -> None:
        nonlocal listed
        seen = set[str]()
        for page in provider.list_payouts(since=since, until=until):
            fence.unreadable(page.unreadable, about="payouts")
            for truth in page.rows:
                listed += 1
                seen.add(truth.reference)
                place = place_of_reference(reference=truth.reference.lower())
                with fence.row(place, f"payout:{truth.reference}"):
                    fence.breaks += _match(provider, truth, now)
        for place, reference in payouts_gone(provider=provider.name, since=since, until=until):
            if reference not in seen:
                with fence.row(place, f"payout:{reference}"):
                    fence.breaks += _look_for(provider, place, reference, now)

    fence.through(compare, about="payouts")
    return Reconciliation(
        id=new_id(),
        provider=provider.name,
        compares=Reconciliation.PAYOUTS,
        since=since,
        until=until,
        at=now,
        complete=fence.complete,
        listed=listed,
        settled_now=0,
        breaks=fence.breaks,
    )


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
