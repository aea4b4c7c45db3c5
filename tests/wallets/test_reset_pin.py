"""Resetting a PIN with a mailed code."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.db import connection

from clustr.audit import queries as audit
from clustr.bills import commands as bills
from clustr.kit.tenancy import tenant
from clustr.notifications.types import NotificationEvents
from clustr.people.models import Mail
from clustr.wallets import commands as wallets
from clustr.wallets.models import PinReset
from clustr.wallets.refusals import (
    FreshSignInRequired,
    PinIncorrect,
    PinLocked,
    PinNotSet,
    PinTooEasy,
    ResetCodeInvalid,
    WithdrawalsCooling,
)
from clustr.wallets.tasks import forget_reset_codes
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue, naira
from tests.notifications.acts import told
from tests.races import race
from tests.wallets.acts import BANK
from tests.wallets.test_pin import NEXT, RIGHT, fail, set_pin, spend

TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def _bola_has_a_pin(cast: Cast) -> None:
    set_pin(cast)


def mails(person: Person) -> list[Mail]:
    return list(Mail.objects.filter(user_id=person.user_id).order_by("created_at", "id"))


def request(cast: Cast, *, at: datetime | None = None, signed_in_at: datetime | None = None) -> str:
    """Ask for a code; answers it, as the mail says it."""
    now = at or cast.now
    known = {mail.pk for mail in mails(cast.bola)}
    wallets.request_pin_reset(actor=cast.bola.actor, signed_in_at=signed_in_at or now, now=now)
    (mail,) = [mail for mail in mails(cast.bola) if mail.pk not in known]
    (code,) = re.findall(r"^\d{8}$", mail.body, re.MULTILINE)
    return str(code)


def reset(cast: Cast, code: str, pin: str = NEXT, *, at: datetime | None = None, actor: Person | None = None) -> None:
    now = at or cast.now
    wallets.reset_pin(actor=(actor or cast.bola).actor, code=code, pin=pin, signed_in_at=now, now=now)


def withdraw(cast: Cast, at: datetime, pin: str = NEXT) -> None:
    authorization = wallets.authorize_spend(actor=cast.bola.actor, pin=pin, now=at)
    wallets.withdraw(actor=cast.bola.actor, amount=naira("1.00"), destination=BANK, authorization=authorization, now=at)


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08}"


def test_it_works(cast: Cast) -> None:
    reset(cast, request(cast))
    assert spend(cast, NEXT)
    with pytest.raises(PinIncorrect):
        spend(cast, RIGHT)
    (notice,) = told(cast.bola, NotificationEvents.PIN_RESET)
    assert notice.title == "Your wallet PIN was reset", "the owner is told"
    with tenant(cast.cluster_id):
        acts = [event.action for event in audit.audit_events(actor=cast.ada.actor)]
    assert acts[:2] == ["wallets.pin_reset", "wallets.pin_reset_requested"]


@pytest.mark.parametrize("failures", [5, 15])
def test_it_lifts_every_lock(cast: Cast, failures: int) -> None:
    at = cast.now
    for _ in range(failures // 5):
        fail(cast, 5, at=at)
        at += timedelta(minutes=31)
    if failures == 15:
        with pytest.raises(PinLocked):
            spend(cast, RIGHT, at=at)
    reset(cast, request(cast, at=at), at=at)
    assert spend(cast, NEXT, at=at)


def test_after_a_reset_nothing_is_withdrawn_for_a_day(cast: Cast) -> None:
    fund(cast, cast.bola, "8000.00")
    reset(cast, request(cast))
    with pytest.raises(WithdrawalsCooling) as raised:
        withdraw(cast, cast.now + timedelta(hours=1))
    assert raised.value.retry_after_seconds == 23 * 3600
    with pytest.raises(WithdrawalsCooling):
        withdraw(cast, cast.now + timedelta(days=1, seconds=-1))
    withdraw(cast, cast.now + timedelta(days=1))


def test_a_change_of_the_pin_does_not_end_the_wait(cast: Cast) -> None:
    reset(cast, request(cast))
    set_pin(cast, RIGHT, NEXT)
    with pytest.raises(WithdrawalsCooling):
        withdraw(cast, cast.now + timedelta(hours=1), RIGHT)


def test_after_a_reset_bills_can_be_paid(cast: Cast) -> None:
    fund(cast, cast.bola, "8000.00")
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    reset(cast, request(cast))
    authorization = wallets.authorize_spend(actor=cast.bola.actor, pin=NEXT, now=cast.now)
    bills.pay_bill(actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=authorization, now=cast.now)


def test_without_a_pin_there_is_nothing_to_reset(cast: Cast) -> None:
    with pytest.raises(PinNotSet):
        wallets.request_pin_reset(actor=cast.residents[1].actor, signed_in_at=cast.now, now=cast.now)


@pytest.mark.parametrize("ago", [TEN_MINUTES + timedelta(seconds=1), timedelta(days=1), None])
def test_a_fresh_sign_in_is_needed_to_ask_and_to_reset(cast: Cast, ago: timedelta | None) -> None:
    code = request(cast)
    signed_in_at = cast.now - ago if ago else None
    with pytest.raises(FreshSignInRequired):
        wallets.request_pin_reset(actor=cast.bola.actor, signed_in_at=signed_in_at, now=cast.now)
    with pytest.raises(FreshSignInRequired):
        wallets.reset_pin(actor=cast.bola.actor, code=code, pin=NEXT, signed_in_at=signed_in_at, now=cast.now)
    reset(cast, code)


def test_a_sign_in_of_ten_minutes_ago_is_fresh(cast: Cast) -> None:
    reset(cast, request(cast, signed_in_at=cast.now - TEN_MINUTES))


def test_a_code_works_once(cast: Cast) -> None:
    code = request(cast)
    reset(cast, code)
    with pytest.raises(ResetCodeInvalid):
        reset(cast, code, RIGHT)
    assert spend(cast, NEXT)


def test_a_code_works_once_at_once(cast: Cast) -> None:
    code = request(cast)
    ended = race(lambda: reset(cast, code)).only(ResetCodeInvalid)
    assert len(ended.results) == 1


def test_a_code_is_too_old_after_ten_minutes(cast: Cast) -> None:
    code = request(cast)
    with pytest.raises(ResetCodeInvalid):
        reset(cast, code, at=cast.now + TEN_MINUTES)
    reset(cast, code, at=cast.now + TEN_MINUTES - timedelta(seconds=1))


def test_a_new_code_ends_the_one_before(cast: Cast) -> None:
    first = request(cast)
    second = request(cast)
    with pytest.raises(ResetCodeInvalid):
        reset(cast, first)
    reset(cast, second)


def test_five_wrong_codes_end_the_right_one(cast: Cast) -> None:
    code = request(cast)
    for _ in range(5):
        with pytest.raises(ResetCodeInvalid):
            reset(cast, other_than(code))
    with pytest.raises(ResetCodeInvalid):
        reset(cast, code)
    assert spend(cast, RIGHT)


def test_twenty_wrong_codes_at_once_are_five(cast: Cast) -> None:
    code = request(cast)
    race(lambda: reset(cast, other_than(code))).only(ResetCodeInvalid)
    with tenant(cast.cluster_id):
        assert PinReset.objects.get().attempts == 5


@pytest.mark.parametrize("code", ["", "0", "00000000 ", "abcdefgh", "٠" * 8])
def test_what_is_no_code_is_refused(cast: Cast, code: str) -> None:
    request(cast)
    with pytest.raises(ResetCodeInvalid):
        reset(cast, code)


def test_a_code_without_a_request_is_refused(cast: Cast) -> None:
    with pytest.raises(ResetCodeInvalid):
        reset(cast, "12345678")


def test_somebody_elses_code_is_refused(cast: Cast) -> None:
    code = request(cast)
    neighbour = cast.residents[1]
    wallets.set_pin(actor=neighbour.actor, pin=RIGHT, old_pin=None, now=cast.now)
    wallets.request_pin_reset(actor=neighbour.actor, signed_in_at=cast.now, now=cast.now)
    with pytest.raises(ResetCodeInvalid):
        reset(cast, code, actor=neighbour)


def test_a_pin_that_is_too_easy_costs_no_attempt(cast: Cast) -> None:
    code = request(cast)
    for _ in range(6):
        with pytest.raises(PinTooEasy):
            reset(cast, code, "123456")
    reset(cast, code)


def test_the_code_is_not_in_its_table(cast: Cast) -> None:
    code = request(cast)
    with tenant(cast.cluster_id), connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(r::text, ' ') FROM wallets_pinreset r")
        assert code not in cursor.fetchone()[0]


def test_expired_codes_are_forgotten_at_night(cast: Cast) -> None:
    request(cast, at=cast.now - timedelta(hours=1))
    forget_reset_codes(timestamp=0)
    with tenant(cast.cluster_id):
        assert not PinReset.objects.exists()
