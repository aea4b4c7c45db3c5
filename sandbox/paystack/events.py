"""Paystack's webhooks: what happened, in its words. It tells of successful charges only; a failed one must be asked for."""

from __future__ import annotations

import json
from typing import Any

from sandbox.clock import wire_time
from sandbox.paystack import payout_shapes, shapes
from sandbox.records import Account, Charge, Dispute, Person, Recipient, Refund, Transfer
from sandbox.world import INTEGRATION, MERCHANT, World


def charge_succeeded(world: World, charge: Charge) -> None:
    data = shapes.transaction(world, charge)
    account = world.store.get(Account, charge.account_id)
    if account is not None:
        data["metadata"] = {
            "receiver_account_number": account.account_number,
            "receiver_bank": account.bank_name,
            "receiver_account_type": None,
            "custom_fields": [
                {
                    "display_name": "Receiver Account",
                    "variable_name": "receiver_account_number",
                    "value": account.account_number,
                },
                {"display_name": "Receiver Bank", "variable_name": "receiver_bank", "value": account.bank_name},
            ],
        }
    for name in ("receipt_number", "helpdesk_link", "connect", "transaction_date", "plan_object"):
        del data[name]
    _send(world, "charge.success", {**data, "plan": {}})


def bank_transfer_rejected(world: World, charge: Charge, *, sent: int) -> None:
    """Somebody sent another amount to the account shown; the bank sends it back."""
    person = world.store.known(Person, charge.person_id)
    _send(
        world,
        "bank.transfer.rejected",
        {
            "bank_transfer": {
                "amount": str(sent),
                "message": "incorrect amount sent",
                "message_type": "INCORRECT_AMOUNT",
                "transaction_id": str(charge.id),
            },
            "customer": {
                "first_name": person.first_name,
                "last_name": person.last_name,
                "email": person.email,
                "phone": person.phone,
                "metadata": person.metadata,
                "domain": shapes.domain(world),
                "customer_code": person.code,
                "risk_action": "default",
                "id": person.id,
                "integration": INTEGRATION,
                "createdAt": wire_time(person.created_at),
                "updatedAt": wire_time(person.created_at),
            },
        },
    )


def refund_changed(world: World, refund: Refund) -> None:
    """refund.pending, .processing, .processed, .failed or .needs-attention. Found by `transaction_reference`; the amount is a
    string but where Paystack's samples have a number."""
    charge = world.store.known(Charge, refund.charge_id)
    person = world.store.known(Person, charge.person_id)
    as_number = refund.status in ("failed", "needs-attention")
    data: dict[str, Any] = {
        "status": refund.status,
        "transaction_reference": charge.reference,
        "refund_reference": None
        if refund.status in ("pending", "processing")
        else f"TRF_{world.code('refund', serial=refund.id, length=16)}",
        "amount": refund.amount if as_number else str(refund.amount),
        "currency": refund.currency,
        "processor": "instant-transfer",
        "customer": {"first_name": person.first_name, "last_name": person.last_name, "email": person.email},
        "integration": INTEGRATION,
        "domain": shapes.domain(world),
    }
    if refund.status == "needs-attention":
        del data["processor"]
        data |= {"id": str(refund.id), "customer_note": refund.customer_note, "merchant_note": refund.merchant_note}
    _send(world, f"refund.{refund.status}", data)


def transfer_ended(world: World, transfer: Transfer) -> None:
    """transfer.success, .failed or .reversed; the last two spell their times with an underscore."""
    data = payout_shapes.transfer(world, transfer)
    data["integration"] = {"id": INTEGRATION, "is_live": shapes.domain(world) == "live", "business_name": MERCHANT}
    for name in ("request", "fees_breakdown"):
        del data[name]
    receiver = world.store.known(Recipient, transfer.recipient_id)
    del data["recipient"]["isDeleted"]
    if transfer.status != "success":
        for name in ("createdAt", "updatedAt", "fee_charged", "gateway_response"):
            del data[name]
        for name in ("createdAt", "updatedAt"):
            del data["recipient"][name]
        at = wire_time(receiver.created_at)
        data["recipient"] |= {"created_at": at, "updated_at": at}
        data |= {"created_at": wire_time(transfer.created_at), "updated_at": wire_time(transfer.updated_at)}
    _send(world, f"transfer.{transfer.status}", data)


def dispute_changed(world: World, dispute: Dispute, *, event: str) -> None:
    """charge.dispute.create, .remind or .resolve."""
    _send(world, f"charge.dispute.{event}", shapes.dispute(world, dispute))


def _send(world: World, event: str, data: dict[str, Any]) -> None:
    world.send(provider="paystack", event=event, body=json.dumps({"event": event, "data": data}))
