"""PIN changes interrupted. The PIN and its answer commit together: a repeat with the same key is always answered."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest

from clustr.kit.tenancy import tenant
from clustr.wallets import commands as wallets
from clustr.wallets.models import Pin, PinReset
from tests.crash.requests import Asked, World
from tests.crash.test_crash_points import Victim, raised_at, unhurried, victim
from tests.people.someone import mail_to
from tests.web.asking import MY_WALLET, PIN

__all__ = ["unhurried", "victim"]

OTHER = "917364"
IN_DOORS_COMMIT = {"wallets.keep_pin"}


def change(world: World) -> Asked:
    return Asked(world.cast.bola, f"{MY_WALLET}set_pin/", {"pin": OTHER, "old_pin": PIN})


def reset(world: World) -> Asked:
    bola = world.cast.bola
    answer = world.client(bola).post(f"{MY_WALLET}reset_pin/", {})
    assert answer.status_code == 202, answer.content
    found = re.search(r"^[0-9]{8}$", str(mail_to(bola.email).body), re.MULTILINE)
    assert found
    return Asked(bola, f"{MY_WALLET}reset_pin/", {"code": found[0], "pin": OTHER})


def opens(world: World, pin: str) -> bool:
    from clustr.wallets.refusals import PinIncorrect

    try:
        wallets.authorize_spend(actor=world.cast.bola.actor, pin=pin, now=world.cast.now)
    except PinIncorrect:
        return False
    return True


@pytest.mark.parametrize("make", [change, reset])
@pytest.mark.parametrize("by", ["raise", "kill"])
def test_the_pin_is_the_old_or_the_new_one(make: Any, by: str, victim: Victim) -> None:
    for place, changed in (("before", False), ("before_commit", False), ("after_commit", True)):
        world = World()
        bola = world.cast.bola
        wallets.set_pin(actor=bola.actor, pin=PIN, old_pin=None, now=world.cast.now)
        asked, key = make(world), uuid4().hex
        (raised_at if by == "raise" else victim.killed_at)(f"wallets.keep_pin.{place}", world, asked, key)
        assert (opens(world, PIN), opens(world, OTHER)) == (not changed, changed), place
        answer = world.client(bola).post(asked.path, asked.body, key=key)
        assert answer.status_code == 200, (place, answer.content)
        assert (opens(world, PIN), opens(world, OTHER)) == (False, True), place
        with tenant(bola.cluster_id):
            assert Pin.objects.filter(user_id=bola.user_id).count() == 1
            assert not PinReset.objects.filter(user_id=bola.user_id, used_at=None).exists()
