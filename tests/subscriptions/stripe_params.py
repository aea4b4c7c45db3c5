"""What leaves for Stripe, judged by the parameters inside Stripe's own library: unknown words are refused at every depth."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

import httpx
import stripe.params as plain
import stripe.params.checkout as pages

from tests.sandbox.rig import SHARED

PARAMETERS = {
    "POST /v1/customers": "CustomerCreateParams",
    "POST /v1/customers/*": "CustomerUpdateParams",
    "POST /v1/payment_methods/*/attach": "PaymentMethodAttachParams",
    "POST /v1/payment_methods/*/detach": "PaymentMethodDetachParams",
    "POST /v1/products": "ProductCreateParams",
    "POST /v1/prices": "PriceCreateParams",
    "GET /v1/prices": "PriceListParams",
    "POST /v1/coupons": "CouponCreateParams",
    "POST /v1/tax_rates": "TaxRateCreateParams",
    "POST /v1/checkout/sessions": "checkout.SessionCreateParams",
    "GET /v1/checkout/sessions": "checkout.SessionListParams",
    "POST /v1/checkout/sessions/*/expire": "checkout.SessionExpireParams",
    "POST /v1/subscriptions": "SubscriptionCreateParams",
    "POST /v1/subscriptions/*": "SubscriptionUpdateParams",
    "GET /v1/subscriptions": "SubscriptionListParams",
    "DELETE /v1/subscriptions/*": "SubscriptionCancelParams",
    "POST /v1/subscription_schedules": "SubscriptionScheduleCreateParams",
    "POST /v1/subscription_schedules/*": "SubscriptionScheduleUpdateParams",
    "POST /v1/subscription_schedules/*/release": "SubscriptionScheduleReleaseParams",
    "POST /v1/invoices": "InvoiceCreateParams",
    "POST /v1/invoices/*/finalize": "InvoiceFinalizeInvoiceParams",
    "POST /v1/invoices/*/void": "InvoiceVoidInvoiceParams",
    "POST /v1/invoices/create_preview": "InvoiceCreatePreviewParams",
    "GET /v1/invoices": "InvoiceListParams",
    "POST /v1/invoices/*/pay": "InvoicePayParams",
    "POST /v1/invoiceitems": "InvoiceItemCreateParams",
    "GET /v1/invoiceitems": "InvoiceItemListParams",
    "POST /v1/refunds": "RefundCreateParams",
    "GET /v1/refunds": "RefundListParams",
    "GET /v1/disputes": "DisputeListParams",
    "GET /v1/credit_notes": "CreditNoteListParams",
    "GET /v1/credit_notes/*/lines": "CreditNoteLineItemListParams",
    "GET /v1/customers/*/payment_methods": "CustomerPaymentMethodListParams",
    "GET /v1/invoices/*": "InvoiceRetrieveParams",
    "GET /v1/invoices/*/lines": "InvoiceLineItemListParams",
}
"""The parameters of every request that we make with any, or tests do in our place."""
ABSENT = "Stripe's parameters are not on this machine"
_OLD = ("GET /v1/invoices/upcoming",)
"""What only older versions of Stripe's know, and so not its library any more."""
_JUDGE = SHARED / "specs/stripe/validate_params.py"
_OF_ONE = re.compile(r"(/v1/(?:checkout/)?[a-z_]+/)(?!create_preview|upcoming|sessions)[A-Za-z0-9_]+")
_OF_ONE_PAGE = re.compile(r"(/checkout/sessions/)[A-Za-z0-9_]+")
_STEPS = re.compile(r"[^\[\]]+")


@cache
def judge() -> ModuleType | None:
    """What tells whether parameters are allowed; None where it is not on this machine."""
    if not _JUDGE.exists():
        return None
    spec = importlib.util.spec_from_file_location("validate_params", _JUDGE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def where_of(method: str, path: str) -> str:
    """A request's address, without the ids in it."""
    return _OF_ONE_PAGE.sub(r"\1*", _OF_ONE.sub(r"\1*", f"{method} {path}"))


def complaints(where: str, params: Any) -> list[str]:
    """What is wrong with the parameters of a request; nothing where there is no judge."""
    if judge() is None or where in _OLD:
        return []
    if where not in PARAMETERS:
        return [f"{name}: it takes none that we know of" for name in params]
    try:
        _adapter(where).validate_python(params)
    except ValueError as error:
        return [str(error)]
    return []


def complaints_on_the_wire(request: httpx.Request) -> list[str]:
    """The same of a request as it leaves, where every value is a text."""
    sent = request.url.query if request.method in ("GET", "DELETE") else request.content
    path = request.url.path.removeprefix("/stripe")
    return complaints(where_of(request.method, path), _read(sent.decode()))


@cache
def _adapter(where: str) -> Any:
    """Built once in a process: some take a tenth of a second."""
    judging = judge()
    assert judging is not None
    folder, _, name = PARAMETERS[where].rpartition(".")
    judging.P = pages if folder else plain
    return judging.adapter(name)


def _read(form: str) -> Any:
    """`items[0][price]=price_1` as `{"items": [{"price": "price_1"}]}`."""
    tree: dict[str, Any] = {}
    for key, value in parse_qsl(form, keep_blank_values=True, strict_parsing=bool(form)):
        *steps, last = _STEPS.findall(key)
        node = tree
        for step in steps:
            node = node.setdefault(step, {})
        node[last] = value
    return _listed(tree)


def _listed(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isdecimal() for key in node):
        return [_listed(each) for _, each in sorted(node.items(), key=lambda pair: int(pair[0]))]
    return {key: _listed(each) for key, each in node.items()}
