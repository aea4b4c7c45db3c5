"""Giving a payment back to the card or account it came from: record, ask the provider, record; and what it says later."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import structlog
from django.db.models import QuerySet

from clustr.bills import commands as bills
from clustr.bills.policies import refuse_amount
from clustr.clusters.queries import system_actor
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.ids import new_id
from clustr.kit.jobs import enqueue
from clustr.kit.money import Money
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.notifications.types import NotificationEvents
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Settlement, Transaction
from clustr.payments.providers.declines import failure_of
from clustr.payments.providers.nouns import NotFoundYet, Outcome
from clustr.payments.providers.port import AlreadyKnown, NotOffered, PaymentProvider, ProviderRefused
from clustr.payments.providers.registry import provider_named
from clustr.payments.providers.returns import RefundRequest, RefundTruth
from clustr.payments.queries import settlement_behind
from clustr.payments.refusals import NoSourceToRefund, ProviderNotAvailable, TransactionNotFound
from clustr.payments.schedule import ASK_A_PERSON_AFTER, next_check
from clustr.payments.states import OPEN, AttemptKind, CaseKind, Purpose, TransactionStatus, TransactionType
from clustr.payments.types import PaymentErrorType
from clustr.settlement.commands.chargeback_books import is_taken_instead
from clustr.settlement.commands.charging_back import hear_complaints
from clustr.settlement.commands.losing import is_first, judge_lost
from clustr.settlement.commands.telling import tell
from clustr.wallets import commands as wallets
from clustr.wallets.policies import refuse_own_affair

log = structlog.get_logger(__name__)

_UNHEARD = (NothingSent, OutcomeUnknown, AlreadyKnown, ProviderRefused, NotOffered, ProviderNotAvailable)
"""What a question about complaints can end with."""


def refund_to_source(
    *, actor: Actor, transaction_id: UUID, amount: Money | None, reason: str, now: datetime
) -> Transaction:
    """Give a payment that a provider took back to where it came from, whole (`amount` None: all that is left) or in part.

    Its money waits in `refunds` until the provider is known to have given it back, or not; a bill stays paid as long. Needs
    TransferFunds; nobody refunds themselves. Refuses `TransactionNotFound`, `SeparationOfDuties`, `NotRefundable`,
    `RefundExceedsPayment`, `NoSourceToRefund`, `PaymentDisputed`, `NotCovered`, `ProviderNotAvailable`, `InsufficientFunds`,
    `AccountFrozen`.
    """
    actor.require("TransferFunds")
    if amount is not None:
        refuse_amount(amount=amount, currency=actor.currency)
    with tenant(actor.cluster_id), crash_points("settlement.refund"):
        known = Transaction.objects.filter(cluster_id=actor.cluster_id, id=transaction_id).first()
        if known is None:
            raise TransactionNotFound
        refuse_own_affair(actor_id=actor.user_id, concerned_id=known.user_id)
        if known.purpose == Purpose.BILL:
            bills.lock_for_settlement(transaction=known)
        original, back = payments.lock_refundable(transaction_id=transaction_id, amount=amount)
        charge = settlement_behind(transaction_id=transaction_id)
        if charge is None:
            raise NoSourceToRefund
        provider_named(name=charge.provider)
        refund = payments.create_transaction(
            id=new_id(),
            type=TransactionType.REFUND,
            status=TransactionStatus.PENDING,
            amount=back,
            purpose=Purpose.REFUND,
            user_id=original.user_id,
            subject_id=original.id,
            provider=charge.provider,
            description=reason,
            now=now,
        )
        wallets.refuse_uncovered_refund(refund=refund, fee=Money(charge.fee_minor, charge.currency))
        refund.refunded_bill_id = original.subject_id if original.purpose == Purpose.BILL else None
        payments.open_attempt(
            transaction=refund, kind=AttemptKind.REFUND, payable_until=now + ASK_A_PERSON_AFTER, now=now
        )
        wallets.hold_refund(actor=actor, original=original, refund=refund, now=now)
        enqueue("settlement.send_refund", cluster_id=actor.cluster_id, transaction_id=refund.id)
    return refund


def send_refund(*, cluster_id: UUID, transaction_id: UUID, now: datetime) -> None:
    """Ask the provider to give back what `refund_to_source` recorded, once; outside any transaction. While the estate's books do
    not hold, it waits; what a bank took meanwhile, or may take, is not given back beside that, whether or not a notice of it
    came: the provider is asked about that first."""
    actor = system_actor(cluster_id=cluster_id)
    if not _is_known_who_complained(cluster_id, transaction_id, now):
        return
    with tenant(cluster_id), crash_points("settlement.record_refund"):
        _, locked, attempt = _locked(transaction_id)
        if locked.status != TransactionStatus.PENDING:
            return
        charge = settlement_behind(transaction_id=locked.subject_id)
        taken_instead = charge is not None and is_taken_instead(settled=charge, refund=locked)
        if taken_instead:
            _return(actor, locked, attempt, PaymentErrorType.PROVIDER_ERROR, now)
        elif payments.is_held():
            payments.schedule_check(transaction_id=transaction_id, next_check_at=_again_at(attempt, now))
            return
        else:
            payments.send_attempt(transaction_id=locked.id, now=now)
            payments.step_transaction(transaction=locked, status=TransactionStatus.PROCESSING, now=now)
    if taken_instead:
        _hear_again(cluster_id, charge, now)
        return
    crash_point("settlement.refund.recorded")
    _ask_and_apply(actor, locked, now, first_at=now)


def _is_known_who_complained(cluster_id: UUID, transaction_id: UUID, now: datetime) -> bool:
    """Ask whose bank took, or may take, the charge that is to be given back. Not heard: the refund waits, and after a day a
    person is told."""
    with tenant(cluster_id):
        refund = Transaction.objects.filter(cluster_id=cluster_id, id=transaction_id, status__in=OPEN).first()
        charge = settlement_behind(transaction_id=refund.subject_id) if refund and refund.subject_id else None
    if refund is None or charge is None:
        return True
    try:
        hear_complaints(cluster_id=cluster_id, provider_name=charge.provider, charge_id=charge.provider_id, now=now)
    except _UNHEARD as error:
        with tenant(cluster_id):
            attempt = Attempt.objects.get(cluster_id=cluster_id, id=transaction_id)
            if now - attempt.started_at >= ASK_A_PERSON_AFTER:
                _open_case(refund, attempt, CaseKind.UNKNOWN_TOO_LONG, now)
            payments.schedule_check(transaction_id=transaction_id, next_check_at=_again_at(attempt, now))
        log.warning("refund_waits", transaction=str(transaction_id), why=type(error).__name__)
        return False
    return True


def fetch_refund_truth(*, refund: Transaction, attempt: Attempt) -> RefundTruth | NotFoundYet:
    """What the provider says of a refund: by its own id once that is known, else looked for among those of the charge, by
    our reference in its note. Where no note is told, one of the same amount that is nobody else's is it.

    Raises what a question can end with."""
    provider = provider_named(name=attempt.provider)
    if refund.provider_reference:
        return provider.fetch_refund(provider_id=refund.provider_reference)
    with tenant(refund.cluster_id):
        charge = settlement_behind(transaction_id=refund.subject_id)
        others = set(_refunds_of(charge).values_list("provider_reference", flat=True)) if charge else set()
    if charge is None:
        raise AssertionError(f"{refund.reference} gives back what no provider took")
    listed = provider.refunds_of(charge_id=charge.provider_id)
    noted = next((truth for truth in listed if attempt.reference in truth.note), None)
    same = (
        truth
        for truth in listed
        if not truth.note and truth.amount == refund.amount and truth.provider_id not in others
    )
    return noted or next(same, NotFoundYet())


def apply_refund_truth(*, actor: Actor, transaction_id: UUID, truth: RefundTruth | NotFoundYet, now: datetime) -> None:
    """Act on what a provider said about a refund."""
    again = False
    with tenant(actor.cluster_id), crash_points("settlement.apply_refund"):
        original, locked, attempt = _locked(transaction_id)
        outcome = "not_found" if isinstance(truth, NotFoundYet) else truth.outcome.value
        record = {} if isinstance(truth, NotFoundYet) else dict(truth.record)
        payments.note_exchange(transaction_id=locked.id, act="fetch_refund", outcome=outcome, answer=record, now=now)
        if isinstance(truth, NotFoundYet):
            again = _apply_not_found(actor, locked, attempt, now)
        elif truth.amount != locked.amount or _is_anothers(locked, truth):
            _open_case(locked, attempt, CaseKind.DOES_NOT_MATCH, now)
            _schedule(locked, attempt, now)
        else:
            _apply_outcome(actor, original, locked, attempt, truth, now)
    if again and _may_go_again(actor, locked, now):
        crash_point("settlement.refund.again")
        _ask_and_apply(actor, locked, now, first_at=None)


def _hear_again(cluster_id: UUID, charge: Settlement | None, now: datetime) -> None:
    """A refund that was in the way is not any more: book what a bank took of the charge. Not heard: the night brings it."""
    if charge is None:
        return
    try:
        hear_complaints(cluster_id=cluster_id, provider_name=charge.provider, charge_id=charge.provider_id, now=now)
    except _UNHEARD as error:
        log.warning("loss_not_heard", charge=charge.provider_id, why=type(error).__name__)


def _may_go_again(actor: Actor, refund: Transaction, now: datetime) -> bool:
    """Whether a refund that never arrived may be sent once more: not beside what a bank took meanwhile, or may take. Then its
    money returns: it is as certain that the first did not go as it must be to send a second."""
    if not _is_known_who_complained(actor.cluster_id, refund.id, now):
        return False
    with tenant(actor.cluster_id), crash_points("settlement.refund_not_again"):
        _, locked, attempt = _locked(refund.id)
        charge = settlement_behind(transaction_id=locked.subject_id)
        if charge is None or not is_taken_instead(settled=charge, refund=locked):
            return True
        if locked.status in OPEN:
            _return(actor, locked, attempt, PaymentErrorType.PROVIDER_ERROR, now)
    _hear_again(actor.cluster_id, charge, now)
    return False


def _locked(transaction_id: UUID) -> tuple[Transaction, Transaction, Attempt]:
    """What was paid, its refund and the attempt, locked in the house's order."""
    peeked = Transaction.objects.filter(id=transaction_id).first()
    if peeked is None or peeked.subject_id is None:
        raise TransactionNotFound
    original = Transaction.objects.get(cluster_id=peeked.cluster_id, id=peeked.subject_id)
    if original.purpose == Purpose.BILL:
        bills.lock_for_settlement(transaction=original)
    original = payments.lock_transaction(transaction_id=original.id)
    locked = payments.lock_transaction(transaction_id=transaction_id)
    return original, locked, Attempt.objects.get(cluster_id=locked.cluster_id, id=transaction_id)


