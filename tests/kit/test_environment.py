"""Settings that are not safe for production refuse to start."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from clustr.environment import Environment, UnsafeSettings

SAFE = {
    "CLUSTR_ENV": "production",
    "CLUSTR_SECRET_KEY": "s" * 50,
    "CLUSTR_PIN_PEPPERS": "2026a:" + "ab" * 32,
    "CLUSTR_ENCRYPTION_KEYS": "2026a:" + "cd" * 32,
    "DATABASE_URL": "postgresql://owner:secret@db.example/clustr",
    "CLUSTR_ALLOWED_HOSTS": "estates.example",
    "CLUSTR_BASE_URL": "https://estates.example",
    "EMAIL_URL": "smtp://user:secret@mail.example:587",
}


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    for name in Environment.model_fields:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLUSTR_DATA_DIR", str(tmp_path / "data"))
    for name, value in SAFE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.usefixtures("production")
def test_it_works(tmp_path: Path) -> None:
    env = Environment()
    assert env.production
    assert not env.embedded
    assert not (tmp_path / "data").exists(), "production makes no secrets of its own"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CLUSTR_SECRET_KEY", "s" * 49, "CLUSTR_SECRET_KEY"),
        ("CLUSTR_SECRET_KEY", "", "CLUSTR_SECRET_KEY"),
        ("CLUSTR_PIN_PEPPERS", "", "CLUSTR_PIN_PEPPERS"),
        ("CLUSTR_ENCRYPTION_KEYS", "", "CLUSTR_ENCRYPTION_KEYS"),
        ("DATABASE_URL", "", "DATABASE_URL"),
        ("CLUSTR_ALLOWED_HOSTS", "*", "CLUSTR_ALLOWED_HOSTS"),
        ("CLUSTR_BASE_URL", "http://estates.example", "CLUSTR_BASE_URL"),
        ("EMAIL_URL", "", "EMAIL_URL"),
        ("CLUSTR_PIN_PEPPERS", "a:abcd", "64 hexadecimal digits"),
        ("CLUSTR_ENCRYPTION_KEYS", "a:abcd", "64 hexadecimal digits"),
    ],
)
def test_production_refuses(production: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    production.setenv(name, value)
    with pytest.raises(ValueError, match=says):
        Environment()


def test_all_that_is_wrong_is_said_at_once(production: pytest.MonkeyPatch) -> None:
    production.setenv("EMAIL_URL", "")
    production.setenv("CLUSTR_BASE_URL", "http://estates.example")
    with pytest.raises(ValueError, match=r"CLUSTR_BASE_URL must be https; EMAIL_URL must be set"):
        Environment()


def test_elsewhere_secrets_are_made_once_and_kept_private(production: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in SAFE:
        production.delenv(name)
    first, second = Environment(), Environment()
    assert first.embedded
    assert len(first.secret_key) >= 50
    assert first.secret_key == second.secret_key
    assert first.peppers == second.peppers
    kept = tmp_path / "data" / "secrets.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_role_passwords_are_derived_and_differ(production: pytest.MonkeyPatch) -> None:
    env = Environment()
    assert env.role_password("clustr_app") == env.role_password("clustr_app")
    assert env.role_password("clustr_app") != env.role_password("clustr_sweep")
    production.setenv("CLUSTR_SECRET_KEY", "t" * 50)
    assert Environment().role_password("clustr_app") != env.role_password("clustr_app")


def test_an_unsafe_setting_is_a_value_error() -> None:
    assert issubclass(UnsafeSettings, ValueError)


def test_tests_run_in_the_test_environment() -> None:
    assert os.environ["CLUSTR_ENV"] == "test"


def test_a_refusal_to_start_tells_no_secret(production: pytest.MonkeyPatch) -> None:
    production.setenv("CLUSTR_BASE_URL", "http://estates.example")
    with pytest.raises(ValueError, match="CLUSTR_BASE_URL") as raised:
        Environment()
    assert "secret" not in str(raised.value)
    assert "s" * 50 not in str(raised.value)
