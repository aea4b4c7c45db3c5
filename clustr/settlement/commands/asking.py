"""The one way to learn what became of an attempt: ask its provider, between transactions, and act on the answer.

Webhook, browser return, verification and the sweep all end here. Silence is never a failure.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never
from uuid import UUID

from clustr.clusters.queries import system_actor
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Settlement, Transaction
from clustr.payments.providers.nouns import ChargeTruth, NotFoundYet, Outcome
from clustr.payments.providers.port import AlreadyKnown, NotOffered, ProviderRefused
from clustr.payments.providers.registry import provider_named
from clustr.payments.queries import place_of_reference
from clustr.payments.refusals import ProviderNotAvailable, TransactionNotFound
from clustr.payments.schedule import next_check
from clustr.payments.states import AttemptKind, TransactionStatus
from clustr.settlement.commands.applying import apply_charge_truth, apply_fee_of_reversed
from clustr.settlement.commands.charging_back import hear_taken_back, stands_taken, what_went
from clustr.settlement.commands.failing import leave_unknown
from clustr.settlement.commands.paying_out import apply_payout_truth, send_payout
from clustr.settlement.commands.refunding import apply_refund_truth, fetch_refund_truth, send_refund
from clustr.settlement.commands.starting import charge_saved_card
from clustr.utilities import commands as utilities

UNHEARD = (NothingSent, OutcomeUnknown, ProviderRefused, NotOffered, AlreadyKnown, ProviderNotAvailable)
"""What a question can end with when it brought no truth: a provider that refuses a question has said nothing of money."""

_SEND = {
    AttemptKind.PAYOUT: send_payout,
    AttemptKind.REFUND: send_refund,
    AttemptKind.CHARGE: charge_saved_card,
}
"""What sends an attempt that was recorded and not sent yet."""


def confirm_payment(*, cluster_id: UUID, transaction_id: UUID, now: datetime) -> None:
    """Ask the provider what became of a transaction, and book it; outside any transaction. Harmless to repeat, and to run
    many times at once: what arrived is booked once."""
    with tenant(cluster_id):
        attempt = Attempt.objects.filter(cluster_id=cluster_id, id=transaction_id).first()
        transaction = Transaction.objects.filter(cluster_id=cluster_id, id=transaction_id).first()
    if attempt is None or transaction is None:
        return
    if attempt.kind == AttemptKind.PURCHASE:
        utilities.confirm_purchase(cluster_id=cluster_id, purchase_id=transaction_id, now=now)
        return
    if _waits_to_be_sent(transaction, attempt):
        _SEND[AttemptKind(attempt.kind)](cluster_id=cluster_id, transaction_id=transaction_id, now=now)
        return
    try:
        _ask_and_apply(system_actor(cluster_id=cluster_id), transaction, attempt, now)
    except UNHEARD as error:
        _stay_unknown(system_actor(cluster_id=cluster_id), attempt, type(error).__name__, now)


def _waits_to_be_sent(transaction: Transaction, attempt: Attempt) -> bool:
    """Whether nobody has sent it: by its state, or for a saved card, which is sent from here, by whether it was."""
    if transaction.status != TransactionStatus.PENDING:
        return False
    return attempt.kind != AttemptKind.CHARGE or (attempt.method_id is not None and attempt.sent_at is None)


def _ask_and_apply(actor: Actor, transaction: Transaction, attempt: Attempt, now: datetime) -> None:
    provider = provider_named(name=attempt.provider)
    match AttemptKind(attempt.kind):
        case AttemptKind.PAYOUT:
            payout = provider.fetch_payout(reference=attempt.reference)
            crash_point("settlement.confirm.answered")
            apply_payout_truth(actor=actor, transaction_id=transaction.id, truth=payout, now=now)
        case AttemptKind.REFUND:
            refund = fetch_refund_truth(refund=transaction, attempt=attempt)
            crash_point("settlement.confirm.answered")
            apply_refund_truth(actor=actor, transaction_id=transaction.id, truth=refund, now=now)
        case AttemptKind.CHARGE:
            truth = provider.fetch_charge(reference=attempt.reference)
            went = what_went(provider=provider, attempt=attempt, truth=truth)
            crash_point("settlement.confirm.answered")
            apply_charge_truth(
                actor=actor, transaction_id=transaction.id, truth=truth, mode=provider.mode, went=went, now=now
            )
            _look_into_what_went(attempt, truth, now)
        case AttemptKind.PURCHASE:
            raise AssertionError("a purchase is asked about by the room that sells it")
        case never:
            assert_never(never)


def _look_into_what_went(attempt: Attempt, truth: ChargeTruth | NotFoundYet, now: datetime) -> None:
    """A charge that was booked and is called reversed now, or of which something was booked as taken."""
    if not isinstance(truth, ChargeTruth) or truth.reference != attempt.reference:
        return
    with tenant(attempt.cluster_id):
        booked = Settlement.objects.filter(
            cluster_id=attempt.cluster_id, provider=attempt.provider, provider_id=truth.provider_id
        ).first()
        taken = booked is not None and stands_taken(settled=booked)
    if booked is not None and (taken or truth.outcome is Outcome.REVERSED):
        hear_taken_back(
            cluster_id=attempt.cluster_id, provider_name=attempt.provider, charge_id=truth.provider_id, now=now
        )


def confirm_charge(*, cluster_id: UUID, transaction_id: UUID, provider_id: str, now: datetime) -> None:
    """Ask about one charge by the provider's own id, and book it; outside any transaction. A payer may pay twice on one
    page: asked by our reference, a provider tells of one of these charges only.

    Raises what a question can end with (`UNHEARD`)."""
    with tenant(cluster_id):
        attempt = Attempt.objects.filter(cluster_id=cluster_id, id=transaction_id, kind=AttemptKind.CHARGE).first()
        if attempt is None or _booked(attempt, provider_id):
            return
    provider = provider_named(name=attempt.provider)
    truth = provider.fetch_charge_by_id(provider_id=provider_id)
    if not isinstance(truth, ChargeTruth) or truth.reference != attempt.reference:
        return  # a notice named a charge that is not this payment's: its amount is nobody's business here
    went = what_went(provider=provider, attempt=attempt, truth=truth)
    crash_point("settlement.confirm_charge.answered")
    actor = system_actor(cluster_id=cluster_id)
    if truth.outcome is Outcome.SUCCEEDED:
        apply_charge_truth(actor=actor, transaction_id=transaction_id, truth=truth, mode=provider.mode, now=now)
    elif truth.outcome is Outcome.REVERSED:
        apply_fee_of_reversed(
            actor=actor, transaction_id=transaction_id, truth=truth, mode=provider.mode, went=went, now=now
        )


def verify_payment(*, actor: Actor, reference: str, now: datetime) -> UUID:
    """Ask now about the transaction with this reference: its owner, or who holds ViewPayments, may. Answers its id.

    Refuses `TransactionNotFound`, also where it is somebody else's.
    """
    place = place_of_reference(reference=reference.strip().lower())
    if place is None or place.cluster_id != actor.cluster_id:
        raise TransactionNotFound
    with tenant(actor.cluster_id):
        known = Transaction.objects.filter(cluster_id=actor.cluster_id, id=place.transaction_id).first()
    if known is None or not (known.user_id == actor.user_id or actor.may("ViewPayments")):
        raise TransactionNotFound
    if known.user_id != actor.user_id:
        actor.require("ViewPayments")
    confirm_payment(cluster_id=actor.cluster_id, transaction_id=known.id, now=now)
    return known.id


def _booked(attempt: Attempt, provider_id: str) -> bool:
    return Settlement.objects.filter(
        cluster_id=attempt.cluster_id, provider=attempt.provider, provider_id=provider_id
    ).exists()


def _stay_unknown(actor: Actor, attempt: Attempt, why: str, now: datetime) -> None:
    """No answer: it is not known. Ask again later; after a day, ask a person too."""
    with tenant(actor.cluster_id), crash_points("settlement.unheard"):
        locked = payments.lock_transaction(transaction_id=attempt.id)
        payments.note_exchange(transaction_id=locked.id, act="fetch", outcome="not_heard", answer={"why": why}, now=now)
        payments.schedule_check(
            transaction_id=locked.id,
            next_check_at=next_check(
                started_at=attempt.started_at, payable_until=attempt.payable_until, checks=attempt.checks + 1, now=now
            ),
        )
        leave_unknown(locked=locked, attempt=attempt, now=now, why=why)
