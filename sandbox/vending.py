"""Utilities bought: taken in, sold with or without a token, failed, taken back."""

from __future__ import annotations

from datetime import timedelta

from sandbox.flutterwave import events
from sandbox.records import Vend
from sandbox.utilities import BY_CODE, Item
from sandbox.world import World

_KOBO_FOR_A_UNIT = 68_00
_REFUSED = "Transaction failed at the biller"


def start_vend(world: World, *, reference: str, biller: str, item: Item, customer: str, amount: int) -> Vend:
    """Take a purchase in. What becomes of it is decided now, and happens now or later."""
    number, provider = world.store.serial(), "flutterwave"
    strikes = {
        fate: world.fault(f"bill.{fate}", provider=provider)
        for fate in ("failed", "pending", "late_token", "reversed", "fee_differs")
    }
    vend = world.store.add(
        Vend(
            id=number,
            provider=provider,
            reference=reference,
            biller=biller,
            item=item.code,
            customer=customer,
            amount=amount,
            fee=item.fee + (1_00 if strikes["fee_differs"] else 0),
            status="pending",
            fate="failed" if strikes["failed"] else "reversed" if strikes["reversed"] else "sold",
            created_at=world.now,
            updated_at=world.now,
            token=_token(world, number) if item.prepaid else "",
            units=f"{amount / _KOBO_FOR_A_UNIT:.1f} kWh" if item.prepaid else "",
        )
    )
    if strikes["failed"] or strikes["pending"]:
        world.later(after=world.seconds("bill.pending_seconds", provider=provider), act="vend", target_id=number)
    else:
        _sell(world, vend, late=strikes["late_token"])
    return vend


def step_vend(world: World, vend: Vend) -> None:
    """What was waiting is sold or fails; what was sold to be taken back is."""
    if vend.status == "pending" and vend.fate == "failed":
        end_vend(world, vend, status="failed")
    elif vend.status == "pending":
        _sell(world, vend, late=False)
    elif vend.status == "sold" and vend.fate == "reversed":
        end_vend(world, vend, status="reversed")


def end_vend(world: World, vend: Vend, *, status: str) -> None:
    """sold, failed or reversed."""
    vend.status, vend.updated_at = status, world.now
    vend.message = "" if status == "sold" else _REFUSED
    if status == "sold" and vend.token and vend.token_at is None:
        vend.token_at = world.now
    world.store.touch(vend)
    if status != "reversed":
        events.bill_ended(world, vend, network=BY_CODE[vend.biller].short_name)


def shown_token(world: World, vend: Vend) -> str | None:
    """The token, once it is sold and its time has come."""
    there = vend.status == "sold" and vend.token_at is not None and vend.token_at <= world.now
    return vend.token if there and vend.token else None


def _sell(world: World, vend: Vend, *, late: bool) -> None:
    wait = world.seconds("bill.token_seconds", provider=vend.provider) if late else timedelta()
    vend.token_at = world.now + wait if vend.token else None
    end_vend(world, vend, status="sold")
    if vend.fate == "reversed":
        after = world.seconds("bill.reversed_seconds", provider=vend.provider)
        world.later(after=after, act="vend", target_id=vend.id)


def _token(world: World, number: int) -> str:
    """Twenty digits in groups of four."""
    digits = "".join(str(ord(letter) % 10) for letter in world.code("token", serial=number, length=20))
    return "-".join(digits[at : at + 4] for at in range(0, 20, 4))
