"""A simulated life of payments in two estates: one process, one seed, a virtual clock, providers with faults, crashes in the
middle of commands. After every act the books are proved, and in the end `judging.py` adds up; `simulation.py` lives many.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import count

from django.db.models import Q

from clustr.kit.crashpoints import Crash, watching
from clustr.kit.errors import Refusal
from clustr.payments.providers import registry
from tests.cast import make_cast
from tests.lives import Ended, written
from tests.settlement.acts_back import GivingBack
from tests.settlement.judging import glance, judge
from tests.settlement.stage import Stage
from tests.settlement.standing import OPEN, Home, unsettled
from tests.settlement.troubles import CRASHES, LAST_PLACE

ROUNDS = 14
"""How often, at most, everybody looks again once the faults have healed: over three days."""


class Simulation(GivingBack):
    """`run()` lives one life and answers what is wrong with it, which must be nothing."""

    def __init__(self, seed: int, stage: Stage) -> None:
        super().__init__(seed, stage)
        self.ended = Ended(seed)

    def run(self, steps: int) -> Ended:
        for _ in range(steps):
            self._step()
            if self.ended.wrong:
                return self.ended
        self._heal()
        self.ended.wrong += judge(self.stage, self.homes)
        return self.ended

    def _step(self) -> None:
        """One act of one estate, or of the providers and the worker; and what it touched is proved."""
        self.home = self.random.choice(self.homes)
        act = self.random.choice(self._acts())
        name = act.__name__.strip("_")
        self.ended.done[name] += 1
        before = written()
        with suppress(Crash, Refusal), watching(self._dying()):
            act()
        if written() == before:
            return
        self.ended.wrong += [f"after {name}: {wrong}" for wrong in glance(self.stage, self._touched(name))]

    def _dying(self) -> Callable[[str], None]:
        """Now and then, have the process die at one of the places it passes."""
        dies_at = self.random.randrange(1, LAST_PLACE + 1) if self.random.random() < CRASHES else 0
        passed = count(1)

        def reached(place: str) -> None:
            if next(passed) == dies_at:
                raise Crash(place)

        return reached

    def _acts(self) -> list[Callable[[], None]]:
        return [
            *(self._deposit, self._deposit, self._pay_directly, self._pay_directly, self._finish, self._finish, self._finish),
            *(self._hear, self._hear, self._ask, self._sweep, self._sweep, self._wait, self._wait, self._wait),
            *(self._turn_dials, self._replay, self._withdraw, self._send, self._change_bill, self._pay_from_wallet),
            *(self._issue, self._reconcile, self._charge_fees, self._change_bearer, self._transfer, self._stop),
            *(self._charge_card, self._charge_card, self._charge_again, self._refund, self._refund, self._refund_to_wallet),
            *(self._send_refunds, self._complain, self._decide, self._decide, self._give_back_by_hand, self._end_stuck),
        ]  # fmt: skip

    def _touched(self, act: str) -> list[Home]:
        """The estates that an act may have done something in."""
        if act in ("finish", "wait", "turn_dials", "complain", "decide", "give_back_by_hand", "end_stuck"):
            return []
        if act in ("hear", "replay", "ask", "sweep", "send", "send_refunds", "reconcile", "charge_again"):
            return self.homes
        return [self.home]

    # --- The end: faults heal, and then everything must be known ---------------------------------------------------------

    def _heal(self) -> None:
        """Look again until nothing moves any more: then what is not known stays so, and is judged."""
        self.stage.heal()
        for round in range(ROUNDS):
            self._end_stuck()
            self._send()
            self._sweep()
            self._hear()
            if round >= 2 and not self._moves():
                break
            self.stage.wait(minutes=20 if round < 8 else 60 * 13)
        self.stage.wait(minutes=1)
        began = self.stage.cast.now - timedelta(days=1)
        runs = self._compare(since=began, until=self.stage.now)
        self.ended.wrong += [f"{run.provider}'s list could not be read" for run in runs if not run.complete]

    def _moves(self) -> bool:
        """Whether something is under way: at the providers, in a notice, in a payout or refund, or in what is not known."""
        undecided = Q(status="unknown") | Q(purpose__in=("payout", "refund"), status__in=OPEN)
        return (
            bool(self.stage.sandbox.world.store._agenda)
            or bool(self._waiting_notices())
            or any(self._transactions(undecided))
            or bool(unsettled(self.stage, self.homes))
        )


def live(seed: int, *, steps: int = 30) -> Ended:
    """One life, with providers of its own."""
    stage = Stage(make_cast(residents=2), seed=seed)
    kept = registry._registry
    registry._registry = lambda: stage.registry  # type: ignore[assignment]
    try:
        return Simulation(seed, stage).run(steps)
    finally:
        registry._registry = kept
