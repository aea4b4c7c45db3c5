"""Webhooks on their way: signed, sent again until they are taken, on the providers' schedules."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.records import Hook
from sandbox.world import World

_PATIENCE = {"paystack": 30, "flutterwave": 60, "stripe": 30}
# Minutes from one attempt to the next.
_PAYSTACK_LIVE = (3,) * 4 + (60,) * 71
_PAYSTACK_TEST = (60,) * 10
_FLUTTERWAVE = (30,) * 3
_STRIPE = (5, 30, 120, 300, 600, 720, 720, 720, 720)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to be made now. Report what came of it with `Sandbox.delivered`; unreported, it counts as timed out."""

    hook_id: int
    provider: str
    event: str
    url: str
    headers: dict[str, str]
    body: bytes
    patience_seconds: int


def due(world: World) -> list[Delivery]:
    """What is to be sent now, the earliest first."""
    deliveries = []
    for hook in world.store.hooks_due(now=world.now):
        patience = _PATIENCE[hook.provider]
        hook.attempts.append({"at": world.now.isoformat(), "status": None})
        # Should nobody report, this is when it counts as timed out and is tried again.
        hook.next_at = _next_at(world, hook, patience_seconds=patience)
        world.store.touch(hook)
        body = hook.body.encode()
        deliveries.append(
            Delivery(
                hook_id=hook.id,
                provider=hook.provider,
                event=hook.event,
                url=world.notify[hook.provider],
                headers={"content-type": "application/json", **_signature(world, hook, body)},
                body=body,
                patience_seconds=patience,
            )
        )
    return deliveries


def delivered(world: World, *, hook_id: int, status: int | None) -> None:
    """What the receiver answered to the latest attempt, None for nothing. Only 200 ends it."""
    hook = world.store.get(Hook, hook_id)
    if hook is None or not hook.attempts:
        return  # the sandbox was reset meanwhile
    hook.attempts[-1]["status"] = status
    hook.next_at = None if status == 200 else _next_at(world, hook, patience_seconds=0)
    world.store.touch(hook)


def replay(world: World, hook: Hook) -> Hook:
    """The same once more, as a hook of its own."""
    number = world.store.serial()
    return world.store.add(Hook(number, hook.provider, hook.event, hook.body, world.now, world.now))


def _next_at(world: World, hook: Hook, *, patience_seconds: int) -> datetime | None:
    """When the attempt after the latest is made, if there is one."""
    live = world.dials.value("webhook.live_schedule", provider=hook.provider) > 0
    pauses: tuple[int, ...] = (
        (_PAYSTACK_LIVE if live else _PAYSTACK_TEST) if hook.provider == "paystack" else _FLUTTERWAVE
    )
    if hook.provider == "stripe":
        pauses = _STRIPE
    if hook.provider == "flutterwave" and not world.dials.value("webhook.flutterwave_retries", provider=hook.provider):
        pauses = ()
    made = len(hook.attempts)
    if made > len(pauses):
        return None
    scale = world.dials.value("webhook.scale", provider=hook.provider)
    return world.now + timedelta(seconds=patience_seconds) + timedelta(minutes=pauses[made - 1]) * scale


def _signature(world: World, hook: Hook, body: bytes) -> dict[str, str]:
    """Paystack: HMAC-SHA512 of the raw body with the secret key, in hex. Flutterwave: the secret hash itself. Stripe:
    HMAC-SHA256 over the time and the body."""
    if hook.provider == "paystack":
        key = "not the key" if hook.bad_signature else world.keys.paystack_secret
        return {"x-paystack-signature": hmac.new(key.encode(), body, hashlib.sha512).hexdigest()}
    if hook.provider == "stripe":
        key = "not the key" if hook.bad_signature else world.keys.stripe_webhook
        stamp = str(int(world.now.timestamp()))
        signed = hmac.new(key.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {"stripe-signature": f"t={stamp},v1={signed}"}
    if not world.keys.flutterwave_hash:
        return {}
    return {"verif-hash": "not the hash" if hook.bad_signature else world.keys.flutterwave_hash}
