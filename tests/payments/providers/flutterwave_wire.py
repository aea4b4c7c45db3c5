"""A fake at Flutterwave's wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import unquote

from clustr.kit.money import Money
from clustr.payments.providers.flutterwave import make_flutterwave
from clustr.payments.providers.registry import Maker
from tests.payments.providers.wires import CARD, CREATED_AT, EMAIL, SETTINGS, TOKEN, FakeCharge, FakeMove, Wire

STATES = {"paid": "successful", "waiting": "pending", "declined": "failed"}
MOVES = {"arrived": "SUCCESSFUL", "waiting": "NEW", "failed": "FAILED"}
REFUNDS = {"arrived": "completed", "waiting": "pending", "failed": "failed"}
CENTS = {"NGN": 100, "USD": 100, "GHS": 100, "ZAR": 100, "KES": 100, "XOF": 1, "UGX": 1, "RWF": 1, "XAF": 1}
CENTS |= dict.fromkeys(("TZS", "EGP", "ZMW", "EUR", "GBP"), 100)


def major(money: Money) -> Decimal:
    return Decimal(money.minor) / CENTS[money.currency]


def money_of(amount: Any, currency: str) -> Money:
    assert type(amount) in (int, Decimal), "amounts are numbers"
    minor = Decimal(amount) * CENTS[currency]
    assert minor == int(minor)
    return Money(int(minor), currency)


def ok(data: Any, **more: Any) -> dict[str, Any]:
    return {"status": "success", "message": "Done", "data": data, **more}


def no(status: int, message: str) -> tuple[int, Any]:
    return status, {"status": "error", "message": message, "data": None}


NO_TRANSACTION = "No transaction was found for this id"


@dataclass
class FlutterwaveWire(Wire):
    maker: ClassVar[Maker] = staticmethod(make_flutterwave)
    chargebacks: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any]) -> Any:
        match method, path.removeprefix("/v3/").split("/"):
            case "POST", ["payments"]:
                assert isinstance(body["amount"], str)
                self.add(FakeCharge(body["tx_ref"], money_of(Decimal(body["amount"]), body["currency"])))
                return ok({"link": "https://pay.example/flwlnk"})
            case "POST", ["tokenized-charges"]:
                return self._saved(body)
            case "GET", ["transactions", "verify_by_reference"]:
                charge = self.charge(query["tx_ref"])
                return ok(self.shape(charge)) if charge else no(400, NO_TRANSACTION)
            case "GET", ["transactions", id, "verify"]:
                charge = self.charge_of(unquote(id))
                return ok(self.shape(charge)) if charge else no(400, NO_TRANSACTION)
            case "GET", ["transactions"]:
                found = [self.shape(charge) for charge in self.charges]
                return self._page([row for row in found if row["tx_ref"] == query.get("tx_ref", row["tx_ref"])], query)
            case "GET", ["settlements"]:
                return self._page([settlement(move) for move in self.settlements], query)
            case "GET", ["balances"]:
                return ok([{"currency": held.currency, "available_balance": major(held)} for held in self.held])
            case "POST", ["transactions", id, "refund"]:
                charge = self.charge_of(id)
                assert charge
                move = FakeMove(
                    "", money_of(body["amount"], charge.amount.currency), charge_id=charge.id, id=self.new_id()
                )
                self.refunds.append(move)
                return ok(refund(move))
            case "GET", ["refunds"]:
                return self._page([refund(move) for move in self.refunds], query)
            case "GET", ["chargebacks"]:
                found = [row for row in self.chargebacks if query.get("id") in (None, str(row["transaction_id"]))]
                return self._page(found, query)
            case "GET", ["refunds", id]:
                refunds = [refund(move) for move in self.refunds if str(move.id) == id]
                return ok(refunds[0]) if refunds else no(404, "Refund not found")
            case _:
                return self._accounts(method, path.removeprefix("/v3/").split("/"), query, body)

    def _accounts(self, method: str, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> Any:
        match method, parts:
            case "GET", ["banks", "NG"]:
                return ok([{"id": 1, "code": "057", "name": "Bank of Palms"}])
            case "POST", ["accounts", "resolve"]:
                if body["account_number"] == "0000000000":
                    return ok({"account_number": "0000000000", "account_name": "ADA OKAFOR"})
                return no(400, "Sorry, that account number is invalid, please check and try again")
            case "POST", ["transfers"]:
                amount = money_of(body["amount"], body["currency"])
                if amount.minor > 90_000_000:
                    return no(400, "Insufficient funds in customer wallet")
                if any(move.reference == body["reference"] for move in self.payouts):
                    return no(400, "Duplicate reference")
                move = FakeMove(body["reference"], amount, id=self.new_id())
                self.payouts.append(move)
                return ok(transfer(move))
            case "GET", ["transfers"]:
                found = [
                    transfer(move) for move in self.payouts if move.reference == query.get("reference", move.reference)
                ]
                return self._page(found, query)
            case "POST", ["virtual-account-numbers"]:
                assert body["is_permanent"] is True
                note = "Please make a bank transfer to BOLA"
                return ok(
                    {"order_ref": "URF_1", "account_number": "1230001644", "bank_name": "WEMA BANK", "note": note}
                )
        raise AssertionError((method, parts))

    def _saved(self, body: dict[str, Any]) -> Any:
        if body["token"] != TOKEN:
            return no(400, "Invalid card token, authorization code not known")
        charge = self.add(FakeCharge(body["tx_ref"], money_of(body["amount"], body["currency"]), "paid"))
        match charge.amount.minor % 1000:
            case 1:
                charge.state = "waiting"
                where = {"authorization": {"mode": "redirect", "redirect": "https://pay.example/challenge"}}
                return ok(self.shape(charge), meta=where)
            case 2:
                charge.state, charge.said = "declined", "Insufficient Funds"
        return ok(self.shape(charge))

    def shape(self, charge: FakeCharge) -> dict[str, Any]:
        paid = charge.state == "paid"
        return {
            "id": charge.id,
            "tx_ref": charge.reference,
            "flw_ref": "FLW1",
            "status": STATES.get(charge.state, charge.state),
            "amount": major(charge.amount),
            "charged_amount": major(charge.charged),
            "currency": charge.amount.currency,
            "app_fee": major(charge.fee) if charge.fee else None,
            "processor_response": charge.said or ("Approved" if paid else "Pending validation"),
            "created_at": charge.created_at,
            "payment_type": "card",
            "ip": "197.210.64.96",
            "card": {
                "first_6digits": CARD[:6],
                "last_4digits": CARD[-4:],
                "type": "VISA",
                "token": TOKEN,
                "expiry": "12/30",
            }
            if paid
            else {},
            "customer": {"email": EMAIL, "phone_number": "08012345678"},
        }

    def _page(self, found: list[Any], query: dict[str, str]) -> Any:
        page = int(query["page"])
        info = {"total": len(found), "current_page": page, "total_pages": -(-len(found) // 50)}
        return ok(found[(page - 1) * 50 : page * 50], meta={"page_info": info})

    def news_of(self, charge: FakeCharge) -> dict[str, Any]:
        shape = self.shape(charge)
        return {"event": "charge.completed", "data": {**shape, "amount": str(shape["amount"]), "charged_amount": "1"}}

    def headers_for(self, body: bytes, *, rotated: bool = False) -> dict[str, str]:
        secret = SETTINGS.FLUTTERWAVE_PREVIOUS_WEBHOOK_SECRET if rotated else SETTINGS.FLUTTERWAVE_WEBHOOK_SECRET
        return {"Verif-Hash": secret}


def refund(move: FakeMove) -> dict[str, Any]:
    return {
        "id": move.id,
        "tx_id": move.charge_id,
        "amount_refunded": major(move.amount),
        "status": REFUNDS.get(move.state, move.state),
    }


def transfer(move: FakeMove) -> dict[str, Any]:
    return {
        "id": move.id,
        "reference": move.reference,
        "amount": major(move.amount),
        "currency": move.amount.currency,
        "fee": Decimal("26.875"),
        "status": MOVES.get(move.state, move.state),
        "complete_message": "DISBURSE FAILED: wallet restricted" if move.state == "failed" else "",
        "account_number": "0000000000",
    }


def settlement(move: FakeMove) -> dict[str, Any]:
    fee = Decimal(move.fee) / 100
    return {
        "id": move.id,
        "status": "completed",
        "currency": move.amount.currency,
        "gross_amount": major(move.amount),
        "app_fee": fee,
        "net_amount": major(move.amount) - fee,
        "due_date": "2026-03-02T00:00:00.000Z",
        "created_at": CREATED_AT,
    }
