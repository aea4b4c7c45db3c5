"""Logs say what happened, and nothing that was told in confidence."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.conf import settings as django_settings

from clustr.web import logs
from tests.cast import Cast, anonymous

CANARIES = {"pin": "483920", "token": "canary-token", "mail": "bola.canary@example.test", "title": "canary-title"}


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What production would have written."""
    logs.configure(production=True, level="DEBUG")
    root = logging.getLogger()
    handler = next(h for h in root.handlers if isinstance(h, logging.StreamHandler) and h.formatter is not None)
    out = io.StringIO()
    before = handler.setStream(out)  # type: ignore[attr-defined]
    yield out
    handler.setStream(before)  # type: ignore[attr-defined]
    logs.configure(production=False, level=django_settings.ENV.CLUSTR_LOG_LEVEL)


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_each_request_is_one_line(trying: str, cast: Cast, written: io.StringIO) -> None:
    cast.client_of(cast.ada).get(f"{trying}list/", {"action": "notes.canary"}, X_Request_ID="request-4711")
    (line,) = [line for line in lines(written) if line["event"] == "request"]
    assert (line["method"], line["route"], line["status"]) == ("GET", "/members/trying/list/", 200)
    assert (line["request_id"], line["user_id"]) == ("request-4711", str(cast.ada.user_id))
    assert line["cluster_id"] == str(cast.cluster_id)
    assert line["ms"] > 0
    assert "canary" not in written.getvalue()


def test_watchmen_are_written_of_only_when_debugging(written: io.StringIO) -> None:
    anonymous().get("/healthz")
    anonymous().get("/members/nothing/")
    assert [(line["level"], line["route"]) for line in lines(written)] == [("debug", "/healthz"), ("info", "unmatched")]


def test_nothing_told_in_confidence(trying: str, cast: Cast, written: io.StringIO) -> None:
    bola = cast.client_of(cast.bola)
    body = {"title": CANARIES["title"], "pin": CANARIES["pin"]}
    bola.post(f"{trying}notes/", body, key=CANARIES["token"])
    bola.post(f"{trying}notes/", body | {"at": CANARIES["mail"]})
    bola.get(f"{trying}list/", {"action": CANARIES["title"]}, Authorization=f"Bearer {CANARIES['token']}")
    bola.get(f"/members/{CANARIES['title']}/")
    cast.client_of(cast.ada).get(f"{trying}break/", {"how": "bug"})
    text = written.getvalue()
    assert len(lines(written)) >= 5
    assert not [canary for canary in (*CANARIES.values(), "canary-4711") if canary in text]
    assert bola.headers["Authorization"].removeprefix("Bearer ") not in text


def test_a_bug_says_where_it_was(trying: str, cast: Cast, written: io.StringIO) -> None:
    cast.client_of(cast.ada).get(f"{trying}break/", {"how": "bug"}, X_Request_ID="request-4712")
    (line,) = [line for line in lines(written) if line["event"] == "unhandled_exception"]
    assert line["request_id"] == "request-4712"
    assert line["raised"][0]["kind"] == "builtins.KeyError"
    assert "door_urls.py" in line["raised"][0]["at"][-1]


def test_a_database_error_keeps_its_codes_only(trying: str, cast: Cast, written: io.StringIO) -> None:
    cast.client_of(cast.ada).get(f"{trying}break/", {"how": "write"})
    (line,) = [line for line in lines(written) if line["event"] == "unhandled_exception"]
    assert any(cause.get("sqlstate") == "25006" for cause in line["raised"])
    assert "audit_record" not in written.getvalue()


def test_what_looks_like_a_secret_is_cut_out(written: io.StringIO) -> None:
    log = structlog.get_logger("test")
    log.info("sent", pin="483920", password="x1", nested={"access_token": "x2"}, to="bola.canary@example.test")
    log.info("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl and Bearer abcdefghijkl")
    logging.getLogger("elsewhere").warning("mail to %s", "bola.canary@example.test")
    text = written.getvalue()
    assert text.count(logs.REMOVED) >= 7
    for secret in ("483920", "x1", "x2", "canary", "eyJ", "abcdefghijkl"):
        assert secret not in text


def test_of_numbers_the_last_four_stay(written: io.StringIO) -> None:
    log = structlog.get_logger("test")
    log.info(
        "sent to 0123456789 or 0803 123 4567", account_number="0690000031", meter=45701234567, at="2026-11-28 10:15"
    )
    log.info("card 5399 8300 0000 0008, 4000056655665556", nested=[{"account_no": "12345"}])
    log.info("ids stay", id="0190a0a0-0000-7000-8000-000123456789", amount_minor=123456789012, reference="01KB7W8Z3M5Y")
    first, second, third = lines(written)
    assert first["event"] == "sent to …6789 or …4567"
    assert (first["account_number"], first["meter"], first["at"]) == ("…0031", "…4567", "2026-11-28 10:15")
    assert second["event"] == "card …0008, …5556"
    assert second["nested"] == [{"account_no": logs.REMOVED}]
    assert third["id"].endswith("-000123456789")
    assert (third["amount_minor"], third["reference"]) == (123456789012, "01KB7W8Z3M5Y")


@pytest.mark.parametrize(
    "secret",
    [
        "sk_live_0123456789abcdef",
        "FLWSECK_TEST-0123456789ab-X",
        "whsec_abcdefgh12345678",
        "postgresql://clustr:hunter22@db.internal/clustr",
        "Basic dXNlcjpwYXNz",
    ],
)
def test_keys_and_logins_are_cut_out(secret: str, written: io.StringIO) -> None:
    structlog.get_logger("test").warning(f"it said {secret} and more", detail=[secret])
    assert secret not in written.getvalue()
    assert "hunter22" not in written.getvalue()
    assert "and more" in written.getvalue()
