"""Flutterwave's hosted page, its transactions, tokenized charges and refunds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sandbox import charging, refunding
from sandbox.flutterwave import events, replies, shapes
from sandbox.records import Card, Charge, Dispute, Link, Person, Refund
from sandbox.wire import Answer, Request, major, minor_of_major
from sandbox.world import World

_NOT_FOUND = "No transaction was found for this id"
_LONGEST_SESSION = 1440


def start_payment(world: World, request: Request) -> Answer:
    body = replies.body_of(request)
    reference = replies.text(body, "tx_ref")
    amount, currency = replies.amount(body), replies.currency(body)
    redirect_url = replies.text(body, "redirect_url")
    payer = body.get("customer")
    if not isinstance(payer, dict):
        raise replies.refusal(400, "customer is required")
    email = replies.email(payer)
    _refuse_known(world, reference)
    first, _, last = str(payer.get("name") or "").partition(" ")
    person = world.person(
        provider="flutterwave",
        email=email,
        now=world.now,
        first_name=first,
        last_name=last,
        phone=payer.get("phonenumber") or payer.get("phone_number"),
    )
    dress = body.get("customizations") if isinstance(body.get("customizations"), dict) else {}
    assert isinstance(dress, dict)  # noqa: S101
    number = world.store.serial()
    link = world.store.add(
        Link(
            id=number,
            token=f"flwlnk-{world.code('link', serial=number, length=20)}",
            reference=reference,
            amount=amount,
            currency=currency,
            person_id=person.id,
            redirect_url=redirect_url,
            created_at=world.now,
            expires_at=_expires_at(world, body),
            title=str(dress.get("title") or ""),
            description=str(dress.get("description") or ""),
            options=str(body.get("payment_options") or ""),
            meta=body.get("meta"),
        )
    )
    return replies.ok("Hosted Link", {"link": f"{world.base_url}/checkout/flutterwave/{link.token}"})


def _expires_at(world: World, body: dict[str, Any]) -> Any:
    settings = body.get("configurations") if isinstance(body.get("configurations"), dict) else {}
    assert isinstance(settings, dict)  # noqa: S101
    minutes = settings.get("session_duration", body.get("session_duration"))
    if minutes in (None, "", 0):
        return None
    if isinstance(minutes, bool) or not str(minutes).isdecimal() or int(minutes) > _LONGEST_SESSION:
        raise replies.refusal(400, f"session_duration must be at most {_LONGEST_SESSION}")
    return world.now + timedelta(minutes=int(minutes))


def disable_link(world: World, request: Request) -> Answer:
    """The page takes no more payments."""
    token = replies.text(replies.body_of(request), "link").rsplit("/", 1)[-1]
    link = world.store.first(Link, "token", token)
    if link is None:
        raise replies.refusal(404, "Payment link not found")
    if not link.active:
        raise replies.refusal(400, "This payment link is currently inactive")
    link.active = False
    world.store.touch(link)
    return replies.ok("Payment link disabled", None)


def tokenized_charge(world: World, request: Request) -> Answer:
    body = replies.body_of(request)
    token, email = replies.text(body, "token"), replies.email(body)
    replies.text(body, "currency")
    amount, currency, reference = replies.amount(body), replies.currency(body), replies.text(body, "tx_ref")
    card = world.store.first(Card, "flutterwave", token)
    if card is None or not card.active or card.email.lower() != email.lower():
        raise replies.refusal(400, "Wrong token or email passed")
    _refuse_known(world, reference)
    charge = world.store.add(
        Charge(
            id=world.store.serial(),
            provider="flutterwave",
            reference=reference,
            requested=amount,
            currency=currency,
            person_id=card.person_id,
            created_at=world.now,
            origin="token",
            metadata=body.get("meta"),
            narration=str(body.get("narration") or ""),
            callback_url=str(body.get("redirect_url") or ""),
        )
    )
    status = charging.charge_saved_card(world, charge, card)
    seen = shapes.transaction(world, charge)
    for name in ("meta", "amount_settled"):
        del seen[name]
    seen["redirect_url"] = charge.callback_url or None
    if status == "challenge":
        charge.status = "pending"
        charge.access_code = world.code("access", serial=charge.id)
        world.store.rename(charge)
        url = f"{world.base_url}/checkout/flutterwave/{charge.access_code}"
        meta = {"authorization": {"mode": "redirect", "redirect": url}}
        waiting = "Transaction is pending authentication"
        return replies.ok("Charge initiated", {**seen, "status": "pending", "processor_response": waiting}, meta=meta)
    if status == "failed":
        return replies.ok("Charge failed", seen)
    return replies.ok("Charge successful" if status == "success" else "Charge in progress", seen)


def verify(world: World, request: Request) -> Answer:
    return _verified(world, _charge(world, request.params["id"]))


def verify_by_reference(world: World, request: Request) -> Answer:
    """Of several attempts the one that paid, else the newest."""
    query: dict[str, Any] = dict(request.query)
    found = world.store.find(Charge, "flutterwave", replies.text(query, "tx_ref"))
    paid = [charge for charge in found if charge.paid]
    one_of = paid or found
    return _verified(world, one_of[-1] if one_of else None)


def _verified(world: World, charge: Charge | None) -> Answer:
    hidden = world.seconds("verify.missing_seconds", provider="flutterwave")
    if charge is None or world.now - charge.created_at < hidden:
        unknown = world.dials.value("verify.unknown_is_404", provider="flutterwave")
        raise replies.refusal(404 if unknown else 400, _NOT_FOUND)
    seen = shapes.transaction(world, charge)
    lies: dict[str, dict[str, Any]] = {
        "amount": {name: seen[name] - 1 for name in ("amount", "charged_amount")},
        "currency": {"currency": "GHS" if charge.currency == "NGN" else "NGN"},
        "reference": {"tx_ref": f"{charge.reference}0"},
    }
    for name, lie in lies.items():
        if world.fault(f"verify.wrong_{name}", provider="flutterwave"):
            seen |= lie
    return replies.ok("Transaction fetched successfully", seen)


def listed(world: World, request: Request) -> Answer:
    """The newest first; `status`, `tx_ref`, `currency`, `customer_email`, `from` and `to` narrow it."""
    query = request.query
    people = {person.id: person.email for person in world.store.all(Person)}
    rows = [
        charge
        for charge in world.store.all(Charge)
        if charge.provider == "flutterwave"
        and query.get("status", shapes.status_of(charge)) == shapes.status_of(charge)
        and query.get("tx_ref", charge.reference) == charge.reference
        and query.get("currency", charge.currency) == charge.currency
        and query.get("customer_email", people[charge.person_id]).lower() == people[charge.person_id].lower()
        and replies.between(request, charge.created_at)
    ]
    page, meta = replies.page_of(request, rows[::-1])
    return replies.ok("Transactions fetched", [shapes.listed(world, charge) for charge in page], meta=meta)


def fee(world: World, request: Request) -> Answer:  # noqa: ARG001
    query: dict[str, Any] = dict(request.query)
    amount = replies.amount(query)
    taken = charging.fee_of(provider="flutterwave", amount=amount)
    data = {
        "charge_amount": major(amount),
        "fee": major(taken),
        "merchant_fee": 0,
        "flutterwave_fee": major(taken),
        "stamp_duty_fee": 0,
        "currency": replies.currency(query),
    }
    return replies.ok("Charged fee", data)


def resend_hook(world: World, request: Request) -> Answer:
    charge = _charge(world, request.params["id"])
    if charge is None:
        raise replies.refusal(400, _NOT_FOUND)
    if charge.status not in ("open", "pending"):
        events.charge_completed(world, charge)
    return replies.ok("hook sent successfully", "hook sent")


def refund(world: World, request: Request) -> Answer:
    body = replies.body_of(request)
    charge = _charge(world, request.params["id"])
    if charge is None:
        raise replies.refusal(400, _NOT_FOUND)
    if not charge.paid or charge.status == "reversed":
        raise replies.refusal(400, "Only successful transactions can be refunded")
    left = charge.paid - refunding.refunded_of(world, charge)
    asked = minor_of_major(body["amount"]) if body.get("amount") not in (None, "") else left
    if asked is None or asked <= 0:
        raise replies.refusal(400, "amount must be a number greater than 0")
    if asked > left:
        raise replies.refusal(400, "Refund amount is greater than the transaction amount")
    note = str(body.get("comments") or "")
    made = refunding.start_refund(world, charge, amount=asked, customer_note="", merchant_note=note)
    seen = shapes.refund(world, made)
    del seen["comments"]
    return replies.ok("Transaction refund initiated", seen)


def list_refunds(world: World, request: Request) -> Answer:
    """The newest first. Not in the samples read; shaped like the others."""
    rows = [
        refund
        for refund in world.store.all(Refund)
        if refund.provider == "flutterwave"
        and request.query.get("id", str(refund.charge_id)) == str(refund.charge_id)
        and replies.between(request, refund.created_at)
    ]
    page, meta = replies.page_of(request, rows[::-1])
    return replies.ok("Transaction refunds fetched", [shapes.refund(world, row) for row in page], meta=meta)


def fetch_refund(world: World, request: Request) -> Answer:
    number = request.params["id"]
    found = world.store.get(Refund, int(number)) if number.isdecimal() else None
    if found is None or found.provider != "flutterwave":
        raise replies.refusal(400, "No refund was found for this id")
    return replies.ok("Transaction refund fetched", shapes.refund(world, found))


def list_chargebacks(world: World, request: Request) -> Answer:
    """The newest first; `id` is the transaction's."""
    rows = [
        dispute
        for dispute in world.store.all(Dispute)
        if dispute.provider == "flutterwave"
        and request.query.get("id", str(dispute.charge_id)) == str(dispute.charge_id)
        and replies.between(request, dispute.created_at)
    ]
    page, meta = replies.page_of(request, rows[::-1])
    return replies.ok("Chargebacks fetched", [shapes.chargeback(world, row) for row in page], meta=meta)


def _charge(world: World, number: str) -> Charge | None:
    charge = world.store.get(Charge, int(number)) if number.isdecimal() else None
    return charge if charge is not None and charge.provider == "flutterwave" else None


def _refuse_known(world: World, reference: str) -> None:
    if world.store.first(Link, reference) or world.store.first(Charge, "flutterwave", reference):
        raise replies.refusal(400, "Duplicate transaction reference. Please use a unique reference")
