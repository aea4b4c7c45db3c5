"""What people choose to be told, on each channel; and what nobody can switch off."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.notifications import commands, queries
from clustr.notifications.refusals import AlwaysTold, NotificationNotFound, NotOffered
from clustr.notifications.types import Audience, Channel, Choice, NotificationEvents
from clustr.people.models import User
from tests.cast import Cast, Person
from tests.notifications.acts import everybody, fan_out, listed, messages, readers, sent, tell

E = NotificationEvents


def choose(cast: Cast, person: Person, event: NotificationEvents, channel: Channel, enabled: bool) -> None:
    commands.choose_notifications(actor=person.actor, choices=[Choice(event, channel, enabled)], now=cast.now)


def enabled(person: Person, event: NotificationEvents, channel: Channel) -> bool:
    (row,) = [row for row in queries.my_choices(actor=person.actor) if row.event is event]
    return next(choice.enabled for choice in row.channels if choice.channel is channel)


def test_it_works(cast: Cast) -> None:
    choose(cast, cast.bola, E.PAYMENT_DUE, Channel.EMAIL, False)
    tell(cast, everybody(cast))
    fan_out(cast.cluster_id, cast.now)
    assert cast.bola.user_id not in readers(cast.cluster_id)
    assert len(readers(cast.cluster_id)) == len(cast.residents) - 1
    assert len(listed(cast.bola)) == 1, "another channel"
    assert not enabled(cast.bola, E.PAYMENT_DUE, Channel.EMAIL)
    assert enabled(cast.residents[1], E.PAYMENT_DUE, Channel.EMAIL)


def test_a_choice_can_be_taken_back(cast: Cast) -> None:
    for wanted in (False, True, True):
        choose(cast, cast.bola, E.PAYMENT_DUE, Channel.EMAIL, wanted)
    tell(cast, Audience.one(cast.bola.user_id))
    assert len(sent(cast)) == 1


def test_a_choice_is_of_one_event(cast: Cast) -> None:
    choose(cast, cast.bola, E.BILL_CANCELLED, Channel.EMAIL, False)
    tell(cast, Audience.one(cast.bola.user_id))
    assert len(sent(cast)) == 1


def test_what_is_off_in_the_list_is_neither_shown_nor_counted(cast: Cast) -> None:
    tell(cast, Audience.one(cast.bola.user_id))
    choose(cast, cast.bola, E.PAYMENT_DUE, Channel.IN_APP, False)
    assert listed(cast.bola) == []
    assert queries.unread_count(actor=cast.bola.actor) == 0
    assert len(sent(cast)) == 1


def test_the_office_may_ask_for_each_acknowledgment_by_mail(cast: Cast) -> None:
    facts = {"member_user_id": str(cast.bola.user_id)}
    tell(cast, Audience.holders("ViewPayments"), E.BILL_ACKNOWLEDGED, **facts)
    assert sent(cast) == []
    choose(cast, cast.efe, E.BILL_ACKNOWLEDGED, Channel.EMAIL, True)
    tell(cast, Audience.holders("ViewPayments"), E.BILL_ACKNOWLEDGED, **facts)
    assert [mail.to for mail in sent(cast)] == [[cast.efe.email]]


@pytest.mark.parametrize("event", [E.PIN_LOCKED, E.PIN_RESET, E.NEW_PAYEE, E.ADMIN_ALERT])
@pytest.mark.parametrize("channel", [Channel.EMAIL, Channel.IN_APP])
def test_security_notices_are_always_on(cast: Cast, event: NotificationEvents, channel: Channel) -> None:
    with pytest.raises(AlwaysTold):
        choose(cast, cast.ada, event, channel, False)
    choose(cast, cast.ada, event, channel, True)


def test_a_row_that_says_otherwise_does_not_silence_security(cast: Cast) -> None:
    """However it came there."""
    from clustr.kit.tenancy import tenant
    from clustr.notifications.models import Preference

    with tenant(cast.cluster_id):
        for channel in (Channel.EMAIL, Channel.IN_APP):
            Preference.objects.create(
                cluster_id=cast.cluster_id,
                user_id=cast.bola.user_id,
                event=E.PIN_LOCKED,
                channel=channel,
                enabled=False,
                changed_at=cast.now,
            )
    tell(cast, Audience.one(cast.bola.user_id), E.PIN_LOCKED, attempts=5, minutes=15)
    assert [notice.event for notice in listed(cast.bola)] == [E.PIN_LOCKED]
    assert [mail.to for mail in sent(cast)] == [[cast.bola.email]]


def test_a_channel_that_is_not_offered(cast: Cast) -> None:
    with pytest.raises(NotOffered):
        choose(cast, cast.bola, E.PAYMENT_DUE, Channel.SMS, True)


def test_what_comes_by_mail_only_is_not_offered_in_the_list(cast: Cast) -> None:
    with pytest.raises(NotOffered):
        choose(cast, cast.ada, E.ACKNOWLEDGMENT_DIGEST, Channel.IN_APP, True)


@pytest.fixture
def telephones(settings: Any) -> None:
    settings.ENV = settings.ENV.model_copy(update={"SMS_SENDER": "console", "WHATSAPP_SENDER": "console"})


@pytest.mark.usefixtures("telephones")
def test_sms_and_whatsapp_stand_behind_the_same_port(cast: Cast) -> None:
    User.objects.filter(id=cast.bola.user_id).update(phone="+2348012345678")
    for channel in (Channel.SMS, Channel.WHATSAPP):
        choose(cast, cast.bola, E.PAYMENT_DUE, channel, True)
    tell(cast, everybody(cast))
    sent(cast)
    told = {(row.channel, row.state) for row in messages(cast.cluster_id) if row.user_id == cast.bola.user_id}
    assert told == {("email", "sent"), ("sms", "sent"), ("whatsapp", "sent")}
    assert {row.channel for row in messages(cast.cluster_id) if row.user_id != cast.bola.user_id} == {"email"}


@pytest.mark.usefixtures("telephones")
def test_without_a_number_nothing_is_sent(cast: Cast) -> None:
    choose(cast, cast.bola, E.PAYMENT_DUE, Channel.SMS, True)
    tell(cast, Audience.one(cast.bola.user_id))
    sent(cast)
    assert {(row.channel, row.state) for row in messages(cast.cluster_id)} == {("email", "sent"), ("sms", "skipped")}


def test_members_are_not_offered_what_the_office_hears(cast: Cast) -> None:
    offered = {row.event for row in queries.my_choices(actor=cast.bola.actor)}
    assert E.PAYMENT_DUE in offered
    assert not offered & {E.CLUSTER_WALLET_CREDITED, E.ADMIN_ALERT, E.ACKNOWLEDGMENT_DIGEST}
    assert E.CLUSTER_WALLET_CREDITED in {row.event for row in queries.my_choices(actor=cast.ada.actor)}


# --- Reading ---------------------------------------------------------------------------------------------------------


def test_a_mark_is_its_readers_own(cast: Cast) -> None:
    tell(cast, everybody(cast))
    (notice,) = listed(cast.bola)
    for _time in range(2):
        commands.mark_read(actor=cast.bola.actor, ids=[notice.id], now=cast.now)
    assert listed(cast.bola)[0].read_at == cast.now
    assert queries.unread_count(actor=cast.bola.actor) == 0
    assert queries.unread_count(actor=cast.residents[1].actor) == 1


def test_what_one_was_not_told_is_not_found(cast: Cast) -> None:
    tell(cast, Audience.one(cast.bola.user_id))
    (notice,) = listed(cast.bola)
    for stranger in (cast.ada, cast.residents[1], cast.chidi):
        with pytest.raises(NotificationNotFound):
            commands.mark_read(actor=stranger.actor, ids=[notice.id], now=cast.now)


def test_everything_at_once(cast: Cast) -> None:
    for _time in range(3):
        tell(cast, everybody(cast))
    commands.mark_all_read(actor=cast.bola.actor, now=cast.now)
    assert queries.unread_count(actor=cast.bola.actor) == 0
    tell(cast, everybody(cast))
    assert queries.unread_count(actor=cast.bola.actor) == 1
    assert len(queries.my_notifications(actor=cast.bola.actor, unread_only=True)) == 1


def test_pages_from_the_newest_to_the_oldest(cast: Cast) -> None:
    for number in range(5):
        audience = everybody(cast) if number % 2 else Audience.one(cast.bola.user_id)
        tell(cast, audience, bill=f"Bill {number}")
    found, after = [], None
    while page := queries.my_notifications(actor=cast.bola.actor, after=after, limit=2):
        found += [notice.title for notice in page]
        after = page[-1].id
    assert found == [f"New bill: Bill {number}" for number in (4, 3, 2, 1, 0)]
