"""`bin/manage create_demo`: the two estates of the demonstration, where no other estate exists."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from clustr.bills.demonstration import ACCOUNTS, make_demonstration
from clustr.kit import clock


class Command(BaseCommand):
    help = (
        "Make the demonstration's estates and people; refused in production, and on a server unless CLUSTR_ENV is set."
    )
    accounts = ACCOUNTS

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        if settings.ENV.production:
            raise CommandError("a production configuration makes no demonstration accounts")
        if not settings.ENV.may_make_demonstration:
            raise CommandError("DATABASE_URL names a server: set CLUSTR_ENV=demo to make demonstration accounts there")
        made = make_demonstration(residents=settings.ENV.CLUSTR_DEMO_MEMBERS, now=clock.now(), say=self._say)
        if made:
            with connections["owner"].cursor() as cursor:
                cursor.execute("ANALYZE")  # or the first pages would be planned for empty tables

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
