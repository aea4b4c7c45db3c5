"""The plans on offer, as the setting SUBSCRIPTION_PLANS gives them, and what it gives where it is empty. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from clustr.kit.money import DECIMALS
from clustr.subscriptions.types import LEVELS, FeatureType

CURRENCY = "USD"
"""What `price_monthly` and `price_yearly` are in."""

DEFAULT_PLANS: dict[str, dict[str, Any]] = {
    "free": {
        "name": "Free",
        "description": "To try it, with a cap on what is used.",
        "price_monthly": 0,
        "price_yearly": 0,
        "features": ["bills", "payments"],
        "ai_responses_limit": 50,
        "document_uploads_limit": 5,
        "storage_limit_gb": 1,
        "chat_messages_limit": 100,
        "assessments_limit": 5,
    },
    "basic": {
        "name": "Basic",
        "description": "For one person, or for a small estate.",
        "price_monthly": 1900,
        "price_yearly": 19_000,
        "prices": {"NGN": {"month": 2_900_000, "year": 29_000_000}},
        "trial_days": 14,
        "features": ["bills", "payments", "reports"],
        "ai_responses_limit": 500,
        "document_uploads_limit": 50,
        "storage_limit_gb": 10,
        "chat_messages_limit": 1_000,
        "assessments_limit": 50,
    },
    "pro": {
        "name": "Pro",
        "description": "For those who use it all day; what goes beyond is charged by the unit.",
        "price_monthly": 4900,
        "price_yearly": 49_000,
        "prices": {"NGN": {"month": 7_500_000, "year": 75_000_000}},
        "trial_days": 14,
        "features": ["bills", "payments", "reports", "automation"],
        "ai_responses_limit": 5_000,
        "document_uploads_limit": 500,
        "storage_limit_gb": 100,
        "chat_messages_limit": 10_000,
        "assessments_limit": 500,
        "overage": {"ai_responses": {"USD": "1", "NGN": "1500"}, "chat_messages": {"USD": "0.5", "NGN": "750"}},
    },
    "enterprise": {
        "name": "Enterprise",
        "description": "Everything, with high limits.",
        "price_monthly": 19_900,
        "price_yearly": 199_000,
        "prices": {"NGN": {"month": 30_000_000, "year": 300_000_000}},
        "trial_days": 30,
        "features": ["bills", "payments", "reports", "automation", "support"],
        "ai_responses_limit": 100_000,
        "document_uploads_limit": 10_000,
        "storage_limit_gb": 2_000,
        "chat_messages_limit": 200_000,
        "assessments_limit": 10_000,
        "overage": {"ai_responses": {"USD": "0.5", "NGN": "750"}, "chat_messages": {"USD": "0.2", "NGN": "300"}},
    },
}

DEFAULT_PACKS: dict[str, dict[str, Any]] = {
    "ai_responses_500": {"feature": "ai_responses", "units": 500, "prices": {"USD": 900, "NGN": 1_400_000}},
    "document_uploads_50": {"feature": "document_uploads", "units": 50, "prices": {"USD": 500, "NGN": 800_000}},
    "chat_messages_1000": {"feature": "chat_messages", "units": 1_000, "prices": {"USD": 700, "NGN": 1_100_000}},
}
"""Units that subscribers buy in advance by themselves, on top of their plan."""

_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_LIMITS = {"storage_limit_gb": FeatureType.STORAGE_GB} | {f"{feature}_limit": feature for feature in FeatureType}
_KNOWN = {"name", "description", "price_monthly", "price_yearly", "prices", "trial_days", "features", "overage"}


class CatalogueWrong(ValueError):
    """SUBSCRIPTION_PLANS does not say what a plan is, or USAGE_PACKS what a pack."""


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """What a version of a plan says. Prices in minor units; limits in units, None for none."""

    code: str
    name: str
    description: str
    price_monthly: int
    price_yearly: int
    prices: dict[str, dict[str, int]]
    features: list[str]
    limits: dict[str, int | None]
    overage: dict[str, dict[str, str]]
    trial_days: int


def read_catalogue(plans: Mapping[str, Mapping[str, Any]]) -> list[PlanTerms]:
    """The plans of a setting, in its order. Raises CatalogueWrong and says where."""
    return [_read(code, said) for code, said in plans.items()]


@dataclass(frozen=True, slots=True)
class PackTerms:
    """Units of a feature, bought in advance for the period under way. `prices`: minor units by currency."""

    code: str
    feature: FeatureType
    units: int
    prices: dict[str, int]


def read_packs(packs: Mapping[str, Mapping[str, Any]]) -> list[PackTerms]:
    """The packs of a setting, in its order. Raises CatalogueWrong and says where."""
    return [_read_pack(code, said) for code, said in packs.items()]


def costs(terms: PlanTerms) -> bool:
    """Whether anybody is ever charged for this plan."""
    return bool(terms.price_monthly or terms.price_yearly or terms.prices or terms.overage)


def _read(code: str, said: Mapping[str, Any]) -> PlanTerms:
    def fail(what: str) -> CatalogueWrong:
        return CatalogueWrong(f"SUBSCRIPTION_PLANS, plan {code!r}: {what}")

    if not _CODE.fullmatch(code):
        raise fail("its code is not small letters, digits and underscores")
    unknown = set(said) - _KNOWN - set(_LIMITS)
    if unknown:
        raise fail(f"nothing is known of {', '.join(sorted(unknown))}")
    prices = {currency: dict(by) for currency, by in said.get("prices", {}).items()}
    if not all(currency in DECIMALS and set(by) == {"month", "year"} for currency, by in prices.items()):
        raise fail("a price in another currency is given for a month and a year")
    amounts = [
        said.get("price_monthly", 0),
        said.get("price_yearly", 0),
        *(n for by in prices.values() for n in by.values()),
    ]
    limits = {_LIMITS[key].value: value for key, value in said.items() if key in _LIMITS}
    if not all(
        _whole(n) for n in (*amounts, said.get("trial_days", 0), *(n for n in limits.values() if n is not None))
    ):
        raise fail("prices, limits and days are whole numbers, not below zero")
    if said.get("trial_days", 0) > 730:
        raise fail("a trial lasts 730 days at most")
    overage = {feature: dict(by) for feature, by in said.get("overage", {}).items()}
    for feature, by in overage.items():
        if limits.get(feature) is None or not all(c in DECIMALS and _price(text) for c, text in by.items()):
            raise fail(f"overage of {feature} needs a limit and a price by currency, as text")
    return PlanTerms(
        code=code,
        name=str(said.get("name") or code.title()),
        description=str(said.get("description", "")),
        price_monthly=amounts[0],
        price_yearly=amounts[1],
        prices=prices,
        features=list(said.get("features", [])),
        limits=limits,
        overage=overage,
        trial_days=said.get("trial_days", 0),
    )


def _read_pack(code: str, said: Mapping[str, Any]) -> PackTerms:
    feature, units, prices = said.get("feature"), said.get("units", 0), said.get("prices", {})
    counted = {one.value for one in FeatureType} - {one.value for one in LEVELS}
    priced = all(currency in DECIMALS and _whole(minor) and minor for currency, minor in prices.items())
    if not (_CODE.fullmatch(code) and feature in counted and _whole(units) and units and prices and priced):
        raise CatalogueWrong(
            f"USAGE_PACKS, pack {code!r}: it holds units of a feature that is counted, for prices by currency"
        )
    return PackTerms(code, FeatureType(feature), units, dict(prices))


def _whole(value: object) -> bool:
    return type(value) is int and value >= 0


def _price(text: object) -> bool:
    try:
        return isinstance(text, str) and Decimal(text).is_finite() and Decimal(text) >= 0
    except InvalidOperation:
        return False
