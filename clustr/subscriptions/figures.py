"""What the figures of analytics mean: sums of a month and the rates that follow from them. Exact, and pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from clustr.kit.money import Money
from clustr.subscriptions.pricing import rounded

_PLACES = 10_000


def rate(part: int, whole: int) -> Decimal | None:
    """A share to four places, a half away from zero; None of nothing."""
    return Decimal(rounded(Fraction(part * _PLACES, whole))).scaleb(-4) if whole else None


@dataclass(frozen=True, slots=True)
class MonthOfRevenue:
    """How the recurring revenue of one currency moved in a month; amounts in minor units, from the month's first instant to
    its end, or to now. `mrr_end` = `mrr_start` + `new` + `reactivation` + `expansion` - `contraction` - `churn`, exactly."""

    month: date
    currency: str
    mrr_start: int
    new: int
    expansion: int
    contraction: int
    churn: int
    reactivation: int
    mrr_end: int
    committed_mrr: int
    customers_start: int
    customers_new: int
    customers_churned: int
    customers_reactivated: int
    customers_end: int

    @property
    def arr(self) -> int:
        return 12 * self.mrr_end

    @property
    def gross_churn(self) -> Decimal | None:
        """Of the revenue at the start, what was lost."""
        return rate(self.contraction + self.churn, self.mrr_start)

    @property
    def net_churn(self) -> Decimal | None:
        """The same less what customers who were there took on top; below zero where that was more."""
        return rate(self.contraction + self.churn - self.expansion, self.mrr_start)

    @property
    def net_revenue_retention(self) -> Decimal | None:
        return rate(self.mrr_start + self.expansion - self.contraction - self.churn, self.mrr_start)

    @property
    def customer_churn(self) -> Decimal | None:
        """Of the customers at the start, who pay nothing at the end."""
        return rate(self.customers_churned, self.customers_start)

    @property
    def revenue_per_customer(self) -> Money | None:
        if not self.customers_end:
            return None
        return Money(rounded(Fraction(self.mrr_end, self.customers_end)), self.currency)

    @property
    def lifetime_value(self) -> Money | None:
        """What a customer brings until they leave, if they go on leaving as in this month; None where nobody left."""
        if not (self.customers_churned and self.customers_start and self.customers_end):
            return None
        worth = Fraction(self.mrr_end * self.customers_start, self.customers_end * self.customers_churned)
        return Money(rounded(worth), self.currency)


@dataclass(frozen=True, slots=True)
class CohortMonth:
    """Of the customers whose first payment fell into `cohort`, who still pays `age` months later, and what."""

    cohort: date
    currency: str
    age: int
    began: int
    customers: int
    mrr: int

    @property
    def retention(self) -> Decimal | None:
        return rate(self.customers, self.began)


@dataclass(frozen=True, slots=True)
class Standing:
    """The recurring revenue as it stands now, in minor units of a currency. `trial_mrr`: what trials will bring, before
    coupons, if all go on; `committed_trials`: how many of them are not about to be cancelled."""

    currency: str
    mrr: int
    committed_mrr: int
    customers: int
    trials: int
    committed_trials: int
    trial_mrr: int
    past_due_mrr: int