def _ask_and_apply(actor: Actor, refund: Transaction, now: datetime, *, first_at: datetime | None) -> None:
    """`first_at`: the instant at which it was noted that this asks for the first time; None for a repeat."""
    with tenant(actor.cluster_id):
        attempt = Attempt.objects.get(cluster_id=actor.cluster_id, id=refund.id)
        charge = settlement_behind(transaction_id=refund.subject_id)
    if charge is None:
        raise AssertionError(f"{refund.reference} gives back what no provider took")
    try:
        truth = _refund_charge(provider_named(name=attempt.provider), charge, attempt, refund.amount)
    except (ProviderRefused, NotOffered) as error:
        _refused(actor, attempt, getattr(error, "type", PaymentErrorType.PROVIDER_ERROR), now, first_at=first_at)
        return
    except (NothingSent, OutcomeUnknown, AlreadyKnown) as error:
        _leave_unknown(actor, attempt, type(error).__name__, now)
        return
    crash_point("settlement.refund.answered")
    apply_refund_truth(actor=actor, transaction_id=refund.id, truth=truth, now=now)


def _refund_charge(provider: PaymentProvider, charge: Settlement, attempt: Attempt, amount: Money) -> RefundTruth:
    return provider.refund_charge(
        RefundRequest(reference=attempt.reference, charge_id=charge.provider_id, amount=amount)
    )


