"""Asking a service to sell, and what became of it: record, ask between transactions, record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from clustr.clusters.queries import system_actor
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Transaction
from clustr.payments.providers.port import AlreadyKnown, NotOffered, ProviderRefused
from clustr.payments.states import TransactionStatus
from clustr.payments.types import PaymentErrorType
from clustr.utilities.commands.applying import (
    apply_purchase_truth,
    apply_refusal,
    apply_silence,
    apply_unsent,
)
from clustr.utilities.commands.customers import number_of
from clustr.utilities.models import Account, Purchase, UtilityProvider
from clustr.utilities.queries import OPEN
from clustr.utilities.refusals import VendorNotAvailable
from clustr.utilities.vendors.interface import PurchaseRequest
from clustr.utilities.vendors.registry import utility_service
from clustr.wallets import commands as wallets


@dataclass(frozen=True, slots=True)
class _Sent:
    """What is about to be asked, and the instant under which that was noted."""

    service: str
    request: PurchaseRequest
    sent_at: datetime


def vend_purchase(*, cluster_id: UUID, purchase_id: UUID, now: datetime) -> None:
    """Have a purchase sold, once; outside any transaction. Decided or being asked for already: nothing happens. What keeps
    the estate's money back (`wallets.what_keeps_it`): it is tried again, and given up after a while.

    The reference is recorded before the call and used again for a repeat, so the service sells once.
    """
    actor = system_actor(cluster_id=cluster_id)
    with tenant(cluster_id), crash_points("utilities.record_vend"):
        locked = payments.lock_transaction(transaction_id=purchase_id)
        attempt = Attempt.objects.get(cluster_id=cluster_id, id=purchase_id)
        if locked.status not in OPEN or attempt.sent_at is not None:
            return
        kept_by = wallets.what_keeps_it(transaction=locked, provider=attempt.provider, now=now)
        if not kept_by:
            payments.send_attempt(transaction_id=locked.id, now=now)
            if locked.status != TransactionStatus.PROCESSING:
                payments.step_transaction(transaction=locked, status=TransactionStatus.PROCESSING, now=now)
            sent = _request(locked, attempt, now)
    if kept_by:
        apply_unsent(actor=actor, purchase_id=purchase_id, sent_at=None, why=kept_by, now=now)
        return
    crash_point("utilities.vend.recorded")
    _ask_to_sell(actor, purchase_id, sent, now, repeated=False)


def confirm_purchase(*, cluster_id: UUID, purchase_id: UUID, now: datetime) -> None:
    """Ask the service what became of a purchase, and act on it; outside any transaction. One that was not sent yet is sent.

    Harmless to repeat, and to run many times at once.
    """
    with tenant(cluster_id):
        attempt = Attempt.objects.filter(cluster_id=cluster_id, id=purchase_id).first()
        transaction = Transaction.objects.filter(cluster_id=cluster_id, id=purchase_id).first()
    if attempt is None or transaction is None:
        return
    if attempt.sent_at is None:
        if transaction.status in OPEN:
            vend_purchase(cluster_id=cluster_id, purchase_id=purchase_id, now=now)
        return
    actor = system_actor(cluster_id=cluster_id)
    try:
        truth = utility_service(name=attempt.provider).fetch_purchase(reference=attempt.reference)
    except (NothingSent, OutcomeUnknown, ProviderRefused, NotOffered, AlreadyKnown, VendorNotAvailable) as error:
        # A service that refuses a question has said nothing of the purchase.
        apply_silence(actor=actor, purchase_id=purchase_id, act="fetch_purchase", why=type(error).__name__, now=now)
        return
    crash_point("utilities.confirm.answered")
    again = apply_purchase_truth(actor=actor, purchase_id=purchase_id, truth=truth, act="fetch_purchase", now=now)
    if again:
        with tenant(cluster_id):
            sent = _request(transaction, attempt, now)
        crash_point("utilities.vend.again")
        _ask_to_sell(actor, purchase_id, sent, now, repeated=True)


def _request(transaction: Transaction, attempt: Attempt, now: datetime) -> _Sent:
    purchase = Purchase.objects.get(cluster_id=transaction.cluster_id, id=transaction.id)
    account = Account.objects.get(cluster_id=transaction.cluster_id, id=purchase.account_id)
    provider = UtilityProvider.objects.get(id=purchase.provider_id)
    request = PurchaseRequest(
        reference=attempt.reference,
        provider_code=provider.provider_code,
        customer_id=number_of(account=account),
        amount=purchase.amount,
        notify_url=f"{settings.ENV.base_url}/payments/webhooks/{attempt.provider}/",
    )
    return _Sent(attempt.provider, request, now)


def _ask_to_sell(actor: Actor, purchase_id: UUID, sent: _Sent, now: datetime, *, repeated: bool) -> None:
    try:
        truth = utility_service(name=sent.service).purchase_utility(sent.request)
    except (ProviderRefused, NotOffered) as error:
        type = getattr(error, "type", PaymentErrorType.VENDOR_UNAVAILABLE)
        crash_point("utilities.vend.refused")
        first = None if repeated else sent.sent_at
        apply_refusal(actor=actor, purchase_id=purchase_id, sent_at=first, type=type, now=now)
        return
    except (NothingSent, VendorNotAvailable) as error:
        if repeated:
            apply_silence(actor=actor, purchase_id=purchase_id, act="purchase", why=_name(error), now=now)
        else:
            apply_unsent(actor=actor, purchase_id=purchase_id, sent_at=sent.sent_at, why=_name(error), now=now)
        return
    except (OutcomeUnknown, AlreadyKnown) as error:
        apply_silence(actor=actor, purchase_id=purchase_id, act="purchase", why=_name(error), now=now)
        return
    crash_point("utilities.vend.answered")
    apply_purchase_truth(actor=actor, purchase_id=purchase_id, truth=truth, act="purchase", now=now)


def _name(error: Exception) -> str:
    return type(error).__name__
