"""Chargebacks: a payer's bank takes a payment back, or somebody gives it back at the provider's dashboard. Whatever tells of
it, the provider is asked what is gone of the charge, and the difference to the books is booked, under locks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from clustr.clusters.queries import system_actor
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.money import Money
from clustr.kit.outbound import OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Exchange, Settlement
from clustr.payments.providers.nouns import ChargeTruth, NotFoundYet, Outcome
from clustr.payments.providers.port import NotOffered, PaymentProvider, ProviderRefused
from clustr.payments.providers.registry import provider_named
from clustr.payments.providers.returns import DisputeState, DisputeTruth
from clustr.payments.states import CaseKind
from clustr.settlement.commands.chargeback_books import (
    TAKEN_BEFORE,
    Books,
    ask_a_person,
    give_back,
    lock_books,
    name_of,
    stands_taken,
    take,
)
from clustr.settlement.policies import what_arrived
from clustr.settlement.taken_back import Told, what_was_taken

_ACT = "fetch_taken_back"
_MOST_BESIDE = 50
"""How often at most others may have heard of a charge while it was asked about."""

__all__ = ["hear_complaints", "hear_dispute", "hear_taken_back", "hear_taken_back_of", "stands_taken", "what_went"]


def hear_dispute(*, cluster_id: UUID, transaction_id: UUID, provider_name: str, dispute_id: str, now: datetime) -> None:
    """Ask a provider about a dispute it told of, and book what it took; outside any transaction. Harmless to repeat.

    Raises what a question can end with."""
    provider = provider_named(name=provider_name)
    truths = _told_of(provider, cluster_id, transaction_id, dispute_id)
    crash_point("settlement.dispute.answered")
    with tenant(cluster_id), crash_points("settlement.dispute"):
        charge_ids = sorted({truth.charge_id for truth in truths if truth.mode == provider.mode})
        booked = Settlement.objects.filter(provider=provider_name, provider_id__in=charge_ids)
        known = set(booked.values_list("provider_id", flat=True))
        if not truths:
            ask_a_person(transaction_id, provider_name, {"dispute": dispute_id}, now)
        for truth in truths:
            if truth.charge_id not in known:
                facts = {"dispute": truth.provider_id, "state": truth.state.value}
                ask_a_person(transaction_id, provider_name, facts, now)
    for charge_id in sorted(known):
        about = tuple(truth for truth in truths if truth.charge_id == charge_id)
        hear_taken_back(
            cluster_id=cluster_id,
            provider_name=provider_name,
            charge_id=charge_id,
            now=now,
            disputes=about,
            settled=False,
        )


def hear_taken_back_of(*, cluster_id: UUID, transaction_id: UUID, provider_name: str, now: datetime) -> None:
    """The same for every charge that was booked for a transaction (`hear_taken_back`)."""
    for charge_id in _charges_of(provider_name, cluster_id, transaction_id):
        hear_taken_back(cluster_id=cluster_id, provider_name=provider_name, charge_id=charge_id, now=now)


def hear_complaints(*, cluster_id: UUID, provider_name: str, charge_id: str, now: datetime) -> None:
    """Ask a provider who disputed a charge, and where somebody did, what is gone of it (`hear_taken_back`). One that does not
    list disputes tells of them. Raises what a question can end with."""
    try:
        disputes = _disputes_of(provider_named(name=provider_name), charge_id)
    except ProviderRefused:
        return
    if disputes:
        hear_taken_back(
            cluster_id=cluster_id,
            provider_name=provider_name,
            charge_id=charge_id,
            now=now,
            disputes=disputes,
            settled=False,
        )


def hear_taken_back(
    *,
    cluster_id: UUID,
    provider_name: str,
    charge_id: str,
    now: datetime,
    disputes: tuple[DisputeTruth, ...] = (),
    settled: bool = True,
) -> None:
    """Ask a provider what is gone of a charge that was booked, and book the difference; outside any transaction.

    What we gave back ourselves explains it, and so do disputes that were lost and refunds that others asked for. Where
    nothing does and the charge is called reversed, all that is left was taken: the provider no longer holds it, whoever had
    it given back. Harmless to repeat, in any order. Raises what a question can end with.
    `disputes`: what is known already. `settled`: see `what_was_taken`.
    """
    provider = provider_named(name=provider_name)
    with tenant(cluster_id):
        found = Settlement.objects.filter(cluster_id=cluster_id, provider=provider_name, provider_id=charge_id).first()
    if found is None:
        return
    for _ in range(_MOST_BESIDE):
        with tenant(cluster_id):
            heard_before = _last_heard(found)
        told = _ask(provider, charge_id, disputes)
        crash_point("settlement.taken_back.answered")
        actor = system_actor(cluster_id=cluster_id)
        with tenant(cluster_id), crash_points("settlement.taken_back"):
            books = lock_books(settled=found, now=now)
            if _last_heard(found) == heard_before:  # else somebody heard something newer while we asked
                _keep(found, told, heard_before, now)
                _book_difference(actor, books, told, settled, now)
                return
    raise OutcomeUnknown("others hear of this charge all the time")


def what_went(*, provider: PaymentProvider, attempt: Attempt, truth: ChargeTruth | NotFoundYet) -> int | None:
    """Minor units of a charge that is called reversed and was never booked which went back, as its provider tells of disputes and
    refunds. None where it does not tell, or it is undecided, or there is nothing to ask: then all of it is taken to have gone.
    Outside any transaction. Raises what a question that was not heard can end with."""
    if not isinstance(truth, ChargeTruth) or truth.outcome is not Outcome.REVERSED or truth.mode != provider.mode:
        return None
    with tenant(attempt.cluster_id):
        if Settlement.objects.filter(provider=attempt.provider, provider_id=truth.provider_id).exists():
            return None
    arrived, _ = what_arrived(truth=truth)
    try:
        disputes, refunds = _disputes_of(provider, truth.provider_id), provider.refunds_of(charge_id=truth.provider_id)
    except (NotOffered, ProviderRefused):
        return None
    told = Told(charge_id=truth.provider_id, charge=truth, disputes=disputes, refunds=refunds)
    told = told.in_currency(arrived.currency)
    taken = what_was_taken(told=told, given_back=0, most=arrived.minor, booked={}, settled=True)
    return None if told.undecided else sum(taken.values())


def _ask(provider: PaymentProvider, charge_id: str, known: tuple[DisputeTruth, ...]) -> Told:
    listed = _disputes_of(provider, charge_id)
    numbers = {truth.provider_id for truth in listed}
    return Told(
        charge_id=charge_id,
        charge=provider.fetch_charge_by_id(provider_id=charge_id),
        disputes=(*listed, *(truth for truth in known if truth.provider_id not in numbers)),
        refunds=provider.refunds_of(charge_id=charge_id),
    )


def _last_heard(settled: Settlement) -> Exchange | None:
    """What was told of a charge last."""
    kept = Exchange.objects.filter(cluster_id=settled.cluster_id, transaction_id=settled.asked_id, act=_ACT)
    return kept.filter(answer__charge_id=settled.provider_id).order_by("-at", "-id").first()


def _keep(settled: Settlement, told: Told, last: Exchange | None, now: datetime) -> None:
    """Keep what was told, once for what it says: a charge is asked about for months."""
    answer = {"charge_id": settled.provider_id, **told.summary}
    if last is None or last.answer != answer:
        payments.note_exchange(
            transaction_id=settled.asked_id, act=_ACT, outcome=told.summary["charge"], answer=answer, now=now
        )


def _book_difference(actor: Actor, books: Books, all_told: Told, settled: bool, now: datetime) -> None:
    others = tuple(refund for refund in all_told.refunds if not books.is_ours(refund))
    told = replace(all_told, refunds=others).in_currency(books.settled.currency)
    _tell_what_is_odd(books, all_told, told, now)
    before = books.booked
    wanted = what_was_taken(told=told, given_back=books.given_back, most=books.most, booked=before, settled=settled)
    more = sum(wanted.values()) - sum(before.values())
    if more > 0:
        _take_more(actor, books, wanted, min(more, books.left), now)
    elif more < 0:
        _give_back(actor, books, wanted, -more, now)
    _tell_what_is_not_there(books, told, wanted, now)
    if settled and books.left > 0 and told.reversed_in_part:
        facts = {"state": "reversed_in_part", "amount": Money(books.left, books.settled.currency).for_people()}
        ask_a_person(books.settled.asked_id, books.settled.provider, facts, now)


def _take_more(actor: Actor, books: Books, wanted: dict[str, int], more: int, now: datetime) -> None:
    """What was taken under one name before (the charge was called reversed, or was given back) is not taken again under
    another; and never more than the provider held."""
    for name, minor in wanted.items():
        part = min(more, minor - books.booked.get(name, 0))
        if part > 0:
            take(actor=actor, books=books, name=name, minor=part, now=now)
            more -= part


def _give_back(actor: Actor, books: Books, wanted: dict[str, int], less: int, now: datetime) -> None:
    """What came back is given back as it was taken, the latest first; a part of it is for a person."""
    for taking in reversed(books.standing[:]):
        name = name_of(taking)
        if taking.amount_minor <= min(less, books.booked.get(name, 0) - wanted.get(name, 0)):
            give_back(actor=actor, books=books, taking=taking, now=now)
            less -= taking.amount_minor
    if less:
        facts = {"state": "came_back_in_part", "amount": Money(less, books.settled.currency).for_people()}
        ask_a_person(books.settled.asked_id, books.settled.provider, facts, now)


def _tell_what_is_odd(books: Books, all_told: Told, told: Told, now: datetime) -> None:
    """Disputes that are open, until they are not; and what is told in another currency."""
    for dispute in all_told.disputes:
        if dispute.state is not DisputeState.OPEN:
            payments.settle_case(
                kind=CaseKind.CHARGEBACK,
                transaction_id=books.settled.asked_id,
                note=f"It was decided: {dispute.state.value}.",
                dispute=dispute.provider_id,
                state=DisputeState.OPEN.value,
                now=now,
            )
        if dispute not in told.disputes or dispute.state is DisputeState.OPEN:
            facts = {"dispute": dispute.provider_id, "amount": dispute.amount.for_people()}
            ask_a_person(books.settled.asked_id, books.settled.provider, facts | {"state": dispute.state.value}, now)


def _tell_what_is_not_there(books: Books, told: Told, wanted: dict[str, int], now: datetime) -> None:
    """What a lost dispute claims beyond what was left of the charge."""
    booked = books.booked
    for dispute in told.disputes:
        if dispute.state is DisputeState.LOST and booked.get(dispute.provider_id, 0) < wanted[dispute.provider_id]:
            facts = {"dispute": dispute.provider_id, "state": TAKEN_BEFORE, "amount": dispute.amount.for_people()}
            ask_a_person(books.settled.asked_id, books.settled.provider, facts, now)


def _told_of(
    provider: PaymentProvider, cluster_id: UUID, transaction_id: UUID, dispute_id: str
) -> tuple[DisputeTruth, ...]:
    """The dispute of this number; where a provider lists disputes by their charge, those of the transaction's charges."""
    try:
        truth = provider.fetch_dispute(provider_id=dispute_id)
    except NotOffered:
        charge_ids = _charges_of(provider.name, cluster_id, transaction_id)
        return tuple(truth for charge_id in charge_ids for truth in _disputes_of(provider, charge_id))
    return () if isinstance(truth, NotFoundYet) else (truth,)


def _disputes_of(provider: PaymentProvider, charge_id: str) -> tuple[DisputeTruth, ...]:
    try:
        return tuple(truth for truth in provider.disputes_of(charge_id=charge_id) if truth.mode == provider.mode)
    except NotOffered:
        return ()


def _charges_of(provider_name: str, cluster_id: UUID, transaction_id: UUID) -> list[str]:
    with tenant(cluster_id):
        charges = Settlement.objects.filter(cluster_id=cluster_id, asked_id=transaction_id, provider=provider_name)
        return list(charges.order_by("id").values_list("provider_id", flat=True))
