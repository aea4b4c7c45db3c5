"""PINs: set, change, check, lock."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from argon2 import PasswordHasher
from django.conf import settings as django_settings
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from clustr.audit import queries as audit
from clustr.environment import UnsafeSettings
from clustr.kit.tenancy import tenant
from clustr.notifications.types import NotificationEvents
from clustr.people.models import User
from clustr.wallets import commands as wallets
from clustr.wallets.models import Pin
from clustr.wallets.pin_hashing import hash_pin, pin_matches
from clustr.wallets.policies import UNTIL_RESET, lock_after, refuse_easy_pin
from clustr.wallets.refusals import OldPinRequired, PinIncorrect, PinLocked, PinRequired, PinTooEasy
from clustr.wallets.types import Destination
from tests.cast import Cast, Person
from tests.databases import superuser
from tests.money import naira
from tests.notifications.acts import told
from tests.races import race
from tests.wallets.acts import wallet_of

RIGHT, WRONG, NEXT = "294817", "731946", "608351"
OLD, NEW, OTHER = f"old:{'a1' * 32}", f"new:{'b2' * 32}", f"old:{'c3' * 32}"


@pytest.fixture
def peppers(settings: Any) -> Any:
    """Choose the peppers this process knows."""

    def choose(text: str) -> None:
        chosen = django_settings.ENV.model_copy(update={"CLUSTR_PIN_PEPPERS": text})
        chosen.__dict__.pop("peppers", None)
        settings.ENV = chosen

    return choose


def set_pin(cast: Cast, pin: str = RIGHT, old_pin: str | None = None, *, at: datetime | None = None) -> None:
    wallets.set_pin(actor=cast.bola.actor, pin=pin, old_pin=old_pin, now=at or cast.now)


def spend(cast: Cast, pin: str, *, at: datetime | None = None) -> bool:
    """Whether the PIN was checked and right."""
    return wallets.authorize_spend(actor=cast.bola.actor, pin=pin, now=at or cast.now).pin_checked


def stored(person: Person) -> Pin:
    with tenant(person.cluster_id):
        return Pin.objects.get(user_id=person.user_id)


def fail(cast: Cast, times: int, *, at: datetime | None = None) -> None:
    for _ in range(times):
        with pytest.raises(PinIncorrect):
            spend(cast, WRONG, at=at)


def test_it_works(cast: Cast) -> None:
    set_pin(cast)
    assert wallet_of(cast.bola).has_pin
    made = wallets.authorize_spend(actor=cast.bola.actor, pin=RIGHT, now=cast.now)
    assert (made.user_id, made.cluster_id, made.pin_checked) == (cast.bola.user_id, cast.cluster_id, True)


def test_without_a_pin_none_is_needed(cast: Cast) -> None:
    assert spend(cast, WRONG) is False


def test_with_a_pin_it_is_required(cast: Cast) -> None:
    set_pin(cast)
    with pytest.raises(PinRequired):
        wallets.withdraw(
            actor=cast.bola.actor,
            amount=naira("1.00"),
            destination=Destination("044", "0123456789"),
            authorization=None,
            now=cast.now,
        )
    assert stored(cast.bola).failed_attempts == 0


def test_a_lock_is_told(cast: Cast) -> None:
    set_pin(cast)
    at = cast.now
    for said in ("5 times", "10 times", "15 times"):
        fail(cast, 4, at=at)
        before = len(told(cast.bola, NotificationEvents.PIN_LOCKED))
        fail(cast, 1, at=at)
        notices = told(cast.bola, NotificationEvents.PIN_LOCKED)
        assert len(notices) == before + 1
        assert notices[-1].title == "Spending from your wallet is locked"
        assert said in notices[-1].body
        at += timedelta(minutes=31)
    assert "locked for 15 minutes" in notices[0].body
    assert "locked for 30 minutes" in notices[1].body
    assert "until you reset your PIN" in notices[2].body


def test_a_right_fifth_try_is_no_lock_and_no_mail(cast: Cast) -> None:
    set_pin(cast)
    fail(cast, 4)
    assert spend(cast, RIGHT)
    assert not told(cast.bola, NotificationEvents.PIN_LOCKED)


def test_a_wrong_pin_is_refused_and_says_how_many_are_left(cast: Cast) -> None:
    set_pin(cast)
    for said in ("4 more wrong tries", "3 more wrong tries", "2 more wrong tries", "1 more wrong try", "now locked"):
        with pytest.raises(PinIncorrect, match=said):
            spend(cast, WRONG)


def test_the_right_pin_forgets_the_wrong_ones(cast: Cast) -> None:
    set_pin(cast)
    fail(cast, 4)
    spend(cast, RIGHT)
    fail(cast, 4)
    spend(cast, RIGHT)
    assert stored(cast.bola).failed_attempts == 0


def test_a_pin_is_of_one_cluster_and_one_person(cast: Cast) -> None:
    set_pin(cast)
    assert wallets.authorize_spend(actor=cast.residents[1].actor, pin=RIGHT, now=cast.now).pin_checked is False
    with tenant(cast.lekki.id):
        assert not Pin.objects.exists()


# --- Changing ------------------------------------------------------------------------------------------------------------


def test_changing_takes_the_present_one(cast: Cast) -> None:
    set_pin(cast)
    fail(cast, 2)
    set_pin(cast, NEXT, RIGHT)
    assert stored(cast.bola).failed_attempts == 0
    assert spend(cast, NEXT)
    with pytest.raises(PinIncorrect):
        spend(cast, RIGHT)


def test_changing_without_the_present_one_is_refused(cast: Cast) -> None:
    set_pin(cast)
    with pytest.raises(OldPinRequired):
        set_pin(cast, NEXT)
    assert spend(cast, RIGHT)


def test_a_first_one_asks_for_no_other(cast: Cast) -> None:
    set_pin(cast, old_pin="000000")
    assert spend(cast, RIGHT)


def test_changing_with_a_wrong_one_is_refused_and_counted(cast: Cast) -> None:
    set_pin(cast)
    for _ in range(5):
        with pytest.raises(PinIncorrect):
            set_pin(cast, NEXT, WRONG)
    with pytest.raises(PinLocked):
        set_pin(cast, NEXT, RIGHT)


def test_twenty_first_pins_at_once_set_one(cast: Cast) -> None:
    chosen = [f"29481{digit}" for digit in (0, 2, 3, 4, 5, 6, 7, 9)]
    ended = race([lambda pin=pin: set_pin(cast, pin) for pin in chosen]).only(OldPinRequired)  # type: ignore[misc]
    assert len(ended.results) == 1


def test_a_change_that_was_overtaken_is_refused(cast: Cast) -> None:
    """Twenty changes with the same old PIN: one is made; the others checked a PIN that is no longer the PIN."""
    set_pin(cast)
    moments = [cast.now + timedelta(seconds=second) for second in range(1, 9)]
    ended = race([lambda at=at: set_pin(cast, NEXT, RIGHT, at=at) for at in moments])  # type: ignore[misc]
    ended.only(OldPinRequired, PinIncorrect, PinLocked)
    assert len(ended.results) == 1


def test_what_was_checked_for_one_is_not_set_for_another(cast: Cast) -> None:
    checked = wallets.check_new_pin(actor=cast.bola.actor, pin=RIGHT, old_pin=None, now=cast.now)
    other = cast.residents[1]
    with pytest.raises(AssertionError):
        wallets.keep_pin(actor=other.actor, checked=checked, now=cast.now)
    assert not wallets.authorize_spend(actor=other.actor, pin=RIGHT, now=cast.now).pin_checked


def test_what_happened_is_audited_without_the_pin(cast: Cast) -> None:
    set_pin(cast)
    set_pin(cast, NEXT, RIGHT)
    with tenant(cast.cluster_id):
        acts = [event for event in audit.audit_events(actor=cast.ada.actor) if "pin" in event.action]
    assert [event.action for event in acts] == ["wallets.pin_changed", "wallets.pin_set"]
    assert not any(pin in str(acts) for pin in (RIGHT, NEXT))


# --- Too easy ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pin",
    [
        "000000",
        "111111",
        "123456",
        "654321",
        "012345",
        "890123",
        "121212",
        "123123",
        "112233",
        "159753",
        "147258",
        "123321",
        "100001",
        "199019",
        "198585",
        "201020",
        "246802",
        "777778",
    ],
)
def test_too_easy_ones_are_refused(cast: Cast, pin: str) -> None:
    with pytest.raises(PinTooEasy):
        set_pin(cast, pin)


@pytest.mark.parametrize("phone", ["+234 803 729 4817", "08037294817", "2948170000"])
def test_the_digits_of_ones_own_phone_are_refused(cast: Cast, phone: str) -> None:
    User.objects.filter(id=cast.bola.user_id).update(phone=phone)
    with pytest.raises(PinTooEasy):
        set_pin(cast, RIGHT)


@pytest.mark.parametrize("pin", [RIGHT, WRONG, NEXT, "284917", "930274"])
def test_others_are_taken(pin: str) -> None:
    refuse_easy_pin(pin=pin, phone="+234 803 555 0199")


@given(st.from_regex(r"[0-9]{6}", fullmatch=True))
def test_few_pins_are_refused_and_none_crashes(pin: str) -> None:
    if len(set(pin)) <= 2 or pin == pin[::-1]:
        with pytest.raises(PinTooEasy):
            refuse_easy_pin(pin=pin, phone="")


def test_hardly_any_are_refused() -> None:
    refused = 0
    for number in range(0, 10**6, 97):
        try:
            refuse_easy_pin(pin=f"{number:06}", phone="")
        except PinTooEasy:
            refused += 1
    assert refused / (10**6 / 97) < 0.02


# --- Locking -------------------------------------------------------------------------------------------------------------


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def test_five_wrong_ones_lock_for_fifteen_minutes(cast: Cast) -> None:
    set_pin(cast)
    fail(cast, 5)
    with pytest.raises(PinLocked) as refused:
        spend(cast, WRONG)
    assert refused.value.retry_after_seconds == 15 * 60 + 1
    with pytest.raises(PinLocked):
        spend(cast, RIGHT, at=cast.now + minutes(14.99))
    assert spend(cast, RIGHT, at=cast.now + minutes(15))


def test_the_right_pin_is_refused_while_locked_and_counts_nothing(cast: Cast) -> None:
    set_pin(cast)
    fail(cast, 5)
    for _ in range(10):
        with pytest.raises(PinLocked):
            spend(cast, RIGHT)
    assert stored(cast.bola).failed_attempts == 5


def test_the_lock_doubles_and_then_stays_until_a_reset(cast: Cast) -> None:
    set_pin(cast)
    at = cast.now
    fail(cast, 5, at=at)
    at += minutes(15)
    fail(cast, 5, at=at)
    with pytest.raises(PinLocked):
        spend(cast, RIGHT, at=at + minutes(29.99))
    at += minutes(30)
    fail(cast, 5, at=at)
    for later in (minutes(61), timedelta(days=365 * 50)):
        with pytest.raises(PinLocked, match="until the PIN is reset"):
            spend(cast, RIGHT, at=at + later)
    assert stored(cast.bola).failed_attempts == 15


@pytest.mark.parametrize(
    ("failures", "locked_for"), [(1, None), (4, None), (5, 15), (6, None), (9, None), (10, 30), (11, None), (14, None)]
)
def test_lock_after(cast: Cast, failures: int, locked_for: int | None) -> None:
    assert lock_after(failures, now=cast.now) == (cast.now + minutes(locked_for) if locked_for else None)


@pytest.mark.parametrize("failures", [15, 16, 100])
def test_lock_until_reset(cast: Cast, failures: int) -> None:
    assert lock_after(failures, now=cast.now) == UNTIL_RESET


def test_an_attempt_survives_the_request_that_dies(cast: Cast, peppers: Any) -> None:
    """Counted, and committed, before the hash is looked at: whatever happens then, the attempt is used."""
    peppers(OLD)
    set_pin(cast)
    peppers("no pepper")
    for _ in range(5):
        with pytest.raises(UnsafeSettings):
            spend(cast, RIGHT)
    peppers(OLD)
    with pytest.raises(PinLocked):
        spend(cast, RIGHT)


def test_inside_a_transaction_that_could_roll_it_back_it_refuses_to_work(cast: Cast) -> None:
    set_pin(cast)
    with pytest.raises(RuntimeError, match="attempt"), tenant(cast.cluster_id):
        spend(cast, RIGHT)
    with pytest.raises(RuntimeError), transaction.atomic():
        spend(cast, RIGHT)


def test_twenty_right_ones_at_once_all_pass(cast: Cast) -> None:
    set_pin(cast)
    ended = race(lambda: spend(cast, RIGHT)).only()
    assert ended.results == [True] * 20
    assert stored(cast.bola).failed_attempts == 0


def test_twenty_wrong_ones_at_once_use_exactly_five_attempts(cast: Cast) -> None:
    set_pin(cast)
    ended = race(lambda: spend(cast, WRONG)).only(PinIncorrect, PinLocked)
    assert ended.refused == {"PinIncorrect": 5, "PinLocked": 15}
    assert stored(cast.bola).failed_attempts == 5


def test_a_right_one_among_wrong_ones_opens_nothing_more(cast: Cast) -> None:
    """Whatever the order, at most five wrong ones in a row are looked at."""
    set_pin(cast)
    ended = race([lambda: spend(cast, RIGHT), *[lambda: spend(cast, WRONG)] * 19]).only(PinIncorrect, PinLocked)
    assert ended.refused["PinIncorrect"] <= 9
    assert stored(cast.bola).failed_attempts == 5


def test_no_lock_stays_with_a_connection_that_others_will_use(cast: Cast) -> None:
    set_pin(cast)
    assert spend(cast, RIGHT)
    fail(cast, 1)
    with tenant(cast.cluster_id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            " WHERE l.locktype = 'advisory' AND d.datname = current_database()"
        )
        assert cursor.fetchone() == (0,)


def test_the_database_too_wants_a_lock_at_five(cast: Cast) -> None:
    set_pin(cast)
    with (
        pytest.raises(Exception, match="wallets_pin_locked_at_five"),
        tenant(cast.cluster_id),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE wallets_pin SET failed_attempts = 5")


def test_the_database_too_wants_one_pin_each(cast: Cast) -> None:
    set_pin(cast)
    with (
        pytest.raises(Exception, match="wallets_pin_one_each"),
        tenant(cast.cluster_id),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO wallets_pin (cluster_id, id, user_id, hash, pepper_id, failed_attempts, set_at)"
            " SELECT cluster_id, gen_random_uuid(), user_id, hash, pepper_id, 0, set_at FROM wallets_pin"
        )


# --- The hash ------------------------------------------------------------------------------------------------------------


def test_the_hash_is_argon2id_and_nothing_without_the_pepper(cast: Cast, peppers: Any) -> None:
    peppers(OLD)
    set_pin(cast)
    kept = stored(cast.bola)
    assert kept.hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    who = {"cluster_id": cast.cluster_id, "user_id": cast.bola.user_id}
    assert pin_matches(pin=RIGHT, hash=kept.hash, pepper_id=kept.pepper_id, **who)
    with pytest.raises(Exception, match="does not match"):
        PasswordHasher().verify(kept.hash, RIGHT)
    peppers(OTHER)
    assert not pin_matches(pin=RIGHT, hash=kept.hash, pepper_id=kept.pepper_id, **who)
    peppers(NEW)
    assert not pin_matches(pin=RIGHT, hash=kept.hash, pepper_id=kept.pepper_id, **who)


def test_a_hash_is_nobody_elses(cast: Cast) -> None:
    hashed, pepper_id = hash_pin(pin=RIGHT, cluster_id=cast.cluster_id, user_id=cast.bola.user_id)
    for cluster_id, user_id in ((cast.lekki.id, cast.bola.user_id), (cast.cluster_id, cast.ada.user_id)):
        assert not pin_matches(pin=RIGHT, hash=hashed, pepper_id=pepper_id, cluster_id=cluster_id, user_id=user_id)


def test_a_hash_that_is_no_hash_matches_nothing(cast: Cast) -> None:
    pepper_id = next(iter(django_settings.ENV.peppers))
    for nonsense in ("", "x", "$argon2id$v=19$m=19456,t=2,p=1$"):
        assert not pin_matches(
            pin=RIGHT, hash=nonsense, pepper_id=pepper_id, cluster_id=cast.cluster_id, user_id=cast.bola.user_id
        )


def test_a_new_pepper_takes_over_at_the_next_right_pin(cast: Cast, peppers: Any) -> None:
    peppers(OLD)
    set_pin(cast)
    before = stored(cast.bola)
    peppers(f"{NEW},{OLD}")
    with pytest.raises(PinIncorrect):
        spend(cast, WRONG)
    assert stored(cast.bola).pepper_id == "old"
    assert spend(cast, RIGHT)
    after = stored(cast.bola)
    assert (before.pepper_id, after.pepper_id, after.set_at) == ("old", "new", before.set_at)
    assert after.hash != before.hash
    peppers(NEW)
    assert spend(cast, RIGHT), "the old pepper is needed no longer"


def test_with_its_pepper_gone_a_pin_is_wrong(cast: Cast, peppers: Any) -> None:
    peppers(OLD)
    set_pin(cast)
    peppers(NEW)
    with pytest.raises(PinIncorrect):
        spend(cast, RIGHT)


def test_the_pin_is_nowhere(cast: Cast, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    """Not in what is logged or printed, not in any text in the database, not in what is said of a refusal. Hashes of other
    tests' passwords hold six digits by chance."""
    right, wrong, then, easy = "739184", "518372", "960275", "112233"
    said = []
    with superuser() as server:
        by_chance = {pin: _in_database(server, pin) for pin in (right, wrong, then)}
    with caplog.at_level("DEBUG"):
        set_pin(cast, right)
        for attempt in (wrong, right):
            try:
                spend(cast, attempt)
            except PinIncorrect as refusal:
                said.append(repr(refusal) + refusal.detail)
        with pytest.raises(PinTooEasy) as refused:
            set_pin(cast, easy, right)
        said.append(repr(refused.value) + refused.value.detail)
        set_pin(cast, then, right)
    out = capfd.readouterr()
    for pin in (right, wrong, then, easy):
        assert pin not in caplog.text + out.out + out.err + "".join(said)
    with superuser() as server:
        for pin, before in by_chance.items():
            assert _in_database(server, pin) == before
        assert _in_database(server, cast.bola.email), "the search finds nothing that is there"


def _in_database(server: psycopg.Connection, text: str) -> list[str]:
    """Every column of letters, in every table, in which this stands."""
    columns = server.execute(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND data_type IN ('text', 'character varying', 'jsonb', 'json', 'ARRAY')"
    ).fetchall()
    return [
        f"{table}.{column}"
        for table, column in columns
        if server.execute(
            f'SELECT 1 FROM "{table}" WHERE "{column}"::text LIKE %s LIMIT 1',  # type: ignore[arg-type]
            [f"%{text}%"],
        ).fetchone()
    ]
