"""`bin/manage given_up_jobs`: what failed for good, and letting it wait again once its cause is mended."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from procrastinate.exceptions import ConnectorException

from clustr.kit import clock
from clustr.kit.jobs import here

_LIST = """
SELECT id, queue_name, task_name, args, (SELECT max(at) FROM procrastinate_events e WHERE e.job_id = j.id)
FROM procrastinate_jobs j WHERE status = 'failed' ORDER BY id
"""


class Command(BaseCommand):
    help = "List the jobs that failed for good, or queue some again. Every job may run twice, so that is harmless."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--again", nargs="+", metavar="ID", help="queue these again; `all` for all of them")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        with connection.cursor() as cursor:
            cursor.execute(_LIST)
            given_up = {str(row[0]): row for row in cursor.fetchall()}
        again: list[str] = options["again"] or []
        wanted = list(given_up) if again == ["all"] else again
        if unknown := [id for id in wanted if id not in given_up]:
            raise CommandError(f"no such job was given up: {', '.join(unknown)}")
        for id, (_, queue, name, arguments, at) in given_up.items():
            done = self._queue(int(id)) if id in wanted else ""
            self.stdout.write(f"{id}  {at:%Y-%m-%d %H:%M}  {queue}  {name}  {arguments}{done}")
        self.stdout.write(f"{len(given_up)} given up, {len(wanted)} asked to run again.")

    def _queue(self, job_id: int) -> str:
        try:
            here().retry_job_by_id(job_id, retry_at=clock.real(clock.now()))
        except ConnectorException:
            return "  left: another with its key waits already"
        return "  waits again"
