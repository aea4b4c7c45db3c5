"""Flutterwave's banks, transfers, balances, virtual accounts and settlements."""

from __future__ import annotations

from typing import Any

from sandbox import paying_out, settling
from sandbox.banks import BANKS, BY_CODE, holder_of
from sandbox.clock import wire_time
from sandbox.flutterwave import replies, shapes
from sandbox.records import Account, Person, Transfer
from sandbox.wire import Answer, Request, major
from sandbox.world import ACCOUNT_ID, MERCHANT, World

_BLACKLISTED = "0690000036"


def banks(world: World, request: Request) -> Answer:  # noqa: ARG001
    rows = [{"id": bank.id, "code": bank.code, "name": bank.name} for bank in BANKS]
    return replies.ok("Banks fetched successfully", rows if request.params["country"].upper() == "NG" else [])


def resolve(world: World, request: Request) -> Answer:  # noqa: ARG001
    body = replies.body_of(request)
    number, code = replies.text(body, "account_number"), replies.text(body, "account_bank")
    holder = holder_of(bank_code=code, account_number=number)
    if holder is None:
        raise replies.refusal(400, "Sorry, that account number is invalid, please check and try again")
    return replies.ok("Account details fetched", {"account_number": number, "account_name": holder})


def create_transfer(world: World, request: Request) -> Answer:
    body = replies.body_of(request)
    bank, number = replies.text(body, "account_bank"), replies.text(body, "account_number")
    amount = replies.amount(body)
    replies.text(body, "currency")
    currency = replies.currency(body)
    if bank not in BY_CODE:
        raise replies.refusal(400, "account_bank is invalid")
    if number == _BLACKLISTED:
        raise replies.refusal(400, "Payout was made to a blacklisted account number")
    reference = str(body.get("reference") or f"sandbox-{world.store.serial()}")
    if world.store.first(Transfer, "flutterwave", reference):
        raise replies.refusal(400, "Transfer creation failed: a transfer with this reference already exists")
    cost = amount + paying_out.transfer_fee(provider="flutterwave", amount=amount)
    if cost > paying_out.balance(world, provider="flutterwave", currency=currency):
        raise replies.refusal(400, "Insufficient funds in your balance for this transfer")
    name = body.get("beneficiary_name") or holder_of(bank_code=bank, account_number=number) or "N/A"
    transfer = paying_out.start_transfer(
        world,
        provider="flutterwave",
        reference=reference,
        amount=amount,
        currency=currency,
        account_number=number,
        bank_code=bank,
        name=str(name),
        narration=body.get("narration"),
        meta=body.get("meta"),
    )
    return replies.ok("Transfer Queued Successfully", shapes.transfer(world, transfer))


def fetch_transfer(world: World, request: Request) -> Answer:
    number = request.params["id"]
    transfer = world.store.get(Transfer, int(number)) if number.isdecimal() else None
    hidden = world.seconds("verify.missing_seconds", provider="flutterwave")
    if transfer is None or transfer.provider != "flutterwave" or world.now - transfer.created_at < hidden:
        raise replies.refusal(400, "No transfer was found for this id")
    return replies.ok("Transfer fetched", {**shapes.transfer(world, transfer), "approver": None})


def list_transfers(world: World, request: Request) -> Answer:
    """The newest first; `reference`, `status` in either case, `from` and `to` narrow it."""
    query = request.query
    hidden = world.seconds("verify.missing_seconds", provider="flutterwave")
    rows = []
    for transfer in world.store.all(Transfer):
        if transfer.provider != "flutterwave" or world.now - transfer.created_at < hidden:
            continue
        status = shapes.transfer(world, transfer)["status"]
        if (
            query.get("reference", transfer.reference) == transfer.reference
            and query.get("status", status).upper() == status
            and replies.between(request, transfer.created_at)
        ):
            rows.append(transfer)
    page, meta = replies.page_of(request, rows[::-1])
    shown = [{**shapes.transfer(world, transfer), "approver": None} for transfer in page]
    return replies.ok("Transfers fetched", shown, meta=meta)


def transfer_fee(world: World, request: Request) -> Answer:  # noqa: ARG001
    query: dict[str, Any] = dict(request.query)
    fee = paying_out.transfer_fee(provider="flutterwave", amount=replies.amount(query))
    rows = [{"currency": replies.currency(query), "fee_type": "value", "fee": major(fee)}]
    return replies.ok("Transfer fee fetched", rows)


def balances(world: World, request: Request) -> Answer:  # noqa: ARG001
    return replies.ok("Wallet balances fetched", [_balance(world, code) for code in replies.CURRENCIES])


def balance(world: World, request: Request) -> Answer:
    code = request.params["currency"].upper()
    if code not in replies.CURRENCIES:
        raise replies.refusal(400, f"You don't have a {code} wallet")
    return replies.ok("Wallet balance fetched", _balance(world, code))


