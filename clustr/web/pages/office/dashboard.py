"""The office's first page: how the estate's money stands, and what waits for somebody."""

from __future__ import annotations

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from clustr.bills.arrears import members_in_arrears
from clustr.bills.dashboard import dashboard_of
from clustr.bills.office_queries import BillFilter, bills_of_cluster
from clustr.people import queries as people
from clustr.wallets.queries import cluster_wallet_operations
from clustr.wallets.transfer_queries import waiting_transfers
from clustr.web.actors import Request
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office import charts
from clustr.web.pages.office.words import AGE_BANDS

_FEW = 5
_ENTRANCES = (
    ("ViewWallet", "office:wallet"),
    ("TransferFunds", "office:transfers"),
    ("CreditWallet", "office:credit"),
    ("ManageMembers", "office:members"),
    ("ManageBill", "office:new_bill"),
)
"""Where who may not see payments begins instead."""


@page("office")
def home(request: Request) -> HttpResponse:
    """GET /office/: needs ViewPayments; who lacks it is led to what they may see."""
    if not request.actor.may("ViewPayments"):
        for permission, address in _ENTRANCES:
            if request.actor.may(permission):
                return HttpResponseRedirect(reverse(address))
        return look(request, "pages/office/nothing.html")
    return look(request, "pages/office/home.html", lambda: _seen(request))


@page("office")
def more(request: Request) -> HttpResponse:
    """GET /office/more/: every place of the office that this person may open, and their own pages."""
    return look(request, "pages/office/more.html")


def _seen(request: Request) -> Context:
    actor, now = request.actor, request.now
    seen = dashboard_of(actor=actor, now=now)
    operations = cluster_wallet_operations(actor=actor, limit=_FEW) if actor.may("ViewWallet") else []
    waiting = waiting_transfers(actor=actor) if actor.may("ViewWallet") or actor.may("TransferFunds") else []
    payers = {row.user_id for row in seen.latest_transactions if row.user_id}
    return {
        "seen": seen,
        "collected_part": charts.part_of(seen.sums.collected.minor, seen.sums.billed.minor),
        "curve": charts.curve_of(seen.curve),
        "curve_rows": charts.weekly(seen.curve),
        "months": charts.months_of(seen.collections),
        "ages": charts.ages_of(seen.ageing, [str(name) for name in AGE_BANDS]),
        "debtors": members_in_arrears(actor=actor, now=now, limit=_FEW + 1),
        "few": _FEW,
        "latest_bills": bills_of_cluster(actor=actor, chosen=BillFilter(cluster_wide=True), now=now, limit=_FEW),
        "operations": operations,
        "waiting": waiting,
        "transactions": seen.latest_transactions[: _FEW + 1],
        "names": people.names_of(user_ids=payers),
    }
