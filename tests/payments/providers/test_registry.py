"""A provider is on when it has its keys, and off, visibly, when it has not."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from clustr.payments.providers.registry import MAKERS, Registry, available_providers, provider_named
from clustr.payments.refusals import ProviderNotAvailable
from tests.payments.providers.paystack_wire import PaystackWire
from tests.payments.providers.wires import SETTINGS

WITHOUT_KEYS = SimpleNamespace(**{**vars(SETTINGS), "PAYSTACK_SECRET_KEY": ""})


def test_it_works() -> None:
    registry = Registry(MAKERS, SETTINGS, PaystackWire().connect)
    assert registry.available() == ("paystack", "flutterwave")
    assert registry.named("paystack").name == "paystack"


def test_without_keys_it_is_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    registry = Registry(MAKERS, WITHOUT_KEYS, PaystackWire().connect)
    assert registry.available() == ("flutterwave",)
    with pytest.raises(ProviderNotAvailable):
        registry.named("paystack")
    assert "payment provider paystack is off: it has no key" in caplog.text
    assert "payment provider flutterwave is on (test)" in caplog.text
    assert "canary" not in caplog.text


def test_a_name_nobody_has_is_refused() -> None:
    with pytest.raises(ProviderNotAvailable):
        Registry(MAKERS, SETTINGS, PaystackWire().connect).named("stripe")


def test_in_the_tests_every_provider_is_off() -> None:
    assert available_providers() == ()
    with pytest.raises(ProviderNotAvailable):
        provider_named(name="paystack")
