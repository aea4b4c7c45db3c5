"""`bin/manage process_payments`: what the worker does by the clock, done now and watched."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand

from clustr.bills import commands as bills
from clustr.kit import clock
from clustr.kit.database import check_safety
from clustr.kit.going_on import GoingOn
from clustr.recurring import commands
from clustr.recurring.types import Processed

ALL = "all"


class Command(BaseCommand):
    help = "Run what is due now: recurring payments, reminders, notices of overdue bills, clean-up."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--task", choices=[ALL, *self._tasks()], default=ALL, help="what to do (default: all)")
        parser.add_argument("--dry-run", action="store_true", help="say what is due, and do nothing")

    def handle(self, *, task: str, dry_run: bool, **_: Any) -> None:
        check_safety()
        now = clock.now()
        with GoingOn() as going_on:
            for name, (count, work) in self._tasks().items():
                if task not in (ALL, name):
                    continue
                if dry_run:
                    self.stdout.write(f"{name}: {count(now)} to look at, nothing done")
                    continue
                with going_on.past(task=name), commands.one_at_a_time(name) as alone:
                    if alone:
                        self._timed(name, work, now)
                    else:
                        self.stdout.write(f"{name}: another run is at it, left alone")

    def _timed(self, name: str, work: Callable[[datetime], str], now: datetime) -> None:
        began = time.monotonic()
        try:
            said = work(now)
        except Exception:
            self.stdout.write(f"{name}: failed after {time.monotonic() - began:.1f} s; what comes after it is done")
            raise
        self.stdout.write(f"{name}: {said} ({time.monotonic() - began:.1f} s)")

    def _tasks(self) -> dict[str, tuple[Callable[[datetime], int], Callable[[datetime], str]]]:
        """By name: how much is due, and the work, which says what it did."""
        return {
            "recurring_payments": (lambda now: commands.count_due(now=now), self._recurring_payments),
            "recurring_reminders": (
                lambda now: commands.count_reminders(now=now) + commands.count_automation_reminders(now=now),
                self._reminders,
            ),
            "utility_automations": (
                lambda now: len(commands.due_members(now=now)),
                self._utility_automations,
            ),
            "overdue_bills": (
                lambda now: bills.count_overdue_bills(now=now),
                lambda now: f"{bills.check_overdue_bills(now=now)} notices",
            ),
            "bill_reminders": (
                lambda now: bills.count_bills_due_soon(now=now),
                lambda now: f"{bills.send_bill_reminders(now=now)} notices",
            ),
            "cleanup": (
                lambda now: commands.count_old_records(now=now),
                lambda now: f"{commands.clean_up_old_records(now=now)} records deleted",
            ),
        }

    def _reminders(self, now: datetime) -> str:
        made = commands.send_recurring_payment_reminders(now=now) + commands.send_automation_reminders(now=now)
        return f"{made} notices"

    def _utility_automations(self, now: datetime) -> str:
        done = commands.run_utility_automations(now=now)
        return (
            f"{done.bought} bought, {done.charging} charging a card, {done.limited} over a limit, {done.failed} failed,"
            f" {done.waiting} waiting for a utility"
        )

    def _recurring_payments(self, now: datetime) -> str:
        total = Processed()

        def progress(batch: Processed) -> None:
            nonlocal total
            total += batch
            self.stdout.write(f"  {total.total - total.retimed} runs so far")
            self.stdout.flush()

        done = commands.process_recurring_payments(now=now, progress=progress)
        told = sum(commands.tell_of_runs(cluster_id=cluster_id, now=now) for cluster_id in commands.untold_clusters())
        return (
            f"{done.completed} paid, {done.charging} being charged to cards, {done.nothing_due} with nothing to pay,"
            f" {done.retrying} to be tried again, {done.failed} paused after failing, {done.waiting} waiting for a charge"
            f" that is not decided, {done.stopped} ended because their member has left, {done.retimed} moved to another time zone; {told} members told"
        )
