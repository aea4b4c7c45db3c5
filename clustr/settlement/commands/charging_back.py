"""Chargebacks: a payer's bank takes a payment back. What the provider says of it is booked once, and a person is told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction as database
from django.db.models import QuerySet, Sum

from clustr.bills import commands as bills
from clustr.clusters.queries import system_actor
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.jobs import enqueue
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Settlement, Transaction
from clustr.payments.providers.nouns import ChargeTruth, NotFoundYet, Outcome
from clustr.payments.providers.port import NotOffered, PaymentProvider
from clustr.payments.providers.registry import provider_named
from clustr.payments.providers.returns import DisputeState, DisputeTruth
from clustr.payments.refusals import ReferenceTaken
from clustr.payments.states import OPEN, CaseKind, Purpose, TransactionStatus
from clustr.people import queries as people
from clustr.wallets import commands as wallets


def hear_dispute(*, cluster_id: UUID, transaction_id: UUID, provider_name: str, dispute_id: str, now: datetime) -> None:
    """Ask a provider about a dispute it told of, and book it; outside any transaction. Harmless to repeat.

    Raises what a question can end with."""
    provider = provider_named(name=provider_name)
    truths = _told_of(provider, cluster_id, transaction_id, dispute_id)
    counts_again = _counting_again(provider, cluster_id, truths)
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
                if truth.charge_id in counts_again:
                    hear_restored(actor=actor, settled=settled, now=now)


def hear_disputes(*, cluster_id: UUID, provider_name: str, charge_id: str, now: datetime) -> None:
    """Ask a provider for the disputes about a charge which was booked, and book them; outside any transaction. Harmless to
    repeat. Raises what a question can end with."""
    provider = provider_named(name=provider_name)
    disputes = _disputes_of(provider, charge_id)
    counts_again = _counting_again(provider, cluster_id, disputes)
    crash_point("settlement.dispute.answered")
    actor = system_actor(cluster_id=cluster_id)
    with tenant(cluster_id), crash_points("settlement.dispute"):
        settled = Settlement.objects.filter(provider=provider_name, provider_id=charge_id).first()
        if settled is None:
            return
        for truth in disputes:
            _apply_dispute(actor, settled, truth, now)
        if charge_id in counts_again:
            hear_restored(actor=actor, settled=settled, now=now)


def hear_reversal(*, cluster_id: UUID, provider_name: str, charge_id: str, now: datetime) -> None:
    """A provider says that a charge which was booked is reversed: ask why, and book what was taken; outside any transaction.

    What we gave back ourselves explains it; so do disputes that were lost. What is left was taken too: the provider no
    longer holds it, whoever had it given back. While a dispute is not decided nothing is: a provider may call a charge
    reversed because it was filed. Harmless to repeat. Raises what a question can end with."""
    disputes = _disputes_of(provider_named(name=provider_name), charge_id)
    crash_point("settlement.reversal.answered")
    actor = system_actor(cluster_id=cluster_id)
    with tenant(cluster_id), crash_points("settlement.reversal"):
        settled = Settlement.objects.filter(provider=provider_name, provider_id=charge_id).first()
        if settled is None:
            return
        for truth in disputes:
            _apply_dispute(actor, settled, truth, now)
        explained = any(truth.state is not DisputeState.WON for truth in disputes)
        parts = _locked_parts(settled)
        taken = _left_at_provider(settled, parts)
        if not explained and taken.minor > 0:
            _book(actor, settled, parts, number=_of_charge(charge_id), amount=taken, now=now)


def hear_restored(*, actor: Actor, settled: Settlement, now: datetime) -> None:
    """A charge that was reversed counts again: what was booked as taken comes back, once. Part of a settlement."""
    _win(actor, settled, _of_charge(settled.provider_id), now)


def stands_as_reversed(*, settled: Settlement) -> bool:
    """Whether a charge is booked as taken back because it was called reversed, and that has not come back."""
    taken = _taken(settled, _of_charge(settled.provider_id))
    return taken is not None and not _come_back([taken.id], settled)


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


def _counting_again(provider: PaymentProvider, cluster_id: UUID, truths: tuple[DisputeTruth, ...]) -> set[str]:
    """Of the charges whose dispute was won, those that are booked as reversed and that the provider counts again."""
    won = sorted({truth.charge_id for truth in truths if truth.state is DisputeState.WON})
    with tenant(cluster_id):
        booked = Settlement.objects.filter(provider=provider.name, provider_id__in=won).order_by("id")
        reversed_ids = [settled.provider_id for settled in booked if stands_as_reversed(settled=settled)]
    found = {charge_id: provider.fetch_charge_by_id(provider_id=charge_id) for charge_id in reversed_ids}
    return {
        charge_id
        for charge_id, charge in found.items()
        if isinstance(charge, ChargeTruth) and charge.outcome is Outcome.SUCCEEDED
    }


def _apply_dispute(actor: Actor, settled: Settlement, truth: DisputeTruth, now: datetime) -> None:
    match truth.state:
        case DisputeState.OPEN:
            facts = {"dispute": truth.provider_id, "state": "open", "amount": truth.amount.for_people()}
            _ask_a_person(settled.asked_id, settled.provider, facts, now)
        case DisputeState.LOST:
            _take(actor, settled, truth, now)
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


def _left_at_provider(settled: Settlement, parts: list[Transaction]) -> Money:
    """What the provider holds of a charge, by the books: what arrived, less what we gave back to its source, or are giving
    back, less what was booked as taken and has not come back."""
    to_source = Transaction.objects.filter(
        cluster_id=settled.cluster_id,
        subject_id__in=[part.id for part in parts],
        purpose=Purpose.REFUND,
        provider=settled.provider,
        status__in=[*OPEN, TransactionStatus.COMPLETED],
    ).exclude(provider_reference__startswith="chargeback:")
    taken = Transaction.objects.filter(
        cluster_id=settled.cluster_id, subject_id__in=[part.id for part in parts], purpose=Purpose.CHARGEBACK
    )
    arrived = settled.amount_minor + settled.surcharge_minor
    went = _sum(to_source) + _sum(taken) - _come_back(taken.values_list("id", flat=True), settled)
    return Money(arrived - went, settled.currency)


def _come_back(taken_ids: Iterable[UUID], settled: Settlement) -> int:
    """Minor units that a provider gave back of what it had taken."""
    return _sum(
        Transaction.objects.filter(
            cluster_id=settled.cluster_id, subject_id__in=list(taken_ids), purpose=Purpose.CHARGEBACK
        )
    )


def _sum(found: QuerySet[Transaction]) -> int:
    return int(found.aggregate(sum=Sum("amount_minor"))["sum"] or 0)


def _taken(settled: Settlement, number: str) -> Transaction | None:
    """What was booked as taken under this number."""
    return Transaction.objects.filter(
        cluster_id=settled.cluster_id,
        provider=settled.provider,
        purpose=Purpose.CHARGEBACK,
        provider_reference=number,
    ).first()


def _take(actor: Actor, settled: Settlement, truth: DisputeTruth, now: datetime) -> None:
    """Book a dispute that was lost: never more than the provider holds of the charge. What was taken before under another
    name (the charge was called reversed, or was given back) is not taken again."""
    parts = _locked_parts(settled)
    if _taken(settled, truth.provider_id) is not None:
        return
    left, amount = _left_at_provider(settled, parts), truth.amount
    if amount.currency == left.currency and left < amount:
        amount = left
        facts = {"dispute": truth.provider_id, "state": "taken_before", "amount": truth.amount.for_people()}
        _ask_a_person(settled.asked_id, settled.provider, facts, now)
    if amount.minor > 0:
        _book(actor, settled, parts, number=truth.provider_id, amount=amount, now=now)


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
    taken = _taken(settled, number)
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
