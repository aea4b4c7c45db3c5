"""A worker that is told to stop, that is killed, and that has more mail to send than it can."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from clustr.kit import tasks
from clustr.kit.jobs import enqueue
from tests.kit.running_worker import RunningWorker, register_jobs, until

pytestmark = pytest.mark.early
register_jobs()
Start = Callable[..., RunningWorker]


@pytest.fixture(autouse=True)
def no_other_jobs() -> None:
    ask("DELETE FROM procrastinate_events")
    ask("DELETE FROM procrastinate_periodic_defers")
    ask("DELETE FROM procrastinate_jobs")
    ask("DELETE FROM procrastinate_workers")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[RunningWorker] = []

    def start_worker(*options: str) -> RunningWorker:
        started.append(RunningWorker(str(connections["default"].settings_dict["NAME"]), tmp_path, *options))
        return started[-1]

    yield start_worker
    for worker in started:
        if worker.process.poll() is None:
            worker.process.kill()
            worker.process.wait()


def ask(query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall()) if cursor.description else []


def jobs(status: str, name: str) -> int:
    (row,) = ask("SELECT count(*) FROM procrastinate_jobs WHERE status::text = %s AND task_name = %s", status, name)
    return int(row[0])


def times(folder: Path, what: str) -> int:
    return len((folder / what).read_text()) if (folder / what).exists() else 0


def said(worker: RunningWorker, event: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in worker.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


def test_it_works(start: Start, tmp_path: Path) -> None:
    worker = start()
    enqueue("tests.pay", folder=tmp_path)
    until(lambda: times(tmp_path, "paid") and not jobs("doing", "tests.pay"))
    assert worker.end() == 0
    (line,) = said(worker, "job")
    assert (line["job"], line["ended"], line["queue"], line["level"]) == ("tests.pay", "done", "money", "info")
    assert line["job_id"] > 0
    assert [row["event"] for row in said(worker, "worker_started") + said(worker, "worker_stopped")] == [
        "worker_started",
        "worker_stopped",
    ]


def test_told_to_stop_it_ends_what_it_is_doing(start: Start, tmp_path: Path) -> None:
    """What it was just taking when it was told is done too; whatever else waits is left to others."""
    worker = start()
    enqueue("tests.hold", folder=tmp_path)
    until(lambda: times(tmp_path, "begun"))
    worker.process.terminate()
    until(lambda: said(worker, "worker_stopping"))
    enqueue("tests.pay", folder=tmp_path)
    for _ in range(3):
        enqueue("tests.mail", folder=tmp_path)
    assert worker.process.poll() is None
    (tmp_path / "go").touch()
    assert worker.process.wait(60) == 0
    assert (times(tmp_path, "begun"), times(tmp_path, "ended")) == (1, 1)
    assert times(tmp_path, "paid") + jobs("todo", "tests.pay") == 1
    assert jobs("todo", "tests.mail") >= 2
    assert ask("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'tests.hold'") == [(0,)]
    assert ask("SELECT count(*) FROM procrastinate_workers") == [(0,)]


def test_what_a_killed_worker_was_doing_is_done_again(start: Start, tmp_path: Path) -> None:
    killed = start()
    enqueue("tests.hold", folder=tmp_path)
    until(lambda: times(tmp_path, "begun"))
    killed.process.kill()
    killed.process.wait()
    assert jobs("doing", "tests.hold") == 1
    ask("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '2 minutes'")
    (tmp_path / "go").touch()
    worker = start()
    enqueue("kit.retry_stalled_jobs", timestamp=0)
    until(lambda: times(tmp_path, "ended"))
    assert worker.end() == 0
    assert (times(tmp_path, "begun"), times(tmp_path, "ended")) == (2, 1)
    assert ask("SELECT count(*) FROM procrastinate_jobs") == [(0,)]


def test_a_living_worker_keeps_its_jobs(start: Start, tmp_path: Path) -> None:
    worker = start()
    enqueue("tests.hold", folder=tmp_path)
    until(lambda: times(tmp_path, "begun"))
    enqueue("kit.retry_stalled_jobs", timestamp=0)
    until(lambda: not jobs("todo", "kit.retry_stalled_jobs") and not jobs("doing", "kit.retry_stalled_jobs"))
    assert jobs("doing", "tests.hold") == 1
    (tmp_path / "go").touch()
    assert worker.end() == 0
    assert times(tmp_path, "begun") == 1


def _ten_thousand_mails(folder: Path) -> None:
    enqueue("tests.mail", folder=folder)
    ask(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, priority, args)"
        " SELECT queue_name, task_name, priority, args FROM procrastinate_jobs, generate_series(1, 9999)"
    )


def test_ten_thousand_mails_do_not_delay_money(start: Start, tmp_path: Path) -> None:
    """Every place for mail is taken by a server that does not answer, and more mail than it can take waits."""
    _ten_thousand_mails(tmp_path)
    worker = start("--concurrency", "3")
    until(lambda: times(tmp_path, "mailing") == 3)
    enqueue("tests.pay", folder=tmp_path)
    until(lambda: times(tmp_path, "paid"))
    assert jobs("todo", "tests.mail") >= 10_000 - 100
    worker.process.kill()


def test_the_next_job_is_found_by_index(tmp_path: Path) -> None:
    """By a session that planned it when the queue was empty, and PostgreSQL knew it as empty."""
    fetch = "SELECT id FROM procrastinate_fetch_job_v2(ARRAY['money', 'messages', 'upkeep']::varchar[], NULL)"
    ask("VACUUM (FULL, ANALYZE) procrastinate_jobs")
    for _ in range(8):  # from the sixth time on its plan is kept
        assert ask(fetch) == [(None,)]
    _ten_thousand_mails(tmp_path)
    read = "SELECT seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'procrastinate_jobs'"
    ask("BEGIN")
    ((scans, rows),) = ask(read)
    assert ask(fetch) != [(None,)]
    ((scans_then, rows_then),) = ask(read)
    ask("COMMIT")
    assert (scans_then - scans, rows_then - rows < 10) == (0, True)


def test_a_job_that_fails_while_another_with_its_key_waits_is_that_others(start: Start, tmp_path: Path) -> None:
    enqueue("tests.fail_once", once_key="tests.fail_once", folder=tmp_path)
    worker = start("--concurrency", "1", "--money", "0")
    until(lambda: times(tmp_path, "tried") == 2 and ask("SELECT count(*) FROM procrastinate_jobs") == [(0,)])
    assert worker.end() == 0
    lines = [(line["ended"], line["level"]) for line in said(worker, "job")]
    assert lines == [("again", "warning"), ("done", "info")]


def test_a_stalled_job_does_not_keep_others_from_being_queued_again(start: Start, tmp_path: Path) -> None:
    """Of two jobs of a dead worker one cannot wait again, because another with its key waits already."""
    enqueue("tests.pay", once_key="tests.pay", folder=tmp_path)
    enqueue("tests.hold", folder=tmp_path)
    ask("UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL")
    enqueue("tests.pay", once_key="tests.pay", folder=tmp_path)
    (tmp_path / "go").touch()
    tasks.retry_stalled_jobs(0)
    assert (jobs("todo", "tests.pay"), jobs("todo", "tests.hold"), jobs("doing", "tests.pay")) == (1, 1, 0)
    worker = start()
    until(lambda: times(tmp_path, "ended") and times(tmp_path, "paid"))
    until(lambda: ask("SELECT count(*) FROM procrastinate_jobs") == [(0,)])
    assert worker.end() == 0
    assert (times(tmp_path, "ended"), times(tmp_path, "paid")) == (1, 1)
