"""Why services do not sell: their texts as types of ours. Pure."""

from __future__ import annotations

import re

from clustr.payments.providers.port import ProviderRefused
from clustr.payments.types import PaymentErrorType

T = PaymentErrorType

_TEXTS: tuple[tuple[re.Pattern[str], PaymentErrorType], ...] = tuple(
    (re.compile(pattern), type)
    for pattern, type in (
        # Of our own balance with the service: nothing that the member could mend.
        (r"insufficient|low balance|fund(s|ing)? your|wallet balance", T.VENDOR_UNAVAILABLE),
        (r"amount|minimum|maximum|below|exceeds? the", T.AMOUNT_OUT_OF_RANGE),
        (r"limit", T.LIMIT_EXCEEDED),
        (r"meter", T.METER_NOT_FOUND),
        (r"(customer|smart ?card|iuc|account|subscriber|phone|number).*(invalid|not found|not exist|unknown)", T.INVALID_CUSTOMER),
        (r"(invalid|unknown|no such|wrong|could not (find|validate)).*(customer|smart ?card|iuc|account|number)", T.INVALID_CUSTOMER),
        (r"fraud|blacklist", T.FRAUD_SUSPECTED),
    )
)  # fmt: skip


def utility_error_type(*, said: str, otherwise: PaymentErrorType = T.VENDOR_UNAVAILABLE) -> PaymentErrorType:
    """The type of a refusal, by its text."""
    text = " ".join(said.lower().split())
    return next((type for pattern, type in _TEXTS if pattern.search(text)), otherwise)


def utility_refusal(error: ProviderRefused) -> ProviderRefused:
    """The same refusal with a type that speaks of utilities. What concerns our key stays what it is."""
    if error.type is T.AUTHENTICATION_ERROR:
        return error
    return ProviderRefused(utility_error_type(said=error.message), error.message, http_status=error.http_status)
