"""Compare what the providers list with what was settled, and what they hold with the books, now."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand

from clustr.kit import clock
from clustr.kit.money import Money
from clustr.settlement import commands
from clustr.settlement.balance_queries import last_held
from clustr.settlement.models import HeldByProvider, Reconciliation
from clustr.settlement.tasks import STILL_MOVING


class Command(BaseCommand):
    help = (
        "Compare what the providers list with what was settled, and what they hold with the books; book what was missed, open a"
        " case for the rest."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=3, help="how many days to look back (default 3)")
        parser.add_argument(
            "--cluster", type=UUID, action="append", help="only this estate; may be given several times"
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        now = clock.now()
        runs = commands.reconcile(
            since=now - timedelta(days=options["days"]),
            until=now - STILL_MOVING,
            now=now,
            cluster_ids=options["cluster"],
        )
        for run in runs:
            self.stdout.write(
                f"{run.provider:<12} {run.listed} listed, {run.settled_now} booked now, {run.breaks} new cases"
                + ("" if run.complete else "; the list could not be read whole")
            )
        payouts = commands.reconcile_payouts(
            since=now - timedelta(days=options["days"]), until=now - STILL_MOVING, now=now
        )
        for compared in payouts:
            self.stdout.write(
                f"{compared.provider:<12} {compared.listed} payouts listed, {compared.breaks} new cases"
                + ("" if compared.complete else "; the list could not be read whole")
            )
        held = [] if options["cluster"] else self._balances(now)
        if not runs:
            self.stdout.write("No provider is switched on.")
        differing = [run.breaks or not run.complete for run in runs] + [
            one.breaks or not one.complete for one in [*payouts, *held]
        ]
        if any(differing):
            raise SystemExit(1)

    def _balances(self, now: datetime) -> list[Reconciliation]:
        """What providers hold for all estates together."""
        runs = commands.reconcile_balances(now=now)
        for held in last_held():
            self.stdout.write(
                f"{held.provider:<12} {_sums(held)}" + ("" if held.at == now else f"; on {held.at:%Y-%m-%d}")
            )
        for run in runs:
            if not run.complete:
                self.stdout.write(f"{run.provider:<12} did not say what it holds")
        return runs


def _sums(held: HeldByProvider) -> str:
    def said(minor: int) -> str:
        return Money(minor, held.currency).for_people()

    most = "" if held.exact else " at most"
    return (
        f"holds {said(held.held_minor)}; estates own {said(held.books_minor)}, you {said(held.own_minor)}; to your bank"
        f" {said(held.banked_minor)}; not settled{most} {said(held.unsettled_minor)}; on its way{most} {said(held.going_minor)};"
        f" not explained {said(held.difference_minor)}"
    )
