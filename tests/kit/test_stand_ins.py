"""The demonstration has payment providers that move no money; nobody else gets them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from django.conf import settings

from clustr.environment import Environment
from clustr.kit.served_at import announce_address, with_address, withdraw_address
from clustr.kit.stand_ins import NAMES, announce, stand_in, with_stand_in, withdraw

ROOT: Path = settings.PROJECT_ROOT


@pytest.fixture
def demonstration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    for name in ("DATABASE_URL", "DATABASE_APP_URL"):
        monkeypatch.delenv(name, raising=False)
    return Environment(CLUSTR_ENV="demo", CLUSTR_DATA_DIR=tmp_path, PORT=47_110)


def test_it_works(demonstration: Environment) -> None:
    made = stand_in(env=demonstration, root=ROOT, environ={})
    assert made is not None
    assert made.url.startswith("http://127.0.0.1:471")
    assert set(NAMES) < made.environ.keys()
    assert made.environ["PAYSTACK_SECRET_KEY"].startswith("sk_test_")
    assert made.environ["FLUTTERWAVE_URL"] == f"{made.url}/flutterwave/v3"
    assert made.environ["PAYOUTS_BEYOND_COVER"] == "true", "its wallets were filled by hand"
    assert "http://127.0.0.1:47110/payments/webhooks/paystack/" in made.command
    again = stand_in(env=demonstration, root=ROOT, environ={})
    assert again is not None
    assert again.environ == made.environ


@pytest.mark.parametrize("name", NAMES)
def test_somebody_has_providers_of_their_own(demonstration: Environment, name: str) -> None:
    assert stand_in(env=demonstration, root=ROOT, environ={name: "set"}) is None


def test_elsewhere_than_in_the_demonstration_there_are_none(demonstration: Environment) -> None:
    tested = demonstration.model_copy(update={"CLUSTR_ENV": "test"})
    assert stand_in(env=tested, root=ROOT, environ={}) is None


def test_where_the_sandbox_is_not_installed_there_is_none(demonstration: Environment, tmp_path: Path) -> None:
    assert stand_in(env=demonstration, root=tmp_path, environ={}) is None


def test_a_taken_port_is_passed_over(demonstration: Environment) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", demonstration.PORT + 1))
        taken.listen()
        made = stand_in(env=demonstration, root=ROOT, environ={})
    assert made is not None
    assert made.url != f"http://127.0.0.1:{demonstration.PORT + 1}"


def test_the_command_line_asks_the_same_providers_while_it_runs(demonstration: Environment) -> None:
    made = stand_in(env=demonstration, root=ROOT, environ={})
    assert made is not None
    assert with_stand_in(demonstration, environ={}) == demonstration
    announce(env=demonstration, url=made.url)
    joined = with_stand_in(demonstration, environ={})
    assert {name: getattr(joined, name) for name in NAMES} == {name: made.environ[name] for name in NAMES}
    own = {"PAYSTACK_SECRET_KEY": "sk_test_own"}
    assert with_stand_in(demonstration, environ=own) == demonstration
    withdraw(env=demonstration)
    assert with_stand_in(demonstration, environ={}) == demonstration


def test_the_command_line_makes_the_links_of_what_is_served(demonstration: Environment) -> None:
    served = demonstration.model_copy(update={"PORT": 8300})
    assert with_address(demonstration, environ={}) == demonstration
    announce_address(env=served)
    assert with_address(demonstration, environ={}).base_url == "http://127.0.0.1:8300"
    assert with_address(demonstration, environ={"PORT": "8400"}) == demonstration
    withdraw_address(env=served)
    assert with_address(demonstration, environ={}) == demonstration


def test_nobody_else_is_told_of_an_announcement(demonstration: Environment) -> None:
    announce(env=demonstration, url="http://127.0.0.1:47111")
    for name in ("test", "production"):
        elsewhere = demonstration.model_copy(update={"CLUSTR_ENV": name})
        assert with_stand_in(elsewhere, environ={}) == elsewhere
