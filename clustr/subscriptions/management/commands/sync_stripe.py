"""`bin/manage sync_stripe`: let Stripe know the prices of the plans on offer."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit import clock
from clustr.kit.errors import Refusal
from clustr.kit.outbound import OutboundError
from clustr.subscriptions import commands
from clustr.subscriptions.vendors.nouns import StripeRefused


class Command(BaseCommand):
    help = "Make the prices of the plans on offer at Stripe, where they are not there yet."

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            said = commands.sync_prices(cluster_id=PLATFORM_CLUSTER_ID, now=clock.now())
        except (Refusal, StripeRefused, OutboundError) as error:
            raise CommandError(f"Stripe was not asked for all: {error}") from error
        for line in said:
            self.stdout.write(line)
