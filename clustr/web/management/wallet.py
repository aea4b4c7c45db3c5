"""`/management/payments/cluster_wallet/`: what the cluster holds, what moved it, and money in and out by the office."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.clusters.member_queries import names_here, who_is_found
from clustr.clusters.types import PaymentsPermissions
from clustr.kit.ids import id_of_reference
from clustr.settlement import commands as settlement
from clustr.wallets import commands, queries
from clustr.wallets.types import Destination, OperationsFound, Revenue
from clustr.web.bank_accounts import named
from clustr.web.door import Request, once, read
from clustr.web.money_schemas import DESTINATION_EXAMPLE, DestinationIn, OperationOut, operation_out
from clustr.web.paging import Page, PageQuery, page, position
from clustr.web.schemas import Amount, AmountOut, Currency, In, Out, Text, to_money

router = Router(tags=["Cluster wallet"])


class RevenueOut(Out):
    """What bills, net of refunds, and contributions brought in, in the cluster's own days and months."""

    today: AmountOut
    this_month: AmountOut
    this_year: AmountOut
    by_type: dict[str, AmountOut] = Field(
        description="This year, by the bill's type; `contribution`: recurring payments for no bill.",
        examples=[{"service_charge": "5000.00"}],
    )
    by_month: dict[str, AmountOut] = Field(
        description="The last twelve months, this one last.", examples=[{"2027-01": "5000.00"}]
    )


class ClusterWalletOut(Out):
    """The cluster's wallet."""

    balance: AmountOut
    currency: Currency
    revenue: RevenueOut
    operations: Page[OperationOut] = Field(description="Every movement, newest first, with who and why.")


class TransferIn(In):
    """Money to be sent to a bank account."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "amount": "250000.00",
                    "description": "Diesel, January",
                    "destination": DESTINATION_EXAMPLE | {"account_name": "Island Fuels Ltd"},
                }
            ]
        }
    }

    amount: Amount
    description: Annotated[str, Text(500)]
    destination: DestinationIn


class CreditIn(In):
    """Money that came in from outside."""

    model_config = {
        "json_schema_extra": {
            "examples": [{"amount": "100000.00", "description": "Hall rental", "source": "Bank transfer, Ade & Sons"}]
        }
    }

    amount: Amount
    description: Annotated[str, Text(500)]
    source: Annotated[str, Text(200)] = Field(description="Where the money came from.")


class RejectIn(In):
    """Why a transfer is stopped."""

    model_config = {"json_schema_extra": {"examples": [{"reason": "Wrong account."}]}}

    reason: Annotated[str, Text(1_000, lines=True, empty=True)] = ""


class OperationsQuery(PageQuery):
    """The cluster wallet's operations, which may be searched."""

    q: Annotated[str, Text(100, empty=True)] = Field(
        "",
        description="Part of the reason or source of what the office did, or a reference; with ViewPayments also of members"
        " found by the beginnings of words: name, e-mail, phone, unit.",
    )

    def found(self, request: Request) -> OperationsFound | None:
        """What to look for, for the work of a request: a search looks up its members."""
        if not self.q:
            return None
        may_find = request.actor.may(PaymentsPermissions.VIEW_PAYMENTS)
        who = who_is_found(actor=request.actor, q=self.q, now=request.now) if may_find else []
        return OperationsFound(self.q, who, id_of_reference(self.q))


@router.get("cluster_wallet/", response=ClusterWalletOut, summary="The cluster's wallet")
def get_cluster_wallet(request: Request, query: Query[OperationsQuery]) -> HttpResponse:
    """Balance, revenue, and the operations page by page. Needs ViewWallet."""

    def work() -> ClusterWalletOut:
        balance = queries.cluster_wallet_balance(actor=request.actor)
        operations = queries.cluster_wallet_operations(
            actor=request.actor,
            found=query.found(request),
            before=position(request, query, (int, UUID)),
            limit=query.fetch,
        )
        names = names_here(user_ids={row.actor_id for row in operations if row.actor_id})
        return ClusterWalletOut(
            balance=str(balance),
            currency=balance.currency,
            revenue=_revenue_out(queries.cluster_wallet_revenue(actor=request.actor, now=request.now)),
            operations=page(
                request, query, operations, key=lambda row: row.position, out=lambda row: operation_out(row, names)
            ),
        )

    return read(request, work)


