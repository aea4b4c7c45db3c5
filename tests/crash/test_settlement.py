"""Money from outside and to it, interrupted at every place: the books hold at once, and after what heals by itself the end
is the one without an interruption, exactly once.

`raise` is an exception in the process; `kill` is SIGKILL to a process of its own, while the providers live on.
"""

from __future__ import annotations

import os
import pickle
import re
import signal
import socket
import struct
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.db import connections

from clustr.kit.crashpoints import Crash, failing, watching
from clustr.payments.providers import registry
from tests.cast import make_cast
from tests.crash.settling import BETWEEN, COVERS, FLOWS, Ready, heal
from tests.crash.standing import difference, standing
from tests.crash.ways import every_other, in_turns
from tests.proofs import broken_books
from tests.settlement.stage import Stage

pytestmark = pytest.mark.early

_PATIENCE_SECONDS = 30
_MONEY = ("balance ", "moved ", "paid", "refunded", "rows of ledger_transfer", "rows of payments_settlement")
_MONEY += ("rows of settlement_receipt", "rows of bills_billpayment", "rows of payments_case")
PASSES = {
    "start_deposit": {"settlement.prepare.before", "settlement.start.recorded", "settlement.start.answered"},
    "start_bill_payment": {"settlement.prepare.before", "settlement.started.before_commit"},
    "start_refused": {"settlement.start_failed.before_commit"},
    "start_unheard": {"settlement.start_unknown.before_commit"},
    "confirm_success": {"settlement.confirm.answered", "settlement.apply.before_commit"},
    "confirm_decline": {"settlement.apply.before_commit"},
    "confirm_surplus": {"settlement.apply.before_commit", "ledger.post.after"},
    "confirm_less": {"settlement.apply.before_commit", "ledger.post.after"},
    "confirm_unheard": {"settlement.unheard.before_commit"},
    "confirm_bill": {"settlement.apply.before_commit"},
    "confirm_changed_bill": {"settlement.apply.before_commit", "ledger.post.after"},
    "confirm_reversed": {"settlement.apply.before_commit", "ledger.post.after"},
    "fee_of_reversed": {"settlement.confirm_charge.answered", "settlement.apply_fee.before_commit"},
    "notice": {"payments.receive_notice.before_commit", "settlement.apply.after_commit", "settlement.notice.acted"},
    "send_payout": {
        "settlement.record_payout.after_commit",
        "settlement.payout.recorded",
        "settlement.payout.answered",
    },
    "send_payout_refused": {"settlement.payout_refused.before_commit"},
    "send_payout_unheard": {"settlement.payout_unknown.before_commit"},
    "send_payout_again": {"settlement.apply_payout.after_commit", "settlement.payout.again"},
    "payout_arrived": {"settlement.apply_payout.before_commit"},
    "payout_failed": {"settlement.apply_payout.before_commit"},
    "payout_bounced": {"settlement.apply_payout.before_commit"},
    "payout_not_sent": {"settlement.payout_not_sent.before_commit"},
    "refund_start": {"settlement.refund.before_commit"},
    "refund_send": {
        "settlement.record_refund.after_commit",
        "settlement.refund.recorded",
        "settlement.refund.answered",
    },
    "refund_refused": {"settlement.refund_refused.before_commit"},
    "refund_unheard": {"settlement.refund_unknown.before_commit"},
    "refund_not_again": {"settlement.refund_not_again.before_commit", "settlement.refund_not_again.after_commit"},
    "refund_again": {"settlement.apply_refund.after_commit", "settlement.refund.again"},
    "refund_went": {"settlement.apply_refund.before_commit", "ledger.post.after"},
    "chargeback": {
        "settlement.dispute.answered",
        "settlement.taken_back.answered",
        "settlement.taken_back.before_commit",
    },
    "reversal": {"settlement.taken_back.answered", "settlement.taken_back.before_commit"},
    "charge_card": {
        "settlement.record_charge.after_commit",
        "settlement.charge.recorded",
        "settlement.charge.answered",
    },
    "charge_order": {
        "recurring.charge.before_commit",
        "recurring.charge.after_commit",
        "settlement.charge.recorded",
        "settlement.charge.answered",
        "settlement.apply.before_commit",
    },
    "order_declined": {"settlement.confirm.answered", "settlement.apply.before_commit"},
    "placing_suspense": {"wallets.place_suspense.before_commit"},
    "charge_fees": {"wallets.charge_fees.before_commit"},
    "receipt": {"settlement.receipt.before_commit"},
    "reconcile": {"settlement.confirm_charge.answered", "settlement.apply.before_commit"},
}
"""Some places of each flow, which show that it is what its name says."""
NOT_FORKED = {"receipt"}
"""What draws documents has threads, which do not live on in a fork."""

LIKE_ANOTHER = {
    *("start_bill_payment", "confirm_decline", "confirm_surplus", "confirm_less", "confirm_changed_bill"),
    *("payout_arrived", "payout_failed", "reconcile", "refund_again", "refund_went", "order_declined"),
}
"""Flows whose places others fail at by exception: these are killed there only, in a bounded run at every other one."""


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    made = Stage(make_cast())
    monkeypatch.setattr(registry, "_registry", lambda: made.registry)
    yield made


