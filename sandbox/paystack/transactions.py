"""Paystack's transactions: initialize, verify, fetch, list, and charging a saved card."""

from __future__ import annotations

import json
import re
from typing import Any

from sandbox import charging, settling
from sandbox.paystack import replies, shapes
from sandbox.records import Card, Charge, Person
from sandbox.wire import Answer, Request
from sandbox.world import World

_REFERENCE = re.compile(r"[A-Za-z0-9.=-]+$")
_CHANNELS = (
    *("card", "bank", "apple_pay", "ussd", "qr", "mobile_money", "bank_transfer", "eft", "capitec_pay", "payattitude"),
)
_SMALLEST = {"NGN": 50_00, "USD": 2_00, "GHS": 10, "ZAR": 1_00, "KES": 3_00}


def initialize(world: World, request: Request) -> Answer:
    body = replies.body_of(request)
    charge = _new_charge(world, body, origin="checkout")
    charge.channels = _channels(body)
    charge.channel = charge.channels[0]
    world.store.add(charge)
    return replies.ok("Authorization URL created", _authorization_url(world, charge))


def charge_authorization(world: World, request: Request) -> Answer:
    body = replies.body_of(request)
    code = replies.text(body, "authorization_code", label="Authorization code")
    email = replies.email(body)
    card = world.store.first(Card, "paystack", code)
    if card is None:
        raise replies.refusal(400, "Authorization code is invalid")
    if card.email.lower() != email.lower() or not card.active or not card.reusable:
        raise replies.refusal(
            400,
            "Email does not match Authorization code. Authorization may be inactive or belong to a different email."
            " Please confirm.",
        )
    charge = world.store.add(_new_charge(world, body, origin="authorization"))
    if charging.charge_saved_card(world, charge, card) == "challenge":
        said = "Please, redirect your customer to the authorization url provided"
        return replies.ok(said, {**_authorization_url(world, charge), "paused": True})
    seen = shapes.transaction(world, charge)
    named = (
        *("amount", "currency", "transaction_date", "status", "reference", "domain", "metadata", "gateway_response"),
        *("message", "channel", "ip_address", "log", "fees", "authorization", "customer", "plan", "id"),
    )
    return replies.ok("Charge attempted", {name: seen[name] for name in named})


def verify(world: World, request: Request) -> Answer:
    charge = world.store.first(Charge, "paystack", request.params["reference"])
    hidden = world.seconds("verify.missing_seconds", provider="paystack")
    if charge is None or world.now - charge.created_at < hidden:
        raise replies.refusal(
            404 if world.dials.value("verify.unknown_is_404", provider="paystack") else 400,
            "Transaction reference not found.",
            code="transaction_not_found",
            next_step="Ensure that you're passing the reference of a transaction that exists on this integration",
        )
    seen = shapes.transaction(world, charge)
    for name in ("helpdesk_link",):
        del seen[name]
    return replies.ok("Verification successful", _distorted(world, seen))


def fetch(world: World, request: Request) -> Answer:
    number = request.params["id"]
    charge = world.store.get(Charge, int(number)) if number.isdecimal() else None
    if charge is None or charge.provider != "paystack":
        raise replies.refusal(404, "Transaction not found")
    seen = shapes.transaction(world, charge) | {"plan": {}}
    for name in ("transaction_date", "plan_object"):
        del seen[name]
    return replies.ok("Transaction retrieved", _distorted(world, seen))


