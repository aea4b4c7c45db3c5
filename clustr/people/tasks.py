"""The people room's jobs."""

from __future__ import annotations

from uuid import UUID

from clustr.kit import clock
from clustr.kit.jobs import MESSAGES, periodic, task
from clustr.people import commands


@task(name="people.send_mail", queue=MESSAGES, attempts=12)
def send_mail(mail_id: str) -> None:
    """Send one waiting mail; tried for about two hours while the mail server is away."""
    commands.deliver_mail(mail_id=UUID(mail_id))


@periodic(cron="20 3 * * *", name="people.purge_expired")
def purge_expired(timestamp: int) -> None:  # noqa: ARG001 - procrastinate names the tick
    """Every night: delete expired sessions, counters and undeliverable mail."""
    commands.purge_expired(now=clock.now())
