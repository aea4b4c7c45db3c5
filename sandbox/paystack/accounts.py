"""Paystack's banks, customers, dedicated virtual accounts, disputes and settlements."""

from __future__ import annotations

from typing import Any

from sandbox import settling
from sandbox.banks import BANKS, holder_of
from sandbox.clock import wire_time
from sandbox.paystack import payout_shapes, replies, shapes
from sandbox.paystack.transactions import listed_row, person_of
from sandbox.records import Account, Card, Dispute, Person
from sandbox.wire import Answer, Request, answer_json
from sandbox.world import INTEGRATION, MERCHANT, World

_LISTED_SINCE = "2016-07-14T10:04:29.000Z"
_ACCOUNT_BANKS = {"wema-bank": "Wema Bank", "titan-paystack": "Paystack-Titan", "test-bank": "Test Bank"}


def banks(world: World, request: Request) -> Answer:  # noqa: ARG001
    rows = [
        {
            "name": bank.name,
            "slug": bank.slug,
            "code": bank.code,
            "longcode": "",
            "gateway": None,
            "pay_with_bank": False,
            "active": True,
            "is_deleted": False,
            "supports_transfer": True,
            "available_for_direct_debit": False,
            "country": "Nigeria",
            "currency": "NGN",
            "type": "nuban",
            "id": bank.id,
            "createdAt": _LISTED_SINCE,
            "updatedAt": _LISTED_SINCE,
        }
        for bank in BANKS
    ]
    wanted = request.query.get("currency", "NGN"), request.query.get("country", "nigeria").lower()
    page, meta = replies.page_of(request, rows if wanted == ("NGN", "nigeria") else [])
    return replies.ok("Banks retrieved", page, meta=meta)


def resolve(world: World, request: Request) -> Answer:  # noqa: ARG001
    query: dict[str, Any] = dict(request.query)
    number = replies.text(query, "account_number", label="Account number")
    code = replies.text(query, "bank_code", label="Bank code")
    bank = next((bank for bank in BANKS if bank.code == code), None)
    if bank is None:
        raise replies.refusal(422, f"Unknown bank code: {code}", code="invalid_bank_code")
    holder = holder_of(bank_code=code, account_number=number)
    if holder is None:
        raise replies.refusal(
            422, "Could not resolve account name. Check parameters or try again.", code="invalid_params"
        )
    data = {"account_number": number, "account_name": holder, "bank_id": bank.id}
    return replies.ok("Account number resolved", data)


def create_customer(world: World, request: Request) -> Answer:
    """An e-mail known already gives the customer it has."""
    body = replies.body_of(request)
    named = {name: body.get(name) for name in ("first_name", "last_name", "phone", "metadata")}
    person = world.person(provider="paystack", email=replies.email(body), now=world.now, **named)
    nothing: dict[str, list[object]] = {"transactions": [], "subscriptions": [], "authorizations": []}
    return replies.ok("Customer created", {**nothing, **_account_fields(world, person), **shapes.customer(person)})


def fetch_customer(world: World, request: Request) -> Answer:
    person = person_of(world, request.params["email_or_code"])
    if person is None:
        raise replies.refusal(404, f"Customer email is invalid for your {shapes.domain(world)} domain.")
    at = wire_time(person.created_at)
    held = [account for account in world.store.all(Account) if account.person_id == person.id]
    cards = [card for card in world.store.find(Card, "paystack", "of", str(person.id)) if card.active]
    accounts = [payout_shapes.account(account, world=world) for account in held]
    data = {
        "transactions": [],
        "subscriptions": [],
        "authorizations": [shapes.saved_card(card) for card in cards],
        **_account_fields(world, person),
        **shapes.customer(person),
        "created_at": at,
        "updated_at": at,
        "total_transactions": 0,
        "total_transaction_value": [],
        "dedicated_account": accounts[0] if accounts else None,
        "dedicated_accounts": accounts,
    }
    return replies.ok("Customer retrieved", data)


def deactivate_authorization(world: World, request: Request) -> Answer:
    code = replies.text(replies.body_of(request), "authorization_code", label="Authorization code")
    card = world.store.first(Card, "paystack", code)
    if card is None:
        raise replies.refusal(404, "Authorization code not found.")
    card.active = False
    world.store.touch(card)
    return answer_json({"status": True, "message": "Authorization has been deactivated"})


