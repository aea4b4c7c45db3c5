"""While a provider is asked, the database knows of no transaction and no lock of ours: looked at from the server's side."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from django.db import connections

from clustr.kit.outbound import NetworkInTransaction
from clustr.wallets.commands.pin_attempts import _one_at_a_time
from tests.cast import Cast
from tests.crash.settling import FLOWS, heal
from tests.databases import administrator
from tests.settlement.stage import Stage

ASK_NOBODY = {"charge_fees", "receipt", "refund_start", "placing_suspense"}
_HELD = """
SELECT a.pid, a.state, a.query, l.locktype, l.mode FROM pg_stat_activity a LEFT JOIN pg_locks l ON l.pid = a.pid
WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
  AND (a.xact_start IS NOT NULL OR l.pid IS NOT NULL)
"""


@pytest.mark.parametrize("name", FLOWS)
def test_nothing_is_held_while_a_provider_is_asked(stage: Stage, name: str) -> None:
    ready = FLOWS[name](stage)
    answer, asked = stage._answer, list[httpx.Request]()
    with administrator() as server:

        def watched(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            assert server.execute(_HELD).fetchall() == []
            return answer(request)

        stage._answer = watched  # type: ignore[method-assign]
        ready.act()
        stage._answer = answer  # type: ignore[method-assign]
    heal(stage, ready)
    assert bool(asked) is (name not in ASK_NOBODY)


def test_whoever_holds_a_pin_asks_nobody(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola)
    with _one_at_a_time(cast.bola.actor), pytest.raises(NetworkInTransaction, match="PIN"):
        stage.confirm(checkout)
    assert stage.confirm(checkout).status == "processing"


def test_the_server_would_show_it(stage: Stage, cast: Cast) -> None:
    """That what is looked at is there to be seen."""

    def seen(statement: str, after: str) -> int:
        with connections["default"].cursor() as cursor, administrator() as server:
            cursor.execute(statement)
            found = server.execute(_HELD).fetchall()
            cursor.execute(after)
            return len(found)

    looks: list[Callable[[], int]] = [
        lambda: seen("SELECT pg_advisory_lock(42)", "SELECT pg_advisory_unlock_all()"),
        lambda: seen("BEGIN", "ROLLBACK"),
    ]
    assert all(look() > 0 for look in looks)
