"""What is read from the database for Prometheus: every measure answers, and one that cannot is missed, not the rest."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connections

from clustr.kit import clock, measures
from clustr.kit.jobs import QUEUES, enqueue
from clustr.kit.measures import MISSING, Measure, Reader, all_measures
from tests.cast import Cast, anonymous

Found = dict[str, dict[tuple[str, ...], float]]


def read() -> Found:
    return {
        metric.name: {tuple(sample.labels.values()): sample.value for sample in metric.samples}
        for metric in Reader().read()
    }


def owner(query: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(query)


@pytest.fixture
def no_jobs() -> Iterator[None]:
    for table in ("events", "periodic_defers", "jobs", "workers"):
        owner(f"DELETE FROM procrastinate_{table}")
    yield
    for table in ("events", "jobs", "workers"):
        owner(f"DELETE FROM procrastinate_{table}")


def test_it_works() -> None:
    found = read()
    for measure in all_measures():
        for name, says in measure.gauges:
            assert re.fullmatch(r"clustr_[a-z_]+", name)
            assert says.endswith(".")
            assert name in found, name
        assert found[MISSING][(measure.name,)] == 0
    names = [name for measure in all_measures() for name, _ in measure.gauges]
    assert len(names) == len(set(names))


def test_jobs_that_wait_run_and_failed(no_jobs: None) -> None:
    quiet = read()
    assert quiet["clustr_jobs_waiting"] == {(queue,): 0 for queue in QUEUES}
    assert quiet["clustr_jobs_oldest_waiting_seconds"] == {(queue,): 0 for queue in QUEUES}
    assert quiet["clustr_worker_heartbeat_age_seconds"][()] == float("inf")
    enqueue("people.send_mail", mail_id="1")
    enqueue("people.send_mail", mail_id="2")
    enqueue("people.send_mail", mail_id="3", at=clock.now() + timedelta(hours=1))
    enqueue("settlement.handle_notice", notice_id="1")
    enqueue("settlement.confirm", transaction_id="1", cluster_id="1")
    owner("UPDATE procrastinate_events SET at = now() - interval '10 minutes'")
    owner("UPDATE procrastinate_jobs SET status = 'doing' WHERE task_name LIKE 'settlement%'")
    owner("UPDATE procrastinate_jobs SET status = 'failed' WHERE task_name = 'settlement.confirm'")
    owner("UPDATE procrastinate_events SET at = now() - interval '5 minutes' WHERE type = 'started'")
    owner("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '5 seconds')")
    owner("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '90 seconds')")
    found = read()
    assert found["clustr_jobs_waiting"] == {("money",): 0, ("messages",): 2, ("upkeep",): 0}
    assert 590 < found["clustr_jobs_oldest_waiting_seconds"][("messages",)] < 700
    assert found["clustr_jobs_running"][("money",)] == 1
    assert 290 < found["clustr_jobs_longest_running_seconds"][("money",)] < 400
    assert found["clustr_jobs_given_up"] == {("money",): 1, ("messages",): 0, ("upkeep",): 0}
    assert found["clustr_worker_lanes"][()] == 1
    assert 4 < found["clustr_worker_heartbeat_age_seconds"][()] < 60


def test_one_that_cannot_be_read_is_missing_and_the_rest_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Measure("slow", (), (("clustr_slow", "Slow."),), "SELECT pg_sleep(60)::text::int")
    wrong = Measure("wrong", (), (("clustr_wrong", "Wrong."),), "SELECT nonsense")
    known = all_measures()
    monkeypatch.setattr(measures, "LONGEST_MS", 200)
    monkeypatch.setattr(measures, "all_measures", lambda: [slow, wrong, *known])
    began = time.monotonic()
    found = read()
    assert time.monotonic() - began < 50
    assert (found[MISSING][("slow",)], found[MISSING][("wrong",)]) == (1, 1)
    assert {value for (name,), value in found[MISSING].items() if name not in ("slow", "wrong")} == {0}
    assert "clustr_slow" not in found
    assert "clustr_jobs_waiting" in found


def test_it_is_not_asked_more_often_than_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(measures, "all_measures", lambda: asked.append(1) or [])
    reader = Reader()
    for _ in range(5):
        reader.read()
    assert len(asked) == 1
    reader.forget()
    reader.read()
    assert len(asked) == 2


def test_without_a_database_the_rest_is_answered(cast: Cast) -> None:
    checker = connections["checker"]
    checker.close()
    known = checker.settings_dict["PORT"]
    checker.settings_dict["PORT"] = "1"
    try:
        assert set(read()[MISSING].values()) == {1}
        from clustr.web.metrics import MEASURED

        MEASURED.forget()
        anonymous().get("/healthz")
        answer = anonymous().get("/metrics")
        assert answer.status_code == 200
        assert "clustr_requests_total" in answer.content.decode()
    finally:
        checker.close()
        checker.settings_dict["PORT"] = known
        MEASURED.forget()
