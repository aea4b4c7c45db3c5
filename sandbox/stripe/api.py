"""Stripe's addresses, and what every request has in common: the key, the form, the idempotency key, what is expanded."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

from sandbox.routes import Handler, Route, route
from sandbox.stripe import customers, invoices, returning, subscriptions
from sandbox.stripe.objects import HIDDEN, Doc, find, make, nested, refusal
from sandbox.wire import Answer, Refused, Request, answer_json
from sandbox.world import World

PREFIX = "/stripe"
KEY_HOLDS = timedelta(hours=24)
Asked = Callable[[World, Request, Doc], Doc]


def admit(world: World, request: Request) -> None:
    """The key must be right."""
    if request.bearer != world.keys.stripe_secret:
        raise refusal(401, "Invalid API Key provided", code="invalid_api_key")


def no_such_address() -> Refused:
    return refusal(404, "Unrecognized request URL", code="url_unknown")


def too_many() -> Refused:
    return refusal(429, "Too many requests", code="rate_limit", kind="rate_limit_error")


def broken() -> Refused:
    return refusal(502, "An error occurred", code="api_error", kind="api_error")


def timed_out() -> Refused:
    return refusal(503, "An error occurred", code="api_error", kind="api_error")


def _handled(asked: Asked) -> Handler:
    """One request: its form read, done once for its idempotency key, and its answer expanded as wished."""

    def handle(world: World, request: Request) -> Answer:
        form = nested(parse_qsl(request.body.decode(), keep_blank_values=True))
        form |= nested(list(request.query.items()))
        expand = [str(name) for name in _as_list(form.pop("expand", []))]
        key = request.headers.get("idempotency-key", "")
        if request.method == "GET" or not key:
            return _answer(world, asked(world, request, form), expand)
        words = f"{request.method} {request.path}?{json.dumps(form, sort_keys=True)}"
        held = find(world, "idempotency", key)
        if held is not None and held.created_at + KEY_HOLDS > world.now:
            if held.doc["words"] != words:
                raise refusal(
                    400,
                    "Keys for idempotent requests can only be used with the same parameters they were first used with.",
                    code="idempotency_error",
                    kind="idempotency_error",
                )
            return Answer(held.doc["status"], _HEADERS | {"idempotent-replayed": "true"}, held.doc["body"].encode())
        try:
            answer = _answer(world, asked(world, request, form), expand)
        except Refused as refused:
            answer = answer_json(refused.body, status=refused.status)
        make(world, "idempotency", key=key, words=words, status=answer.status, body=answer.body.decode())
        return answer

    return handle


_HEADERS = {"content-type": "application/json; charset=utf-8"}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else [value]


def _answer(world: World, doc: Doc, expand: list[str]) -> Answer:
    shown = copy.deepcopy(doc)
    for path in expand:
        _expand(world, shown, path.split("."))
    _hide(shown)
    return answer_json(shown)


def _hide(value: Any) -> None:
    """What only the sandbox knows is not answered."""
    if isinstance(value, dict):
        for name in HIDDEN:
            value.pop(name, None)
        for held in value.values():
            _hide(held)
    elif isinstance(value, list):
        for held in value:
            _hide(held)


_KINDS = {
    "latest_invoice": "invoice",
    "payment_intent": "payment_intent",
    "customer": "customer",
    "subscription": "subscription",
    "schedule": "subscription_schedule",
    "default_payment_method": "payment_method",
    "setup_intent": "setup_intent",
}


def _expand(world: World, holder: Any, path: list[str]) -> None:
    if isinstance(holder, list):
        for one in holder:
            _expand(world, one, path)
        return
    if not isinstance(holder, dict) or not path:
        return
    name, *rest = path
    held = holder.get(name)
    if isinstance(held, str) and name in _KINDS:
        found = find(world, _KINDS[name], held)
        holder[name] = copy.deepcopy(found.doc) if found else held
    _expand(world, holder.get(name), rest)


def _at(method: str, template: str, group: str, asked: Asked) -> Route:
    return route(method, f"/v1{template}", group, _handled(asked))


ROUTES = (
    _at("POST", "/customers", "customer", customers.create),
    _at("GET", "/customers/{id}", "customer", customers.fetch),
    _at("POST", "/customers/{id}", "customer", customers.update),
    _at("DELETE", "/customers/{id}", "customer", customers.delete),
    _at("GET", "/customers/{id}/payment_methods", "list", customers.methods),
    _at("POST", "/payment_methods/{id}/attach", "customer", customers.attach),
    _at("POST", "/payment_methods/{id}/detach", "customer", customers.detach),
    _at("GET", "/setup_intents/{id}", "verify", customers.fetch_setup),
    _at("POST", "/products", "list", customers.create_product),
    _at("POST", "/prices", "list", customers.create_price),
    _at("GET", "/prices", "list", customers.prices),
    _at("POST", "/coupons", "list", customers.create_coupon),
    _at("POST", "/tax_rates", "list", customers.create_tax_rate),
    _at("POST", "/checkout/sessions", "charge", subscriptions.create_page),
    _at("GET", "/checkout/sessions", "list", subscriptions.pages),
    _at("GET", "/checkout/sessions/{id}", "verify", subscriptions.fetch_page),
    _at("POST", "/checkout/sessions/{id}/expire", "plan", subscriptions.expire_page),
    _at("POST", "/subscriptions", "charge", subscriptions.create),
    _at("GET", "/subscriptions", "list", subscriptions.listed_all),
    _at("GET", "/subscriptions/{id}", "verify", subscriptions.fetch),
    _at("POST", "/subscriptions/{id}", "plan", subscriptions.update),
    _at("DELETE", "/subscriptions/{id}", "plan", subscriptions.cancel),
    _at("POST", "/subscription_schedules", "plan", subscriptions.create_schedule),
    _at("POST", "/subscription_schedules/{id}", "plan", subscriptions.update_schedule),
    _at("POST", "/subscription_schedules/{id}/release", "plan", subscriptions.release_schedule),
    _at("POST", "/invoices", "plan", invoices.create),
    _at("POST", "/invoices/create_preview", "verify", invoices.preview),
    _at("GET", "/invoices", "list", invoices.listed_all),
    _at("GET", "/invoices/{id}", "verify", invoices.fetch),
    _at("GET", "/invoices/{id}/lines", "verify", invoices.lines),
    _at("POST", "/invoices/{id}/finalize", "plan", invoices.finalize),
    _at("POST", "/invoices/{id}/void", "plan", invoices.void),
    _at("POST", "/invoices/{id}/pay", "charge", invoices.pay),
    _at("POST", "/invoiceitems", "plan", invoices.create_item),
    _at("GET", "/invoiceitems", "list", invoices.items),
    _at("GET", "/invoiceitems/{id}", "verify", invoices.fetch_item),
    _at("DELETE", "/invoiceitems/{id}", "plan", invoices.delete_item),
    _at("POST", "/refunds", "refund", returning.create_refund),
    _at("GET", "/refunds", "list", returning.refunds),
    _at("GET", "/disputes", "list", returning.disputes),
    _at("GET", "/credit_notes", "list", returning.credit_notes),
    _at("GET", "/credit_notes/{id}", "verify", returning.fetch_credit_note),
    _at("GET", "/payment_intents/{id}", "verify", returning.fetch_intent),
)
