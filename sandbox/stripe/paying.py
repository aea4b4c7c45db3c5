"""Taking what is due of an invoice from a card: it works, is declined, or asks for its holder (3-D Secure)."""

from __future__ import annotations

from datetime import timedelta

from sandbox.records import StripeRow
from sandbox.stripe.objects import Doc, blank, find, keep, known, make, new_key, stamp, tell
from sandbox.world import World

RETRIES = (timedelta(days=3), timedelta(days=5), timedelta(days=7))
"""After a renewal could not be taken: when it is tried again. After the last the subscription is `unpaid`."""
PAYABLE = ("open", "uncollectible")
"""Where an invoice may still be paid, or voided."""
CARDS = {
    "pm_card_visa": ("4242", ""),
    "pm_card_visa_chargeDeclined": ("0002", ""),
    "pm_card_chargeCustomerFail": ("0341", "generic_decline"),
    "pm_card_authenticationRequired": ("3184", "challenge"),
    "pm_card_authenticationRequiredOnSetup": ("3155", "challenge_once"),
    "pm_card_insufficientFunds": ("9995", "insufficient_funds"),
}
NUMBERS = {
    "4242424242424242": "pm_card_visa",
    "4000000000000002": "pm_card_visa_chargeDeclined",
    "4000000000000341": "pm_card_chargeCustomerFail",
    "4000002760003184": "pm_card_authenticationRequired",
    "4000002500003155": "pm_card_authenticationRequiredOnSetup",
    "4000000000009995": "pm_card_insufficientFunds",
}
_WORDS = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}


def new_card(world: World, customer: StripeRow, name: str) -> StripeRow:
    """A card of a customer, by the name of one of Stripe's test cards."""
    last4, behaviour = CARDS[name]
    return make(
        world,
        "payment_method",
        parent=customer.key,
        type="card",
        customer=customer.key,
        allow_redisplay="limited",
        billing_details={"address": None, "email": None, "name": None, "phone": None, "tax_id": None},
        card={
            **dict.fromkeys(("generated_from", "wallet", "regulated_status")),
            "brand": "visa",
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": "US",
            "display_brand": "visa",
            "exp_month": 12,
            "exp_year": world.now.year + 4,
            "fingerprint": f"print{last4}",
            "funding": "credit",
            "last4": last4,
            "networks": {"available": ["visa"], "preferred": None},
            "three_d_secure_usage": {"supported": True},
        },
        sandbox=behaviour,
    )


def card_of(world: World, invoice: StripeRow) -> StripeRow | None:
    """What an invoice is taken from: the subscription's card, or else the customer's."""
    subscription = known(world, "subscription", invoice.parent)
    customer = known(world, "customer", invoice.doc["customer"])
    settings = customer.doc["invoice_settings"]
    name = subscription.doc["default_payment_method"] or settings["default_payment_method"]
    card = find(world, "payment_method", name) if name else None
    return card if card is not None and card.doc["customer"] == customer.key else None


def collect(world: World, invoice: StripeRow, *, agreed: bool = False) -> str:
    """Try to take what is due; answers why it could not be taken, or nothing. `agreed`: the card's holder is there."""
    doc = invoice.doc
    if not doc["amount_due"]:
        _paid(world, invoice, None)
        return ""
    card = card_of(world, invoice)
    doc["attempted"] = True
    doc["attempt_count"] += 1
    intent = _intent(world, invoice)
    why = "no_card" if card is None else _why_not(world, card, agreed=agreed)
    if why == "":
        _succeed(world, invoice, intent, card)
        return ""
    subscription = known(world, "subscription", invoice.parent)
    alone = doc["billing_reason"] == "manual"  # its payer is there, and nothing else hangs on it
    first = alone or subscription.doc["status"] == "incomplete"
    challenged = why == "challenge"
    intent.doc |= {
        "status": "requires_action" if challenged and first else "requires_payment_method",
        "payment_method": card.key if card and challenged and first else None,
        "next_action": _next_action(world, invoice) if challenged and first else None,
        "last_payment_error": None
        if challenged and first
        else _error("authentication_required" if challenged else why),
    }
    keep(world, intent)
    _entry(world, invoice, intent)["status"] = "open"
    _retry_later(world, invoice, subscription, first=first)
    keep(world, invoice)
    word = "requires_action" if challenged and first else "payment_failed"
    tell(world, f"payment_intent.{word}", _plain(intent.doc))
    tell(world, "invoice.payment_failed", doc)
    if challenged:
        tell(world, "invoice.payment_action_required", doc)
    return why


def authenticate(world: World, invoice: StripeRow, *, agreed: bool) -> str:
    """The card's holder was asked: they agreed, or did not. Answers why it could not be taken, or nothing."""
    if invoice.doc["status"] not in PAYABLE:
        return "not_open"
    if agreed:
        return collect(world, invoice, agreed=True)
    intent = _intent(world, invoice)
    intent.doc |= {
        "status": "requires_payment_method",
        "next_action": None,
        "last_payment_error": _error("authentication_required"),
    }
    keep(world, intent)
    tell(world, "payment_intent.payment_failed", _plain(intent.doc))
    tell(world, "invoice.payment_failed", invoice.doc)
    return "authentication_required"


def _why_not(world: World, card: StripeRow, *, agreed: bool) -> str:
    behaviour = card.doc["sandbox"]
    if behaviour == "challenge" or world.fault("charge.challenge", provider="stripe"):
        return "" if agreed else "challenge"
    if behaviour == "challenge_once":
        return "" if agreed or card.doc.get("set_up") else "challenge"
    if world.fault("charge.decline", provider="stripe"):
        return "generic_decline"
    return str(behaviour)