def _balance(world: World, currency: str) -> dict[str, Any]:
    collected, _ = settling.beside_balance(world, provider="flutterwave", currency=currency)
    held = paying_out.balance(world, provider="flutterwave", currency=currency)
    return {"currency": currency, "available_balance": major(held), "ledger_balance": major(collected)}


def create_account(world: World, request: Request) -> Answer:
    body = replies.body_of(request)
    email, permanent = replies.email(body), body.get("is_permanent") is True
    if permanent and not (str(body.get("bvn", "")).isdecimal() and len(str(body["bvn"])) == 11):
        raise replies.refusal(400, "bvn is required for static account number")
    amount = replies.amount(body) if body.get("amount") else None
    if not permanent and amount is None:
        raise replies.refusal(400, "amount is required")
    person = world.person(
        provider="flutterwave",
        email=email,
        now=world.now,
        first_name=body.get("firstname"),
        last_name=body.get("lastname"),
        phone=body.get("phonenumber"),
    )
    number = world.store.serial()
    holder = " ".join(filter(None, (person.first_name, person.last_name))) or email
    account = world.store.add(
        Account(
            id=number,
            provider="flutterwave",
            account_number=f"78{number % 10**8:08d}",
            account_name=str(body.get("narration") or f"{MERCHANT} {holder}"),
            bank_name="Wema Bank",
            bank_slug="wema-bank",
            person_id=person.id,
            currency=replies.currency(body),
            created_at=world.now,
            reference=str(body.get("tx_ref") or world.code("va", serial=number)),
            order_ref=f"URF_{number}_{ACCOUNT_ID}",
            flw_ref=f"FLW-{world.code('va-ref', serial=number, length=32)}",
            permanent=permanent,
            amount=amount,
        )
    )
    return replies.ok("Virtual account created", shapes.account(account))


def fetch_account(world: World, request: Request) -> Answer:
    account = world.store.first(Account, "flutterwave", "order", request.params["order_ref"])
    if account is None:
        raise replies.refusal(400, "No virtual account was found for this order reference")
    return replies.ok("Virtual nuban fetched", shapes.account(account))


def list_settlements(world: World, request: Request) -> Answer:
    rows = [
        row for row in settling.settlements(world, provider="flutterwave") if replies.between(request, row.settled_at)
    ]
    page, meta = replies.page_of(request, rows, with_size=True)
    return replies.ok("Settlements fetched", [_settlement(world, row) for row in page], meta=meta)


def fetch_settlement(world: World, request: Request) -> Answer:
    for row in settling.settlements(world, provider="flutterwave"):
        if str(row.id) == request.params["id"]:
            return replies.ok("Settlement fetched", {**_settlement(world, row), "transactions": _settled(world, row)})
    raise replies.refusal(400, "No settlement was found for this id")


def _settlement(world: World, row: settling.Settlement) -> dict[str, Any]:
    at = wire_time(row.settled_at)
    return {
        "id": row.id,
        "account_id": ACCOUNT_ID,
        "merchant_name": MERCHANT,
        "merchant_email": "sandbox@example.com",
        "settlement_account": "0000000001",
        "bank_code": "044",
        "transaction_date": f"{row.day.isoformat()}T04:00:00.000Z",
        "due_date": at,
        "processed_date": at,
        "status": "completed",
        "is_local": True,
        "currency": row.currency,
        "gross_amount": major(row.gross),
        "app_fee": major(row.fees),
        "merchant_fee": 0,
        "chargeback": major(row.chargebacks),
        "refund": major(row.refunds),
        "stampduty_charge": 0,
        "net_amount": major(row.net),
        "transaction_count": len(row.charges),
        "processor_ref": None,
        "disburse_ref": f"RV3{row.id}",
        "disburse_message": None,
        "channel": "web",
        "destination": "account" if settling.goes_to_bank(world, provider="flutterwave") else "autowallet",
        "fx_data": None,
        "flag_message": None,
        "meta": [charge.id for charge in row.charges],
        "refund_meta": None,
        "chargeback_meta": None,
        "source_bankcode": None,
        "created_at": at,
    }


def _settled(world: World, row: settling.Settlement) -> list[dict[str, Any]]:
    shown = []
    for charge in row.charges:
        seen = shapes.transaction(world, charge)
        shown.append(
            {
                "customer_email": world.store.known(Person, charge.person_id).email,
                "flw_ref": seen["flw_ref"],
                "tx_ref": charge.reference,
                "id": charge.id,
                "charged_amount": seen["charged_amount"],
                "app_fee": seen["app_fee"],
                "merchant_fee": 0,
                "stampduty_charge": 0,
                "settlement_amount": seen["amount_settled"],
                "status": seen["status"],
                "payment_entity": charge.channel,
                "transaction_date": row.day.isoformat(),
                "currency": charge.currency,
                "card_locale": "LOCAL",
                "rrn": "N/A",
                "subaccount_settlement": 0,
            }
        )
    return shown
