"""What a provider says about a charge, compared with what was asked, becomes a state and, once, money in its place."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Settlement, Transaction
from clustr.payments.providers.nouns import ChargeTruth, Decline, Mode, NotFoundYet, Outcome
from clustr.payments.schedule import (
    FEWEST_MISSES,
    UNSENT_AFTER,
    WATCH_ENDED,
    next_check,
)
from clustr.payments.states import OPEN, CaseKind, TransactionStatus
from clustr.payments.types import PaymentErrorType
from clustr.recurring.types import RunFailure
from clustr.settlement.commands.failing import leave_unknown
from clustr.settlement.commands.locking import lock_with_subject
from clustr.settlement.commands.placing import BookedElsewhere, book_fee_of_reversed, place_money
from clustr.settlement.commands.telling import end_recurring_charge, fail_and_tell
from clustr.settlement.policies import what_does_not_match

_PAGE_CLOSES = timedelta(minutes=30)
"""How long after a checkout can be paid a payment that was begun in time may still be under way."""
_DOUBT_LASTS = timedelta(days=3)
"""How long a payment that "failed" by a time-out at a bank is held to be undecided: it says so still, and nobody pays a bill
as long. Should its money come all the same, it is booked."""
_PENDING_LASTS = timedelta(days=7)
"""The same of a saved card's charge that stays pending."""


def apply_charge_truth(
    *,
    actor: Actor,
    transaction_id: UUID,
    truth: ChargeTruth | NotFoundYet,
    mode: Mode,
    went: int | None = None,
    now: datetime,
) -> None:
    """Act on what a provider said about a charge. `mode`: whether our keys move real money. `went`: of one that is called
    reversed, the minor units that went back (`what_went`); None takes it for all."""
    with tenant(actor.cluster_id), crash_points("settlement.apply"):
        locked, attempt = _locked(transaction_id, now)
        if isinstance(truth, NotFoundYet):
            _note(locked, "not_found", {}, now)
            _apply_not_found(locked, attempt, now)
            return
        _note(locked, truth.outcome.value, dict(truth.record), now)
        about_it = truth.reference == attempt.reference
        match truth.outcome if about_it or truth.outcome is Outcome.SUCCEEDED else Outcome.UNKNOWN:
            case Outcome.SUCCEEDED:
                _apply_success(actor, locked, attempt, truth, mode, now)
            case Outcome.FAILED:
                _apply_failure(locked, attempt, truth.decline, now)
            case Outcome.PENDING:
                _apply_pending(locked, attempt, now, at_page=bool(attempt.checkout_url) or truth.not_tried)
            case Outcome.REVERSED:
                _apply_reversal(actor, locked, attempt, truth, mode, went, now)
            case Outcome.UNKNOWN if truth.said_failed and about_it and now >= attempt.payable_until + _DOUBT_LASTS:
                _apply_failure(locked, attempt, None, now)
            case Outcome.UNKNOWN:
                _schedule(attempt, now)
                leave_unknown(locked=locked, attempt=attempt, now=now)


def apply_fee_of_reversed(
    *, actor: Actor, transaction_id: UUID, truth: ChargeTruth, mode: Mode, went: int | None, now: datetime
) -> None:
    """Of one charge among several of a payment, which is called reversed and is not booked: what its provider kept. How the
    payment stands follows from what its own reference is answered."""
    with tenant(actor.cluster_id), crash_points("settlement.apply_fee"):
        locked, attempt = _locked(transaction_id, now)
        _book_fee_of_reversed(actor, locked, attempt, truth, mode, went, now)


def _locked(transaction_id: UUID, now: datetime) -> tuple[Transaction, Attempt]:
    """The transaction and its attempt, locked in the house's order."""
    locked = lock_with_subject(transaction_id=transaction_id, now=now)
    return locked, Attempt.objects.get(cluster_id=locked.cluster_id, id=transaction_id)


def _apply_success(
    actor: Actor, locked: Transaction, attempt: Attempt, truth: ChargeTruth, mode: Mode, now: datetime
) -> None:
    wrong = what_does_not_match(truth=truth, reference=attempt.reference, currency=locked.currency, mode=mode)
    booked = Settlement.objects.filter(provider=attempt.provider, provider_id=truth.provider_id).first()
    if booked and booked.asked_id != locked.id:
        wrong.append("provider_id")
    if not wrong and not booked:
        try:
            with transaction.atomic():
                place_money(actor=actor, transaction=locked, attempt=attempt, truth=truth, now=now)
        except BookedElsewhere:
            wrong = ["provider_id"]
    if wrong:
        payments.open_case(
            kind=CaseKind.DOES_NOT_MATCH,
            subject=f"{attempt.provider}:{truth.provider_id}",
            transaction_id=locked.id,
            facts={
                "wrong": wrong,
                "expected": locked.amount.for_people(),
                "found": truth.amount.for_people(),
                "provider": attempt.provider,
                "provider_id": truth.provider_id,
            },
            once=True,
            now=now,
        )
        _schedule(attempt, now)
        return
    payments.hear_attempt(transaction_id=locked.id, next_check_at=None, missed=False, now=now)


