"""Money that a provider took for us: into a member's wallet, or aside where nobody can be told for sure. And what the
provider kept of it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.clusters.queries import system_actor
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.errors import refusals_from_database
from clustr.kit.ids import derived_id, new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger import queries as ledger_queries
from clustr.ledger.models import Transfer
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.states import Purpose, TransactionStatus, TransactionType
from clustr.wallets.commands.trail import record_money_act
from clustr.wallets.commands.wallets import open_wallet
from clustr.wallets.types import FEES_KEPT


def provider_account(*, provider: str, currency: str) -> UUID:
    """The account of the current cluster's books that stands for what this provider holds for it."""
    return ledger.open_account(
        kind=AccountKind.PROVIDER_CLEARING, currency=currency, subject_id=derived_id("provider", provider)
    )


def credit_arrived_money(*, actor: Actor, transaction: Transaction, provider: str, now: datetime) -> None:
    """Put money that arrived into its owner's wallet; part of a settlement. A frozen wallet takes it too."""
    if transaction.user_id is None:
        raise AssertionError(f"{transaction.reference} is nobody's")
    wallet = open_wallet(user_id=transaction.user_id, currency=transaction.currency, now=now)
    _book_arrival(actor, transaction, provider, wallet, TransferKind.DEPOSIT, "wallets.deposited", now)


def set_arrived_money_aside(*, actor: Actor, transaction: Transaction, provider: str, now: datetime) -> None:
    """Put money that arrived and cannot be given to anybody for sure into suspense; a person has to look."""
    aside = ledger.open_account(kind=AccountKind.SUSPENSE, currency=transaction.currency)
    _book_arrival(actor, transaction, provider, aside, TransferKind.UNPLACED_RECEIPT, "wallets.set_aside", now)


def book_provider_fee(
    *, transaction_id: UUID, provider: str, surcharge: Money, fee: Money, part: str, now: datetime
) -> None:
    """Book what a payer paid on top (`surcharge`) and what the provider kept (`fee`), beside the transaction's own amount.

    `part` tells one booking of a transaction from another. The difference stands in `provider_fees` until
    `charge_fees_to_cluster` takes it from the cluster's wallet, so that no settlement ever waits for that.
    """
    clearing = provider_account(provider=provider, currency=fee.currency)
    fees = ledger.open_account(kind=AccountKind.PROVIDER_FEES, currency=fee.currency)
    legs = [
        (TransferKind.FEE_SURCHARGE, clearing, fees, surcharge),
        (TransferKind.PROVIDER_FEE, fees, clearing, fee),
    ]
    ledger.post(
        entries=[
            Entry(
                id=derived_id(kind.value, transaction_id, part),
                debit=debit,
                credit=credit,
                amount=amount,
                kind=kind,
                journal=transaction_id,
            )
            for kind, debit, credit, amount in legs
            if amount.minor > 0
        ],
        at=now,
    )


def book_fee_of_reversed(
    *, actor: Actor, transaction: Transaction, provider: str, charge_id: str, fee: Money, now: datetime
) -> None:
    """Book what a provider kept of a charge that was given back and is settled for nothing, once for the charge; part of a
    settlement. Should the charge count again, its settlement begins with `return_fee_of_reversed`."""
    booking = _fee_of_reversed(provider, charge_id)
    if Transfer.objects.filter(id=booking).exists():
        return
    entry = Entry(
        id=booking,
        debit=ledger.open_account(kind=AccountKind.PROVIDER_FEES, currency=fee.currency),
        credit=provider_account(provider=provider, currency=fee.currency),
        amount=fee,
        kind=TransferKind.PROVIDER_FEE,
        journal=transaction.id,
    )
    ledger.post(entries=[entry], at=now)
    facts = {"fee": fee.for_people()}
    record_money_act(actor=actor, action="wallets.fee_kept", transaction=transaction, facts=facts, now=now)


