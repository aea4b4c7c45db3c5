"""Settings that are not safe for production refuse to start."""

from __future__ import annotations

import os
import re
import stat
import string
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from clustr.environment import ROOT, Environment, UnsafeSettings

SAFE = {
    "CLUSTR_ENV": "production",
    "CLUSTR_SECRET_KEY": "secret-" + string.ascii_letters,
    "CLUSTR_PIN_PEPPERS": "2026a:" + bytes(range(32)).hex(),
    "CLUSTR_ENCRYPTION_KEYS": "2026a:" + bytes(range(32, 64)).hex(),
    "DATABASE_URL": "postgresql://owner:secret@db.example/clustr?sslmode=verify-full",
    "CLUSTR_ALLOWED_HOSTS": "estates.example",
    "CLUSTR_BASE_URL": "https://estates.example",
    "EMAIL_URL": "smtp://user:secret@mail.example:587",
    "CLUSTR_TRUSTED_PROXIES": "10.0.0.1",
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
        ("CLUSTR_SECRET_KEY", string.ascii_letters[:49], "at least 50 characters"),
        ("CLUSTR_SECRET_KEY", "", "CLUSTR_SECRET_KEY"),
        ("CLUSTR_PIN_PEPPERS", "", "CLUSTR_PIN_PEPPERS"),
        ("CLUSTR_ENCRYPTION_KEYS", "", "CLUSTR_ENCRYPTION_KEYS"),
        ("DATABASE_URL", "", "DATABASE_URL"),
        ("CLUSTR_ALLOWED_HOSTS", "*", "CLUSTR_ALLOWED_HOSTS"),
        ("CLUSTR_BASE_URL", "http://estates.example", "CLUSTR_BASE_URL"),
        ("EMAIL_URL", "", "EMAIL_URL"),
        ("CLUSTR_SECRET_KEY", "s" * 60, "CLUSTR_SECRET_KEY must be made at random"),
        ("CLUSTR_SECRET_KEY", "0123456789" * 6, "CLUSTR_SECRET_KEY must be made at random"),
        ("CLUSTR_PIN_PEPPERS", "a:" + "00" * 32, "CLUSTR_PIN_PEPPERS must be made at random"),
        ("CLUSTR_PIN_PEPPERS", "a:" + bytes(range(32)).hex() + ",b:" + "ab" * 32, "CLUSTR_PIN_PEPPERS must be made"),
        ("CLUSTR_ENCRYPTION_KEYS", "a:" + "0123456789abcdef" * 4, "CLUSTR_ENCRYPTION_KEYS must be made at random"),
        ("CLUSTR_BASE_URL", "https://", "CLUSTR_BASE_URL must be a URL with a host"),
        ("CLUSTR_TRUSTED_PROXIES", "", "CLUSTR_TRUSTED_PROXIES must name"),
        ("SMS_SENDER", "console", "SMS_SENDER and WHATSAPP_SENDER"),
        ("WHATSAPP_SENDER", "console", "SMS_SENDER and WHATSAPP_SENDER"),
        ("CLUSTR_TRUSTED_PROXIES", "0.0.0.0/0", "CLUSTR_TRUSTED_PROXIES must not be everybody"),
        ("CLUSTR_TRUSTED_PROXIES", "10.0.0.1, ::/0", "CLUSTR_TRUSTED_PROXIES must not be everybody"),
        ("DATABASE_URL", "postgresql://o:s@db.example/clustr", "DATABASE_URL names another machine"),
        ("DATABASE_URL", "postgresql://o:s@db.example/clustr?sslmode=prefer", "DATABASE_URL names another machine"),
        ("DATABASE_URL", "postgresql:///clustr?host=db.example", "DATABASE_URL names another machine"),
        ("DATABASE_URL", "postgresql://o@localhost/clustr?hostaddr=10.0.0.9", "DATABASE_URL names another machine"),
        ("DATABASE_APP_URL", "postgresql://a:s@10.0.0.9/clustr", "DATABASE_APP_URL names another machine"),
        ("DATABASE_SWEEP_URL", "postgresql://a:s@10.0.0.9/clustr", "DATABASE_SWEEP_URL names another machine"),
        ("DATABASE_CHECKER_URL", "postgresql://a:s@10.0.0.9/clustr", "DATABASE_CHECKER_URL names another machine"),
        ("CLUSTR_PIN_PEPPERS", "a:abcd", "64 hexadecimal digits"),
        ("CLUSTR_ENCRYPTION_KEYS", "a:abcd", "64 hexadecimal digits"),
    ],
)
def test_production_refuses(production: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    production.setenv(name, value)
    with pytest.raises(ValueError, match=says):
        Environment()


MEANINGLESS = [
    ("EMAIL_URL", "http://mail.example", "EMAIL_URL"),
    ("EMAIL_URL", "smtp://", "EMAIL_URL"),
    ("EMAIL_URL", "mail.example:587", "EMAIL_URL"),
    ("CLUSTR_TRUSTED_PROXIES", "proxy.example", "CLUSTR_TRUSTED_PROXIES"),
    ("CLUSTR_TRUSTED_PROXIES", "10.0.0.0/33", "CLUSTR_TRUSTED_PROXIES"),
    ("CLUSTR_BASE_URL", "https:///estates", "CLUSTR_BASE_URL"),
    ("CLUSTR_BASE_URL", "https://estates.example:port", "CLUSTR_BASE_URL"),
    ("DATABASE_URL", "postgresql:///clustr", "DATABASE_URL must name"),
    ("DATABASE_URL", "postgresql://o:s@db.example/", "DATABASE_URL must name"),
    ("DATABASE_URL", "mysql://o:s@db.example/clustr", "DATABASE_URL must be"),
    ("DATABASE_APP_URL", "postgresql://o:s@db.example", "DATABASE_APP_URL must name"),
]


@pytest.mark.parametrize("environment", ["demo", "test", "production"])
@pytest.mark.parametrize(("name", "value", "says"), MEANINGLESS)
def test_what_means_nothing_is_refused_everywhere(
    production: pytest.MonkeyPatch, environment: str, name: str, value: str, says: str
) -> None:
    production.setenv("CLUSTR_ENV", environment)
    production.setenv(name, value)
    with pytest.raises(ValueError, match=says):
        Environment()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMAIL_URL", "smtps://user:secret@mail.example"),
        ("CLUSTR_TRUSTED_PROXIES", "10.0.0.1, 10.1.0.0/16, fd00::/8,"),
        ("DATABASE_URL", "postgresql://o:s@localhost/clustr"),
        ("DATABASE_URL", "postgresql://o:s@127.0.0.1:5432/clustr"),
        ("DATABASE_URL", "postgresql://o:s@[::1]/clustr"),
        ("DATABASE_URL", "postgresql:///clustr?host=/run/postgresql"),
        ("DATABASE_URL", "postgresql://o@%2Frun%2Fpostgresql/clustr"),
        ("DATABASE_APP_URL", "postgresql://a:s@db.example/clustr?sslmode=require"),
    ],
)
def test_production_accepts(production: pytest.MonkeyPatch, name: str, value: str) -> None:
    production.setenv(name, value)
    assert Environment().production


