"""Money sent out: transfers, how they end, and what is left to send."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sandbox import settling
from sandbox.flutterwave import events as flutterwave_events
from sandbox.paystack import events as paystack_events
from sandbox.records import Charge, Dispute, Refund, Transfer, Vend
from sandbox.world import OPENING_BALANCE, World

ONE_TIME_PASSWORD = "123456"  # noqa: S105
_OTP_PATIENCE = timedelta(minutes=30)
_FAILED = "DISBURSE FAILED: A fatal error occured while proccesing your request."
# Flutterwave: the end of a reference decides a test transfer; the longest first.
_SUFFIXES = (
    ("_PMCK_ST_FDU_1", "failed", 60),
    ("_PMCK_ST_F", "failed", 600),
    ("_PMCKDU_1", "success", 60),
    ("_PMCK", "success", 600),
)


def transfer_fee(*, provider: str, amount: int) -> int:
    """Paystack NGN 10, 25 or 50, Flutterwave NGN 10.75, 26.875 (written 26.88) or 53.75, by the amount."""
    step = 0 if amount <= 5_000_00 else 1 if amount <= 50_000_00 else 2
    return ((10_00, 25_00, 50_00) if provider == "paystack" else (10_75, 26_88, 53_75))[step]


def balance(world: World, *, provider: str, currency: str) -> int:
    """What the merchant can send: the opening balance, charges less fees, less what went back and out, what was bought, and what
    is not settled yet or was settled to the bank."""
    store = world.store
    total = world.balances.get(f"{provider}.{currency}", OPENING_BALANCE if currency == "NGN" else 0)
    mine = {
        charge.id: charge for charge in store.all(Charge) if (charge.provider, charge.currency) == (provider, currency)
    }
    total += sum(charge.net for charge in mine.values())
    total -= sum(settling.beside_balance(world, provider=provider, currency=currency))
    total -= sum(
        refund.amount for refund in store.all(Refund) if refund.charge_id in mine and refund.status != "failed"
    )
    total -= sum(
        dispute.amount
        for dispute in store.all(Dispute)
        if dispute.charge_id in mine and (dispute.resolution or "").endswith("accepted")
    )
    total -= sum(
        vend.amount + vend.fee
        for vend in store.all(Vend)
        if (vend.provider, currency) == (provider, "NGN") and vend.status in ("pending", "sold")
    )
    return total - sum(
        transfer.amount + transfer.fee
        for transfer in store.all(Transfer)
        if (transfer.provider, transfer.currency) == (provider, currency)
        and transfer.status in ("otp", "pending", "success")
    )


def start_transfer(world: World, *, provider: str, **fields: Any) -> Transfer:
    """Send money. What becomes of it is decided now and happens later."""
    now, number = world.now, world.store.serial()
    fate, wait = _fate(world, provider=provider, reference=fields["reference"])
    needs_otp = provider == "paystack" and world.fault("transfer.otp", provider=provider)
    transfer = Transfer(
        id=number,
        provider=provider,
        code=f"TRF_{world.code('TRF', serial=number, length=16)}",
        fee=transfer_fee(provider=provider, amount=fields["amount"]),
        status="otp" if needs_otp else "pending",
        fate=fate,
        created_at=now,
        updated_at=now,
        **fields,
    )
    world.store.add(transfer)
    if needs_otp:
        world.later(after=_OTP_PATIENCE, act="transfer_otp", target_id=number)
    elif fate != "pending":
        world.later(after=wait, act="transfer", target_id=number)
    return transfer


def confirm_transfer(world: World, transfer: Transfer) -> None:
    """The one-time password was right."""
    transfer.status, transfer.updated_at = "pending", world.now
    world.store.touch(transfer)
    if transfer.fate != "pending":
        wait = world.seconds("transfer.seconds", provider=transfer.provider)
        world.later(after=wait, act="transfer", target_id=transfer.id)


def abandon_transfer(world: World, transfer: Transfer) -> None:
    """Nobody gave the one-time password in time."""
    if transfer.status == "otp":
        transfer.status, transfer.updated_at = "abandoned", world.now
        world.store.touch(transfer)


def step_transfer(world: World, transfer: Transfer) -> None:
    """It ends, or succeeds first where it is to be reversed."""
    if transfer.status == "pending":
        reversed_later = transfer.fate == "reversed" and transfer.provider == "paystack"
        end_transfer(world, transfer, status="success" if reversed_later else transfer.fate)
        if reversed_later:
            wait = world.seconds("transfer.seconds", provider=transfer.provider)
            world.later(after=wait, act="transfer", target_id=transfer.id)
    elif transfer.status == "success" and transfer.fate == "reversed":
        end_transfer(world, transfer, status="reversed")


def end_transfer(world: World, transfer: Transfer, *, status: str) -> None:
    """success, failed or reversed."""
    transfer.status, transfer.updated_at = status, world.now
    if transfer.provider == "flutterwave":
        transfer.message = "Successful" if status == "success" else _FAILED
    world.store.touch(transfer)
    if transfer.provider == "paystack":
        paystack_events.transfer_ended(world, transfer)
    else:
        flutterwave_events.transfer_completed(world, transfer)


def _fate(world: World, *, provider: str, reference: str) -> tuple[str, timedelta]:
    wait = world.seconds("transfer.seconds", provider=provider)
    strikes = {fate: world.fault(f"transfer.{fate}", provider=provider) for fate in ("pending", "failed", "reversed")}
    if provider == "flutterwave":
        for suffix, fate, seconds in _SUFFIXES:
            if reference.endswith(suffix):
                return fate, timedelta(seconds=seconds)
    return next((fate for fate, strikes_now in strikes.items() if strikes_now), "success"), wait
