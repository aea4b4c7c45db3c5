"""Give money in suspense to whom it belongs: `bin/manage place_suspense REFERENCE --to-member EMAIL --reason TEXT --by EMAIL`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clustr.clusters import queries as clusters
from clustr.kit import clock
from clustr.kit.errors import Refusal
from clustr.kit.money import Money
from clustr.payments.models import Transaction
from clustr.people import queries as people
from clustr.people.management.staff import staff_named
from clustr.wallets.commands import place_suspense, waiting_in_suspense


class Command(BaseCommand):
    help = "Give money in suspense to a member or to the estate, with a reason; without a reference, list what waits."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", nargs="?", help="the reference of what was set aside")
        to = parser.add_mutually_exclusive_group()
        to.add_argument("--to-member", metavar="EMAIL", help="whose wallet it goes to")
        to.add_argument("--to-estate", action="store_true", help="it goes to the cluster's wallet")
        parser.add_argument("--amount", metavar="DECIMAL", help="a part of it, in major units; all of it when absent")
        parser.add_argument("--reason", default="", help="how it is known whose it is")
        parser.add_argument("--by", default="", metavar="EMAIL", help="who of the platform's staff decided it")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not options["reference"]:
            self._list()
            return
        if not (options["to_member"] or options["to_estate"]):
            raise CommandError("Say where it goes: --to-member EMAIL or --to-estate.")
        if not options["reason"].strip():
            raise CommandError("Say how it is known whose it is: --reason TEXT.")
        waiting = self._found(options["reference"])
        try:
            placed = place_suspense(
                cluster_id=waiting.cluster_id,
                transaction_id=waiting.id,
                user_id=_person(options["to_member"]) if options["to_member"] else None,
                amount=Money.parse(options["amount"], waiting.currency) if options["amount"] else None,
                reason=options["reason"].strip(),
                placed_by=staff_named(options["by"]),
                now=clock.now(),
            )
        except (Refusal, ValueError) as error:
            raise CommandError(getattr(error, "detail", None) or str(error)) from error
        self.stdout.write(f"{placed.amount.for_people()} was given: {placed.reference}.")

    def _list(self) -> None:
        for waiting in _everything():
            rest = Money(waiting.amount_minor - waiting.refunded_minor, waiting.currency)
            self.stdout.write(
                f"{waiting.reference}  {rest.for_people()}  {waiting.created_at:%Y-%m-%d}  cluster {waiting.cluster_id}"
                f"  {waiting.provider} {waiting.description}"
            )

    def _found(self, reference: str) -> Transaction:
        for waiting in _everything():
            if waiting.reference == reference.strip().upper():
                return waiting
        raise CommandError("Nothing with this reference waits in suspense.")


def _everything() -> list[Transaction]:
    return [row for id in clusters.all_cluster_ids() for row in waiting_in_suspense(cluster_id=id)]


def _person(email: str) -> UUID:
    found = people.find_by_email(email=email)
    if found is None:
        raise CommandError(f"There is nobody with the address {email}.")
    return found
