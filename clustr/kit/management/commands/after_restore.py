"""`bin/manage after_restore`: once, after a dump was restored and before anything serves."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from clustr.kit import database
from clustr.kit.restoring import number_on, start_sums_anew


class Command(BaseCommand):
    help = "Make a restored dump fit to serve: roles, privileges, migrations, transactions numbered on, sums that start anew."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        database.prepare(progress=self.stdout.write, safety=False)
        self.stdout.write(f"Transactions are numbered {number_on()} above what this server counts.")
        self.stdout.write(f"Emptied, to fill again by themselves: {', '.join(start_sums_anew())}.")
        database.check_safety()
        self.stdout.write("Next: bin/manage reapply_erasures, then prove the books: bin/manage check_books")
