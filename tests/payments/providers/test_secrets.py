"""No key, token, card number or person in a log line, an exception or a printed object, whatever goes wrong."""

from __future__ import annotations

import logging
import traceback
from contextlib import suppress

import httpx
import pytest

from clustr.kit.outbound import OutboundError
from clustr.payments.providers.port import AlreadyKnown, ProviderRefused
from clustr.payments.providers.reading import redacted
from tests.payments.providers.flutterwave_wire import FlutterwaveWire
from tests.payments.providers.paystack_wire import PaystackWire
from tests.payments.providers.port_suite import MONEY_CALLS, OTHER_CALLS, UNHEARD, UNSENT, saved_charge
from tests.payments.providers.wires import CARD, EMAIL, SETTINGS, TOKEN, FakeCharge, Wire, ngn, reference, reply

SECRETS = ("canary", TOKEN, CARD, EMAIL, "0000000000", "22222222222", "+2348000000000")
TALKATIVE = (
    f"No: {SETTINGS.PAYSTACK_SECRET_KEY} {SETTINGS.FLUTTERWAVE_SECRET_KEY} {EMAIL} {CARD} AUTH_canary1 flw-t1nf-canary"
)


@pytest.mark.parametrize("kind", [PaystackWire, FlutterwaveWire])
def test_it_works(kind: type[Wire], caplog: pytest.LogCaptureFixture) -> None:
    """Every call, well and under every fault, with every logger wide open."""
    caplog.set_level(logging.DEBUG)
    wire = kind()
    wire.add(FakeCharge(reference(), ngn(100), "paid", id=77))
    said = []
    status = False if kind is PaystackWire else "error"
    talkative = [
        lambda _request, code=code: reply(code, {"status": status, "message": TALKATIVE}) for code in (400, 401)
    ]
    for fault in (None, *UNSENT.values(), *UNHEARD.values(), *talkative):
        wire.fault = fault
        for call in (MONEY_CALLS | OTHER_CALLS).values():
            try:
                said.append(repr(call(wire.provider())))
            except (OutboundError, ProviderRefused, AlreadyKnown) as error:
                said.append("".join(traceback.format_exception(error)) + getattr(error, "message", ""))
    told = [record.getMessage() for record in caplog.records]
    for secret in (SETTINGS.PAYSTACK_SECRET_KEY, SETTINGS.FLUTTERWAVE_SECRET_KEY, TOKEN, CARD, EMAIL, "22222222222"):
        assert not [line for line in said + told if secret in line]
    assert not [line for line in told if "0000000000" in line], "not even the address of a request"
    assert len(said) > 300


def test_the_key_travels_in_its_header_only() -> None:
    wire = PaystackWire()
    with suppress(ProviderRefused):
        wire.provider().charge_saved_method(saved_charge())
    (seen,) = wire.seen
    assert seen.headers["authorization"] == f"Bearer {SETTINGS.PAYSTACK_SECRET_KEY}"
    assert "sk_test" not in str(seen.url) + seen.content.decode() + repr(seen.headers)
    assert seen.headers["accept-encoding"] == "identity"


def test_an_object_printed_by_chance_holds_no_secret() -> None:
    provider = PaystackWire().provider()
    assert "canary" not in repr(provider) + repr(vars(provider)["_outbound"]) + repr(
        httpx.Headers({"authorization": "x"})
    )


@pytest.mark.parametrize(
    "secret", [*SECRETS[1:], "te**@rave**.com", "5399 8300 0000 0008", "sk_live_abcdef", "FLWSECK-ab-X"]
)
def test_a_text_of_the_provider_is_redacted(secret: str) -> None:
    text = redacted(f"Sorry ({secret}), declined.", secrets=[TOKEN])
    assert secret not in text
    assert "declined" in text


def test_amounts_and_reasons_stay_readable() -> None:
    said = "DISBURSE FAILED: You can only spend NGN 1000000.00 at once"
    assert redacted(said) == said
    assert len(redacted("x " * 500)) <= 200
