"""Jobs of utilities: have a purchase sold, ask whose a number is, mail a token; and the upkeep of catalogue and validations."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import connections

from clustr.kit import clock
from clustr.kit.going_on import through_estates
from clustr.kit.jobs import MESSAGES, MONEY, periodic, task
from clustr.kit.tenancy import tenant
from clustr.utilities import commands

VALIDATIONS_KEPT = timedelta(days=1)


@task(name="utilities.vend", queue=MONEY)
def vend(cluster_id: str, purchase_id: str) -> None:
    """Have a purchase sold."""
    commands.vend_purchase(cluster_id=UUID(cluster_id), purchase_id=UUID(purchase_id), now=clock.now())


@task(name="utilities.validate", queue=MESSAGES)
def validate(cluster_id: str, validation_id: str) -> None:
    """Ask a utility whose number this is, where the request that asked first did not hear it."""
    commands.ask_customer(cluster_id=UUID(cluster_id), validation_id=UUID(validation_id))


@task(name="utilities.send_token", queue=MESSAGES)
def send_token(cluster_id: str, purchase_id: str) -> None:
    """Mail a token to its buyer."""
    commands.send_token(cluster_id=UUID(cluster_id), purchase_id=UUID(purchase_id))


@periodic(cron="* * * * *", name="utilities.sync_stale_catalogue")
def sync_stale_catalogue(timestamp: int) -> None:
    """Every minute: read what the utility services sell, if that was never done or is six hours old."""
    del timestamp
    commands.sync_stale_catalogue(now=clock.now())


@periodic(cron="29 3 * * *", name="utilities.forget_old_validations")
def forget_old_validations(timestamp: int) -> None:
    """Every night: delete validations and quotes of which nothing came, and numbers that were only typed, a day after."""
    del timestamp
    before = clock.now() - VALIDATIONS_KEPT
    with connections["sweep"].cursor() as cursor:
        cursor.execute("SELECT DISTINCT cluster_id FROM utilities_validation WHERE expires_at < %s", [before])
        due = [row[0] for row in cursor.fetchall()]

    def forget(cluster_id: UUID) -> None:
        with tenant(cluster_id):
            commands.forget_old_validations(before=before)

    through_estates(due, forget)