def money(change: dict[str, int]) -> dict[str, int]:
    """Of what changed, what is about money: not how often somebody asked, nor tries that were left behind."""
    ended = (" completed", " refunded")
    return {name: by for name, by in change.items() if name.startswith(_MONEY) or name.endswith(ended)}


def raised_at(at: str, stage: Stage, ready: Ready) -> None:
    with watching(failing(at)), pytest.raises(Crash):
        ready.act()


def killed_at(at: str, stage: Stage, ready: Ready) -> None:
    """Do it in a fork that is killed there. What it asks of the providers is carried to those of this process."""
    connections.close_all()
    connections["default"].close_pool()
    here, there = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            here.close()
            _without_pools()
            stage._answer = lambda request: _carried(there, request)  # type: ignore[method-assign]
            stage._control = lambda *asked: _over(there, ("control", asked))  # type: ignore[method-assign]
            with watching(failing(f"{at}:kill")):
                ready.act()
        except BaseException:  # noqa: BLE001 - the parent says that the place was not reached, and this says why
            traceback.print_exc()
        finally:
            os._exit(0)
    there.close()
    here.settimeout(_PATIENCE_SECONDS)
    try:
        while (asked := _receive(here)) is not None:
            _send(here, _served(stage, asked))
    except TimeoutError:
        os.kill(child, signal.SIGTERM)
    finally:
        here.close()
    _, ended = os.waitpid(child, 0)
    assert os.WIFSIGNALED(ended), f"{at} was not reached"
    assert os.WTERMSIG(ended) == signal.SIGKILL


def _without_pools() -> None:
    """Connect directly: a pool's threads do not start in every fork."""
    for alias in connections:
        connections[alias].settings_dict["OPTIONS"].pop("pool", None)


def _served(stage: Stage, asked: Any) -> Any:
    what, how = asked
    if what == "control":
        return stage._control(*how)
    method, url, headers, content = how
    try:
        answer = stage._answer(httpx.Request(method, url, headers=headers, content=content))
    except httpx.TransportError as error:
        return type(error), str(error)
    return answer.status_code, list(answer.headers.items()), b"".join(answer.stream)  # type: ignore[arg-type]


def _carried(there: socket.socket, request: httpx.Request) -> httpx.Response:
    asked = (request.method, str(request.url), list(request.headers.items()), request.content)
    answer = _over(there, ("ask", asked))
    if isinstance(answer[0], type):
        raise answer[0](answer[1], request=request)
    status, headers, content = answer
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))


def _over(there: socket.socket, asked: Any) -> Any:
    _send(there, asked)
    return _receive(there)


def _send(end: socket.socket, said: Any) -> None:
    text = pickle.dumps(said)
    end.sendall(struct.pack("!I", len(text)) + text)


def _receive(end: socket.socket) -> Any:
    head = _exactly(end, 4)
    return pickle.loads(_exactly(end, struct.unpack("!I", head)[0])) if head else None  # noqa: S301 - our own fork's


def _exactly(end: socket.socket, size: int) -> bytes:
    read = b""
    while len(read) < size:
        part = end.recv(size - len(read))
        if not part:
            return b""
        read += part
    return read


def undisturbed(stage: Stage, make: Callable[[Stage], Ready]) -> tuple[dict[str, int], list[str]]:
    """What it changes when nothing interrupts it, and the places it passes."""
    for _ in range(2):  # the first opens accounts, which later ones find
        ready, passed = make(stage), list[str]()
        before = standing(stage.cast.cluster_id)
        with watching(passed.append):
            ready.act()
        heal(stage, ready)
    return money(difference(before, standing(stage.cast.cluster_id))), list(dict.fromkeys(passed))


def _ways(name: str) -> list[Callable[[str, Stage, Ready], None]]:
    ways = [] if name in LIKE_ANOTHER else [raised_at]
    return ways if name in NOT_FORKED else [*ways, killed_at]


@pytest.mark.parametrize("name", FLOWS)
def test_once_and_whole_after_a_restart(name: str, stage: Stage) -> None:
    make, cluster_id = FLOWS[name], stage.cast.cluster_id
    effect, passed = undisturbed(stage, make)
    assert PASSES[name] <= set(passed)
    places = every_other(name, passed) if name in LIKE_ANOTHER else passed
    for at, interrupt in in_turns(name, places, _ways(name)):
        where = f"{at} by {interrupt.__name__}"
        ready = make(stage)
        before = standing(cluster_id)
        interrupt(at, stage, ready)
        assert broken_books(cluster_id) == [], where
        stage.heal()
        heal(stage, ready)
        assert money(difference(before, standing(cluster_id))) == effect, where
    assert broken_books(cluster_id) == []


def test_the_flows_pass_every_place() -> None:
    """By their names in the code: a place that no flow passes would not be interrupted by anything."""
    code = "".join(path.read_text() for path in (settings.PROJECT_ROOT / "clustr" / "settlement").rglob("*.py"))
    named = set(re.findall(r'crash_points?\("([a-z_.]+)"\)', code))
    assert named == (COVERS | BETWEEN) - {
        "payments.receive_notice",
        "wallets.charge_fees",
        "wallets.place_suspense",
    }