def create_account(world: World, request: Request) -> Answer:
    """One account for each customer and bank."""
    body = replies.body_of(request)
    person = person_of(world, replies.text(body, "customer", label="Customer"))
    if person is None or person.provider != "paystack":
        raise replies.refusal(400, "Customer code/ID is invalid", code="invalid_customer_code")
    slug = str(body.get("preferred_bank") or "wema-bank")
    if slug not in _ACCOUNT_BANKS:
        raise replies.invalid("Preferred bank is not available", code="invalid_preferred_bank")
    for known in world.store.all(Account):
        if (known.person_id, known.bank_slug) == (person.id, slug):
            return replies.ok("NUBAN successfully created", payout_shapes.account(known, world=world))
    for name in ("first_name", "last_name", "phone"):
        if body.get(name):
            setattr(person, name, str(body[name]))
            world.store.touch(person)
    number = world.store.serial()
    holder = " ".join(filter(None, (person.first_name, person.last_name))) or person.email
    account = world.store.add(
        Account(
            id=number,
            provider="paystack",
            account_number=f"99{number % 10**8:08d}",
            account_name=f"{MERCHANT}/{holder}".upper(),
            bank_name=_ACCOUNT_BANKS[slug],
            bank_slug=slug,
            person_id=person.id,
            currency="NGN",
            created_at=world.now,
        )
    )
    return replies.ok("NUBAN successfully created", payout_shapes.account(account, world=world))


def fetch_account(world: World, request: Request) -> Answer:
    number = request.params["id"]
    account = world.store.get(Account, int(number)) if number.isdecimal() else None
    if account is None or account.provider != "paystack":
        raise replies.refusal(404, "Dedicated account not found", code="not_found")
    seen = payout_shapes.account(account, world=world)
    for name in ("metadata", "assignment"):
        del seen[name]
    return replies.ok("Managed account successfully retrieved", seen)


def list_accounts(world: World, request: Request) -> Answer:
    rows = [account for account in world.store.all(Account) if account.provider == "paystack"]
    page, meta = replies.page_of(request, rows[::-1])
    shown = [payout_shapes.account(account, world=world) for account in page]
    return replies.ok("Managed accounts successfully retrieved", shown, meta=meta)


def list_settlements(world: World, request: Request) -> Answer:
    """The newest first; all are `success`. What stays in the balance is settled to nobody. Paystack itself settles nothing in
    test mode."""
    rows = [
        settlement
        for settlement in settling.settlements(world, provider="paystack")
        if settling.goes_to_bank(world, provider="paystack")
        and replies.between(request, settlement.settled_at)
        and request.query.get("status", "success") == "success"
    ]
    page, meta = replies.page_of(request, rows)
    return replies.ok("Settlements retrieved", [_settlement(world, row) for row in page], meta=meta)


def settlement_transactions(world: World, request: Request) -> Answer:
    for settlement in settling.settlements(world, provider="paystack"):
        if str(settlement.id) == request.params["id"]:
            page, meta = replies.page_of(request, settlement.charges[::-1])
            meta["total_volume"] = settlement.gross
            return replies.ok("Transactions retrieved", [listed_row(world, row) for row in page], meta=meta)
    raise replies.refusal(404, "Settlement not found", code="not_found")


def _settlement(world: World, row: settling.Settlement) -> dict[str, Any]:
    at = wire_time(row.settled_at)
    return {
        "id": row.id,
        "domain": shapes.domain(world),
        "status": "success",
        "currency": row.currency,
        "integration": INTEGRATION,
        "total_amount": row.net,
        "effective_amount": row.net,
        "total_fees": row.fees,
        "total_processed": row.gross,
        "deductions": (row.refunds + row.chargebacks) or None,
        "settlement_date": at,
        "settled_by": None,
        "createdAt": at,
        "updatedAt": at,
    }


def fetch_dispute(world: World, request: Request) -> Answer:
    number = request.params["id"]
    dispute = world.store.get(Dispute, int(number)) if number.isdecimal() else None
    if dispute is None or dispute.provider != "paystack":
        raise replies.refusal(404, "Dispute not found", code="not_found")
    return replies.ok("Dispute retrieved", _with_camel_times(shapes.dispute(world, dispute)))


def list_disputes(world: World, request: Request) -> Answer:
    """The newest first; `status`, `transaction` (an id), `from` and `to` narrow it."""
    query = request.query
    rows = [
        dispute
        for dispute in world.store.all(Dispute)
        if dispute.provider == "paystack"
        and query.get("status", dispute.status) == dispute.status
        and query.get("transaction", str(dispute.charge_id)) == str(dispute.charge_id)
        and replies.between(request, dispute.created_at)
    ]
    page, meta = replies.page_of(request, rows[::-1])
    shown = [_with_camel_times(shapes.dispute(world, row)) for row in page]
    return replies.ok("Disputes retrieved", shown, meta=meta)


def _with_camel_times(seen: dict[str, Any]) -> dict[str, Any]:
    times = {"createdAt": seen.pop("created_at"), "updatedAt": seen.pop("updated_at")}
    return seen | times


def _account_fields(world: World, person: Person) -> dict[str, Any]:
    at = wire_time(person.created_at)
    return {
        "integration": INTEGRATION,
        "domain": shapes.domain(world),
        "identified": False,
        "identifications": None,
        "createdAt": at,
        "updatedAt": at,
    }
