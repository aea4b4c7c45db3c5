"""Flutterwave's bills: the catalogue, whose number it is, buying, and what became of it."""

from __future__ import annotations

from typing import Any

from sandbox import paying_out, vending
from sandbox.clock import wire_time
from sandbox.flutterwave import replies
from sandbox.records import Vend
from sandbox.utilities import BILLERS, BY_CODE, CATEGORIES, WITHDRAWN, Item, item_of, name_behind
from sandbox.wire import Answer, Request, major
from sandbox.world import World

_NOT_FOUND = "No bill payment was found for this reference"


def categories(world: World, request: Request) -> Answer:  # noqa: ARG001
    rows = [
        {"id": number, "name": name, "code": code, "description": name, "country_code": "NG"}
        for number, (code, name) in enumerate(CATEGORIES, start=1)
    ]
    return replies.ok("Categories fetched successfully", rows)


def billers(world: World, request: Request) -> Answer:
    rows = [
        {
            "id": number,
            "name": biller.name,
            "logo": None,
            "description": biller.name,
            "short_name": biller.short_name,
            "biller_code": biller.code,
            "country_code": "NG",
        }
        for number, biller in enumerate(BILLERS, start=1)
        if biller.category == request.params["category"] and not _withdrawn(world, biller.code)
    ]
    return replies.ok("Billers fetched successfully", rows)


def items(world: World, request: Request) -> Answer:
    biller = BY_CODE.get(request.params["biller"])
    if biller is None or _withdrawn(world, biller.code):
        raise replies.refusal(400, "Biller not found")
    rows = [
        {
            "id": number,
            "biller_code": biller.code,
            "name": item.name,
            "default_commission": 0.3,
            "country": "NG",
            "is_airtime": False,
            "biller_name": item.name,
            "item_code": item.code,
            "short_name": biller.short_name,
            "fee": major(item.fee),
            "commission_on_fee": False,
            "label_name": item.label,
            "amount": major(item.amount),
            "is_resolvable": True,
        }
        for number, item in enumerate(biller.items, start=1)
    ]
    return replies.ok("Bill items fetched successfully", rows)


def validate(world: World, request: Request) -> Answer:
    biller, number = request.query.get("code", ""), request.query.get("customer", "")
    item = _item(world, biller, request.params["item"])
    name = name_behind(item=item, number=number)
    if name is None:
        raise replies.refusal(400, f"Invalid {item.label.lower()}: the customer was not found")
    return replies.ok(
        "Item validated successfully",
        {
            "response_code": "00",
            "address": None,
            "response_message": "Successful",
            "name": name,
            "biller_code": biller,
            "customer": number,
            "product_code": item.code,
            "email": None,
            "fee": major(item.fee),
            "maximum": major(item.maximum),
            "minimum": major(item.minimum),
        },
    )


def pay(world: World, request: Request) -> Answer:
    body = replies.body_of(request)
    biller = request.params["biller"]
    item = _item(world, biller, request.params["item"])
    customer, amount = replies.text(body, "customer_id"), replies.amount(body)
    reference = str(body.get("reference") or f"sandbox-{world.store.serial()}")
    if world.store.first(Vend, "flutterwave", reference):
        raise replies.refusal(400, "Duplicate reference: a bill payment with this reference already exists")
    if name_behind(item=item, number=customer) is None:
        raise replies.refusal(400, f"Invalid {item.label.lower()}: the customer was not found")
    if item.amount and amount != item.amount:
        raise replies.refusal(400, "Invalid amount for this item")
    if (item.minimum and amount < item.minimum) or (item.maximum and amount > item.maximum):
        raise replies.refusal(400, "Amount is below the minimum or above the maximum for this item")
    if amount + item.fee > paying_out.balance(world, provider="flutterwave", currency="NGN"):
        raise replies.refusal(400, "Insufficient funds in your wallet to complete this bill payment")
    if world.fault("bill.refused", provider="flutterwave"):
        raise replies.refusal(400, "This biller cannot be reached at the moment")
    vend = vending.start_vend(world, reference=reference, biller=biller, item=item, customer=customer, amount=amount)
    token = vending.shown_token(world, vend)
    return replies.ok(
        "Bill payment successful",
        {
            "phone_number": customer,
            "amount": major(amount),
            "network": None if item.prepaid else f"{BY_CODE[biller].short_name} Payment",
            "code": "300" if item.prepaid else "200",
            "tx_ref": f"CF-FLYAPI-{vend.id}",
            "reference": reference if item.prepaid else f"BPUSSD{vend.id}",
            "batch_reference": None,
            "recharge_token": token,
            "fee": major(vend.fee),
        },
    )


def status(world: World, request: Request) -> Answer:
    """By our reference. As the samples have it, without a word for how it stands while nothing went wrong."""
    vend = world.store.first(Vend, "flutterwave", request.params["reference"])
    hidden = world.seconds("verify.missing_seconds", provider="flutterwave")
    if vend is None or world.now - vend.created_at < hidden:
        raise replies.refusal(
            404 if world.dials.value("verify.unknown_is_404", provider="flutterwave") else 400, _NOT_FOUND
        )
    biller = BY_CODE[vend.biller]
    amount = vend.amount - (1_00 if world.fault("bill.wrong_amount", provider="flutterwave") else 0)
    other = world.fault("bill.wrong_customer", provider="flutterwave")
    shown: dict[str, Any] = {
        "currency": "NGN",
        "customer_id": f"{vend.customer[:-1]}x" if other else vend.customer,
        "frequency": "One Time",
        "amount": f"{amount / 100:.2f}",
        "fee": major(vend.fee),
        "product": biller.category,
        "product_name": f"{biller.short_name} Payment",
        "commission": 0,
        "transaction_date": wire_time(vend.created_at),
        "customer_reference": vend.reference,
        "country": "NG",
        "flw_ref": f"BPUSSD{vend.id}" if vend.status == "sold" else "",
        "tx_ref": f"CF-FLYAPI-{vend.id}",
        "batch_id": vend.id,
        "extra": vending.shown_token(world, vend),
        "product_details": f"FLY-API-NG-{biller.short_name}",
    }
    if vend.status in ("failed", "reversed"):
        shown |= {"status": vend.status, "message": vend.message}
    if vend.status == "sold" and vend.units:
        shown |= {"units": vend.units, "tariff": "NGN 68.00 per kWh"}
    return replies.ok("Bill status fetch successful", shown)


def _item(world: World, biller: str, code: str) -> Item:
    item = item_of(biller=biller, item=code)
    if item is None or _withdrawn(world, biller):
        raise replies.refusal(400, "Biller item not found")
    return item


def _withdrawn(world: World, biller: str) -> bool:
    return biller == WITHDRAWN and world.dials.value("bill.withdrawn", provider="flutterwave") > 0
