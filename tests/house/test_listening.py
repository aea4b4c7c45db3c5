"""Whoever listens to the tests' logs hears what should not be said; and nothing is said of the rest."""

from __future__ import annotations

import logging

import pytest
import structlog

from tests.listening import Listener, secrets_in


@pytest.fixture
def listener() -> Listener:
    listener = Listener()
    listener.attach()
    yield listener  # type: ignore[misc]
    logging.getLogger().removeHandler(listener)


@pytest.mark.parametrize(
    "told",
    [
        "PIN 482915",
        "to 0123456789",
        "5399830000000008",
        "bola@example.test",
        "Bearer abcdefgh1",
        "sk_test_4711",
        "0802 canary",
    ],
)
def test_it_hears(told: str) -> None:
    assert secrets_in(f"something {told} something")


def test_ids_amounts_and_instants_are_no_secrets() -> None:
    assert secrets_in("0190a0a0-0000-7000-8000-000000000000 2026-11-28T10:00:00.123456Z 5000.00 01KB7W8Z3M 1234") == []


def test_it_listens_to_what_the_redaction_lets_through(listener: Listener) -> None:
    structlog.get_logger("clustr.tests").info("all is well", amount_minor=12345678901234)
    assert (listener.lines, listener.heard) == (1, [])
    logging.getLogger("clustr.tests").info("plain %s", "0123456789")  # is cut
    assert (listener.lines, listener.heard) == (2, [])
    structlog.get_logger("clustr.tests").info("short", said="482915")
    assert len(listener.heard) == 1
    import tests.conftest

    tests.conftest._listener.heard.clear()
