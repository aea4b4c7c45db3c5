"""The trail's chain: closed in blocks beside the acts, and every way to forge it found."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from structlog.testing import capture_logs

from clustr.audit import anchors, commands, queries, tasks
from clustr.audit.chain import StoredBlock, block_digest
from clustr.audit.types import Subject
from clustr.audit.verifying import Report, verify
from clustr.kit.actor import Actor, Origin
from clustr.kit.ids import new_id
from clustr.kit.invariants import violations
from clustr.kit.restoring import number_on
from clustr.kit.tenancy import tenant
from tests.chains import close, settle
from tests.databases import superuser
from tests.races import own_connections

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
EVER = datetime(2020, 1, 1, tzinfo=UTC)
ZERO = bytes(32)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """Anchors of this test alone."""
    settings.ENV = settings.ENV.model_copy(update={"AUDIT_ANCHOR_DIR": str(tmp_path)})
    return tmp_path


_clusters: list[UUID] = []


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """What was forged must not stand where other tests prove the whole books."""
    yield
    with tampering("audit_anchor", "audit_block", "audit_event") as server:
        for table in ("audit_anchor", "audit_block", "audit_event"):
            server.execute(f"DELETE FROM {table} WHERE cluster_id = ANY(%s)", [_clusters])
    _clusters.clear()


def an_admin() -> Actor:
    _clusters.append(new_id())
    return Actor(
        cluster_id=_clusters[-1],
        currency="NGN",
        timezone="Africa/Lagos",
        user_id=new_id(),
        role="admin",
        permissions=frozenset({"ViewPayments"}),
        origin=Origin(ip="203.0.113.9", user_agent="curl/8", request_id="request-1"),
    )


def act(ada: Actor, *, reason: str = "typo") -> UUID:
    with tenant(ada.cluster_id):
        return commands.record(
            actor=ada,
            action="bills.cancelled",
            subject_kind="bill",
            subject_id=new_id(),
            at=NOW,
            reason=reason,
            facts={"amount": "5000.00", "ünd": [1, None, 2.5]},
            journal=new_id(),
        )


def rows(sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    with connections["checker"].cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def blocks(ada: Actor) -> list[tuple[Any, ...]]:
    return rows("SELECT seq, events, total FROM audit_block WHERE cluster_id = %s ORDER BY seq", [ada.cluster_id])


def verified(ada: Actor, **options: Any) -> Report:
    return verify(cluster_id=ada.cluster_id, **options)


def found(ada: Actor) -> list[tuple[int | None, str]]:
    return [(finding.seq, finding.says) for finding in verified(ada).findings]


def broken(ada: Actor, **options: Any) -> set[str]:
    return {violation.invariant.name for violation in violations(cluster_id=ada.cluster_id, **options)}


def chained(*, each: int = 2) -> Actor:
    """Three blocks of two events each, the last two of them anchored."""
    ada = an_admin()
    for number in range(3):
        for _ in range(each):
            act(ada)
        close(ada.cluster_id, now=NOW + timedelta(seconds=number))
        if number:
            commands.write_anchors(heads=queries.unanchored_heads(), now=NOW + timedelta(minutes=number))
    assert found(ada) == []
    assert broken(ada) == set()
    return ada


@contextmanager
def tampering(*tables: str) -> Iterator[Any]:
    """Somebody with all the power there is over the database, and none over the anchors."""
    with superuser() as server, server.transaction():
        for table in tables:
            server.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield server
        for table in tables:
            server.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
            server.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only_truncate")


def rebuild(server: Any, ada: Actor, *, since: int) -> None:
    """Write the chain anew from this block on, with digests that agree."""
    last = server.execute(
        "SELECT digest, total FROM audit_block WHERE cluster_id = %s AND seq = %s", [ada.cluster_id, since - 1]
    ).fetchone() or (ZERO, 0)
    previous, total = last
    again = server.execute(
        "SELECT b.seq, b.horizon, count(*), min(e.xid),"
        " string_agg(audit_event_digest(e), '' ORDER BY e.xid, e.id) FROM audit_block b JOIN audit_event e"
        " ON e.cluster_id = b.cluster_id AND e.xid < b.horizon AND e.xid >= coalesce((SELECT p.horizon FROM audit_block p"
        " WHERE p.cluster_id = b.cluster_id AND p.seq = b.seq - 1), 0)"
        " WHERE b.cluster_id = %s AND b.seq >= %s GROUP BY 1, 2 ORDER BY 1",
        [ada.cluster_id, since],
    ).fetchall()
    for seq, _, events, first, digests in again:
        total += events
        (previous,) = server.execute(
            "UPDATE audit_block b SET events = %(events)s, total = %(total)s, first_xid = %(first)s,"
            " previous = %(previous)s, digest = audit_block_digest((b.cluster_id, b.seq, %(first)s, b.horizon,"
            " %(events)s::int, %(total)s::bigint, %(previous)s, b.digest, b.closed_at)::audit_block, %(digests)s)"
            " WHERE cluster_id = %(cluster)s AND seq = %(seq)s RETURNING digest",
            {
                "events": events,
                "total": total,
                "first": first,
                "previous": previous,
                "digests": digests,
                "cluster": ada.cluster_id,
                "seq": seq,
            },
        ).fetchone()


def test_it_works() -> None:
    ada = chained()
    assert blocks(ada) == [(1, 2, 2), (2, 2, 4), (3, 2, 6)]
    report = verified(ada)
    assert (report.blocks, report.events, report.unclosed, report.anchors) == (3, 6, 0, 2)
    act(ada)
    assert verified(ada).unclosed == 1
    assert broken(ada) == broken(ada, since=EVER) == set()


def test_nothing_new_closes_nothing() -> None:
    ada = chained()
    close(ada.cluster_id, now=NOW)
    assert len(blocks(ada)) == 3
    assert not [head for head in queries.unanchored_heads() if head.cluster_id == ada.cluster_id]


def test_the_jobs_close_and_anchor(folder: Path) -> None:
    ada = an_admin()
    act(ada)
    settle(ada.cluster_id)
    tasks.close_blocks(timestamp=0)
    tasks.write_anchors(timestamp=0)
    assert blocks(ada) == [(1, 1, 1)]
    assert str(ada.cluster_id) in (folder / anchors.FILE).read_text()


def test_every_kind_of_value_is_digested_alike_in_both_languages() -> None:
    ada = an_admin()
    system = replace(ada, user_id=None, origin=Origin(ip=None, user_agent="", request_id=""))
    old = replace(ada, origin=Origin(ip="2001:db8::1", user_agent="ü" * 300, request_id="x"))
    for actor in (ada, system, old):
        with tenant(ada.cluster_id):
            commands.record(
                actor=actor, action="a.b", subject_kind="c", subject_id=new_id(), at=NOW.replace(microsecond=123457)
            )
            subjects = [Subject(new_id(), {"n": 1e20, "s": "\"'\\\n", "deep": {"b": [], "a": None}}) for _ in range(3)]
            commands.record_batch(
                actor=actor, action="a.b", subject_kind="c", subjects=subjects, at=NOW.replace(year=1969)
            )
    close(ada.cluster_id, now=NOW.replace(microsecond=1))
    assert blocks(ada) == [(1, 12, 12)]
    assert found(ada) == []


def test_an_act_under_way_holds_the_chain_back_and_is_in_one_block() -> None:
    ada, written, go_on = an_admin(), threading.Event(), threading.Event()

    def slow() -> None:
        with own_connections(), tenant(ada.cluster_id):
            commands.record(actor=ada, action="a.b", subject_kind="c", subject_id=new_id(), at=NOW)
            written.set()
            go_on.wait(30)

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        assert written.wait(30)
        act(ada)  # commits before the one that began before it
        commands.close_blocks(now=NOW)
        assert blocks(ada) == []
    finally:
        go_on.set()
        thread.join(30)
    close(ada.cluster_id, now=NOW)
    assert blocks(ada) == [(1, 2, 2)]
    assert found(ada) == []


def test_an_act_under_way_at_a_closing_makes_the_next_block_by_itself() -> None:
    """The closing stops exactly before its transaction, and the next one begins there."""
    ada, written, go_on = an_admin(), threading.Event(), threading.Event()
    act(ada)

    def slow() -> None:
        with own_connections(), tenant(ada.cluster_id):
            commands.record(actor=ada, action="a.b", subject_kind="c", subject_id=new_id(), at=NOW)
            written.set()
            go_on.wait(60)

    thread = threading.Thread(target=slow)
    thread.start()
    try:
        assert written.wait(30)
        for _ in range(600):  # transactions of other databases may hold the horizon back
            commands.close_blocks(now=NOW)
            if blocks(ada):
                break
            time.sleep(0.05)
        assert blocks(ada) == [(1, 1, 1)]
    finally:
        go_on.set()
        thread.join(30)
    close(ada.cluster_id, now=NOW)
    assert blocks(ada) == [(1, 1, 1), (2, 1, 2)]
    assert found(ada) == []


def test_each_act_is_in_exactly_one_block_whatever_happens_at_once() -> None:
    ada, done = an_admin(), threading.Event()

    def acting() -> None:
        with own_connections():
            for _ in range(40):
                act(ada)

    def closing() -> None:
        with own_connections():
            while not done.is_set():
                commands.close_blocks(now=NOW)

    closers = [threading.Thread(target=closing) for _ in range(2)]
    actors = [threading.Thread(target=acting) for _ in range(4)]
    for thread in (*closers, *actors):
        thread.start()
    for thread in actors:
        thread.join(60)
    done.set()
    for thread in closers:
        thread.join(60)
    close(ada.cluster_id, now=NOW)
    assert sum(events for _, events, _ in blocks(ada)) == 160
    assert found(ada) == []
    assert broken(ada) == set()


def test_a_closing_waits_for_another_and_goes_on_from_there() -> None:
    ada, ended = an_admin(), []
    act(ada)
    settle(ada.cluster_id)  # else both might close nothing yet

    def closing() -> None:
        with own_connections():
            ended.append(commands.close_blocks(now=NOW))

    second = threading.Thread(target=closing)
    with tenant(ada.cluster_id), connection.cursor() as cursor:
        cursor.execute("SELECT audit_close_block(0, 10, %s)", [NOW])
        second.start()
        waiting = False
        while second.is_alive() and not waiting:
            cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))")
            (waiting,) = cursor.fetchone()
    second.join(30)
    assert len(ended) == 1, "it was broken off by the chain's key"
    assert blocks(ada) == [(1, 1, 1)]


def test_many_acts_are_closed_in_several_blocks_and_no_transaction_is_cut(monkeypatch: Any) -> None:
    monkeypatch.setattr(commands, "_EVENTS_OF_A_BLOCK", 3)
    ada = an_admin()
    with tenant(ada.cluster_id):
        commands.record_batch(
            actor=ada, action="a.b", subject_kind="c", subjects=[Subject(new_id()) for _ in range(7)], at=NOW
        )
    for _ in range(5):
        act(ada)
    close(ada.cluster_id, now=NOW)
    assert [events for _, events, _ in blocks(ada)] == [7, 3, 2]
    assert found(ada) == []


def test_a_horizon_that_was_emptied_is_found_again() -> None:
    ada = chained()
    with superuser() as server:
        server.execute("TRUNCATE audit_horizon")
    act(ada)
    close(ada.cluster_id, now=NOW)
    assert [events for _, events, _ in blocks(ada)] == [2, 2, 2, 1]
    assert found(ada) == []


def cut_tail(ada: Actor) -> None:
    with tampering("audit_anchor", "audit_block", "audit_event") as server:
        (horizon,) = server.execute(
            "SELECT horizon FROM audit_block WHERE cluster_id = %s AND seq = 2", [ada.cluster_id]
        ).fetchone()
        for table in ("audit_anchor", "audit_block"):
            server.execute(f"DELETE FROM {table} WHERE cluster_id = %s AND seq = 3", [ada.cluster_id])
        server.execute("DELETE FROM audit_event WHERE cluster_id = %s AND xid >= %s", [ada.cluster_id, horizon])


def test_a_tail_that_was_deleted_is_found_by_the_anchor() -> None:
    ada = chained()
    cut_tail(ada)
    assert broken(ada) == set()  # what is left agrees with itself
    assert [seq for seq, _ in found(ada)] == [3]
    assert "the tail was deleted" in found(ada)[0][1]


def test_a_changed_event_is_found_by_its_block() -> None:
    ada = chained()
    with tampering("audit_event") as server:
        server.execute(
            "UPDATE audit_event SET reason = 'fine' WHERE id ="
            " (SELECT id FROM audit_event WHERE cluster_id = %s ORDER BY xid, id OFFSET 2 LIMIT 1)",
            [ada.cluster_id],
        )
    assert found(ada) == [(2, "its digest is not that of its events")]
    assert broken(ada) == broken(ada, since=EVER) == {"audit.chain_digest"}


@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        "actor_id = gen_random_uuid()",
        "action = 'bills.created'",
        "subject_kind = 'bills'",
        "subject_id = gen_random_uuid()",
        "ip = '203.0.113.8'",
        "ip = NULL",
        "user_agent = ''",
        "request_id = ''",
        "changes = '{}'",
        "journal = NULL",
        "id = gen_random_uuid()",
    ],
)
def test_every_column_counts(change: str) -> None:
    ada = an_admin()
    act(ada)
    close(ada.cluster_id, now=NOW)
    with tampering("audit_event") as server:
        server.execute(f"UPDATE audit_event SET {change} WHERE cluster_id = %s", [ada.cluster_id])
    assert [seq for seq, _ in found(ada)] == [1]
    assert broken(ada) == {"audit.chain_digest"}


def test_an_event_put_in_late_is_found() -> None:
    ada = chained()
    with tampering() as server:
        server.execute(
            "INSERT INTO audit_event (cluster_id, id, at, action, subject_kind, subject_id, xid)"
            " SELECT cluster_id, gen_random_uuid(), at, action, subject_kind, subject_id, xid FROM audit_event"
            " WHERE cluster_id = %s ORDER BY xid LIMIT 1",
            [ada.cluster_id],
        )
    assert (1, "it was closed over 2 events, and there are 3") in found(ada)
    assert broken(ada) == {"audit.chain_digest"}


def test_a_deleted_event_is_found() -> None:
    ada = chained()
    with tampering("audit_event") as server:
        server.execute(
            "DELETE FROM audit_event WHERE id = (SELECT id FROM audit_event WHERE cluster_id = %s ORDER BY xid LIMIT 1)",
            [ada.cluster_id],
        )
    assert (1, "it was closed over 2 events, and there are 1") in found(ada)
    assert broken(ada) == {"audit.chain_digest"}


def test_events_in_another_order_are_found() -> None:
    ada = chained()
    with tampering("audit_event") as server:
        pair = server.execute(
            "SELECT id, xid FROM audit_event WHERE cluster_id = %s ORDER BY xid, id LIMIT 2", [ada.cluster_id]
        ).fetchall()
        for (id, _), (_, xid) in zip(pair, reversed(pair), strict=True):
            server.execute("UPDATE audit_event SET xid = %s WHERE id = %s", [xid, id])
    assert found(ada) == [(1, "its digest is not that of its events")]


def test_a_chain_written_anew_agrees_with_itself_and_not_with_the_anchor() -> None:
    ada = chained()
    with tampering("audit_event", "audit_block") as server:
        server.execute(
            "UPDATE audit_event SET reason = 'fine' WHERE id ="
            " (SELECT id FROM audit_event WHERE cluster_id = %s ORDER BY xid, id LIMIT 1)",
            [ada.cluster_id],
        )
        rebuild(server, ada, since=1)
    assert broken(ada) == set()
    assert [seq for seq, says in found(ada) if "the chain was written anew" in says] == [2, 3]
    assert len(found(ada)) == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("previous = decode(repeat('11', 32), 'hex')", "it does not stand on the digest of the block before"),
        ("total = total + 1", "its total is not that of the block before and its own events"),
        ("digest = decode(repeat('11', 32), 'hex')", "its digest is not that of its events"),
        ("closed_at = closed_at + interval '1 second'", "its digest is not that of its events"),
        ("events = events + 1", "it was closed over 3 events, and there are 2"),
        ("first_xid = '1'", "its first event is another"),
    ],
)
def test_a_changed_block_is_found(change: str, says: str) -> None:
    ada = chained()
    with tampering("audit_block") as server:
        server.execute(f"UPDATE audit_block SET {change} WHERE cluster_id = %s AND seq = 2", [ada.cluster_id])
    assert (2, says) in found(ada)
    assert broken(ada) & {"audit.chain_digest", "audit.chain_linked"}


def test_a_block_taken_out_is_found() -> None:
    ada = chained()
    with tampering("audit_block", "audit_anchor") as server:
        server.execute("DELETE FROM audit_anchor WHERE cluster_id = %s AND seq = 2", [ada.cluster_id])
        server.execute("DELETE FROM audit_block WHERE cluster_id = %s AND seq = 2", [ada.cluster_id])
    assert (3, "the block before it is missing") in found(ada)
    assert (2, "an anchor of 2026-11-21 09:01:00 names this block, and it is gone: the tail was deleted") in found(ada)
    assert broken(ada) >= {"audit.chain_linked"}


def test_an_event_that_no_block_took_is_found() -> None:
    ada = chained()
    act(ada)
    with tampering() as server:
        server.execute("UPDATE audit_horizon SET horizon = (horizon::text::bigint + 1000000)::text::xid8")
    try:
        assert found(ada) == [(None, "1 events older than the horizon are in no block")]
        assert broken(ada) == broken(ada, since=EVER) == {"audit.chain_complete"}
    finally:
        with tampering() as server:
            server.execute("TRUNCATE audit_horizon")


def _lines(folder: Path, change: Callable[[list[str]], list[str]]) -> None:
    file = folder / anchors.FILE
    file.write_text("".join(line + "\n" for line in change(file.read_text().splitlines())))


def test_anchors_cut_off_are_missed(folder: Path) -> None:
    ada = chained()
    _lines(folder, lambda lines: lines[:-1])
    assert found(ada) == [(3, "an anchor was written for it at 2026-11-21 09:02:00 and is gone")]
    (folder / anchors.FILE).unlink()
    assert [seq for seq, _ in found(ada)] == [2, 3]


def test_an_anchor_taken_from_before_others_is_missed(folder: Path) -> None:
    ada = chained()
    _lines(folder, lambda lines: lines[-1:])
    assert (None, "anchor in line 1: lines before this one were changed or taken out") in found(ada)


def test_a_forged_anchor_is_refused(folder: Path, settings: Any) -> None:
    ada = chained()
    kept = (folder / anchors.FILE).read_text()
    _lines(folder, lambda lines: [line.replace('"events":4', '"events":5') for line in lines])
    assert (None, "anchor in line 1: the signature is not ours") in found(ada)
    (folder / anchors.FILE).write_text(kept)
    ours = settings.ENV
    settings.ENV = ours.model_copy(update={"AUDIT_ANCHOR_KEYS": "derived:" + "ab" * 32})
    settings.ENV.__dict__.pop("anchor_keys", None)
    act(ada)
    close(ada.cluster_id, now=NOW)
    commands.write_anchors(heads=queries.unanchored_heads(), now=NOW + timedelta(minutes=9))
    settings.ENV = ours
    assert (None, "anchor in line 3: the signature is not ours") in found(ada)
    _lines(folder, lambda lines: [lines[0], "nonsense", '{"signature": 5}', '{"key": "other", "signature": "00"}'])
    assert {says for _, says in found(ada)} >= {
        "anchor in line 2: this is no anchor",
        "anchor in line 3: this is no anchor",
        "anchor in line 4: signed with a key that is not known here: 'other'",
    }


def test_half_a_line_that_a_crash_left_is_no_anchor(folder: Path) -> None:
    ada = chained()
    with (folder / anchors.FILE).open("a") as file:
        file.write('{"at":"2026')
    assert found(ada) == []
    act(ada)
    close(ada.cluster_id, now=NOW)
    commands.write_anchors(heads=queries.unanchored_heads(), now=NOW + timedelta(minutes=9))
    assert found(ada) == []
    assert verified(ada).anchors == 3


def test_a_restored_copy_is_verified_until_its_instant() -> None:
    ada = chained()
    cut_tail(ada)
    assert len(found(ada)) == 1
    assert verified(ada, until=NOW + timedelta(minutes=1)).findings == []


def test_a_restored_copy_goes_on_once_later_anchors_are_set_aside(folder: Path) -> None:
    ada = chained()
    cut_tail(ada)
    whole = (folder / anchors.FILE).read_bytes()
    until = NOW + timedelta(minutes=1)
    aside = anchors.set_aside(until=until)
    assert aside is not None
    assert (folder / anchors.FILE).read_bytes() + aside.read_bytes() == whole
    assert anchors.set_aside(until=until) is None
    act(ada)
    close(ada.cluster_id, now=NOW)
    commands.write_anchors(heads=queries.unanchored_heads(), now=NOW + timedelta(minutes=9))
    assert found(ada) == []
    assert verified(ada).anchors == 2


def test_setting_aside_goes_with_an_instant_alone() -> None:
    for options in ({}, {"until": NOW, "cluster": new_id()}, {"until": NOW.replace(tzinfo=None)}):
        with pytest.raises(CommandError):
            call_command("verify_chain", set_aside=True, **options)


def test_the_nights_job_says_what_is_wrong() -> None:
    ada = chained()
    with tampering("audit_event") as server:
        server.execute("UPDATE audit_event SET reason = 'fine' WHERE cluster_id = %s", [ada.cluster_id])
    with capture_logs() as said:
        tasks.verify_chain(timestamp=0)
    assert {(line["event"], line["block"]) for line in said if line.get("cluster_id") == str(ada.cluster_id)} == {
        ("trail_not_as_it_was", number) for number in (1, 2, 3)
    }


def test_the_command_says_what_is_wrong() -> None:
    ada = chained()
    said = StringIO()
    call_command("verify_chain", cluster=ada.cluster_id, stdout=said)
    assert said.getvalue().startswith("1 clusters: 3 blocks over 6 events, 0 events not yet in one, 2 anchors; nothing")
    with tampering("audit_event") as server:
        server.execute("UPDATE audit_event SET reason = 'fine' WHERE cluster_id = %s", [ada.cluster_id])
    with pytest.raises(SystemExit):
        call_command("verify_chain", cluster=ada.cluster_id, stdout=said)
    assert f"WRONG  cluster {ada.cluster_id}, block 1: its digest is not that of its events" in said.getvalue()


def test_blocks_and_anchors_are_append_only_and_apart() -> None:
    ada = chained()
    for statement in ("UPDATE audit_block SET seq = seq", "DELETE FROM audit_block", "DELETE FROM audit_anchor"):
        with pytest.raises(DatabaseError), tenant(ada.cluster_id), connection.cursor() as cursor:
            cursor.execute(statement)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_block")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ("0, 1, 2, 1, 1, sha256(''), sha256('')", "audit_block_seq_check"),
        ("9, 2, 2, 1, 1, sha256(''), sha256('')", "audit_block_spans"),
        ("9, 1, 2, 0, 1, sha256(''), sha256('')", "audit_block_events_check"),
        ("9, 1, 2, 1, 1, 'short', sha256('')", "audit_block_previous_check"),
        ("9, 1, 2, 1, 1, sha256(''), 'short'", "audit_block_digest_check"),
    ],
)
def test_the_table_takes_no_block_that_cannot_be(columns: str, constraint: str) -> None:
    ada = an_admin()
    with pytest.raises(DatabaseError, match=constraint), tenant(ada.cluster_id), connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO audit_block VALUES (kit_tenant(), {columns}, now())")


def test_there_is_one_horizon() -> None:
    with pytest.raises(DatabaseError, match="audit_horizon_one_check"), connection.cursor() as cursor:
        cursor.execute("INSERT INTO audit_horizon VALUES (false, '0')")


def test_a_block_may_not_be_mistaken_for_another() -> None:
    block = StoredBlock(new_id(), 1, 1, 2, 1, 1, ZERO, ZERO, NOW)
    digests = {block_digest(block, [ZERO])} | {
        block_digest(replace(block, **{name: 9}), [ZERO]) for name in ("seq", "first_xid", "horizon", "events", "total")
    }
    assert len(digests) == 6


def test_transactions_are_numbered_on_above_every_block() -> None:
    """Also where a block reaches further than any row that was restored."""
    ada = chained()
    ((defined,),) = rows("SELECT pg_get_functiondef('kit_lasting'::regproc)")
    with tampering("audit_block") as server:
        server.execute(
            "UPDATE audit_block SET horizon = horizon + 17592186044416 WHERE cluster_id = %s AND seq = 3",
            [ada.cluster_id],
        )
    try:
        number_on()
        act(ada)
        assert rows(
            "SELECT max(xid) >= (SELECT max(horizon) FROM audit_block) FROM audit_event WHERE cluster_id = %s",
            [ada.cluster_id],
        ) == [(True,)]
    finally:
        with tampering() as server:
            server.execute(defined)
