"""Forget who a person was; the books stay: `bin/manage erase_person EMAIL --reason "letter of 3 May"`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clustr.kit import clock
from clustr.kit.errors import Refusal
from clustr.people import commands, queries


class Command(BaseCommand):
    help = "Destroy a person's identity everywhere. It cannot be undone; accounting records stay under a bare id."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the person's e-mail address")
        parser.add_argument(
            "--reason", required=True, help="why: kept with the record of the erasure; name nobody in it"
        )

    def handle(self, *, email: str, reason: str, **_options: Any) -> None:
        user_id = queries.find_by_email(email=email)
        if user_id is None:
            raise CommandError(f"There is nobody with the address {email}.")
        try:
            commands.erase_person(user_id=user_id, reason=reason, by=None, now=clock.now())
        except Refusal as refusal:
            raise CommandError(refusal.detail) from refusal
        self.stdout.write(f"Erased. Their records remain under the id {user_id}.")
