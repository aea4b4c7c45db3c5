"""The platform's pages: a customer's plan from the first look to the end, and what only the platform's staff sees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.people.commands import create_platform_staff
from clustr.subscriptions import commands as subscriptions
from clustr.subscriptions.catalogue import DEFAULT_PLANS, read_catalogue
from tests.cast import Cast, Person
from tests.web.pages.browsing import Browser
from tests.web.pages.office.places import PLATFORM


@pytest.fixture(autouse=True)
def _plans(cast: Cast) -> None:
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    subscriptions.sync_plans(actor=platform, catalogue=read_catalogue(DEFAULT_PLANS), now=cast.now)


@pytest.fixture
def ngozi(cast: Cast) -> Person:
    user_id = create_platform_staff(email=f"ngozi-{cast.cluster_id}@example.test", name="Ngozi", now=cast.now)
    return replace(cast.ada, name="Ngozi", user_id=user_id)


def test_it_works(cast: Cast) -> None:
    """Look at the plans, begin one, change it, cancel it, keep it, say where invoices go."""
    ada = Browser(cast.ada)
    ada.open("/platform/")
    assert ada.page.request["PATH_INFO"] == "/platform/plans/"
    ada.open("/platform/plans/basic/?interval=month&currency=NGN")
    assert "29,000" in ada.text
    form, page = ada.form(), ada.page
    ada.send()
    assert "Welcome. Your plan has begun." in ada.text
    ada.page = page
    ada.send(form=form)
    ada.open("/platform/plans/pro/?interval=month")
    assert "Change to Pro" in ada.text
    ada.send()
    assert "Your plan is changed." in ada.text
    ada.send("/cancel/", when="period_end", reason="Too dear")
    assert "Your plan ends" in ada.text
    ada.send("/reactivate/")
    assert "Your plan goes on." in ada.text
    ada.open("/platform/address/")
    assert ada.send(line1="1 Palm Road", city="Lagos", country="Nigeria").status_code == 422
    ada.send(line1="1 Palm Road", city="Lagos", country="ng")
    assert "Saved." in ada.text
    for address in PLATFORM:
        assert ada.open(address).status_code == 200


def test_a_coupon_that_is_none(cast: Cast) -> None:
    ada = Browser(cast.ada)
    ada.open("/platform/plans/basic/?interval=month&currency=NGN")
    ada.send()
    assert ada.send("/coupon/", code="NOTHING").status_code in (404, 409, 422)


@pytest.mark.parametrize("address", [*PLATFORM, "/platform/customers/"])
def test_a_stranger_is_asked_to_sign_in(address: str) -> None:
    answer = Browser(None).client.get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=")


def test_customers_are_for_staff(cast: Cast, ngozi: Person) -> None:
    ada = Browser(cast.ada)
    ada.open("/platform/plans/basic/?interval=month&currency=NGN")
    ada.send()
    assert ada.open("/platform/customers/").status_code == 404
    staff = Browser(ngozi)
    staff.open("/platform/")
    assert staff.page.request["PATH_INFO"] == "/platform/customers/"
    staff.open(f"/platform/customers/?q={cast.ada.email}&status=trialing")
    assert cast.ada.email in staff.text
    staff.open(f"/platform/customers/?q={cast.bola.email}")
    assert "No customers here" in staff.text
