"""Having it bought by itself, without JavaScript: set up, switched, watched, limited, changed, removed; and who sees it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from clustr.kit import clock
from clustr.kit.ids import reference_of
from clustr.payments.providers import paystack
from clustr.recurring.types import PaymentSource
from clustr.wallets import commands as wallets
from tests.cast import Cast
from tests.money import fund
from tests.recurring.automating import Automations, automations
from tests.utilities.counter import CABLE, METER, PREPAID, SMART_CARD
from tests.web.pages.browsing import Browser, assert_leads_on_from

__all__ = ["automations"]
pytestmark = pytest.mark.usefixtures("books")

LIST, NEW, PIN = "/app/utilities/automations/", "/app/utilities/automations/new/", "482915"
MOST_QUERIES = 40
MONTHLY = {"kind": "day_of_month", "day": "28", "at": "09:30", "amount": "2,000", "source": "wallet"}


@pytest.fixture
def bola(automations: Automations, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Browser:
    monkeypatch.setattr(clock, "now", lambda: automations.counter.now)
    fund(cast, cast.bola, "10000.00")
    return Browser(cast.bola)


def set_up(bola: Browser, account_id: UUID, **typed: Any) -> str:
    """An automation set up by its form; the address of its page."""
    bola.open(f"{NEW}?account={account_id}")
    bola.send(**{**MONTHLY, "on": "yes", **typed})
    return str(bola.page.request["PATH_INFO"])


def test_it_works(automations: Automations, bola: Browser) -> None:
    """A number is checked and kept, with whose it is; nothing is bought before it is switched on."""
    bola.open(NEW)
    bola.send(provider_id=str(automations.counter.provider(PREPAID).id), customer_id=METER, label="Flat A1")
    assert "In the name of" in bola.text
    assert METER not in bola.text
    bola.send(**MONTHLY, spending_limit="5,000", minimum_balance="1,000", priority="2", notify=["limit"])
    assert "Kept, and switched off" in bola.text
    assert "every month on the 28th at 09:30" in bola.text
    one = bola.page.request["PATH_INFO"]
    assert [view.state.value for view in automations.listed()] == ["off"]
    bola.send("/on/")
    assert "It is on." in bola.text
    assert "next on 28 " in bola.text
    assert ":30 WAT" in bola.text
    terms = automations.listed()[0].terms
    assert (str(terms.spending_limit), str(terms.minimum_balance)) == ("5000.00", "1000.00")
    assert (terms.priority, sorted(notice.value for notice in terms.notify)) == (2, ["limit"])
    assert "Flat A1" in bola.open(LIST).content.decode()
    for address in ("/app/", "/app/utilities/"):
        assert one in bola.open(address).content.decode()
    bola.open(one)
    bola.send("/off/")
    assert "It is off: nothing is bought by itself." in bola.text
    bola.send("/remove/")
    assert "Removed." in bola.text
    assert bola.open(one).status_code == 404
    assert "Never sit in the dark" in bola.open(LIST).content.decode()


def test_it_runs_says_what_will_be_missing_and_why_it_paused(automations: Automations, bola: Browser) -> None:
    one = set_up(bola, automations.number(), kind="every_days", days="1", amount="6000")
    automations.next_day()
    bola.open(one)
    assert "₦6,000" in bola.text
    assert "/app/utilities/purchases/" in bola.text
    assert "₦2,200.00 will be missing" in bola.open(LIST).content.decode()
    assert "₦2,200.00 will be missing" in bola.open("/app/").content.decode()
    for _ in range(12):
        automations.counter.wait(hours=7)
        automations.run()
    assert bola.open(one).status_code == 200
    assert "It paused itself: the wallet did not cover it." in bola.text
    assert "the wallet did not cover it" in bola.open(LIST).content.decode()
    runs = bola.open(one).content.decode().count('class="item')
    rows = bola.open(f"{one}?q=not+cover", HX_Request="true").content.decode()
    assert (rows.count("<li"), "<html" in rows, "/app/utilities/purchases/" in rows) == (1, False, False)
    rows = bola.open(f"{one}?q=done", HX_Request="true").content.decode()
    assert 0 < rows.count("<li") == rows.count("/app/utilities/purchases/") < runs
    bought = re.findall(r"/app/utilities/purchases/([0-9a-f-]{36})/", rows)[-1]
    assert bola.open(f"{one}?q={reference_of(UUID(bought))}", HX_Request="true").content.decode().count("<li") == 1
    assert "None like this" in bola.open(f"{one}?q=charging+the").content.decode()
    bola.open(one)
    form = bola.form("/on/")
    assert bola.send(form=form, pin="x").status_code == 422
    assert_leads_on_from(bola, one, more=False)
    bola.open(one)
    bola.send("/on/")
    assert "It is on." in bola.text


def test_an_expected_amount_says_how_sure_it_is(automations: Automations, bola: Browser) -> None:
    account = automations.number()
    for amount in ("1000.00", "1500.00", "1200.00"):
        bola.open(f"/app/utilities/buy/?account={account}")
        bola.send(amount=amount)
        bola.send()
        for id in automations.counter.undecided():
            automations.counter.vend(id)
        automations.counter.wait(days=3)
    bought = bola.page.request["PATH_INFO"]
    again = date_format(
        timezone.localtime(automations.counter.now), "j F Y"
    )  # three days after the last, like those before
    assert f"{NEW}?account={account}" in bola.open(bought).content.decode()
    bola.open(f"{NEW}?account={account}")
    assert f"you would buy next about {again}" in bola.text
    one = set_up(bola, account, how_much="expected", amount="", max_amount="3000")
    assert "expected from your last 3 purchases, usually within ₦200.00" in bola.text
    assert f"<dt>By your habit</dt><dd>about {again}</dd>" in bola.text
    assert "about </span>" in bola.text
    bola.open(f"{one}change/")
    bola.send(how_much="same", amount="900", kind="weekday", weekday="5")
    assert "Changed, from the next purchase on." in bola.text
    assert "every Friday at 09:30" in bola.text


def test_a_habit_that_was_broken_is_told_as_past_and_no_spread_is_not_told(
    automations: Automations, bola: Browser
) -> None:
    account = automations.number()
    for _ in range(3):
        bola.open(f"/app/utilities/buy/?account={account}")
        bola.send(amount="1000.00")
        bola.send()
        for id in automations.counter.undecided():
            automations.counter.vend(id)
        automations.counter.wait(days=3)
    again = date_format(timezone.localtime(automations.counter.now), "j F Y")
    automations.counter.wait(days=20)
    bola.open(f"{NEW}?account={account}")
    assert f"you would have bought again about {again}" in bola.text
    assert "make us expect about ₦1,000.00.<" in bola.text
    set_up(bola, account, how_much="expected", amount="", max_amount="3000")
    assert f"<dt>By your habit</dt><dd>about {again}</dd>" in bola.text
    assert "expected from your last 3 purchases</p>" in bola.text


def test_a_number_that_was_not_kept_can_be_kept_from_its_purchase(automations: Automations, bola: Browser) -> None:
    bola.open("/app/utilities/buy/?service=electricity_utility")
    bola.send(provider_id=str(automations.counter.provider(PREPAID).id), customer_id=METER, amount="1000")
    bola.send()
    for id in automations.counter.undecided():
        automations.counter.vend(id)
    bola.open(bola.page.request["PATH_INFO"])
    assert f"{NEW}?service=electricity_utility" in bola.text


def test_a_limit_of_a_type(automations: Automations, bola: Browser) -> None:
    one = set_up(bola, automations.number(), kind="every_days", days="1")
    bola.open("/app/utilities/limits/")
    form = next(form for form in bola.forms if form.values.get("service_type") == "electricity_utility")
    form.action = "/app/utilities/limits/"
    bola.send(form=form, limit="nothing")
    assert bola.page.status_code == 422
    assert "Write an amount" in bola.text
    bola.open("/app/utilities/limits/")
    form = next(form for form in bola.forms if form.values.get("service_type") == "electricity_utility")
    form.action = "/app/utilities/limits/"
    bola.send(form=form, limit="3000")
    assert "₦0.00 of ₦3,000.00 spent this month" in bola.text
    automations.next_day()
    assert "over a limit of this month" in bola.open(one).content.decode()
    automations.next_day()
    assert "At its limit" in bola.open(one).content.decode()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"kind": "every_days", "days": "400"}, "id_days_error"),
        ({"kind": "every_days", "days": "often"}, "id_days_error"),
        ({"amount": "0"}, "above zero"),
        ({"amount": "1"}, "id_amount_error"),
        ({"amount": ""}, "Write an amount"),
        ({"spending_limit": "x"}, "id_spending_limit_error"),
        ({"kind": "never"}, "Choose one of these."),
        ({"source": "0199aaaa-0000-7000-8000-000000000001"}, "This card is not kept any more."),
        ({"source": "gold"}, "Choose one of these."),
    ],
)
def test_what_does_not_fit_is_said_and_what_was_typed_stays(
    automations: Automations, bola: Browser, typed: dict[str, str], said: str
) -> None:
    account = automations.number()
    bola.open(f"{NEW}?account={account}")
    assert bola.send(**{**MONTHLY, "minimum_balance": "700", **typed}).status_code in (404, 422)
    assert said in bola.text
    assert 'value="700"' in bola.text
    assert automations.listed() == []


def test_the_pin(automations: Automations, bola: Browser, cast: Cast) -> None:
    """Needed to set up, to switch on, and for more; not to switch off."""
    checked = wallets.check_new_pin(actor=cast.bola.actor, pin=PIN, old_pin=None, now=cast.now)
    wallets.keep_pin(actor=cast.bola.actor, checked=checked, now=cast.now)
    account = automations.number()
    bola.open(f"{NEW}?account={account}")
    assert bola.send(**MONTHLY, on="yes").status_code == 422
    assert "Type your six-digit PIN" in bola.text
    one = set_up(bola, account, pin=PIN)
    assert "It is on." in bola.text
    bola.send("/off/")
    assert bola.send("/on/", pin="111222").status_code == 403
    assert "111222" not in bola.text
    bola.send("/on/", pin=PIN)
    bola.open(f"{one}change/")
    assert bola.send(amount="2500").status_code == 422
    bola.send(amount="2500", pin=PIN)
    assert "Changed, from the next purchase on." in bola.text
    bola.open(f"{one}change/")
    bola.send(amount="1500")
    assert "Changed, from the next purchase on." in bola.text


def test_a_card_as_its_backup(automations: Automations, bola: Browser) -> None:
    card = str(automations.card())
    one = set_up(bola, automations.number(), backup=card)
    assert "If the wallet cannot" in bola.text
    bola.open(f"{one}change/")
    bola.send(source=card)
    assert "charged each time" not in bola.text
    assert automations.listed()[0].terms.payment_source == "card"
    bola.open("/app/wallet/")
    bola.send("/forget/")
    assert "a card that you have forgotten" in bola.open(one).content.decode()
    bola.open(f"{one}change/")
    assert bola.send(amount="1500").status_code == 422, "another source has to be chosen"
    bola.send(amount="1500", source="wallet")
    assert "Changed, from the next purchase on." in bola.text


@pytest.mark.parametrize("who", ["chidi", "ada", "efe"])
def test_it_is_nobody_elses(automations: Automations, bola: Browser, cast: Cast, who: str) -> None:
    account = automations.number()
    one = set_up(bola, account)
    other = Browser(getattr(cast, who))
    for address in (one, f"{one}change/", f"{NEW}?account={account}"):
        assert other.open(address).status_code == 404
    assert one not in other.open(LIST).content.decode()
    other.open("/app/wallet/")
    form = other.form("freeze/")
    for act in ("on/", "off/", "remove/"):
        form.action = one + act
        assert other.send(form=form).status_code == 404
        other.open("/app/wallet/")
    assert [view.state.value for view in automations.listed()] == ["on"]


def test_an_address_that_is_none(automations: Automations, bola: Browser) -> None:
    assert bola.open(f"{NEW}?account=x").status_code == 404
    assert bola.open(f"{NEW}?account={automations.number()}&checked=x").status_code == 404
    assert bola.open(f"{NEW}?service=gold").status_code == 200


def test_as_many_queries_for_many_as_for_few(automations: Automations, bola: Browser) -> None:
    """Every list of automations, and what stands around them."""
    account = automations.number()
    one = set_up(bola, account, kind="every_days", days="1", amount="500")
    automations.next_day()
    pages = (LIST, one, "/app/", "/app/utilities/", f"{NEW}?account={account}", "/app/utilities/limits/")

    def asked() -> dict[str, int]:
        found = {}
        for address in pages:
            bola.open(address)
            with CaptureQueriesContext(connection) as queries:
                assert bola.open(address).status_code == 200
            found[address] = len(queries)
        return found

    few = asked()
    for number in range(5):
        set_up(bola, automations.number(f"0458765432{number}"), kind="every_days", days="1", amount="500")
    automations.next_day()
    assert asked() == few
    assert max(few.values()) <= MOST_QUERIES, few


def test_they_are_looked_for_by_name_number_or_utility_and_read_once(
    automations: Automations, bola: Browser, cast: Cast
) -> None:
    one, two = automations.number(), automations.number(METER.replace("5678", "9012"))
    for account in (one, two):
        set_up(bola, account)
    with CaptureQueriesContext(connection) as asked:
        bola.open(LIST)
    assert sum('FROM "utilities_account"' in (query["sql"] or "") for query in asked) == 1, "theirs, with their names"
    assert sum('FROM "recurring_spendinglimit"' in (query["sql"] or "") for query in asked) == 1
    both = bola.text.count("/app/utilities/automations/0")
    rows = bola.open(f"{LIST}?q=9012", HX_Request="true").content.decode()
    assert 0 < rows.count("/app/utilities/automations/0") < both
    assert "<html" not in rows
    assert "None like this" in bola.open(f"{LIST}?q=nothing").content.decode()
    api = cast.client_of(cast.bola).get("/members/utilities/automations/?q=9012").json()["results"]
    assert [each["ending"] for each in api] == ["9012"]


def test_whose_card_pays_is_said(automations: Automations, bola: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the day: that a card stands in for the wallet, and that it would not be taken."""
    card = automations.card()
    automations.set_up(payment_method_id=card, amount="15000.00")
    by_card = automations.set_up(
        automations.number(SMART_CARD, CABLE),
        payment_source=PaymentSource.CARD,
        payment_method_id=card,
        amount="1800.00",
    )
    for address in (LIST, "/app/"):
        assert "your card pays: the wallet will not cover it" in bola.open(address).content.decode()
    assert "less than the card service takes" not in bola.open(f"{LIST}{by_card}/").content.decode()
    monkeypatch.setitem(paystack._LEAST_MINOR, "NGN", 100_000_00)
    assert "less than the card service takes" in bola.open(f"{LIST}{by_card}/").content.decode()
    assert "more or less than its card takes" in bola.open(LIST).content.decode()


def test_a_card_that_was_declined_is_not_promised_to_pay(automations: Automations, bola: Browser, cast: Cast) -> None:
    card = automations.card()
    stands_in = automations.set_up(payment_method_id=card, amount="15000.00")
    alone = automations.set_up(
        automations.number(SMART_CARD, CABLE),
        payment_source=PaymentSource.CARD,
        payment_method_id=card,
        amount="1800.00",
    )
    assert "Your card pays the next one" in bola.open(f"{LIST}{stands_in}/").content.decode()
    automations.counter.dial(charge__decline=1)
    automations.next_day()
    said = bola.open(f"{LIST}{stands_in}/?q=completed").content.decode()
    assert "It is charged again, unless your wallet covers the next one." in said
    assert "Your card pays the next one" not in said
    assert "declined the last time. It is charged again." in bola.open(f"{LIST}{alone}/").content.decode()
    for address in (LIST, "/app/"):
        assert "its card was declined, and is charged again" in bola.open(address).content.decode()
    fund(cast, cast.bola, "20000.00")
    assert "declined" not in bola.open(f"{LIST}{stands_in}/").content.decode().partition("How it went")[0]
