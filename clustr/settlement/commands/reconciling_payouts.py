"""Reconciling payouts: what a provider says it sent, and what we asked it to send, must be the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.crashpoints import Crash
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.providers.nouns import NotFoundYet, Outcome, PayoutTruth
from clustr.payments.providers.port import PaymentProvider
from clustr.payments.providers.registry import available_providers, provider_named
from clustr.payments.queries import Place, payouts_gone, place_of_reference
from clustr.payments.states import CaseKind, TransactionStatus
from clustr.settlement.commands.asking import UNHEARD, confirm_payment
from clustr.settlement.commands.reconciling import compared_until, open_failed

log = structlog.get_logger(__name__)

_GONE = (TransactionStatus.COMPLETED, TransactionStatus.REFUNDED)
_BACK = (TransactionStatus.FAILED, TransactionStatus.REFUNDED)


@dataclass(slots=True)
class PayoutsCompared:
    """How the payouts of one provider compared. `complete`: the whole list could be read. `breaks`: cases that are new."""

    provider: str
    listed: int = 0
    breaks: int = 0
    complete: bool = True


def reconcile_payouts(*, since: datetime, until: datetime, now: datetime, go_on: bool = False) -> list[PayoutsCompared]:
    """Go through what each provider says it paid out between two instants, and what we asked for; outside any transaction.

    What was heard of too late is applied now. What does not agree becomes a case of its estate, or of the platform where it
    is nobody's, once; so does a payout that fails by an error of ours, and the rest goes on. Harmless to repeat.
    `go_on`: begin where complete runs over the payments ended, if that is before `since`.
    """
    made = []
    for name in available_providers():
        ended = compared_until(name) if go_on else None
        made.append(_compare(provider_named(name=name), min(since, ended or since), until, now))
    return made


def _compare(provider: PaymentProvider, since: datetime, until: datetime, now: datetime) -> PayoutsCompared:
    compared, seen = PayoutsCompared(provider.name), set[str]()
    try:
        for page in provider.list_payouts(since=since, until=until):
            compared.complete = compared.complete and not page.unreadable
            for truth in page.rows:
                compared.listed += 1
                seen.add(truth.reference)
                compared.breaks += _fenced(provider, truth.reference, now, partial(_match, provider, truth, now))
        for place, reference in payouts_gone(provider=provider.name, since=since, until=until):
            if reference not in seen:
                look = partial(_look_for, provider, place, reference, now)
                compared.breaks += _fenced(provider, reference, now, look)
    except UNHEARD:
        compared.complete = False  # what was not said proves nothing; the next run asks again
    except Crash:
        raise
    except Exception as error:
        log.exception("settlement.reconcile_failed", provider=provider.name)
        compared.complete = False
        compared.breaks += open_failed(None, provider.name, "payouts", error, now)
    return compared


def _fenced(provider: PaymentProvider, reference: str, now: datetime, compare: Callable[[], bool]) -> bool:
    """Whether a payout is a new break. One that fails by an error of ours is, and the payouts after it are compared."""
    try:
        return compare()
    except (*UNHEARD, Crash):
        raise
    except Exception as error:
        log.exception("settlement.reconcile_failed", provider=provider.name, reference=reference)
        place = place_of_reference(reference=reference.lower())
        return open_failed(place, provider.name, f"payout:{reference}", error, now)


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
