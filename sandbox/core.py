"""The sandbox itself, without sockets: requests in, answers out, webhooks to send."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from sandbox import agenda, checkout, control, faults, hooks, routes
from sandbox.chance import Chance
from sandbox.clock import Clock
from sandbox.dials import Dials
from sandbox.flutterwave import api as flutterwave
from sandbox.hooks import Delivery
from sandbox.paystack import api as paystack
from sandbox.store import Store
from sandbox.stripe import api as stripe
from sandbox.stripe import pages as stripe_pages
from sandbox.wire import Answer, Dropped, Keys, Refused, Request, answer_json
from sandbox.world import World

_APIS: dict[str, ModuleType] = {"paystack": paystack, "flutterwave": flutterwave, "stripe": stripe}
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


class Sandbox:
    """All providers. One request at a time; safe to call from several threads.

    `clock` answers the present; `notify` names the address of each provider's webhooks; with a `folder` everything is
    kept in a journal there and stands again after a restart. Two sandboxes with the same seed, clock and requests answer
    the same, byte for byte.
    """

    def __init__(
        self,
        seed: int,
        clock: Clock,
        *,
        keys: Keys | None = None,
        dials: Mapping[str, float] | None = None,
        notify: Mapping[str, str] | None = None,
        base_url: str = "http://127.0.0.1:8090",
        folder: Path | None = None,
    ) -> None:
        # Ten a second since 2020: ids of a later start do not repeat those of an earlier one.
        first_serial = int((clock() - _EPOCH).total_seconds()) * 10
        self.world = World(
            store=Store(first_serial=first_serial, folder=folder),
            dials=Dials(dials),
            chance=Chance(seed=seed),
            clock=clock,
            keys=keys or Keys(),
            base_url=base_url.rstrip("/"),
            notify=dict(notify or {}),
        )
        self._lock = threading.RLock()

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer | Dropped:
        """Answer one request. `path` has its query."""
        request = Request.read(method=method, target=path, headers=headers, body=body)
        with self._lock:
            agenda.catch_up(self.world)
            try:
                return self._answer(request)
            except Refused as refused:
                return answer_json(refused.body, status=refused.status)
            finally:
                self._end()

    def due_webhooks(self, now: datetime | None = None) -> list[Delivery]:
        """The webhooks to send by now. Tell `delivered` what came of each."""
        with self._lock:
            agenda.catch_up(self.world, until=now)
            try:
                return hooks.due(self.world)
            finally:
                self._end()

    def delivered(self, delivery: Delivery, status: int | None) -> None:
        """The receiver answered with this status, or not at all (None)."""
        with self._lock:
            self.world.moment = self.world.clock()
            hooks.delivered(self.world, hook_id=delivery.hook_id, status=status)
            self._end()

    def next_change_at(self) -> datetime | None:
        """When something happens by itself or a webhook is due: what a simulation may move its clock to."""
        with self._lock:
            return self.world.store.next_change_at()

    def _answer(self, request: Request) -> Answer | Dropped:
        world = self.world
        if request.path.startswith("/_sandbox"):
            return control.answer(world, request)
        if request.path.startswith(("/checkout/stripe/", "/invoice/stripe/")):
            return stripe_pages.answer(world, request)
        if request.path.startswith("/checkout/"):
            return checkout.answer(world, request)
        for provider, api in _APIS.items():
            if not request.path.startswith(f"{api.PREFIX}/"):
                continue
            found = routes.find(api.ROUTES, request, path=request.path.removeprefix(api.PREFIX))
            if found is None:
                raise api.no_such_address()
            handler = found.handler

            def run(api: ModuleType = api, handler: routes.Handler = handler) -> Answer:
                try:
                    api.admit(world, request)
                    return handler(world, request)
                except Refused as refused:
                    return answer_json(refused.body, status=refused.status)

            fault = faults.choose(world, group=found.group, provider=provider)
            return faults.carry(world, fault, words=api, run=run)
        return answer_json(
            {"message": "This is the sandbox of Paystack, Flutterwave and Stripe; see docs/sandbox.md"}, status=404
        )

    def _end(self) -> None:
        self.world.moment = None
        self.world.store.save()
