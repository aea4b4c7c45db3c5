"""What residents do, on a phone and at a desk; one who subscribes to a plan by card; and every page of theirs: readable for all, light, quiet, not too wide.

All of it in one file, so that one process keeps one demonstration for it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, Request, expect

from tests.journeys.demonstration import BOLA, PASSWORD, Demonstration
from tests.journeys.office_scene import NGOZI
from tests.journeys.scene import (
    CAREFUL,
    FROZEN,
    METER,
    NEWCOMER,
    NEWCOMERS,
    OUTSIDE,
    SECURED,
    Scene,
    habit_pages_of,
    pages_of,
)
from tests.journeys.screenshots import WAYS, each_way, sign_in
from tests.journeys.states import OUTSIDE_STATES, SECURED_PAGES, State, arrive, states_of

pytestmark = pytest.mark.early

HEAVIEST_BYTES = 100_000
MOST_ACTIVATIONS = 4
AXE = Axe()
EVERY_WAY = bool(os.environ.get("EVERY"))
TWO_WAYS = (("phone", "light"), ("desk", "dark"))
RESIDENTS = {"phone": "resident0003@palmgrove.test", "desk": "resident0004@palmgrove.test"}
widths = pytest.mark.parametrize("width", ["phone", "desk"])


@dataclass
class Hand:
    """Somebody's hand on a page: `tap` counts what they activate."""

    page: Page
    taps: int = 0

    def tap(self, what: Locator) -> None:
        self.taps += 1
        what.click()

    def button(self, name: str) -> None:
        self.tap(self.page.get_by_role("button", name=name, exact=True))

    def link(self, name: str | re.Pattern[str]) -> None:
        self.tap(self.page.get_by_role("link", name=name).first)

    def sees(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible()


@pytest.fixture
def signed_in(demo: Demonstration, opened: Callable[..., Page], width: str) -> Hand:
    page = opened(width)
    sign_in(page, demo.url, RESIDENTS[width])
    return Hand(page)


@widths
def test_acknowledge_and_pay(demo: Demonstration, scene: Scene, opened: Callable[..., Page], width: str) -> None:
    """Four activations, signing in among them, from the door to a paid bill."""
    title = f"Gate repair for the {width}"
    demo.bill(title, "2500.00", type="maintenance", days=1 if width == "phone" else 0.9)
    hand = Hand(opened(width))
    hand.page.goto(f"{demo.url}/")
    hand.page.get_by_label("E-mail").fill(RESIDENTS[width])
    hand.page.get_by_label("Password").fill(PASSWORD)
    hand.button("Sign in")
    hand.sees(f"Next: {title}")
    hand.link(re.compile("Read and pay"))
    hand.button("I agree: acknowledge")
    hand.button("Pay ₦2,500.00")
    expect(hand.page.get_by_role("heading", name="Paid", exact=True)).to_be_visible()
    hand.sees(title)
    assert hand.taps <= MOST_ACTIVATIONS


@widths
def test_dispute_and_withdraw(scene: Scene, signed_in: Hand) -> None:
    hand = signed_in
    hand.link("Bills")
    hand.page.get_by_label("Find a bill").fill("security")
    expect(hand.page.locator("#rows > li")).to_have_count(1)
    hand.link(re.compile("Security, December"))
    hand.tap(hand.page.locator("summary", has_text="Dispute this bill"))
    hand.page.get_by_label("What is wrong?").fill("Two of the four guards were missing all week.")
    hand.button("Send the dispute")
    hand.sees("The office has your objection.")
    expect(hand.page.locator(".badge", has_text="In dispute")).to_be_visible()
    hand.tap(hand.page.locator("summary", has_text="Withdraw the dispute"))
    hand.button("Withdraw it")
    hand.sees("Your objection is withdrawn.")


@widths
def test_fund_by_card(signed_in: Hand) -> None:
    """Through the provider's page and back, to a wallet that is fuller; which the page finds out by itself."""
    hand = signed_in
    hand.link("Add money")
    hand.page.get_by_label("How much").fill("5,000")
    hand.tap(hand.page.get_by_text("Paystack"))
    hand.button("Go on")
    hand.page.wait_for_url("**/checkout/**")
    hand.page.get_by_label("Card number").fill("4084 0840 8408 4081")
    hand.page.get_by_label("Expiry").fill("12/30")
    hand.page.get_by_label("CVV").fill("408")
    hand.tap(hand.page.locator("button.pay"))
    hand.page.wait_for_url("**/app/transactions/**")
    expect(hand.page.get_by_role("heading", name="Money added")).to_be_visible()


@widths
def test_buy_electricity(signed_in: Hand) -> None:
    hand = signed_in
    hand.link("Buy power")
    hand.page.get_by_label("Customer number").fill(METER.replace("5678", "9012"))
    hand.page.get_by_label("For how much").fill("2000")
    hand.button("Check the number")
    hand.sees("Is this right?")
    hand.tap(hand.page.get_by_role("button", name=re.compile("Buy for")))
    expect(hand.page.get_by_role("heading", name="Here is your token")).to_be_visible()
    assert re.search(r"\d{4}", hand.page.locator("#token").inner_text())


@widths
def test_automate(signed_in: Hand) -> None:
    """From a purchase: kept, had bought by itself within a limit, looked at, and switched off."""
    hand = signed_in
    hand.link("Buy power")
    hand.page.get_by_label("Customer number").fill(METER.replace("5678", "9034"))
    hand.page.get_by_label("For how much").fill("1500")
    hand.tap(hand.page.get_by_label("Keep this number for next time"))
    hand.page.get_by_label("Call it").fill("Flat")
    hand.button("Check the number")
    hand.tap(hand.page.get_by_role("button", name=re.compile("Buy for")))
    expect(hand.page.get_by_role("heading", name="Here is your token")).to_be_visible()
    hand.link("Buy it automatically")
    hand.page.get_by_role("radio", name="Weekly").check()
    hand.page.get_by_label("On every").select_option("Friday")
    expect(hand.page.get_by_label("On day")).to_be_hidden()
    hand.page.get_by_label("How much each time").fill("2,000")
    hand.tap(hand.page.get_by_text("Limits, and what you are told"))
    hand.page.get_by_label("At most in a month").fill("9,000")
    hand.button("Switch it on")
    hand.sees("It is on. You need do nothing more.")
    hand.sees("every Friday at 08:00")
    hand.sees("₦0.00 of ₦9,000.00")
    hand.page.get_by_role("link", name="Home").first.click()
    hand.sees("Bought automatically next")
    hand.page.goto(hand.page.url + "utilities/automations/")
    expect(hand.page.locator("#main .badge", has_text="On")).to_be_visible()
    hand.tap(hand.page.locator("#main .list .item").first)
    hand.button("Switch off")
    hand.sees("It is off: nothing is bought by itself.")


@widths
def test_lost_pin(demo: Demonstration, signed_in: Hand, width: str) -> None:
    hand = signed_in
    hand.link("Wallet")
    hand.link(re.compile("Set a PIN"))
    for label in ("New PIN", "New PIN, once more"):
        hand.page.get_by_label(label, exact=True).fill("482915")
    hand.button("Set it")
    hand.link(re.compile("Forgot the PIN"))
    hand.button("E-mail me a code")
    hand.page.get_by_label("The code").fill(mailed_code(demo, RESIDENTS[width]))
    for label in ("New PIN", "New PIN, once more"):
        hand.page.get_by_label(label, exact=True).fill("719284")
    hand.button("Set the new PIN")
    hand.sees("Your new PIN is set.")


def mailed_code(demo: Demonstration, email: str) -> str:
    """The eight digits of the mail, as soon as the worker has sent it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = re.search(r"^\s*(\d{8})\s*$", demo.mail_to(email), re.MULTILINE)
        if found:
            return found[1]
        time.sleep(0.1)
    raise AssertionError("no code came")


def test_without_a_network(demo: Demonstration, opened: Callable[..., Page]) -> None:
    page = opened("phone")
    sign_in(page, demo.url, BOLA)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    page.context.set_offline(True)
    page.goto(f"{demo.url}/app/wallet/")
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    kept = page.evaluate(
        "caches.keys().then(names => Promise.all(names.map(name => caches.open(name).then(one => one.keys()))))"
        ".then(lists => lists.flat().map(request => new URL(request.url).pathname))"
    )
    assert kept
    assert {address for address in kept if not address.startswith("/static/")} == {"/offline/"}


def test_every_page(demo: Demonstration, scene: Scene, opened: Callable[..., Page]) -> None:
    page = opened(service_workers="block")
    found = problems_of(page, demo.url, OUTSIDE)
    sign_in(page, demo.url, BOLA)
    assert found | problems_of(page, demo.url, pages_of(scene)) == {}


def test_every_page_of_who_has_only_just_come_and_of_a_frozen_wallet(
    demo: Demonstration, scene: Scene, opened: Callable[..., Page]
) -> None:
    found: dict[str, list[str]] = {}
    for email, pages in ((NEWCOMER, NEWCOMERS), (CAREFUL, FROZEN)):
        page = opened(service_workers="block")
        sign_in(page, demo.url, email)
        found |= problems_of(page, demo.url, pages)
    assert found == {}


def test_every_page_of_who_has_a_second_factor(demo: Demonstration, scene: Scene, opened: Callable[..., Page]) -> None:
    page = opened(service_workers="block")
    sign_in(page, demo.url, SECURED, code=demo.recovery_codes[SECURED][0])
    assert problems_of(page, demo.url, SECURED_PAGES) == {}


def test_every_state(demo: Demonstration, scene: Scene, opened: Callable[..., Page]) -> None:
    """Forms with mistakes, what is shown before money moves, and questions that stand open."""
    page = opened(service_workers="block")
    found = problems_of(page, demo.url, OUTSIDE_STATES)
    sign_in(page, demo.url, BOLA)
    assert found | problems_of(page, demo.url, states_of(scene)) == {}


def problems_of(page: Page, url: str, pages: Mapping[str, str | State]) -> dict[str, list[str]]:
    """By page that has any: what axe finds on it, where it is wider than its window, and whether it is too heavy. Each is asked for
    once, and then looked at on a phone in the light, and, unless it is a page in a certain state, at a desk in the dark for its
    colours; with EVERY=1 in the environment for everything in all four ways."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    asked: list[Request] = []
    page.on("requestfinished", lambda request: asked.append(request))
    found: dict[str, list[str]] = {}
    for name, address in pages.items():
        asked.clear()
        arrive(page, url, address)
        weight = sum(each.sizes()["responseBodySize"] for each in list(asked) if _weighs(each))
        loads = 1 if isinstance(address, str) or not address.pressed else 2
        problems = [] if 0 < weight <= loads * HEAVIEST_BYTES else [f"{weight} bytes"]
        page.evaluate(AXE.axe_script)
        for width, theme in each_way(
            page, WAYS if EVERY_WAY else TWO_WAYS if isinstance(address, str) else TWO_WAYS[:1]
        ):
            looked_for = _looked_for(colours_alone=theme == "dark" and not EVERY_WAY)
            violations = page.evaluate("options => axe.run(options)", looked_for)["violations"]
            problems += [
                f"{width} {theme}: {each['id']}: {node['html'][:150]}" for each in violations for node in each["nodes"]
            ]
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                problems.append(f"{width}: wider than its window")
        if problems:
            found[name] = problems
    return found


def _looked_for(*, colours_alone: bool) -> dict[str, object]:
    """Everything, or what is about colours."""
    colours = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}} if colours_alone else {}
    return {"resultTypes": ["violations"], **colours}


