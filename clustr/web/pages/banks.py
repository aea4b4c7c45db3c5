"""Banks for people to choose from, by the code that the provider who pays out knows them by."""

from __future__ import annotations

from clustr.payments.refusals import ProviderNotAvailable, ProviderUnavailable
from clustr.settlement import commands as settlement
from clustr.web.actors import Request

_CLEARED_IN = "NGN"

CLEARING: tuple[tuple[str, str], ...] = (
    ("044", "Access Bank"),
    ("023", "Citibank Nigeria"),
    ("050", "Ecobank Nigeria"),
    ("070", "Fidelity Bank"),
    ("011", "First Bank of Nigeria"),
    ("214", "First City Monument Bank"),
    ("058", "Guaranty Trust Bank"),
    ("301", "Jaiz Bank"),
    ("082", "Keystone Bank"),
    ("076", "Polaris Bank"),
    ("101", "Providus Bank"),
    ("221", "Stanbic IBTC Bank"),
    ("068", "Standard Chartered Bank"),
    ("232", "Sterling Bank"),
    ("100", "Suntrust Bank"),
    ("032", "Union Bank of Nigeria"),
    ("033", "United Bank for Africa"),
    ("215", "Unity Bank"),
    ("035", "Wema Bank"),
    ("057", "Zenith Bank"),
)
"""Commercial banks by their three digits of the clearing system, which every provider takes."""


def banks(request: Request) -> list[tuple[str, str]]:
    """Code and name of each bank that money can be sent to, by name, for an estate's form; asked for outside any transaction.
    Where the provider does not say, those of Nigeria's clearing system; nothing for another currency: then people type it."""
    currency = request.actor.currency
    try:
        listed = settlement.list_banks(currency=currency, now=request.now)
    except (ProviderNotAvailable, ProviderUnavailable):
        return list(CLEARING) if currency == _CLEARED_IN else []
    return [(bank.code, bank.name) for bank in listed]


def bank_names(request: Request) -> dict[str, str]:
    """The name of each bank by its code, as `banks` says."""
    return dict(banks(request))
