"""What happens by itself when its time has come."""

from __future__ import annotations

from datetime import datetime

from sandbox import charging, paying_out, refunding, vending
from sandbox.records import Charge, Due, Link, Refund, StripeRow, Transfer, Vend
from sandbox.stripe import clockwork
from sandbox.world import World


def catch_up(world: World, *, until: datetime | None = None) -> None:
    """Let everything happen that was due by now, in order, each at its own instant."""
    now = until or world.clock()
    while due := world.store.take_due(now=now):
        world.moment = due.at
        _happen(world, due)
    world.moment = now


def _happen(world: World, due: Due) -> None:
    store = world.store
    match due.act:
        case "charge":
            charging.conclude(world, store.known(Charge, due.target_id), word=due.word)
        case "link":
            link = store.known(Link, due.target_id)
            charging.attempt_link(world, link, word=due.word, channel="card")
        case "refund":
            refunding.step_refund(world, store.known(Refund, due.target_id))
        case "transfer":
            paying_out.step_transfer(world, store.known(Transfer, due.target_id))
        case "vend":
            vending.step_vend(world, store.known(Vend, due.target_id))
        case "transfer_otp":
            paying_out.abandon_transfer(world, store.known(Transfer, due.target_id))
        case "stripe":
            clockwork.happen(world, store.known(StripeRow, due.target_id), word=due.word)
        case _:
            raise ValueError(f"nothing is known about {due.act}")
