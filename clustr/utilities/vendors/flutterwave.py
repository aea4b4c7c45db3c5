"""Flutterwave's bills (v3, Nigeria): amounts in major units, a status without a word for it, tokens in two places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from clustr.bills.types import BillType
from clustr.kit.money import Money
from clustr.kit.outbound import QUICK_SECONDS, Outbound
from clustr.payments.providers.flutterwave_wire import Envelope, opened, to_wire
from clustr.payments.providers.nouns import Decline, NotFoundYet, Outcome
from clustr.payments.providers.port import Connect, NotOffered, ProviderRefused
from clustr.payments.providers.reading import (
    NotUnderstood,
    mapping,
    money,
    needed_text,
    record_of,
    redacted,
    rounded_money,
    rows,
    text,
)
from clustr.payments.types import PaymentErrorType
from clustr.utilities.vendors.interface import (
    CustomerInfo,
    OfferedUtility,
    PurchaseRequest,
    PurchaseTruth,
    UtilityServiceInterface,
)
from clustr.utilities.vendors.reasons import utility_error_type, utility_refusal

CURRENCY, COUNTRY = "NGN", "NG"
CATEGORIES = {
    BillType.ELECTRICITY_UTILITY: "UTILITYBILLS",
    BillType.WATER_UTILITY: "UTILITYBILLS",
    BillType.INTERNET_UTILITY: "INTSERVICE",
    BillType.CABLE_TV_UTILITY: "CABLEBILLS",
}
_WORDS = {
    **dict.fromkeys(("success", "successful", "completed"), Outcome.SUCCEEDED),
    **dict.fromkeys(("pending", "processing", "in progress", "queued"), Outcome.PENDING),
    **dict.fromkeys(("failed", "failure", "cancelled"), Outcome.FAILED),
    **dict.fromkeys(("reversed", "refunded"), Outcome.REVERSED),
}
_KEPT = (
    "amount",
    "fee",
    "network",
    "code",
    "tx_ref",
    "flw_ref",
    "status",
    "product",
    "product_name",
    "transaction_date",
)
_NONE = re.compile(r"no (bill|transaction|purchase|record)\b.{0,40}\bfound")
_TOKEN = re.compile(r"(?<!\d)\d(?:[ -]?\d){15,39}(?!\d)", re.ASCII)
"""A prepaid token: sixteen digits or more, often in groups."""


class FlutterwaveUtilityService(UtilityServiceInterface):
    """The port, spoken to Flutterwave's bills. A code of ours is the biller's and the item's: "BIL110.UB134"."""

    name = "flutterwave"

    def __init__(self, *, outbound: Outbound) -> None:
        self._outbound = outbound

    def get_utility_providers(self, *, service_type: BillType) -> tuple[OfferedUtility, ...]:
        category = CATEGORIES.get(service_type)
        if category is None:
            raise NotOffered(service_type.value)
        found: list[OfferedUtility] = []
        for row in self._rows("bills", category, "billers"):
            biller = mapping(row, "biller")
            name, code = text(biller.get("name")).strip(), needed_text(biller.get("biller_code"), "biller_code")
            if category != "UTILITYBILLS" or _is_water(name) == (service_type is BillType.WATER_UTILITY):
                found += self._items(code, name, service_type)
        return tuple(found)

    def _items(self, biller_code: str, biller: str, service_type: BillType) -> Iterator[OfferedUtility]:
        for row in self._rows("billers", biller_code, "items"):
            item = mapping(row, "item")
            fixed = money(item.get("amount") or 0, CURRENCY)
            name = text(item.get("name")).strip() or text(item.get("short_name")).strip()
            full = name if biller.lower() in name.lower() else f"{biller} {name}".strip()
            yield OfferedUtility(
                provider_code=_code(biller_code, needed_text(item.get("item_code"), "item_code")),
                name=full[:100],
                service_type=service_type,
                currency=CURRENCY,
                fixed=fixed if fixed.minor else None,
                minimum=None,
                maximum=None,
                fee=rounded_money(item.get("fee"), CURRENCY) or Money(0, CURRENCY),
                gives_token=service_type is BillType.ELECTRICITY_UTILITY and "prepaid" in full.lower(),
                number_label=text(item.get("label_name")).strip()[:60] or "Customer number",
            )

    def _rows(self, *path: str) -> list[Any]:
        return rows(opened(self._outbound.get(*path, query={"country": COUNTRY})).content(), path[-1])

    def get_customer_info(
        self, *, customer_id: str, provider_code: str, within_seconds: float | None = None
    ) -> CustomerInfo:
        biller, item = _codes(provider_code)
        envelope = opened(
            self._outbound.get(
                "bill-items",
                item,
                "validate",
                query={"code": biller, "customer": customer_id},
                within_seconds=within_seconds or QUICK_SECONDS,
            )
        )
        data = mapping(_content(envelope), "data")
        if text(data.get("response_code")) not in ("00", "0"):
            said = text(data.get("response_message"))
            type = utility_error_type(said=said, otherwise=PaymentErrorType.INVALID_CUSTOMER)
            raise ProviderRefused(type, redacted(said), http_status=envelope.http_status)
        if text(data.get("customer")) not in ("", customer_id):
            raise NotUnderstood("customer of another number")
        return CustomerInfo(
            name=needed_text(data.get("name"), "name").strip(),
            address=text(data.get("address")).strip(),
            minimum=_bound(data.get("minimum")),
            maximum=_bound(data.get("maximum")),
            fee=rounded_money(data.get("fee"), CURRENCY),
        )

    def purchase_utility(self, request: PurchaseRequest) -> PurchaseTruth:
        """What is answered says that it was taken in. Only a token shows at once that it was sold; else the truth is
        asked for."""
        biller, item = _codes(request.provider_code)
        body = {
            "country": COUNTRY,
            "customer_id": request.customer_id,
            "amount": to_wire(request.amount),
            "reference": request.reference,
            "callback_url": request.notify_url,
        }
        data = mapping(
            _content(opened(self._outbound.post("billers", biller, "items", item, "payment", body=body))), "data"
        )
        if money(data.get("amount"), CURRENCY) != request.amount:
            raise NotUnderstood("purchase of another amount")
        token = _token(data.get("recharge_token"))
        return PurchaseTruth(
            outcome=Outcome.SUCCEEDED if token else Outcome.PENDING,
            reference=request.reference,
            provider_id=text(data.get("tx_ref")),
            customer_id=text(data.get("phone_number")),
            amount=request.amount,
            fee=rounded_money(data.get("fee"), CURRENCY),
            token=token,
            units=text(data.get("units")),
            tariff=text(data.get("tariff")),
            decline=None,
            record=record_of(data, kept=_KEPT, told=()),
        )

    def fetch_purchase(self, *, reference: str) -> PurchaseTruth | NotFoundYet:
        envelope = opened(self._outbound.get("bills", reference, query={"verbose": "1"}))
        if _unknown_reference(envelope):
            return NotFoundYet()
        data = mapping(envelope.content(), "data")
        if text(data.get("customer_reference")) != reference:
            raise NotUnderstood("purchase of another reference")
        token = _token(data.get("extra")) or _token(data.get("recharge_token"))
        outcome, said = _outcome(data, token), text(data.get("message"))
        return PurchaseTruth(
            outcome=outcome,
            reference=reference,
            provider_id=text(data.get("tx_ref")),
            customer_id=text(data.get("customer_id")),
            amount=money(data.get("amount"), data.get("currency")),
            fee=rounded_money(data.get("fee"), CURRENCY),
            token=token,
            units=text(data.get("units"))[:60],
            tariff=text(data.get("tariff"))[:60],
            decline=Decline(type=utility_error_type(said=said), message="") if outcome is Outcome.FAILED else None,
            record=record_of(data, kept=_KEPT, told=()),
        )


