"""Every provider passes the suite of the port; so does one that was added with one file and one line."""

from __future__ import annotations

import pytest

from clustr.payments.providers.registry import MAKERS, Registry
from tests.payments.providers.flutterwave_wire import FlutterwaveWire
from tests.payments.providers.paystack_wire import PaystackWire
from tests.payments.providers.port_suite import PortSuite, charge_request
from tests.payments.providers.toy import ToyWire, make_toy
from tests.payments.providers.wires import SETTINGS, Wire


class TestPaystack(PortSuite):
    @pytest.fixture
    def wire(self) -> Wire:
        return PaystackWire()


class TestFlutterwave(PortSuite):
    @pytest.fixture
    def wire(self) -> Wire:
        return FlutterwaveWire()


class TestToy(PortSuite):
    @pytest.fixture
    def wire(self) -> Wire:
        return ToyWire()


def test_every_registered_provider_is_tried() -> None:
    assert {PaystackWire().provider().name, FlutterwaveWire().provider().name} == set(MAKERS)


def test_a_provider_is_added_with_one_line() -> None:
    wire = ToyWire()
    registry = Registry({**MAKERS, "toy": make_toy}, SETTINGS, wire.connect)
    assert registry.available() == ("paystack", "flutterwave", "toy")
    assert registry.named("toy").start_charge(charge_request()).checkout_url
    assert registry.named("toy") is registry.named("toy"), "made once, with its connections"
