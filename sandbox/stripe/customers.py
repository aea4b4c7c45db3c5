"""Customers, their cards, and the catalogue: products, prices, coupons, taxes."""

from __future__ import annotations

from typing import Any

from sandbox.records import StripeRow
from sandbox.stripe import paying
from sandbox.stripe.objects import Doc, children, find, keep, known, listed, make, refusal, tell, yes
from sandbox.wire import Request
from sandbox.world import World


def create(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    row = make(
        world,
        "customer",
        email=form.get("email"),
        name=form.get("name"),
        address=_address(form.get("address")),
        metadata=form.get("metadata") or {},
        balance=0,
        delinquent=False,
        invoice_prefix=world.code("stripe.prefix", serial=world.store.serial(), length=8).upper(),
        invoice_settings=dict.fromkeys(("custom_fields", "default_payment_method", "footer", "rendering_options")),
        next_invoice_sequence=1,
        preferred_locales=[],
        tax_exempt="none",
    )
    tell(world, "customer.created", row.doc)
    return row.doc


def _address(given: Any) -> Doc | None:
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    return {name: given.get(name) for name in names} if isinstance(given, dict) else None


def fetch(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    return known(world, "customer", request.params["id"]).doc


def update(world: World, request: Request, form: Doc) -> Doc:
    row = known(world, "customer", request.params["id"])
    wanted = (form.get("invoice_settings") or {}).get("default_payment_method")
    if wanted:
        own_card(world, row, wanted, param="invoice_settings[default_payment_method]")
        row.doc["invoice_settings"]["default_payment_method"] = wanted
    for name in ("email", "name"):
        if name in form:
            row.doc[name] = form[name]
    if "address" in form:
        row.doc["address"] = _address(form["address"])
    keep(world, row)
    tell(world, "customer.updated", row.doc)
    return row.doc


def delete(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    row = known(world, "customer", request.params["id"])
    row.doc |= {"email": None, "name": None, "address": None, "deleted": True}
    keep(world, row)
    return {"id": row.key, "object": "customer", "deleted": True}


def own_card(world: World, customer: StripeRow, card_id: str, *, param: str) -> StripeRow:
    """A card of this customer."""
    card = find(world, "payment_method", card_id)
    if card is None or card.doc["customer"] != customer.key:
        raise refusal(400, f"No such PaymentMethod: '{card_id}'", code="resource_missing", param=param)
    return card


def methods(world: World, request: Request, form: Doc) -> Doc:
    customer = known(world, "customer", request.params["id"])
    held = [row.doc for row in children(world, "payment_method", customer.key) if row.doc["customer"] == customer.key]
    return listed(held[::-1], request.path, form)


def attach(world: World, request: Request, form: Doc) -> Doc:
    customer = known(world, "customer", form.get("customer"), param="customer")
    name = request.params["id"]
    if name not in paying.CARDS:
        raise refusal(404, f"No such PaymentMethod: '{name}'", code="resource_missing", param="payment_method")
    if name == "pm_card_visa_chargeDeclined":
        raise refusal(
            402, "Your card was declined.", code="card_declined", kind="card_error", decline_code="generic_decline"
        )
    return paying.new_card(world, customer, name).doc


def detach(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    card = known(world, "payment_method", request.params["id"])
    if card.doc["customer"] is None:
        raise refusal(400, "The payment method is not attached to a customer.", code="payment_method_unexpected_state")
    customer = known(world, "customer", card.doc["customer"])
    if customer.doc["invoice_settings"]["default_payment_method"] == card.key:
        customer.doc["invoice_settings"]["default_payment_method"] = None
        keep(world, customer)
    card.doc["customer"] = None
    keep(world, card)
    tell(world, "payment_method.detached", {**card.doc, "customer": customer.key})
    return card.doc


def fetch_setup(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    return known(world, "setup_intent", request.params["id"]).doc


def _there(kind: str, key: str) -> Exception:
    return refusal(400, f"{kind} already exists.", code="resource_already_exists", param="id" if key else "")


def create_product(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    key = str(form.get("id") or "")
    if key and find(world, "product", key):
        raise _there("Product", key)
    return make(
        world, "product", key=key, active=True, images=[], marketing_features=[], name=form["name"], type="service"
    ).doc


def create_price(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    product = known(world, "product", form.get("product"), param="product")
    lookup = form.get("lookup_key")
    if lookup and find(world, "price_named", lookup):
        raise refusal(400, "A price with this lookup key exists.", code="lookup_key_taken", param="lookup_key")
    recurring = form["recurring"]
    row = make(
        world,
        "price",
        active=True,
        billing_scheme="per_unit",
        currency=form["currency"],
        lookup_key=lookup,
        nickname=product.doc["name"],
        product=product.key,
        recurring={
            "interval": recurring["interval"],
            "interval_count": int(recurring.get("interval_count", 1)),
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        tax_behavior=form.get("tax_behavior", "unspecified"),
        type="recurring",
        unit_amount=int(form["unit_amount"]),
        unit_amount_decimal=str(form["unit_amount"]),
    )
    if lookup:
        make(world, "price_named", key=str(lookup), price=row.key)
    return row.doc


def prices(world: World, request: Request, form: Doc) -> Doc:
    named = [find(world, "price_named", name) for name in form.get("lookup_keys") or []]
    found = [known(world, "price", row.doc["price"]).doc for row in named if row is not None]
    return listed(found, request.path, form)


def create_coupon(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    key = str(form.get("id") or "")
    if key and find(world, "coupon", key):
        raise _there("Coupon", key)
    months = form.get("duration_in_months")
    return make(
        world,
        "coupon",
        key=key or f"COUPON{world.store.serial()}",
        amount_off=int(form["amount_off"]) if "amount_off" in form else None,
        currency=form.get("currency"),
        duration=form["duration"],
        duration_in_months=int(months) if months else None,
        name=form.get("name"),
        percent_off=float(form["percent_off"]) if "percent_off" in form else None,
        times_redeemed=0,
        valid=True,
    ).doc


def create_tax_rate(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    return make(
        world,
        "tax_rate",
        active=True,
        country=form.get("country"),
        display_name=form["display_name"],
        inclusive=yes(form["inclusive"]),
        jurisdiction=form.get("jurisdiction"),
        percentage=float(form["percentage"]),
    ).doc
