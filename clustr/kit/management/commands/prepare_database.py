"""`bin/manage prepare_database`: roles, privileges, migrations. Harmless to repeat."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from clustr.kit.database import prepare


class Command(BaseCommand):
    help = "Make the roles and bring the database to the present schema; harmless to repeat."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        prepare(progress=self.stdout.write)
