"""Paystack's addresses."""

from __future__ import annotations

from sandbox.paystack import accounts, refunds, replies, transactions, transfers
from sandbox.routes import route
from sandbox.wire import Refused, Request
from sandbox.world import World

PREFIX = "/paystack"

ROUTES = (
    route("POST", "/transaction/initialize", "charge", transactions.initialize),
    route("POST", "/transaction/charge_authorization", "charge", transactions.charge_authorization),
    route("GET", "/transaction/verify/{reference}", "verify", transactions.verify),
    route("GET", "/transaction", "list", transactions.listed),
    route("GET", "/transaction/{id}", "verify", transactions.fetch),
    route("POST", "/refund", "refund", refunds.create),
    route("GET", "/refund", "refund", refunds.listed),
    route("GET", "/refund/{id}", "refund", refunds.fetch),
    route("POST", "/refund/retry_with_customer_details/{id}", "refund", refunds.retry),
    route("POST", "/transferrecipient", "transfer", transfers.create_recipient),
    route("POST", "/transfer", "transfer", transfers.create_transfer),
    route("POST", "/transfer/finalize_transfer", "transfer", transfers.finalize),
    route("GET", "/transfer/verify/{reference}", "verify", transfers.verify),
    route("GET", "/transfer", "list", transfers.listed),
    route("GET", "/transfer/{id_or_code}", "verify", transfers.fetch),
    route("GET", "/balance", "list", transfers.balance),
    route("GET", "/bank", "list", accounts.banks),
    route("GET", "/bank/resolve", "list", accounts.resolve),
    route("POST", "/customer", "list", accounts.create_customer),
    route("POST", "/customer/authorization/deactivate", "charge", accounts.deactivate_authorization),
    route("GET", "/customer/{email_or_code}", "list", accounts.fetch_customer),
    route("POST", "/dedicated_account", "list", accounts.create_account),
    route("GET", "/dedicated_account", "list", accounts.list_accounts),
    route("GET", "/dedicated_account/{id}", "list", accounts.fetch_account),
    route("GET", "/settlement", "list", accounts.list_settlements),
    route("GET", "/settlement/{id}/transactions", "list", accounts.settlement_transactions),
    route("GET", "/dispute", "list", accounts.list_disputes),
    route("GET", "/dispute/{id}", "list", accounts.fetch_dispute),
)


def admit(world: World, request: Request) -> None:
    """The key must be right."""
    if request.bearer != world.keys.paystack_secret:
        raise replies.invalid_key()


def no_such_address() -> Refused:
    return replies.refusal(404, "Endpoint not found", code="not_found", kind="api_error")


def too_many() -> Refused:
    return replies.refusal(429, "Too many requests", code="too_many_requests", kind="api_error")


def broken() -> Refused:
    return replies.refusal(502, "An error occurred", code="unknown", kind="api_error")


def timed_out() -> Refused:
    return replies.refusal(503, "An error occurred", code="unknown", kind="api_error")
