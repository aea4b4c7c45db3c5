"""Paystack's banks, and bank account numbers that are one payer's alone."""

from __future__ import annotations

from typing import Any

from clustr.kit.outbound import QUICK_SECONDS, Outbound
from clustr.payments.providers.nouns import Bank, Mode, VirtualAccount, VirtualAccountRequest
from clustr.payments.providers.paging import every_row, pages
from clustr.payments.providers.paystack_wire import opened
from clustr.payments.providers.port import NotOffered
from clustr.payments.providers.reading import mapping, needed_text, optional_mapping, rows, text

_COUNTRIES = {"NGN": "nigeria", "GHS": "ghana", "KES": "kenya", "ZAR": "south africa"}


def list_paystack_banks(outbound: Outbound, *, currency: str) -> tuple[Bank, ...]:
    """Every bank in use, page after page by the provider's cursor."""
    if currency not in _COUNTRIES:
        raise NotOffered(f"no banks for {currency}")
    query = {"country": _COUNTRIES[currency], "currency": currency, "use_cursor": "true", "perPage": "100"}

    def fetch(_number: int) -> tuple[list[Any], bool]:
        envelope = opened(outbound.get("bank", query=query, within_seconds=QUICK_SECONDS, aside=True))
        query["next"] = text(envelope.meta.get("next"))
        return rows(envelope.content(), "data"), bool(query["next"])

    found: dict[str, Bank] = {}
    for row in every_row(pages(fetch, lambda row: mapping(row, "bank"))):
        code, name = text(row.get("code")), text(row.get("name"))
        if code and name and row.get("active") is not False and row.get("is_deleted") is not True:
            found[code] = Bank(code=code, name=name)
    return tuple(found.values())


def open_paystack_account(outbound: Outbound, request: VirtualAccountRequest, *, mode: Mode) -> VirtualAccount:
    """The payer is made a customer there first; asking that twice does no harm."""
    person = {
        "email": request.email,
        "first_name": request.first_name,
        "last_name": request.last_name,
        "phone": request.phone,
    }
    customer = mapping(opened(outbound.post("customer", body=person, repeatable=True)).content(), "data")
    body = {
        "customer": needed_text(customer.get("customer_code"), "customer_code"),
        "preferred_bank": "test-bank" if mode is Mode.TEST else "wema-bank",
    }
    data = mapping(opened(outbound.post("dedicated_account", body=body)).content(), "data")
    return VirtualAccount(
        provider_id=needed_text(data.get("id"), "id"),
        bank_name=text(optional_mapping(data.get("bank")).get("name")),
        account_number=needed_text(data.get("account_number"), "account_number"),
        account_name=text(data.get("account_name")),
    )
