"""Whose bank account it is, as the bank says."""

from __future__ import annotations

from clustr.kit.actor import Actor
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.payments.providers.port import NotOffered, ProviderRefused
from clustr.payments.refusals import ProviderNotAvailable, ProviderUnavailable
from clustr.payments.types import PaymentErrorType
from clustr.settlement.queries import payout_provider
from clustr.settlement.refusals import BankAccountNotFound
from clustr.wallets.types import Destination


def resolve_bank_account(*, actor: Actor, bank_code: str, account_number: str) -> Destination:
    """Ask the provider who pays out for the name in which the bank holds this account; outside any transaction. Needs
    TransferFunds. Refuses `BankAccountNotFound`, `ProviderNotAvailable`, `ProviderUnavailable`."""
    actor.require("TransferFunds")
    provider = payout_provider()
    if provider is None:
        raise ProviderNotAvailable
    try:
        name = provider.resolve_account(bank_code=bank_code, account_number=account_number)
    except ProviderRefused as error:
        if error.type is PaymentErrorType.AUTHENTICATION_ERROR:
            raise ProviderNotAvailable from error
        raise BankAccountNotFound from error
    except NotOffered as error:
        raise BankAccountNotFound from error
    except (NothingSent, OutcomeUnknown) as error:
        raise ProviderUnavailable from error
    return Destination(bank_code, account_number, name)
