"""One demonstration and one browser for all journeys; without a Chromium they are skipped, and say so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.journeys.browsers import LOCALE, arguments, chromium
from tests.journeys.demonstration import Demonstration, demonstration
from tests.journeys.scene import Scene, set_others_scene, set_scene

WIDTHS = {"phone": (360, 740), "desk": (1440, 900)}
PATIENCE_MS = 20_000
_EXPECTED = ("the server responded with a status of 4", "ERR_INTERNET_DISCONNECTED")
"""What a browser itself says of a page that says no, and of a network that was taken away."""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Ends with the journeys: while Playwright runs, its loop does too, and no other may run in this process."""
    found = chromium()
    if found is None:
        pytest.skip("no Chromium here: apt install chromium, or name yours in CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=arguments())
        yield started
        started.close()


@pytest.fixture(scope="package")
def demo(browser: Browser) -> Iterator[Demonstration]:
    with demonstration() as running:
        yield running


@pytest.fixture(scope="package")
def scene(demo: Demonstration) -> Scene:
    set_others_scene(demo)
    return set_scene(demo)


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page of a browser of its own. The test ends with nothing in its console, and nothing that its policy of
    content had to stop."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def hear(page: Page) -> None:
        page.on(
            "console", lambda message: said.append(f"{page.url}: {message.text}") if message.type == "error" else None
        )
        page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))

    def open_page(width: str = "phone", **options: Any) -> Page:
        size = {"width": WIDTHS[width][0], "height": WIDTHS[width][1]}
        context = browser.new_context(viewport=size, locale=LOCALE, **options)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        hear(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [line for line in said if not any(expected in line for expected in _EXPECTED)] == []
