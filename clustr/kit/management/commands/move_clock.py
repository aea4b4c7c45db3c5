"""`bin/manage move_clock +30d`: move a demonstration's clock for web, worker and shell alike."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from clustr.kit import clock

_BY = re.compile(r"([+-])([0-9]{1,5})([dhm])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}


class Command(BaseCommand):
    help = "Move the demonstration's clock: +30d, -1h, +15m. Production refuses."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.prefix_chars = "\0"  # so that "-1h" is an argument, not an option
        parser.add_argument("by", metavar="BY", help="how far: +30d, -1h, +15m")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        if settings.ENV.production:
            raise CommandError("production keeps the real time")
        match = _BY.fullmatch(options["by"])
        if match is None:
            raise CommandError("write how far as +30d, -1h or +15m")
        sign, count, unit = match.groups()
        present = clock.move(timedelta(**{_UNITS[unit]: int(sign + count)}))
        self.stdout.write(f"It is now {present:%Y-%m-%d %H:%M:%S} UTC.")
        self.stdout.write(
            "The worker does what is due meanwhile within an hour, automations and plans within minutes; "
            "process_payments --task all does what is due of payments now."
        )
