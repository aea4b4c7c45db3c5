"""Every page of a resident in a browser: readable for all, light, quiet, and no wider than the phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.journeys.demonstration import BOLA, Demonstration
from tests.journeys.scene import OUTSIDE, Scene, pages_of
from tests.journeys.screenshots import sign_in

HEAVIEST_BYTES = 100_000
AXE = Axe()


def problems_of(page: Page) -> list[str]:
    """What axe finds on the page as it stands, and whether it is wider than its window."""
    found = [
        f"{each['id']}: {node['html'][:150]}" for each in AXE.run(page).response["violations"] for node in each["nodes"]
    ]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("wider than its window")
    return found


@pytest.mark.parametrize(("width", "theme"), [("phone", "light"), ("desk", "dark")])
def test_every_page_is_readable_for_all(
    demo: Demonstration, scene: Scene, opened: Callable[..., Page], width: str, theme: str
) -> None:
    page = opened(width, color_scheme=theme, service_workers="block")
    found = {}
    for name, address in OUTSIDE.items():
        page.goto(demo.url + address)
        found[name] = problems_of(page)
    sign_in(page, demo.url, BOLA)
    for name, address in pages_of(scene).items():
        page.goto(demo.url + address)
        found[name] = problems_of(page)
    assert {name: problems for name, problems in found.items() if problems} == {}