def _error(code: str) -> Doc:
    message = _WORDS.get(code, "There is no card to take this from.")
    return {
        "code": code if code == "authentication_required" else "card_declined",
        "decline_code": code,
        "message": message,
        "type": "card_error",
    }


def _next_action(world: World, invoice: StripeRow) -> Doc:
    url = f"{world.base_url}/invoice/stripe/{invoice.key}"
    return {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": None}}


def _intent(world: World, invoice: StripeRow) -> StripeRow:
    """The one intent of an invoice."""
    for entry in invoice.doc["payments"]["data"]:
        return known(world, "payment_intent", entry["payment"]["payment_intent"])
    key = new_key(world, "payment_intent")
    row = make(
        world,
        "payment_intent",
        key=key,
        parent=invoice.key,
        amount=invoice.doc["amount_due"],
        amount_received=0,
        amount_capturable=0,
        amount_details={"tip": {}},
        capture_method="automatic",
        confirmation_method="automatic",
        client_secret=f"{key}_secret_{world.code('stripe.secret', serial=world.store.serial(), length=20)}",
        currency=invoice.doc["currency"],
        customer=invoice.doc["customer"],
        payment_method_types=["card"],
        payment_method_options={},
        status="requires_payment_method",
    )
    _entry(world, invoice, row)
    return row


def _entry(world: World, invoice: StripeRow, intent: StripeRow) -> Doc:
    for entry in invoice.doc["payments"]["data"]:
        found: Doc = entry
        return found
    entry = blank(
        "invoice_payment",
        id=new_key(world, "invoice_payment"),
        amount_requested=invoice.doc["amount_due"],
        created=stamp(world.now),
        currency=invoice.doc["currency"],
        invoice=invoice.key,
        is_default=True,
        payment={"type": "payment_intent", "payment_intent": intent.key},
        status="open",
        status_transitions={"canceled_at": None, "paid_at": None},
    )
    invoice.doc["payments"]["data"].append(entry)
    invoice.doc["confirmation_secret"] = {"client_secret": intent.doc["client_secret"], "type": "payment_intent"}
    return entry


def _succeed(world: World, invoice: StripeRow, intent: StripeRow, card: StripeRow | None) -> None:
    due = invoice.doc["amount_due"]
    intent.doc |= {
        "status": "succeeded",
        "amount_received": due,
        "next_action": None,
        "last_payment_error": None,
        "payment_method": card.key if card else None,
        "latest_charge": _charge(world, invoice, intent, card, due),
    }
    if card is not None:
        card.doc["set_up"] = True
        keep(world, card)
    keep(world, intent)
    entry = _entry(world, invoice, intent)
    entry |= {"status": "paid", "amount_paid": due}
    entry["status_transitions"]["paid_at"] = stamp(world.now)
    tell(world, "payment_intent.succeeded", _plain(intent.doc))
    _paid(world, invoice, intent)


def _charge(world: World, invoice: StripeRow, intent: StripeRow, card: StripeRow | None, due: int) -> str:
    """What a payment took, of which something may go back."""
    return make(
        world,
        "charge",
        parent=intent.key,
        amount=due,
        amount_captured=due,
        amount_refunded=0,
        captured=True,
        currency=invoice.doc["currency"],
        customer=invoice.doc["customer"],
        disputed=False,
        fraud_details={},
        paid=True,
        payment_intent=intent.key,
        payment_method=card.key if card else None,
        refunded=False,
        status="succeeded",
    ).key


def _paid(world: World, invoice: StripeRow, intent: StripeRow | None) -> None:
    doc = invoice.doc
    doc |= {
        "status": "paid",
        "attempted": True,
        "amount_paid": doc["amount_due"] if intent else 0,
        "amount_remaining": 0,
        "next_payment_attempt": None,
        "auto_advance": False,
    }
    doc["status_transitions"]["paid_at"] = stamp(world.now)
    keep(world, invoice)
    tell(world, "invoice.paid", doc)
    tell(world, "invoice.payment_succeeded", doc)
    subscription = known(world, "subscription", invoice.parent)
    was = subscription.doc["status"]
    if was in ("incomplete", "past_due", "unpaid") and not _owes(world, subscription):
        subscription.doc["status"] = "active"
        keep(world, subscription)
        tell(world, "customer.subscription.updated", subscription.doc, before={"status": was})


def _owes(world: World, subscription: StripeRow) -> bool:
    latest = find(world, "invoice", subscription.doc["latest_invoice"])
    return latest is not None and latest.doc["status"] == "open"


def _retry_later(world: World, invoice: StripeRow, subscription: StripeRow, *, first: bool) -> None:
    """When it is tried again; and where the subscription stands meanwhile."""
    doc, was = invoice.doc, subscription.doc["status"]
    failed = doc["attempt_count"]
    if first or was in ("canceled", "incomplete_expired"):
        doc["next_payment_attempt"] = None
        return
    if failed <= len(RETRIES):
        at = world.now + RETRIES[failed - 1]
        doc["next_payment_attempt"] = stamp(at)
        world.later_at(at=at, act="stripe", target_id=invoice.id, word=f"retry:{stamp(at)}")
        now_is = "past_due" if was == "active" else was
    else:
        doc["next_payment_attempt"] = None
        now_is = "unpaid"
    if now_is != was:
        subscription.doc["status"] = now_is
        keep(world, subscription)
        tell(world, "customer.subscription.updated", subscription.doc, before={"status": was})


def _plain(doc: Doc) -> Doc:
    return {name: value for name, value in doc.items() if name != "sandbox"}
