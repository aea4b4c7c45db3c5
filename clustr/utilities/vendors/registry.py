"""The services that sell utilities, one line each, and those that are switched on."""

from __future__ import annotations

import threading
from functools import cache, partial
from typing import Any

from django.conf import settings

from clustr.kit.outbound import Outbound
from clustr.payments.providers.port import Connect
from clustr.utilities.refusals import VendorNotAvailable
from clustr.utilities.vendors.flutterwave import make_flutterwave_utilities
from clustr.utilities.vendors.interface import UtilityServiceInterface
from clustr.utilities.vendors.paystack import make_paystack_utilities

SERVICES = ("flutterwave", "paystack")


class Services:
    """Makes each service once, when it is first asked for, and keeps its connections open."""

    def __init__(self, settings: Any, connect: Connect) -> None:
        self._settings = settings
        self._connect = connect
        self._made: dict[str, UtilityServiceInterface | None] | None = None
        self._making = threading.Lock()

    def named(self, name: str) -> UtilityServiceInterface:
        """The service of this name. Refuses `VendorNotAvailable` where there is none or it is switched off."""
        service = self._services().get(name)
        if service is None:
            raise VendorNotAvailable
        return service

    def available(self) -> tuple[str, ...]:
        return tuple(name for name, service in self._services().items() if service is not None)

    def _services(self) -> dict[str, UtilityServiceInterface | None]:
        with self._making:
            if self._made is None:
                flutterwave = make_flutterwave_utilities(self._settings, self._connect)
                paystack = make_paystack_utilities(self._settings, self._connect, vending=flutterwave)
                self._made = {"flutterwave": flutterwave, "paystack": paystack}
            return self._made


@cache
def _registry() -> Services:
    env = settings.ENV
    connect = partial(Outbound, timeout_seconds=env.PROVIDER_TIMEOUT_SECONDS, at_once=env.PROVIDER_CALLS_AT_ONCE)
    return Services(settings, connect)


def utility_service(*, name: str) -> UtilityServiceInterface:
    """A service that is switched on. Refuses `VendorNotAvailable`."""
    return _registry().named(name)


def available_services() -> tuple[str, ...]:
    """The names of the services that are switched on."""
    return _registry().available()
