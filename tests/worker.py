"""A real worker that does what waits, and ends."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection
from procrastinate.contrib.django import app


def work(*, concurrency: int = 1) -> None:
    """Do every job that waits, and what these ask for. No clock of its own: a database that earlier tests wrote in would
    otherwise be swept whole, in every test that works.
    """
    ticks = dict(app.periodic_registry.periodic_tasks)
    app.periodic_registry.periodic_tasks.clear()
    try:
        call_command("worker", until_idle=True, concurrency=concurrency)
    finally:
        app.periodic_registry.periodic_tasks.update(ticks)


def forget_jobs(*, but_of: object = None) -> None:
    """Delete the jobs that wait, of all estates but one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs WHERE args ->> 'cluster_id' IS DISTINCT FROM %s", [but_of and str(but_of)]
        )
