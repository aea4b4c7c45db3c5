"""A fake at Paystack's wire."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import unquote

from clustr.kit.money import Money
from clustr.payments.providers.paystack import make_paystack
from clustr.payments.providers.registry import Maker
from tests.payments.providers.wires import CARD, EMAIL, PAID_AT, SETTINGS, TOKEN, FakeCharge, FakeMove, Wire

HUNDREDTHS = {"NGN": 1, "USD": 1, "GHS": 1, "ZAR": 1, "KES": 1, "XOF": 100}
"""What one minor unit of ours is on this wire; the wire counts in hundredths of a franc too."""
STATES = {"paid": "success", "waiting": "abandoned", "declined": "failed", "given back": "reversed"}
MOVES = {"arrived": "success", "waiting": "pending", "failed": "failed", "came back": "reversed"}
REFUNDS = {"arrived": "processed", "waiting": "pending", "failed": "failed"}


def units(money: Money) -> int:
    return money.minor * HUNDREDTHS[money.currency]


def money_of(amount: Any, currency: str) -> Money:
    assert type(amount) is int, "amounts are whole"
    whole, rest = divmod(amount, HUNDREDTHS[currency])
    assert rest == 0
    return Money(whole, currency)


def no(status: int, message: str, code: str = "") -> tuple[int, Any]:
    return status, {"status": False, "message": message, "type": "validation_error", "code": code}


@dataclass
class PaystackWire(Wire):
    maker: ClassVar[Maker] = staticmethod(make_paystack)

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        match method, path.strip("/").split("/"):
            case "POST", ["transaction", "initialize"]:
                if self.charge(body["reference"]):
                    return no(400, "Duplicate Transaction Reference", "duplicate_reference")
                self.add(FakeCharge(body["reference"], money_of(body["amount"], body["currency"])))
                return ok(
                    {"authorization_url": "https://pay.example/x", "access_code": "x", "reference": body["reference"]}
                )
            case "POST", ["transaction", "charge_authorization"]:
                return self._saved(body)
            case "GET", ["transaction", "verify", name]:
                charge = self.charge(unquote(name))
                return (
                    ok(self.shape(charge))
                    if charge
                    else no(400, "Transaction reference not found.", "transaction_not_found")
                )
            case "GET", ["transaction", id]:
                charge = self.charge_of(id)
                return ok(self.shape(charge)) if charge else no(404, "Transaction not found")
            case "GET", ["transaction"]:
                return self._page([self.shape(charge) for charge in self.charges], query)
            case "GET", ["settlement"]:
                return self._page([settlement(move) for move in self.settlements], query)
            case "GET", ["balance"]:
                return ok([{"currency": held.currency, "balance": units(held)} for held in self.held])
            case "POST", ["refund"]:
                move = FakeMove(
                    "", money_of(body["amount"], body["currency"]), charge_id=int(body["transaction"]), id=self.new_id()
                )
                self.refunds.append(move)
                return ok({**refund(move), "transaction": {"id": move.charge_id}})
            case "GET", ["refund"]:
                return self._page([refund(move) for move in self.refunds], query)
            case "GET", ["refund", id]:
                found = [refund(move) for move in self.refunds if str(move.id) == id]
                return ok(found[0]) if found else no(404, "Refund not found")
            case _:
                return self._accounts(method, path.strip("/").split("/"), query, body)

    def _accounts(self, method: str, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> Any:
        match method, parts:
            case "GET", ["bank"]:
                assert (query["use_cursor"], query["perPage"], query["currency"]) == ("true", "100", "NGN")
                if query.get("next") != "more":
                    return {**ok([{"name": "Gone", "code": "1", "active": False}]), "meta": {"next": "more"}}
                return {**ok([{"name": "Bank of Palms", "code": "057", "active": True}]), "meta": {"next": None}}
            case "GET", ["bank", "resolve"]:
                if query["account_number"] == "0000000000":
                    return ok({"account_number": "0000000000", "account_name": "ADA OKAFOR"})
                return no(422, "Could not resolve account name. Check parameters or try again.")
            case "POST", ["transferrecipient"]:
                return 201, ok({"recipient_code": "RCP_1"})
            case "POST", ["transfer"]:
                if body["amount"] > 90_000_000:
                    return no(400, "Your balance is not enough to fulfil this request")
                known = next((move for move in self.payouts if move.reference == body["reference"]), None)
                move = known or FakeMove(
                    body["reference"], money_of(body["amount"], body["currency"]), id=self.new_id()
                )
                self.payouts += [] if known else [move]
                return ok(transfer(move))
            case "GET", ["transfer", "verify", name]:
                found = [transfer(move) for move in self.payouts if move.reference == name]
                return ok(found[0]) if found else no(404, "Transfer not found")
            case "GET", ["transfer"]:
                return self._page([transfer(move) for move in self.payouts], query)
            case "POST", ["customer"]:
                return ok({"customer_code": "CUS_1"})
            case "POST", ["dedicated_account"]:
                assert body == {"customer": "CUS_1", "preferred_bank": "test-bank"}
                return ok(
                    {"id": 1, "bank": {"name": "Test Bank"}, "account_number": "1230001644", "account_name": "BOLA"}
                )
        raise AssertionError((method, parts))

    def _saved(self, body: dict[str, Any]) -> Any:
        assert isinstance(body["metadata"], str)
        if body["authorization_code"] != TOKEN:
            return no(400, "Authorization code is invalid")
        charge = self.add(FakeCharge(body["reference"], money_of(body["amount"], body["currency"]), "paid"))
        match charge.amount.minor % 1000:
            case 1:
                charge.state = "waiting"
                url = "https://pay.example/challenge"
                return ok({"authorization_url": url, "reference": charge.reference, "access_code": "x", "paused": True})
            case 2:
                charge.state, charge.said = "declined", "Insufficient Funds"
        return ok(self.shape(charge))

    def shape(self, charge: FakeCharge) -> dict[str, Any]:
        paid = charge.state in ("paid", "given back")
        return {
            "id": charge.id,
            "domain": "test",
            "status": STATES.get(charge.state, charge.state),
            "reference": charge.reference,
            "amount": units(charge.charged),
            "requested_amount": units(charge.amount),
            "currency": charge.amount.currency,
            "gateway_response": charge.said or ("Successful" if paid else "The transaction was not completed"),
            "paid_at": PAID_AT if paid else None,
            "created_at": charge.created_at,
            "channel": "card",
            "fees": units(charge.fee) if charge.fee else None,
            "metadata": 0,
            "log": {"history": [{"message": f"card {CARD}"}]},
            "authorization": {
                "authorization_code": TOKEN,
                "bin": CARD[:6],
                "last4": CARD[-4:],
                "exp_month": "12",
                "exp_year": "2030",
                "card_type": "visa ",
                "brand": "visa",
                "reusable": True,
                "signature": "SIG_1",
            }
            if paid
            else {},
            "customer": {"email": EMAIL, "phone": "08012345678"},
        }

    def _page(self, found: list[Any], query: dict[str, str]) -> Any:
        page = int(query["page"])
        shown = found[(page - 1) * 50 : page * 50]
        return {**ok(shown), "meta": {"total": len(found), "page": page, "pageCount": max(1, -(-len(found) // 50))}}

    def news_of(self, charge: FakeCharge) -> dict[str, Any]:
        return {"event": "charge.success", "data": self.shape(charge)}

    def headers_for(self, body: bytes, *, rotated: bool = False) -> dict[str, str]:
        key = SETTINGS.PAYSTACK_PREVIOUS_SECRET_KEY if rotated else SETTINGS.PAYSTACK_SECRET_KEY
        return {"X-Paystack-Signature": hmac.new(key.encode(), body, hashlib.sha512).hexdigest()}


def ok(data: Any) -> dict[str, Any]:
    return {"status": True, "message": "Done", "data": data}


def refund(move: FakeMove) -> dict[str, Any]:
    return {
        "id": move.id,
        "transaction": move.charge_id,
        "amount": units(move.amount),
        "currency": move.amount.currency,
        "status": REFUNDS.get(move.state, move.state),
        "domain": "test",
    }


def transfer(move: FakeMove) -> dict[str, Any]:
    return {
        "id": move.id,
        "transfer_code": f"TRF_{move.id}",
        "domain": "test",
        "reference": move.reference,
        "amount": units(move.amount),
        "currency": move.amount.currency,
        "status": MOVES.get(move.state, move.state),
        "fee_charged": 1000,
        "recipient": {"details": {"account_number": "0000000000", "bank_code": "057"}},
    }


def settlement(move: FakeMove) -> dict[str, Any]:
    gross = units(move.amount)
    return {
        "id": move.id,
        "status": "success",
        "currency": move.amount.currency,
        "total_processed": gross,
        "total_fees": move.fee,
        "effective_amount": gross - move.fee,
        "settlement_date": "2026-03-02T00:00:00.000Z",
    }