def make_flutterwave_utilities(settings: Any, connect: Connect) -> FlutterwaveUtilityService | None:
    """Flutterwave's bills, by the same key as its payments; None without one."""
    key = settings.FLUTTERWAVE_SECRET_KEY
    if not key:
        return None
    headers = {"Authorization": f"Bearer {key}"}
    return FlutterwaveUtilityService(
        outbound=connect(name="flutterwave", base_url=settings.FLUTTERWAVE_URL, headers=headers)
    )


def _unknown_reference(envelope: Envelope) -> bool:
    """How it says so is documented nowhere: with this status, or in some such words."""
    return envelope.not_found or (not envelope.done and _NONE.match(envelope.message.lower()) is not None)


def _content(envelope: Envelope) -> Any:
    with _in_our_words():
        return envelope.content()


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except ProviderRefused as error:
        raise utility_refusal(error) from error


def _outcome(data: Mapping[str, Any], token: str) -> Outcome:
    """The samples have no word for it. A word counts where there is one; else the utility's own reference, which comes into
    being when it sells, or a token."""
    word = text(data.get("status")).strip().lower()
    if word:
        return _WORDS.get(word, Outcome.UNKNOWN)
    return Outcome.SUCCEEDED if token or text(data.get("flw_ref")).strip() else Outcome.PENDING


def _token(value: Any) -> str:
    """A token as people type it, out of a text or of what holds one."""
    if isinstance(value, dict):
        return next(filter(None, map(_token, value.values())), "")
    found = _TOKEN.search(value) if isinstance(value, str) else None
    return found.group().replace(" ", "-") if found else ""


def _bound(value: Any) -> Money | None:
    bound = rounded_money(value, CURRENCY)
    return bound if bound is not None and bound.minor else None


def _is_water(name: str) -> bool:
    return "water" in name.lower()


def _code(biller: str, item: str) -> str:
    return f"{biller}.{item}"


def _codes(provider_code: str) -> tuple[str, str]:
    biller, _, item = provider_code.partition(".")
    if not biller or not item:
        raise NotOffered("a code is the biller's and the item's")
    return biller, item
