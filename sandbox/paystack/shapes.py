"""Paystack's objects, field by field, as its samples show them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sandbox.clock import wire_time
from sandbox.outcomes import OUTCOMES
from sandbox.records import Account, Card, Charge, Dispute, Person, Refund
from sandbox.world import INTEGRATION, World

_STATUS = {"open": "abandoned", "reversing": "reversal-pending"}
_NO_CARD = ("authorization_code", "bin", "last4", "exp_month", "exp_year", "channel", "card_type", "bank")


def domain(world: World) -> str:
    return "live" if world.keys.paystack_secret.startswith("sk_live_") else "test"


def status_of(charge: Charge) -> str:
    return _STATUS.get(charge.status, charge.status)


def authorization(world: World, charge: Charge) -> dict[str, Any]:
    """The card or account that paid; empty fields if none did."""
    card = world.store.get(Card, charge.card_id)
    if card is not None and charge.channel == "card":
        return saved_card(card)
    if not charge.paid:
        nothing = dict.fromkeys(_NO_CARD)
        return {
            **nothing,
            "country_code": None,
            "brand": None,
            "reusable": False,
            "signature": None,
            "account_name": None,
        }
    paid_at = charge.paid_at or charge.created_at
    shown: dict[str, Any] = {
        "authorization_code": f"AUTH_{world.code('AUTH', serial=charge.id, length=10)}",
        "bin": "008XXX",
        "last4": "X553",
        "exp_month": f"{paid_at.month:02d}",
        "exp_year": str(paid_at.year),
        "channel": charge.channel,
        "card_type": "transfer" if charge.channel in ("bank_transfer", "dedicated_nuban") else "offline",
        "bank": None if charge.channel == "bank_transfer" else "TEST BANK",
        "country_code": "NG",
        "brand": "Managed Account" if charge.channel in ("bank_transfer", "dedicated_nuban") else "offline",
        "reusable": False,
        "signature": None,
        "account_name": None,
    }
    if charge.channel in ("bank_transfer", "dedicated_nuban"):
        shown |= {
            "sender_country": "NG",
            "sender_bank": "Test Bank",
            "sender_bank_account_number": "XXXXXXX553",
            "sender_name": "SANDBOX SENDER",
            "narration": charge.narration,
        }
    account = world.store.get(Account, charge.account_id)
    if account is not None:
        shown |= {"receiver_bank_account_number": account.account_number, "receiver_bank": account.bank_name}
    return shown


def saved_card(card: Card) -> dict[str, Any]:
    return {
        "authorization_code": card.code,
        "bin": card.number[:6],
        "last4": card.number[-4:],
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "channel": "card",
        "card_type": f"{card.brand} ",
        "bank": "TEST BANK",
        "country_code": "NG",
        "brand": card.brand,
        "reusable": card.reusable,
        "signature": card.signature,
        "account_name": None,
    }


def customer(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "customer_code": person.code,
        "phone": person.phone,
        "metadata": person.metadata,
        "risk_action": "default",
        "international_format_phone": None,
    }


def amount_of(charge: Charge) -> int:
    """What the payer paid, with the fee if the payer bears it; before payment, what was asked for."""
    if not charge.paid:
        return charge.requested
    return charge.paid + (charge.fee if charge.payer_bears else 0)


def transaction(world: World, charge: Charge) -> dict[str, Any]:
    """As verify, fetch, list and charge.success show it."""
    outcome = OUTCOMES.get(charge.outcome)
    created, paid = wire_time(charge.created_at), wire_time(charge.paid_at) if charge.paid_at else None
    said = outcome.paystack if outcome else "The transaction was not completed"
    if charge.status == "pending":
        said = "Transaction in progress"
    return {
        "id": charge.id,
        "domain": domain(world),
        "status": status_of(charge),
        "reference": charge.reference,
        "receipt_number": None,
        "amount": amount_of(charge),
        "message": None if charge.paid or outcome is None else said,
        "gateway_response": "Approved" if charge.paid and charge.origin != "checkout" else said,
        "response_code": outcome.response_code if outcome and charge.channel == "card" else None,
        "gateway_response_code": outcome.gateway_code if outcome else None,
        "helpdesk_link": None,
        "paid_at": paid,
        "created_at": created,
        "channel": charge.channel,
        "currency": charge.currency,
        "ip_address": "127.0.0.1",
        "metadata": "" if charge.metadata is None else charge.metadata,
        "log": _log(charge),
        "fees": charge.fee if charge.paid else None,
        "fees_split": None,
        "authorization": authorization(world, charge),
        "customer": customer(world.store.known(Person, charge.person_id)),
        "plan": None,
        "split": {},
        "order_id": None,
        "paidAt": paid,
        "createdAt": created,
        "requested_amount": charge.requested,
        "pos_transaction_data": None,
        "source": {
            "source": "merchant_api",
            "type": "api",
            "identifier": None,
            "entry_point": "transaction_initialize",
        },
        "fees_breakdown": None,
        "connect": None,
        "transaction_date": created,
        "plan_object": {},
        "subaccount": {},
    }


def _log(charge: Charge) -> dict[str, Any] | None:
    if not charge.attempts:
        return None
    errors = sum(not OUTCOMES[attempt["outcome"]].is_success for attempt in charge.attempts)
    history = []
    for second, attempt in enumerate(charge.attempts, start=3):
        outcome = OUTCOMES[attempt["outcome"]]
        history.append({"type": "action", "message": f"Attempted to pay with {attempt['channel']}", "time": second})
        said = f"Successfully paid with {attempt['channel']}" if outcome.is_success else f"Error: {outcome.paystack}"
        history.append({"type": "success" if outcome.is_success else "error", "message": said, "time": second + 1})
    return {
        "start_time": int(charge.created_at.timestamp()),
        "time_spent": len(charge.attempts) + 3,
        "attempts": len(charge.attempts),
        "errors": errors,
        "success": bool(charge.paid),
        "mobile": False,
        "input": [],
        "history": history,
    }


def refund(world: World, row: Refund, *, in_list: bool = False) -> dict[str, Any]:
    """As fetch shows it; a list has other names for the times and a number for `fully_deducted`."""
    done = row.status == "processed"
    charge = world.store.known(Charge, row.charge_id)
    created, updated = wire_time(row.created_at), wire_time(row.updated_at)
    shown = {
        "id": row.id,
        "integration": INTEGRATION,
        "domain": domain(world),
        "transaction": row.charge_id,
        "dispute": None,
        "settlement": None,
        "amount": row.amount,
        "deducted_amount": row.amount if done else 0,
        "fully_deducted": int(done) if in_list else done,
        "currency": row.currency,
        "channel": "migs",
        "status": row.status,
        "refunded_by": "sandbox@example.com",
        "refunded_at": updated if done else None,
        "expected_at": wire_time(row.created_at + timedelta(days=10)),
        "customer_note": row.customer_note,
        "merchant_note": row.merchant_note,
        "createdAt": created,
        "updatedAt": updated,
        # In the newer description, not yet in the samples.
        "bank_reference": None,
        "transaction_reference": charge.reference,
        "reason": row.status.upper(),
        "customer": customer(world.store.known(Person, charge.person_id)),
        "refund_type": "full" if row.amount >= amount_of(charge) else "partial",
        "transaction_amount": amount_of(charge),
        "initiated_by": "sandbox@example.com",
        "refund_channel": "migs",
        "session_id": None,
        "collect_account_number": False,
    }
    return shown | {"created_at": created, "updated_at": updated} if in_list else shown


# What only the newer description of a refund has.
NEWER_REFUND = (
    *("bank_reference", "transaction_reference", "reason", "customer", "refund_type", "transaction_amount"),
    *("initiated_by", "refund_channel", "session_id", "collect_account_number"),
)


def dispute(world: World, row: Dispute) -> dict[str, Any]:
    charge = world.store.known(Charge, row.charge_id)
    person = world.store.known(Person, charge.person_id)
    card = world.store.get(Card, charge.card_id)
    seen = transaction(world, charge)
    at = wire_time(row.created_at)
    for name in ("response_code", "gateway_response_code", "helpdesk_link", "receipt_number", "connect", "source"):
        del seen[name]
    return {
        "id": row.id,
        "refund_amount": row.amount,
        "currency": charge.currency,
        "status": row.status,
        "resolution": row.resolution,
        "domain": domain(world),
        "transaction": {**seen, "authorization": {}, "customer": {"international_format_phone": None}, "plan": {}},
        "transaction_reference": None,
        "category": "chargeback",
        "customer": customer(person),
        "bin": card.number[:6] if card else None,
        "last4": card.number[-4:] if card else None,
        "dueAt": wire_time(row.created_at + timedelta(days=1)),
        "resolvedAt": wire_time(row.updated_at) if row.status == "resolved" else None,
        "evidence": None,
        "attachments": None,
        "note": None,
        "history": [{"status": "pending", "by": person.email, "createdAt": at}],
        "messages": [
            {"sender": person.email, "body": "Customer complained about debit without value", "createdAt": at}
        ],
        "created_at": at,
        "updated_at": wire_time(row.updated_at),
    }
