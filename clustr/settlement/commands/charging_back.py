"""Chargebacks: a payer's bank takes a payment back. What the provider says of it is booked once, and a person is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction as database
from django.db.models import Sum

from clustr.bills import commands as bills
from clustr.clusters.queries import system_actor
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.jobs import enqueue
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Settlement, Transaction
from clustr.payments.providers.nouns import NotFoundYet
from clustr.payments.providers.port import NotOffered, PaymentProvider
from clustr.payments.providers.registry import provider_named
from clustr.payments.providers.returns import DisputeState, DisputeTruth
from clustr.payments.refusals import ReferenceTaken
from clustr.payments.states import OPEN, CaseKind, Purpose, TransactionStatus
from clustr.people import queries as people
from clustr.wallets import commands as wallets

_LOOK_AGAIN = timedelta(hours=1)


def hear_dispute(*, cluster_id: UUID, transaction_id: UUID, provider_name: str, dispute_id: str, now: datetime) -> None:
    """Ask a provider about a dispute it told of, and book it; outside any transaction. Harmless to repeat.

    Raises what a question can end with."""
    provider = provider_named(name=provider_name)
    truths = _told_of(provider, cluster_id, transaction_id, dispute_id)
    crash_point("settlement.dispute.answered")
    actor = system_actor(cluster_id=cluster_id)
    with tenant(cluster_id), crash_points("settlement.dispute"):
        if not truths:
            _ask_a_person(transaction_id, provider_name, {"dispute": dispute_id}, now)
        for truth in truths:
            settled = Settlement.objects.filter(provider=provider_name, provider_id=truth.charge_id).first()
            if settled is None or truth.mode != provider.mode:
                facts = {"dispute": truth.provider_id, "state": truth.state.value}
                _ask_a_person(transaction_id, provider_name, facts, now)
            else:
                _apply_dispute(actor, settled, truth, now)


def hear_disputes(*, cluster_id: UUID, provider_name: str, charge_id: str, now: datetime) -> None:
    """Ask a provider about every dispute of a charge that was booked, and book how each was decided, as if it had told of
    it; outside any transaction. Harmless to repeat. Raises what a question can end with."""
    disputes = _disputes_of(provider_named(name=provider_name), charge_id)
    crash_point("settlement.dispute.answered")
    actor = system_actor(cluster_id=cluster_id)
    with tenant(cluster_id), crash_points("settlement.dispute"):
        settled = Settlement.objects.filter(provider=provider_name, provider_id=charge_id).first()
        for truth in disputes if settled else ():
            _apply_dispute(actor, settled, truth, now)


def hear_reversal(*, cluster_id: UUID, provider_name: str, charge_id: str, now: datetime) -> None:
    """A provider says that a charge which was booked is reversed: ask why, and book what was taken; outside any transaction.

    What we gave back ourselves explains it; so do disputes that were lost. What is left was taken too: the provider no
    longer holds it, whoever had it given back. While a refund of ours is not decided, it is asked again an hour later. Harmless to repeat. Raises what a question can end with."""
    disputes = _disputes_of(provider_named(name=provider_name), charge_id)
    crash_point("settlement.reversal.answered")
    actor = system_actor(cluster_id=cluster_id)
    with tenant(cluster_id), crash_points("settlement.reversal"):
        settled = Settlement.objects.filter(provider=provider_name, provider_id=charge_id).first()
        if settled is None:
            return
        for truth in disputes:
            _apply_dispute(actor, settled, truth, now)
        lost = any(truth.state is DisputeState.LOST for truth in disputes)
        parts = _locked_parts(settled)
        went_back = _went_back(settled, parts)
        explained = lost or went_back >= settled.amount_minor
        if not explained and any(payments.on_its_way_back(transaction_id=part.id) for part in parts):
            # Whether a refund of ours is part of it, or is refused because of it, is not known yet.
            payments.schedule_check(transaction_id=settled.asked_id, next_check_at=now + _LOOK_AGAIN)
        elif not explained:
            # The whole was given back, with what its payer had paid on top for the provider's fee.
            taken = Money(settled.amount_minor + settled.surcharge_minor - went_back, settled.currency)
            _book(actor, settled, parts, number=_of_charge(charge_id), amount=taken, now=now)


def hear_counts_again(*, cluster_id: UUID, provider_name: str, charge_id: str, now: datetime) -> None:
    """A provider lists a charge as taken: were it booked as taken back, it comes back, once. Harmless to repeat."""
    actor = system_actor(cluster_id=cluster_id)
    with tenant(cluster_id), crash_points("settlement.reversal"):
        settled = Settlement.objects.filter(provider=provider_name, provider_id=charge_id).first()
        if settled is not None:
            hear_restored(actor=actor, settled=settled, now=now)


def hear_restored(*, actor: Actor, settled: Settlement, now: datetime) -> None:
    """A charge that was reversed counts again: what was booked as taken comes back, once. Part of a settlement."""
    _win(actor, settled, _of_charge(settled.provider_id), now)


def _told_of(
    provider: PaymentProvider, cluster_id: UUID, transaction_id: UUID, dispute_id: str
) -> tuple[DisputeTruth, ...]:
    """The dispute of this number; where a provider lists disputes by their charge, those of the transaction's charges."""
    try:
        truth = provider.fetch_dispute(provider_id=dispute_id)
    except NotOffered:
        with tenant(cluster_id):
            charges = Settlement.objects.filter(asked_id=transaction_id, provider=provider.name).order_by("id")
            charge_ids = list(charges.values_list("provider_id", flat=True))
        return tuple(truth for charge_id in charge_ids for truth in _disputes_of(provider, charge_id))
    return () if isinstance(truth, NotFoundYet) else (truth,)


