"""Every page opens, says what it should, for whom it should, in as many queries as yesterday."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.cast import Cast
from tests.money import acknowledge, fund, issue
from tests.web.pages.browsing import Browser

MOST_QUERIES = 25
PLAIN = [
    *("/app/", "/app/bills/", "/app/wallet/", "/app/wallet/fund/", "/app/wallet/withdraw/", "/app/wallet/pin/"),
    *("/app/wallet/pin/reset/", "/app/transactions/", "/app/recurring/", "/app/recurring/new/", "/app/utilities/"),
    *("/app/utilities/buy/", "/app/notices/", "/app/notices/preferences/", "/app/you/", "/app/you/name/"),
    *("/app/estates/", "/app/utilities/automations/", "/app/utilities/automations/new/", "/app/utilities/limits/"),
    "/app/wallet/statement/",
    *("/accounts/2fa/", "/accounts/password/change/", "/accounts/email/", "/accounts/sessions/"),
]


@pytest.mark.parametrize("address", PLAIN)
def test_it_works(cast: Cast, address: str) -> None:
    bola = Browser(cast.bola)
    assert bola.open(address).status_code == 200, bola.text
    assert "<h1" in bola.text


@pytest.mark.parametrize("address", PLAIN)
def test_a_stranger_is_asked_to_sign_in(cast: Cast, address: str) -> None:
    stranger = Browser(None)
    answer = stranger.client.get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=")


GROWING = [
    "/app/",
    "/app/bills/",
    "/app/wallet/",
    "/app/wallet/statement/",
    "/app/transactions/",
    "/app/notices/",
    "/app/recurring/",
    "/app/utilities/",
]


def queries_of(browser: Browser, address: str) -> int:
    browser.open(address)
    with CaptureQueriesContext(connection) as asked:
        assert browser.open(address).status_code == 200
    return len(asked)


def test_as_many_queries_for_much_as_for_little(cast: Cast) -> None:
    """And few: each page, with who asks and all that stands around it."""
    fund(cast, cast.bola, "100000.00")
    bola, first = Browser(cast.bola), issue(cast, "100.00")
    acknowledge(cast, cast.bola, first)
    bola.open(f"/app/bills/{first.id}/")
    bola.send("pay/", amount="1")
    addresses = [*GROWING, f"/app/bills/{first.id}/"]
    little = {address: queries_of(bola, address) for address in addresses}
    for _ in range(6):
        bill = issue(cast, "100.00")
        acknowledge(cast, cast.bola, bill)
        bola.open(f"/app/bills/{first.id}/")
        bola.send("pay/", amount="1")
        fund(cast, cast.bola, "10.00")
    assert {address: queries_of(bola, address) for address in addresses} == little
    assert max(little.values()) <= MOST_QUERIES, little


def test_the_next_page_of_a_list_and_only_its_rows_for_htmx(cast: Cast) -> None:
    bills = [issue(cast, "100.00", title=f"Levy {number}") for number in range(22)]
    bola = Browser(cast.bola)
    bola.open("/app/bills/")
    assert bola.text.count(">Levy ") == 20
    onward = re.search(r'hx-get="([^"]+cursor=[^"]+)"', bola.text)
    assert onward
    rest = bola.open("/app/bills/" + onward[1].replace("&amp;", "&"), HX_Request="true")
    assert bola.text.count(">Levy ") == 2
    assert "<html" not in bola.text
    assert "HX-Request" in rest["Vary"]
    bola.open("/app/bills/?q=levy+7")
    assert [str(bill.id) in bola.text for bill in bills[6:9]] == [False, True, False]
    assert bola.open("/app/bills/?status=nonsense&cursor=%00").status_code == 200


def test_the_statement_goes_on_and_is_searched(cast: Cast) -> None:
    for number in range(23):
        fund(cast, cast.bola, f"{number + 1}.00")
    acknowledge(cast, cast.bola, bill := issue(cast, "100.00", title="Road levy"))
    bola = Browser(cast.bola)
    bola.open(f"/app/bills/{bill.id}/")
    bola.send("pay/", amount="100")
    bola.open("/app/wallet/")
    assert bola.text.count("/app/transactions/") >= 10
    assert "/app/wallet/statement/" in bola.links
    bola.open("/app/wallet/statement/")
    assert "then ₦176.00" in bola.text, "276 came in, 100 went out"
    onward = re.search(r'hx-get="([^"]+cursor=[^"]+)"', bola.text)
    assert onward
    bola.open("/app/wallet/statement/" + onward[1].replace("&amp;", "&"), HX_Request="true")
    assert bola.text.count('class="item tight"') == 4
    assert "then ₦1.00" in bola.text
    bola.open("/app/wallet/statement/?q=road")
    assert (bola.text.count('class="item tight"'), "then ₦176.00" in bola.text) == (1, True)
    assert bola.open("/app/wallet/statement/?q=nothing&cursor=%00").status_code == 200
    assert "No movement fits" in bola.text
    answer = bola.client.get("/app/wallet/statement.csv")
    rows = b"".join(answer.streaming_content).decode().splitlines()
    assert (answer["Content-Type"], rows[1].split(",")[1:3]) == ("text/csv; charset=utf-8", ["-100.00", "176.00"])


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_theme_is_a_cookie(cast: Cast, theme: str) -> None:
    bola = Browser(cast.bola)
    bola.open("/app/you/")
    bola.send("/theme/", theme=theme)
    assert f'data-theme="{theme}"' in bola.open("/app/").content.decode()
    bola.open("/app/you/")
    bola.send("/theme/", theme="")
    assert "data-theme" not in bola.open("/app/").content.decode()


def test_the_app_can_be_installed_and_keeps_nothing_of_anybody(cast: Cast) -> None:
    bola = Browser(cast.bola)
    shown = bola.open("/manifest.webmanifest").json()
    assert {icon["sizes"] for icon in shown["icons"]} == {"192x192", "512x512"}
    worker = bola.open("/sw.js")
    assert worker["Content-Type"] == "text/javascript"
    kept = re.findall(r'"(/[^"]*)"', worker.content.decode().split("KEPT = [")[1].split("]")[0])
    assert kept
    for address in kept:
        address = address.encode().decode("unicode_escape")
        assert address.startswith(("/static/", "/offline/"))
    for address in ("/app/", "/app/wallet/"):
        assert bola.open(address)["Cache-Control"] == "no-store"
        assert bola.page["Content-Security-Policy"]


def test_what_was_said_to_somebody_is_on_no_page_that_is_kept(cast: Cast) -> None:
    """The page for when there is no network is kept by the device, and by whatever lies between."""
    bola = Browser(cast.bola)
    bola.open("/app/wallet/")
    form = bola.form("freeze/")
    bola.client.post(form.action, form.values)
    for address in ("/offline/", "/app/nothing/", "/verify/ABCD"):
        assert "frozen" not in bola.open(address).content.decode()
    assert "Your wallet is frozen." in bola.open("/app/wallet/").content.decode()


def test_nothing_here(cast: Cast) -> None:
    bola = Browser(cast.bola)
    for address in ("/app/nothing/", "/nothing/", "/app/bills/x/"):
        assert bola.open(address).status_code == 404
        assert "There is nothing here" in bola.text
    assert bola.client.get("/members/nothing/")["Content-Type"] == "application/problem+json"
    assert bola.open("/app/wallet/freeze/").status_code == 405
