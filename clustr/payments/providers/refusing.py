"""What a client error of a provider means: a refusal, unless it says that something went wrong on the way."""

from __future__ import annotations

import re

from clustr.kit.outbound import OutcomeUnknown
from clustr.payments.providers.declines import decline_type
from clustr.payments.providers.port import ProviderRefused
from clustr.payments.providers.reading import redacted
from clustr.payments.types import PaymentErrorType

_WENT_WRONG = re.compile(r"an error occur|contact support|time[d ]?-? ?out|in progress|being processed|is pending")
"""Cards were debited by calls that answered so, also with a status that blames the request."""


def refusal_of(message: str, *, http_status: int, sure: bool = True) -> ProviderRefused | OutcomeUnknown:
    """The refusal that was answered. Not `sure`, or worded as an accident: then the outcome is unknown."""
    if http_status in (401, 403):
        return ProviderRefused(PaymentErrorType.AUTHENTICATION_ERROR, redacted(message), http_status=http_status)
    if not sure or _WENT_WRONG.search(message.lower()):
        return OutcomeUnknown("accident", http_status=http_status)
    type = decline_type(text=message)
    type = PaymentErrorType.PROVIDER_ERROR if type is PaymentErrorType.UNKNOWN else type
    return ProviderRefused(type, redacted(message), http_status=http_status)