def _apply_outcome(
    actor: Actor, original: Transaction, locked: Transaction, attempt: Attempt, truth: RefundTruth, now: datetime
) -> None:
    match truth.outcome:
        case Outcome.SUCCEEDED:
            _went(actor, original, locked, attempt, truth, now)
        case Outcome.FAILED | Outcome.REVERSED:
            if locked.status in OPEN:
                _return(actor, locked, attempt, PaymentErrorType.PROVIDER_ERROR, now)
            elif locked.status == TransactionStatus.COMPLETED:
                _open_case(locked, attempt, CaseKind.DOES_NOT_MATCH, now)  # it had gone, and is said not to have
        case Outcome.PENDING | Outcome.UNKNOWN:
            _keep_number(locked, truth)
            if truth.needs_person:
                _open_case(locked, attempt, CaseKind.REFUND_FAILED, now)
            _schedule(locked, attempt, now)


def _went(
    actor: Actor, original: Transaction, locked: Transaction, attempt: Attempt, truth: RefundTruth, now: datetime
) -> None:
    if locked.status in OPEN:
        wallets.finish_refund(actor=actor, refund=locked, provider_id=truth.provider_id, now=now)
        payments.count_refund(transaction_id=original.id, amount=locked.amount, now=now)
        if original.purpose == Purpose.BILL:
            bills.take_back_payment(original=original, refund=locked, now=now)
        tell(
            NotificationEvents.PAYMENT_REFUNDED,
            original,
            now,
            amount_minor=locked.amount_minor,
            reason=locked.description,
            to_source=True,
            owed_again=original.purpose == Purpose.BILL or None,
        )
    elif locked.status == TransactionStatus.FAILED:
        _open_case(locked, attempt, CaseKind.DOES_NOT_MATCH, now)  # its money was returned, and it went too
    payments.end_checks(transaction_id=locked.id)


