"""`bin/manage worker`: run jobs, the most urgent first, until told to stop."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from procrastinate.contrib.django import app

from clustr.kit.database import check_safety
from clustr.kit.jobs import MESSAGES, MONEY, UPKEEP


class Command(BaseCommand):
    help = "Run jobs until stopped. Money comes before messages, messages before upkeep."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=4, help="jobs at the same time (default 4)")
        parser.add_argument("--until-idle", action="store_true", help="stop when no job is left")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        check_safety()
        with app.replace_connector(app.connector.get_worker_connector()) as working:  # type: ignore[attr-defined]
            working.run_worker(
                queues=[MONEY, MESSAGES, UPKEEP],
                concurrency=options["concurrency"],
                wait=not options["until_idle"],
                delete_jobs="successful",
                shutdown_graceful_timeout=30,
            )
