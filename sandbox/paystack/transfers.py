"""Paystack's payouts: recipients, transfers and the balance."""

from __future__ import annotations

import re

from sandbox import paying_out
from sandbox.banks import BY_CODE, holder_of
from sandbox.paystack import payout_shapes, replies
from sandbox.records import Recipient, Transfer
from sandbox.wire import Answer, Request
from sandbox.world import World

_REFERENCE = re.compile(r"[a-z0-9_-]{16,50}$")
_KINDS = ("nuban", "ghipss", "mobile_money", "basa", "kepss", "authorization")


def create_recipient(world: World, request: Request) -> Answer:
    """An account known already gives the recipient it has."""
    body = replies.body_of(request)
    kind = replies.text(body, "type", label="Type")
    if kind not in _KINDS:
        raise replies.invalid("Invalid recipient type passed")
    name = replies.text(body, "name", label="Name")
    account_number = replies.text(body, "account_number", label="Account number")
    bank_code = replies.text(body, "bank_code", label="Bank code")
    if bank_code not in BY_CODE:
        raise replies.invalid("Bank code is invalid", code="invalid_bank_code")
    if holder_of(bank_code=bank_code, account_number=account_number) is None:
        raise replies.invalid("Could not resolve account name. Check parameters or try again.")
    found = world.store.first(Recipient, bank_code, account_number)
    if found is None:
        number = world.store.serial()
        found = world.store.add(
            Recipient(
                id=number,
                code=f"RCP_{world.code('RCP', serial=number)}",
                name=name,
                account_number=account_number,
                bank_code=bank_code,
                currency=replies.currency(body),
                kind=kind,
                created_at=world.now,
                description=body.get("description"),
                metadata=body.get("metadata"),
            )
        )
    seen = payout_shapes.recipient(found, world=world)
    return replies.ok("Transfer recipient created successfully", seen, status=201)


def create_transfer(world: World, request: Request) -> Answer:
    body = replies.body_of(request)
    if replies.text(body, "source", label="Source") != "balance":
        raise replies.invalid("Source must be balance")
    amount, currency = replies.amount(body), replies.currency(body)
    receiver = world.store.first(Recipient, "code", replies.text(body, "recipient", label="Recipient"))
    if receiver is None:
        raise replies.refusal(
            400,
            "Recipient specified is invalid",
            code="invalid_transfer_recipient",
            next_step="Provide a valid recipient. Ensure you are passing the recipient code in the recipient param",
        )
    reference = replies.text(body, "reference", label="Reference")
    if not _REFERENCE.match(reference):
        raise replies.invalid("Your reference contains illegal special characters", code="invalid_reference")
    if world.store.first(Transfer, "paystack", reference):
        raise replies.refusal(
            400,
            "Please provide a unique reference. Reference already exists on a transfer",
            code="duplicate_reference",
            next_step="Generate a new reference for your transfer",
        )
    cost = amount + paying_out.transfer_fee(provider="paystack", amount=amount)
    if cost > paying_out.balance(world, provider="paystack", currency=currency):
        raise replies.refusal(
            400,
            "Your balance is not enough to fulfil this request",
            code="insufficient_balance",
            kind="api_error",
            next_step="Topup your Paystack balance and try again",
        )
    transfer = paying_out.start_transfer(
        world,
        provider="paystack",
        reference=reference,
        amount=amount,
        currency=currency,
        account_number=receiver.account_number,
        bank_code=receiver.bank_code,
        name=receiver.name,
        recipient_id=receiver.id,
        narration=body.get("reason"),
    )
    said = "Transfer requires OTP to continue" if transfer.status == "otp" else "Transfer has been queued"
    return replies.ok(said, payout_shapes.transfer(world, transfer, full=False))


def finalize(world: World, request: Request) -> Answer:
    body = replies.body_of(request)
    code = replies.text(body, "transfer_code", label="Transfer code")
    transfer = world.store.first(Transfer, "paystack", "code", code)
    if transfer is None:
        raise replies.refusal(400, "Transfer code is invalid")
    if transfer.status != "otp":
        raise replies.refusal(400, "Transfer is not currently awaiting OTP")
    if replies.text(body, "otp", label="OTP") != paying_out.ONE_TIME_PASSWORD:
        raise replies.refusal(400, "OTP is invalid")
    paying_out.confirm_transfer(world, transfer)
    seen = payout_shapes.transfer(world, transfer, full=False)
    for name in ("request", "transfersessionid", "transfertrials"):
        del seen[name]
    return replies.ok("Transfer has been queued", seen)


def verify(world: World, request: Request) -> Answer:
    return _found(world, world.store.first(Transfer, "paystack", request.params["reference"]))


def fetch(world: World, request: Request) -> Answer:
    word = request.params["id_or_code"]
    transfer = world.store.first(Transfer, "paystack", "code", word)
    if transfer is None and word.isdecimal():
        transfer = world.store.get(Transfer, int(word))
    return _found(world, transfer)


def _found(world: World, transfer: Transfer | None) -> Answer:
    hidden = world.seconds("verify.missing_seconds", provider="paystack")
    unknown = transfer is None or transfer.provider != "paystack" or world.now - transfer.created_at < hidden
    if transfer is None or unknown:
        raise replies.refusal(404, "Transfer not found")
    return replies.ok("Transfer retrieved", payout_shapes.transfer(world, transfer))


def listed(world: World, request: Request) -> Answer:
    """The newest first; `status`, `recipient` (an id), `from` and `to` narrow it."""
    query = request.query
    rows = [
        transfer
        for transfer in world.store.all(Transfer)
        if transfer.provider == "paystack"
        and query.get("status", transfer.status) == transfer.status
        and query.get("recipient", str(transfer.recipient_id)) == str(transfer.recipient_id)
        and replies.between(request, transfer.created_at)
    ]
    page, meta = replies.page_of(request, rows[::-1])
    return replies.ok("Transfers retrieved", [payout_shapes.transfer(world, row) for row in page], meta=meta)


def balance(world: World, request: Request) -> Answer:  # noqa: ARG001
    held = paying_out.balance(world, provider="paystack", currency="NGN")
    return replies.ok("Balances retrieved", [{"currency": "NGN", "balance": held}])
