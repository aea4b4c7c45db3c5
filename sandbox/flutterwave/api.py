"""Flutterwave's addresses."""

from __future__ import annotations

from sandbox.flutterwave import accounts, bills, replies, transactions
from sandbox.routes import route
from sandbox.wire import Refused, Request
from sandbox.world import World

PREFIX = "/flutterwave/v3"

ROUTES = (
    route("POST", "/payments", "charge", transactions.start_payment),
    route("POST", "/payments/link/disable", "charge", transactions.disable_link),
    route("POST", "/tokenized-charges", "charge", transactions.tokenized_charge),
    route("GET", "/transactions/verify_by_reference", "verify", transactions.verify_by_reference),
    route("GET", "/transactions/fee", "list", transactions.fee),
    route("GET", "/transactions/{id}/verify", "verify", transactions.verify),
    route("POST", "/transactions/{id}/refund", "refund", transactions.refund),
    route("POST", "/transactions/{id}/resend-hook", "list", transactions.resend_hook),
    route("GET", "/transactions", "list", transactions.listed),
    route("GET", "/refunds", "refund", transactions.list_refunds),
    route("GET", "/refunds/{id}", "refund", transactions.fetch_refund),
    route("GET", "/chargebacks", "list", transactions.list_chargebacks),
    route("GET", "/banks/{country}", "list", accounts.banks),
    route("POST", "/accounts/resolve", "list", accounts.resolve),
    route("POST", "/transfers", "transfer", accounts.create_transfer),
    route("GET", "/transfers/fee", "list", accounts.transfer_fee),
    # By reference is a question about one transfer, and by id too; only the plain list is a list.
    route("GET", "/transfers", "verify", accounts.list_transfers),
    route("GET", "/transfers/{id}", "verify", accounts.fetch_transfer),
    route("GET", "/balances", "list", accounts.balances),
    route("GET", "/balances/{currency}", "list", accounts.balance),
    route("POST", "/virtual-account-numbers", "list", accounts.create_account),
    route("GET", "/virtual-account-numbers/{order_ref}", "list", accounts.fetch_account),
    route("GET", "/top-bill-categories", "list", bills.categories),
    route("GET", "/bills/{category}/billers", "list", bills.billers),
    route("GET", "/billers/{biller}/items", "list", bills.items),
    route("GET", "/bill-items/{item}/validate", "customer", bills.validate),
    route("POST", "/billers/{biller}/items/{item}/payment", "bill", bills.pay),
    route("GET", "/bills/{reference}", "verify", bills.status),
    route("GET", "/settlements", "list", accounts.list_settlements),
    route("GET", "/settlements/{id}", "list", accounts.fetch_settlement),
)


def admit(world: World, request: Request) -> None:
    """The key must be right."""
    if request.bearer != world.keys.flutterwave_secret:
        raise replies.refusal(401, "Authorization required")


def no_such_address() -> Refused:
    return replies.refusal(404, "Not found")


def too_many() -> Refused:
    return replies.refusal(429, "Too many requests")


def broken() -> Refused:
    return replies.refusal(502, "Bad gateway")


def timed_out() -> Refused:
    return replies.refusal(503, "An error occurred. Please contact support")
