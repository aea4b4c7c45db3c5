"""Fakes at the services' wire: what they remember, in words of ours; a subclass says how it speaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx

from clustr.bills.types import BillType
from clustr.kit.money import Money
from clustr.kit.outbound import Outbound
from clustr.payments.providers.nouns import Decline, NotFoundYet, Outcome
from clustr.payments.providers.port import AlreadyKnown, ProviderRefused
from clustr.payments.providers.reading import NotUnderstood, mapping, money, needed_text, text
from clustr.utilities.vendors.flutterwave import make_flutterwave_utilities
from clustr.utilities.vendors.interface import (
    CustomerInfo,
    OfferedUtility,
    PurchaseRequest,
    PurchaseTruth,
    UtilityServiceInterface,
)
from clustr.utilities.vendors.paystack import make_paystack_utilities
from clustr.utilities.vendors.reasons import utility_error_type
from tests.payments.providers.wires import SETTINGS, ngn, reply

NUMBER, NOBODY, TOKEN = "04512345678", "99999999999", "1445-2112-4994-5230-5397"
KEYS = SimpleNamespace(**vars(SETTINGS), PAYSTACK_UTILITIES="bill")


def reference() -> str:
    return str(uuid4())


@dataclass
class Sold:
    """A purchase as its service knows it. `state`: sold, waiting, refused, back, or what the wire should say verbatim."""

    reference: str
    number: str
    amount: Money
    state: str = "waiting"
    token: str = ""
    said: str = ""
    id: int = 0


@dataclass
class Shop:
    """One service behind its wire."""

    sold: list[Sold] = field(default_factory=list)
    seen: list[httpx.Request] = field(default_factory=list)
    fault: Callable[[httpx.Request], httpx.Response | None] | None = None
    refusal: str = ""
    """What it says instead of selling."""
    at_once: str = "waiting"
    """How what is bought stands when it is taken in."""
    code: str = "BIL110.UB134"

    def service(self) -> UtilityServiceInterface:
        raise NotImplementedError

    @property
    def connect(self) -> Any:
        transport = httpx.MockTransport(self.handle)
        return partial(Outbound, timeout_seconds=20, transport=transport, sleep=lambda _seconds: None)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        failed = self.fault(request) if self.fault else None
        if failed is not None:
            return failed
        body = json.loads(request.content, parse_float=Decimal) if request.content else {}
        path = request.url.raw_path.decode().partition("?")[0]
        answer = self.answer(request.method, path, dict(request.url.params), body)
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        return reply(status, content)

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        raise NotImplementedError

    def known(self, reference: str) -> Sold | None:
        return next((sold for sold in self.sold if sold.reference == reference), None)

    def take(self, reference: str, number: str, amount: Money) -> Sold | None:
        """None: it has this reference already."""
        if self.known(reference):
            return None
        made = Sold(
            reference, number, amount, self.at_once, TOKEN if self.at_once == "sold" else "", id=7000 + len(self.sold)
        )
        self.sold.append(made)
        return made


class FlutterwaveShop(Shop):
    """As its documents have it: no word for how a purchase stands while nothing went wrong."""

    def service(self) -> UtilityServiceInterface:
        made = make_flutterwave_utilities(KEYS, self.connect)
        assert made is not None
        return made

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        parts = path.removeprefix("/v3/").split("/")
        match parts:
            case ["bills", "UTILITYBILLS", "billers"]:
                return _fine([{"name": "Eko", "biller_code": "BIL110"}, {"name": "Eko Water", "biller_code": "BIL111"}])
            case ["bills", _, "billers"]:
                return _fine([])
            case ["billers", "BIL110", "items"]:
                row = {
                    "item_code": "UB134",
                    "name": "EKO PREPAID",
                    "fee": 100,
                    "amount": 0,
                    "label_name": "Meter Number",
                }
                return _fine([row, {**row, "item_code": "UB136", "name": "EKO FIXED", "amount": Decimal("750.5")}])
            case ["billers", "BIL111", "items"]:
                return _fine([{"item_code": "W1", "name": "Bill", "fee": 0, "amount": 0, "label_name": ""}])
            case ["bill-items", item, "validate"]:
                if query["customer"] == NOBODY:
                    return 400, _wrong("Invalid meter number: the customer was not found")
                told = {"response_code": "00", "name": "ADA OKAFOR", "address": None, "customer": query["customer"]}
                return _fine({**told, "product_code": item, "fee": 100, "maximum": 0, "minimum": 500})
            case ["billers", _, "items", _, "payment"]:
                return self._pay(body)
            case ["bills", name]:
                return self._status(name)
        raise AssertionError(path)

    def _pay(self, body: dict[str, Any]) -> Any:
        if self.refusal:
            return 400, _wrong(self.refusal)
        sold = self.take(body["reference"], body["customer_id"], ngn(int(Decimal(body["amount"]) * 100)))
        if sold is None:
            return 400, _wrong("Duplicate reference: a bill payment with this reference already exists")
        told = {"phone_number": sold.number, "amount": Decimal(sold.amount.minor) / 100, "network": None, "code": "300"}
        return _fine(
            {**told, "tx_ref": f"CF-{sold.id}", "reference": "x", "recharge_token": sold.token or None, "fee": 100}
        )

    def _status(self, name: str) -> Any:
        sold = self.known(name)
        if sold is None:
            return 400, _wrong("No bill payment was found for this reference")
        told: dict[str, Any] = {
            "currency": "NGN",
            "customer_id": sold.number,
            "amount": f"{Decimal(sold.amount.minor) / 100:.2f}",
            "fee": 100,
            "customer_reference": name,
            "flw_ref": f"BP{sold.id}" if sold.state == "sold" else "",
            "tx_ref": f"CF-{sold.id}",
            "extra": sold.token or None,
        }
        words = {"refused": "failed", "back": "reversed"}
        if sold.state not in ("sold", "waiting"):
            told |= {"status": words.get(sold.state, sold.state), "message": sold.said}
        return _fine(told)


class PaystackShop(Shop):
    """The endpoint `/bill`, spoken as Paystack speaks elsewhere."""

    def service(self) -> UtilityServiceInterface:
        made = make_paystack_utilities(KEYS, self.connect)
        assert made is not None
        return made

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        match path.strip("/").split("/"), method:
            case ["bill"], "GET":
                row = {"code": self.code, "name": "Eko Prepaid", "currency": "NGN", "fee": 10_000, "amount": 0}
                row |= {"minimum": 50_000, "maximum": 0, "token": True, "label": "Meter Number"}
                fixed = {**row, "code": "FIXED", "amount": 75_050, "token": False}
                return _yes([row, fixed] if query["type"] == "electricity" else [])
            case ["bill", "validate"], _:
                if query["customer"] == NOBODY:
                    return 400, _no("Invalid meter number: the customer was not found")
                told = {"customer": query["customer"], "name": "ADA OKAFOR", "address": "", "fee": 10_000}
                return _yes({**told, "minimum": 50_000, "maximum": 0})
            case ["bill"], "POST":
                if self.refusal:
                    return 400, _no(self.refusal)
                sold = self.take(body["reference"], body["customer"], ngn(body["amount"]))
                return (
                    _yes(self._told(sold))
                    if sold
                    else (400, _no("Duplicate Transaction Reference", "duplicate_reference"))
                )
            case ["bill", name], "GET":
                found = self.known(name)
                return (
                    _yes(self._told(found))
                    if found
                    else (400, _no("Bill reference not found", "transaction_not_found"))
                )
        raise AssertionError(path)

    def _told(self, sold: Sold) -> dict[str, Any]:
        words = {"sold": "success", "waiting": "pending", "refused": "failed", "back": "reversed"}
        return {
            "id": sold.id,
            "reference": sold.reference,
            "status": words.get(sold.state, sold.state),
            "amount": sold.amount.minor,
            "currency": "NGN",
            "fees": 10_000,
            "customer": sold.number,
            "token": sold.token,
            "message": sold.said,
        }


class ToyShop(Shop):
    """A third service, which says everything in its own way."""

    def service(self) -> UtilityServiceInterface:
        return Toy(self.connect(name="toy", base_url="https://toy.example", headers={}))

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        match path.strip("/").split("/"):
            case ["shelf", kind]:
                goods = [{"code": self.code, "price": 0}, {"code": "FIXED", "price": 75_050}]
                return {"yes": goods if kind == "electricity_utility" else []}
            case ["who", number]:
                return (404, {"no": "no such customer number"}) if number == NOBODY else {"yes": "ADA OKAFOR"}
            case ["sell"]:
                if self.refusal:
                    return 400, {"no": self.refusal}
                sold = self.take(body["ref"], body["number"], ngn(body["minor"]))
                return {"yes": self._told(sold)} if sold else (400, {"no": "known"})
            case ["sold", name]:
                found = self.known(name)
                return {"yes": self._told(found)} if found else (404, {"no": "unknown"})
        raise AssertionError(path)

    def _told(self, sold: Sold) -> dict[str, Any]:
        return {"ref": sold.reference, "id": sold.id, "is": sold.state, "minor": sold.amount.minor,
                "number": sold.number, "token": sold.token, "why": sold.said}  # fmt: skip


class Toy(UtilityServiceInterface):
    """The port, written as docs/providers.md says one is."""

    name = "toy"

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def get_utility_providers(self, *, service_type: BillType) -> tuple[OfferedUtility, ...]:
        goods = self._yes(self._outbound.get("shelf", service_type.value))
        if not isinstance(goods, list):
            raise NotUnderstood("shelf")
        return tuple(
            OfferedUtility(
                provider_code=needed_text(row.get("code"), "code"),
                name="Eko Prepaid",
                service_type=service_type,
                currency="NGN",
                fixed=ngn(row["price"]) if row["price"] else None,
                minimum=None,
                maximum=None,
                fee=ngn(10_000),
                gives_token=True,
                number_label="Meter",
            )
            for row in goods
        )

    def get_customer_info(
        self, *, customer_id: str, provider_code: str, within_seconds: float | None = None
    ) -> CustomerInfo:
        name = needed_text(self._yes(self._outbound.get("who", customer_id)), "name")
        return CustomerInfo(name=name, address="", minimum=ngn(50_000), maximum=None, fee=ngn(10_000))

    def purchase_utility(self, request: PurchaseRequest) -> PurchaseTruth:
        body = {"ref": request.reference, "number": request.customer_id, "minor": request.amount.minor}
        truth = self._truth(self._yes(self._outbound.post("sell", body=body)))
        if truth.amount != request.amount or truth.reference != request.reference:
            raise NotUnderstood("another purchase")
        return truth

    def fetch_purchase(self, *, reference: str) -> PurchaseTruth | NotFoundYet:
        answer = self._outbound.get("sold", reference)
        if answer.http_status == 404 and mapping(answer.body, "answer").get("no") == "unknown":
            return NotFoundYet()
        truth = self._truth(self._yes(answer))
        if truth.reference != reference:
            raise NotUnderstood("another reference")
        return truth

    def _yes(self, answer: Any) -> Any:
        body = mapping(answer.body, "answer")
        if answer.http_status < 300 and "yes" in body:
            return body["yes"]
        said = text(body.get("no"))
        if said == "known":
            raise AlreadyKnown
        if not said or answer.http_status < 300 or "contact support" in said:
            raise NotUnderstood("no")
        raise ProviderRefused(utility_error_type(said=said), said[:0], http_status=answer.http_status)

    def _truth(self, raw: Any) -> PurchaseTruth:
        data = mapping(raw, "sold")
        outcome = {
            "sold": Outcome.SUCCEEDED,
            "waiting": Outcome.PENDING,
            "refused": Outcome.FAILED,
            "back": Outcome.REVERSED,
        }
        state = outcome.get(text(data.get("is")), Outcome.UNKNOWN)
        return PurchaseTruth(
            outcome=state,
            reference=needed_text(data.get("ref"), "ref"),
            provider_id=needed_text(data.get("id"), "id"),
            customer_id=text(data.get("number")),
            amount=money(data.get("minor"), "NGN", decimals=2),
            fee=None,
            token=text(data.get("token")),
            units="",
            tariff="",
            decline=Decline(type=utility_error_type(said=text(data.get("why"))), message="")
            if state is Outcome.FAILED
            else None,
            record={"is": text(data.get("is"))},
        )


def _fine(data: Any) -> dict[str, Any]:
    return {"status": "success", "message": "ok", "data": data}


def _wrong(message: str) -> dict[str, Any]:
    return {"status": "error", "message": message, "data": None}


def _yes(data: Any) -> dict[str, Any]:
    return {"status": True, "message": "ok", "data": data}


def _no(message: str, code: str = "") -> dict[str, Any]:
    return {"status": False, "message": message, **({"code": code} if code else {})}
