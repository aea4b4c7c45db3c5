"""`bin/manage update_docs`: rewrite the tables in docs/ that are read from the code, and the titles of refusals."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from clustr.environment import ROOT
from clustr.kit.inventory import PAGES, filled, load_everything


class Command(BaseCommand):
    help = "Rewrite the generated tables of docs/ (settings, errors, periodic jobs)."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        load_everything()
        for page in PAGES:
            text = filled(page)
            if text != (ROOT / page).read_text():
                (ROOT / page).write_text(text)
                self.stdout.write(f"Updated {page}.")
