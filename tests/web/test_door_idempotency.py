"""`once()`: one effect and one answer for each Idempotency-Key."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from django.db import connection

from clustr.kit.tenancy import tenant
from tests.cast import Cast, Person
from tests.web import door_urls

NOTE = {"title": "Bins", "amount": "5000.00"}


def notes_of(person: Person) -> int:
    with tenant(person.cluster_id), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_event WHERE actor_id = %s", [person.user_id])
        return int(cursor.fetchone()[0])


def test_it_works(trying: str, cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    first = bola.post(f"{trying}notes/", NOTE, key="k")
    again = bola.post(f"{trying}notes/", NOTE, key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert notes_of(cast.bola) == 1


def test_without_a_key_each_request_counts(trying: str, cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    ids = {bola.post(f"{trying}notes/", NOTE).json()["id"] for _ in range(2)}
    assert len(ids) == notes_of(cast.bola) == 2


def test_order_and_spaces_do_not_make_another_request(trying: str, cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    first = bola.post(f"{trying}notes/", NOTE, key="k")
    again = bola.post(f"{trying}notes/", '{ "urgent": false, "amount":"5000.00",\n "title" : "Bins" }', key="k")
    assert (again.status_code, again.content) == (201, first.content)


@pytest.mark.parametrize("changed", [{"amount": "5000.01"}, {"title": "Bin"}])
def test_another_body_is_refused(trying: str, cast: Cast, changed: dict[str, str]) -> None:
    bola = cast.client_of(cast.bola)
    bola.post(f"{trying}notes/", NOTE, key="k")
    refused = bola.post(f"{trying}notes/", NOTE | changed, key="k")
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert notes_of(cast.bola) == 1


def test_a_pin_is_no_part_of_it(trying: str, cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    first = bola.post(f"{trying}notes/", NOTE | {"pin": "483920"}, key="k")
    again = bola.post(f"{trying}notes/", NOTE | {"pin": "111111"}, key="k")
    assert (again.status_code, again.content) == (201, first.content)
    assert bola.post(f"{trying}notes/", NOTE, key="k,k").json()["code"] == "invalid_idempotency_key"


def test_the_key_of_another_user_or_address_is_another_key(trying: str, cast: Cast) -> None:
    for client in (cast.client_of(cast.bola), cast.client_of(cast.residents[1]), cast.client_of(cast.chidi)):
        assert "Idempotent-Replayed" not in client.post(f"{trying}notes/", NOTE, key="k")
    elsewhere = cast.client_of(cast.bola).post(f"{trying}bodiless/", key="k")
    assert (elsewhere.status_code, "Idempotent-Replayed" in elsewhere) == (201, False)


def test_a_request_without_a_body_is_answered_once_too(trying: str, cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    assert bola.post(f"{trying}bodiless/", key="k").content == bola.post(f"{trying}bodiless/", key="k").content
    assert notes_of(cast.bola) == 1


def test_a_refusal_leaves_no_key_and_no_trace(trying: str, cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    for _ in range(2):
        refused = bola.post(f"{trying}notes/refused/", {"title": "conflict"}, key="k")
        assert (refused.status_code, "Idempotent-Replayed" in refused) == (409, False)
    assert notes_of(cast.bola) == 0
    assert bola.post(f"{trying}notes/refused/", {"title": "declined"}, key="k").status_code == 402


@pytest.mark.parametrize("key", ["x" * 256, "a\tb", "\x7f", "é"])
def test_a_key_is_printable_and_not_too_long(trying: str, cast: Cast, key: str) -> None:
    refused = cast.client_of(cast.bola).post(f"{trying}notes/", NOTE, key=key)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_idempotency_key")
    assert notes_of(cast.bola) == 0


def test_an_empty_key_is_refused(trying: str, cast: Cast) -> None:
    refused = cast.client_of(cast.bola).post(f"{trying}notes/", NOTE, Idempotency_Key="")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_idempotency_key")


def test_while_the_first_is_running_the_second_is_told_at_once(trying: str, cast: Cast) -> None:
    door_urls.STARTED.clear()
    door_urls.GO_ON.clear()
    answers: list[Any] = []

    def first() -> None:
        answers.append(cast.client_of(cast.bola).post(f"{trying}notes/slow/", NOTE, key="k"))
        connection.close()

    running = threading.Thread(target=first)
    running.start()
    assert door_urls.STARTED.wait(10)
    second = cast.client_of(cast.bola).post(f"{trying}notes/slow/", NOTE, key="k")
    door_urls.GO_ON.set()
    running.join()
    assert (second.status_code, second.json()["code"]) == (409, "request_in_progress")
    assert int(second["Retry-After"]) >= 1
    third = cast.client_of(cast.bola).post(f"{trying}notes/slow/", NOTE, key="k")
    assert (third.content, third["Idempotent-Replayed"]) == (answers[0].content, "true")
    assert notes_of(cast.bola) == 1


def test_twelve_at_once_have_one_effect(trying: str, cast: Cast) -> None:
    clients = [cast.client_of(cast.bola) for _ in range(12)]
    barrier, answers = threading.Barrier(12), []

    def ask(client: Any) -> None:
        barrier.wait(10)
        answers.append(client.post(f"{trying}notes/", NOTE, key="k"))
        connection.close()

    threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert notes_of(cast.bola) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1


def test_what_comes_before_stays_when_the_work_is_refused(trying: str, cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    address = f"{trying}notes/after_attempt/"
    assert bola.post(address, {"title": "x", "urgent": True}, key="k").status_code == 409
    assert bola.post(address, {"title": "x"}, key="k").status_code == 201
    again = bola.post(address, {"title": "x"}, key="k")
    assert again["Idempotent-Replayed"] == "true"
    assert door_urls.ATTEMPTS.count(cast.bola.user_id) == 2
    assert notes_of(cast.bola) == 1


def test_a_pin_is_nowhere_in_what_is_kept(trying: str, cast: Cast) -> None:
    pin = "483920"
    cast.client_of(cast.bola).post(f"{trying}notes/", NOTE | {"pin": pin}, key="k")
    with tenant(cast.bola.cluster_id), connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(k)::text FROM audit_idempotency_key k")
        kept = [row[0] for row in cursor.fetchall()]
    assert kept
    assert not [row for row in kept if pin in row]
    assert json.loads(kept[0])["user_id"] == str(cast.bola.user_id)
