"""Pictures of every page of a demonstration, at both widths, in both themes: `bin/screenshots [NAME ...]`. With `--guides`
those of the guides too, into docs/images/."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.journeys.browsers import arguments, chromium
from tests.journeys.demonstration import BOLA, PASSWORD, ROOT, demonstration
from tests.journeys.scene import OUTSIDE, pages_of, set_scene

WIDTHS = {"phone": (360, 740), "desk": (1440, 900)}
THEMES = ("light", "dark")
FOLDER = ROOT / ".screenshots"
GUIDES = {"home": "resident-home", "bill-to-read": "resident-bill", "utilities-token": "resident-token"}
"""Pages whose picture, as a telephone shows it, stands in a guide."""


def main(wanted: list[str]) -> None:
    found = chromium()
    if found is None:
        sys.exit("There is no Chromium here; on Debian and Ubuntu: apt install chromium")
    FOLDER.mkdir(exist_ok=True)
    with demonstration() as demo, sync_playwright() as playwright:
        inside = pages_of(set_scene(demo))
        browser = playwright.chromium.launch(executable_path=found, args=arguments())
        for width, size in WIDTHS.items():
            for theme in THEMES:
                context = browser.new_context(
                    viewport={"width": size[0], "height": size[1]},
                    color_scheme=theme,  # type: ignore[arg-type]
                    service_workers="block",
                )
                page = context.new_page()
                _shoot(page, demo.url, OUTSIDE, wanted, f"{width}-{theme}")
                sign_in(page, demo.url, BOLA)
                _shoot(page, demo.url, inside, wanted, f"{width}-{theme}")
                context.close()
        if "--guides" in wanted:
            _shoot_for_guides(browser, demo.url, inside)
        browser.close()
    sys.stdout.write(f"The pictures are in {FOLDER.relative_to(ROOT)}/\n")


def sign_in(page: Any, url: str, email: str) -> None:
    """As a person does, at the sign-in page."""
    page.goto(f"{url}/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/app/**")


def _shoot(page: Any, url: str, pages: dict[str, str], wanted: list[str], suffix: str) -> None:
    for name, address in pages.items():
        named = [each for each in wanted if not each.startswith("--")]
        if named and name not in named:
            continue
        page.goto(url + address)
        page.screenshot(path=Path(FOLDER) / f"{name}-{suffix}.png", full_page=True)


def _shoot_for_guides(browser: Any, url: str, pages: dict[str, str]) -> None:
    """What fits a telephone's screen, in the light."""
    page = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme="light", service_workers="block")
    sign_in(page, url, BOLA)
    for name, picture in GUIDES.items():
        page.goto(url + pages[name])
        page.screenshot(path=ROOT / "docs" / "images" / f"{picture}.png")


if __name__ == "__main__":
    main(sys.argv[1:])
