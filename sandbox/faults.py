"""What the dials do to an answer on its way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sandbox.dials import WIRE_FAULTS
from sandbox.wire import DRIP, WAIT, Answer, Dropped, Refused, answer_html, answer_json
from sandbox.world import World

_TIMEOUT_SECONDS = 60
_SLOW_SECONDS = 28
_DRIP_SECONDS = 20
_PAGE = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><h1>Checking your browser</h1></body></html>"


class Words(Protocol):
    """How a provider words its troubles."""

    def too_many(self) -> Refused: ...
    def broken(self) -> Refused: ...
    def timed_out(self) -> Refused: ...


def choose(world: World, *, group: str, provider: str) -> str:
    """The fault that strikes this request, or nothing. Each has a sequence of its own, so turning one dial moves no other."""
    struck = [
        fault
        for fault in WIRE_FAULTS
        if world.chance.happens(
            f"{provider}.{group}.{fault}", probability=world.dials.wire(fault, group=group, provider=provider)
        )
    ]
    return struck[0] if struck else ""


def carry(world: World, fault: str, *, words: Words, run: Callable[[], Answer]) -> Answer | Dropped:
    """Do what was asked, unless the fault strikes before, and answer as the fault will have it."""
    scale = world.dials.value("wait.scale")
    effect = fault.endswith("_after")
    answer = run() if effect or not fault else None
    match fault.removesuffix("_after").removesuffix("_before"):
        case "":
            assert answer is not None  # noqa: S101
            return answer
        case "timeout":
            return Dropped(reset=False, effect=effect, seconds=_TIMEOUT_SECONDS * scale)
        case "reset":
            return Dropped(reset=True, effect=effect, seconds=0)
        case "error":
            return _refused(words.broken())
        case "too_many":
            return _refused(words.too_many())
        case "slow_503":
            slow = _refused(words.timed_out())
            return slow._replace(headers={**slow.headers, WAIT: str(_SLOW_SECONDS * scale)})
        case "html":
            return answer_html(_PAGE)
        case "empty":
            return Answer(200, {"content-type": "application/json; charset=utf-8"}, b"")
        case kind:
            assert answer is not None  # noqa: S101
            if kind == "truncated":
                return answer._replace(body=answer.body[: len(answer.body) // 2])
            return answer._replace(headers={**answer.headers, DRIP: str(_DRIP_SECONDS * scale)})


def _refused(refused: Refused) -> Answer:
    return answer_json(refused.body, status=refused.status)
