"""Documentation that cannot lie: every setting, refusal and periodic job is listed."""

from __future__ import annotations

import pytest
from django.conf import settings

from clustr.environment import Environment
from clustr.kit import inventory
from clustr.kit.errors import Refusal


@pytest.fixture(scope="module", autouse=True)
def everything_loaded() -> None:
    inventory.load_everything()


@pytest.mark.parametrize("page", inventory.PAGES)
def test_generated_tables_are_up_to_date(page: str) -> None:
    assert (settings.PROJECT_ROOT / page).read_text() == inventory.filled(page), "run bin/manage update_docs"


def test_every_setting_is_listed_and_described() -> None:
    page = (settings.PROJECT_ROOT / "docs/settings.md").read_text()
    for name, setting in Environment.model_fields.items():
        assert f"`{name}`" in page
        assert setting.description, name


def test_every_refusal_is_listed() -> None:
    page = (settings.PROJECT_ROOT / "docs/errors.md").read_text()
    missing = [
        code
        for code, refusal in Refusal.registry.items()
        if refusal.__module__.startswith("clustr.") and f"`{code}`" not in page
    ]
    assert missing == []


def test_every_refusal_has_a_title_of_its_own() -> None:
    for code, refusal in Refusal.registry.items():
        assert refusal.__dict__.get("__doc__"), code
        assert refusal.title().endswith("."), code


def test_every_periodic_job_is_listed_and_described() -> None:
    from procrastinate.contrib.django import app

    page = (settings.PROJECT_ROOT / "docs/operating.md").read_text()
    for periodic in app.periodic_registry.periodic_tasks.values():
        assert f"`{periodic.task.name}`" in page
        assert periodic.task.func.__doc__, periodic.task.name