@router.post("cluster_wallet_transfer/", response={201: OperationOut}, summary="Send money out")
def transfer_from_cluster_wallet(request: Request, body: TransferIn) -> HttpResponse:
    """The money waits in a payouts account as `pending` until it is known to have arrived or is returned; above the
    cluster's limit, with what was sent in the last 24 hours without one, a second person approves first. The bank is asked whose account it is: `metadata.destination` has its
    `holder`, and `name_check`: `same`, `differs` (from `account_name`), `unnamed` (none was sent), `not_checked` (nobody could
    say). Needs TransferFunds.

    Refuses with `insufficient_funds`, `bank_account_not_found`, `account_name_required`; where a name was seen also with
    `account_name_differs`, `provider_not_available`, `provider_unavailable`.
    """

    def name() -> Destination:
        request.actor.require("TransferFunds")
        sent = body.destination
        return named(
            request,
            lambda: settlement.name_destination(
                actor=request.actor, destination=sent.as_destination(), seen_name=sent.seen_name
            ),
        )

    def work(destination: Destination | None) -> OperationOut:
        made = commands.transfer_from_cluster_wallet(
            actor=request.actor,
            amount=to_money(body.amount, request.actor.currency),
            description=body.description,
            destination=destination or body.destination.as_destination(),
            now=request.now,
        )
        return _operation(request, made)

    return once(request, body, 201, work, before=name)


@router.post("cluster_wallet_transfers/{transfer_id}/approve/", response=OperationOut, summary="Approve a transfer")
def approve_transfer(request: Request, transfer_id: UUID) -> HttpResponse:
    """Let a waiting transfer go. Needs TransferFunds, and another person than its maker.

    Refuses with `payout_not_found`, `payout_decided`, `separation_of_duties`.
    """

    def work() -> OperationOut:
        return _operation(
            request, commands.approve_transfer(actor=request.actor, payout_id=transfer_id, now=request.now)
        )

    return once(request, None, 200, work)


@router.post("cluster_wallet_transfers/{transfer_id}/reject/", response=OperationOut, summary="Reject a transfer")
def reject_transfer(request: Request, transfer_id: UUID, body: RejectIn | None = None) -> HttpResponse:
    """Stop a transfer that was not sent yet, because it waits for approval, for the time of a new bank account, or for the
    provider to hold enough, also one that was approved; its money returns to the cluster's wallet. Needs TransferFunds, and another person than its maker.

    Refuses with `payout_not_found`, `payout_decided`, `separation_of_duties`.
    """
    note = body.reason if body else ""

    def work() -> OperationOut:
        rejected = commands.reject_transfer(actor=request.actor, payout_id=transfer_id, note=note, now=request.now)
        return _operation(request, rejected)

    return once(request, body, 200, work)


@router.post("cluster_wallet_credit/", response={201: OperationOut}, summary="Credit the cluster's wallet")
def credit_cluster_wallet(request: Request, body: CreditIn) -> HttpResponse:
    """Book money that came in from outside, with its source. Needs CreditWallet."""

    def work() -> OperationOut:
        made = commands.credit_cluster_wallet(
            actor=request.actor,
            amount=to_money(body.amount, request.actor.currency),
            description=body.description,
            source=body.source,
            now=request.now,
        )
        return _operation(request, made)

    return once(request, body, 201, work)


def _operation(request: Request, operation_id: UUID) -> OperationOut:
    view = queries.operation_of(actor=request.actor, operation_id=operation_id)
    names = names_here(user_ids=[view.actor_id]) if view.actor_id else {}
    return operation_out(view, names)


def _revenue_out(revenue: Revenue) -> RevenueOut:
    return RevenueOut(
        today=str(revenue.today),
        this_month=str(revenue.this_month),
        this_year=str(revenue.this_year),
        by_type={label: str(amount) for label, amount in revenue.by_type.items()},
        by_month={f"{month:%Y-%m}": str(amount) for month, amount in revenue.by_month.items()},
    )
