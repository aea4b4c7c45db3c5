"""After restoring a backup: forget everybody again who had been erased. `bin/manage reapply_erasures [erasures.jsonl]`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clustr.kit import clock
from clustr.people import commands


class Command(BaseCommand):
    help = "Erase again everybody named by the restored record of erasures and, if given, by the list kept beside it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("list", nargs="?", type=Path, help="what list_erasures wrote last")

    def handle(self, *, list: Path | None, **_options: Any) -> None:
        records: tuple[dict[str, Any], ...] = ()
        if list is not None:
            try:
                records = tuple(json.loads(line) for line in list.read_text().splitlines() if line.strip())
            except (OSError, ValueError) as error:
                raise CommandError(f"{list} cannot be read: {error}") from error
        forgotten = commands.reapply_erasures(records=records, now=clock.now())
        self.stdout.write(f"{forgotten} people erased again.")