def _apply_not_found(actor: Actor, locked: Transaction, attempt: Attempt, now: datetime) -> bool:
    """Whether to send it again. What was refused when it was sent again, and is not there after all this time, returns."""
    _schedule(locked, attempt, now, missed=True)
    if locked.provider_reference:
        return False  # it was there: that it cannot be found now proves nothing
    verdict = judge_lost(locked=locked, attempt=attempt, act="refund_charge", now=now)
    if verdict.refused is not None:
        _return(actor, locked, attempt, verdict.refused, now)
    return verdict.again


def _refused(
    actor: Actor, attempt: Attempt, type: PaymentErrorType, now: datetime, *, first_at: datetime | None
) -> None:
    """The provider will not give it back: the money returns. Not if it was asked before, or by others since: then the refusal is of
    the repeat, perhaps because the other was heard, and the provider is asked on."""
    with tenant(actor.cluster_id), crash_points("settlement.refund_refused"):
        _, locked, _ = _locked(attempt.id)
        payments.note_exchange(
            transaction_id=locked.id, act="refund_charge", outcome="refused", answer={"type": type.value}, now=now
        )
        if locked.status not in OPEN:
            return
        if is_first(locked=locked, first_at=first_at):
            _return(actor, locked, attempt, type, now)
        elif locked.status != TransactionStatus.UNKNOWN:
            payments.step_transaction(transaction=locked, status=TransactionStatus.UNKNOWN, now=now)


def _return(actor: Actor, locked: Transaction, attempt: Attempt, type: PaymentErrorType, now: datetime) -> None:
    """Its money returns; and its charge is looked at again, of which a bank may have taken less because of this refund."""
    wallets.return_refund(actor=actor, refund=locked, failure=failure_of(type=type), now=now)
    charge = settlement_behind(transaction_id=locked.subject_id)
    if charge is not None:
        payments.schedule_check(transaction_id=charge.asked_id, next_check_at=now)
    _open_case(locked, attempt, CaseKind.REFUND_FAILED, now)
    payments.end_checks(transaction_id=locked.id)


def _leave_unknown(actor: Actor, attempt: Attempt, why: str, now: datetime) -> None:
    with tenant(actor.cluster_id), crash_points("settlement.refund_unknown"):
        locked = payments.lock_transaction(transaction_id=attempt.id)
        payments.note_exchange(
            transaction_id=locked.id, act="refund_charge", outcome="not_heard", answer={"why": why}, now=now
        )
        if locked.status in (TransactionStatus.PENDING, TransactionStatus.PROCESSING):
            payments.step_transaction(transaction=locked, status=TransactionStatus.UNKNOWN, now=now)


def _refunds_of(charge: Settlement) -> QuerySet[Transaction]:
    paid = [charge.asked_id, charge.surplus_id]
    return Transaction.objects.filter(cluster_id=charge.cluster_id, purpose=Purpose.REFUND, subject_id__in=paid)


def _keep_number(locked: Transaction, truth: RefundTruth) -> None:
    """Keep the provider's own number of the refund, by which it is asked about from now on."""
    if not locked.provider_reference and truth.provider_id:
        locked.provider_reference = truth.provider_id
        locked.save(update_fields=["provider_reference"])


def _is_anothers(locked: Transaction, truth: RefundTruth) -> bool:
    """Whether this refund of the provider's is another of ours already. Both have the same payment, which is locked."""
    known = Transaction.objects.filter(
        cluster_id=locked.cluster_id,
        provider=locked.provider,
        purpose=Purpose.REFUND,
        provider_reference=truth.provider_id,
    )
    return known.exclude(id=locked.id).exists()


def _schedule(locked: Transaction, attempt: Attempt, now: datetime, *, missed: bool = False) -> None:
    """Ask again until it has ended; after a day tell a person only where nothing is known of it at all."""
    if locked.status not in OPEN:
        payments.end_checks(transaction_id=locked.id)
        return
    if now - attempt.started_at >= ASK_A_PERSON_AFTER and not locked.provider_reference:
        _open_case(locked, attempt, CaseKind.UNKNOWN_TOO_LONG, now)
    payments.hear_attempt(transaction_id=locked.id, next_check_at=_again_at(attempt, now), missed=missed, now=now)


def _again_at(attempt: Attempt, now: datetime) -> datetime:
    return next_check(
        started_at=attempt.started_at, payable_until=attempt.payable_until, checks=attempt.checks + 1, now=now
    )


def _open_case(locked: Transaction, attempt: Attempt, kind: CaseKind, now: datetime) -> None:
    payments.open_case(
        kind=kind,
        subject=str(locked.id),
        transaction_id=locked.id,
        facts={"provider": attempt.provider, "reference": attempt.reference, "amount": locked.amount.for_people()},
        once=kind is CaseKind.DOES_NOT_MATCH,
        now=now,
    )
