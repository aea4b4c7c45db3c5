"""Handing mail over: once, in whatever way the sender fails; and what fails holds nobody else up."""

from __future__ import annotations

import smtplib
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core import mail
from django.db import connection, transaction

from clustr.clusters.commands import end_membership, enter_cluster, invite_member
from clustr.clusters.types import PaymentsPermissions, Role
from clustr.kit import clock
from clustr.kit.crashpoints import Crash, failing, watching
from clustr.kit.outbound import NetworkInTransaction
from clustr.kit.tenancy import tenant
from clustr.notifications import commands, work_queries
from clustr.notifications.commands import notify
from clustr.notifications.models import Delivery
from clustr.notifications.types import Audience, NotificationEvents
from clustr.people.commands import erase_person
from tests.cast import ORIGIN, Cast
from tests.notifications.acts import BILL, everybody, fan_out, messages, sent, tell
from tests.races import race

MINUTES = timedelta(minutes=1)


class _Server(socketserver.ThreadingTCPServer):
    """An SMTP server that takes what `answer` lets it: a stand-in at the wire."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, answer: Callable[[int], str]) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.answer = answer
        self.taken: list[str] = []
        self.heard = 0


class _Conversation(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self._say("220 here")
        to = ""
        for line in self.rfile:
            word = line.decode().strip()
            verb = word[:4].upper()
            if verb == "RCPT":
                to = word.split("<")[1].split(">")[0]
            if verb == "QUIT":
                self._say("221 bye")
                return
            if verb != "DATA":
                self._say("250 yes")
                continue
            self._say("354 go on")
            while self.rfile.readline() not in (b".\r\n", b""):
                pass
            self.server.heard += 1
            answer = self.server.answer(self.server.heard)
            if answer == "hang up":
                return
            if answer.startswith("2"):
                self.server.taken.append(to)
            self._say(answer)

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def _smtp(settings: Any, answer: Callable[[int], str]) -> Iterator[_Server]:
    server = _Server(answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.server_address[1]
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def _deliver(cast: Cast, *, minutes: int = 0) -> None:
    commands.deliver(cluster_id=cast.cluster_id, now=cast.now + minutes * MINUTES, seconds=60)


def _states(cast: Cast) -> list[str]:
    return sorted(row.state for row in messages(cast.cluster_id))


def test_it_works(cast: Cast, settings: Any) -> None:
    tell(cast, everybody(cast))
    fan_out(cast.cluster_id, cast.now)
    with _smtp(settings, lambda _: "250 taken") as server:
        _deliver(cast)
    assert sorted(server.taken) == sorted(person.email for person in cast.residents)
    assert _states(cast) == ["sent"] * 3


def test_two_workers_share_the_work(cast: Cast, settings: Any) -> None:
    tell(cast, everybody(cast))
    tell(cast, everybody(cast))
    fan_out(cast.cluster_id, cast.now)
    with _smtp(settings, lambda _: "250 taken") as server:
        race(lambda: _deliver(cast), runners=4).only()
    assert sorted(server.taken) == sorted([person.email for person in cast.residents] * 2)


def test_two_workers_fan_out_once(cast: Cast) -> None:
    tell(cast, everybody(cast))
    race(lambda: fan_out(cast.cluster_id, cast.now), runners=4).only()
    assert len(messages(cast.cluster_id)) == 3


def test_a_server_that_is_away_is_tried_again_later(cast: Cast, settings: Any) -> None:
    tell(cast, Audience.one(cast.bola.user_id))
    fan_out(cast.cluster_id, cast.now)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    _deliver(cast)
    (waiting,) = messages(cast.cluster_id)
    assert (waiting.state, waiting.attempts) == ("queued", 1)
    assert waiting.next_try_at == cast.now + MINUTES
    with _smtp(settings, lambda _: "250 taken") as server:
        _deliver(cast)
        assert server.taken == [], "not before its time"
        _deliver(cast, minutes=1)
    assert server.taken == [cast.bola.email]
    assert _states(cast) == ["sent"]


def test_trouble_of_the_server_leaves_the_others_for_later(cast: Cast, settings: Any) -> None:
    """It is asked once in a run, not once for every message."""
    tell(cast, everybody(cast))
    fan_out(cast.cluster_id, cast.now)
    with _smtp(settings, lambda _: "451 later") as server:
        _deliver(cast)
    assert server.heard == 1
    assert sorted(row.attempts for row in messages(cast.cluster_id)) == [0, 0, 1]


def test_what_the_server_refuses_for_good_is_not_tried_again(cast: Cast, settings: Any) -> None:
    tell(cast, Audience.one(cast.bola.user_id))
    fan_out(cast.cluster_id, cast.now)
    with _smtp(settings, lambda _: "550 no") as server:
        _deliver(cast)
        _deliver(cast, minutes=60 * 24)
    assert server.heard == 1
    (failed,) = messages(cast.cluster_id)
    assert (failed.state, failed.why) == ("failed", "smtp_550")


def test_a_server_that_never_takes_it_is_given_up(cast: Cast, settings: Any) -> None:
    tell(cast, Audience.one(cast.bola.user_id))
    fan_out(cast.cluster_id, cast.now)
    with _smtp(settings, lambda _: "451 later") as server:
        for day in range(1, 30):
            _deliver(cast, minutes=day * 24 * 60)
    assert server.heard == 11
    assert _states(cast) == ["failed"]


def test_a_connection_lost_in_the_middle_is_not_repeated(cast: Cast, settings: Any) -> None:
    """The server may have taken it: twice would be wrong, so nobody sends it again."""
    tell(cast, Audience.one(cast.bola.user_id))
    fan_out(cast.cluster_id, cast.now)
    with _smtp(settings, lambda _: "hang up") as server:
        _deliver(cast)
        _deliver(cast, minutes=24 * 60)
    assert server.heard == 1
    assert _states(cast) == ["interrupted"]


@pytest.mark.parametrize("place", ["claimed", "handed"])
def test_who_dies_with_a_message_in_hand_does_not_send_it_twice(cast: Cast, settings: Any, place: str) -> None:
    """Over SMTP: the claim stays, and becomes `interrupted`, for a person to see; the others are sent."""
    tell(cast, everybody(cast))
    fan_out(cast.cluster_id, cast.now)
    with _smtp(settings, lambda _: "250 taken") as server:
        with pytest.raises(Crash), watching(failing(f"notifications.deliver.{place}:raise")):
            _deliver(cast)
        assert work_queries.clusters_with_messages(now=cast.now + 3 * MINUTES)
        commands.release_claims(cluster_id=cast.cluster_id, now=cast.now + 3 * MINUTES)
        _deliver(cast, minutes=3)
    assert len(server.taken) == len(set(server.taken)) == (2 if place == "claimed" else 3)
    assert _states(cast) == ["interrupted", "sent", "sent"]


def test_a_fresh_claim_is_left_to_who_made_it(cast: Cast, settings: Any) -> None:
    tell(cast, Audience.one(cast.bola.user_id))
    fan_out(cast.cluster_id, cast.now)
    dying = watching(failing("notifications.deliver.claimed:raise"))
    with _smtp(settings, lambda _: "250 taken"), pytest.raises(Crash), dying:
        _deliver(cast)
    commands.release_claims(cluster_id=cast.cluster_id, now=cast.now + MINUTES)
    assert _states(cast) == ["sending"]


def test_a_payment_waits_for_no_mail_server(cast: Cast, settings: Any) -> None:
    """While a message is being handed over, nothing of the estate is locked."""
    from tests.bills.acts import pay
    from tests.money import acknowledge, fund, issue

    bill = issue(cast, "100.00", to=cast.bola)
    fund(cast, cast.bola, "100.00")
    acknowledge(cast, cast.bola, bill)
    fan_out(cast.cluster_id, cast.now)
    asked, answered = threading.Event(), threading.Event()

    def slowly(_: int) -> str:
        asked.set()
        assert answered.wait(30)
        return "250 taken"

    def mail_worker() -> None:
        _deliver(cast)

    def payer() -> None:
        assert asked.wait(30)
        try:
            pay(cast, cast.bola, bill)
        finally:
            answered.set()

    with _smtp(settings, slowly):
        race([mail_worker, payer]).only()


def test_nothing_is_sent_inside_a_transaction(cast: Cast, settings: Any) -> None:
    tell(cast, Audience.one(cast.bola.user_id))
    fan_out(cast.cluster_id, cast.now)
    with tenant(cast.cluster_id):
        Delivery.objects.count()
        with pytest.raises(NetworkInTransaction):
            _deliver(cast)
        transaction.set_rollback(True)


def test_who_was_forgotten_gets_nothing(cast: Cast) -> None:
    tell(cast, Audience.one(cast.bola.user_id))
    fan_out(cast.cluster_id, cast.now)
    erase_person(user_id=cast.bola.user_id, reason="asked for it", by=None, now=clock.now())
    tell(cast, Audience.one(cast.bola.user_id))
    assert sent(cast) == []
    assert {row.state for row in messages(cast.cluster_id)} <= {"skipped"}


def test_who_has_not_accepted_an_estate_hears_nothing_of_it(cast: Cast) -> None:
    """An estate may bill whom it invites; it may not fill their mailbox."""

    def tell_bola() -> None:
        notify(
            event=NotificationEvents.PAYMENT_DUE,
            cluster_id=cast.lekki.id,
            audience=Audience.one(cast.bola.user_id),
            subject_id=uuid4(),
            facts=BILL,
            now=cast.now,
        )
        fan_out(cast.lekki.id, cast.now)

    invite_member(actor=cast.dayo.actor, email=cast.bola.email, name="Somebody", role=Role.RESIDENT, now=cast.now)
    tell_bola()
    assert messages(cast.lekki.id) == []
    enter_cluster(user_id=cast.bola.user_id, cluster_id=cast.lekki.id, origin=ORIGIN, now=cast.now)
    tell_bola()
    assert [row.user_id for row in messages(cast.lekki.id)] == [cast.bola.user_id]


def test_what_waits_for_the_office_is_not_sent_to_who_left_it_since(cast: Cast) -> None:
    tell(cast, Audience.holders(PaymentsPermissions.VIEW_PAYMENTS), NotificationEvents.BILL_DISPUTED)
    fan_out(cast.cluster_id, cast.now)
    (waiting,) = (row for row in messages(cast.cluster_id) if row.user_id == cast.efe.user_id)
    assert waiting.state == "queued"
    end_membership(actor=cast.ada.actor, membership_id=cast.efe.membership_id, left_at=cast.now, now=cast.now)
    mail.outbox.clear()
    _deliver(cast, minutes=1)
    assert cast.efe.email not in [to for message in mail.outbox for to in message.to]
    assert cast.ada.email in [to for message in mail.outbox for to in message.to]
    (skipped,) = (row for row in messages(cast.cluster_id) if row.user_id == cast.efe.user_id)
    assert (skipped.state, skipped.why) == ("skipped", "not_theirs_any_more")


def test_the_same_id_whenever_it_is_handed_over(cast: Cast) -> None:
    tell(cast, Audience.one(cast.bola.user_id))
    (message,) = sent(cast)
    with tenant(cast.cluster_id), connection.cursor() as cursor:
        cursor.execute("UPDATE notifications_delivery SET state='queued', next_try_at=%s, ended_at=NULL", [cast.now])
    (again,) = sent(cast)
    assert message.extra_headers["Message-ID"] == again.extra_headers["Message-ID"]


def test_no_stray_errors_are_swallowed(cast: Cast, settings: Any) -> None:
    tell(cast, Audience.one(cast.bola.user_id))
    fan_out(cast.cluster_id, cast.now)
    settings.EMAIL_BACKEND = "tests.notifications.test_delivering.Broken"
    with pytest.raises(ZeroDivisionError):
        _deliver(cast)
    assert mail.outbox == [] and smtplib


class Broken:
    """A sender with a bug."""

    def __init__(self, **_: object) -> None: ...

    def open(self) -> None: ...

    def close(self) -> None: ...

    def send_messages(self, _messages: list[Any]) -> int:
        raise ZeroDivisionError
