"""Write whom we were asked to forget, a JSON line each: keep it beside the backups, outside the database."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from clustr.people import queries


class Command(BaseCommand):
    help = "Write the record of erasures, a JSON line each. It names nobody: ids, instants and reasons."

    def handle(self, **_options: Any) -> None:
        for erasure in queries.erasures():
            self.stdout.write(json.dumps(erasure))
