"""Invoices: seen, previewed, paid; and what is charged besides the price."""

from __future__ import annotations

from sandbox.records import StripeRow
from sandbox.stripe import clockwork, paying
from sandbox.stripe.customers import own_card
from sandbox.stripe.objects import Doc, blank, find, instant, keep, known, listed, make, refusal, stamp, yes
from sandbox.stripe.reckoning import balanced, change_lines, price_of, sums
from sandbox.stripe.subscriptions import _is_anew, _rows
from sandbox.wire import Request
from sandbox.world import World


def fetch(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    return known(world, "invoice", request.params["id"]).doc


def lines(world: World, request: Request, form: Doc) -> Doc:
    held = known(world, "invoice", request.params["id"]).doc["lines"]["data"]
    return listed(held, request.path, form)


def listed_all(world: World, request: Request, form: Doc) -> Doc:
    rows = _rows(world, "invoice", form)
    if form.get("subscription"):
        rows = [row for row in rows if row.parent == form["subscription"]]
    if form.get("status"):
        rows = [row for row in rows if row.doc["status"] == form["status"]]
    return listed([row.doc for row in rows], request.path, form)


def preview(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    row = known(world, "subscription", form.get("subscription"), param="subscription")
    details = form["subscription_details"]
    price = price_of(world, str(details["items"][0]["price"]))
    at = instant(int(details.get("proration_date") or stamp(world.now)))
    anew = _is_anew(details, row.doc["items"]["data"][0], price)
    was, seen = list(row.doc["discounts"]), dict(row.doc)
    if "discounts" in form:
        seen["discounts"] = clockwork.discounts_by(world, row, form["discounts"])
        row.doc["discounts"] = was
    found = change_lines(world, seen, price, at=at, anew=anew)
    if found:
        waiting = clockwork.waiting_for(world, row)
        found = [*(clockwork.line_of_item(world, row, item.doc) for item in waiting), *found]
    customer = known(world, "customer", row.doc["customer"])
    doc = blank("invoice", status="draft", currency=row.doc["currency"], customer=customer.key, created=stamp(at))
    doc |= sums(found)
    due, after = balanced(doc["total"], customer.doc["balance"], doc["currency"])
    doc |= {
        "amount_due": due,
        "starting_balance": customer.doc["balance"],
        "ending_balance": after,
        "attempt_count": 0,
        "lines": {"object": "list", "data": found, "has_more": False, "url": "/v1/invoices/upcoming/lines"},
        "parent": {
            "type": "subscription_details",
            "quote_details": None,
            "subscription_details": {"metadata": {}, "subscription": row.key},
        },
    }
    return doc


def create(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    """A draft of its own, without lines; with `auto_advance` it is issued in an hour, and taken."""
    subscription = known(world, "subscription", form.get("subscription"), param="subscription")
    if form.get("customer") != subscription.doc["customer"]:
        raise refusal(400, "The subscription is another customer's.", code="resource_missing", param="subscription")
    if form.get("pending_invoice_items_behavior") != "exclude":
        raise refusal(400, "The sandbox makes only drafts without what waits.", code="parameter_invalid")
    wait = clockwork.DRAFT if yes(form.get("auto_advance", "true")) else None
    made = clockwork.draft(world, subscription, [], reason="manual", wait=wait)
    made.doc["metadata"] = form.get("metadata") or {}
    keep(world, made)
    return made.doc


def finalize(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    row = known(world, "invoice", request.params["id"])
    if row.doc["status"] != "draft":
        raise refusal(400, "This invoice is already finalized.", code="invoice_not_editable")
    clockwork.issue(world, row)
    return row.doc


def void(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    row = known(world, "invoice", request.params["id"])
    if row.doc["status"] not in paying.PAYABLE:
        raise refusal(
            400, f"You can only void an open invoice; this one is {row.doc['status']}.", code="invoice_not_open"
        )
    clockwork.void(world, row)
    return row.doc


def pay(world: World, request: Request, form: Doc) -> Doc:
    row = known(world, "invoice", request.params["id"])
    if row.doc["status"] != "open":
        raise refusal(
            400,
            "Invoice is already paid" if row.doc["status"] == "paid" else "Invoice is not open",
            code="invoice_not_open",
        )
    if form.get("payment_method"):
        customer = known(world, "customer", row.doc["customer"])
        own_card(world, customer, form["payment_method"], param="payment_method")
        customer.doc["invoice_settings"]["default_payment_method"] = form["payment_method"]
        keep(world, customer)
    if row.doc["amount_due"] and paying.card_of(world, row) is None:
        raise refusal(
            400,
            "There is no `default_payment_method` set on this Customer or Invoice.",
            code="",
            param="payment_method",
        )
    why = paying.collect(world, row)
    if why:
        code = "invoice_payment_intent_requires_action" if why == "challenge" else "card_declined"
        raise refusal(402, "Your card was declined.", code=code, kind="card_error", decline_code=why)
    return row.doc


def create_item(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    subscription = known(world, "subscription", form.get("subscription"), param="subscription")
    if subscription.doc["status"] == "canceled":
        raise refusal(400, "The subscription is canceled.", code="resource_missing", param="subscription")
    quantity = int(form.get("quantity") or 1)
    amount = int(form["amount"]) if "amount" in form else quantity * int(form["unit_amount_decimal"])
    period = {name: int(at) for name, at in form["period"].items()}
    draft = _draft(world, form.get("invoice"))
    item = make(
        world,
        "invoiceitem",
        parent=subscription.key,
        amount=amount,
        currency=form["currency"],
        customer=form["customer"],
        date=stamp(world.now),
        description=form["description"],
        discountable=False,
        discounts=[],
        invoice=draft.key if draft else None,
        parent_={},
        period=period,
        proration=False,
        quantity=quantity,
        tax_rates=[],
    )
    del item.doc["parent_"]
    item.doc["parent"] = {
        "type": "subscription_details",
        "subscription_details": {"subscription": subscription.key, "subscription_item": None},
    }
    if draft is not None:
        extra = clockwork.line_of_item(world, subscription, item.doc)
        extra["invoice"] = draft.key
        clockwork.set_lines(draft, [*draft.doc["lines"]["data"], extra])
        keep(world, draft)
    return item.doc


def items(world: World, request: Request, form: Doc) -> Doc:
    """The newest first; `pending`: only what is on no invoice."""
    rows = [row for row in _rows(world, "invoiceitem", form) if not row.doc.get("deleted")]
    if yes(form.get("pending")):
        rows = [row for row in rows if row.doc["invoice"] is None]
    return listed([row.doc for row in rows], request.path, form)


def fetch_item(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    return _item(world, request.params["id"]).doc


def delete_item(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    """Only while no invoice that was issued has it."""
    item = _item(world, request.params["id"])
    draft = _draft(world, item.doc["invoice"])
    if draft is not None:
        held = draft.doc["lines"]["data"]
        clockwork.set_lines(draft, [line for line in held if _item_of(line) != item.key])
        keep(world, draft)
    item.doc["deleted"] = True
    keep(world, item)
    return {"id": item.key, "object": "invoiceitem", "deleted": True}


def _item_of(line: Doc) -> object:
    return (line["parent"]["invoice_item_details"] or {}).get("invoice_item")


def _item(world: World, key: str) -> StripeRow:
    found = find(world, "invoiceitem", key)
    if found is None or found.doc.get("deleted"):
        raise refusal(404, f"No such invoiceitem: '{key}'", code="resource_missing", param="id")
    return found


def _draft(world: World, key: object) -> StripeRow | None:
    if not key:
        return None
    found = find(world, "invoice", key)
    if found is None or found.doc["status"] != "draft":
        raise refusal(400, "The invoice is no longer a draft.", code="invoice_not_editable", param="invoice")
    return found
