"""Quotes: what a purchase would cost, for a number that the utility has just confirmed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings

from clustr.bills.policies import refuse_amount, terms_digest
from clustr.bills.types import BillType
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant, tenant
from clustr.utilities.models import Account, Quote, Validation
from clustr.utilities.policies import (
    number_fingerprint,
    plain_number,
    quote_terms,
    refuse_amount_out_of_range,
    refuse_former,
)
from clustr.utilities.queries import offered_provider, quote_of_member
from clustr.utilities.refusals import UtilityAccountNotFound, ValidationNeeded, ValidationPending
from clustr.utilities.types import QuoteView, ValidationState, Wanted


def quote_utility(*, actor: Actor, wanted: Wanted, now: datetime) -> QuoteView:
    """What this would cost, by the number's latest validation, until that expires.

    Refuses `NotAMemberNow`, `UtilityAccountNotFound`, `UtilityProviderNotFound`, `ValidationNeeded`, `ValidationPending`,
    `AmountOutOfRange`, `CurrencyMismatch`.
    """
    with tenant(actor.cluster_id), crash_points("utilities.quote"):
        quote = make_quote(actor=actor, wanted=wanted, now=now)
        return quote_of_member(actor=actor, quote_id=quote.id)


def make_quote(*, actor: Actor, wanted: Wanted, now: datetime) -> Quote:
    """A quote for what is wanted; part of a command's transaction. Refuses as `quote_utility`."""
    refuse_former(actor=actor)
    refuse_amount(amount=wanted.amount, currency=actor.currency)
    account = _account(actor, wanted)
    provider = offered_provider(actor=actor, provider_id=account.provider_id)
    validation = _validation(account, now)
    refuse_amount_out_of_range(
        amount=wanted.amount,
        fixed=provider.fixed_minor,
        minimum=max(filter(None, (provider.minimum_minor, validation.minimum_minor)), default=None),
        maximum=min(filter(None, (provider.maximum_minor, validation.maximum_minor)), default=None),
    )
    fee = Money(provider.fee_minor if validation.fee_minor is None else validation.fee_minor, actor.currency)
    quote_id = new_id()
    terms = quote_terms(
        quote_id=quote_id,
        provider=provider.name,
        type=BillType(provider.provider_type),
        amount=wanted.amount,
        fee=fee,
        at=now,
    )
    return Quote.objects.create(
        id=quote_id,
        cluster_id=actor.cluster_id,
        user_id=actor.member_id,
        validation_id=validation.id,
        account_id=account.id,
        provider_id=provider.id,
        provider_version=provider.terms_version,
        amount_minor=wanted.amount.minor,
        fee_minor=fee.minor,
        currency=actor.currency,
        terms_digest=terms_digest(terms),
        at=now,
        expires_at=validation.expires_at,
    )


def is_number_of(*, account_id: UUID, typed: str) -> bool:
    """Whether this is the number of that account of the cluster of the transaction under way."""
    account = Account.objects.get(cluster_id=current_tenant(), id=account_id)
    return bytes(account.fingerprint) == _fingerprint(account.provider_id, typed)


def _fingerprint(provider_id: UUID, typed: str) -> bytes:
    key = settings.ENV.derived_key("utility-fingerprint")
    return number_fingerprint(key=key, number=f"{provider_id}\n{plain_number(typed=typed)}")


def _account(actor: Actor, wanted: Wanted) -> Account:
    mine = Account.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id)
    if wanted.account_id is not None:
        account = mine.filter(id=wanted.account_id).exclude(saved_at=None).first()
        if account is None:
            raise UtilityAccountNotFound
        return account
    if wanted.provider_id is None or wanted.customer_id is None:
        raise UtilityAccountNotFound
    provider = offered_provider(actor=actor, provider_id=wanted.provider_id)
    met = mine.filter(provider_id=provider.id, fingerprint=_fingerprint(provider.id, wanted.customer_id)).first()
    if met is None or not met.number:
        raise ValidationNeeded
    return met


def _validation(account: Account, now: datetime) -> Validation:
    """The latest word of the utility about this number, if it still counts."""
    last = (
        Validation.objects.filter(cluster_id=account.cluster_id, account_id=account.id, expires_at__gt=now)
        .order_by("-asked_at", "-id")
        .first()
    )
    if last is None or last.state == ValidationState.REFUSED:
        raise ValidationNeeded
    if last.state == ValidationState.PENDING:
        raise ValidationPending(retry_after_seconds=1)
    return last
