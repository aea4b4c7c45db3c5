"""Whose bank account it is, as the bank says; and which banks there are. The provider who pays out is asked, outside any
transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from clustr.kit.actor import Actor
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.payments.providers.nouns import Bank
from clustr.payments.providers.port import NoSuchAccount, NotOffered, PaymentProvider, ProviderRefused
from clustr.payments.refusals import ProviderNotAvailable, ProviderUnavailable
from clustr.payments.types import PaymentErrorType
from clustr.settlement.queries import payout_provider
from clustr.settlement.refusals import AccountNameRequired, BankAccountNotFound
from clustr.wallets.refusals import AccountNameDiffers
from clustr.wallets.types import Destination

_KEEP_BANKS = timedelta(hours=12)
_AFTER_SILENCE = timedelta(minutes=1)
_LONGEST_NAME = 200

_Listed = tuple[datetime, tuple[Bank, ...]]
_banks: WeakKeyDictionary[PaymentProvider, dict[str, _Listed]] = WeakKeyDictionary()
"""What each provider listed last for a currency, and until when it is not asked again; for this process."""


def resolve_bank_account(*, actor: Actor, bank_code: str, account_number: str) -> Destination:
    """Ask for the name in which the bank holds this account, to send the estate's money there; outside any transaction.
    Needs TransferFunds. Refuses `BankAccountNotFound`, `ProviderNotAvailable`, `ProviderUnavailable`."""
    actor.require("TransferFunds")
    return resolve_own_account(actor=actor, bank_code=bank_code, account_number=account_number)


def resolve_own_account(*, actor: Actor, bank_code: str, account_number: str) -> Destination:
    """As `resolve_bank_account`, for somebody who withdraws money of their own."""
    try:
        name = _holder(bank_code, account_number, actor.currency)
    except NotOffered as error:
        raise ProviderNotAvailable from error
    return Destination(bank_code, account_number, account_name=name, holder=name)


def name_destination(*, actor: Actor, destination: Destination, seen_name: str | None) -> Destination:
    """With the name that the bank holds it in, for money that is to go there; outside any transaction. `seen_name`: the name
    that was shown to whoever sends it, "" where none could be; None: they did not look.

    An account that there is not is refused. Where nobody can say whose it is, and no name was seen, it has no holder; where
    nobody ever will, because accounts in this currency are not named, it must have been named by whoever sends.
    Refuses `BankAccountNotFound`, `AccountNameDiffers` (the name is not the one that was seen), `AccountNameRequired`, and where
    a name was seen `ProviderNotAvailable`, `ProviderUnavailable`.
    """
    try:
        holder = _holder(destination.bank_code, destination.account_number, actor.currency)
    except NotOffered as error:
        if not destination.account_name.strip():
            raise AccountNameRequired from error
        if seen_name:
            raise ProviderNotAvailable from error
        holder = ""
    except (ProviderNotAvailable, ProviderUnavailable):
        if seen_name:
            raise
        holder = ""
    if seen_name is not None and seen_name != holder:
        raise AccountNameDiffers
    return replace(destination, holder=holder)


def list_banks(*, currency: str, now: datetime) -> tuple[Bank, ...]:
    """The banks that money of this currency can be sent to, by name. They are asked for twice a day, outside any transaction;
    what was listed before serves while the provider is silent. Refuses `ProviderNotAvailable`, `ProviderUnavailable`."""
    provider = payout_provider()
    if provider is None:
        raise ProviderNotAvailable
    kept = _banks.setdefault(provider, {})
    until, banks = kept.get(currency, (now, ()))
    if not now < until <= now + _KEEP_BANKS:
        try:
            with _said_by_provider():
                banks, until = provider.list_banks(currency=currency), now + _KEEP_BANKS
        except NotOffered as error:
            raise ProviderNotAvailable from error
        except (ProviderUnavailable, ProviderRefused):
            until = now + _AFTER_SILENCE
        kept[currency] = until, tuple(sorted(banks, key=lambda bank: bank.name.casefold()))
    if not kept[currency][1]:
        raise ProviderUnavailable
    return kept[currency][1]


def _holder(bank_code: str, account_number: str, currency: str) -> str:
    """As the bank says. That there is no such account counts where the provider is sure of it; what it refuses else is no more
    than silence: it refuses so too while the bank does not answer. Raises `NotOffered` as the port does."""
    provider = payout_provider()
    if provider is None:
        raise ProviderNotAvailable
    try:
        with _said_by_provider():
            name = provider.resolve_account(bank_code=bank_code, account_number=account_number, currency=currency)
    except NoSuchAccount as error:
        raise BankAccountNotFound from error
    except ProviderRefused as error:
        raise ProviderUnavailable from error
    return " ".join(name.split())[:_LONGEST_NAME]


@contextmanager
def _said_by_provider() -> Iterator[None]:
    """Silence and a refused key are refusals of ours; what the provider refuses else, or does not offer, stays."""
    try:
        yield
    except ProviderRefused as error:
        if error.type is PaymentErrorType.AUTHENTICATION_ERROR:
            raise ProviderNotAvailable from error
        raise
    except (NothingSent, OutcomeUnknown) as error:
        raise ProviderUnavailable from error
