"""Money given back: refunds step by step, and chargebacks."""

from __future__ import annotations

from sandbox.flutterwave import events as flutterwave_events
from sandbox.outcomes import TEST_CARDS
from sandbox.paystack import events as paystack_events
from sandbox.records import Card, Charge, Dispute, Refund
from sandbox.world import World

_ENDED = ("failed", "needs-attention", "processed")


def refunded_of(world: World, charge: Charge) -> int:
    """What was given back or is on its way back."""
    return sum(refund.amount for refund in world.store.find(Refund, str(charge.id)) if refund.status != "failed")


def start_refund(world: World, charge: Charge, *, amount: int, customer_note: str, merchant_note: str) -> Refund:
    """Give back this much, in steps: pending, processing, then its fate."""
    now = world.now
    refund = Refund(
        id=world.store.serial(),
        provider=charge.provider,
        charge_id=charge.id,
        amount=amount,
        currency=charge.currency,
        status="pending",
        fate=_fate(world, charge),
        created_at=now,
        updated_at=now,
        customer_note=customer_note,
        merchant_note=merchant_note,
    )
    world.store.add(refund)
    if refunded_of(world, charge) >= charge.paid and charge.provider == "paystack":
        charge.status = "reversing"
        world.store.touch(charge)
    if charge.provider == "flutterwave" and refund.fate == "processed":
        refund.status = "processed"  # its samples say completed at once
    _tell(world, refund)
    if refund.status == "pending" and refund.fate != "stuck":
        _go_on_later(world, refund)
    return refund


def step_refund(world: World, refund: Refund) -> None:
    """pending -> processing -> processed, failed or needs-attention."""
    if refund.status in _ENDED:
        return
    two_steps = refund.provider == "paystack" and refund.status == "pending"
    _become(world, refund, status="processing" if two_steps else refund.fate)
    if two_steps:
        _go_on_later(world, refund)


def retry_refund(world: World, refund: Refund) -> None:
    """Paystack, with the customer's account: it goes through now."""
    refund.fate = "processed"
    _become(world, refund, status="processing")
    _go_on_later(world, refund)


def end_refund(world: World, refund: Refund, *, status: str) -> None:
    """End it now, whatever its fate was."""
    if refund.status not in ("processed", "failed"):
        _become(world, refund, status=status)


def _become(world: World, refund: Refund, *, status: str) -> None:
    refund.status, refund.updated_at = status, world.now
    world.store.touch(refund)
    charge = world.store.known(Charge, refund.charge_id)
    if charge.status == "reversing" and status in ("processed", "failed"):
        charge.status = "reversed" if status == "processed" else "success"
        world.store.touch(charge)
    _tell(world, refund)


def _go_on_later(world: World, refund: Refund) -> None:
    world.later(after=world.seconds("refund.seconds", provider=refund.provider), act="refund", target_id=refund.id)


def _fate(world: World, charge: Charge) -> str:
    card = world.store.get(Card, charge.card_id)
    by_card = TEST_CARDS[card.number].refund if card and card.number in TEST_CARDS else ""
    strikes = {
        fate: world.fault(dial, provider=charge.provider)
        for fate, dial in (
            ("stuck", "refund.stuck"),
            ("failed", "refund.failed"),
            ("needs-attention", "refund.needs_attention"),
        )
    }
    by_dial = next((fate for fate, strikes_now in strikes.items() if strikes_now), "")
    return by_dial or by_card or "processed"


def _tell(world: World, refund: Refund) -> None:
    if refund.provider == "paystack":
        paystack_events.refund_changed(world, refund)
    else:
        flutterwave_events.refund_changed(world, refund)


def file_chargeback(world: World, charge: Charge, *, amount: int, reversed_at_once: bool = False) -> Dispute:
    """The payer complains to their bank. `reversed_at_once`: Paystack calls the charge reversed before it is decided."""
    now = world.now
    if reversed_at_once:
        charge.status = "reversed"
        world.store.touch(charge)
    dispute = Dispute(world.store.serial(), charge.provider, charge.id, amount, "awaiting-merchant-feedback", now, now)
    world.store.add(dispute)
    if charge.provider == "paystack":
        paystack_events.dispute_changed(world, dispute, event="create")
    else:
        flutterwave_events.chargeback_changed(world, dispute)
    return dispute


def remind_of_chargeback(world: World, dispute: Dispute) -> None:
    if dispute.provider == "paystack":
        paystack_events.dispute_changed(world, dispute, event="remind")


def resolve_chargeback(world: World, dispute: Dispute, *, resolution: str) -> None:
    """`declined`: the merchant keeps the money, or has it again; anything accepted: the charge is reversed."""
    dispute.status, dispute.resolution, dispute.updated_at = "resolved", resolution, world.now
    world.store.touch(dispute)
    charge = world.store.known(Charge, dispute.charge_id)
    if _is_lost(dispute):
        charge.status = "reversed"
    elif charge.status == "reversed":
        charge.status = _status_without_dispute(world, charge)
    world.store.touch(charge)
    if dispute.provider == "paystack":
        paystack_events.dispute_changed(world, dispute, event="resolve")
    else:
        flutterwave_events.chargeback_changed(world, dispute)


def _is_lost(dispute: Dispute) -> bool:
    return (dispute.resolution or "").endswith("accepted")


def _status_without_dispute(world: World, charge: Charge) -> str:
    """How a paid charge stands by what was refunded of it."""
    refunds = world.store.find(Refund, str(charge.id))
    if charge.provider != "paystack" or refunded_of(world, charge) < charge.paid:
        return "success"
    return "reversed" if all(refund.status in ("processed", "failed") for refund in refunds) else "reversing"