def listed(world: World, request: Request) -> Answer:
    """The newest first; `status`, `from`, `to`, `customer`, `customer_code`, `amount`, `channel`, `settlement` narrow it."""
    query = request.query
    rows = [charge for charge in world.store.all(Charge) if charge.provider == "paystack"]
    if query.get("settlement"):
        chosen = [one for one in settling.settlements(world, provider="paystack") if str(one.id) == query["settlement"]]
        ids = {charge.id for settlement in chosen for charge in settlement.charges}
        rows = [charge for charge in rows if charge.id in ids]
    wanted: dict[str, Any] = {
        "status": shapes.status_of,
        "customer": lambda charge: str(charge.person_id),
        "amount": lambda charge: str(shapes.amount_of(charge)),
        "reference": lambda charge: charge.reference,
        "currency": lambda charge: charge.currency,
        "channel": lambda charge: charge.channel,
        "customer_code": lambda charge: world.store.known(Person, charge.person_id).code,
    }
    for name, of in wanted.items():
        if query.get(name):
            rows = [charge for charge in rows if of(charge) == query[name]]
    rows = [charge for charge in rows if replies.between(request, charge.created_at)]
    page, meta = replies.page_of(request, sorted(rows, key=lambda charge: charge.id, reverse=True))
    shown = [listed_row(world, charge) for charge in page]
    if "page" in meta:
        meta = {**meta, "total_volume": sum(shapes.amount_of(charge) for charge in rows)}
    return replies.ok("Transactions retrieved", shown, meta=meta)


def listed_row(world: World, charge: Charge) -> dict[str, Any]:
    seen = shapes.transaction(world, charge) | {"plan": {}}
    for name in ("receipt_number", "helpdesk_link", "fees_breakdown", "transaction_date", "plan_object"):
        del seen[name]
    return seen


def _new_charge(world: World, body: dict[str, Any], *, origin: str) -> Charge:
    email = replies.email(body)
    amount, currency = replies.amount(body), replies.currency(body)
    if amount < _SMALLEST[currency]:
        raise replies.invalid("Invalid Amount Sent")
    number = world.store.serial()
    reference = str(body.get("reference") or world.code("reference", serial=number))
    if not _REFERENCE.match(reference):
        raise replies.invalid("Invalid characters in reference. Only -,., = and alphanumeric characters are allowed")
    if world.store.first(Charge, "paystack", reference):
        raise replies.refusal(
            400,
            "Duplicate Transaction Reference",
            code="duplicate_reference",
            next_step="Generate a new reference for your transaction",
        )
    named = {name: body.get(name) for name in ("first_name", "last_name", "phone")}
    person = world.person(provider="paystack", email=email, now=world.now, **named)
    return Charge(
        id=number,
        provider="paystack",
        reference=reference,
        requested=amount,
        currency=currency,
        person_id=person.id,
        created_at=world.now,
        origin=origin,
        metadata=_metadata(body.get("metadata")),
        callback_url=str(body.get("callback_url") or ""),
        access_code=world.code("access", serial=number),
    )


def _metadata(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _channels(body: dict[str, Any]) -> list[str]:
    asked = body.get("channels") or ["card", "bank_transfer", "ussd", "mobile_money"]
    if not isinstance(asked, list) or not set(asked) <= set(_CHANNELS):
        raise replies.invalid("Invalid channels passed")
    return [str(channel) for channel in asked]


def _authorization_url(world: World, charge: Charge) -> dict[str, str]:
    return {
        "authorization_url": f"{world.base_url}/checkout/paystack/{charge.access_code}",
        "access_code": charge.access_code,
        "reference": charge.reference,
    }


def _distorted(world: World, seen: dict[str, Any]) -> dict[str, Any]:
    """The answer with the lies the dials tell."""
    lies: dict[str, dict[str, Any]] = {
        "amount": {"amount": seen["amount"] - 100, "requested_amount": seen["requested_amount"] - 100},
        "currency": {"currency": "GHS" if seen["currency"] == "NGN" else "NGN"},
        "reference": {"reference": f"{seen['reference']}0"},
        "domain": {"domain": "live" if seen["domain"] == "test" else "test"},
    }
    for name, lie in lies.items():
        if world.fault(f"verify.wrong_{name}", provider="paystack"):
            seen |= lie
    return seen


def person_of(world: World, word: str) -> Person | None:
    """A customer by id, code or e-mail."""
    if word.isdecimal():
        return world.store.get(Person, int(word))
    return world.store.first(Person, "paystack", "code", word) or world.store.first(Person, "paystack", word.lower())
