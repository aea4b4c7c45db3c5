"""What settlement shows: a receipt to whoever holds its code, a payment to the browser that came back from paying, and the
office how it stands with the providers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connections

from clustr.clusters.queries import settings_of, system_actor
from clustr.kit.actor import Actor
from clustr.kit.ids import derived_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import queries as ledger
from clustr.ledger.models import Account
from clustr.ledger.types import AccountKind
from clustr.payments.models import Attempt, Transaction
from clustr.payments.providers.port import PaymentProvider
from clustr.payments.providers.registry import MAKERS, available_providers, provider_named
from clustr.payments.queries import Place, place_of_reference
from clustr.payments.refusals import ProviderNotAvailable
from clustr.payments.states import TransactionStatus
from clustr.settlement.models import Receipt, Reconciliation
from clustr.settlement.refusals import ReceiptNotFound

_LOOKS_LIKE = str.maketrans("OIL", "011")
_CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CheckedReceipt:
    """All that anybody with a receipt's code is told. `refunded`: what of it was given back since."""

    estate: str
    amount: Money
    refunded: Money
    day: date


@dataclass(frozen=True, slots=True)
class Returned:
    """A payment whose payer came back: how it stands, and where they go from here ("" where nothing was asked)."""

    place: Place
    status: TransactionStatus
    reference: str
    callback_url: str
    estate: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Positions:
    """What each provider holds for an estate by our books, and what they kept that nobody has borne yet."""

    held: dict[str, Money]
    fees_unpaid: Money


def positions_with_providers(*, actor: Actor) -> Positions:
    """The estate's position with every provider that ever took money for it; needs ViewWallet."""
    actor.require("ViewWallet")
    names = {derived_id("provider", name): name for name in MAKERS}
    held, fees = {}, Money(0, actor.currency)
    accounts = Account.objects.filter(
        cluster_id=actor.cluster_id,
        currency=actor.currency,
        kind__in=[AccountKind.PROVIDER_CLEARING, AccountKind.PROVIDER_FEES],
    )
    for account in accounts.order_by("id"):
        balance = Money(0, actor.currency) - ledger.balance(account_id=account.id, currency=actor.currency)
        if account.kind == AccountKind.PROVIDER_FEES:
            fees = balance
        elif account.subject_id in names:
            held[names[account.subject_id]] = balance
    return Positions(held, fees)


def reconciliation_runs(*, actor: Actor) -> list[Reconciliation]:
    """The last comparisons with each provider, of charges, of payouts and of balances; needs ViewWallet. Counts are of all estates
    together, and not told."""
    actor.require("ViewWallet")
    return list(Reconciliation.objects.order_by("provider", "compares", "-at").distinct("provider", "compares"))


def payout_provider() -> PaymentProvider | None:
    """The provider that sends money to bank accounts: PAYOUT_PROVIDER, or the first that has keys. None: none does."""
    wanted = settings.ENV.PAYOUT_PROVIDER
    if wanted:
        try:
            return provider_named(name=wanted)
        except ProviderNotAvailable:
            return None
    return next((provider_named(name=name) for name in available_providers()), None)


def check_receipt(*, code: str) -> CheckedReceipt:
    """What a receipt's code proves. Dashes, small letters and letters that look like a digit are fine. Refuses
    `ReceiptNotFound`."""
    plain = code.replace("-", "").upper().translate(_LOOKS_LIKE)
    if not _CODE.fullmatch(plain):
        raise ReceiptNotFound
    with connections["sweep"].cursor() as cursor:
        cursor.execute("SELECT cluster_id, id FROM settlement_receipt WHERE code = %s", [plain])
        found = cursor.fetchone()
    if found is None:
        raise ReceiptNotFound
    cluster_id, transaction_id = found
    with tenant(cluster_id):
        receipt = Receipt.objects.get(cluster_id=cluster_id, id=transaction_id)
        transaction = Transaction.objects.get(cluster_id=cluster_id, id=transaction_id)
        held = settings_of(actor=system_actor(cluster_id=cluster_id), now=receipt.issued_at)
    paid_at = transaction.completed_at or receipt.issued_at
    return CheckedReceipt(
        estate=held.name,
        amount=transaction.amount,
        refunded=Money(transaction.refunded_minor, transaction.currency),
        day=paid_at.astimezone(ZoneInfo(held.timezone)).date(),
    )


def returned_payment(*, reference: str) -> Returned | None:
    """The payment a browser came back from; None where there is none."""
    place = place_of_reference(reference=reference.lower())
    if place is None:
        return None
    with tenant(place.cluster_id):
        transaction = Transaction.objects.get(cluster_id=place.cluster_id, id=place.transaction_id)
        attempt = Attempt.objects.get(cluster_id=place.cluster_id, id=place.transaction_id)
        held = settings_of(actor=system_actor(cluster_id=place.cluster_id), now=attempt.started_at)
    return Returned(
        place=place,
        status=TransactionStatus(transaction.status),
        reference=transaction.reference,
        callback_url=attempt.callback_url,
        estate=held.name,
        started_at=attempt.started_at,
    )
