"""Starting a payment with a provider: ask it between transactions, and record where the payer pays or what became of the
card that was charged."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings

from clustr.bills import commands as bills
from clustr.clusters import queries as clusters
from clustr.clusters.queries import system_actor
from clustr.kit.actor import Actor, Origin
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.errors import Refusal
from clustr.kit.money import Money
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, SavedMethod, Transaction
from clustr.payments.providers.nouns import (
    ChallengeRequired,
    ChargeRequest,
    ChargeTruth,
    CheckoutStarted,
    SavedMethodCharge,
)
from clustr.payments.providers.port import AlreadyKnown, NotOffered, PaymentProvider, ProviderRefused
from clustr.payments.providers.registry import provider_named
from clustr.payments.refusals import (
    ProviderNotAvailable,
    ProviderSilent,
    ProviderUnavailable,
    ProviderWouldNot,
)
from clustr.payments.states import OPEN, Purpose, TransactionStatus
from clustr.payments.types import PaymentErrorType
from clustr.people import queries as people
from clustr.recurring import commands as recurring
from clustr.settlement.commands.applying import apply_charge_truth
from clustr.settlement.commands.locking import lock_with_subject
from clustr.settlement.commands.telling import fail_and_tell
from clustr.settlement.types import Checkout, Prepared


def open_checkout(*, actor: Actor, prepared: Prepared, now: datetime) -> Checkout:
    """Ask the provider for the page where the payer pays, or charge the saved card; outside any transaction, after what was
    prepared was committed. A card's decline is no refusal: the transaction says why.

    Refuses `ProviderUnavailable` and `ProviderWouldNot` (nothing was started, and it has failed), `ProviderSilent` (not
    known; it will be found out).
    """
    transaction = prepared.transaction
    if prepared.checkout_url:
        return Checkout(transaction, prepared.checkout_url, prepared.surcharge)
    if prepared.by_card:
        charge_saved_card(cluster_id=actor.cluster_id, transaction_id=transaction.id, now=now)
        return _charged(actor, prepared)
    crash_point("settlement.start.recorded")
    provider = provider_named(name=transaction.provider)
    try:
        started = _ask(provider, prepared)
    except NothingSent as error:
        _fail(actor, transaction, PaymentErrorType.NETWORK_ERROR, str(error), "start_charge", now)
        raise ProviderUnavailable from error
    except ProviderRefused as error:
        _fail(actor, transaction, error.type, error.message, "start_charge", now)
        raise ProviderWouldNot from error
    except NotOffered as error:
        _fail(actor, transaction, PaymentErrorType.PROVIDER_ERROR, "not offered", "start_charge", now)
        raise ProviderNotAvailable from error
    except (OutcomeUnknown, AlreadyKnown) as error:
        _leave_unknown(actor, transaction, type(error).__name__, "start_charge", now)
        raise ProviderSilent from error
    crash_point("settlement.start.answered")
    return Checkout(_keep(actor, transaction, started, "start_charge", now), started.checkout_url, prepared.surcharge)


def charge_saved_card(*, cluster_id: UUID, transaction_id: UUID, now: datetime) -> None:
    """Charge the saved card of an attempt that was recorded (`payments.open_attempt` with `method_id`), once; outside any
    transaction. What became of it is known as of every charge: by the answer, a notice, the sweep.

    Whose money it is for does not matter here: purpose and subject are handed to their room when it has arrived. A card that
    needs its owner leaves the provider's page as the attempt's `checkout_url`.
    """
    actor = system_actor(cluster_id=cluster_id)
    with tenant(cluster_id), crash_points("settlement.record_charge"):
        transaction = lock_with_subject(transaction_id=transaction_id, now=now)
        attempt = Attempt.objects.get(cluster_id=cluster_id, id=transaction_id)
        if transaction.status != TransactionStatus.PENDING or attempt.sent_at is not None or attempt.method_id is None:
            return
        if transaction.purpose == Purpose.BILL and not _is_still_asked_for(transaction, attempt, now):
            payments.step_transaction(transaction=transaction, status=TransactionStatus.CANCELLED, now=now)
            payments.end_checks(transaction_id=transaction_id)
            return
        payments.send_attempt(transaction_id=transaction_id, now=now)
        method = SavedMethod.objects.filter(cluster_id=cluster_id, id=attempt.method_id, removed_at=None).first()
    if method is None:
        _fail(actor, transaction, PaymentErrorType.INVALID_CARD, "the card was removed", "charge_card", now)
        return
    crash_point("settlement.charge.recorded")
    try:
        provider = provider_named(name=attempt.provider)
        truth = provider.charge_saved_method(_saved_charge(transaction, attempt, method))
    except (NothingSent, ProviderNotAvailable) as error:
        _fail(actor, transaction, PaymentErrorType.NETWORK_ERROR, type(error).__name__, "charge_card", now)
    except ProviderRefused as error:
        _fail(actor, transaction, error.type, error.message, "charge_card", now)
    except NotOffered:
        _fail(actor, transaction, PaymentErrorType.PROVIDER_ERROR, "not offered", "charge_card", now)
    except (OutcomeUnknown, AlreadyKnown) as error:
        _leave_unknown(actor, transaction, type(error).__name__, "charge_card", now)
    else:
        crash_point("settlement.charge.answered")
        _hear_card(actor, transaction, provider, truth, now)


def _is_still_asked_for(transaction: Transaction, attempt: Attempt, now: datetime) -> bool:
    """Whether the bill that a card is to be charged for takes the payment still: between the request and this moment it may
    have been paid, changed or cancelled."""
    if transaction.subject_id is None or transaction.user_id is None:
        raise AssertionError(f"{transaction.reference} is for no bill of nobody")
    try:
        payer = clusters.actor_for(
            user_id=transaction.user_id, cluster_id=transaction.cluster_id, origin=Origin(), now=now
        )
        judged = bills.judge_direct_payment(
            actor=payer, bill_id=transaction.subject_id, amount=transaction.amount, now=now
        )
    except Refusal:
        return False
    return judged.version == attempt.terms_version


def _hear_card(
    actor: Actor,
    transaction: Transaction,
    provider: PaymentProvider,
    truth: ChargeTruth | ChallengeRequired,
    now: datetime,
) -> None:
    if isinstance(truth, ChallengeRequired):
        page = CheckoutStarted(checkout_url=truth.url, provider_reference=None)
        _keep(actor, transaction, page, "charge_card", now)
    else:
        apply_charge_truth(actor=actor, transaction_id=transaction.id, truth=truth, mode=provider.mode, now=now)


def _saved_charge(transaction: Transaction, attempt: Attempt, method: SavedMethod) -> SavedMethodCharge:
    email, token = payments.token_of(method=method)
    return SavedMethodCharge(
        reference=attempt.reference,
        amount=transaction.amount + Money(attempt.surcharge_minor, transaction.currency),
        email=email,
        token=token,
        description=transaction.description,
        metadata={"transaction_id": str(transaction.id)},
    )


def _charged(actor: Actor, prepared: Prepared) -> Checkout:
    """How a payment stands after its card was charged."""
    with tenant(actor.cluster_id):
        transaction = Transaction.objects.get(cluster_id=actor.cluster_id, id=prepared.transaction.id)
        attempt = Attempt.objects.get(cluster_id=actor.cluster_id, id=prepared.transaction.id)
    return Checkout(transaction, attempt.checkout_url, prepared.surcharge)


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


def _keep(actor: Actor, transaction: Transaction, started: CheckoutStarted, act: str, now: datetime) -> Transaction:
    with tenant(actor.cluster_id), crash_points("settlement.started"):
        locked = lock_with_subject(transaction_id=transaction.id, now=now)
        payments.keep_checkout(transaction_id=locked.id, checkout_url=started.checkout_url, now=now)
        payments.note_exchange(
            transaction_id=locked.id,
            act=act,
            outcome="started",
            answer={"provider_reference": started.provider_reference},
            now=now,
        )
        # A notice may have been quicker than this answer: a later state is left alone.
        if locked.status in (TransactionStatus.PENDING, TransactionStatus.UNKNOWN):
            payments.step_transaction(transaction=locked, status=TransactionStatus.PROCESSING, now=now)
            if locked.purpose == Purpose.RECURRING_PAYMENT:
                recurring.ask_for_confirmation(transaction=locked, url=started.checkout_url, now=now)
    return locked


def _fail(actor: Actor, transaction: Transaction, type: PaymentErrorType, said: str, act: str, now: datetime) -> None:
    with tenant(actor.cluster_id), crash_points("settlement.start_failed"):
        locked = lock_with_subject(transaction_id=transaction.id, now=now)
        payments.note_exchange(
            transaction_id=locked.id, act=act, outcome="refused", answer={"said": said[:500]}, now=now
        )
        if Attempt.objects.get(cluster_id=locked.cluster_id, id=locked.id).checkout_url:
            return  # another try of the same request was answered: there is a page to pay at
        if locked.status in OPEN:
            fail_and_tell(transaction=locked, type=type, now=now)
        payments.end_checks(transaction_id=locked.id)


def _leave_unknown(actor: Actor, transaction: Transaction, why: str, act: str, now: datetime) -> None:
    with tenant(actor.cluster_id), crash_points("settlement.start_unknown"):
        locked = lock_with_subject(transaction_id=transaction.id, now=now)
        payments.note_exchange(transaction_id=locked.id, act=act, outcome="not_heard", answer={"why": why}, now=now)
        if locked.status == TransactionStatus.PENDING:
            payments.step_transaction(transaction=locked, status=TransactionStatus.UNKNOWN, now=now)
