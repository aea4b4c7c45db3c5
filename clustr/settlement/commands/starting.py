"""Starting a payment with a provider: record what will be asked, ask between transactions, record where the payer pays."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from clustr.audit import commands as audit
from clustr.audit.refusals import IdempotencyKeyReused, RequestInProgress
from clustr.bills import commands as bills
from clustr.bills.policies import refuse_amount
from clustr.clusters import queries as clusters
from clustr.clusters.types import FeeBearer
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.ids import derived_id, new_id
from clustr.kit.money import Money
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Transaction
from clustr.payments.policies import refuse_callback, refuse_retry
from clustr.payments.pricing import surcharge_on
from clustr.payments.providers.nouns import ChargeRequest, CheckoutStarted
from clustr.payments.providers.port import AlreadyKnown, NotOffered, PaymentProvider, ProviderRefused
from clustr.payments.providers.registry import provider_named
from clustr.payments.refusals import (
    ProviderNotAvailable,
    ProviderSilent,
    ProviderUnavailable,
    ProviderWouldNot,
    TransactionNotFound,
)
from clustr.payments.schedule import CHECKOUT_LIFE
from clustr.payments.states import AttemptKind, Purpose, TransactionStatus, TransactionType
from clustr.payments.types import PaymentErrorType
from clustr.people import queries as people
from clustr.settlement.commands.telling import fail_and_tell
from clustr.settlement.refusals import PaymentUnderWay
from clustr.settlement.types import Checkout, Prepared, RequestKey, Wanted

_CALL_TAKES_AT_MOST = timedelta(seconds=60)
_ATTEMPTS_PER_REQUEST = 20


def prepare_deposit(
    *, actor: Actor, amount: Money, provider: str, callback_url: str, request: RequestKey | None, now: datetime
) -> Prepared:
    """Record that the member will put money into their wallet through this provider. `open_checkout` comes next.

    Refuses `ProviderNotAvailable`, `CallbackNotAllowed`, `CurrencyMismatch`.
    """
    refuse_amount(amount=amount, currency=actor.currency)
    wanted = Wanted(
        type=TransactionType.DEPOSIT,
        purpose=Purpose.WALLET,
        amount=amount,
        provider=provider,
        description="Wallet deposit",
        callback_url=callback_url,
    )
    return _prepare(actor, wanted, request, now)


def prepare_bill_payment(
    *,
    actor: Actor,
    bill_id: UUID,
    amount: Money | None,
    provider: str,
    callback_url: str,
    request: RequestKey | None,
    now: datetime,
) -> Prepared:
    """Record that the member will pay on a bill through this provider, whole (`amount` None) or in part.

    The rules of every payment are asked now; what stands when the money arrives decides where it goes. Refuses as
    `bills.judge_direct_payment`, and `ProviderNotAvailable`, `CallbackNotAllowed`, `PaymentUnderWay`.
    """
    with tenant(actor.cluster_id):
        judged = bills.judge_direct_payment(actor=actor, bill_id=bill_id, amount=amount, now=now)
        wanted = Wanted(
            type=TransactionType.BILL_PAYMENT,
            purpose=Purpose.BILL,
            amount=judged.amount,
            provider=provider,
            description=judged.title,
            callback_url=callback_url,
            subject_id=judged.bill_id,
            terms_version=judged.version,
        )
        return _prepare(actor, wanted, request, now)


def prepare_retry(*, actor: Actor, transaction_id: UUID, request: RequestKey | None, now: datetime) -> Prepared:
    """Record that a failed payment of one's own is tried again, as a new attempt by the same provider and rules.

    Refuses `TransactionNotFound`, `TransactionNotRetryable`, and as starting it anew would.
    """
    with tenant(actor.cluster_id):
        failed = Transaction.objects.filter(
            cluster_id=actor.cluster_id, id=transaction_id, user_id=actor.member_id
        ).first()
        if failed is None:
            raise TransactionNotFound
        attempt = Attempt.objects.filter(
            cluster_id=actor.cluster_id, id=transaction_id, kind=AttemptKind.CHARGE
        ).first()
        refuse_retry(status=TransactionStatus(failed.status), attempted=attempt is not None)
        callback_url = attempt.callback_url if attempt else ""
        if failed.purpose == Purpose.BILL and failed.subject_id:
            return prepare_bill_payment(
                actor=actor,
                bill_id=failed.subject_id,
                amount=failed.amount,
                provider=failed.provider,
                callback_url=callback_url,
                request=request,
                now=now,
            )
        return prepare_deposit(
            actor=actor,
            amount=failed.amount,
            provider=failed.provider,
            callback_url=callback_url,
            request=request,
            now=now,
        )


def open_checkout(*, actor: Actor, prepared: Prepared, now: datetime) -> Checkout:
    """Ask the provider for the page where the payer pays; outside any transaction, after what was prepared was committed.

    Refuses `ProviderUnavailable` and `ProviderWouldNot` (nothing was started, and it has failed), `ProviderSilent` (not
    known; it will be found out).
    """
    transaction = prepared.transaction
    if prepared.checkout_url:
        return Checkout(transaction, prepared.checkout_url)
    crash_point("settlement.start.recorded")
    provider = provider_named(name=transaction.provider)
    try:
        started = _ask(provider, prepared)
    except NothingSent as error:
        _fail(actor, transaction, PaymentErrorType.NETWORK_ERROR, str(error), now)
        raise ProviderUnavailable from error
    except ProviderRefused as error:
        _fail(actor, transaction, error.type, error.message, now)
        raise ProviderWouldNot from error
    except NotOffered as error:
        _fail(actor, transaction, PaymentErrorType.PROVIDER_ERROR, "not offered", now)
        raise ProviderNotAvailable from error
    except (OutcomeUnknown, AlreadyKnown) as error:
        _leave_unknown(actor, transaction, type(error).__name__, now)
        raise ProviderSilent from error
    crash_point("settlement.start.answered")
    return _keep(actor, transaction, started, now)


def _prepare(actor: Actor, wanted: Wanted, request: RequestKey | None, now: datetime) -> Prepared:
    refuse_callback(url=wanted.callback_url, origins=settings.ENV.callback_origins)
    provider_named(name=wanted.provider)
    with tenant(actor.cluster_id), crash_points("settlement.prepare"):
        request_id, known = _known(actor, request, now)
        if known is not None:
            return known
        _refuse_while_unknown(actor, wanted)
        transaction = payments.create_transaction(
            id=new_id(),
            type=wanted.type,
            status=TransactionStatus.PENDING,
            amount=wanted.amount,
            purpose=wanted.purpose,
            user_id=actor.member_id,
            subject_id=wanted.subject_id,
            provider=wanted.provider,
            description=wanted.description,
            now=now,
        )
        bearer = clusters.settings_of(actor=actor, now=now).fee_bearer
        surcharge = surcharge_on(provider=wanted.provider, amount=wanted.amount) if bearer is FeeBearer.PAYER else 0
        payments.open_attempt(
            transaction=transaction,
            kind=AttemptKind.CHARGE,
            payable_until=now + CHECKOUT_LIFE,
            surcharge_minor=surcharge,
            terms_version=wanted.terms_version,
            request_id=request_id,
            request_digest=request.digest if request else None,
            callback_url=wanted.callback_url,
            now=now,
        )
        payments.send_attempt(transaction_id=transaction.id, now=now)
        audit.record(
            actor=actor,
            action="payments.started",
            subject_kind="transaction",
            subject_id=transaction.id,
            at=now,
            facts={
                "amount": str(transaction.amount),
                "currency": transaction.currency,
                "provider": wanted.provider,
                "purpose": wanted.purpose.value,
            },
        )
    return Prepared(transaction, "", surcharge)


def _known(actor: Actor, request: RequestKey | None, now: datetime) -> tuple[UUID | None, Prepared | None]:
    """What the attempt is to be known by for this request, and what an earlier try of the same request left, if that can
    be gone on with.

    A try that failed, or whose end is unknown and that nobody was told an address for, is left behind: the next try is
    known by the next id. A transaction's own id is always new, because lists and checks go by the time it tells.
    """
    if request is None:
        return None, None
    for number in range(_ATTEMPTS_PER_REQUEST):
        request_id = derived_id("checkout", actor.cluster_id, request.scope, number)
        attempt = Attempt.objects.filter(cluster_id=actor.cluster_id, request_id=request_id).first()
        if attempt is None:
            return request_id, None
        if bytes(attempt.request_digest or b"") != request.digest:
            raise IdempotencyKeyReused
        transaction = Transaction.objects.get(cluster_id=actor.cluster_id, id=attempt.id)
        if attempt.checkout_url:
            return request_id, Prepared(transaction, attempt.checkout_url, attempt.surcharge_minor)
        if transaction.status == TransactionStatus.PENDING:
            if attempt.sent_at and now - attempt.sent_at < _CALL_TAKES_AT_MOST:
                raise RequestInProgress(retry_after_seconds=1)
            payments.send_attempt(transaction_id=attempt.id, now=now)
            return request_id, Prepared(transaction, "", attempt.surcharge_minor)
    raise RequestInProgress(retry_after_seconds=60)


def _refuse_while_unknown(actor: Actor, wanted: Wanted) -> None:
    """Nobody pays a bill a second time while it is not known what became of the first."""
    if wanted.purpose is Purpose.BILL and (
        Transaction.objects.filter(
            cluster_id=actor.cluster_id,
            user_id=actor.member_id,
            purpose=Purpose.BILL,
            subject_id=wanted.subject_id,
            status=TransactionStatus.UNKNOWN,
        ).exists()
    ):
        raise PaymentUnderWay


def _ask(provider: PaymentProvider, prepared: Prepared) -> CheckoutStarted:
    transaction = prepared.transaction
    contact = people.contact_of(user_id=transaction.user_id) if transaction.user_id else None
    reference = payments.provider_reference_of(transaction=transaction)
    return provider.start_charge(
        ChargeRequest(
            reference=reference,
            amount=transaction.amount + Money(prepared.surcharge_minor, transaction.currency),
            email=contact.email if contact else "",
            return_url=f"{settings.ENV.base_url}/pay/return/{reference}/",
            description=transaction.description,
            metadata={"transaction_id": str(transaction.id)},
        )
    )


def _keep(actor: Actor, transaction: Transaction, started: CheckoutStarted, now: datetime) -> Checkout:
    with tenant(actor.cluster_id), crash_points("settlement.started"):
        locked = payments.lock_transaction(transaction_id=transaction.id)
        payments.keep_checkout(transaction_id=locked.id, checkout_url=started.checkout_url, now=now)
        payments.note_exchange(
            transaction_id=locked.id,
            act="start_charge",
            outcome="started",
            answer={"provider_reference": started.provider_reference},
            now=now,
        )
        # A notice may have been quicker than this answer: a later state is left alone.
        if locked.status in (TransactionStatus.PENDING, TransactionStatus.UNKNOWN):
            payments.step_transaction(transaction=locked, status=TransactionStatus.PROCESSING, now=now)
    return Checkout(locked, started.checkout_url)


def _fail(actor: Actor, transaction: Transaction, type: PaymentErrorType, said: str, now: datetime) -> None:
    with tenant(actor.cluster_id), crash_points("settlement.start_failed"):
        locked = payments.lock_transaction(transaction_id=transaction.id)
        payments.note_exchange(
            transaction_id=locked.id, act="start_charge", outcome="refused", answer={"said": said[:500]}, now=now
        )
        if Attempt.objects.get(cluster_id=locked.cluster_id, id=locked.id).checkout_url:
            return  # another try of the same request was answered: there is a page to pay at
        if locked.status in (TransactionStatus.PENDING, TransactionStatus.PROCESSING, TransactionStatus.UNKNOWN):
            fail_and_tell(transaction=locked, type=type, now=now)
        payments.end_checks(transaction_id=locked.id)


def _leave_unknown(actor: Actor, transaction: Transaction, why: str, now: datetime) -> None:
    with tenant(actor.cluster_id), crash_points("settlement.start_unknown"):
        locked = payments.lock_transaction(transaction_id=transaction.id)
        payments.note_exchange(
            transaction_id=locked.id, act="start_charge", outcome="not_heard", answer={"why": why}, now=now
        )
        if locked.status == TransactionStatus.PENDING:
            payments.step_transaction(transaction=locked, status=TransactionStatus.UNKNOWN, now=now)
