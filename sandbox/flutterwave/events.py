"""Flutterwave's webhooks, nested or in the legacy flat shape. It tells of failed charges too."""

from __future__ import annotations

import json
from typing import Any

from sandbox.clock import wire_time
from sandbox.flutterwave import shapes
from sandbox.records import Card, Charge, Dispute, Person, Refund, Transfer, Vend
from sandbox.wire import answer_json, major
from sandbox.world import ACCOUNT_ID, World


def charge_completed(world: World, charge: Charge) -> None:
    """charge.completed, successful or failed: each attempt is told."""
    event_type = shapes.EVENT_TYPES.get(charge.channel, "CARD_TRANSACTION")
    if _flat(world):
        _send(world, "charge.completed", {**_flat_charge(world, charge), "event.type": event_type})
        return
    data = shapes.transaction(world, charge)
    for name in ("meta", "amount_settled"):
        del data[name]
    if "card" in data:
        del data["card"]["token"]
    body: dict[str, Any] = {"event": "charge.completed", "data": data}
    if charge.metadata or charge.channel == "bank_transfer":
        body["meta_data"] = {
            "__CheckoutInitAddress": f"{world.base_url}/checkout/flutterwave",
            **(charge.metadata or {}),
        }
    _send(world, "charge.completed", body | {"event.type": event_type})


def _flat_charge(world: World, charge: Charge) -> dict[str, Any]:
    person = world.store.known(Person, charge.person_id)
    seen, made = shapes.transaction(world, charge), wire_time(person.created_at)
    paid_with = world.store.get(Card, charge.card_id)
    if charge.channel == "bank_transfer":
        entity: dict[str, Any] = {"account_number": "1234567890", "first_name": "SANDBOX", "last_name": "SENDER"}
    elif paid_with is not None:
        entity = {"card6": paid_with.number[:6], "card_last4": paid_with.number[-4:]}
    else:
        entity = {"id": "NO-ENTITY"}
    return {
        "id": charge.id,
        "txRef": charge.reference,
        "flwRef": seen["flw_ref"],
        "orderRef": f"URF_{charge.id}",
        "paymentPlan": None,
        "paymentPage": None,
        "createdAt": wire_time(charge.created_at),
        "amount": seen["amount"],
        "charged_amount": seen["charged_amount"],
        "status": seen["status"],
        "IP": "127.0.0.1",
        "currency": charge.currency,
        "appfee": seen["app_fee"],
        "merchantfee": 0,
        "merchantbearsfee": int(not charge.payer_bears),
        "charge_type": "normal",
        "customer": {
            "id": person.id,
            "phone": person.phone,
            "fullName": seen["customer"]["name"],
            "customertoken": None,
            "email": person.email,
            "createdAt": made,
            "updatedAt": made,
            "deletedAt": None,
            "AccountId": ACCOUNT_ID,
        },
        "entity": entity,
    }


def transfer_completed(world: World, transfer: Transfer) -> None:
    """transfer.completed, SUCCESSFUL or FAILED."""
    data = shapes.transfer(world, transfer)
    data["fullname"] = data.pop("full_name")
    data["approver"] = None
    if _flat(world):
        data["date_created"] = data.pop("created_at")
        for name in ("debit_currency", "meta"):
            del data[name]
        _send(world, "transfer.completed", {"event.type": "Transfer", "transfer": data})
        return
    _send(world, "transfer.completed", {"event": "transfer.completed", "event.type": "Transfer", "data": data})


def refund_changed(world: World, refund: Refund) -> None:
    """Flat, without `event`; off unless the dial is on."""
    if not world.dials.value("webhook.flutterwave_refunds", provider="flutterwave"):
        return
    charge = world.store.known(Charge, refund.charge_id)
    seen = shapes.refund(world, refund)
    body = {
        "id": refund.id,
        "AmountRefunded": major(refund.amount),
        "status": seen["status"],
        "FlwRef": shapes.flw_ref(world, charge),
        "destination": "payment_source",
        "comments": seen["comments"],
        "settlement_id": "NEW",
        "meta": json.dumps({"source": "ledgerbalance"}, separators=(",", ":")),
        "createdAt": wire_time(refund.created_at),
        "updatedAt": wire_time(refund.updated_at),
        "deletedAt": None,
        "walletId": ACCOUNT_ID + 1,
        "AccountId": ACCOUNT_ID,
        "TransactionId": refund.charge_id,
    }
    _send(world, "refund", body)


def chargeback_changed(world: World, dispute: Dispute) -> None:
    """Sent at each step; its body is described nowhere, and is made up here from what the list answers."""
    data = shapes.chargeback(world, dispute)
    _send(world, "chargeback", {"event": "chargeback", "event.type": "CHARGEBACK", "data": data})


def bill_ended(world: World, vend: Vend, *, network: str) -> None:
    """singlebillpayment.status: our reference is the customer's there, and no token is in it."""
    data = {
        "customer": vend.customer,
        "amount": major(vend.amount),
        "network": network,
        "tx_ref": f"CF-FLYAPI-{vend.id}",
        "flw_ref": f"BPUSSD{vend.id}",
        "batch_reference": None,
        "customer_reference": vend.reference,
        "status": "success" if vend.status == "sold" else "failed",
        "message": "Bill Payment was completed successfully" if vend.status == "sold" else vend.message,
        "reference": None,
    }
    body = {"event": "singlebillpayment.status", "event.type": "SingleBillPayment", "data": data}
    _send(world, "singlebillpayment.status", body)


def _flat(world: World) -> bool:
    return world.dials.value("webhook.flat", provider="flutterwave") > 0


def _send(world: World, event: str, body: dict[str, Any]) -> None:
    world.send(provider="flutterwave", event=event, body=answer_json(body).body.decode())
