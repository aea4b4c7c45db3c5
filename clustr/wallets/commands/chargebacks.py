"""Chargebacks: what a provider took back for a payer's bank, who bears it, and what comes of it when it is won."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction as database

from clustr.kit.actor import Actor
from clustr.kit.ids import derived_id, new_id
from clustr.kit.money import Money
from clustr.ledger import commands as ledger
from clustr.ledger import queries as ledger_queries
from clustr.ledger.models import Account, Transfer
from clustr.ledger.refusals import AccountFrozen, InsufficientFunds
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.states import Purpose, TransactionStatus, TransactionType
from clustr.wallets.commands.arrivals import provider_account
from clustr.wallets.commands.trail import record_money_act
from clustr.wallets.commands.wallets import open_wallet
from clustr.wallets.types import BORNE

_TRIES = 3


def book_chargeback(
    *, actor: Actor, original: Transaction, provider: str, number: str, amount: Money, now: datetime
) -> Transaction:
    """Book what a provider took back of a payment: it holds so much less. Who bears it is booked next. Part of a settlement.

    `number` is the provider's of the dispute, or what stands for it. Refuses `ReferenceTaken` where it is booked.
    """
    taken = payments.create_transaction(
        id=new_id(),
        type=TransactionType.REFUND,
        status=TransactionStatus.COMPLETED,
        amount=amount,
        purpose=Purpose.CHARGEBACK,
        subject_id=original.id,
        provider=provider,
        provider_reference=number,
        description="Taken back for the payer's bank",
        now=now,
    )
    _post(
        taken,
        debit=chargebacks_account(currency=amount.currency),
        credit=provider_account(provider=provider, currency=amount.currency),
        kind=TransferKind.CHARGEBACK,
        now=now,
    )
    record_money_act(actor=actor, action="wallets.chargeback", transaction=taken, now=now)
    return taken


def bear_chargeback(
    *, actor: Actor, original: Transaction, amount: Money, number: str, now: datetime
) -> Transaction | None:
    """Take from whoever received a locked payment what of it was charged back, as a refund of it; answers it, or None where
    there is nothing left to take. Part of a settlement.

    A bill payment or a contribution is borne by the cluster's wallet, also where it holds less: what is missing is owed and charged later. A
    deposit is borne by the member's wallet as far as it holds it and is not frozen, the rest by the estate.
    """
    received = Transfer.objects.get(cluster_id=original.cluster_id, id=original.id)
    source = Account.objects.get(cluster_id=original.cluster_id, id=received.credit)
    left = original.amount_minor - original.refunded_minor - payments.on_its_way_back(transaction_id=original.id)
    if original.status != TransactionStatus.COMPLETED or left <= 0:
        return None
    for _ in range(_TRIES):
        share = min(amount.minor, left)
        if source.guarded:
            held = ledger_queries.balance(account_id=source.id, currency=source.currency).minor
            share = min(share, held)
        if share <= 0:
            return None
        taken = _try_to_take(actor, original, source, received.label, Money(share, amount.currency), number, now)
        if taken is not None:
            return taken
    return None


def win_chargeback(*, actor: Actor, taken: Transaction, reachable: bool, now: datetime) -> None:
    """A provider gave back what it had taken: what the payer bore, or owes again because a bill was opened for it, goes to
    their wallet, the rest to the estate, which bore a contribution whole. Part of a settlement. `reachable`: whether the payer is still somebody to give it to; else it waits in suspense.

    Refuses `ReferenceTaken` where that is booked already."""
    borne = Transaction.objects.filter(
        cluster_id=taken.cluster_id,
        provider=taken.provider,
        purpose=Purpose.REFUND,
        provider_reference__in=[borne_number(taken.provider_reference, part) for part in (1, 2)],
    )
    by_estate = Transfer.objects.filter(
        cluster_id=taken.cluster_id, id__in=borne.values("id"), kind=TransferKind.CONTRIBUTION_REFUND
    )
    rest = taken.amount
    for number, share in enumerate(borne.exclude(id__in=by_estate.values("id")).order_by("id"), start=1):
        rest = rest - share.amount
        if share.user_id and reachable:
            place = open_wallet(user_id=share.user_id, currency=rest.currency, now=now)
        else:
            place = ledger.open_account(kind=AccountKind.SUSPENSE, currency=rest.currency)
        _give_back(actor, taken, place, share.amount, share.user_id, f"won:{number}:{taken.provider_reference}", now)
    if rest.minor > 0:
        estate = chargebacks_account(currency=rest.currency)
        _give_back(actor, taken, estate, rest, None, f"won:0:{taken.provider_reference}", now)


def borne_number(number: str, part: int) -> str:
    """What a part of a chargeback that somebody bore is known by."""
    return f"{BORNE}{part}:{number}"


def chargebacks_account(*, currency: str) -> UUID:
    """The account of the current cluster for what was taken back and nobody has borne yet."""
    return ledger.open_account(kind=AccountKind.CHARGEBACKS, currency=currency)


def _try_to_take(
    actor: Actor, original: Transaction, source: Account, label: str, share: Money, number: str, now: datetime
) -> Transaction | None:
    """None, and nothing changed, where it was spent meanwhile or may not be spent."""
    try:
        with database.atomic():
            return _take(actor, original, source, label, share, number, now)
    except (InsufficientFunds, AccountFrozen):
        return None


def _take(
    actor: Actor, original: Transaction, source: Account, label: str, share: Money, number: str, now: datetime
) -> Transaction:
    refund = payments.create_transaction(
        id=new_id(),
        type=TransactionType.REFUND,
        status=TransactionStatus.COMPLETED,
        amount=share,
        purpose=Purpose.REFUND,
        user_id=original.user_id,
        subject_id=original.id,
        provider=original.provider,
        provider_reference=number,
        description="Taken back by the payer's bank (chargeback)",
        now=now,
    )
    payments.count_refund(transaction_id=original.id, amount=share, now=now)
    chargebacks = chargebacks_account(currency=share.currency)
    estate = source.kind == AccountKind.CLUSTER_WALLET
    contributed = original.purpose == Purpose.RECURRING_PAYMENT
    given_back = TransferKind.CONTRIBUTION_REFUND if contributed else TransferKind.BILL_REFUND
    entry = Entry(
        id=refund.id,
        debit=source.id,
        credit=chargebacks,
        amount=share,
        kind=given_back if estate else TransferKind.CHARGEBACK_BORNE,
        journal=refund.id,
        label=label,
    )
    advance = Entry(
        id=derived_id("chargeback-advance", refund.id),
        debit=chargebacks,
        credit=source.id,
        amount=share,
        kind=TransferKind.CHARGEBACK_ADVANCE,
        journal=refund.id,
    )
    ledger.post(entries=[advance, entry] if estate else [entry], at=now)
    record_money_act(actor=actor, action="wallets.chargeback_borne", transaction=refund, now=now)
    return refund


def _give_back(
    actor: Actor, taken: Transaction, place: UUID, amount: Money, user_id: UUID | None, number: str, now: datetime
) -> None:
    won = payments.create_transaction(
        id=new_id(),
        type=TransactionType.CREDIT,
        status=TransactionStatus.COMPLETED,
        amount=amount,
        purpose=Purpose.CHARGEBACK,
        user_id=user_id,
        subject_id=taken.id,
        provider=taken.provider,
        provider_reference=number,
        description="A chargeback was decided for the estate",
        now=now,
    )
    clearing = provider_account(provider=taken.provider, currency=amount.currency)
    _post(won, debit=clearing, credit=place, kind=TransferKind.CHARGEBACK_WON, now=now)
    record_money_act(actor=actor, action="wallets.chargeback_won", transaction=won, now=now)


def _post(transaction: Transaction, *, debit: UUID, credit: UUID, kind: TransferKind, now: datetime) -> None:
    entry = Entry(
        id=transaction.id,
        debit=debit,
        credit=credit,
        amount=transaction.amount,
        kind=kind,
        journal=transaction.id,
    )
    ledger.post(entries=[entry], at=now)
