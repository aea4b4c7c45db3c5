"""What the platform's staff must look at: `bin/manage platform_cases`, and `... CASE_ID --take` or `--close TEXT`, `--by EMAIL`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID, PaymentsPermissions
from clustr.kit import clock
from clustr.kit.actor import Actor
from clustr.kit.errors import Refusal
from clustr.kit.tenancy import in_tenant
from clustr.payments import commands as payments
from clustr.payments.case_queries import cases_of_cluster
from clustr.people import queries as people
from clustr.people.management.staff import staff_named


class Command(BaseCommand):
    help = "What the platform's staff must look at: list it with its age and owner, take a case, or close it with what was done."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("case", nargs="?", type=UUID, help="the case's id")
        parser.add_argument("--take", action="store_true", help="become its owner")
        parser.add_argument("--close", default="", metavar="TEXT", help="close it, with what was done")
        parser.add_argument("--by", default="", metavar="EMAIL", help="who of the platform's staff")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["case"] is None:
            self._list()
            return
        note = options["close"].strip()
        if bool(note) == options["take"]:
            raise CommandError("Say what to do with it: --take, or --close TEXT.")
        actor, asked = _actor(staff_named(options["by"])), {"case_id": options["case"], "now": clock.now()}
        try:
            if note:
                payments.close_case(actor=actor, note=note, **asked)
            else:
                payments.take_case(actor=actor, **asked)
        except Refusal as error:
            raise CommandError(error.detail) from error
        self.stdout.write("It is closed." if note else "It is yours.")

    def _list(self) -> None:
        now, actor = clock.now(), _actor(None)
        cases = in_tenant(PLATFORM_CLUSTER_ID, lambda: cases_of_cluster(actor=actor, limit=500))
        names = people.names_of(user_ids={case.owner_id for case in cases if case.owner_id})
        for case in reversed(cases):
            facts = ", ".join(f"{name} {value}" for name, value in case.facts.items() if value)
            owner = names.get(case.owner_id, "nobody") if case.owner_id else "nobody"
            age = max(0, (now - case.opened_at).days)
            self.stdout.write(f"{case.id}  {case.kind.value}  {age} days  {owner}: {facts}")


def _actor(user_id: UUID | None) -> Actor:
    """Somebody of the staff in the platform's own cluster, in which nobody is a member."""
    platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    return Actor(
        cluster_id=platform.cluster_id,
        currency=platform.currency,
        timezone=platform.timezone,
        user_id=user_id,
        permissions=frozenset({PaymentsPermissions.TRANSFER_FUNDS}),
    )
