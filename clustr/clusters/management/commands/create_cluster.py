"""`bin/manage create_cluster NAME --admin EMAIL --currency NGN --timezone Africa/Lagos`: a new estate."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clustr.clusters import commands
from clustr.kit import clock
from clustr.kit.errors import Refusal
from clustr.kit.money import DECIMALS


class Command(BaseCommand):
    help = "Found a cluster and invite its first administrator by mail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the estate is called")
        parser.add_argument("--admin", required=True, metavar="EMAIL", help="the first administrator's address")
        parser.add_argument("--admin-name", default="", help="the first administrator's name")
        parser.add_argument("--currency", required=True, choices=sorted(DECIMALS), help="what its books are kept in")
        parser.add_argument("--timezone", required=True, metavar="ZONE", help="such as Africa/Lagos")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            cluster_id = commands.create_cluster(
                name=options["name"],
                admin_email=options["admin"],
                admin_name=options["admin_name"],
                currency=options["currency"],
                timezone=options["timezone"],
                now=clock.now(),
            )
        except Refusal as refusal:
            raise CommandError(f"{refusal.detail} [{refusal.code}]") from refusal
        self.stdout.write(
            f"Founded {options['name']}: cluster {cluster_id}, {options['currency']}, {options['timezone']}."
        )
        self.stdout.write(f"An invitation to set a password is on its way to {options['admin']}.")
