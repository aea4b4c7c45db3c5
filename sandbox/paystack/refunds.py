"""Paystack's refunds: create, fetch, list, retry."""

from __future__ import annotations

from sandbox import refunding
from sandbox.paystack import replies, shapes
from sandbox.records import Charge, Refund
from sandbox.wire import Answer, Request
from sandbox.world import World

_SMALLEST = 50_00


def create(world: World, request: Request) -> Answer:
    body = replies.body_of(request)
    word = replies.text(body, "transaction", label="Transaction")
    charge = world.store.first(Charge, "paystack", word)
    if charge is None and word.isdecimal():
        charge = world.store.get(Charge, int(word))
    if charge is None or charge.provider != "paystack":
        raise replies.refusal(
            404,
            "Transaction not found",
            code="transaction_not_found",
            next_step="Ensure that you're passing the reference of a transaction that exists on this integration",
        )
    if body.get("currency") and body["currency"] != charge.currency:
        raise replies.refusal(400, "Transaction currency must match refund currency")
    amount = _amount(world, body, charge)
    refund = refunding.start_refund(
        world,
        charge,
        amount=amount,
        customer_note=str(body.get("customer_note") or f"Refund for transaction {charge.reference}"),
        merchant_note=str(
            body.get("merchant_note") or f"Refund for transaction {charge.reference} by sandbox@example.com"
        ),
    )
    seen = shapes.refund(world, refund) | {"transaction": _transaction(world, charge), "channel": None}
    for name in ("dispute", "settlement", "refunded_at", *shapes.NEWER_REFUND):
        del seen[name]
    return replies.ok("Refund has been queued for processing", seen)


def fetch(world: World, request: Request) -> Answer:
    return replies.ok("Refund retrieved", shapes.refund(world, _refund(world, request)))


def listed(world: World, request: Request) -> Answer:
    """The newest first; `transaction` (a numeric id), `currency`, `from` and `to` narrow it."""
    query = request.query
    rows = [
        refund
        for refund in world.store.all(Refund)
        if refund.provider == "paystack"
        and query.get("transaction", str(refund.charge_id)) == str(refund.charge_id)
        and query.get("currency", refund.currency) == refund.currency
        and replies.between(request, refund.created_at)
    ]
    page, meta = replies.page_of(request, rows[::-1])
    if "page" in meta:
        meta["failedRefundCount"] = sum(refund.status == "failed" for refund in rows)
    return replies.ok("Refunds retrieved", [shapes.refund(world, row, in_list=True) for row in page], meta=meta)


def retry(world: World, request: Request) -> Answer:
    refund = _refund(world, request)
    details = replies.body_of(request).get("refund_account_details")
    if not isinstance(details, dict) or not all(
        details.get(name) for name in ("currency", "account_number", "bank_id")
    ):
        raise replies.missing("refund_account_details")
    if refund.status != "needs-attention":
        raise replies.refusal(
            422,
            'Invalid Refund state, refund status should be "needs-attention"',
            code="invalid_params",
            next_step="Ensure that the value(s) you're passing are valid.",
        )
    refunding.retry_refund(world, refund)
    seen = shapes.refund(world, refund) | {
        "customer": None,
        "reversed_at": None,
    }
    kept = ("bank_reference", "reason", "customer", "initiated_by", "session_id")
    for name in ("createdAt", "updatedAt", *(name for name in shapes.NEWER_REFUND if name not in kept)):
        del seen[name]
    return replies.ok("Refund retried and has been queued for processing", seen)


def _amount(world: World, body: dict[str, object], charge: Charge) -> int:
    paid = shapes.amount_of(charge)
    if not charge.paid or charge.status in ("open", "pending", "failed"):
        raise replies.refusal(400, "Transaction has not been completed")
    if charge.status == "reversed":
        raise replies.refusal(400, "Transaction has been fully reversed")
    amount = replies.amount(body) if body.get("amount") is not None else paid
    if amount + refunding.refunded_of(world, charge) > paid:
        raise replies.refusal(400, "Total refund amount cannot exceed original transaction amount")
    if amount < min(_SMALLEST, paid):
        least = f"{charge.currency}{_SMALLEST // 100}.00"
        raise replies.refusal(400, f"The minimum amount you may send in a single refund at this time is: {least}")
    return amount


def _refund(world: World, request: Request) -> Refund:
    number = request.params["id"]
    refund = world.store.get(Refund, int(number)) if number.isdecimal() else None
    if refund is None or refund.provider != "paystack":
        raise replies.refusal(
            404,
            "Refund not found",
            code="not_found",
            next_step="Ensure that you're passing the correct reference for the requested resource that exists on this"
            " integration",
        )
    return refund


def _transaction(world: World, charge: Charge) -> dict[str, object]:
    """As the answer to a new refund has it: little of the card, less of the customer."""
    seen = shapes.transaction(world, charge)
    card = seen["authorization"]
    return {
        **{name: seen[name] for name in ("id", "domain", "reference", "amount", "paid_at", "channel", "currency")},
        "authorization": {name: card[name] for name in ("exp_month", "exp_year", "account_name")},
        "customer": {"international_format_phone": None},
        "plan": {},
        "subaccount": {"currency": None},
        "split": {},
        "order_id": None,
        "paidAt": seen["paidAt"],
        "pos_transaction_data": None,
        "source": None,
        "fees_breakdown": None,
    }
