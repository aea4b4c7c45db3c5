"""Flutterwave's objects, field by field, as its samples show them. Amounts in naira."""

from __future__ import annotations

from typing import Any

from sandbox.banks import BY_CODE
from sandbox.clock import wire_time
from sandbox.outcomes import OUTCOMES
from sandbox.records import Account, Card, Charge, Dispute, Person, Refund, Transfer
from sandbox.wire import major
from sandbox.world import ACCOUNT_ID, World

_STATUS = {"success": "successful", "reversing": "successful", "reversed": "successful", "open": "pending"}
_TRANSFER_STATUS = {"pending": "NEW", "success": "SUCCESSFUL", "failed": "FAILED", "reversed": "FAILED"}
EVENT_TYPES = {
    "card": "CARD_TRANSACTION",
    "bank_transfer": "BANK_TRANSFER_TRANSACTION",
    "account": "ACCOUNT_TRANSACTION",
    "ussd": "USSD_TRANSACTION",
    "mobilemoneygh": "MOBILEMONEYGH_TRANSACTION",
}


def status_of(charge: Charge) -> str:
    return _STATUS.get(charge.status, charge.status)


def flw_ref(world: World, charge: Charge) -> str:
    return f"FLW-MOCK-{world.code('FLW', serial=charge.id, length=24)}"


def processor_response(charge: Charge) -> str:
    outcome = OUTCOMES.get(charge.outcome)
    return "Transaction in progress" if outcome is None else outcome.flutterwave


def customer(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": " ".join(filter(None, (person.first_name, person.last_name))) or "Anonymous customer",
        "phone_number": person.phone or "N/A",
        "email": person.email,
        "created_at": wire_time(person.created_at),
    }


def card(row: Card, *, with_token: bool = True) -> dict[str, Any]:
    shown = {
        "first_6digits": row.number[:6],
        "last_4digits": row.number[-4:],
        "issuer": f"{row.brand.upper()} TEST BANK PLC DEBIT",
        "country": "NIGERIA NG",
        "type": row.brand.upper(),
        "expiry": f"{row.exp_month}/{row.exp_year[-2:]}",
    }
    return shown | {"token": row.code} if with_token else shown


def amounts(charge: Charge) -> dict[str, Any]:
    """`charged_amount` holds the fee too if the payer bears it; `amount_settled` is what the merchant gets."""
    asked = charge.paid or charge.requested
    on_top = charge.fee if charge.payer_bears else 0
    return {
        "amount": major(asked),
        "charged_amount": major(asked + on_top),
        "app_fee": major(charge.fee),
        "merchant_fee": 0,
        "amount_settled": major(charge.paid - charge.fee + on_top) if charge.paid else None,
    }


def transaction(world: World, charge: Charge) -> dict[str, Any]:
    """As verify and tokenized charges show it."""
    paid_with = world.store.get(Card, charge.card_id)
    shown: dict[str, Any] = {
        "id": charge.id,
        "tx_ref": charge.reference,
        "flw_ref": flw_ref(world, charge),
        "device_fingerprint": "N/A",
        **amounts(charge),
        "currency": charge.currency,
        "processor_response": processor_response(charge),
        "auth_model": "noauth" if charge.origin == "token" else "PIN" if charge.channel == "card" else "AUTH",
        "ip": "127.0.0.1",
        "narration": charge.narration or "CARD Transaction ",
        "status": status_of(charge),
        "payment_type": charge.channel,
        "created_at": wire_time(charge.created_at),
        "account_id": ACCOUNT_ID,
        "meta": charge.metadata,
        "customer": customer(world.store.known(Person, charge.person_id)),
    }
    if paid_with is not None and charge.channel == "card":
        shown["card"] = card(paid_with)
    return shown


def listed(world: World, charge: Charge) -> dict[str, Any]:
    """As a list shows it: flatter, with ids as strings."""
    shown = transaction(world, charge)
    person = shown.pop("customer")
    del shown["meta"]
    shown |= {"id": str(charge.id), "account_id": str(ACCOUNT_ID)}
    return shown | {"customer_name": person["name"], "customer_email": person["email"]}


def refund(world: World, row: Refund) -> dict[str, Any]:
    charge = world.store.known(Charge, row.charge_id)
    status = {"processed": "completed", "needs-attention": "failed"}.get(row.status, row.status)
    return {
        "id": row.id,
        "account_id": ACCOUNT_ID,
        "tx_id": row.charge_id,
        "flw_ref": flw_ref(world, charge),
        "wallet_id": ACCOUNT_ID + 1,
        "amount_refunded": major(row.amount),
        "status": status,
        "destination": "payment_source",
        "meta": {"source": "availablebalance"},
        "comments": row.merchant_note or None,
        "created_at": wire_time(row.created_at),
    }


def transfer(world: World, row: Transfer) -> dict[str, Any]:
    bank = BY_CODE.get(row.bank_code)
    # NEW when it is made, PENDING while it is under way.
    under_way = row.status == "pending" and world.now > row.created_at
    return {
        "id": row.id,
        "account_number": row.account_number,
        "bank_code": row.bank_code,
        "full_name": row.name,
        "created_at": wire_time(row.created_at),
        "currency": row.currency,
        "debit_currency": row.currency,
        "amount": major(row.amount),
        "fee": major(row.fee),
        "status": "PENDING" if under_way else _TRANSFER_STATUS[row.status],
        "reference": row.reference,
        "meta": row.meta,
        "narration": row.narration,
        "complete_message": row.message,
        "requires_approval": 0,
        "is_approved": 1,
        "bank_name": bank.name.upper() if bank else "N/A",
    }


def account(row: Account) -> dict[str, Any]:
    """A virtual account number; `response_code` 02 is success here."""
    return {
        "response_code": "02",
        "response_message": "Transaction in progress",
        "flw_ref": row.flw_ref,
        "order_ref": row.order_ref,
        "account_number": row.account_number,
        "frequency": "N/A",
        "bank_name": row.bank_name.upper(),
        "created_at": row.created_at.strftime("%Y-%m-%d %H:%M:%S"),
        "expiry_date": "N/A",
        "note": f"Please make a bank transfer to {row.account_name}",
        "amount": None if row.amount is None else major(row.amount),
    }


_CHARGEBACKS = {"declined": "won", "merchant-accepted": "accepted", "auto-accepted": "lost"}


def chargeback(world: World, dispute: Dispute) -> dict[str, Any]:
    """A chargeback, as GET /chargebacks lists it."""
    charge = world.store.known(Charge, dispute.charge_id)
    return {
        "id": dispute.id,
        "amount": major(dispute.amount),
        "flw_ref": flw_ref(world, charge),
        "status": _CHARGEBACKS.get(dispute.resolution or "", "initiated"),
        "stage": "new",
        "comment": "Product/service not received",
        "meta": {"uploaded_proof": None, "history": []},
        "due_date": wire_time(dispute.created_at),
        "settlement_id": "N/A",
        "created_at": wire_time(dispute.created_at),
        "transaction_id": charge.id,
        "tx_ref": charge.reference,
    }
