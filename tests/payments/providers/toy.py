"""A third provider, written as docs/providers.md says one is: an adapter in one file, and a fake at its wire."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from clustr.kit.money import Money
from clustr.kit.outbound import Answer, Outbound
from clustr.payments.providers import nouns, returns
from clustr.payments.providers.declines import decline_type
from clustr.payments.providers.notices import notice_key, one_header, read_event, refuse_unless_equal
from clustr.payments.providers.nouns import Channel, Mode, NotFoundYet, NoticeKind, Outcome
from clustr.payments.providers.paging import every_row, pages, within
from clustr.payments.providers.port import AlreadyKnown, Connect, NotOffered, ProviderRefused
from clustr.payments.providers.reading import (
    NotUnderstood,
    checkout_address,
    instant,
    mapping,
    money,
    needed_text,
    redacted,
    rows,
    signed_money,
    text,
)
from clustr.payments.providers.registry import Maker
from clustr.payments.types import PaymentErrorType
from tests.payments.providers.wires import CARD, EMAIL, PAID_AT, SETTINGS, TOKEN, FakeCharge, FakeMove, Wire

Row = TypeVar("Row")
_STATES = {"yes": Outcome.SUCCEEDED, "no": Outcome.FAILED, "wait": Outcome.PENDING, "back": Outcome.REVERSED}


class Toy:
    """The port, spoken to a provider that says everything in its own way: amounts as "NGN 500000" in minor units."""

    name = "toy"
    mode = Mode.TEST

    def __init__(self, *, key: str, outbound: Outbound) -> None:
        self._key = key.encode()
        self._outbound = outbound

    def charge_bounds(self, *, currency: str) -> nouns.Bounds:
        return nouns.Bounds()

    def start_charge(self, request: nouns.ChargeRequest) -> nouns.CheckoutStarted:
        data = self._ask("open", {"ref": request.reference, "sum": _said(request.amount), "back": request.return_url})
        return nouns.CheckoutStarted(checkout_url=checkout_address(data.get("go")), provider_reference=None)

    def charge_saved_method(self, request: nouns.SavedMethodCharge) -> nouns.ChargeTruth | nouns.ChallengeRequired:
        data = self._ask("again", {"ref": request.reference, "sum": _said(request.amount), "card": request.token})
        if data.get("go"):
            return nouns.ChallengeRequired(url=checkout_address(data["go"]))
        return _charge(data)

    def fetch_charge(self, *, reference: str) -> nouns.ChargeTruth | NotFoundYet:
        return self._one("charge", reference, _charge, lambda truth: truth.reference)

    def fetch_charge_by_id(self, *, provider_id: str) -> nouns.ChargeTruth | NotFoundYet:
        return self._one("charge-id", provider_id, _charge, lambda truth: truth.provider_id)

    def list_charges(self, *, since: datetime, until: datetime) -> Iterator[nouns.Page[nouns.ChargeTruth]]:
        def read(row: Any) -> nouns.ChargeTruth | None:
            truth = _charge(row)
            return truth if within(truth.created_at, since=since, until=until) else None

        return self._list("charges", read)

    def refund_charge(self, request: returns.RefundRequest) -> returns.RefundTruth:
        return _refund(self._ask("refund", {"id": request.charge_id, "sum": _said(request.amount)}))

    def fetch_refund(self, *, provider_id: str) -> returns.RefundTruth | NotFoundYet:
        return self._one("refund", provider_id, _refund, lambda truth: truth.provider_id)

    def refunds_of(self, *, charge_id: str) -> tuple[returns.RefundTruth, ...]:
        return tuple(found for found in every_row(self._list("refunds", _refund)) if found.charge_id == charge_id)

    def refunded_charges(self, *, since: datetime, until: datetime) -> Iterator[nouns.Page[str]]:
        raise NotOffered("no list of refunds")

    def fetch_dispute(self, *, provider_id: str) -> returns.DisputeTruth | NotFoundYet:
        raise NotOffered("no disputes")

    def disputes_of(self, *, charge_id: str) -> tuple[returns.DisputeTruth, ...]:
        raise NotOffered("no disputes")

    def disputed_charges(self, *, since: datetime, until: datetime) -> Iterator[nouns.Page[str]]:
        raise NotOffered("no disputes")

    def list_banks(self, *, currency: str) -> tuple[nouns.Bank, ...]:
        return tuple(nouns.Bank(code=text(row["code"]), name=text(row["name"])) for row in self._page("banks", 1)[0])

    def resolve_account(self, *, bank_code: str, account_number: str, currency: str) -> str:
        if currency != "NGN":
            raise NotOffered(f"no names in {currency}")
        return needed_text(self._ask("who", {"bank": bank_code, "account": account_number}).get("name"), "name")

    def pay_out(self, request: nouns.PayoutRequest) -> nouns.PayoutTruth:
        return _payout(self._ask("send", {"ref": request.reference, "sum": _said(request.amount)}))

    def fetch_payout(self, *, reference: str) -> nouns.PayoutTruth | NotFoundYet:
        return self._one("payout", reference, _payout, lambda truth: truth.reference)

    def list_payouts(self, *, since: datetime, until: datetime) -> Iterator[nouns.Page[nouns.PayoutTruth]]:
        return self._list("payouts", _payout)

    def list_settlements(self, *, since: datetime, until: datetime) -> Iterator[nouns.Page[nouns.Settlement]]:
        return self._list("settlements", _settlement)

    def balances(self) -> tuple[nouns.Balance, ...]:
        found = rows(_opened(self._outbound.get("held")), "held")
        return tuple(nouns.Balance(available=_read(text(row)), collected=None) for row in found)

    def open_virtual_account(self, request: nouns.VirtualAccountRequest) -> nouns.VirtualAccount:
        data = self._ask("number", {"ref": request.reference})
        return nouns.VirtualAccount(
            provider_id="1", bank_name="Toy Bank", account_number=text(data.get("number")), account_name=""
        )

    def read_notice(self, *, raw_body: bytes, headers: Mapping[str, Any]) -> nouns.Notice:
        right = hmac.new(self._key, raw_body, hashlib.sha256).hexdigest().encode()
        refuse_unless_equal(one_header(headers, "toy-signature"), [right])
        event, data = read_event(raw_body)
        kind = NoticeKind.CHARGE if event == "charge" else NoticeKind.OTHER
        id, ref = text(data.get("id")), text(data.get("ref"))
        key = notice_key(event, id, text(data.get("is")), raw_body=raw_body)
        return nouns.Notice(kind=kind, reference=ref, provider_id=id, key=key)

    def _ask(self, what: str, body: dict[str, Any]) -> Mapping[str, Any]:
        return mapping(_opened(self._outbound.post(what, body=body)), what)

    def _one(self, what: str, name: str, read: Callable[[Any], Row], named: Callable[[Row], str]) -> Row | NotFoundYet:
        answer = self._outbound.get(what, name)
        if answer.http_status == 404:
            return NotFoundYet()
        truth = read(_opened(answer))
        if named(truth) != name:
            raise NotUnderstood("another one")
        return truth

    def _list(self, what: str, read: Callable[[Any], Row | None]) -> Iterator[nouns.Page[Row]]:
        return pages(lambda number: self._page(what, number), read)

    def _page(self, what: str, number: int) -> tuple[list[Any], bool]:
        found = rows(_opened(self._outbound.get(what, query={"page": str(number)})), what)
        return found, len(found) == 50


def make_toy(settings: Any, connect: Connect) -> Toy | None:
    key = settings.TOY_KEY
    outbound = connect(base_url="https://toy.example", headers={"Authorization": f"Bearer {key}"})
    return Toy(key=key, outbound=outbound) if key else None


def _opened(answer: Answer) -> Any:
    body = mapping(answer.body, "answer")
    if answer.http_status < 300 and "thing" in body:
        return body["thing"]
    if body.get("why") == "known":
        raise AlreadyKnown
    if answer.http_status < 300 or "why" not in body:
        raise NotUnderstood("envelope")
    type = PaymentErrorType(body["why"])
    raise ProviderRefused(type, redacted(text(body.get("said"))), http_status=answer.http_status)


def _said(amount: Money) -> str:
    return f"{amount.currency} {amount.minor}"


def _read(said: Any) -> Money:
    currency, _, digits = text(said).partition(" ")
    return Money(int(signed_money(digits, "UGX").minor), currency) if currency else money(None, "NGN")


def _charge(raw: Any) -> nouns.ChargeTruth:
    data = mapping(raw, "charge")
    outcome, said = _STATES.get(text(data.get("is")), Outcome.UNKNOWN), text(data.get("said"))
    four = text(data.get("four"))
    card = nouns.SavedMethod(
        token=text(data.get("card")), brand="visa", last_four=four, expires_month=12, expires_year=2030, reusable=True,
        signature="",
    )  # fmt: skip
    return nouns.ChargeTruth(
        outcome=outcome,
        reference=needed_text(data.get("ref"), "ref"),
        provider_id=text(data.get("id")),
        amount=_read(data.get("sum")),
        charged=_read(data.get("taken")),
        fee=_read(data["fee"]) if data.get("fee") else None,
        created_at=instant(data.get("at")),
        paid_at=instant(data.get("paid")),
        mode=Mode.TEST,
        channel=Channel.CARD,
        decline=nouns.Decline(type=decline_type(text=said), message=redacted(said))
        if outcome is Outcome.FAILED
        else None,
        saved_method=card if data.get("card") else None,
        email=text(data.get("mail")),
        receiving_account="",
        record={"is": text(data.get("is"))},
    )


def _refund(raw: Any) -> returns.RefundTruth:
    data = mapping(raw, "refund")
    return returns.RefundTruth(
        outcome=_STATES.get(text(data.get("is")), Outcome.UNKNOWN),
        provider_id=text(data.get("id")),
        charge_id=text(data.get("of")),
        amount=_read(data.get("sum")),
        note="",
        needs_person=False,
        of_dispute=False,
        record={},
    )


def _payout(raw: Any) -> nouns.PayoutTruth:
    data = mapping(raw, "payout")
    outcome = _STATES.get(text(data.get("is")), Outcome.UNKNOWN)
    return nouns.PayoutTruth(
        outcome=outcome,
        reference=text(data.get("ref")),
        provider_id=text(data.get("id")),
        amount=_read(data.get("sum")),
        fee=None,
        mode=Mode.TEST,
        decline=nouns.Decline(type=PaymentErrorType.UNKNOWN, message="") if outcome is Outcome.FAILED else None,
        needs_person=False,
        record={},
    )


def _settlement(raw: Any) -> nouns.Settlement:
    data = mapping(raw, "settlement")
    return nouns.Settlement(
        provider_id=text(data.get("id")),
        paid=True,
        to_bank=True,
        gross=_read(data.get("sum")),
        fee=_read(data.get("fee")),
        net=_read(data.get("net")),
        settles_at=None,
    )


@dataclass
class ToyWire(Wire):
    """A fake at the toy's wire."""

    maker: ClassVar[Maker] = staticmethod(make_toy)

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        match path.strip("/").split("/"):
            case ["open"]:
                if self.charge(body["ref"]):
                    return 400, {"why": "known"}
                self.add(FakeCharge(body["ref"], self._sum(body)))
                return {"thing": {"go": "https://toy.example/go"}}
            case ["again"]:
                return self._again(body)
            case ["charge", name]:
                return self._found(self.charge(name), self.shape)
            case ["charge-id", name]:
                return self._found(self.charge_of(name), self.shape)
            case ["charges"]:
                return self._paged([self.shape(charge) for charge in self.charges], query)
            case ["refunds"]:
                return self._paged([self.move(move) for move in self.refunds], query)
            case ["settlements"]:
                return self._paged([self.move(move) for move in self.settlements], query)
            case ["held"]:
                return {"thing": [_said(held) for held in self.held]}
            case ["refund"]:
                self.refunds.append(FakeMove("", self._sum(body), charge_id=int(body["id"]), id=self.new_id()))
                return {"thing": self.move(self.refunds[-1])}
            case ["refund", name]:
                return self._found(next((m for m in self.refunds if str(m.id) == name), None), self.move)
            case ["send"]:
                if self._sum(body).minor > 90_000_000:
                    return 400, {"why": "INSUFFICIENT_FUNDS", "said": ""}
                self.payouts.append(FakeMove(body["ref"], self._sum(body), id=self.new_id()))
                return {"thing": self.move(self.payouts[-1])}
            case ["payout", name]:
                return self._found(next((m for m in self.payouts if m.reference == name), None), self.move)
            case ["payouts"]:
                return self._paged([self.move(move) for move in self.payouts], query)
            case ["banks"]:
                return {"thing": [{"code": "057", "name": "Bank of Palms"}]}
            case ["who"]:
                known = body["account"] == "0000000000"
                return {"thing": {"name": "ADA OKAFOR"}} if known else (400, {"why": "PROVIDER_ERROR"})
            case ["number"]:
                return {"thing": {"number": "1230001644"}}
        raise AssertionError(path)

    def _sum(self, body: dict[str, Any]) -> Money:
        return Money(int(body["sum"][4:]), body["sum"][:3])

    def _again(self, body: dict[str, Any]) -> Any:
        if body["card"] != TOKEN:
            return 400, {"why": "INVALID_CARD"}
        charge = self.add(FakeCharge(body["ref"], self._sum(body), "paid"))
        if charge.amount.minor % 1000 == 1:
            charge.state = "waiting"
            return {"thing": {"go": "https://toy.example/challenge"}}
        if charge.amount.minor % 1000 == 2:
            charge.state, charge.said = "declined", "insufficient"
        return {"thing": self.shape(charge)}

    def _found(self, one: Any, shape: Callable[[Any], Any]) -> Any:
        return {"thing": shape(one)} if one else (404, {"why": "UNKNOWN"})

    def _paged(self, found: list[Any], query: dict[str, str]) -> Any:
        start = 50 * (int(query["page"]) - 1)
        return {"thing": found[start : start + 50]}

    def shape(self, charge: FakeCharge) -> dict[str, Any]:
        states = {"paid": "yes", "waiting": "wait", "declined": "no"}
        paid = charge.state == "paid"
        return {
            "ref": charge.reference,
            "id": charge.id,
            "is": states.get(charge.state, charge.state),
            "sum": _said(charge.amount),
            "taken": _said(charge.charged),
            "fee": _said(charge.fee) if charge.fee else None,
            "at": charge.created_at,
            "paid": PAID_AT if paid else None,
            "card": TOKEN if paid else None,
            "four": CARD[-4:],
            "mail": EMAIL,
            "said": charge.said,
        }

    def move(self, move: FakeMove) -> dict[str, Any]:
        states = {"arrived": "yes", "waiting": "wait", "failed": "no"}
        fee = Money(move.fee, move.amount.currency)
        return {
            "id": move.id,
            "ref": move.reference,
            "of": move.charge_id,
            "sum": _said(move.amount),
            "fee": _said(fee),
            "net": _said(move.amount - fee),
            "is": states.get(move.state, move.state),
        }

    def news_of(self, charge: FakeCharge) -> dict[str, Any]:
        return {"event": "charge", "data": self.shape(charge)}

    def headers_for(self, body: bytes, *, rotated: bool = False) -> dict[str, str]:
        return {"Toy-Signature": hmac.new(SETTINGS.TOY_KEY.encode(), body, hashlib.sha256).hexdigest()}
