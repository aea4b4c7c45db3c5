"""`bin/manage reseal`: seal anew, with the newest key, whatever an older one sealed; then the older one may be dropped."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management import BaseCommand

from clustr.clusters.queries import all_cluster_ids
from clustr.kit.sealed import Sealed, left_to_reseal, reseal, sealed_columns
from clustr.kit.tenancy import tenant


class Command(BaseCommand):
    help = (
        "Seal anew what an older key of CLUSTR_ENCRYPTION_KEYS sealed: bank accounts, cards' tokens, notices, customer"
        " numbers, utility tokens. May be stopped and begun again. Exit status 0 only if nothing is left. Secrets of second"
        " factors are not among it: they are sealed anew when their owner sets them up again."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        left = 0
        for name, held in sorted(sealed_columns().items()):
            done = sum(reseal(held=held, cluster_id=cluster_id) for cluster_id in _where(held))
            remains = sum(_left(held, cluster_id) for cluster_id in _where(held))
            left += remains
            self.stdout.write(f"{name}: {done} sealed anew, {remains} left")
        if left:
            sys.exit(1)


def _where(held: Sealed) -> list[Any]:
    return list(all_cluster_ids()) if held.of_estates else [None]


def _left(held: Sealed, cluster_id: Any) -> int:
    if cluster_id is None:
        return left_to_reseal(held=held)
    with tenant(cluster_id):
        return left_to_reseal(held=held)
