"""Let an estate send money again after its books were looked at: `bin/manage release_money CLUSTER_ID --reason TEXT --by EMAIL`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from clustr.kit import clock
from clustr.kit.errors import Refusal
from clustr.payments.commands import release_outgoing
from clustr.people.management.staff import staff_named

_HELD = """
SELECT h.cluster_id, c.name, h.invariant, h.held_at FROM payments_hold h JOIN clusters_cluster c ON c.id = h.cluster_id
WHERE h.released_at IS NULL ORDER BY h.held_at, h.id
"""


class Command(BaseCommand):
    help = (
        "Let an estate send money again after its books were looked at; without an estate, list what is held and why."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("cluster", nargs="?", type=UUID, help="the estate's id")
        parser.add_argument("--reason", default="", help="what was found, and why the money may go")
        parser.add_argument("--by", default="", metavar="EMAIL", help="who of the platform's staff decided it")
        parser.add_argument(
            "--although-broken", action="store_true", help="what does not hold is known; let the money go for a week"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["cluster"] is None:
            self._list()
            return
        if not options["reason"].strip():
            raise CommandError("Say what was found, and why the money may go: --reason TEXT.")
        try:
            names = release_outgoing(
                cluster_id=options["cluster"],
                reason=options["reason"].strip(),
                released_by=staff_named(options["by"]),
                although_broken=options["although_broken"],
                now=clock.now(),
            )
        except Refusal as error:
            raise CommandError(error.detail) from error
        self.stdout.write(f"Released; it was held by {', '.join(names)}. What waits is sent within five minutes.")

    def _list(self) -> None:
        with connections["checker"].cursor() as cursor:
            cursor.execute(_HELD)
            for cluster_id, name, invariant, held_at in cursor.fetchall():
                self.stdout.write(f"{cluster_id}  {name}  {invariant}  since {held_at:%Y-%m-%d %H:%M}")
