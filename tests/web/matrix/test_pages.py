"""Pages that are about something of somebody's, for everybody else: a neighbour, the office, another estate, a stranger. There is
nothing, and what they send does nothing. Every address with an id has a line here, or the first test fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.urls import reverse

from clustr.audit.models import AuditEvent
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.tenancy import tenant
from clustr.ledger.models import Transfer
from clustr.subscriptions import commands as subscriptions
from clustr.web.pages.platform.addresses import urlpatterns as of_platform
from clustr.web.pages.residents.addresses import urlpatterns as of_residents
from tests.cast import Person
from tests.web.matrix.town import Place, Town
from tests.web.pages.browsing import Browser

MADE: dict[str, Callable[[Place], UUID | str]] = {
    "app:bill_id": lambda place: place.acknowledged().id,
    "app:transaction_id": lambda place: place.ended_deposit(),
    "app:order_id": lambda place: place.order(),
    "app:quote_id": lambda place: place.quoted()["quote_id"],
    "app:purchase_id": lambda place: place.bought(),
    "app:account_id": lambda place: place.saved_number(),
    "app:automation_id": lambda place: place.automation(),
    "app:method_id": lambda place: place.saved_card(),
    "platform:method_id": lambda place: place.card(),
    "platform:case_id": lambda place: place.platform_case(),
    "platform:user_id": lambda place: place.subscribed() and place.member.user_id,
    "platform:invoice_id": lambda place: place.invoiced(),
}
"""What an id of an address names, made for somebody, by the address's area and the name of its id."""

OTHERWISE: dict[str, Callable[[Place], UUID | str]] = {
    "app:cancel_withdrawal": lambda place: place.withdrawal(),
    "app:withdraw_dispute": lambda place: place.disputed()[0].id,
    "app:receipt": lambda place: place.paid()[1],
    "app:resume_recurring": lambda place: place.paused_order(),
    "app:switch_on_automation": lambda place: place.automation(enable=False),
}
"""Where the address asks for something in another state."""

FOR_THE_OFFICE_TOO = {"app:receipt"}
"""What whoever sees the estate's payments may see too, by the same address."""

NOBODYS = {"platform:choose": "a plan that everybody may choose"}
"""Addresses whose name is nobody's."""


def _with_ids() -> dict[str, str]:
    """The addresses that name something, and what they call it."""
    found = {}
    for area, patterns in (("app", of_residents), ("platform", of_platform)):
        for pattern in patterns:
            for name in pattern.pattern.converters:
                found[f"{area}:{pattern.name}"] = f"{area}:{name}"
    return found


ADDRESSES = {name: id for name, id in _with_ids().items() if name not in NOBODYS}


def test_it_works(town: Town) -> None:
    """Every address with an id is known here, and who it belongs to finds it."""
    known = set(MADE)
    assert {id for name, id in ADDRESSES.items() if name not in OTHERWISE} <= known
    assert set(OTHERWISE) | set(NOBODYS) <= set(_with_ids())
    place = town.place(town.here)
    for name in (
        "app:bill",
        "app:transaction",
        "app:recurring_payment",
        "app:purchase",
        "app:automation",
        "app:buy_utility",
    ):
        assert Browser(place.member).open(_address(name, _made(name, place))).status_code == 200, name


@pytest.mark.parametrize("name", sorted(ADDRESSES))
def test_nobody_else_sees_or_does_it(town: Town, name: str) -> None:
    place = town.place(town.here)
    made = _made(name, place)
    address, before = _address(name, made), _written(place, made)
    others = (town.newcomer(town.here), town.here["office"], town.there["office"])
    for person in others if name not in FOR_THE_OFFICE_TOO else others[::2]:
        browser = Browser(person)
        shown = browser.client.get(address)
        assert shown.status_code in (404, 405), (name, person.name, shown.status_code)
        assert place.member.name not in shown.content.decode()
        sent = _send(browser, address, person)
        assert sent.status_code in (403, 404, 405, 409), (name, person.name, sent.status_code)
        assert place.member.name not in sent.content.decode()
    stranger = Browser(None).client.get(address)
    assert stranger.status_code == 405 or stranger["Location"].startswith("/accounts/login/?")
    assert _written(place, made) == before


def _made(name: str, place: Place) -> UUID | str:
    return (OTHERWISE.get(name) or MADE[ADDRESSES[name]])(place)


def _address(name: str, id: UUID | str) -> str:
    return reverse(name, args=[id])


def _send(browser: Browser, address: str, person: Person) -> Any:
    """What the owner's form would send, by somebody else, with a key and a token of their own."""
    browser.open("/app/you/name/")
    form = browser.form().values
    kept = {key: form[key] for key in ("csrfmiddlewaretoken", "form_key", "form_estate") if key in form}
    filled = {
        "amount": "1.00",
        "pin": "",
        "reason": "Why",
        "note": "Why",
        "means": "wallet",
        "step": "do",
        "version": "1",
    }
    return browser.client.post(address, kept | filled, follow=True)


def _written(place: Place, made: UUID | str) -> tuple[int, ...]:
    """Money moved, acts about what was made, and cards."""
    counts = []
    for cluster_id in (place.estate.id, PLATFORM_CLUSTER_ID):
        with tenant(cluster_id):
            counts.append(Transfer.objects.filter(cluster_id=cluster_id).count())
            if isinstance(made, UUID):
                counts.append(AuditEvent.objects.filter(cluster_id=cluster_id, subject_id=made).count())
    if isinstance(made, str) and made.startswith("pm_"):
        cards = subscriptions.my_methods(actor=place.customer)
        counts += [len(cards), sum(card.id == made and card.is_default for card in cards)]
    return tuple(counts)
