"""Guessing is slow: five wrong tries in five minutes for an account, whichever process they reach."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex

from django.conf import settings
from django.db import connection
from django.test import Client

from clustr.people import throttle
from tests.people.someone import APP, Someone, an_address, key_in, mail_to, post, sign_in, someone


def wrong(client: Client, person: Someone) -> int:
    return int(post(client, "auth/login", {"email": person.email, "password": "not this one"}).status_code)


def test_it_works(api: Client) -> None:
    bola = someone()
    assert [wrong(api, bola) for _ in range(5)] == [400] * 5
    response = post(api, "auth/login", {"email": bola.email, "password": bola.password})
    assert response.status_code == 429
    assert response.json()["status"] == 429
    assert 0 < int(response["Retry-After"]) <= 300


def test_the_sixth_try_from_another_address_is_refused_too(api: Client) -> None:
    bola = someone()
    for _ in range(5):
        wrong(Client(REMOTE_ADDR=an_address()), bola)
    assert wrong(api, Someone(bola.id, f" {bola.email.upper()}")) == 429


def test_one_subscribers_ipv6_addresses_count_together() -> None:
    network = f"2001:db8:{token_hex(2)}:{token_hex(2)}"
    waits = [
        throttle.take_attempt(email=f"{n}@{network}.test", address=f"{network}::{n:x}").wait_seconds
        for n in range(settings.ENV.THROTTLE_SIGN_IN_PER_ADDRESS + 1)
    ]
    assert [wait is None for wait in waits] == [True] * settings.ENV.THROTTLE_SIGN_IN_PER_ADDRESS + [False]


def test_the_headed_page_counts_the_same_tries(api: Client) -> None:
    bola = someone()
    for _ in range(5):
        wrong(api, bola)
    response = api.post("/accounts/login/", {"login": bola.email, "password": bola.password})
    assert response.status_code == 429
    assert response["Retry-After"]


def test_another_process_counts_the_same_tries(api: Client) -> None:
    bola = someone()
    for _ in range(5):
        wrong(api, bola)
    script = (
        "import sys, django; django.setup()\n"
        "from django.db import connection\n"
        "from clustr.people import throttle\n"
        "connection.settings_dict['NAME'] = sys.argv[1]\n"
        "print(throttle.take_attempt(email=sys.argv[2], address='192.0.2.1').wait_seconds)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, connection.settings_dict["NAME"], bola.email],
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", **_environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 0 < int(ran.stdout) <= 300


def _environment() -> dict[str, str]:
    import os

    return {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}


def test_a_burst_has_no_more_tries_than_a_patient_guesser() -> None:
    bola = someone()

    def guess(_: int) -> int:
        try:
            return wrong(Client(REMOTE_ADDR=an_address()), bola)
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(guess, range(24)))
    assert sorted(statuses) == [400] * 5 + [429] * 19


def test_good_tries_do_not_count(api: Client) -> None:
    bola = someone()
    for _ in range(8):
        assert sign_in(Client(REMOTE_ADDR="192.0.2.9"), bola)
    assert wrong(api, bola) == 400


def test_setting_a_new_password_through_the_mail_ends_the_wait(api: Client) -> None:
    bola = someone()
    for _ in range(6):
        wrong(api, bola)
    post(api, "auth/password/request", {"email": bola.email})
    body = {"key": key_in(mail_to(bola.email)), "password": "another long password"}
    assert post(api, "auth/password/reset", body).status_code == 401  # done; not signed in by it
    bola.password = "another long password"
    assert sign_in(api, bola)


def test_many_people_at_one_address_do_not_hinder_each_other() -> None:
    people = [someone() for _ in range(100)]

    def go(person: Someone) -> int:
        try:
            body = {"email": person.email, "password": person.password}
            return int(post(Client(REMOTE_ADDR="127.0.0.1"), "auth/login", body).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(go, people)) == {200}


def test_right_passwords_at_once_are_no_failures() -> None:
    bola = someone()

    def go(_turn: int) -> int:
        try:
            body = {"email": bola.email, "password": bola.password}
            return int(post(Client(REMOTE_ADDR=an_address()), "auth/login", body).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(go, range(8))) == {200}


def test_one_address_trying_many_accounts_is_slowed_down() -> None:
    address = an_address()
    for number in range(settings.ENV.THROTTLE_SIGN_IN_PER_ADDRESS):
        assert throttle.take_attempt(email=f"{address}-{number}", address=address).wait_seconds is None
    assert throttle.take_attempt(email=f"{address}-fresh", address=address).wait_seconds


def test_asking_for_password_mail_over_and_over_is_refused(api: Client) -> None:
    bola = someone()
    statuses = [post(api, "auth/password/request", {"email": bola.email}).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    response = post(api, "auth/password/request", {"email": bola.email})
    assert response["Retry-After"] == "60"
    assert api.get(APP + "auth/session").status_code == 401
