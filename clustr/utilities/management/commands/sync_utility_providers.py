"""`bin/manage sync_utility_providers`: read what the utility services sell, now."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand

from clustr.kit import clock
from clustr.utilities.commands import sync_utility_providers


class Command(BaseCommand):
    help = "Read what the utility services sell; what they no longer sell is switched off."

    def handle(self, *_args: Any, **_options: Any) -> None:
        counted = sync_utility_providers(now=clock.now())
        for name, count in sorted(counted.items()):
            self.stdout.write(f"{name}: {count}")
        if not counted:
            self.stdout.write("No service that sells utilities is switched on, or none could be read.")
