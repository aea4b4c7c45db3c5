"""Subscriptions, their schedules, and the hosted pages on which they begin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sandbox.records import StripeRow
from sandbox.stripe import clockwork
from sandbox.stripe.customers import own_card
from sandbox.stripe.objects import (
    Doc,
    instant,
    keep,
    known,
    listed,
    make,
    new_key,
    refusal,
    stamp,
    tell,
    yes,
)
from sandbox.stripe.reckoning import boundary, change_lines, price_of
from sandbox.wire import Request
from sandbox.world import World


def create(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    customer = known(world, "customer", form.get("customer"), param="customer")
    price = price_of(world, str(form["items"][0].get("price")))
    method = form.get("default_payment_method")
    if method:
        own_card(world, customer, str(method), param="default_payment_method")
    elif not customer.doc["invoice_settings"]["default_payment_method"] and not form.get("trial_end"):
        raise refusal(
            400,
            "This customer has no attached payment source or default payment method.",
            code="resource_missing",
        )
    return clockwork.begin(world, customer=customer, price=price, wanted=form).doc


def fetch(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    return known(world, "subscription", request.params["id"]).doc


def listed_all(world: World, request: Request, form: Doc) -> Doc:
    rows = _rows(world, "subscription", form)
    if form.get("status") not in ("all", None):
        rows = [row for row in rows if row.doc["status"] == form["status"]]
    return listed([row.doc for row in rows], request.path, form)


def _rows(world: World, kind: str, form: Doc) -> list[StripeRow]:
    """The newest first: all of this kind, of a customer, made since."""
    rows = [row for row in world.store.all(StripeRow) if row.kind == kind][::-1]
    if form.get("customer"):
        rows = [row for row in rows if row.doc["customer"] == form["customer"]]
    since = (form.get("created") or {}).get("gte")
    return [row for row in rows if since is None or row.doc["created"] >= int(since)]


def update(world: World, request: Request, form: Doc) -> Doc:
    row = known(world, "subscription", request.params["id"])
    doc = row.doc
    if doc["status"] in ("canceled", "incomplete_expired"):
        raise refusal(400, "A canceled subscription can only update its cancellation_details.", code="canceled")
    if doc["schedule"] and ("items" in form or "cancel_at_period_end" in form):
        raise refusal(400, "The subscription is managed by the subscription schedule.", code="managed_by_schedule")
    before: Doc = {}
    doc["metadata"] = doc["metadata"] | (form.get("metadata") or {})
    if form.get("default_payment_method"):
        customer = known(world, "customer", doc["customer"])
        own_card(world, customer, form["default_payment_method"], param="default_payment_method")
        doc["default_payment_method"] = form["default_payment_method"]
    if "default_tax_rates" in form:
        rates = form["default_tax_rates"] or []
        doc["default_tax_rates"] = [known(world, "tax_rate", rate).doc for rate in rates]
    if "discounts" in form:
        clockwork.discounts_by(world, row, form["discounts"])
    if "cancel_at_period_end" in form:
        before |= {name: doc[name] for name in ("cancel_at_period_end", "cancel_at", "canceled_at")}
        _flag(world, doc, wanted=yes(form["cancel_at_period_end"]))
    if "items" in form:
        before["items"] = {"data": [dict(doc["items"]["data"][0])]}
        _swap(world, row, form)
    keep(world, row)
    tell(world, "customer.subscription.updated", doc, before=before)
    return doc


def _flag(world: World, doc: Doc, *, wanted: bool) -> None:
    ends = doc["items"]["data"][0]["current_period_end"]
    doc["cancel_at_period_end"] = wanted
    doc["cancel_at"] = ends if wanted else None
    doc["canceled_at"] = stamp(world.now) if wanted else None
    doc["cancellation_details"]["reason"] = "cancellation_requested" if wanted else None


def _swap(world: World, row: StripeRow, form: Doc) -> None:
    """Another price from now on: prorated and invoiced at once, in the same period or in a new one; or, without proration,
    from the next period on."""
    doc, wanted = row.doc, form["items"][0]
    item = doc["items"]["data"][0]
    if wanted.get("id") != item["id"]:
        raise refusal(404, f"No such subscription item: '{wanted.get('id')}'", code="resource_missing", param="items")
    price = price_of(world, str(wanted["price"]))
    at = instant(int(form.get("proration_date") or stamp(world.now)))
    anew = _is_anew(form, item, price)
    quietly = form.get("proration_behavior") == "none"
    lines = [] if quietly else change_lines(world, doc, price, at=at, anew=anew)
    if doc["status"] != "trialing" and anew:
        doc["billing_cycle_anchor"] = stamp(at)
        item["current_period_start"] = stamp(at)
        item["current_period_end"] = stamp(boundary(at, price["recurring"]["interval"], 1))
        clockwork.set_clock(world, row)
    item["price"], item["plan"] = price, clockwork.plan_of(price)
    keep(world, row)
    if lines:
        clockwork.draft_with_waiting(world, row, lines, reason="subscription_update", wait=timedelta(0))


def _is_anew(form: Doc, item: Doc, price: Doc) -> bool:
    anchor: Any = form.get("billing_cycle_anchor")
    asked = isinstance(anchor, dict) and anchor.get("type") == "now"
    return asked or price["recurring"]["interval"] != item["price"]["recurring"]["interval"]


def cancel(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    row = known(world, "subscription", request.params["id"])
    if row.doc["status"] in ("canceled", "incomplete_expired"):
        raise refusal(404, f"No such subscription: '{row.key}'", code="resource_missing", param="id")
    if row.doc["status"] == "incomplete":
        clockwork.give_up_first(world, row)
        return row.doc
    clockwork.end_now(world, row)
    return row.doc


def create_schedule(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    row = known(world, "subscription", form.get("from_subscription"), param="from_subscription")
    if row.doc["schedule"]:
        raise refusal(400, "The subscription is managed by a subscription schedule already.", code="has_schedule")
    item = row.doc["items"]["data"][0]
    start, end = item["current_period_start"], item["current_period_end"]
    schedule = make(
        world,
        "subscription_schedule",
        parent=row.key,
        billing_mode={"type": "flexible", "flexible": None},
        current_phase={"start_date": start, "end_date": end},
        customer=row.doc["customer"],
        default_settings={
            **dict.fromkeys(("billing_cycle_anchor", "default_payment_method", "description", "on_behalf_of")),
            "collection_method": "charge_automatically",
        },
        end_behavior="release",
        phases=[_phase(_as_it_is(row.doc), start, end)],
        status="active",
        subscription=row.key,
    )
    row.doc["schedule"] = schedule.key
    keep(world, row)
    tell(world, "subscription_schedule.created", schedule.doc)
    return schedule.doc


def _as_it_is(doc: Doc) -> Doc:
    """A subscription as its own phase."""
    return {
        "items": [{"price": doc["items"]["data"][0]["price"]["id"]}],
        "discounts": [{"discount": held} for held in doc["discounts"]],
        "default_tax_rates": [rate["id"] for rate in doc["default_tax_rates"]],
    }


def _phase(given: Doc, start: int, end: int) -> Doc:
    return {
        **dict.fromkeys(("description", "default_payment_method", "trial_end", "on_behalf_of", "transfer_data")),
        "add_invoice_items": [],
        "billing_cycle_anchor": given.get("billing_cycle_anchor"),
        "currency": "usd",
        "default_tax_rates": given.get("default_tax_rates") or [],
        "discounts": given.get("discounts") or [],
        "end_date": end,
        "items": [
            {"discounts": [], "metadata": {}, "price": item["price"], "quantity": 1, "tax_rates": []}
            for item in given["items"]
        ],
        "metadata": given.get("metadata") or {},
        "proration_behavior": given.get("proration_behavior", "create_prorations"),
        "start_date": start,
    }


def update_schedule(world: World, request: Request, form: Doc) -> Doc:
    schedule = known(world, "subscription_schedule", request.params["id"])
    if schedule.doc["status"] != "active":
        raise refusal(400, "The subscription schedule is not active.", code="schedule_not_active")
    phases, at = [], 0
    for given in form["phases"]:
        start = int(given.get("start_date") or at)
        price = price_of(world, str(given["items"][0]["price"]), param="phases[0][items][0][price]")
        if given.get("end_date"):
            end = int(given["end_date"])
        else:
            lasts = given["duration"]["interval"]
            end = stamp(boundary(instant(start), lasts, int(given["duration"].get("interval_count", 1))))
        if price["currency"] != known(world, "subscription", schedule.parent).doc["currency"]:
            raise refusal(400, "A phase is in another currency.", code="currency_mismatch")
        phases.append(_phase(given, start, end))
        at = end
    schedule.doc["phases"] = phases
    row = known(world, "subscription", schedule.parent)
    clockwork.enter_phase(world, row, phases[0])
    keep(world, row)
    schedule.doc["metadata"] |= form.get("metadata") or {}
    keep(world, schedule)
    tell(world, "subscription_schedule.updated", schedule.doc)
    return schedule.doc


def release_schedule(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    schedule = known(world, "subscription_schedule", request.params["id"])
    if schedule.doc["status"] != "active":
        raise refusal(400, "The subscription schedule is not active.", code="schedule_not_active")
    schedule.doc |= {
        "status": "released",
        "released_at": stamp(world.now),
        "released_subscription": schedule.parent,
        "subscription": None,
    }
    row = known(world, "subscription", schedule.parent)
    row.doc["schedule"] = None
    keep(world, row)
    keep(world, schedule)
    tell(world, "subscription_schedule.released", schedule.doc)
    tell(world, "customer.subscription.updated", row.doc, before={"schedule": schedule.key})
    return schedule.doc


def create_page(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    customer = known(world, "customer", form.get("customer"), param="customer")
    mode = form["mode"]
    if mode == "subscription":
        price_of(world, str(form["line_items"][0]["price"]), param="line_items[0][price]")
        trial_end = (form.get("subscription_data") or {}).get("trial_end")
        if trial_end and int(trial_end) < stamp(world.now) + 48 * 3600:
            raise refusal(400, "The `trial_end` date has to be at least 2 days in the future.", code="trial_too_short")
    expires_at = int(form.get("expires_at") or stamp(world.now + timedelta(hours=24)))
    if not stamp(world.now) + 30 * 60 <= expires_at <= stamp(world.now) + 24 * 3600:
        raise refusal(400, "expires_at is 30 minutes to 24 hours away", code="parameter_invalid", param="expires_at")
    key = new_key(world, "checkout.session")
    row = make(
        world,
        "checkout.session",
        key=key,
        parent=customer.key,
        mode=mode,
        status="open",
        payment_status="unpaid" if mode == "subscription" else "no_payment_required",
        url=f"{world.base_url}/checkout/stripe/{key}",
        client_reference_id=form.get("client_reference_id"),
        customer=customer.key,
        currency=form.get("currency"),
        expires_at=expires_at,
        success_url=form.get("success_url"),
        cancel_url=form.get("cancel_url"),
        custom_fields=[],
        payment_method_types=["card"],
        payment_method_options={},
        shipping_options=[],
        automatic_tax={"enabled": False, "liability": None, "status": None, "provider": None},
        phone_number_collection={"enabled": False},
        payment_method_collection=form.get("payment_method_collection"),
        sandbox={name: form.get(name) for name in ("line_items", "subscription_data", "discounts")},
    )
    if mode == "setup":
        setup = make(
            world,
            "setup_intent",
            parent=customer.key,
            customer=customer.key,
            client_secret=f"{key}_secret",
            payment_method_types=["card"],
            payment_method_options={},
            status="requires_payment_method",
            usage="off_session",
        )
        row.doc["setup_intent"] = setup.key
    world.later_at(at=instant(expires_at), act="stripe", target_id=row.id, word="expire_page")
    return row.doc


def pages(world: World, request: Request, form: Doc) -> Doc:
    return listed([row.doc for row in _rows(world, "checkout.session", form)], request.path, form)


def fetch_page(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    return known(world, "checkout.session", request.params["id"]).doc


def expire_page(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    row = known(world, "checkout.session", request.params["id"])
    if row.doc["status"] != "open":
        raise refusal(400, "Only Checkout Sessions with a status in [open] can be expired.", code="session_not_open")
    row.doc |= {"status": "expired", "url": None}
    keep(world, row)
    tell(world, "checkout.session.expired", row.doc)
    return row.doc
