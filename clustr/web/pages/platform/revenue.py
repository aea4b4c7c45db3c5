"""How the sale of plans goes, for the platform's staff: recurring revenue, and what customers use. Defined in
docs/analytics.md; every figure says there what it is, and here a click away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.http import HttpResponse

from clustr.kit.money import Money
from clustr.subscriptions import behaviour_queries as behaviour
from clustr.subscriptions import revenue_queries as queries
from clustr.subscriptions.figures import MonthOfRevenue
from clustr.subscriptions.queries import plan_names
from clustr.web.actors import Request
from clustr.web.pages.frame import Context, look
from clustr.web.pages.office.charts import months_of
from clustr.web.pages.platform import words
from clustr.web.pages.platform.frame import customer_page
from clustr.web.pages.platform.plots import GAINS, LOSSES, adoption_of, cohorts_of, movements_of, percent_of, trends_of

_SPANS = (6, 12, 24)
_RATES = ("gross_churn", "net_churn", "net_revenue_retention", "customer_churn")


@customer_page(staff=True)
def revenue(request: Request) -> HttpResponse:
    """GET /platform/revenue/: recurring revenue now and month by month, how it moved, what was lost, and cohorts; one
    currency at a time, since they never mix. For platform staff."""
    span = _span(request)

    def work() -> Context:
        actor, now = request.actor, request.now
        months = queries.revenue_by_month(actor=actor, months=span, now=now)
        standing = {one.currency: one for one in queries.revenue_now(actor=actor)}
        currencies = sorted({month.currency for month in months} | set(standing))
        asked = request.GET.get("currency", "")
        currency = asked if asked in currencies else next(iter(currencies), "")
        mine = [month for month in months if month.currency == currency]
        kept = [one for one in queries.cohorts(actor=actor, months=span, now=now) if one.currency == currency]
        return {
            "currencies": currencies,
            "currency": currency,
            "span": span,
            "spans": _SPANS,
            "now": standing.get(currency),
            "sums": _sums(mine),
            "rates": _rates(mine),
            "mrr": months_of({month.month: Money(month.mrr_end, currency) for month in mine}) if mine else None,
            "movements": movements_of(mine) if mine else None,
            "kinds": [(kind, *words.MOVEMENT[kind]) for kind in (*GAINS, *LOSSES)],
            "rows": [_row(month) for month in reversed(_since_first(mine))],
            "cohorts": (found := cohorts_of(kept)),
            "ages": range(max((len(one.cells) for one in found), default=0)),
        }

    return look(request, "pages/platform/revenue.html", work)


@customer_page(staff=True)
def trends(request: Request) -> HttpResponse:
    """GET /platform/trends/: what customers use, which features of which plan, and why those go who go. For platform staff."""
    span = _span(request)

    def work() -> Context:
        since = request.now - timedelta(days=31 * span)
        gone = behaviour.cancellation_reasons(actor=request.actor, since=since)
        return {
            "span": span,
            "spans": _SPANS,
            "trends": trends_of(behaviour.usage_trends(actor=request.actor, since=since)),
            "plans": plan_names(),
            "adoption": adoption_of(behaviour.feature_adoption(actor=request.actor)),
            "reasons": [(words.WHY_THEY_GO[one.reason], one, Money(one.monthly, one.currency)) for one in gone],
        }

    return look(request, "pages/platform/trends.html", work)


def _span(request: Request) -> int:
    asked = request.GET.get("months", "")
    return int(asked) if asked in map(str, _SPANS) else 12


def _sums(months: Sequence[MonthOfRevenue]) -> list[dict[str, Any]]:
    """The present month's amounts, each with what it is."""
    if not months:
        return []
    last = months[-1]
    amounts: dict[str, Money | None] = {
        "mrr": Money(last.mrr_end, last.currency),
        "arr": Money(last.arr, last.currency),
        "committed_mrr": Money(last.committed_mrr, last.currency),
        "revenue_per_customer": last.revenue_per_customer,
        "lifetime_value": next((month.lifetime_value for month in reversed(months) if month.lifetime_value), None),
    }
    return [_figure(name, amount=amount) for name, amount in amounts.items()]


def _rates(months: Sequence[MonthOfRevenue]) -> list[dict[str, Any]]:
    """Shares of the last month that is over, beside the present one as far as it has come."""
    if not months:
        return []
    last, before = months[-1], months[-2] if len(months) > 1 else None
    return [
        _figure(
            name,
            share=percent_of(getattr(last, name)),
            before=percent_of(getattr(before, name)) if before else "",
            month=before.month if before else None,
        )
        for name in _RATES
    ]


def _since_first(months: Sequence[MonthOfRevenue]) -> list[MonthOfRevenue]:
    """From the first month on in which anything was."""
    first = next((n for n, month in enumerate(months) if month.mrr_start or month.mrr_end), len(months))
    return list(months[first:]) or list(months[-1:])


def _figure(name: str, **more: Any) -> dict[str, Any]:
    label, formula = words.FIGURE[name]
    return {"name": name, "label": label, "formula": formula, **more}


def _row(month: MonthOfRevenue) -> dict[str, Any]:
    """One month in a table: its sums add up, across."""
    amounts = ("mrr_start", *GAINS, *LOSSES, "mrr_end")
    return {
        "month": month.month,
        **{name: Money(getattr(month, name), month.currency) for name in amounts},
        **{name: percent_of(getattr(month, name)) for name in _RATES},
        "customers": month.customers_end,
        "lifetime_value": month.lifetime_value,
    }
