"""Recording what a provider will be asked to take, before it is asked: a deposit, a bill, a failed payment once more."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from clustr.audit import commands as audit
from clustr.audit.refusals import IdempotencyKeyReused, RequestInProgress
from clustr.bills import commands as bills
from clustr.bills.policies import refuse_amount
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import derived_id, new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Transaction
from clustr.payments.policies import refuse_beyond_bounds, refuse_callback, refuse_retry
from clustr.payments.providers.registry import provider_named
from clustr.payments.queries import fee_on_top, method_of, waiting_payment_of_bill
from clustr.payments.refusals import TransactionNotFound, TransactionNotRetryable
from clustr.payments.schedule import CHECKOUT_LIFE
from clustr.payments.states import OPEN, AttemptKind, Purpose, TransactionStatus, TransactionType
from clustr.recurring.queries import card_charge_may_pay
from clustr.settlement.refusals import PaymentUnderWay
from clustr.settlement.types import Prepared, RequestKey, SavedCard, Wanted
from clustr.wallets import commands as wallets

_CALL_TAKES_AT_MOST = timedelta(seconds=60)
_ATTEMPTS_PER_REQUEST = 20


def prepare_deposit(
    *,
    actor: Actor,
    amount: Money,
    provider: str,
    callback_url: str,
    request: RequestKey | None,
    now: datetime,
    card: SavedCard | None = None,
    save_card: bool = False,
) -> Prepared:
    """Record that the member will put money into their wallet through this provider, on its page or by a saved card.
    `open_checkout` comes next. `save_card`: the card that pays on the page is to be kept, which is for its payer to say.

    Refuses `ProviderNotAvailable`, `CallbackNotAllowed`, `CurrencyMismatch`, `InvalidValue` (less or more than the provider
    takes at once); with a card also `PaymentMethodNotFound` and
    `PinRequired`.
    """
    refuse_amount(amount=amount, currency=actor.currency)
    with tenant(actor.cluster_id):
        _refuse_card(actor, card, provider)
    wanted = Wanted(
        type=TransactionType.DEPOSIT,
        purpose=Purpose.WALLET,
        amount=amount,
        provider=provider,
        description="Wallet deposit",
        callback_url=callback_url,
        save_card=save_card,
    )
    return _prepare(actor, wanted, request, card, now)


def prepare_bill_payment(
    *,
    actor: Actor,
    bill_id: UUID,
    amount: Money | None,
    provider: str,
    callback_url: str,
    request: RequestKey | None,
    now: datetime,
    card: SavedCard | None = None,
    save_card: bool = False,
) -> Prepared:
    """Record that the member will pay on a bill through this provider, whole (`amount` None) or in part, on its page or by
    a saved card. `save_card` as in `prepare_deposit`.

    The rules of every payment are asked now; what stands when the money arrives decides where it goes. Refuses as
    `bills.judge_direct_payment`, and `ProviderNotAvailable`, `CallbackNotAllowed`, `PaymentUnderWay`; with a card also
    `PaymentMethodNotFound` and `PinRequired`.
    """
    with tenant(actor.cluster_id):
        _refuse_card(actor, card, provider)
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
            save_card=save_card,
        )
        return _prepare(actor, wanted, request, card, now)


def prepare_retry(*, actor: Actor, transaction_id: UUID, now: datetime) -> Prepared:
    """Record that a failed payment of one's own is tried again on its provider's page, by the same rules. However often it
    is asked, a failed payment has one such try that can be paid at a time. No card is kept of whoever pays it.

    Refuses `TransactionNotFound`, `TransactionNotRetryable`, `PaymentUnderWay`, and as starting it anew would.
    """
    with tenant(actor.cluster_id):
        failed = _locked_own(actor, transaction_id)
        attempt = Attempt.objects.filter(
            cluster_id=actor.cluster_id, id=transaction_id, kind=AttemptKind.CHARGE
        ).first()
        by_run = failed.purpose == Purpose.RECURRING_PAYMENT  # tries again by itself
        refuse_retry(status=TransactionStatus(failed.status), attempted=attempt is not None and not by_run)
        request = RequestKey(derived_id("retry", actor.cluster_id, transaction_id), b"retry", of_failed=True)
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


def _refuse_card(actor: Actor, card: SavedCard | None, provider: str) -> None:
    """Refuse a card that is not the member's own with this provider, and one without the PIN where one is set."""
    if card is not None:
        method_of(actor=actor, method_id=card.method_id, provider=provider)
        wallets.require_authorization(actor=actor, authorization=card.authorization)


