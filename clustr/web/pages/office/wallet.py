"""The estate's wallet: balance, what brought it in, every movement; transfers by two persons, and credits."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import gettext as _

from clustr.clusters.member_queries import names_here
from clustr.clusters.queries import settings_of
from clustr.payments.states import TransactionStatus
from clustr.wallets import queries
from clustr.wallets.transfer_queries import needs_approval, transfer_to_decide, transfers_not_sent, waiting_transfers
from clustr.wallets.types import NameCheck
from clustr.web.actors import Request
from clustr.web.door import read_value
from clustr.web.management import bank_details as bank_accounts
from clustr.web.management import wallet as api
from clustr.web.pages.banks import bank_names, banks
from clustr.web.pages.confirming import Shown, ask_first
from clustr.web.pages.forms import Attempt, attempt, go, typed, typed_amount
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office import charts, words
from clustr.web.pages.office.lists import asked, listed
from clustr.web.pages.payees import Payee, lines_of, pay_out, typed_destination, unsaid
from clustr.web.pages.words import word_of
from clustr.web.paging import position
from clustr.web.schemas import to_money


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
        waiting, not_sent = waiting_transfers(actor=actor), transfers_not_sent(actor=actor)
        revenue = queries.cluster_wallet_revenue(actor=actor, now=request.now)
        return {
            **shown,
            "balance": queries.cluster_wallet_balance(actor=actor),
            "revenue": revenue,
            "months": charts.months_of(revenue.by_month),
            "shares": charts.shares_of([(str(_name_of(label)), amount) for label, amount in revenue.by_type.items()]),
            "waiting": waiting,
            "not_sent": not_sent,
            "names": shown["names"] | names_here(user_ids={row.requested_by for row in (*waiting, *not_sent)}),
        }

    return look(request, "pages/office/wallet.html", work, part=part, part_work=operations)


def _name_of(label: str) -> words.Word:
    return words.OPERATION["contribution"] if label == "contribution" else word_of(label)


@page("office")
def transfers(request: Request) -> HttpResponse:
    """GET /office/wallet/transfers/: what waits for a second person, and what was not sent yet. Needs TransferFunds or
    ViewWallet."""

    def work() -> Context:
        waiting, not_sent = waiting_transfers(actor=request.actor), transfers_not_sent(actor=request.actor)
        named = {row.requested_by for row in (*waiting, *not_sent)}
        return {"waiting": waiting, "not_sent": not_sent, "names": names_here(user_ids=named)}

    return look(request, "pages/office/transfers.html", work)


@page("office", methods=("GET", "POST"))
def new_transfer(request: Request) -> HttpResponse:
    """/office/wallet/transfer/: to a bank account: typed, shown with the name that its bank gives, sent; above the estate's
    limit a second person approves. Needs TransferFunds."""
    request.actor.require("TransferFunds")
    return pay_out(
        request,
        parse=lambda: to_money(_typed_transfer(request).amount, request.actor.currency),
        resolve=bank_accounts.resolve_bank_account,
        send=lambda: words.of_the_estate(
            attempt(request, lambda: api.transfer_from_cluster_wallet(request, _typed_transfer(request)))
        ),
        form=lambda tried: _new_transfer_page(request, tried),
        shown=lambda payee: _shown_transfer(request, payee),
        sent=lambda id: go(request, "office:transfer", id, said=_("Your transfer is noted.")),
    )


def _shown_transfer(request: Request, payee: Payee) -> Shown:
    actor, body = request.actor, _typed_transfer(request)
    amount = to_money(body.amount, actor.currency)
    holds = queries.cluster_wallet_balance(actor=actor) if actor.may("ViewWallet") else None
    waits = needs_approval(actor=actor, amount=amount, now=request.now)
    return Shown(
        title=_("From the estate's wallet"),
        amount=amount,
        lines=[
            *lines_of(payee),
            (_("What for"), body.description),
            *([(_("The wallet then holds"), holds - amount)] if holds and amount <= holds else []),
        ],
        button=_("Send it"),
        icon="send",
        notes=(
            *([_("A second person approves it before it goes.")] if waits else []),
            _("To a new bank account nothing is sent before its time has passed; until then it can be stopped."),
        ),
        short=_("The estate's wallet does not hold that much.") if holds and holds < amount else "",
        bad=payee.check is NameCheck.DIFFERS,
    )


def _new_transfer_page(request: Request, tried: Attempt | None) -> HttpResponse:
    offered = banks(request)

    def work() -> Context:
        actor = request.actor
        return {
            "tried": tried,
            "balance": queries.cluster_wallet_balance(actor=actor) if actor.may("ViewWallet") else None,
            "limit": settings_of(actor=actor, now=request.now).transfer_approval_limit,
            "own": queries.bank_details(actor=actor, now=request.now),
            "hours": settings.ENV.PAYOUT_COOLING_HOURS,
            "to_own": request.GET.get("to") == "own",
            "banks": offered,
        }

    return look(request, "pages/office/new_transfer.html", work, status=tried.status if tried else 200)


def _typed_transfer(request: Request) -> api.TransferIn:
    body = {**typed(request, "description"), **typed_amount(request), "destination": typed_destination(request)}
    return api.TransferIn.model_validate(body)


@page("office", methods=("GET", "POST"))
def transfer(request: Request, transfer_id: UUID) -> HttpResponse:
    """/office/wallet/transfers/{id}/: where the money goes, and the second person's decision. Needs TransferFunds."""
    request.actor.require("TransferFunds")
    tried = None
    if request.POST:
        if request.POST.get("step") == "approve":
            tried = _unsaid_by_checker(request, transfer_id) or attempt(
                request, lambda: api.approve_transfer(request, transfer_id)
            )
            said = _("Approved. It is sent as soon as it may go.")
        else:
            body = api.RejectIn(**typed(request, "reason"))
            tried = attempt(request, lambda: api.reject_transfer(request, transfer_id, body))
            said = _("Stopped. The money is back in the estate's wallet.")
        if tried.done:
            return go(request, "office:transfer", transfer_id, said=said)

    known = bank_names(request)

    def work() -> Context:
        found = transfer_to_decide(actor=request.actor, payout_id=transfer_id)
        named = {found.requested_by, *([found.decided_by] if found.decided_by else [])}
        return {
            "tried": tried,
            "transfer": found,
            "names": names_here(user_ids=named),
            "payee": Payee(found.destination, "", found.name_check) if not found.decided_by else None,
            "bank_names": known,
            "pending": found.operation.status == TransactionStatus.PENDING,
            "cools": found.sendable_at > request.now,
        }

    return look(request, "pages/office/transfer.html", work, status=tried.status if tried else 200)


