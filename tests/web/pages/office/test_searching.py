"""The office looks things up: in its wallet's ledger, among one member's bills, among cases; and finds nobody else's."""

from __future__ import annotations

import re

import pytest

from clustr.kit.ids import reference_of
from clustr.kit.tenancy import tenant
from clustr.notifications import endpoint_queries
from clustr.notifications.models import EndpointDelivery, Event
from clustr.payments import commands as payments
from clustr.payments.states import CaseKind
from tests.web.asking import OFFICE
from tests.web.pages.browsing import Browser, assert_leads_on_from
from tests.web.pages.office.places import Lived, make_lived

CREDIT, TRANSFER, PAID, OWN = "Hall", "Diesel, January", "Service charge", "Gate repair"


@pytest.fixture(scope="module")
def lived(django_db_setup: None) -> Lived:
    return make_lived()


def names(text: str) -> set[str]:
    """What the rows of a list are called."""
    return set(re.findall(r'class="name"[^>]*>([^<]+)<', text))


def found(browser: Browser, address: str, q: str) -> set[str]:
    """What the rows are called that a search answers, as htmx asks for them."""
    rows = browser.open(f"{address}?q={q}", HX_Request="true")
    assert "<html" not in browser.text, rows
    return names(browser.text)


def test_the_ledger_of_the_estates_wallet(lived: Lived) -> None:
    ada, here = Browser(lived.cast.ada), "/office/wallet/"
    assert names(ada.open(here).content.decode()) >= {CREDIT, TRANSFER, PAID, OWN}
    assert found(ada, here, "diesel") == {TRANSFER}
    assert found(ada, here, "ade+%26+sons") == {CREDIT}
    assert found(ada, here, "bola") == {PAID, OWN}
    assert found(ada, here, reference_of(lived.payment).lower()) == {PAID}
    assert found(ada, here, "100%25") == set()
    assert "No movement fits what you asked for." in ada.text
    answer = lived.cast.client_of(lived.cast.ada).get(OFFICE + "cluster_wallet/?q=diesel&limit=1").json()
    assert [row["reason"] for row in answer["operations"]["results"]] == [TRANSFER]


def test_members_are_not_found_by_who_may_not_see_them(lived: Lived) -> None:
    only_the_wallet = Browser(lived.cast.manager("ViewWallet"))
    assert found(only_the_wallet, "/office/wallet/", "bola") == set()
    assert found(only_the_wallet, "/office/wallet/", "diesel") == {TRANSFER}


def test_one_members_bills(lived: Lived) -> None:
    ada, here = Browser(lived.cast.ada), f"/office/members/{lived.cast.bola.user_id}/"
    assert found(ada, here, "GATE") == {OWN}
    assert found(ada, here, lived.wide.bill_number[-6:]) == {PAID}
    assert found(ada, here, "nothing+like+it") == set()
    assert "No bill of theirs is called so." in ada.text


def test_what_was_sent_to_a_webhook(lived: Lived, monkeypatch: pytest.MonkeyPatch) -> None:
    with tenant(lived.cast.cluster_id):
        first, *others = EndpointDelivery.objects.filter(endpoint_id=lived.endpoint)
        EndpointDelivery.objects.filter(id__in=[each.id for each in others]).delete()
        EndpointDelivery.objects.filter(id=first.id).update(
            state="failed", attempts=1, http_status=503, next_try_at=None, ended_at=lived.cast.now
        )
        event = Event.objects.create(
            cluster_id=first.cluster_id,
            event="recurring_payment_paused",
            user_id=lived.cast.bola.user_id,
            at=lived.cast.now,
        )
        EndpointDelivery.objects.create(
            cluster_id=first.cluster_id, endpoint_id=first.endpoint_id, event_id=event.id, created_at=lived.cast.now,
            state="skipped", why="endpoint_disabled", ended_at=lived.cast.now,
        )  # fmt: skip
    ada, here = Browser(lived.cast.ada), f"/office/settings/webhooks/{lived.endpoint}/"
    both = found(ada, here, "")
    assert len(both) == 2
    (told,) = found(ada, here, "503")
    (paused,) = both - {told}
    for q in ("http+503", "not+taken", str(first.id), str(first.event_id), told.lower().replace(" ", "+")):
        assert found(ada, here, q) == {told}, q
    for q in ("switched+off", "recurring_payment_paused", "Not+sent"):
        assert found(ada, here, q) == {paused}, q
    assert found(ada, here, "nothing+like+it") == set()
    assert "Nothing that was sent here fits what you asked for." in ada.text
    assert "looked through" not in ada.text
    monkeypatch.setattr(endpoint_queries, "LOOKED_THROUGH", 1)
    assert found(ada, here, "nothing+like+it") == set()
    assert "calls were looked through; the log has older ones." in ada.text


def test_cases(lived: Lived) -> None:
    here = "/office/reconciliation/"
    with tenant(lived.cast.cluster_id):
        payments.open_case(
            kind=CaseKind.FEE_DIFFERS,
            subject="paystack:1",
            transaction_id=lived.payment,
            facts={"provider": "paystack", "expected": "NGN 75.00", "wrong": ["provider_id"]},
            now=lived.cast.now,
        )
        payments.open_case(
            kind=CaseKind.NEVER_ANSWERED, subject="1", facts={"provider": "flutterwave"}, now=lived.cast.now
        )
    ada = Browser(lived.cast.ada)
    both = names(ada.open(here).content.decode())
    assert len(both) == 2
    assert "provider id" in ada.text
    for wanted in ("another+fee", "75.00", reference_of(lived.payment), "paystack"):
        assert found(ada, here, wanted) == {"The provider kept another fee than our books say"}, wanted
    assert found(ada, here, "provider") == both
    assert found(ada, here, "chargeback") == set()
    cases = lived.cast.client_of(lived.cast.ada).get(OFFICE + "reconciliation/?q=never_answered").json()["cases"]
    assert [case["kind"] for case in cases["results"]] == ["never_answered"]
    ada.open(here)
    assert ada.send(form=next(form for form in ada.forms if "/cases/" in form.action), step="close").status_code == 422
    assert_leads_on_from(ada, here, more=False)
    assert f'href="{here}?open=false"' in ada.text


def test_other_estates_are_not_searched(lived: Lived) -> None:
    other = Browser(make_lived().cast.ada)
    assert found(other, "/office/wallet/", reference_of(lived.payment)) == set()
    assert found(other, "/office/reconciliation/", "75.00") == set()