def test_demonstration_accounts_on_a_server_only_on_purpose(production: pytest.MonkeyPatch) -> None:
    assert not Environment().may_make_demonstration
    production.setenv("CLUSTR_ENV", "demo")
    assert Environment().may_make_demonstration
    production.delenv("CLUSTR_ENV")
    assert not Environment().may_make_demonstration
    production.delenv("DATABASE_URL")
    assert Environment().may_make_demonstration


def test_the_command_makes_none_there_either(production: pytest.MonkeyPatch, settings: Any) -> None:
    production.delenv("CLUSTR_ENV")
    settings.ENV = Environment()
    with pytest.raises(CommandError, match="set CLUSTR_ENV=demo"):
        call_command("create_demo")


def test_the_secret_of_the_example_is_no_secret_in_production(production: pytest.MonkeyPatch) -> None:
    compose = (ROOT / "compose.yaml").read_text()
    assert "CLUSTR_ENV: demo" in compose
    (secret,) = re.findall(r"CLUSTR_SECRET_KEY: (\S+)", compose)
    production.setenv("CLUSTR_SECRET_KEY", secret)
    with pytest.raises(ValueError, match="at least 50 characters"):
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
    production.setenv("CLUSTR_SECRET_KEY", "another" + string.ascii_letters)
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
    assert string.ascii_letters not in str(raised.value)


PAYSTACK = {"PAYSTACK_SECRET_KEY": "sk_live_0123456789abcdef", "PAYSTACK_PUBLIC_KEY": "pk_live_0123456789abcdef"}
FLUTTERWAVE = {
    "FLUTTERWAVE_SECRET_KEY": "FLWSECK-0123456789abcdef-18b-X",
    "FLUTTERWAVE_PUBLIC_KEY": "FLWPUBK-0123456789abcdef-X",
    "FLUTTERWAVE_WEBHOOK_SECRET": "wh-secret-0123456789",
}


