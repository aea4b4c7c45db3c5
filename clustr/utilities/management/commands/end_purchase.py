"""End a purchase whose service never does: `bin/manage end_purchase REFERENCE --token TOKEN --reason TEXT --by EMAIL`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clustr.clusters import queries as clusters
from clustr.kit import clock
from clustr.kit.errors import Refusal
from clustr.payments.models import Transaction
from clustr.people.management.staff import staff_named
from clustr.utilities.commands import end_purchase, purchases_to_end


class Command(BaseCommand):
    help = (
        "End a purchase from a utility that a person was asked about and that is not decided: sold, or its money back, with"
        " a reason; without a reference, list what waits."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", nargs="?", help="the purchase's reference")
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--token", metavar="TOKEN", help="it was sold, and this is its token, as the utility told it")
        how.add_argument("--sold", action="store_true", help="it was sold; for a utility that gives no token")
        how.add_argument("--release", action="store_true", help="it was not sold: its money returns to the wallet")
        parser.add_argument("--reason", default="", help="how it is known, such as whom at the utility you asked")
        parser.add_argument("--by", default="", metavar="EMAIL", help="who of the platform's staff decided it")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not options["reference"]:
            self._list()
            return
        token = (options["token"] or "").strip()
        if not (token or options["sold"] or options["release"]):
            raise CommandError("Say how it ends: --token TOKEN, --sold or --release.")
        if not options["reason"].strip():
            raise CommandError("Say how it is known: --reason TEXT.")
        waiting = self._found(options["reference"])
        try:
            ended = end_purchase(
                cluster_id=waiting.cluster_id,
                purchase_id=waiting.id,
                token=None if options["release"] else token,
                reason=options["reason"].strip(),
                ended_by=staff_named(options["by"]),
                now=clock.now(),
            )
        except Refusal as error:
            raise CommandError(error.detail) from error
        done = "is back in the wallet" if options["release"] else "was spent, and it is delivered"
        self.stdout.write(f"{ended.amount.for_people()} {done}: {ended.reference}.")

    def _list(self) -> None:
        for waiting in _everything():
            self.stdout.write(
                f"{waiting.reference}  {waiting.amount.for_people()}  {waiting.created_at:%Y-%m-%d}  cluster"
                f" {waiting.cluster_id}  {waiting.provider} {waiting.description}"
            )

    def _found(self, reference: str) -> Transaction:
        for waiting in _everything():
            if waiting.reference == reference.strip().upper():
                return waiting
        raise CommandError("No purchase with this reference waits for a person: it is decided, or goes on by itself.")


def _everything() -> list[Transaction]:
    return [row for id in clusters.all_cluster_ids() for row in purchases_to_end(cluster_id=id)]
