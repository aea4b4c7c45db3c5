"""Write everything held about one person as JSON: `bin/manage export_person EMAIL > person.json`."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clustr.people import queries


class Command(BaseCommand):
    help = "Write everything held about a person as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the person's e-mail address")

    def handle(self, *, email: str, **_options: Any) -> None:
        user_id = queries.find_by_email(email=email)
        if user_id is None:
            raise CommandError(f"There is nobody with the address {email}.")
        self.stdout.write(json.dumps(queries.export_person(user_id=user_id), indent=2, ensure_ascii=False))
