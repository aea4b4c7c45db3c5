"""The payment providers there are, one line each, and those that are switched on by their keys."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from django.conf import settings

from clustr.kit.outbound import Outbound
from clustr.payments.providers.flutterwave import make_flutterwave
from clustr.payments.providers.paystack import make_paystack
from clustr.payments.providers.port import Connect, PaymentProvider
from clustr.payments.refusals import ProviderNotAvailable

logger = logging.getLogger(__name__)

Maker = Callable[[Any, Connect], PaymentProvider | None]

MAKERS: dict[str, Maker] = {
    "paystack": make_paystack,
    "flutterwave": make_flutterwave,
}


class Registry:
    """Makes each provider once, when it is first asked for, and keeps its connections open."""

    def __init__(self, makers: Mapping[str, Maker], settings: Any, connect: Connect) -> None:
        self._makers = makers
        self._settings = settings
        self._connect = connect
        self._made: dict[str, PaymentProvider | None] = {}
        self._making = threading.Lock()

    def named(self, name: str) -> PaymentProvider:
        """The provider of this name. Refuses `ProviderNotAvailable` where there is none or it has no keys."""
        provider = self._provider(name) if name in self._makers else None
        if provider is None:
            raise ProviderNotAvailable
        return provider

    def available(self) -> tuple[str, ...]:
        """The names of the providers that are switched on."""
        return tuple(name for name in self._makers if self._provider(name) is not None)

    def _provider(self, name: str) -> PaymentProvider | None:
        with self._making:
            if name not in self._made:
                made = self._made[name] = self._makers[name](self._settings, self._connect)
                logger.info("payment provider %s is %s", name, f"on ({made.mode})" if made else "off: it has no key")
            return self._made[name]


@cache
def _registry() -> Registry:
    env = settings.ENV
    connect = partial(Outbound, timeout_seconds=env.PROVIDER_TIMEOUT_SECONDS, at_once=env.PROVIDER_CALLS_AT_ONCE)
    return Registry(MAKERS, settings, connect)


def provider_named(*, name: str) -> PaymentProvider:
    """A provider that is switched on. Refuses `ProviderNotAvailable`."""
    return _registry().named(name)


def available_providers() -> tuple[str, ...]:
    """The names of the providers that are switched on, in the order they are offered."""
    return _registry().available()