def _locked_own(actor: Actor, transaction_id: UUID) -> Transaction:
    """A payment of one's own, locked in the house's order: two who try it again wait for each other."""
    known = Transaction.objects.filter(cluster_id=actor.cluster_id, id=transaction_id, user_id=actor.member_id).first()
    if known is None:
        raise TransactionNotFound
    if known.purpose == Purpose.BILL:
        bills.lock_for_settlement(transaction=known)
    return payments.lock_transaction(transaction_id=transaction_id)


def _prepare(
    actor: Actor, wanted: Wanted, request: RequestKey | None, card: SavedCard | None, now: datetime
) -> Prepared:
    refuse_callback(url=wanted.callback_url, origins=settings.ENV.callback_origins)
    provider = provider_named(name=wanted.provider)
    with tenant(actor.cluster_id), crash_points("settlement.prepare"):
        request_id, known = _known(actor, request, now)
        if known is not None:
            return known
        if wanted.subject_id is not None and (
            waiting_payment_of_bill(actor=actor, bill_id=wanted.subject_id)
            or card_charge_may_pay(actor=actor, bill_id=wanted.subject_id)
        ):
            raise PaymentUnderWay
        surcharge = fee_on_top(provider=wanted.provider, amount=wanted.amount, now=now)
        currency = wanted.amount.currency
        refuse_beyond_bounds(
            total=Money(wanted.amount.minor + surcharge, currency),
            bounds=provider.charge_bounds(currency=currency),
            provider=wanted.provider,
        )
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
        payments.open_attempt(
            transaction=transaction,
            kind=AttemptKind.CHARGE,
            payable_until=now + CHECKOUT_LIFE,
            surcharge_minor=surcharge,
            terms_version=wanted.terms_version,
            request_id=request_id,
            request_digest=request.digest if request else None,
            callback_url=wanted.callback_url,
            method_id=card.method_id if card else None,
            save_card=wanted.save_card and card is None,
            now=now,
        )
        if card is None:
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
    return Prepared(transaction, "", surcharge, by_card=card is not None)


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
        known = Attempt.objects.filter(cluster_id=actor.cluster_id, request_id=request_id)
        transaction = Transaction.objects.filter(cluster_id=actor.cluster_id, id__in=known.values("id")).first()
        # Only now what its attempt keeps: the state and the page are written together, so that whoever reads a state that
        # comes with a page finds the page. Read the other way, an answer heard in between would look like one never heard.
        attempt = known.first()
        if transaction is None or attempt is None:
            return request_id, None
        if bytes(attempt.request_digest or b"") != request.digest:
            raise IdempotencyKeyReused
        if request.of_failed and transaction.status not in OPEN:
            if transaction.status in (TransactionStatus.FAILED, TransactionStatus.CANCELLED):
                continue  # it was tried again, and that is over: once more
            raise TransactionNotRetryable
        if attempt.checkout_url or attempt.method_id:  # a card is never charged twice for one request
            by_card = attempt.method_id is not None
            return request_id, Prepared(transaction, attempt.checkout_url, attempt.surcharge_minor, by_card=by_card)
        if request.of_failed and transaction.status == TransactionStatus.UNKNOWN:
            raise PaymentUnderWay
        if transaction.status == TransactionStatus.PENDING:
            if attempt.sent_at and now - attempt.sent_at < _CALL_TAKES_AT_MOST:
                raise RequestInProgress(retry_after_seconds=1)
            payments.send_attempt(transaction_id=attempt.id, now=now)
            return request_id, Prepared(transaction, "", attempt.surcharge_minor)
    raise RequestInProgress(retry_after_seconds=60)
