"""Buying electricity without JavaScript: whose number, what it costs, buy, the token; a kept number is not typed again."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from clustr.clusters import commands as clusters
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.utilities.models import Account
from clustr.utilities.queries import utility_providers
from clustr.utilities.types import ProviderView
from clustr.web.pages.forms import Attempt, together
from clustr.web.pages.residents import utilities
from clustr.web.templatetags.pages import token_groups
from tests.cast import Cast
from tests.money import fund, naira, wallet_balance
from tests.utilities.counter import GOTV, METER, PREPAID, Counter, counter
from tests.web.pages.browsing import Browser, assert_leads_on_from

__all__ = ["counter"]
pytestmark = pytest.mark.usefixtures("books")

BUY = "/app/utilities/buy/?service=electricity_utility"


@pytest.fixture
def bola(counter: Counter, cast: Cast) -> Browser:
    fund(cast, cast.bola, "10000.00")
    return Browser(cast.bola)


def chosen(counter: Counter, **more: str) -> dict[str, str]:
    return {"provider_id": str(counter.provider(PREPAID).id), "customer_id": METER, "amount": "2,000", **more}


def test_it_works(counter: Counter, cast: Cast, bola: Browser) -> None:
    bola.open(BUY)
    bola.send(**chosen(counter))
    assert "Is this right?" in bola.text
    assert "₦2,100<" in bola.text
    form = bola.form()
    form.action = bola.page.request["PATH_INFO"]
    for _ in range(2):
        bola.send(form=form)
        assert "Being delivered" in bola.text
    assert wallet_balance(cast.bola) == "7900.00"
    address = bola.page.request["PATH_INFO"]
    counter.vend(UUID(address.split("/")[-2]))
    part = bola.open(address, HX_Request="true")
    token = counter.vends()[0]["token"]
    assert token in part.content.decode()
    assert "hx-get" not in part.content.decode()
    ada = Browser(cast.ada)
    ada.open("/office/bills/?category=user_managed")
    assert "Bills that you issue stand here." not in ada.text
    assert "No bills here" in ada.text
    ada.open("/office/utilities/")
    assert "₦2,100<" in ada.text
    bola.open(address)
    bola.send("resend/")
    assert "On its way to your e-mail." in bola.text
    assert len(counter.vends()) == 1


def test_who_has_left_is_offered_nothing(counter: Counter, cast: Cast, bola: Browser) -> None:
    """And sees what they bought, as before."""
    bola.open(BUY)
    bola.send(**chosen(counter, keep="yes", label="Flat"))
    bola.send()
    purchase = bola.page.request["PATH_INFO"]
    counter.vend(UUID(purchase.split("/")[-2]))
    form = "/app/utilities/buy/?account="
    assert form in bola.open("/app/utilities/").content.decode()
    clusters.end_membership(
        actor=cast.ada.actor, membership_id=cast.bola.membership_id, left_at=counter.now, now=counter.now
    )
    for address in ("/app/", "/app/utilities/", purchase):
        shown = bola.open(address).content.decode()
        assert "/app/utilities/buy/" not in shown
        assert "/app/utilities/automations/new/" not in shown
    assert counter.vends()[0]["token"] in shown
    assert "You have left this estate" in bola.open(BUY).content.decode()


def test_a_kept_number_is_not_typed_again(counter: Counter, cast: Cast, bola: Browser) -> None:
    bola.open(BUY)
    bola.send(**chosen(counter, keep="yes", label="Flat A1"))
    bola.open("/app/utilities/")
    assert "Flat A1" in bola.text
    assert METER not in bola.text
    account = bola.text.split("?account=")[1].split('"')[0]
    bola.open(f"/app/utilities/buy/?account={account}")
    assert "customer_id" not in bola.text
    bola.send(amount="1500")
    assert "Is this right?" in bola.text
    assert "₦1,600<" in bola.text
    stranger = Browser(cast.chidi)
    assert stranger.open(f"/app/utilities/buy/?account={account}").status_code == 404
    bola.open("/app/utilities/")
    bola.send("remove/")
    assert "The number is forgotten." in bola.text


def test_what_i_call_a_number_comes_first_everywhere(counter: Counter, cast: Cast, bola: Browser) -> None:
    bola.open(BUY)
    bola.send(**chosen(counter, keep="yes", label="Flat A1"))
    form = bola.form()
    form.action = bola.page.request["PATH_INFO"]
    bola.send(form=form)
    counter.vend(UUID(bola.page.request["PATH_INFO"].split("/")[-2]))
    for address in ("/app/", "/app/transactions/", "/app/utilities/", "/app/wallet/", "/app/wallet/statement/"):
        bola.open(address)
        lately = bola.text.rpartition(' clipped">Flat A1</span>')[2]
        assert lately.startswith('<span class="soft small clipped">'), address


def test_all_my_numbers_are_shown_and_found(counter: Counter, cast: Cast, bola: Browser) -> None:
    with tenant(cast.cluster_id):
        for number in range(22):
            Account.objects.create(
                id=new_id(), cluster_id=cast.cluster_id, user_id=cast.bola.user_id, provider_id=counter.provider(PREPAID).id,
                number=b"x", hint=f"{number:04}", fingerprint=bytes(31) + bytes([number]), label=f"Flat B{number}",
                met_at=cast.now, saved_at=cast.now,
            )  # fmt: skip
    bola.open("/app/utilities/")
    assert ("Flat B2<" in bola.text, "Flat B1<" in bola.text) == (True, False)
    onward = re.search(r'hx-get="([^"]+cursor=[^"]+)"', bola.text)
    assert onward
    rows = bola.open("/app/utilities/" + onward[1].replace("&amp;", "&"), HX_Request="true").content.decode()
    assert ("Flat B2<" in rows, "Flat B1<" in rows, "<html" in rows) == (False, True, False)
    bola.open("/app/utilities/?q=b17")
    assert ("Flat B17<" in bola.text, "Flat B16<" in bola.text) == (True, False)


def test_a_token_is_shown_in_groups_of_four() -> None:
    assert token_groups("6078-0180-6389-6984-0037") == ["6078", "0180", "6389", "6984", "0037"]
    assert token_groups("1234567890123456") == ["1234", "5678", "9012", "3456"]
    assert token_groups("VOUCHER-17") == ["VOUCHER-17"]
    assert token_groups("12345") == ["12345"]


def test_a_package_of_one_price_is_bought_for_it(counter: Counter, bola: Browser) -> None:
    bola.open("/app/utilities/buy/?service=cable_tv_utility")
    assert "₦8,500.00" in bola.text
    bola.send(provider_id=str(counter.provider(GOTV).id), customer_id="1234567890")
    assert "Is this right?" in bola.text
    assert "₦8,500<" in bola.text


@pytest.mark.parametrize("number", ["", "x", "4000056655665556"])
def test_what_is_no_number_is_said_at_its_field(counter: Counter, bola: Browser, number: str) -> None:
    bola.open(BUY)
    assert bola.send(**chosen(counter, customer_id=number)).status_code == 422
    assert "id_customer_id_error" in bola.text
    assert "4000056655665556" not in bola.text


def test_a_wrong_amount_is_marked_beside_a_wrong_number(
    counter: Counter, bola: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def known(**asked: Any) -> list[ProviderView]:
        return [replace(row, minimum=naira("500.00")) for row in utility_providers(**asked)]

    monkeypatch.setattr("clustr.utilities.queries.utility_providers", known)
    bola.open(BUY)
    for amount, said in (("much", "Write an amount such as"), ("1", "The least is ₦500.00.")):
        for number, wrong in (("x", ["customer_id", "amount"]), (METER, ["amount"])):
            assert bola.send(**chosen(counter, customer_id=number, amount=amount)).status_code == 422
            assert re.findall(r'id="id_(\w+)_error"', bola.text) == wrong
            assert said in bola.text


def test_the_utility_is_asked_only_about_what_is_well_formed(
    counter: Counter, bola: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    ask = utilities.validate_number
    monkeypatch.setattr(utilities, "validate_number", lambda request: asked.append(request) or ask(request))
    bola.open(BUY)
    for amount, number in (("0", METER), ("much", METER), ("", METER), ("2,000", "x"), ("0", "x")):
        assert bola.send(**chosen(counter, customer_id=number, amount=amount)).status_code == 422
        wrong = ["customer_id"] * (number == "x") + ["amount"] * (amount != "2,000")
        assert re.findall(r'id="id_(\w+)_error"', bola.text) == wrong
    assert asked == []
    bola.send(**chosen(counter))
    assert len(asked) == 1


def test_where_no_amount_is_asked_for_none_is_wanted(counter: Counter, bola: Browser) -> None:
    """What has one price is sold no more, since the page was opened: that is what is wrong, with or without a field for an
    amount."""
    bola.open("/app/utilities/buy/?service=cable_tv_utility")
    form = bola.form()
    assert form.values["amount"] == ""
    for _ in range(2):
        assert bola.send(form=form, provider_id=str(new_id()), customer_id="1234567890").status_code == 404
        assert "Write an amount such as" not in bola.text
        form.values.pop("amount", None)


def test_a_form_of_several_checks_says_all_that_is_wrong() -> None:
    first, second = (
        Attempt(problem="The first.", errors={"amount": "A"}),
        Attempt(problem="The second.", errors={"x": "B"}),
    )
    found = together(first, Attempt(answer={}), second, second)
    assert (found.problem, found.errors) == ("The first. The second.", {"amount": "A", "x": "B"})


def test_after_a_form_that_failed_the_page_is_its_own(counter: Counter, cast: Cast, bola: Browser) -> None:
    with tenant(cast.cluster_id):
        for number in range(22):
            Account.objects.create(
                id=new_id(), cluster_id=cast.cluster_id, user_id=cast.bola.user_id, provider_id=counter.provider(PREPAID).id,
                number=b"x", hint=f"{number:04}", fingerprint=bytes(31) + bytes([number]), label=f"Flat B{number}",
                met_at=cast.now, saved_at=cast.now,
            )  # fmt: skip
    bola.open("/app/utilities/")
    form = bola.form("remove/")
    bola.send(form=form)
    form.values["form_key"] = ""
    assert bola.send(form=form).status_code == 404
    assert_leads_on_from(bola, "/app/utilities/")


def test_another_service_than_there_is(counter: Counter, bola: Browser) -> None:
    for query in ("?service=gold", "?account=x", "?service=security"):
        assert bola.open(f"/app/utilities/buy/{query}").status_code == 404
