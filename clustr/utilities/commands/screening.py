"""What is looked at before a purchase: how fast, how much, for how new a number, with which PIN. What is stopped is noted
and its member told, in a commit of its own: the purchase's would be undone with it."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import F, Sum

from clustr.audit import commands as audit
from clustr.audit.types import Bucket
from clustr.clusters import queries as clusters
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.errors import Refusal, refusals_from_database
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant, tenant
from clustr.payments.states import TransactionStatus
from clustr.utilities.commands.quoting import is_number_of, make_quote
from clustr.utilities.models import Account, Purchase, Quote, UtilityProvider
from clustr.utilities.notices import tell_of_block, tell_of_blocked_questions
from clustr.utilities.policies import DAY, refuse_former
from clustr.utilities.queries import of_status
from clustr.utilities.refusals import (
    QuoteChanged,
    QuoteExpired,
    QuoteNotFound,
    QuoteUsed,
    UtilityAccountCooling,
    UtilityLimitExceeded,
    UtilityPinNeeded,
    UtilityTooFast,
)
from clustr.utilities.types import Screened, Wanted
from clustr.wallets import commands as wallets
from clustr.wallets import queries as wallet_queries

_BOUGHT = (
    TransactionStatus.PENDING,
    TransactionStatus.PROCESSING,
    TransactionStatus.UNKNOWN,
    TransactionStatus.COMPLETED,
)
_BLOCKING = (UtilityAccountCooling, UtilityLimitExceeded, UtilityPinNeeded, UtilityTooFast)
_TOLD_ONCE_IN = timedelta(hours=1)
_OF_A_DEVICE = 20
"""How much more often than a member a device may ask: it is known by its address and client only, and the people of one
estate may share both."""


def screen_purchase(*, actor: Actor, wanted: Wanted, pin: str | None, now: datetime) -> Screened:
    """Look at a purchase before it is made, outside any transaction: what was quoted, how fast and how much this member
    buys, how new the number is, and the PIN. Answers what `process_one_time_utility_payment` goes by.

    A blocked attempt stays in the trail, and its member is told. Refuses as `quote_utility`, and `QuoteNotFound`,
    `QuoteExpired`, `QuoteChanged`, `QuoteUsed`, `UtilityTooFast`, `UtilityLimitExceeded`, `UtilityAccountCooling`,
    `UtilityPinNeeded`, `PinIncorrect`, `PinLocked`.
    """
    refuse_former(actor=actor)
    with tenant(actor.cluster_id), crash_points("utilities.screen"):
        quote = find_quote(actor=actor, wanted=wanted, now=now)
    try:
        _refuse_too_fast(actor, quote.account_id)
        with tenant(actor.cluster_id):
            refuse_over_limits(actor=actor, quote=quote, now=now)
            has_pin = wallet_queries.my_wallet(actor=actor).has_pin
        if quote.amount_minor >= high_amount(currency=quote.currency).minor and not has_pin:
            raise UtilityPinNeeded
    except _BLOCKING as refusal:
        _note_blocked(actor, quote, refusal, now)
        raise
    authorization = wallets.authorize_spend(actor=actor, pin=pin, now=now) if pin else None
    return Screened(quote.id, authorization)


def take_validation_turn(*, actor: Actor, provider_id: UUID, now: datetime) -> None:
    """Count a question whose number it is, outside any transaction: the answers are names. One too many stays in the trail,
    and its member is told. Refuses `NotAMemberNow`, `UtilityTooFast`."""
    refuse_former(actor=actor)
    each = settings.ENV.UTILITY_VALIDATIONS_PER_MINUTE
    wait = audit.take_turn(
        Bucket(f"utility-ask:{actor.member_id}", each, 2 * each),
        Bucket(f"utility-ask-from:{_device(actor)}", _OF_A_DEVICE * each, 5 * _OF_A_DEVICE * each),
    )
    if wait <= 0:
        return
    refusal = UtilityTooFast(retry_after_seconds=ceil(wait))
    with tenant(actor.cluster_id), crash_points("utilities.blocked"):
        audit.record(
            actor=actor,
            action="utilities.validation_blocked",
            subject_kind="utility_provider",
            subject_id=provider_id,
            at=now,
        )
        tell_of_blocked_questions(cluster_id=actor.cluster_id, user_id=actor.member_id, why=refusal.detail, now=now)
    raise refusal


def find_quote(*, actor: Actor, wanted: Wanted, now: datetime) -> Quote:
    """The quote that a purchase goes by: the one it names, or a new one from the number's latest validation; part of a
    command's transaction."""
    if wanted.quote_id is None:
        return make_quote(actor=actor, wanted=wanted, now=now)
    mine = Quote.objects.filter(cluster_id=actor.cluster_id, id=wanted.quote_id, user_id=actor.member_id)
    quote = mine.first()
    if quote is None or wanted.account_id not in (None, quote.account_id):
        raise QuoteNotFound
    refuse_quote(quote=quote, now=now)
    if wanted.amount != quote.amount or wanted.provider_id not in (None, quote.provider_id):
        raise QuoteChanged
    if wanted.customer_id is not None and not is_number_of(account_id=quote.account_id, typed=wanted.customer_id):
        raise QuoteChanged
    return quote


