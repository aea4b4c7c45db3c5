"""Buying: consent, bill, hold and the job that buys, in one commit. The vendor is asked by that job and by no request."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from clustr.audit import commands as audit
from clustr.bills import commands as bills
from clustr.bills.models import Bill
from clustr.bills.types import BillType, UtilityBill
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.jobs import enqueue
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.states import AttemptKind, Purpose, TransactionStatus, TransactionType
from clustr.utilities.commands.screening import refuse_over_limits, refuse_quote
from clustr.utilities.models import Account, Purchase, Quote, UtilityProvider
from clustr.utilities.policies import quote_terms, refuse_former
from clustr.utilities.queries import UNDECIDED, purchase_of_member
from clustr.utilities.refusals import PurchaseUnderWay, QuoteChanged, QuoteNotFound, ValidationNeeded
from clustr.utilities.types import PurchaseView, Screened
from clustr.utilities.vendors.registry import utility_service
from clustr.wallets import commands as wallets

_ASKED_EVERY_TEN_MINUTES_FOR = timedelta(hours=24)


def process_one_time_utility_payment(*, actor: Actor, screened: Screened, now: datetime) -> PurchaseView:
    """Buy what was quoted, from the member's wallet: the bill with its acknowledgment, the hold and the job that buys are one
    commit. The purchase is `pending`; what becomes of it is found out.

    `screened` comes from `screen_purchase`. Refuses `NotAMemberNow`, `PinRequired`, `QuoteNotFound`, `QuoteUsed`, `QuoteExpired`,
    `QuoteChanged`, `PurchaseUnderWay` (the same is being bought already), `UtilityLimitExceeded`, `VendorNotAvailable`, `InsufficientFunds`, `AccountFrozen`.
    """
    with tenant(actor.cluster_id), crash_points("utilities.buy"):
        wallets.require_authorization(actor=actor, authorization=screened.authorization)
        return buy_quote(actor=actor, quote_id=screened.quote_id, now=now)


def buy_quote(*, actor: Actor, quote_id: UUID, now: datetime, is_automated: bool = False) -> PurchaseView:
    """Buy what was quoted; part of the transaction of whoever saw to it that the member wants it: by their PIN now, or by
    the automation that they set up with it. Refuses as `process_one_time_utility_payment`, but for the PIN."""
    refuse_former(actor=actor)
    quote = Quote.objects.filter(cluster_id=actor.cluster_id, id=quote_id, user_id=actor.member_id).first()
    if quote is None:
        raise QuoteNotFound
    provider = refuse_purchase(actor=actor, quote=quote, now=now)
    bill = bills.open_utility_bill(actor=actor, new=_bill(quote, provider, is_automated), now=now)
    if bytes(bill.terms_digest) != bytes(quote.terms_digest):
        raise QuoteChanged
    sold_by = utility_service(name=provider.api_provider).sold_by
    transaction = _record(actor, quote, provider, bill, is_automated, sold_by, now)
    _hold(actor, transaction, now)
    payments.open_attempt(
        transaction=transaction,
        kind=AttemptKind.PURCHASE,
        payable_until=now + _ASKED_EVERY_TEN_MINUTES_FOR,
        now=now,
    )
    enqueue("utilities.vend", cluster_id=actor.cluster_id, purchase_id=transaction.id)
    return purchase_of_member(actor=actor, purchase_id=transaction.id)


def refuse_purchase(*, actor: Actor, quote: Quote, now: datetime) -> UtilityProvider:
    """Refuse what could not be bought now, whatever there is to pay it with: over the day's limit, much for a new number, a
    quote that does not count any more, the same under way, a number that was removed, nobody to buy from. Part of a
    transaction, which holds back the member's other purchases and the number. Answers whose it is."""
    refuse_over_limits(actor=actor, quote=quote, now=now)
    refuse_quote(quote=quote, now=now)
    account = Account.objects.select_for_update(no_key=True).get(cluster_id=actor.cluster_id, id=quote.account_id)
    if not account.number:
        raise ValidationNeeded  # it was removed a moment ago
    same = Purchase.objects.filter(UNDECIDED, cluster_id=actor.cluster_id, account_id=account.id)
    if same.filter(amount_minor=quote.amount_minor).exists():
        raise PurchaseUnderWay
    provider = UtilityProvider.objects.get(id=quote.provider_id)
    utility_service(name=provider.api_provider)
    return provider


def _record(
    actor: Actor,
    quote: Quote,
    provider: UtilityProvider,
    bill: Bill,
    is_automated: bool,
    sold_by: str,
    now: datetime,
) -> Transaction:
    transaction = payments.create_transaction(
        id=new_id(),
        type=TransactionType.UTILITY_PAYMENT,
        status=TransactionStatus.PENDING,
        amount=quote.amount + quote.fee,
        purpose=Purpose.UTILITY,
        user_id=actor.member_id,
        subject_id=bill.id,
        provider=sold_by,
        description=provider.name,
        now=now,
    )
    Purchase.objects.create(
        id=transaction.id,
        cluster_id=actor.cluster_id,
        user_id=actor.member_id,
        bill_id=bill.id,
        quote_id=quote.id,
        account_id=quote.account_id,
        provider_id=provider.id,
        amount_minor=quote.amount_minor,
        fee_minor=quote.fee_minor,
        currency=quote.currency,
        is_automated=is_automated,
        at=now,
    )
    return transaction


def _bill(quote: Quote, provider: UtilityProvider, is_automated: bool) -> UtilityBill:
    return UtilityBill(
        terms=quote_terms(
            quote_id=quote.id,
            provider=provider.name,
            type=BillType(provider.provider_type),
            amount=quote.amount,
            fee=quote.fee,
            at=quote.at,
        ),
        utility_provider_id=provider.id,
        metadata={
            "quote_id": str(quote.id),
            "amount": str(quote.amount),
            "fee": str(quote.fee),
            "service": provider.api_provider,
        },
        is_automated=is_automated,
    )


def _hold(actor: Actor, transaction: Transaction, now: datetime) -> None:
    """Set the money aside in the member's own hold account: it has left the wallet, and nobody has it yet."""
    hold = ledger.open_account(kind=AccountKind.UTILITY_HOLD, currency=transaction.currency, subject_id=actor.member_id)
    entry = Entry(
        id=transaction.id,
        debit=wallets.open_wallet(user_id=actor.member_id, currency=transaction.currency, now=now),
        credit=hold,
        amount=transaction.amount,
        kind=TransferKind.UTILITY_HOLD,
        journal=transaction.id,
    )
    ledger.post(entries=[entry], at=now)
    audit.record(
        actor=actor,
        action="utilities.bought",
        subject_kind="transaction",
        subject_id=transaction.id,
        at=now,
        facts={
            "amount": str(transaction.amount),
            "currency": transaction.currency,
            "provider": transaction.description,
        },
        journal=transaction.id,
    )
