"""The connection is cut during COMMIT: nobody can know whether it happened, and asking again makes it happen once."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import DatabaseError

from tests.cast import ApiClient
from tests.crash.cutting import through_a_proxy
from tests.crash.requests import REQUESTS, Asked, World
from tests.crash.standing import difference, standing
from tests.crash.test_crash_points import DONE, send, undisturbed, unhurried
from tests.proofs import broken_books

__all__ = ["unhurried"]

MONEY = ["pay", "pay_by_hand", "deposit_by_hand", "refund", "cancel_and_refund", "withdraw", "transfer", "reject"]

LOOKS_FIRST = ("withdraw", "transfer")
"""What is asked of a bank first looks, in a transaction of its own, whether it was answered before."""


@pytest.mark.parametrize("name", MONEY)
def test_one_effect_whether_the_commit_was_heard_or_not(name: str) -> None:
    make, _ = REQUESTS[name]
    world = World()
    cluster_id = world.cast.cluster_id
    effect, _ = undisturbed(world, make)
    for cut, happened in (("before", {}), ("after", effect)):
        asked, key = make(world), uuid4().hex
        before = standing(cluster_id)
        client = world.client(asked.person)
        with through_a_proxy() as proxy:
            proxy.spared = int(name in LOOKS_FIRST)
            proxy.cut = cut
            _told_nothing(client, asked, key)
            assert proxy.cuts == 1
        assert difference(before, standing(cluster_id)) == happened, cut
        answer = send(world, asked, key)
        assert answer.status_code in DONE, (cut, answer.content)
        assert answer.headers.get("Idempotent-Replayed") == ("true" if happened else None), cut
        assert difference(before, standing(cluster_id)) == effect, cut
    assert broken_books(cluster_id) == []


def _told_nothing(client: ApiClient, asked: Asked, key: str) -> None:
    """Ask, and hear an error or no answer at all, never one that claims something."""
    try:
        answer = client.request(asked.method, asked.path, asked.body, key=key)
    except DatabaseError:
        return
    assert answer.status_code >= 500, answer.content
