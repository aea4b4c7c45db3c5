"""Note the operator's own money in a provider's balance: `bin/manage note_own_funds paystack 1000000.00 --reason TEXT --by EMAIL`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clustr.kit import clock
from clustr.kit.errors import Refusal
from clustr.kit.money import Money
from clustr.payments.providers.registry import MAKERS
from clustr.people.management.staff import staff_named
from clustr.settlement.balance_queries import own_funds
from clustr.settlement.commands import note_own_funds


class Command(BaseCommand):
    help = "Note that you put money of your own into a provider's balance, or took it out; without a provider, say what is yours."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("provider", nargs="?", choices=sorted(MAKERS), help="whose balance")
        parser.add_argument("amount", nargs="?", help="how much, as 1000000.00")
        parser.add_argument("--currency", default="NGN", help="of the amount (default NGN)")
        parser.add_argument("--taken-out", action="store_true", help="it was taken out, and not put in")
        parser.add_argument("--reason", default="", help="where it came from, or went")
        parser.add_argument(
            "--once", action="store_true", help="only where nothing of yours was noted with this provider"
        )
        parser.add_argument("--by", default="", metavar="EMAIL", help="who of the platform's staff notes it")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["provider"] is None:
            self._list()
            return
        if not options["reason"].strip():
            raise CommandError("Say where it came from, or went: --reason TEXT.")
        try:
            amount = Money.parse(options["amount"], options["currency"])
        except Refusal as error:
            raise CommandError(error.detail) from error
        if not amount.minor:
            raise CommandError("Say how much, as 1000000.00.")
        if options["once"] and own_funds(provider=options["provider"]):
            self.stdout.write("Noted before.")
            return
        note_own_funds(
            provider=options["provider"],
            amount=Money(-amount.minor, amount.currency) if options["taken_out"] else amount,
            reason=options["reason"].strip(),
            noted_by=staff_named(options["by"]),
            now=clock.now(),
        )
        self.stdout.write("Noted. The next comparison counts it: bin/manage reconcile.")

    def _list(self) -> None:
        for provider in sorted(MAKERS):
            for currency, minor in sorted(own_funds(provider=provider).items()):
                self.stdout.write(f"{provider:<12} {Money(minor, currency).for_people()}")
