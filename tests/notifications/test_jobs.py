"""The jobs of this room, run by a real worker."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from django.core import mail
from django.db import connection
from procrastinate.contrib.django import app

from clustr.kit.jobs import MESSAGES, MONEY
from clustr.kit.tenancy import tenant
from clustr.notifications import commands, endpoint_queries, tasks
from clustr.notifications.models import Event
from clustr.notifications.types import Audience
from tests.cast import Cast
from tests.notifications.acts import events, everybody, fan_out, listed, messages, sent, tell
from tests.worker import forget_jobs, work


@pytest.fixture(autouse=True)
def _nothing_waits() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


def _waiting() -> list[tuple[str, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT task_name, args ->> 'cluster_id', lock FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id"
        )
        return list(cursor.fetchall())


def test_it_works(cast: Cast) -> None:
    tell(cast, everybody(cast))
    for _time in range(2):
        tasks.find_work.func(0)
    mine = [row for row in _waiting() if row[1] == str(cast.cluster_id)]
    assert [name for name, *_ in mine] == ["notifications.send_messages"], "one job, however often it is asked for"
    assert mine[0][2] in ("notifications:0", "notifications:1")
    before = len(mail.outbox)
    forget_jobs(but_of=cast.cluster_id)
    work(concurrency=2)
    told = [message.to[0] for message in mail.outbox[before:]]
    assert [told.count(person.email) for person in cast.residents] == [1, 1, 1]
    tasks.find_work.func(0)
    assert str(cast.cluster_id) not in [row[1] for row in _waiting()]


def test_mail_comes_after_money() -> None:
    jobs = {name: app.tasks[name] for name in ("notifications.send_messages", "notifications.call_endpoints")}
    assert {job.queue for job in jobs.values()} == {MESSAGES}
    money = [job.priority for job in app.tasks.values() if job.queue == MONEY]
    assert min(money) > max(job.priority for job in jobs.values())


def test_mail_never_takes_all_of_a_workers_places() -> None:
    assert tasks.AT_ONCE < 4, "the worker's jobs at the same time"


def test_old_notices_go_with_all_that_hangs_on_them(cast: Cast) -> None:
    tell(cast, Audience.one(cast.bola.user_id))
    sent(cast)
    (notice,) = listed(cast.bola)
    commands.mark_read(actor=cast.bola.actor, ids=[notice.id], now=cast.now)
    later = cast.now + timedelta(days=399)
    while commands.drop_old_notices(cluster_id=cast.cluster_id, now=later):
        pass
    assert messages(cast.cluster_id) == [], "90 days"
    assert len(events(cast.cluster_id)) == 1
    later += timedelta(days=2)
    assert commands.drop_old_notices(cluster_id=cast.cluster_id, now=later) == 1
    assert events(cast.cluster_id) == []


def test_the_log_of_calls_goes_after_as_long(cast: Cast) -> None:
    endpoint = commands.create_endpoint(
        actor=cast.ada.actor, url="https://estate.example/clustr", description="", events=[], now=cast.now
    )
    tell(cast, everybody(cast))
    fan_out(cast.cluster_id, cast.now)
    heard = httpx.MockTransport(lambda _: httpx.Response(200))
    commands.call_endpoints(cluster_id=cast.cluster_id, now=cast.now, transport=heard)
    for days, calls in ((89, 1), (91, 0)):
        while commands.drop_old_notices(cluster_id=cast.cluster_id, now=cast.now + timedelta(days=days)):
            pass
        assert len(endpoint_queries.calls_of(actor=cast.ada.actor, endpoint_id=endpoint.id)) == calls


def test_what_was_not_sent_yet_is_kept(cast: Cast) -> None:
    tell(cast, Audience.one(cast.bola.user_id))
    commands.drop_old_notices(cluster_id=cast.cluster_id, now=cast.now + timedelta(days=500))
    with tenant(cast.cluster_id):
        assert Event.objects.count() == 1