def _weighs(request: Request) -> bool:
    return request.url.startswith("http") and request.resource_type not in ("image", "manifest")


def test_axe_finds_what_is_wrong(demo: Demonstration, opened: Callable[..., Page]) -> None:
    """The judge is awake: a page with faults is not passed."""
    page = opened("phone")
    page.goto(f"{demo.url}/offline/")
    page.evaluate(
        "document.querySelector('h1').insertAdjacentHTML('afterend', '<input type=text><img src=\"/x.png\">')"
    )
    assert {each["id"] for each in AXE.run(page).response["violations"]} >= {"label", "image-alt"}


def test_subscribe_by_card(demo: Demonstration, opened: Callable[..., Page]) -> None:
    """Through Stripe's page with a trial, left once on the way; after it the first invoice; a coupon, a larger plan for
    exactly what was shown, out, and in again. After all the others, because time passes."""
    who, code = "resident0006@palmgrove.test", "STAY"
    coupon = {"code": code, "name": "A fifth off", "percent": 20, "duration": "forever"}
    demo.ask(NGOZI, "POST", "/api/v1/billing/staff/create_coupon/", coupon)
    page = opened("phone")
    sign_in(page, demo.url, who)
    page.goto(f"{demo.url}/platform/plans/?currency=USD")
    page.get_by_role("link", name="Choose Basic").click()
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url("**/checkout/stripe/**")
    page.get_by_role("link", name="Go back").click()
    expect(page.get_by_role("heading", name="Not finished")).to_be_visible()
    page.get_by_role("link", name="Go on there").click()
    page.locator("select[name=card]").select_option("4242424242424242")
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="Your trial has begun")).to_be_visible()

    demo.manage("move_clock", "+15d")
    first = in_time(demo, lambda: demo.ask(who, "GET", "/api/v1/billing/invoices/")["results"])[0]
    page.goto(f"{demo.url}/platform/invoices/")
    page.locator("summary", has_text=first["invoice_number"]).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="PDF").first.click()
    assert download.value.path().read_bytes().startswith(b"%PDF")

    page.goto(f"{demo.url}/platform/")
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_role("status").first).to_contain_text("The coupon counts")
    page.goto(f"{demo.url}/platform/plans/pro/?interval=month")
    shown = page.locator("#due").inner_text()
    page.get_by_role("button", name="Change my plan").click()
    expect(page.get_by_role("status").first).to_contain_text("Your plan is changed.")
    newest = demo.ask(who, "GET", "/api/v1/billing/invoices/")["results"][0]
    assert shown == f"${newest['total'] / 100:,.2f}"
    assert newest["status"] == "paid"

    page.get_by_role("link", name="Cancel my plan").click()
    page.get_by_label("It costs too much").check()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Before you go")).to_be_visible()
    page.get_by_role("button", name="Cancel my plan").click()
    expect(page.get_by_role("status").first).to_contain_text("Your plan ends with this period.")
    page.get_by_role("button", name="Keep my plan").click()
    expect(page.get_by_role("status").first).to_contain_text("Your plan goes on.")


def in_time(demo: Demonstration, ask: Callable[[], Any]) -> Any:
    """What is asked, as soon as it is there. Time passes meanwhile: Stripe repeats a webhook that was not taken after five
    minutes."""
    for _ in range(12):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if found := ask():
                return found
            time.sleep(0.2)
        demo.manage("move_clock", "+6m")
    raise AssertionError(f"it never came:\n{(demo.folder / 'serve.log').read_text()[-3000:]}")


def test_every_page_of_who_has_a_habit(demo: Demonstration, scene: Scene, opened: Callable[..., Page]) -> None:
    """Time passes here too."""
    page = opened(service_workers="block")
    sign_in(page, demo.url, BOLA)
    assert problems_of(page, demo.url, habit_pages_of(demo, scene)) == {}