def _unsaid_by_checker(request: Request, transfer_id: UUID) -> Attempt | None:
    """Refuse an approval in which nobody said that the name differs, where it does."""
    found = read_value(request, lambda: transfer_to_decide(actor=request.actor, payout_id=transfer_id))
    differs = found.name_check is NameCheck.DIFFERS
    return unsaid(request, Payee(found.destination, "", found.name_check)) if differs else None


@page("office", methods=("GET", "POST"))
def credit(request: Request) -> HttpResponse:
    """/office/wallet/credit/: money that came in from outside, shown before it is booked. Needs CreditWallet."""
    request.actor.require("CreditWallet")
    if request.method == "GET":
        return _credit_page(request, None)

    def body() -> api.CreditIn:
        return api.CreditIn(**typed(request, "description", "source"), **typed_amount(request))

    def shown() -> Shown:
        actor, sent = request.actor, body()
        amount = to_money(sent.amount, actor.currency)
        holds = queries.cluster_wallet_balance(actor=actor) if actor.may("ViewWallet") else None
        return Shown(
            title=_("Into the estate's wallet"),
            amount=amount,
            lines=[
                (_("Where it came from"), sent.source),
                (_("What for"), sent.description),
                *([(_("The wallet then holds"), holds + amount)] if holds else []),
            ],
            button=_("Credit it"),
            icon="plus",
        )

    asked = ask_first(
        request,
        parse=lambda: to_money(body().amount, request.actor.currency),
        shown=shown,
        form=lambda tried: _credit_page(request, tried),
    )
    if asked is not None:
        return asked
    tried = attempt(request, lambda: api.credit_cluster_wallet(request, body()))
    if not tried.done:
        return _credit_page(request, tried)
    to = "office:wallet" if request.actor.may("ViewWallet") else "office:credit"
    return go(request, to, said=_("Credited to the estate's wallet."))


def _credit_page(request: Request, tried: Attempt | None) -> HttpResponse:
    return look(request, "pages/office/credit.html", lambda: {"tried": tried}, status=tried.status if tried else 200)
