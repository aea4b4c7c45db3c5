"""Every page of the office for every permission by itself, and for those who may see none of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clustr.web.pages.office.addresses import urlpatterns
from tests.cast import Person
from tests.money import prove
from tests.web.pages.browsing import Browser
from tests.web.pages.office.places import OFFICE, PERMISSIONS, Lived, Place, make_lived

POSTED = ("remind", "refund", "reverse", "stop_withdrawal", "case", "webhook_secret", "change_webhook", "webhook_again")
"""Addresses that only take a form of another page; they ask the API's own views."""


@pytest.fixture(scope="module")
def lived(django_db_setup: None) -> Iterator[Lived]:
    made = make_lived()
    yield made
    prove(made.cast)


@pytest.fixture(scope="module")
def staff(lived: Lived) -> dict[str, Person]:
    """One member of staff with each permission, and one with none."""
    made = {name: lived.cast.manager(name, name=f"With {name}") for name in PERMISSIONS}
    return made | {"": lived.cast.manager(name="With nothing")}


def test_it_works(lived: Lived) -> None:
    """Every address is in the list, and an administrator opens each page."""
    listed = {place.address.split("?")[0].rstrip("/").replace("{", "<").replace("}", ">") for place in OFFICE}
    shape = {
        pattern.name: "/office/"
        + str(pattern.pattern)
        .replace("uuid:bill_id", "bill")
        .replace("uuid:user_id", "member")
        .replace("uuid:membership_id", "membership")
        .replace("uuid:dispute_id", "dispute")
        .replace("uuid:transaction_id", "transaction")
        .replace("uuid:recurring_payment_id", "order")
        .replace("uuid:transfer_id", "transfer")
        .replace("uuid:endpoint_id", "endpoint")
        for pattern in urlpatterns
    }
    assert {address.rstrip("/") for name, address in shape.items() if name not in POSTED} == listed
    ada = Browser(lived.cast.ada)
    for place in OFFICE:
        answer = ada.client.get(place.of(lived))
        assert answer.status_code == 200, (place.address, answer.content.decode()[:2000])
        if answer["Content-Type"].startswith("text/html"):
            assert "<h1" in answer.content.decode(), place.address
        assert "no-store" in answer.get("Cache-Control", "no-store")


@pytest.mark.parametrize("permission", ["", *PERMISSIONS])
def test_each_permission_opens_its_pages_and_no_other(lived: Lived, staff: dict[str, Person], permission: str) -> None:
    browser = Browser(staff[permission])
    wrong = []
    for place in OFFICE:
        answer = browser.client.get(place.of(lived))
        expected = {200, 302} if place.needs is None else {200} if permission in place.needs else {403}
        if answer.status_code not in expected:
            wrong.append((place.address, answer.status_code))
    assert wrong == []


def test_what_is_linked_is_open(lived: Lived, staff: dict[str, Person]) -> None:
    for person in staff.values():
        browser = Browser(person)
        browser.open("/office/more/")
        links = set(browser.links)
        for link in sorted(link for link in links if link.startswith("/office/")):
            assert browser.client.get(link, follow=True).status_code == 200, (person.name, link)
        assert browser.open("/office/").status_code == 200


@pytest.mark.parametrize("place", OFFICE, ids=str)
def test_nobody_else_sees_it(lived: Lived, place: Place) -> None:
    """A resident, somebody who left, and the neighbours' administrator: there is nothing. A stranger signs in first."""
    cast, address = lived.cast, place.of(lived)
    assert Browser(cast.bola).client.get(address).status_code == 404
    asked_to_sign_in = Browser(None).client.get(address)
    assert asked_to_sign_in.status_code == 302
    assert asked_to_sign_in["Location"].startswith("/accounts/login/?next=")
    if "{" in place.address and "?" not in place.address:
        dayo = Browser(cast.dayo).client.get(address)
        assert dayo.status_code in (403, 404), address
        assert "Service charge" not in dayo.content.decode()
        assert "Bola" not in dayo.content.decode()
