"""Sending money to bank accounts: record, ask the provider, record; and what it says later, which may be "it came back"."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from clustr.clusters.queries import system_actor
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.jobs import enqueue
from clustr.kit.money import Money
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.notifications.commands import notify
from clustr.notifications.types import Audience, NotificationEvents
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Transaction
from clustr.payments.providers.declines import payout_failure_of
from clustr.payments.providers.nouns import NotFoundYet, Outcome, PayoutRequest, PayoutTruth
from clustr.payments.providers.port import AlreadyKnown, NoSuchAccount, NotOffered, ProviderRefused
from clustr.payments.providers.registry import provider_named
from clustr.payments.schedule import ASK_A_PERSON_AFTER, next_check
from clustr.payments.states import OPEN, AttemptKind, CaseKind, Purpose, TransactionStatus
from clustr.payments.types import PaymentErrorType
from clustr.settlement.commands.letting_go import is_frozen, payout_that_may_go
from clustr.settlement.commands.losing import Verdict, is_first, judge_lost
from clustr.settlement.queries import payout_provider
from clustr.wallets import commands as wallets
from clustr.wallets.models import Payout
from clustr.wallets.queries import destination_of
from clustr.wallets.types import Destination

_MAY_BOUNCE_FOR = timedelta(days=7)


def send_payout(*, cluster_id: UUID, transaction_id: UUID, now: datetime) -> None:
    """Send a payout that may go, once; outside any transaction. Not yet, not any more, no provider, not enough
    held there for this estate: nothing happens.

    The reference is recorded before the call and used again for a repeat, so the provider does it once.
    """
    actor = system_actor(cluster_id=cluster_id)
    provider = payout_provider()
    if provider is None:
        return
    recorded = _record(actor, transaction_id, provider.name, now)
    if recorded is None:
        return
    attempt, amount, destination = recorded
    crash_point("settlement.payout.recorded")
    _ask_and_apply(actor, attempt, amount, destination, now, first_at=now)


def apply_payout_truth(*, actor: Actor, transaction_id: UUID, truth: PayoutTruth | NotFoundYet, now: datetime) -> None:
    """Act on what a provider said about a payout."""
    verdict = Verdict()
    with tenant(actor.cluster_id), crash_points("settlement.apply_payout"):
        locked = payments.lock_transaction(transaction_id=transaction_id)
        attempt = Attempt.objects.get(cluster_id=locked.cluster_id, id=locked.id)
        outcome = "not_found" if isinstance(truth, NotFoundYet) else truth.outcome.value
        record = {} if isinstance(truth, NotFoundYet) else dict(truth.record)
        payments.note_exchange(transaction_id=locked.id, act="fetch_payout", outcome=outcome, answer=record, now=now)
        if isinstance(truth, NotFoundYet):
            verdict = _apply_not_found(actor, locked, attempt, now)
        elif _differs(locked, attempt, truth):
            _open_case(locked, attempt, CaseKind.DOES_NOT_MATCH, now)
            _schedule(locked, attempt, now)
        else:
            _apply_outcome(actor, locked, attempt, truth, now)
    if verdict.again:
        _send_again(actor, attempt, locked.amount, now, first_at=None if verdict.repeated else now)


def _record(
    actor: Actor, transaction_id: UUID, provider: str, now: datetime
) -> tuple[Attempt, Money, Destination] | None:
    with tenant(actor.cluster_id), crash_points("settlement.record_payout"):
        locked = payments.lock_transaction(transaction_id=transaction_id)
        payout = payout_that_may_go(locked=locked, provider=provider, now=now)
        if payout is None:
            return None
        locked.provider = provider
        locked.save(update_fields=["provider"])
        attempt = payments.open_attempt(
            transaction=locked, kind=AttemptKind.PAYOUT, payable_until=now + ASK_A_PERSON_AFTER, now=now
        )
        payments.send_attempt(transaction_id=locked.id, now=now)
        payments.step_transaction(transaction=locked, status=TransactionStatus.PROCESSING, now=now)
        return attempt, locked.amount, destination_of(payout=payout)


def _ask_and_apply(
    actor: Actor, attempt: Attempt, amount: Money, destination: Destination, now: datetime, *, first_at: datetime | None
) -> None:
    """`first_at`: the instant at which it was noted that this sends it for the first time; None for a repeat."""
    provider = provider_named(name=attempt.provider)
    try:
        name = (
            destination.holder
            or destination.account_name
            or provider.resolve_account(
                bank_code=destination.bank_code, account_number=destination.account_number, currency=amount.currency
            )
        )
    except (ProviderRefused, NotOffered) as error:
        _give_back(actor, attempt, _why_no_name(error), now, first_at=first_at)
        return
    except (NothingSent, OutcomeUnknown):
        if first_at is not None:
            _not_sent(actor, attempt, first_at)
        return
    request = PayoutRequest(
        reference=attempt.reference,
        amount=amount,
        bank_code=destination.bank_code,
        account_number=destination.account_number,
        account_name=name,
        narration=f"ClustR {attempt.reference[-8:]}",
    )
    try:
        truth = provider.pay_out(request)
    except (ProviderRefused, NotOffered) as error:
        _give_back(actor, attempt, getattr(error, "type", PaymentErrorType.PROVIDER_ERROR), now, first_at=first_at)
        return
    except (NothingSent, OutcomeUnknown, AlreadyKnown) as error:
        _leave_unknown(actor, attempt, type(error).__name__, now)
        return
    crash_point("settlement.payout.answered")
    apply_payout_truth(actor=actor, transaction_id=attempt.id, truth=truth, now=now)


def _why_no_name(error: ProviderRefused | NotOffered) -> PaymentErrorType:
    """Why nobody said whose account it is. That there is none counts only where that is sure."""
    match error:
        case NoSuchAccount():
            return PaymentErrorType.INVALID_CARD
        case NotOffered():
            return PaymentErrorType.NAME_NEEDED
        case ProviderRefused() if error.type is PaymentErrorType.AUTHENTICATION_ERROR:
            return error.type
        case _:
            return PaymentErrorType.NETWORK_ERROR  # the bank was not reached, as far as anybody says


def _not_sent(actor: Actor, attempt: Attempt, first_at: datetime) -> None:
    """The account was only asked about, and nothing was sent: the next look begins again, unless others have sent it since."""
    with tenant(actor.cluster_id), crash_points("settlement.payout_not_sent"):
        payments.lock_transaction(transaction_id=attempt.id)
        payments.unsend_attempt(transaction_id=attempt.id, sent_at=first_at)


def _send_again(actor: Actor, attempt: Attempt, amount: Money, now: datetime, *, first_at: datetime | None) -> None:
    """The provider knows nothing of it, several times over: send it with the same reference, which it does once."""
    with tenant(actor.cluster_id):
        destination = destination_of(payout=Payout.objects.get(cluster_id=actor.cluster_id, id=attempt.id))
    crash_point("settlement.payout.again")
    _ask_and_apply(actor, attempt, amount, destination, now, first_at=first_at)


def _apply_outcome(actor: Actor, locked: Transaction, attempt: Attempt, truth: PayoutTruth, now: datetime) -> None:
    match truth.outcome:
        case Outcome.SUCCEEDED:
            _arrived(actor, locked, attempt, truth, now)
        case Outcome.FAILED | Outcome.REVERSED:
            _came_back(actor, locked, attempt, truth, now)
        case Outcome.PENDING | Outcome.UNKNOWN:
            if truth.needs_person:
                _open_case(locked, attempt, CaseKind.UNKNOWN_TOO_LONG, now)
            _schedule(locked, attempt, now)


def _arrived(actor: Actor, locked: Transaction, attempt: Attempt, truth: PayoutTruth, now: datetime) -> None:
    if locked.status in OPEN:
        wallets.finish_payout(actor=actor, transaction=locked, provider_id=truth.provider_id, now=now)
        if truth.fee and truth.fee.minor and truth.fee.currency == locked.currency:
            wallets.book_provider_fee(
                transaction_id=locked.id,
                provider=locked.provider,
                surcharge=Money(0, locked.currency),
                fee=truth.fee,
                part=truth.provider_id,
                now=now,
            )
            enqueue(
                "settlement.charge_fees",
                once_key=f"settlement.charge_fees:{locked.cluster_id}",
                cluster_id=locked.cluster_id,
            )
    elif locked.status == TransactionStatus.FAILED:
        _open_case(locked, attempt, CaseKind.DOES_NOT_MATCH, now)  # its money was given back, and it arrived too
    _schedule(locked, attempt, now)


def _came_back(actor: Actor, locked: Transaction, attempt: Attempt, truth: PayoutTruth, now: datetime) -> None:
    failure = payout_failure_of(type=truth.decline.type if truth.decline else PaymentErrorType.PROVIDER_ERROR)
    if locked.status in OPEN:
        wallets.return_payout(actor=actor, transaction=locked, failure=failure, now=now)
        _tell(locked, now)
    elif locked.status == TransactionStatus.COMPLETED:
        wallets.bounce_payout(actor=actor, transaction=locked, now=now)
        _open_case(locked, attempt, CaseKind.PAYOUT_BOUNCED, now)
        _tell(locked, now)
    payments.hear_attempt(transaction_id=locked.id, next_check_at=None, missed=False, now=now)


def _apply_not_found(actor: Actor, locked: Transaction, attempt: Attempt, now: datetime) -> Verdict:
    """Whether to send it again. What was refused when it was sent again, and is not there after all this time, returns."""
    _schedule(locked, attempt, now, missed=True)
    if attempt.sent_at is None and is_frozen(payout=Payout.objects.get(cluster_id=locked.cluster_id, id=locked.id)):
        return Verdict()
    verdict = judge_lost(locked=locked, attempt=attempt, act="pay_out", now=now)
    if verdict.refused is not None:
        _return(actor, locked, verdict.refused, now)
    return verdict


def _give_back(
    actor: Actor, attempt: Attempt, type: PaymentErrorType, now: datetime, *, first_at: datetime | None
) -> None:
    """The provider refused to send it: nothing was sent, and the money returns. Only not if it was sent before, or by others since:
    then the refusal is of the repeat, perhaps because the other was heard, and the provider is asked on."""
    with tenant(actor.cluster_id), crash_points("settlement.payout_refused"):
        locked = payments.lock_transaction(transaction_id=attempt.id)
        payments.note_exchange(
            transaction_id=locked.id, act="pay_out", outcome="refused", answer={"type": type.value}, now=now
        )
        if locked.status not in OPEN:
            return
        if is_first(locked=locked, first_at=first_at):
            _return(actor, locked, type, now)
        elif locked.status != TransactionStatus.UNKNOWN:
            payments.step_transaction(transaction=locked, status=TransactionStatus.UNKNOWN, now=now)


def _return(actor: Actor, locked: Transaction, type: PaymentErrorType, now: datetime) -> None:
    wallets.return_payout(actor=actor, transaction=locked, failure=payout_failure_of(type=type), now=now)
    _tell(locked, now)
    payments.end_checks(transaction_id=locked.id)


def _leave_unknown(actor: Actor, attempt: Attempt, why: str, now: datetime) -> None:
    with tenant(actor.cluster_id), crash_points("settlement.payout_unknown"):
        locked = payments.lock_transaction(transaction_id=attempt.id)
        payments.note_exchange(
            transaction_id=locked.id, act="pay_out", outcome="not_heard", answer={"why": why}, now=now
        )
        if locked.status in (TransactionStatus.PENDING, TransactionStatus.PROCESSING):
            payments.step_transaction(transaction=locked, status=TransactionStatus.UNKNOWN, now=now)


def _differs(locked: Transaction, attempt: Attempt, truth: PayoutTruth) -> bool:
    mode = provider_named(name=attempt.provider).mode
    return (truth.reference, truth.amount, truth.mode) != (attempt.reference, locked.amount, mode)


def _schedule(locked: Transaction, attempt: Attempt, now: datetime, *, missed: bool = False) -> None:
    """Ask again; for a while also after it has arrived, because a bank may send it back days later."""
    if locked.status in OPEN:
        again: datetime | None = next_check(
            started_at=attempt.started_at, payable_until=attempt.payable_until, checks=attempt.checks + 1, now=now
        )
        if now - attempt.started_at >= ASK_A_PERSON_AFTER:
            _open_case(locked, attempt, CaseKind.UNKNOWN_TOO_LONG, now)
    else:
        again = now + timedelta(days=1) if now - attempt.started_at < _MAY_BOUNCE_FOR else None
    payments.hear_attempt(transaction_id=locked.id, next_check_at=again, missed=missed, now=now)


def _open_case(locked: Transaction, attempt: Attempt, kind: CaseKind, now: datetime) -> None:
    payments.open_case(
        kind=kind,
        subject=str(locked.id),
        transaction_id=locked.id,
        facts={
            "provider": attempt.provider,
            "reference": attempt.reference,
            "amount": str(locked.amount),
            "status": locked.status,
        },
        once=kind is CaseKind.DOES_NOT_MATCH,
        now=now,
    )


def _tell(locked: Transaction, now: datetime) -> None:
    """Tell who asked for it that their money came back."""
    payout = Payout.objects.get(cluster_id=locked.cluster_id, id=locked.id)
    if locked.purpose == Purpose.PAYOUT:
        notify(
            event=NotificationEvents.PAYOUT_RETURNED,
            cluster_id=locked.cluster_id,
            audience=Audience.one(payout.requested_by),
            subject_id=locked.id,
            facts={
                "amount_minor": locked.amount_minor,
                "currency": locked.currency,
                "ending": payout.account_hint,
                "own": locked.user_id is not None,
            },
            now=now,
        )
