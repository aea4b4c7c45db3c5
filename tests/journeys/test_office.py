"""The office at its desk and on its phone: import members, bill everybody, decide a dispute, send money by two persons; and
every page readable for all, light and quiet. All in one file, so that one process keeps one demonstration for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.demonstration import ADA, Demonstration, demonstration
from tests.journeys.office_scene import (
    EFE,
    NGOZI,
    OfficeScene,
    office_pages_of,
    resident,
    set_office_scene,
    staff_pages_of,
    tables_of,
)
from tests.journeys.screenshots import each_way, sign_in
from tests.journeys.states import office_states_of, staff_states_of
from tests.journeys.test_residents import AXE, TWO_WAYS, problems_of

pytestmark = pytest.mark.early

DAYO = "dayo@lekkigardens.test"
WIDTHS = ("desk", "phone")
ROWS = 4_950


@pytest.fixture(scope="module")
def office(browser: Browser) -> Iterator[Demonstration]:
    """Apart from the residents' one: its clock has moved on."""
    with demonstration() as running:
        yield running


@pytest.fixture(scope="module")
def scene(office: Demonstration) -> OfficeScene:
    return set_office_scene(office)


def test_every_page_is_readable_for_all(office: Demonstration, scene: OfficeScene, opened: Callable[..., Page]) -> None:
    page = opened(service_workers="block")
    found: dict[str, list[str]] = {}
    for email, pages in (
        (ADA, {**office_pages_of(scene), **office_states_of(scene)}),
        (NGOZI, {**staff_pages_of(scene), **staff_states_of(scene)}),
    ):
        page.context.clear_cookies()
        sign_in(page, office.url, email)
        found |= problems_of(page, office.url, pages)
    assert found == {}


def test_the_staffs_tables_are_readable_for_all(
    office: Demonstration, scene: OfficeScene, opened: Callable[..., Page]
) -> None:
    """As far as WCAG 2.1 AA asks for it: how the pages are parted, and how large a tap must aim, is unfold's."""
    page = opened(service_workers="block")
    sign_in(page, office.url, NGOZI)
    asked = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    found = []
    tables = tables_of(page, office.url)
    for width, theme in each_way(page, TWO_WAYS):
        for address in tables.values():
            page.goto(office.url + address)
            page.evaluate(AXE.axe_script)
            violations = page.evaluate("options => axe.run(options)", asked)["violations"]
            found += [(address, width, theme, each["id"], each["nodes"][0]["html"][:150]) for each in violations]
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), (address, width)
    assert found == []


@pytest.mark.parametrize("width", WIDTHS)
def test_import_members_and_bill_them_all(office: Demonstration, opened: Callable[..., Page], width: str) -> None:
    """A roster with a mistake is refused by its line; mended, it is in; then one form of at most eight fields bills
    everybody."""
    rows = ROWS if width == "desk" else 3
    lines = [f"new-{width}-{n}@lekkigardens.test,New {n},,Block {n % 90}" for n in range(rows)]
    page = opened(width)
    sign_in(page, office.url, DAYO)
    page.goto(f"{office.url}/office/members/import/")
    roster(page, ["email,name,phone,unit", *lines, "not an address,Nobody,,"])
    expect(page.get_by_role("cell", name=str(rows + 2), exact=True)).to_be_visible()
    expect(page.get_by_text("This is not an e-mail address.")).to_be_visible()
    roster(page, ["email,name,phone,unit", *lines])
    expect(page.get_by_role("heading", name=f"{rows:,} new members")).to_be_visible()

    page.goto(f"{office.url}/office/bills/new/")
    fields = page.locator("main form").locator("input:not([type=hidden]), select, textarea")
    assert fields.count() <= 8
    page.get_by_label("Title").fill(f"Service charge, seen on a {width}")
    page.get_by_label("Amount for each member").fill("5,000")
    page.get_by_label("Due on").fill("2090-01-31")
    page.get_by_role("button", name="See whom it reaches").click()
    residents = 50 + ROWS + (3 if width == "phone" else 0)
    expect(page.get_by_text(f"{residents:,} residents")).to_be_visible()
    expect(page.locator(".big")).to_contain_text(f"{residents * 5_000:,}")
    page.get_by_role("button", name="Issue it").click()
    expect(page.get_by_role("status")).to_contain_text(f"Issued to {residents:,} residents.")
    expect(page.get_by_text(f"0 / {residents:,}")).to_be_visible()


def roster(page: Page, lines: list[str]) -> None:
    content = "\n".join(lines).encode()
    page.get_by_label("CSV file").set_input_files({"name": "roster.csv", "mimeType": "text/csv", "buffer": content})
    page.get_by_role("button", name="Import").click()


@pytest.mark.parametrize("width", WIDTHS)
def test_resolve_a_dispute(office: Demonstration, scene: OfficeScene, opened: Callable[..., Page], width: str) -> None:
    who = resident(8 if width == "desk" else 9)
    bills = office.ask(who, "GET", "/members/bills/my_bills/?status=disputed")["results"]
    assert [bill["amount_due"] for bill in bills] == ["13000.00"]
    page = opened(width)
    sign_in(page, office.url, ADA)
    page.goto(f"{office.url}/office/")
    page.get_by_role("link", name="for your answer").click()
    page.get_by_role("link", name=office.ask(who, "GET", "/members/profile/export/")["people"]["name"]).click()
    page.get_by_role("radio", name="They are right").check()
    page.get_by_label("what they owe instead").fill("6,500.50")
    page.get_by_label("Your answer").fill("Half of the quarter was before your time.")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("status")).to_contain_text("Decided.")
    bill = office.ask(who, "GET", f"/members/bills/{scene.bill}/")
    assert (bill["amount_due"], bill["status"]) == ("6500.50", "pending_acknowledgment")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_transfer_takes_two(
    office: Demonstration, scene: OfficeScene, opened: Callable[..., Page], width: str
) -> None:
    """Ada asks for it and cannot approve it; Efe, to whom she grants the right, compares the account and does."""
    page = opened(width)
    sign_in(page, office.url, ADA)
    page.goto(f"{office.url}/office/memberships/{scene.membership}/")
    page.get_by_label("Send and refund money").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved.")
    page.goto(f"{office.url}/office/wallet/transfer/")
    page.get_by_label("Amount").fill("1,000,000.01")
    page.get_by_label("What for").fill(f"Transformer, {width}")
    page.get_by_label("Whose account").fill("Volta Works")
    page.get_by_label("Account number").fill("0690000031")
    page.get_by_label("Bank").select_option("Access Bank")
    page.get_by_role("button", name="Check the account").click()
    expect(page.get_by_text("The names differ")).to_be_visible()
    page.get_by_label("I know that the name differs, and send it there").check()
    page.get_by_role("button", name="Send it").click()
    expect(page.get_by_text("Waits for a second person")).to_be_visible()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    address = page.url

    other = opened(width)
    sign_in(other, office.url, EFE)
    other.goto(address)
    expect(other.get_by_text("0690000031")).to_be_visible()
    expect(other.get_by_text("The names differ")).to_be_visible()
    other.get_by_label("I know that the name differs, and send it there").check()
    other.get_by_role("button", name="Approve").click()
    expect(other.get_by_role("status")).to_contain_text("Approved.")
    page.reload()
    expect(page.get_by_text("Approved by")).to_be_visible()
    shown = office.ask(ADA, "GET", "/management/payments/cluster_wallet/")["operations"]["results"]
    (sent,) = [row for row in shown if row["reason"] == f"Transformer, {width}"]
    assert (sent["amount"], sent["metadata"]["approval"]) == ("1000000.01", "approved")