def _disputes_of(provider: PaymentProvider, charge_id: str) -> tuple[DisputeTruth, ...]:
    try:
        return tuple(truth for truth in provider.disputes_of(charge_id=charge_id) if truth.mode == provider.mode)
    except NotOffered:
        return ()


def _apply_dispute(actor: Actor, settled: Settlement, truth: DisputeTruth, now: datetime) -> None:
    match truth.state:
        case DisputeState.OPEN:
            facts = {"dispute": truth.provider_id, "state": "open", "amount": truth.amount.for_people()}
            _ask_a_person(settled.asked_id, settled.provider, facts, now)
        case DisputeState.LOST:
            _book(actor, settled, _locked_parts(settled), number=truth.provider_id, amount=truth.amount, now=now)
        case DisputeState.WON:
            _win(actor, settled, truth.provider_id, now)


def _locked_parts(settled: Settlement) -> list[Transaction]:
    """What the charge completed and what was more than that, locked in the house's order."""
    asked = Transaction.objects.get(cluster_id=settled.cluster_id, id=settled.asked_id)
    if asked.purpose == Purpose.BILL:
        bills.lock_for_settlement(transaction=asked)
    ids = [
        *([settled.asked_id] if settled.completes_minor else []),
        *([settled.surplus_id] if settled.surplus_id else []),
    ]
    locked = {id: payments.lock_transaction(transaction_id=id) for id in sorted(ids)}
    return [locked[id] for id in ids]


def _went_back(settled: Settlement, parts: list[Transaction]) -> int:
    """Minor units of a charge that we gave back to its source, or are giving back, or that were booked as taken."""
    to_source = Transaction.objects.filter(
        cluster_id=settled.cluster_id,
        subject_id__in=[part.id for part in parts],
        purpose=Purpose.REFUND,
        provider=settled.provider,
        status__in=[*OPEN, TransactionStatus.COMPLETED],
    ).exclude(provider_reference__startswith="chargeback:")
    taken = Transaction.objects.filter(
        cluster_id=settled.cluster_id,
        subject_id__in=[part.id for part in parts],
        purpose=Purpose.CHARGEBACK,
    )
    return sum(int(found.aggregate(sum=Sum("amount_minor"))["sum"] or 0) for found in (to_source, taken))


def _book(
    actor: Actor, settled: Settlement, parts: list[Transaction], *, number: str, amount: Money, now: datetime
) -> None:
    """Book what was taken, and who bears it: the payment first, then what was more than was asked, the estate the rest."""
    if amount.currency != settled.currency:
        _ask_a_person(settled.asked_id, settled.provider, {"dispute": number, "amount": amount.for_people()}, now)
        return
    try:
        with database.atomic():
            wallets.book_chargeback(
                actor=actor, original=parts[0], provider=settled.provider, number=number, amount=amount, now=now
            )
    except ReferenceTaken:
        return
    left = amount
    for place, part in enumerate(parts, start=1):
        borne = wallets.bear_chargeback(
            actor=actor, original=part, amount=left, number=wallets.borne_number(number, place), now=now
        )
        if borne is not None:
            left = left - borne.amount
            if part.purpose == Purpose.BILL:
                bills.take_back_payment(original=part, refund=borne, now=now)
        if left.minor == 0:
            break
    enqueue(
        "settlement.charge_fees",
        once_key=f"settlement.charge_fees:{settled.cluster_id}",
        cluster_id=settled.cluster_id,
    )
    facts = {"dispute": number, "state": "taken", "amount": amount.for_people(), "borne_by_estate": left.for_people()}
    _ask_a_person(settled.asked_id, settled.provider, facts, now)


def _win(actor: Actor, settled: Settlement, number: str, now: datetime) -> None:
    """Give back what was booked as taken under this number; nothing where none was, or it was given back before."""
    taken = Transaction.objects.filter(
        cluster_id=settled.cluster_id,
        provider=settled.provider,
        purpose=Purpose.CHARGEBACK,
        provider_reference=number,
    ).first()
    if taken is None:
        return
    payer = Transaction.objects.get(cluster_id=settled.cluster_id, id=settled.asked_id).user_id
    reachable = payer is not None and people.contact_of(user_id=payer).reachable
    try:
        with database.atomic():
            wallets.win_chargeback(actor=actor, taken=taken, reachable=reachable, now=now)
    except ReferenceTaken:
        return
    if not reachable:
        payments.open_case(
            kind=CaseKind.OWNER_NOT_FOUND,
            subject=str(taken.id),
            transaction_id=taken.id,
            facts={"provider": settled.provider, "amount": taken.amount.for_people()},
            now=now,
        )
    facts = {"dispute": number, "state": "won", "amount": taken.amount.for_people()}
    _ask_a_person(settled.asked_id, settled.provider, facts, now)


def _of_charge(charge_id: str) -> str:
    """What stands for the number of a dispute where a charge was reversed and the provider tells of none."""
    return f"charge:{charge_id}"


def _ask_a_person(transaction_id: UUID, provider: str, facts: dict[str, str], now: datetime) -> None:
    payments.open_case(
        kind=CaseKind.CHARGEBACK,
        subject=f"{transaction_id}:{facts.get('dispute', '')}:{facts.get('state', '')}",
        transaction_id=transaction_id,
        facts={"provider": provider, **facts},
        once=True,
        now=now,
    )
