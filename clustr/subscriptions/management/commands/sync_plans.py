"""`bin/manage sync_plans`: offer the plans of the setting SUBSCRIPTION_PLANS."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit import clock
from clustr.subscriptions import commands
from clustr.subscriptions.catalogue import CatalogueWrong, costs, read_catalogue


class Command(BaseCommand):
    help = "Offer the plans of SUBSCRIPTION_PLANS; a plan that changed gets a new version, and who has the old one keeps it."

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            catalogue = read_catalogue(settings.SUBSCRIPTION_PLANS)
        except CatalogueWrong as error:
            raise CommandError(str(error)) from error
        if settings.ENV.production and not settings.ENV.SUBSCRIPTION_SELLER and any(map(costs, catalogue)):
            raise CommandError("Say in SUBSCRIPTION_SELLER who sells, before a plan with a price is put on sale.")
        said = commands.sync_plans(
            actor=system_actor(cluster_id=PLATFORM_CLUSTER_ID), catalogue=catalogue, now=clock.now()
        )
        for line in said or ["Nothing has changed."]:
            self.stdout.write(line)
