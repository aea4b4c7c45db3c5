"""Banks for people to choose from, by the code that the provider who pays out knows them by. Whoever's is not among them
types it."""

from __future__ import annotations

from clustr.settlement.queries import payout_provider

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

BY_PROVIDER: dict[str, tuple[tuple[str, str], ...]] = {
    "paystack": (("50211", "Kuda Bank"), ("50515", "Moniepoint MFB"), ("999992", "OPay"), ("999991", "PalmPay")),
    "flutterwave": (("305", "OPay"),),
}
"""Banks without such digits, by the numbers that one provider gives them and another does not know."""


def banks() -> list[tuple[str, str]]:
    """Code and name of each bank that can be paid now, by name."""
    provider = payout_provider()
    others = BY_PROVIDER.get(provider.name, ()) if provider else ()
    return sorted((*CLEARING, *others), key=lambda bank: bank[1])
