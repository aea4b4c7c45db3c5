"""What a payer pays on top where the payer bears the provider's fee. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings

from clustr.kit.money import Money


@dataclass(frozen=True, slots=True)
class FeeRule:
    """A provider's price of a payment in one currency: basis points of it and a fixed part, together at most `cap`; below
    `fixed_from` the fixed part is waived. All in minor units; a cap of 0 is none."""

    basis_points: int
    fixed: int
    cap: int
    fixed_from: int

    def on(self, charged: int) -> int:
        """The fee on a payment of so much, rounded up."""
        fee = -(-charged * self.basis_points // 10_000) + (self.fixed if charged >= self.fixed_from else 0)
        return min(fee, self.cap) if self.cap else fee


def surcharge_on(*, provider: str, amount: Money) -> int:
    """The least, in minor units, that a payer must pay on top so that the whole amount is left after the provider's fee;
    0 where no price is known (PROVIDER_FEES)."""
    rule = fee_rules(settings.ENV.PROVIDER_FEES).get((provider, amount.currency))
    if rule is None:
        return 0
    surcharge = rule.on(amount.minor)
    while amount.minor + surcharge - rule.on(amount.minor + surcharge) < amount.minor:
        surcharge += amount.minor - (amount.minor + surcharge - rule.on(amount.minor + surcharge))
    return surcharge


@lru_cache(maxsize=4)
def fee_rules(text: str) -> dict[tuple[str, str], FeeRule]:
    """Read PROVIDER_FEES: `provider:CURRENCY:basis points:fixed:cap:fixed from`, comma-separated, in major units."""
    rules = {}
    for part in filter(None, map(str.strip, text.split(","))):
        provider, currency, points, fixed, cap, fixed_from = part.split(":")
        amounts = [Money.parse(amount, currency).minor for amount in (fixed, cap, fixed_from)]
        rules[provider, currency] = FeeRule(int(points), *amounts)
    return rules
