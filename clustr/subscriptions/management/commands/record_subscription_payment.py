"""`bin/manage record_subscription_payment INV2026000001 21.50 REFERENCE --by EMAIL`: money that came for an invoice."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from clustr.kit import clock
from clustr.kit.actor import Origin
from clustr.kit.errors import Refusal
from clustr.kit.money import Money
from clustr.people.queries import staff_by_email
from clustr.subscriptions import commands
from clustr.subscriptions.document_queries import invoice_by_number
from clustr.subscriptions.queries import customer_actor
from clustr.subscriptions.states import PaymentMethod


class Command(BaseCommand):
    help = (
        "Record a bank transfer for an invoice of the platform's plans. What is too much becomes the customer's credit."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("number", help="the invoice's number")
        parser.add_argument("amount", help="what came, in the invoice's currency, such as 21.50")
        parser.add_argument("reference", help="the transfer's reference; it counts once")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="who of the platform's staff saw it arrive")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            user_id = staff_by_email(email=options["by"])
            actor = customer_actor(user_id=user_id, is_platform_staff=True, origin=Origin(user_agent="command line"))
            invoice = invoice_by_number(actor=actor, number=options["number"])
            payment = commands.process_payment(
                actor=actor,
                invoice_id=invoice.id,
                amount=Money.parse(options["amount"], invoice.currency),
                method=PaymentMethod.BANK_TRANSFER,
                reference=options["reference"],
                paid_at=clock.now(),
                now=clock.now(),
            )
        except Refusal as refusal:
            raise CommandError(f"{refusal.detail} [{refusal.code}]") from refusal
        kept = Money(payment.surplus_minor, payment.currency)
        self.stdout.write(f"Recorded {options['amount']} {invoice.currency} for {invoice.invoice_number}.")
        if kept.minor:
            self.stdout.write(f"{kept.for_people()} of it is the customer's credit.")
