"""Reading, acknowledging and paying without JavaScript; sent twice it counts once; nothing acts in another estate."""

from __future__ import annotations

import threading
from copy import deepcopy
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from clustr.audit import commands as audit
from clustr.audit.types import Claim
from clustr.kit.tenancy import tenant
from clustr.wallets import commands as wallets
from tests.cast import Cast, Part, Role, make_estate
from tests.money import acknowledge, fund, issue, naira, wallet_balance
from tests.races import own_connections, race
from tests.web.pages.browsing import Browser

pytestmark = pytest.mark.usefixtures("books")


@pytest.fixture
def bola(cast: Cast) -> Browser:
    fund(cast, cast.bola, "20000.00")
    return Browser(cast.bola)


def test_it_works(cast: Cast, bola: Browser) -> None:
    """From the first page: read, acknowledge, pay; three pages and three buttons."""
    bill = issue(cast, "7500.00", description="Three guards by day, four by night.")
    bola.open("/app/")
    assert f"/app/bills/{bill.id}/" in bola.text
    bola.open(f"/app/bills/{bill.id}/")
    assert "Three guards by day" in bola.text
    assert bola.send("acknowledge/").status_code == 200
    assert "Acknowledged. You can pay now." in bola.text
    bola.send("pay/")
    assert "Paid. Thank you." in bola.text
    assert wallet_balance(cast.bola) == "12500.00"
    bola.open(f"/app/bills/{bill.id}/")
    assert "You paid ₦7,500.00" in bola.text


def test_a_form_sent_twice_pays_once(cast: Cast, bola: Browser) -> None:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    bola.open(f"/app/bills/{bill.id}/")
    form = bola.form("pay/")
    for _ in range(2):
        bola.send(form=form, amount="2000")
        assert "Paid. Thank you." in bola.text
    assert wallet_balance(cast.bola) == "18000.00"


def test_many_taps_at_once_pay_once(cast: Cast, bola: Browser) -> None:
    """Without JavaScript nothing stops a second tap: it is told that the first is at work, with the same key in its form, so that
    a third one does not pay again either."""
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    bola.open(f"/app/bills/{bill.id}/")
    form = bola.form("pay/")

    def tap() -> Any:
        client = Client()
        client.cookies = deepcopy(bola.client.cookies)
        return client.post(form.action, form.values | {"amount": "2000"})

    ended = race(tap, runners=8)
    answers = ended.only().results
    assert wallet_balance(cast.bola) == "18000.00"
    assert {answer.status_code for answer in answers} <= {303, 409}
    paid = {answer["Location"] for answer in answers if answer.status_code == 303}
    assert len(paid) == 1
    for busy in (answer for answer in answers if answer.status_code == 409):
        assert form.values["form_key"] in busy.content.decode()


def test_while_the_first_tap_is_at_work_the_form_keeps_its_key(cast: Cast, bola: Browser) -> None:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    bola.open(f"/app/bills/{bill.id}/")
    form = bola.form("pay/")
    claim = Claim.of(
        user_id=cast.bola.user_id,
        path=f"POST {form.action}",
        key=form.values["form_key"],
        body=b"",
        secret=b"",
    )
    claimed, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with own_connections(), tenant(cast.cluster_id):
            audit.claim_request(claim)
            claimed.set()
            go_on.wait(20)

    running = threading.Thread(target=first)
    running.start()
    assert claimed.wait(20)
    answer = bola.send(form=form, amount="2000")
    go_on.set()
    running.join()
    assert answer.status_code == 409
    assert "This is being done right now" in bola.text
    assert bola.form("pay/").values["form_key"] == form.values["form_key"]


def test_a_form_sent_again_with_another_amount_is_refused(cast: Cast, bola: Browser) -> None:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    bola.open(f"/app/bills/{bill.id}/")
    form = bola.form("pay/")
    bola.send(form=form, amount="2000")
    assert bola.send(form=form, amount="1000").status_code == 422
    assert "This form was sent already." in bola.text
    assert wallet_balance(cast.bola) == "18000.00"


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("₦2,000.00", "18000.00"),
        ("2000.5", "17999.50"),
        ("5,00", "20000.00"),
        ("-1", "20000.00"),
        ("1e3", "20000.00"),
        ("", "20000.00"),
    ],
)
def test_amounts_as_people_type_them(cast: Cast, bola: Browser, typed: str, left: str) -> None:
    """A comma parts thousands and nothing else: "5,00" is not five hundred."""
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    bola.open(f"/app/bills/{bill.id}/")
    assert bola.send("pay/", amount=typed).status_code == (200 if left != "20000.00" else 422)
    assert wallet_balance(cast.bola) == left


def test_more_than_is_left(cast: Cast, bola: Browser) -> None:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    bola.open(f"/app/bills/{bill.id}/")
    assert bola.send("pay/", amount="5000.01").status_code == 409
    assert "more than what is left to pay" in bola.text
    assert 'value="5000.01"' in bola.text


