"""Pictures of every page of a demonstration, at both widths, in both themes: `bin/screenshots [NAME ...]`."""

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
        if wanted and name not in wanted:
            continue
        page.goto(url + address)
        page.screenshot(path=Path(FOLDER) / f"{name}-{suffix}.png", full_page=True)


if __name__ == "__main__":
    main(sys.argv[1:])
