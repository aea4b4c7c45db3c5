"""Noting that people are to be told: one row, in the transaction of its cause, for exactly whom it concerns."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from clustr.kit.tenancy import tenant
from clustr.notifications import commands, queries
from clustr.notifications.types import Audience, Face, NotificationEvents, Priority
from tests.bills.acts import leave
from tests.cast import Cast
from tests.notifications.acts import events, everybody, fan_out, listed, messages, readers, sent, tell, titles

E = NotificationEvents


def test_it_works(cast: Cast) -> None:
    assert tell(cast, Audience.one(cast.bola.user_id))
    (notice,) = listed(cast.bola)
    assert notice.title == "New bill: Gate repair"
    assert notice.face is Face.MEMBER
    assert notice.read_at is None
    assert "₦5,000.00" in notice.body
    assert "31 December 2026, 23:59 WAT" in notice.body
    assert queries.unread_count(actor=cast.bola.actor) == 1


def test_one_person_and_nobody_else(cast: Cast) -> None:
    tell(cast, Audience.one(cast.bola.user_id))
    for stranger in (cast.ada, cast.efe, cast.residents[1], cast.dayo, cast.chidi):
        assert listed(stranger) == []
    fan_out(cast.cluster_id, cast.now)
    assert readers(cast.cluster_id) == [cast.bola.user_id]


def test_whoever_holds_the_permission(cast: Cast) -> None:
    facts = {"member_user_id": str(cast.bola.user_id), "reason": "Not mine"}
    tell(cast, Audience.holders("ViewPayments"), E.BILL_DISPUTED, **facts)
    for told in (cast.ada, cast.efe):
        (notice,) = listed(told)
        assert notice.title == "Disputed: Gate repair, by Bola"
        assert notice.priority is Priority.HIGH
    for stranger in (cast.bola, cast.dayo, cast.chidi):
        assert listed(stranger) == []


def test_a_permission_that_was_not_granted_shows_nothing(cast: Cast) -> None:
    tell(cast, Audience.holders("ViewWallet"), E.CLUSTER_WALLET_CREDITED, what="Gate repair")
    assert titles(cast.ada) == ["₦5,000.00 for Gate repair"]
    assert listed(cast.efe) == []


def test_all_members_a_bill_reaches_by_one_row(cast: Cast) -> None:
    late = cast.add_resident("Late", joined_at=cast.now + timedelta(days=11))
    gone = cast.add_resident("Gone")
    leave(cast, gone, cast.now - timedelta(days=1))
    tell(cast, everybody(cast))
    assert len(events(cast.cluster_id)) == 1
    for told in cast.residents[:3]:
        assert titles(told) == ["New bill: Gate repair"]
    for other in (cast.ada, cast.efe, late, gone, cast.dayo, cast.chidi):
        assert listed(other) == []
    fan_out(cast.cluster_id, cast.now)
    assert set(readers(cast.cluster_id)) == {person.user_id for person in cast.residents[:3]}


def test_who_joins_before_it_is_due_finds_it_in_the_list(cast: Cast) -> None:
    tell(cast, everybody(cast))
    late = cast.add_resident("Late", joined_at=cast.now + timedelta(days=3))
    assert titles(late) == ["New bill: Gate repair"]


def test_what_is_rolled_back_was_never_told(cast: Cast) -> None:
    with pytest.raises(ZeroDivisionError), tenant(cast.cluster_id):
        tell(cast, everybody(cast))
        raise ZeroDivisionError
    assert events(cast.cluster_id) == []


def test_the_same_key_tells_once(cast: Cast) -> None:
    assert tell(cast, Audience.one(cast.bola.user_id), E.BILL_OVERDUE, key="bill:bola")
    assert not tell(cast, Audience.one(cast.bola.user_id), E.BILL_OVERDUE, key="bill:bola")
    assert tell(cast, Audience.one(cast.bola.user_id), E.PAYMENT_DUE, key="bill:bola")
    assert len(listed(cast.bola)) == 2


def test_several_at_once_in_one_statement(cast: Cast) -> None:
    notices = [
        commands.Notice(Audience.one(person.user_id), None, {"what": "Water", "amount_minor": 100, "currency": "NGN"})
        for person in cast.residents
    ]
    made = commands.notify_each(
        event=E.RECURRING_PAYMENT_PROCESSED, cluster_id=cast.cluster_id, notices=notices, now=cast.now
    )
    assert made == len(cast.residents)
    assert all(titles(person) == ["Recurring payment made: ₦1.00"] for person in cast.residents)


@pytest.mark.parametrize(
    "audience", [Audience(), Audience(permission="ViewPayments", user_id=None, reach=None)], ids=["nobody", "no face"]
)
def test_a_notice_to_nobody_is_a_bug(cast: Cast, audience: Audience) -> None:
    with pytest.raises(AssertionError):
        tell(cast, audience, E.PAYMENT_DUE)


def test_a_condition_nobody_registered_is_a_bug(cast: Cast) -> None:
    audience = Audience.members(issued_at=cast.now, due_date=cast.now, condition="made_up")
    with pytest.raises(AssertionError), transaction.atomic():
        tell(cast, audience)


def test_mail_reaches_the_same_people_once(cast: Cast) -> None:
    tell(cast, everybody(cast))
    mails = sent(cast)
    assert sorted(mail.to for mail in mails) == sorted([person.email] for person in cast.residents)
    assert sent(cast) == []
    assert {row.state for row in messages(cast.cluster_id)} == {"sent"}
