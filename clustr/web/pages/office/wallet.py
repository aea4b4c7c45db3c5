"""The estate's wallet: balance, what brought it in, every movement; transfers by two persons, and credits."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clustr.clusters.member_queries import names_here
from clustr.clusters.queries import settings_of
from clustr.payments.states import TransactionStatus
from clustr.wallets import queries
from clustr.wallets.transfer_queries import transfer_to_decide, waiting_transfers
from clustr.web.actors import Request
from clustr.web.management import wallet as api
from clustr.web.money_schemas import DestinationIn
from clustr.web.pages.forms import attempt, go, typed, typed_amount
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office import charts, words
from clustr.web.pages.office.lists import asked, listed
from clustr.web.pages.words import word_of
from clustr.web.paging import position


@page("office")
def wallet(request: Request) -> HttpResponse:
    """GET /office/wallet/: balance, revenue, and the operations page by page, which can be searched. Needs ViewWallet."""
    query = asked(request, api.OperationsQuery)
    part = "pages/office/parts/operations_rows.html"

    def operations() -> Context:
        rows = queries.cluster_wallet_operations(
            actor=request.actor,
            found=query.found(request),
            before=position(request, query, (int, UUID)),
            limit=query.fetch,
        )
        return {
            **listed(request, query, rows, key=lambda row: row.position),
            "query": query,
            "kinds": words.OPERATION,
            "names": names_here(user_ids={row.actor_id for row in rows if row.actor_id}),
        }

    def work() -> Context:
        actor, shown = request.actor, operations()
        waiting = waiting_transfers(actor=actor)
        revenue = queries.cluster_wallet_revenue(actor=actor, now=request.now)
        return {
            **shown,
            "balance": queries.cluster_wallet_balance(actor=actor),
            "revenue": revenue,
            "months": charts.months_of(revenue.by_month),
            "shares": charts.shares_of([(str(_name_of(label)), amount) for label, amount in revenue.by_type.items()]),
            "waiting": waiting,
            "names": shown["names"] | names_here(user_ids={row.requested_by for row in waiting}),
        }

    return look(request, "pages/office/wallet.html", work, part=part, part_work=operations)


def _name_of(label: str) -> words.Word:
    return words.OPERATION["contribution"] if label == "contribution" else word_of(label)


@page("office")
def transfers(request: Request) -> HttpResponse:
    """GET /office/wallet/transfers/: what waits for a second person. Needs TransferFunds or ViewWallet."""

    def work() -> Context:
        waiting = waiting_transfers(actor=request.actor)
        return {"waiting": waiting, "names": names_here(user_ids={row.requested_by for row in waiting})}

    return look(request, "pages/office/transfers.html", work)


@page("office", methods=("GET", "POST"))
def new_transfer(request: Request) -> HttpResponse:
    """/office/wallet/transfer/: to a bank account; above the estate's limit a second person approves. Needs
    TransferFunds."""
    request.actor.require("TransferFunds")
    tried = None
    if request.POST:
        sent = attempt(request, lambda: api.transfer_from_cluster_wallet(request, _typed_transfer(request)))
        tried = words.of_the_estate(sent)
        if tried.done and tried.answer:
            return go(request, "office:transfer", tried.answer["id"], said=_("Your transfer is noted."))

    def work() -> Context:
        actor = request.actor
        return {
            "tried": tried,
            "balance": queries.cluster_wallet_balance(actor=actor) if actor.may("ViewWallet") else None,
            "limit": settings_of(actor=actor, now=request.now).transfer_approval_limit,
            "own": queries.bank_details(actor=actor, now=request.now),
            "to_own": request.GET.get("to") == "own",
        }

    return look(request, "pages/office/new_transfer.html", work, status=tried.status if tried else 200)


def _typed_transfer(request: Request) -> api.TransferIn:
    return api.TransferIn(
        **typed(request, "description"),
        **typed_amount(request),
        destination=DestinationIn(**typed(request, "bank_code", "account_number", "account_name")),
    )


@page("office", methods=("GET", "POST"))
def transfer(request: Request, transfer_id: UUID) -> HttpResponse:
    """/office/wallet/transfers/{id}/: where the money goes, and the second person's decision. Needs TransferFunds."""
    request.actor.require("TransferFunds")
    tried = None
    if request.POST:
        if request.POST.get("step") == "approve":
            tried = attempt(request, lambda: api.approve_transfer(request, transfer_id))
            said = _("Approved. It is sent as soon as it may go.")
        else:
            body = api.RejectIn(**typed(request, "reason"))
            tried = attempt(request, lambda: api.reject_transfer(request, transfer_id, body))
            said = _("Stopped. The money is back in the estate's wallet.")
        if tried.done:
            return go(request, "office:transfer", transfer_id, said=said)

    def work() -> Context:
        found = transfer_to_decide(actor=request.actor, payout_id=transfer_id)
        named = {found.requested_by, *([found.decided_by] if found.decided_by else [])}
        return {
            "tried": tried,
            "transfer": found,
            "names": names_here(user_ids=named),
            "pending": found.operation.status == TransactionStatus.PENDING,
            "cools": found.sendable_at > request.now,
        }

    return look(request, "pages/office/transfer.html", work, status=tried.status if tried else 200)


@page("office", methods=("GET", "POST"))
def credit(request: Request) -> HttpResponse:
    """/office/wallet/credit/: money that came in from outside. Needs CreditWallet."""
    request.actor.require("CreditWallet")
    tried = None
    if request.POST:
        tried = attempt(
            request,
            lambda: api.credit_cluster_wallet(
                request, api.CreditIn(**typed(request, "description", "source"), **typed_amount(request))
            ),
        )
        if tried.done:
            to = "office:wallet" if request.actor.may("ViewWallet") else "office:credit"
            return go(request, to, said=_("Credited to the estate's wallet."))
    return look(request, "pages/office/credit.html", lambda: {"tried": tried}, status=tried.status if tried else 200)
