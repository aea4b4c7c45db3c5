"""A request with an Idempotency-Key is answered once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from time import sleep
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection

from clustr.audit import commands, queries
from clustr.audit.refusals import IdempotencyKeyReused, InvalidIdempotencyKey, RequestInProgress
from clustr.audit.tasks import forget_old_answers
from clustr.audit.types import Answer, Claim
from clustr.kit import clock
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from tests.races import CROWD, race

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ANSWER = Answer(201, '{"id": "1"}', ("ManageBill",))
SECRET = b"s" * 32


def a_claim(
    user_id: UUID, *, key: str = "k-1", body: bytes = b"{}", path: str = "POST /members/bills/pay_bill/"
) -> Claim:
    return Claim.of(user_id=user_id, path=path, key=key, body=body, secret=SECRET)


def answer_first(cluster_id: UUID, claim: Claim, *, at: datetime = NOW) -> None:
    with tenant(cluster_id):
        assert commands.claim_request(claim) is None
        commands.keep_answer(claim, ANSWER, at=at)


def test_it_works() -> None:
    cluster_id, claim = new_id(), a_claim(new_id())
    answer_first(cluster_id, claim)
    with tenant(cluster_id):
        assert commands.claim_request(claim) == ANSWER


def test_another_input_is_refused() -> None:
    cluster_id, user_id = new_id(), new_id()
    answer_first(cluster_id, a_claim(user_id))
    with pytest.raises(IdempotencyKeyReused), tenant(cluster_id):
        commands.claim_request(a_claim(user_id, body=b'{"amount": "1.00"}'))


def test_a_running_first_is_told_at_once() -> None:
    cluster_id, claim = new_id(), a_claim(new_id())
    claimed, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with tenant(cluster_id):
            commands.claim_request(claim)
            claimed.set()
            go_on.wait(10)
            commands.keep_answer(claim, ANSWER, at=NOW)
        connection.close()

    running = threading.Thread(target=first)
    running.start()
    assert claimed.wait(10)
    with pytest.raises(RequestInProgress), tenant(cluster_id):
        commands.claim_request(claim)
    go_on.set()
    running.join()
    with tenant(cluster_id):
        assert commands.claim_request(claim) == ANSWER


def test_a_refusal_leaves_no_key() -> None:
    cluster_id, claim = new_id(), a_claim(new_id())
    with pytest.raises(ZeroDivisionError), tenant(cluster_id):
        commands.claim_request(claim)
        _ = 1 / 0
    with tenant(cluster_id):
        assert commands.claim_request(claim) is None


def test_user_path_key_and_cluster_are_the_scope() -> None:
    cluster_id, user_id = new_id(), new_id()
    answer_first(cluster_id, a_claim(user_id))
    for other in (a_claim(new_id()), a_claim(user_id, path="POST /other/"), a_claim(user_id, key="k-2")):
        with tenant(cluster_id):
            assert commands.claim_request(other) is None
    with tenant(new_id()):
        assert commands.claim_request(a_claim(user_id)) is None


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "ключ", "a\x7f"])
def test_a_key_is_printable_and_not_too_long(key: str) -> None:
    with pytest.raises(InvalidIdempotencyKey):
        a_claim(new_id(), key=key)


def test_the_longest_key_is_good() -> None:
    assert a_claim(new_id(), key="~ " * 127 + "x")


def test_the_digest_needs_the_secret() -> None:
    mine = Claim.of(user_id=UUID(int=1), path="p", key="k", body=b"1234", secret=b"a" * 32)
    other = Claim.of(user_id=UUID(int=1), path="p", key="k", body=b"1234", secret=b"b" * 32)
    assert mine.scope == other.scope
    assert mine.body != other.body


def test_twenty_at_once_execute_one() -> None:
    cluster_id, claim = new_id(), a_claim(new_id())

    def ask() -> str:
        with tenant(cluster_id):
            if commands.claim_request(claim) is not None:
                return "replayed"
            sleep(0.1)  # the work, during which the others come
            commands.keep_answer(claim, ANSWER, at=NOW)
        return "executed"

    ended = race(ask).only(RequestInProgress)
    assert ended.results.count("executed") == 1
    assert len(ended.results) + ended.refused["RequestInProgress"] == CROWD


def test_old_answers_are_forgotten() -> None:
    cluster_id, user_id, now = new_id(), new_id(), clock.now()
    days = timedelta(days=settings.ENV.IDEMPOTENCY_DAYS)
    old, fresh = a_claim(user_id, key="old"), a_claim(user_id, key="fresh")
    answer_first(cluster_id, old, at=now - days - timedelta(minutes=1))
    answer_first(cluster_id, fresh, at=now - days + timedelta(minutes=1))
    assert cluster_id in set(queries.clusters_with_answers_before(before=now - days))
    forget_old_answers(timestamp=0)
    with tenant(cluster_id):
        assert commands.claim_request(old) is None
        assert commands.claim_request(fresh) == ANSWER
