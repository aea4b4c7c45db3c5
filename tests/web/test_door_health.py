"""Alive, ready, measured."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.db import connections
from django.test import Client

from clustr.web import health
from tests.cast import Cast, anonymous
from tests.web.test_door_errors import is_problem


def beat(seconds_ago: int) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_workers")
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => %s))",
            [seconds_ago],
        )


def test_alive() -> None:
    alive = anonymous().get("/healthz")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})


def test_ready() -> None:
    beat(1)
    ready = anonymous().get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")


def test_without_a_worker_it_is_not_ready() -> None:
    beat(120)
    (error,) = is_problem(anonymous().get("/readyz"), 503, "not_ready")["errors"]
    assert error["field"] == "worker"


def test_without_a_migration_it_is_not_ready(monkeypatch: Any) -> None:
    beat(1)
    monkeypatch.setattr(health, "_migrated", False)
    with connections["owner"].cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'audit' RETURNING app, name, applied")
        rows = cursor.fetchall()
    try:
        (error, *_) = is_problem(anonymous().get("/readyz"), 503, "not_ready")["errors"]
    finally:
        with connections["owner"].cursor() as cursor:
            cursor.executemany("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", rows)
    assert error["field"] == "migrations"


def test_without_a_database_it_is_alive_and_not_ready(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    default = connections["default"]
    default.close()
    default.close_pool()
    known = dict(default.settings_dict)
    default.settings_dict["PORT"] = "1"
    default.settings_dict["OPTIONS"] = {key: value for key, value in known["OPTIONS"].items() if key != "pool"}
    try:
        assert anonymous().get("/healthz").status_code == 200
        (error,) = is_problem(anonymous().get("/readyz"), 503, "not_ready")["errors"]
        assert error["field"] == "database"
        refused = bola.get("/management/payments/audit/")
        is_problem(refused, 503, "database_unavailable")
        assert refused["Retry-After"] == "2"
    finally:
        default.close()
        default.settings_dict.update(known)


def test_requests_are_counted_by_pattern(trying: str, cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    bola.get(f"{trying}notes/0190a0a0-0000-7000-8000-000000000000/")
    bola.get("/members/nothing/bola-4711/")
    text = anonymous().get("/metrics").content.decode()
    assert 'clustr_requests_total{method="GET",route="/members/trying/notes/<note_id>/",status="200"}' in text
    assert 'route="unmatched"' in text
    assert "clustr_request_seconds_bucket" in text
    assert "bola-4711" not in text


def test_figures_are_behind_a_token_where_one_is_set(settings: Any) -> None:
    settings.ENV = django_settings.ENV.model_copy(update={"CLUSTR_METRICS_TOKEN": "figures"})
    client = Client()
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer other"}).status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer figures"}).status_code == 200


def test_in_production_without_a_token_there_are_none(settings: Any) -> None:
    settings.ENV = django_settings.ENV.model_copy(update={"CLUSTR_ENV": "production"})
    assert Client().get("/metrics").status_code == 404
