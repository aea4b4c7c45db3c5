"""`bin/manage worker`: run jobs, the most urgent first, until told to stop."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from procrastinate.contrib.django import app

from clustr.kit.database import check_safety
from clustr.kit.lanes import run_lanes


class Command(BaseCommand):
    requires_system_checks = ()  # they would load every address and schema of the web, which no job needs
    help = "Run jobs until stopped. Money comes before messages, messages before upkeep, and has places of its own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=4, help="jobs at the same time (default 4)")
        parser.add_argument("--money", type=int, default=2, help="jobs of money beside them (default 2)")
        parser.add_argument("--until-idle", action="store_true", help="stop when no job is left")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        check_safety()
        with app.replace_connector(app.connector.get_worker_connector()) as working:  # type: ignore[attr-defined]
            run_lanes(
                app=working,
                concurrency=options["concurrency"],
                money=options["money"],
                until_idle=options["until_idle"],
            )