def test_a_wrong_pin_is_said_and_never_shown(cast: Cast, bola: Browser) -> None:
    checked = wallets.check_new_pin(actor=cast.bola.actor, pin="482915", old_pin=None, now=cast.now)
    wallets.keep_pin(actor=cast.bola.actor, checked=checked, now=cast.now)
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    bola.open(f"/app/bills/{bill.id}/")
    assert bola.send("pay/").status_code == 422
    assert "Type your six-digit PIN" in bola.text
    assert bola.send("pay/", pin="111222").status_code == 403
    assert "The PIN is wrong" in bola.text
    assert "111222" not in bola.text
    bola.send("pay/", pin="482915")
    assert wallet_balance(cast.bola) == "15000.00"


def test_terms_that_changed_while_they_were_read(cast: Cast, bola: Browser) -> None:
    bill = issue(cast, "5000.00")
    bola.open(f"/app/bills/{bill.id}/")
    form = bola.form("acknowledge/")
    cast.client_of(cast.ada).patch(f"/management/payments/bills/{bill.id}/", {"amount": "6000.00"})
    assert bola.send(form=form).status_code == 409
    assert "read it again" in bola.text
    assert "it was ₦5,000.00 before" in bola.text


def test_dispute_and_withdraw(cast: Cast, bola: Browser) -> None:
    bill = issue(cast, "3150.00")
    bola.open(f"/app/bills/{bill.id}/")
    assert bola.send("dispute/", reason=" ").status_code == 422
    bola.send("dispute/", reason="There was no water.")
    assert "The office has your objection" in bola.text
    assert "There was no water." in bola.text
    bola.open("/app/")
    assert "Nothing else has to be paid now." in bola.text
    assert "₦3,150.00 is in dispute" in bola.text
    bola.open(f"/app/bills/{bill.id}/")
    bola.send("withdraw-dispute/")
    assert "Your objection is withdrawn." in bola.text


def test_a_form_of_another_estate_does_nothing(cast: Cast, bola: Browser) -> None:
    """Bola lives in two estates and has a page of each open: the form acts in its own estate or not at all."""
    other = make_estate("Ikoyi Court", (Part("Oke", Role.ADMIN),), cast.now)
    cast.client_of(other["Oke"]).post(
        "/management/payments/members/", {"email": cast.bola.email, "role": "resident", "name": "Bola"}
    )
    bola.open("/app/estates/")
    choices = [form for form in bola.forms if "cluster_id" in form.values]
    assert {form.values["cluster_id"] for form in choices} == {str(cast.cluster_id), str(other.id)}
    here = next(form for form in choices if form.values["cluster_id"] == str(cast.cluster_id))
    there = next(form for form in choices if form.values["cluster_id"] == str(other.id))
    bola.send(form=here)
    bola.open("/app/wallet/")
    freeze = bola.form("freeze/")
    bola.send(form=there)
    assert "Ikoyi Court" in bola.text
    assert bola.send(form=freeze).status_code == 409
    assert "another estate" in bola.text
    for estate in (here, there):
        bola.send(form=estate)
        assert "Freeze the wallet" in bola.open("/app/wallet/").content.decode()


def test_a_form_without_its_token_does_nothing(cast: Cast, bola: Browser) -> None:
    bola.open("/app/wallet/")
    form = bola.form("freeze/")
    del form.values["csrfmiddlewaretoken"]
    assert bola.send(form=form).status_code == 403
    assert "Freeze the wallet" in bola.open("/app/wallet/").content.decode()


@pytest.mark.parametrize("who", ["chidi", "ada", "efe"])
def test_what_is_bolas_is_not_there_for_others(cast: Cast, bola: Browser, who: str) -> None:
    """Not for Chidi, who lives elsewhere; nor under `/app/` for the office, which has pages of its own."""
    bill = issue(cast, "5000.00", to=cast.bola)
    acknowledge(cast, cast.bola, bill)
    bola.open(f"/app/bills/{bill.id}/")
    paid = bola.send("pay/").request["PATH_INFO"]
    other = Browser(getattr(cast, who))
    for address in (f"/app/bills/{bill.id}/", paid, f"/app/bills/{uuid4()}/", f"/app/recurring/{uuid4()}/"):
        assert other.open(address).status_code == 404
        assert "7500" not in other.text
        assert "Bola" not in other.text
    if who == "chidi":
        assert other.open(f"{paid}receipt/").status_code == 404


def test_refused_amount_keeps_money(cast: Cast, bola: Browser) -> None:
    bill = issue(cast, "50000.00")
    acknowledge(cast, cast.bola, bill)
    bola.open(f"/app/bills/{bill.id}/")
    assert bola.send("pay/", means="wallet").status_code == 402
    assert "not enough in your wallet" in bola.text
    assert wallet_balance(cast.bola) == str(naira("20000.00"))