def _apply_failure(locked: Transaction, attempt: Attempt, decline: Decline | None, now: datetime) -> None:
    """A decline ends this try. The payer may try again on the same page, so it is looked at while it can be paid."""
    if locked.status in OPEN:
        fail_and_tell(transaction=locked, type=decline.type if decline else PaymentErrorType.UNKNOWN, now=now)
    _watch(locked, attempt, now, missed=False)


def _apply_pending(locked: Transaction, attempt: Attempt, now: datetime, *, at_page: bool) -> None:
    """`at_page`: it waits for its payer, who can begin no more once the page is closed. What was charged without them may
    still be decided for days: so long it is unknown, and a person is asked."""
    if locked.status in OPEN and not at_page and now >= attempt.payable_until + _PENDING_LASTS:
        _apply_failure(locked, attempt, None, now)
        return
    if locked.status in OPEN and now >= attempt.payable_until + _PAGE_CLOSES:
        if not at_page:
            leave_unknown(locked=locked, attempt=attempt, now=now)
            _schedule(attempt, now)
            return
        payments.step_transaction(transaction=locked, status=TransactionStatus.CANCELLED, now=now)
        end_recurring_charge(transaction=locked, failure=RunFailure.CARD_NOT_CONFIRMED, now=now)
    elif locked.status in (TransactionStatus.PENDING, TransactionStatus.UNKNOWN):
        payments.step_transaction(transaction=locked, status=TransactionStatus.PROCESSING, now=now)
    _watch(locked, attempt, now, missed=False)


def _apply_not_found(locked: Transaction, attempt: Attempt, now: datetime) -> None:
    """Once there is an address to pay at, not found means not paid yet. Without one, it means after several times, over some
    time, that the provider never received it."""
    if attempt.checkout_url:
        _apply_pending(locked, attempt, now, at_page=True)
        return
    sent = attempt.sent_at or attempt.started_at
    enough = attempt.misses + 1 >= FEWEST_MISSES and now - sent >= UNSENT_AFTER
    if locked.status in OPEN and enough:
        fail_and_tell(transaction=locked, type=PaymentErrorType.NETWORK_ERROR, now=now)
    _watch(locked, attempt, now, missed=True)


def _apply_reversal(
    actor: Actor,
    locked: Transaction,
    attempt: Attempt,
    truth: ChargeTruth,
    mode: Mode,
    went: int | None,
    now: datetime,
) -> None:
    """The provider took money and gave it back before it was booked: nothing came, and the estate bears what it kept.
    What was booked before is looked into afterwards (`hear_taken_back`)."""
    _book_fee_of_reversed(actor, locked, attempt, truth, mode, went, now)
    if locked.status in OPEN:
        payments.open_case(
            kind=CaseKind.CHARGEBACK,
            subject=str(locked.id),
            transaction_id=locked.id,
            facts={"provider": attempt.provider, "reference": attempt.reference, "status": locked.status},
            now=now,
        )
        fail_and_tell(transaction=locked, type=PaymentErrorType.DECLINED_CARD, now=now)
    payments.hear_attempt(transaction_id=locked.id, next_check_at=None, missed=False, now=now)


def _book_fee_of_reversed(
    actor: Actor,
    locked: Transaction,
    attempt: Attempt,
    truth: ChargeTruth,
    mode: Mode,
    went: int | None,
    now: datetime,
) -> None:
    if not what_does_not_match(truth=truth, reference=attempt.reference, currency=locked.currency, mode=mode):
        book_fee_of_reversed(actor=actor, transaction=locked, attempt=attempt, truth=truth, went=went, now=now)


def _watch(locked: Transaction, attempt: Attempt, now: datetime, *, missed: bool) -> None:
    """Ask again by the schedule; for what has ended, until nothing can be expected any more."""
    ended = locked.status not in OPEN and now - attempt.started_at >= WATCH_ENDED
    settled = locked.status in (TransactionStatus.COMPLETED, TransactionStatus.REFUNDED)
    _schedule(attempt, now, ended=ended or settled, missed=missed)


def _schedule(attempt: Attempt, now: datetime, *, ended: bool = False, missed: bool = False) -> None:
    payments.hear_attempt(
        transaction_id=attempt.id,
        next_check_at=None
        if ended
        else next_check(
            started_at=attempt.started_at, payable_until=attempt.payable_until, checks=attempt.checks + 1, now=now
        ),
        missed=missed,
        now=now,
    )


def _note(locked: Transaction, outcome: str, answer: dict[str, object], now: datetime) -> None:
    payments.note_exchange(transaction_id=locked.id, act="fetch", outcome=outcome, answer=answer, now=now)