def test_providers_with_live_keys(production: pytest.MonkeyPatch) -> None:
    for name, value in (PAYSTACK | FLUTTERWAVE).items():
        production.setenv(name, value)
    env = Environment()
    assert env.PAYSTACK_URL == "https://api.paystack.co"
    assert env.FLUTTERWAVE_URL == "https://api.flutterwave.com/v3"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("FLUTTERWAVE_WEBHOOK_SECRET", "", "without FLUTTERWAVE_WEBHOOK_SECRET"),
        ("FLUTTERWAVE_WEBHOOK_SECRET", "short", "at least 16 characters"),
        ("FLUTTERWAVE_WEBHOOK_SECRET", "with a space 0123456789", "without spaces"),
        ("FLUTTERWAVE_WEBHOOK_SECRET", FLUTTERWAVE["FLUTTERWAVE_SECRET_KEY"], "must not be the secret key"),
        ("FLUTTERWAVE_PREVIOUS_WEBHOOK_SECRET", "short", "at least 16 characters"),
        ("FLUTTERWAVE_SECRET_KEY", "FLWPUBK-0123456789abcdef-X", "FLUTTERWAVE_SECRET_KEY does not look like one"),
        ("FLUTTERWAVE_SECRET_KEY", "FLWSECK_TEST-0123456789abcdef-X", "all of test mode, or all live"),
        ("PAYSTACK_SECRET_KEY", "pk_live_0123456789abcdef", "PAYSTACK_SECRET_KEY does not look like one"),
        ("PAYSTACK_SECRET_KEY", "sk_live_0123456789abcdef\n", "PAYSTACK_SECRET_KEY does not look like one"),
        ("PAYSTACK_SECRET_KEY", "FLWSECK-0123456789abcdef-X", "PAYSTACK_SECRET_KEY does not look like one"),
        ("PAYSTACK_PREVIOUS_SECRET_KEY", "sk_test_0123456789abcdef", "all of test mode, or all live"),
        ("PAYSTACK_URL", "http://api.paystack.co", "PAYSTACK_URL must be at https://api.paystack.co"),
        ("PAYSTACK_URL", "https://api.paystack.co.evil.example", "PAYSTACK_URL must be at"),
        ("PAYSTACK_URL", "https://api.paystack.co@evil.example", "PAYSTACK_URL must be a URL"),
        ("FLUTTERWAVE_URL", "nowhere", "FLUTTERWAVE_URL must be a URL"),
        ("PROVIDER_TIMEOUT_SECONDS", "1", "PROVIDER_TIMEOUT_SECONDS"),
    ],
)
def test_unsafe_settings_of_providers_refuse_to_start(
    production: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    for other, held in (PAYSTACK | FLUTTERWAVE).items():
        production.setenv(other, held)
    production.setenv(name, value)
    with pytest.raises(ValueError, match=re.escape(says)) as raised:
        Environment()
    assert "0123456789" not in str(raised.value)


def test_test_keys_need_a_word_in_production(production: pytest.MonkeyPatch) -> None:
    production.setenv("PAYSTACK_SECRET_KEY", "sk_test_0123456789abcdef")
    with pytest.raises(ValueError, match="PAYSTACK test keys pay nothing"):
        Environment()
    production.setenv("PROVIDER_TEST_KEYS_IN_PRODUCTION", "true")
    assert Environment().PAYSTACK_SECRET_KEY


def test_live_keys_are_for_production_only(production: pytest.MonkeyPatch) -> None:
    """People of a demonstration have a known password: they must not move real money."""
    production.setenv("CLUSTR_ENV", "demo")
    production.setenv("PAYSTACK_SECRET_KEY", PAYSTACK["PAYSTACK_SECRET_KEY"])
    with pytest.raises(ValueError, match="live PAYSTACK keys move real money"):
        Environment()


def test_elsewhere_a_provider_may_be_a_stand_in(production: pytest.MonkeyPatch) -> None:
    production.setenv("CLUSTR_ENV", "demo")
    production.setenv("PAYSTACK_SECRET_KEY", "sk_test_sandbox")
    production.setenv("PAYSTACK_URL", "http://127.0.0.1:4010")
    assert Environment().PAYSTACK_URL == "http://127.0.0.1:4010"