def refuse_quote(*, quote: Quote, now: datetime) -> None:
    """Refuse a quote that does not count any more: bought, expired, or of a price that has changed."""
    if Purchase.objects.filter(cluster_id=quote.cluster_id, quote_id=quote.id).exists():
        raise QuoteUsed
    if now >= quote.expires_at:
        raise QuoteExpired
    provider = UtilityProvider.objects.get(id=quote.provider_id)
    if not provider.is_active or provider.terms_version != quote.provider_version:
        raise QuoteChanged


def refuse_over_limits(*, actor: Actor, quote: Quote, now: datetime) -> None:
    """Refuse more than a member may buy within a day, or much for a number that is new; part of a transaction, which holds
    back the member's other purchases until it ends."""
    lock_purchases(cluster_id=actor.cluster_id, user_id=actor.member_id)
    if quote.amount_minor >= high_amount(currency=quote.currency).minor:
        account = Account.objects.get(cluster_id=actor.cluster_id, id=quote.account_id)
        wait = account.met_at + timedelta(minutes=settings.ENV.UTILITY_COOLING_MINUTES) - now
        if wait > timedelta(0):
            raise UtilityAccountCooling(retry_after_seconds=ceil(wait.total_seconds()))
    bought = Purchase.objects.filter(
        of_status(*_BOUGHT), cluster_id=actor.cluster_id, user_id=actor.member_id, at__gt=now - DAY
    ).aggregate(sum=Sum(F("amount_minor") + F("fee_minor")))["sum"]
    limit = Money.parse(settings.ENV.UTILITY_DAILY_LIMIT, quote.currency).minor
    if (bought or 0) + quote.amount_minor + quote.fee_minor > limit:
        raise UtilityLimitExceeded


def lock_purchases(*, cluster_id: UUID, user_id: UUID) -> None:
    """Hold back a member's other purchases until the transaction under way ends."""
    with refusals_from_database(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"utilities:{cluster_id}:{user_id}"])


def _refuse_too_fast(actor: Actor, account_id: UUID) -> None:
    each = settings.ENV.UTILITY_PURCHASES_PER_MINUTE
    wait = audit.take_turn(
        Bucket(f"utility-buy:{actor.member_id}", each, 2 * each),
        Bucket(f"utility-buy-for:{account_id}", max(1, each // 2), each),
        Bucket(f"utility-buy-from:{_device(actor)}", _OF_A_DEVICE * each, 5 * _OF_A_DEVICE * each),
    )
    if wait > 0:
        raise UtilityTooFast(retry_after_seconds=ceil(wait))


def _note_blocked(actor: Actor, quote: Quote, refusal: Refusal, now: datetime) -> None:
    with tenant(actor.cluster_id), crash_points("utilities.blocked"):
        audit.record(
            actor=actor,
            action="utilities.purchase_blocked",
            subject_kind="utility_account",
            subject_id=quote.account_id,
            at=now,
            facts={"why": refusal.code, "amount": str(quote.amount), "currency": quote.currency},
        )
        told = _told_lately(actor, now)
        if not told:
            account = Account.objects.get(cluster_id=actor.cluster_id, id=quote.account_id)
            tell_of_block(account=account, amount=quote.amount, why=refusal.detail, now=now)


def note_blocked_automation(*, account_id: UUID, amount: Money, refusal: Refusal, now: datetime) -> None:
    """Have a purchase that was to be made by itself, and that one of these rules stopped, stay in the trail, and tell its
    member; part of the transaction that learnt it."""
    account = Account.objects.get(cluster_id=current_tenant(), id=account_id)
    audit.record(
        actor=clusters.system_actor(cluster_id=account.cluster_id),
        action="utilities.purchase_blocked",
        subject_kind="utility_account",
        subject_id=account.id,
        at=now,
        facts={"why": refusal.code, "amount": str(amount), "currency": amount.currency},
    )
    tell_of_block(account=account, amount=amount, why=refusal.detail, now=now, automated=True)


def _told_lately(actor: Actor, now: datetime) -> bool:
    """Whether an attempt of this member's was blocked within the hour before this one: then they know."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM audit_event WHERE cluster_id = %s AND actor_id = %s AND at > %s"
            " AND action = 'utilities.purchase_blocked'",
            [current_tenant(), actor.user_id, now - _TOLD_ONCE_IN],
        )
        return int(cursor.fetchone()[0]) > 1


def _device(actor: Actor) -> str:
    """Where a request comes from, as far as it tells: a digest of its address and client."""
    return hashlib.sha256(f"{actor.origin.ip}\n{actor.origin.user_agent}".encode()).hexdigest()[:32]


def high_amount(*, currency: str) -> Money:
    """From which amount on a purchase needs a PIN, and a number that is not new."""
    return Money.parse(settings.ENV.UTILITY_HIGH_AMOUNT, currency)
