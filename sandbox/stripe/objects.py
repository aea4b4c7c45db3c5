"""Stripe's objects: made, kept, found and told of."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

from sandbox.records import StripeRow
from sandbox.stripe.fields import FIELDS
from sandbox.wire import Refused
from sandbox.world import World

VERSION = "2026-10-28.endive"
Doc = dict[str, Any]
HIDDEN = ("sandbox", "set_up", "used")
"""What only the sandbox knows of an object; never answered."""
_PREFIXES = {
    "customer": "cus_",
    "product": "prod_",
    "price": "price_",
    "coupon": "",
    "tax_rate": "txr_",
    "payment_method": "pm_",
    "subscription": "sub_",
    "subscription_item": "si_",
    "subscription_schedule": "sub_sched_",
    "invoice": "in_",
    "line_item": "il_",
    "invoice_payment": "inpay_",
    "payment_intent": "pi_",
    "setup_intent": "seti_",
    "checkout.session": "cs_test_",
    "invoiceitem": "ii_",
    "discount": "di_",
    "charge": "ch_",
    "refund": "re_",
    "dispute": "dp_",
    "credit_note": "cn_",
    "credit_note_line_item": "cnli_",
    "balance_transaction": "txn_",
    "event": "evt_",
    "idempotency": "idem_",
}


def stamp(at: datetime) -> int:
    return int(at.timestamp())


def instant(stamped: int) -> datetime:
    return datetime.fromtimestamp(stamped, UTC)


def new_key(world: World, kind: str) -> str:
    serial = world.store.serial()
    return _PREFIXES[kind] + world.code(f"stripe.{kind}", serial=serial, length=20)


def blank(kind: str, **known: Any) -> Doc:
    """An object with every field it has, null but for what is known."""
    doc: Doc = dict.fromkeys(FIELDS[kind])
    if "livemode" in doc:
        doc["livemode"] = False
    if "metadata" in doc:
        doc["metadata"] = {}
    doc["object"] = kind
    doc.update(known)
    return doc


def make(world: World, kind: str, *, key: str = "", parent: str = "", **known: Any) -> StripeRow:
    """A new object, kept."""
    key = key or new_key(world, kind)
    doc = blank(kind, id=key, **known) if kind in FIELDS else {"id": key, **known}
    if "created" in doc and doc["created"] is None:
        doc["created"] = stamp(world.now)
    return world.store.add(StripeRow(world.store.serial(), kind, key, parent, world.now, doc))


def keep(world: World, row: StripeRow) -> None:
    world.store.touch(row)


def find(world: World, kind: str, key: object) -> StripeRow | None:
    return world.store.first(StripeRow, kind, str(key))


def known(world: World, kind: str, key: object, *, param: str = "id") -> StripeRow:
    """One that must be there."""
    found = find(world, kind, key)
    if found is None:
        words = kind.replace("_", " ").replace(".", " ")
        raise refusal(404 if param == "id" else 400, f"No such {words}: '{key}'", code="resource_missing", param=param)
    return found


def children(world: World, kind: str, parent: str) -> list[StripeRow]:
    """In the order they were made."""
    return world.store.find(StripeRow, kind, "of", parent)


def refusal(
    status: int, message: str, *, code: str, param: str = "", kind: str = "invalid_request_error", **more: Any
) -> Refused:
    """As Stripe words it."""
    error: Doc = {"code": code, "message": message, "type": kind, **more}
    if param:
        error["param"] = param
    return Refused(status, {"error": error})


def listed(rows: list[Doc], url: str, query: Doc) -> Doc:
    """A page of a list, the newest first, after `starting_after`."""
    limit = int(query.get("limit", 10))
    after = query.get("starting_after")
    if after:
        at = next((n for n, row in enumerate(rows) if row["id"] == after), len(rows))
        rows = rows[at + 1 :]
    return {"object": "list", "data": rows[:limit], "has_more": len(rows) > limit, "url": url}


def tell(world: World, event: str, doc: Doc, *, before: Doc | None = None) -> None:
    """An event, on its way to ClustR."""
    data: Doc = {"object": {name: copy.deepcopy(held) for name, held in doc.items() if name not in HIDDEN}}
    if before is not None:
        data["previous_attributes"] = before
    body = {
        "id": new_key(world, "event"),
        "object": "event",
        "api_version": VERSION,
        "created": stamp(world.now),
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": event,
    }
    world.send(provider="stripe", event=event, body=json.dumps(body))


def nested(pairs: list[tuple[str, str]]) -> Doc:
    """A form as Stripe reads it: `items[0][price]=x` is a list of objects."""
    found: Doc = {}
    for name, value in pairs:
        head, *rest = name.replace("]", "").split("[")
        place: Any = found
        path = [head, *rest]
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1] if path[-1] else str(len(place))] = value
    return {name: _with_lists(value) for name, value in found.items()}


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _with_lists(held) for name, held in value.items()}
    if inner and all(name.isdecimal() for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


def yes(value: object) -> bool:
    return str(value).lower() == "true"
