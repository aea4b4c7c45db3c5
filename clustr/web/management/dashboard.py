"""`/management/payments/dashboard/`: the office's first page."""

from __future__ import annotations

from datetime import date

from django.http import HttpResponse
from ninja import Router
from pydantic import Field

from clustr.bills.dashboard import Dashboard, dashboard_of
from clustr.bills.types import MemberStatus
from clustr.web.door import Request, read
from clustr.web.management.disputes import DisputeOut, dispute_out
from clustr.web.money_schemas import TransactionOut, transaction_out
from clustr.web.schemas import AmountOut, Currency, Out

router = Router(tags=["Dashboard"])


class TotalsOut(Out):
    """Of all bills that are not cancelled."""

    billed: AmountOut
    collected: AmountOut
    outstanding: AmountOut
    overdue: AmountOut = Field(description="The part of `outstanding` whose due date has passed.")
    currency: Currency


class BalanceOut(Out):
    """What a wallet holds."""

    balance: AmountOut
    currency: Currency


class MonthOut(Out):
    """What bills brought in in one month, net of refunds."""

    month: str = Field(examples=["2027-01"])
    amount: AmountOut


class AgeBandOut(Out):
    """What has been overdue for some time."""

    upto_days: int | None = Field(
        description="Overdue by at most so many days, and more than the band before; null: longer."
    )
    bills: int
    amount: AmountOut


class CurveDayOut(Out):
    """Both running sums up to the end of one of the cluster's days."""

    day: date
    billed: AmountOut = Field(description="What bills issued since the curve's first day ask for.")
    collected: AmountOut = Field(description="What came in since, net of refunds.")


class OpenDisputesOut(Out):
    """The disputes that wait for an answer."""

    count: int
    latest: list[DisputeOut]


class DashboardOut(Out):
    """The office's first page."""

    totals: TotalsOut
    bills_by_status: dict[MemberStatus, int]
    cluster_wallet: BalanceOut | None = Field(description="Null without ViewWallet.")
    collections: list[MonthOut] = Field(description="The last twelve months in the cluster's time zone, this one last.")
    ageing: list[AgeBandOut] = Field(description="`totals.overdue` by how long it has been.")
    collection_curve: list[CurveDayOut] = Field(description="The last ninety days, today last.")
    latest_transactions: list[TransactionOut]
    open_disputes: OpenDisputesOut


@router.get("dashboard/", response=DashboardOut, summary="Dashboard")
def get_dashboard(request: Request) -> HttpResponse:
    """How much was billed and came in, how the bills stand, what happened lately. Needs ViewPayments."""
    return read(request, lambda: _out(dashboard_of(actor=request.actor, now=request.now)))


def _out(seen: Dashboard) -> DashboardOut:
    figures = seen.figures
    sums, wallet = figures.sums, figures.cluster_wallet
    return DashboardOut(
        totals=TotalsOut(
            billed=str(sums.billed),
            collected=str(sums.collected),
            outstanding=str(sums.outstanding),
            overdue=str(sums.overdue),
            currency=sums.billed.currency,
        ),
        bills_by_status=sums.counts,
        cluster_wallet=BalanceOut(balance=str(wallet), currency=wallet.currency) if wallet else None,
        collections=[MonthOut(month=f"{month:%Y-%m}", amount=str(sum_)) for month, sum_ in figures.collections.items()],
        ageing=[AgeBandOut(upto_days=b.upto_days, bills=b.bills, amount=str(b.amount)) for b in figures.ageing],
        collection_curve=[
            CurveDayOut(day=d.day, billed=str(d.billed), collected=str(d.collected)) for d in figures.curve
        ],
        latest_transactions=[transaction_out(view) for view in seen.latest_transactions],
        open_disputes=OpenDisputesOut(
            count=figures.open_disputes, latest=[dispute_out(view) for view in seen.latest_disputes]
        ),
    )
