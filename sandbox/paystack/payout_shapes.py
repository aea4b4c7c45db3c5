"""Paystack's recipients, transfers and dedicated accounts, field by field, as its samples show them."""

from __future__ import annotations

from typing import Any

from sandbox.banks import BANKS, BY_CODE
from sandbox.clock import wire_time
from sandbox.paystack.shapes import customer, domain
from sandbox.records import Account, Person, Recipient, Transfer
from sandbox.world import INTEGRATION, World


def recipient(row: Recipient, *, world: World) -> dict[str, Any]:
    at = wire_time(row.created_at)
    bank = BY_CODE.get(row.bank_code)
    return {
        "active": True,
        "createdAt": at,
        "currency": row.currency,
        "description": row.description,
        "domain": domain(world),
        "email": None,
        "id": row.id,
        "integration": INTEGRATION,
        "metadata": row.metadata,
        "name": row.name,
        "recipient_code": row.code,
        "type": row.kind,
        "updatedAt": at,
        "is_deleted": False,
        "isDeleted": False,
        "details": {
            "authorization_code": None,
            "account_number": row.account_number,
            "account_name": row.name,
            "bank_code": row.bank_code,
            "bank_name": bank.name if bank else None,
        },
    }


def transfer(world: World, row: Transfer, *, full: bool = True) -> dict[str, Any]:
    """As fetch, verify and the webhooks show it; `full=False` as it is answered when it is made."""
    shown: dict[str, Any] = {
        "amount": row.amount,
        "createdAt": wire_time(row.created_at),
        "currency": row.currency,
        "domain": domain(world),
        "failures": None,
        "id": row.id,
        "integration": INTEGRATION,
        "reason": row.narration,
        "reference": row.reference,
        "source": "balance",
        "source_details": None,
        "status": row.status,
        "titan_code": None,
        "transfer_code": row.code,
        "request": row.id + 1,
        "transferred_at": wire_time(row.updated_at) if row.status == "success" else None,
        "updatedAt": wire_time(row.updated_at),
        "recipient": row.recipient_id,
    }
    if not full:
        return shown | {"transfersessionid": [], "transfertrials": []}
    receiver = world.store.known(Recipient, row.recipient_id)
    return shown | {
        "recipient": recipient(receiver, world=world),
        "session": {
            "provider": "nip" if row.status == "success" else None,
            "id": str(row.id) if row.status == "success" else None,
        },
        "fee_charged": row.fee,
        "fees_breakdown": None,
        "gateway_response": row.message or None,
    }


def account(row: Account, *, world: World) -> dict[str, Any]:
    """A dedicated virtual account."""
    person = world.store.known(Person, row.person_id)
    bank = next((bank for bank in BANKS if bank.slug == row.bank_slug), BANKS[16])
    at = wire_time(row.created_at)
    return {
        "bank": {"name": row.bank_name, "id": bank.id, "slug": row.bank_slug},
        "account_name": row.account_name,
        "account_number": row.account_number,
        "assigned": True,
        "currency": row.currency,
        "metadata": None,
        "active": row.active,
        "id": row.id,
        "created_at": at,
        "updated_at": at,
        "assignment": {
            "integration": INTEGRATION,
            "assignee_id": person.id,
            "assignee_type": "Customer",
            "expired": False,
            "account_type": "PAY-WITH-TRANSFER-RECURRING",
            "assigned_at": at,
            "expired_at": None,
        },
        "customer": customer(person),
        "split_config": {},
    }
