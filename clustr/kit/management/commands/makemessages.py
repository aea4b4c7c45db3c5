"""`bin/manage makemessages`: Django's own, which finds what refusals say by their names, without a mark where they are raised."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import makemessages

from clustr.kit.errors import Refusal
from clustr.kit.inventory import load_everything
from clustr.kit.sentences import KEYWORDS


class Command(makemessages.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        load_everything()
        names = {f"{refusal.__name__}:1" for refusal in Refusal.registry.values()} | set(KEYWORDS)
        self.xgettext_options = [*self.xgettext_options, *(f"--keyword={name}" for name in sorted(names))]
        super().handle(*args, **options)
