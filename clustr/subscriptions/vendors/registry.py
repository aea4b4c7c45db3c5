"""Stripe, where it is switched on by its keys."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings

from clustr.kit.outbound import Outbound
from clustr.payments.refusals import ProviderNotAvailable

if TYPE_CHECKING:
    from clustr.subscriptions.vendors.stripe_service import StripeService

NAME = "stripe"
TIMEOUT_SECONDS = 20
"""Stripe's own library would wait 80: longer than anybody waits for a page."""

Connect = Callable[..., Outbound]


class StripeHolder:
    """Makes the service once, when it is first asked for: its library is not loaded where Stripe is off."""

    def __init__(self, env: Any, connect: Connect) -> None:
        self._env = env
        self._connect = connect
        self._made: StripeService | None = None
        self._making = threading.Lock()

    @property
    def is_on(self) -> bool:
        return bool(self._env.STRIPE_SECRET_KEY)

    def service(self) -> StripeService:
        """Refuses `ProviderNotAvailable` without a key."""
        if not self.is_on:
            raise ProviderNotAvailable
        with self._making:
            if self._made is None:
                from clustr.subscriptions.vendors.stripe_service import StripeService

                env = self._env
                outbound = self._connect(name=NAME, base_url=env.STRIPE_URL, headers={})
                self._made = StripeService(
                    key=env.STRIPE_SECRET_KEY,
                    version=env.STRIPE_API_VERSION,
                    secrets=(env.STRIPE_WEBHOOK_SECRET, env.STRIPE_PREVIOUS_WEBHOOK_SECRET),
                    outbound=outbound,
                )
            return self._made


@cache
def _holder() -> StripeHolder:
    def connect(**where: Any) -> Outbound:
        return Outbound(timeout_seconds=TIMEOUT_SECONDS, at_once=settings.ENV.PROVIDER_CALLS_AT_ONCE, **where)

    return StripeHolder(settings.ENV, connect)


def stripe_is_on() -> bool:
    """Whether plans can be paid for through Stripe here."""
    return _holder().is_on


def stripe_service() -> StripeService:
    """Stripe. Refuses `ProviderNotAvailable` where it is off."""
    return _holder().service()