def return_fee_of_reversed(*, provider: str, charge_id: str, journal: UUID, now: datetime) -> None:
    """Undo `book_fee_of_reversed`, where it was done: the charge is settled after all, and its fee with it."""
    booking = _fee_of_reversed(provider, charge_id)
    if Transfer.objects.filter(id=booking).exists():
        ledger.reverse(transfer_id=booking, journal=journal, at=now, kind=TransferKind.PROVIDER_FEE_RETURNED)


def _fee_of_reversed(provider: str, charge_id: str) -> UUID:
    return derived_id("fee_of_reversed", provider, charge_id)


def return_provider_fee(*, transaction_id: UUID, journal: UUID, now: datetime) -> None:
    """Undo what `book_provider_fee` booked as kept of a transaction: the provider gave it back. What the cluster's wallet has
    borne of it already counts against the next fees."""
    kept = Transfer.objects.filter(journal=transaction_id, kind=TransferKind.PROVIDER_FEE).values_list("id", flat=True)
    for transfer_id in kept:
        ledger.reverse(transfer_id=transfer_id, journal=journal, at=now, kind=TransferKind.PROVIDER_FEE_RETURNED)


def charge_fees_to_cluster(*, cluster_id: UUID, now: datetime) -> Money:
    """Take from the cluster's wallet what providers kept and what was charged back, where nobody has borne it yet, as far as
    the wallet holds it; and give it back what was charged back, borne, and won later.

    Answers what was taken. Harmless to repeat, and to run twice at once: they wait for each other.
    """
    actor = system_actor(cluster_id=cluster_id)
    with tenant(cluster_id), crash_points("wallets.charge_fees"):
        with refusals_from_database(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"fees:{cluster_id}"])
        return _charge(actor, *_FEES, now) + _charge(actor, *_CHARGEBACKS, now)


_FEES = (AccountKind.PROVIDER_FEES, TransferKind.FEE_CHARGED, FEES_KEPT)
_CHARGEBACKS = (AccountKind.CHARGEBACKS, TransferKind.CHARGEBACK_CHARGED, "Payments charged back")


def _charge(actor: Actor, owed_on: AccountKind, kind: TransferKind, description: str, now: datetime) -> Money:
    """What stands on an account that the cluster's wallet bears, taken from it as far as it holds it."""
    owed = ledger.open_account(kind=owed_on, currency=actor.currency)
    wallet = ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency=actor.currency)
    balance = ledger_queries.balance(account_id=owed, currency=actor.currency).minor
    if balance > 0 and owed_on is AccountKind.CHARGEBACKS:
        kind, description = TransferKind.CHARGEBACK_CREDITED, "Chargebacks that were won"
        _move_fees(actor, owed, wallet, Money(balance, actor.currency), kind, description, now)
        return Money(0, actor.currency)
    held = ledger_queries.balance(account_id=wallet, currency=actor.currency).minor
    due = Money(max(0, min(-balance, held)), actor.currency)
    if due.minor:
        _move_fees(actor, wallet, owed, due, kind, description, now)
    return due


def _move_fees(
    actor: Actor, debit: UUID, credit: UUID, amount: Money, kind: TransferKind, description: str, now: datetime
) -> None:
    transaction = payments.create_transaction(
        id=new_id(),
        type=TransactionType.TRANSFER,
        status=TransactionStatus.COMPLETED,
        amount=amount,
        purpose=Purpose.FEES,
        description=description,
        now=now,
    )
    entry = Entry(
        id=transaction.id,
        debit=debit,
        credit=credit,
        amount=amount,
        kind=kind,
        journal=transaction.id,
    )
    ledger.post(entries=[entry], at=now)
    record_money_act(actor=actor, action="cluster_wallet.fees_charged", transaction=transaction, now=now)


def _book_arrival(
    actor: Actor,
    transaction: Transaction,
    provider: str,
    place: UUID,
    kind: TransferKind,
    action: str,
    now: datetime,
) -> None:
    entry = Entry(
        id=transaction.id,
        debit=provider_account(provider=provider, currency=transaction.currency),
        credit=place,
        amount=transaction.amount,
        kind=kind,
        journal=transaction.id,
    )
    ledger.post(entries=[entry], at=now)
    record_money_act(actor=actor, action=action, transaction=transaction, now=now)
