"""Make somebody one of the platform's own people and invite them: `bin/manage create_platform_staff EMAIL`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clustr.kit import clock
from clustr.kit.errors import Refusal
from clustr.people import commands


class Command(BaseCommand):
    help = "Make somebody platform staff; they get a mail with a link to set their password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="their e-mail address")
        parser.add_argument("--name", default="", help="their name")

    def handle(self, *, email: str, name: str, **_options: Any) -> None:
        try:
            user_id = commands.create_platform_staff(email=email, name=name, now=clock.now())
        except Refusal as refusal:
            raise CommandError(refusal.detail) from refusal
        self.stdout.write(f"{email} is platform staff ({user_id}); a mail is under way.")
