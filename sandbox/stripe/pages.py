"""Stripe's hosted pages: where a card is given, and where an invoice that needs its holder is paid. No script."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from sandbox import pages
from sandbox.records import StripeRow
from sandbox.stripe import clockwork, paying
from sandbox.stripe.objects import children, find, keep, known, tell
from sandbox.stripe.reckoning import price_of
from sandbox.wire import Answer, Request, answer_html
from sandbox.world import World

_CARDS = {
    "4242424242424242": "4242: works",
    "4000002500003155": "3155: asks for you once",
    "4000002760003184": "3184: asks for you every time",
    "4000000000000341": "0341: is kept, and declined later",
    "4000000000009995": "9995: holds too little",
    "4000000000000002": "0002: is declined at once",
}


def answer(world: World, request: Request) -> Answer:
    """A page, or what was chosen on it."""
    kind, _, key = request.path.strip("/").split("/")[:3]
    row = find(world, "checkout.session" if kind == "checkout" else "invoice", key)
    if row is None:
        return answer_html(
            pages.notice("There is no such page", "The address is wrong, or the sandbox was reset."), status=404
        )
    if request.method == "POST":
        form = request.form()
        if kind == "checkout":
            said = complete(world, row, number=form.get("card", ""), agreed=form.get("agree") != "no")
        else:
            said = settle(world, row, number=form.get("card", ""), agreed=form.get("agree") != "no")
        if not said and kind == "checkout" and row.doc["success_url"]:
            return Answer(303, {"location": str(row.doc["success_url"])}, b"")
        return _show(world, row, kind, said)
    return _show(world, row, kind, "")


def _show(world: World, row: StripeRow, kind: str, said: str) -> Answer:
    doc = row.doc
    if doc["status"] != "open":
        return answer_html(
            pages.notice(
                "There is nothing left to do here",
                f"It is {doc['status']}. You can go back.",
                back=str(doc.get("success_url") or ""),
            )
        )
    if kind == "checkout":
        title = "Subscribe" if doc["mode"] == "subscription" else "Give a card"
    else:
        title = f"Pay {doc['amount_due'] / 100:,.2f} {doc['currency'].upper()} of invoice {doc['number']}"
    choices = "".join(f'<option value="{number}">{words}</option>' for number, words in _CARDS.items())
    problem = f'<p class="problem" role="alert">{escape(said)}</p>' if said else ""
    same = '<option value="">the card on file</option>' if kind == "invoice" and paying.card_of(world, row) else ""
    return answer_html(
        pages.simple(
            title,
            f"""{_terms(world, row, kind)}{problem}<form method="post"><label>Card <select name="card">{same}{choices}</select></label>
<label>If the bank asks you <select name="agree"><option value="yes">I agree</option><option value="no">I do not</option>
</select></label><button class="pay">{escape(title)}</button></form>{_left(row, kind)}""",
        )
    )


def _terms(world: World, row: StripeRow, kind: str) -> str:
    """What is subscribed to, for how much and from when on."""
    if kind != "checkout" or row.doc["mode"] != "subscription":
        return ""
    asked = row.doc["sandbox"]
    price = price_of(world, str(asked["line_items"][0]["price"]))
    said = (
        f"{price['unit_amount'] / 100:,.2f} {price['currency'].upper()} a {price['recurring']['interval']}, before tax"
    )
    trial = (asked["subscription_data"] or {}).get("trial_end")
    if trial:
        said += f"; free until {datetime.fromtimestamp(int(trial), UTC):%d %B %Y, %H:%M} UTC"
    return f'<p class="hint">{escape(said)}</p>'


def _left(row: StripeRow, kind: str) -> str:
    """The way back for who changes their mind; an invoice's page has none."""
    url = str(row.doc.get("cancel_url") or "") if kind == "checkout" else ""
    return f'<a class="button wide" href="{escape(url)}">Go back</a>' if url else ""


def complete(world: World, page: StripeRow, *, number: str, agreed: bool = True) -> str:
    """A card is given on a page; answers what is wrong, or nothing. The holder is there: 3-D Secure is asked at once."""
    doc = page.doc
    if doc["status"] != "open":
        return "The page is open no longer."
    name = paying.NUMBERS.get(number)
    customer = known(world, "customer", doc["customer"])
    if name is None or name == "pm_card_visa_chargeDeclined":
        return "The card was declined."
    behaviour = paying.CARDS[name][1]
    if behaviour.startswith("challenge") and not agreed:
        return "The card's holder did not agree."
    if doc["mode"] == "setup":
        card = paying.new_card(world, customer, name)
        card.doc["set_up"] = True
        setup = known(world, "setup_intent", doc["setup_intent"])
        setup.doc |= {"status": "succeeded", "payment_method": card.key}
        keep(world, setup)
        tell(world, "setup_intent.succeeded", setup.doc)
        tell(world, "payment_method.attached", _plain(card))
        return _completed(world, page)
    trial = (doc["sandbox"]["subscription_data"] or {}).get("trial_end")
    if not trial and behaviour in ("generic_decline", "insufficient_funds"):
        return "The card was declined."
    card = paying.new_card(world, customer, name)
    card.doc["set_up"] = True
    wanted = {
        **(doc["sandbox"]["subscription_data"] or {}),
        "default_payment_method": card.key,
        "discounts": doc["sandbox"]["discounts"],
    }
    price = price_of(world, str(doc["sandbox"]["line_items"][0]["price"]))
    made = clockwork.begin(world, customer=customer, price=price, wanted=wanted)
    doc |= {"subscription": made.key, "invoice": made.doc["latest_invoice"]}
    if made.doc["status"] == "incomplete":
        # The holder is on the page, and agrees.
        for invoice in children(world, "invoice", made.key):
            paying.authenticate(world, invoice, agreed=True)
    tell(world, "payment_method.attached", _plain(card))
    doc["payment_status"] = "paid" if made.doc["status"] == "active" else "no_payment_required"
    return _completed(world, page)


def _plain(card: StripeRow) -> dict[str, object]:
    return {name: value for name, value in card.doc.items() if name not in ("sandbox", "set_up")}


def _completed(world: World, page: StripeRow) -> str:
    page.doc |= {"status": "complete", "url": None}
    keep(world, page)
    tell(world, "checkout.session.completed", {name: value for name, value in page.doc.items() if name != "sandbox"})
    return ""


def settle(world: World, invoice: StripeRow, *, number: str = "", agreed: bool = True) -> str:
    """An open invoice, or one that was given up, is paid on its page, by its holder; answers what is wrong, or nothing."""
    if invoice.doc["status"] not in paying.PAYABLE:
        return "The invoice is open no longer."
    if number:
        name = paying.NUMBERS.get(number)
        if name is None or name == "pm_card_visa_chargeDeclined":
            return "The card was declined."
        customer = known(world, "customer", invoice.doc["customer"])
        card = paying.new_card(world, customer, name)
        customer.doc["invoice_settings"]["default_payment_method"] = card.key
        keep(world, customer)
        subscription = known(world, "subscription", invoice.parent)
        subscription.doc["default_payment_method"] = card.key
        keep(world, subscription)
    why = paying.authenticate(world, invoice, agreed=agreed)
    return f"It could not be taken: {why}." if why else ""
