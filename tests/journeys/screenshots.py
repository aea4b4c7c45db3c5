"""Pictures of every page of a demonstration, at both widths, in both themes: `bin/screenshots [NAME ...]`. With `--guides`
those of the guides too, into docs/images/."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.journeys.browsers import LOCALE, arguments, chromium
from tests.journeys.demonstration import ADA, BOLA, PASSWORD, ROOT, demonstration
from tests.journeys.office_scene import NGOZI, office_pages_of, set_office_scene, staff_pages_of, tables_of
from tests.journeys.scene import (
    CAREFUL,
    FROZEN,
    NEWCOMER,
    NEWCOMERS,
    OUTSIDE,
    SECURED,
    habit_pages_of,
    pages_of,
    set_others_scene,
    set_scene,
)
from tests.journeys.states import (
    OUTSIDE_STATES,
    SECURED_PAGES,
    State,
    arrive,
    office_states_of,
    staff_states_of,
    states_of,
)

WIDTHS = {"phone": (360, 740), "desk": (1440, 900)}
THEMES = ("light", "dark")
WAYS = tuple((width, theme) for width in WIDTHS for theme in THEMES)
FOLDER = ROOT / ".screenshots"
GUIDES = {
    "home": "resident-home",
    "bill-to-read": "resident-bill",
    "utilities-token": "resident-token",
    "automations": "resident-automations",
    "automation-new": "resident-automate",
    "automation": "resident-automation",
}
"""Pages whose picture, as a telephone shows it, stands in a guide."""
OFFICE_GUIDES = {
    "office": "office",
    "office-bill": "office-bill",
    "office-bill-new": "office-bill-new",
    "office-dispute": "office-dispute",
    "office-wallet": "office-wallet",
}
"""The same for the office, as a desk shows them."""


def main(wanted: list[str]) -> None:
    found = chromium()
    if found is None:
        sys.exit("There is no Chromium here; on Debian and Ubuntu: apt install chromium")
    FOLDER.mkdir(exist_ok=True)
    with demonstration() as demo, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments())
        seen = set_scene(demo)
        set_others_scene(demo)
        inside = pages_of(seen)
        _shoot_all(browser, demo.url, BOLA, {**OUTSIDE, **OUTSIDE_STATES}, {**inside, **states_of(seen)}, wanted)
        _shoot_all(browser, demo.url, NEWCOMER, {}, NEWCOMERS, wanted)
        _shoot_all(browser, demo.url, CAREFUL, {}, FROZEN, wanted)
        _shoot_all(browser, demo.url, SECURED, {}, SECURED_PAGES, wanted, code=demo.recovery_codes[SECURED][0])
        if "--guides" in wanted:
            _shoot_for_guides(browser, demo.url, BOLA, {name: inside[name] for name in GUIDES}, GUIDES, (360, 740))
        scene = set_office_scene(demo)
        office = office_pages_of(scene)
        _shoot_all(browser, demo.url, ADA, {}, {**office, **office_states_of(scene)}, wanted)
        if "--guides" in wanted:
            shown = {name: office[name] for name in OFFICE_GUIDES}
            _shoot_for_guides(browser, demo.url, ADA, shown, OFFICE_GUIDES, (1080, 675))
        _shoot_all(browser, demo.url, NGOZI, {}, {**staff_pages_of(scene), **staff_states_of(scene)}, wanted)
        _shoot_tables(browser, demo.url, wanted)
        _shoot_all(browser, demo.url, BOLA, {}, habit_pages_of(demo, seen), wanted)
        browser.close()
    sys.stdout.write(f"The pictures are in {FOLDER.relative_to(ROOT)}/\n")


def _shoot_all(
    browser: Any,
    url: str,
    email: str,
    outside: Mapping[str, str | State],
    inside: Mapping[str, str | State],
    wanted: list[str],
    *,
    code: str = "",
) -> None:
    """These pages at both widths and in both themes, the inner ones as this person sees them."""
    named = {each for each in wanted if not each.startswith("--")}
    if named.isdisjoint({*outside, *inside}) and named:
        return
    context = browser.new_context(service_workers="block", locale=LOCALE)
    page = context.new_page()
    _shoot(page, url, outside, wanted)
    sign_in(page, url, email, code=code)
    _shoot(page, url, inside, wanted)
    context.close()


def each_way(page: Any, ways: Sequence[tuple[str, str]] = WAYS) -> Iterator[tuple[str, str]]:
    """The page that is open, at one width after the other, in one theme after the other, without being asked for again."""
    for width, theme in ways:
        page.set_viewport_size({"width": WIDTHS[width][0], "height": WIDTHS[width][1]})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        yield width, theme


def sign_in(page: Any, url: str, email: str, *, code: str = "") -> None:
    """As a person does, at the sign-in page, whoever was there before; with a code, if they have a second factor."""
    page.context.clear_cookies()
    page.goto(f"{url}/accounts/login/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    if code:
        page.get_by_label("Code").fill(code)
        page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile("/(app|office|platform)/"))


def _shoot(page: Any, url: str, pages: Mapping[str, str | State], wanted: list[str]) -> None:
    for name, address in pages.items():
        if not _is_wanted(name, wanted):
            continue
        arrive(page, url, address)
        for width, theme in each_way(page):
            page.screenshot(path=Path(FOLDER) / f"{name}-{width}-{theme}.png", full_page=True)


def _is_wanted(name: str, wanted: list[str]) -> bool:
    named = [each for each in wanted if not each.startswith("--")]
    return not named or name in named


def _shoot_tables(browser: Any, url: str, wanted: list[str]) -> None:
    page = browser.new_page(service_workers="block", locale=LOCALE)
    sign_in(page, url, NGOZI)
    tables = tables_of(page, url)
    for width, theme in each_way(page):
        for name, address in tables.items():
            if _is_wanted(name, wanted):
                page.goto(url + address)
                page.screenshot(path=FOLDER / f"{name}-{width}-{theme}.png", full_page=True)


def _shoot_for_guides(
    browser: Any, url: str, email: str, pages: dict[str, str], pictures: dict[str, str], size: tuple[int, int]
) -> None:
    """What fits the screen, in the light."""
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, color_scheme="light", service_workers="block", locale=LOCALE
    )
    sign_in(page, url, email)
    for name, address in pages.items():
        page.goto(url + address)
        page.screenshot(path=ROOT / "docs" / "images" / f"{pictures[name]}.png")


if __name__ == "__main__":
    main(sys.argv[1:])
