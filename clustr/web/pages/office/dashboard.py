"""The office's first page: how the estate's money stands, and what waits for somebody."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clustr.bills.arrears import members_in_arrears
from clustr.bills.dashboard import figures_of_cluster
from clustr.bills.office_queries import BillFilter, bills_of_cluster
from clustr.clusters.member_queries import names_here
from clustr.clusters.queries import members_billed, plan_has_stopped
from clustr.kit.actor import Actor
from clustr.payments.queries import TransactionFilter, transactions_of_cluster
from clustr.wallets.queries import cluster_wallet_operations
from clustr.wallets.transfer_queries import waiting_transfers
from clustr.wallets.types import OperationKind, OperationView
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


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first things to do in a new estate."""

    said: str
    why: str
    act: str
    address: str
    picture: str
    done: bool = False
    next: bool = False


def _first_steps(request: Request) -> list[Step]:
    """What an estate without a bill does first, as far as this person may."""
    now, may = request.now, request.actor.may
    residents = members_billed(issued_at=now, due_date=now, at_issue_only=True)
    found = []
    if may("ManageMembers"):
        lead = ngettext("%s resident is here.", "%s residents are here.", residents) % f"{residents:,}"
        why = lead if residents else _("From a sheet, or one by one. Each is invited by e-mail.")
        found.append(
            Step(_("Bring your residents in"), why, _("Import"), "office:import_members", "users", residents > 0)
        )
    if may("ManageBill"):
        why = _("One form for everybody. You see whom it reaches, and its total, before it is issued.")
        found.append(Step(_("Issue the first bill"), why, _("New bill"), "office:new_bill", "receipt-text"))
    if may("ManageMembers"):
        why = _("Whom members write to, who bears fees, and from which sum on a second person is asked.")
        found.append(Step(_("Look at the settings"), why, _("Settings"), "office:settings", "settings"))
    following = next((step for step in found if not step.done), None)
    return [replace(step, next=step is following) for step in found]


def _latest_movements(actor: Actor) -> list[OperationView]:
    """The wallet's last movements without what providers kept of each payment, which would push everything else away."""
    moved = cluster_wallet_operations(actor=actor, limit=4 * _FEW)
    return [one for one in moved if one.kind is not OperationKind.FEE][:_FEW]


def _seen(request: Request) -> Context:
    actor, now = request.actor, request.now
    seen = figures_of_cluster(actor=actor, now=now)
    sees_wallet = actor.may("ViewWallet")
    operations = _latest_movements(actor) if sees_wallet else []
    transactions = [] if sees_wallet else transactions_of_cluster(actor=actor, chosen=TransactionFilter(), limit=_FEW)
    waiting = waiting_transfers(actor=actor) if sees_wallet or actor.may("TransferFunds") else []
    return {
        "seen": seen,
        "plan_stopped": plan_has_stopped(),
        "steps": None if any(seen.sums.counts.values()) else _first_steps(request),
        "collected_part": charts.part_of(seen.sums.collected.minor, seen.sums.billed.minor),
        "curve": charts.curve_of(seen.curve),
        "curve_rows": charts.weekly(seen.curve),
        "months": charts.months_of(seen.collections),
        "ages": charts.ages_of(seen.ageing, [str(name) for name in AGE_BANDS]),
        "debtors": members_in_arrears(actor=actor, now=now, limit=_FEW),
        "latest_bills": bills_of_cluster(actor=actor, chosen=BillFilter(cluster_wide=True), now=now, limit=_FEW),
        "operations": operations,
        "waiting": waiting,
        "transactions": transactions,
        "names": names_here(user_ids={row.user_id for row in transactions if row.user_id}),
    }
