"""What a client error of a provider means: a refusal, unless it says that something went wrong on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from clustr.kit.outbound import OutcomeUnknown
from clustr.payments.providers.declines import decline_type
from clustr.payments.providers.port import NoSuchAccount, ProviderRefused
from clustr.payments.providers.reading import redacted
from clustr.payments.types import PaymentErrorType

_WENT_WRONG = re.compile(r"an error occur|contact support|time[d ]?-? ?out|in progress|being processed|is pending")
"""Cards were debited by calls that answered so, also with a status that blames the request."""

_NO_ACCOUNT = re.compile(
    r"unknown bank|bank code is invalid|invalid bank|account number is invalid|invalid account|account (is )?closed"
    r"|no such account|account (was )?not found|account does not exist"
)
"""What is said only of a bank or a number that is wrong. Both providers' usual answer is none of these: "Could not resolve account
name. Check parameters or try again." and "Sorry, recipient account could not be validated. Please try again" are said of an
account that there is not, and of every account while its bank does not answer."""


def refusal_of(message: str, *, http_status: int, sure: bool = True) -> ProviderRefused | OutcomeUnknown:
    """The refusal that was answered. Not `sure`, or worded as an accident: then the outcome is unknown."""
    if http_status in (401, 403):
        return ProviderRefused(PaymentErrorType.AUTHENTICATION_ERROR, redacted(message), http_status=http_status)
    if not sure or _WENT_WRONG.search(message.lower()):
        return OutcomeUnknown("accident", http_status=http_status)
    type = decline_type(text=message)
    type = PaymentErrorType.PROVIDER_ERROR if type is PaymentErrorType.UNKNOWN else type
    return ProviderRefused(type, redacted(message), http_status=http_status)


@contextmanager
def asking_about_an_account() -> Iterator[None]:
    """A refusal in words that leave no doubt that there is no such account is `NoSuchAccount`."""
    try:
        yield
    except ProviderRefused as error:
        if error.type is not PaymentErrorType.AUTHENTICATION_ERROR and _NO_ACCOUNT.search(error.message.lower()):
            raise NoSuchAccount(error.type, error.message, http_status=error.http_status) from None
        raise
