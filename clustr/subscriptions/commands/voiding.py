"""Taking an invoice back: by a credit note, never by a change."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.errors import InvalidValue
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions.commands.correcting import given_back, left_of, sums_of_gross
from clustr.subscriptions.commands.crediting import (
    apply_credit,
    pay_what_is_open,
    refuse_beyond_period,
    take_out_of_period,
)
from clustr.subscriptions.commands.dunning import settle_standing
from clustr.subscriptions.commands.invoicing import (
    AtStripe,
    audit_document,
    issue_credit_note,
    lock_invoice,
)
from clustr.subscriptions.commands.paying import refuse_collected_by_stripe
from clustr.subscriptions.models import Invoice, InvoiceLine, Subscription
from clustr.subscriptions.pricing import Totals, totals
from clustr.subscriptions.queries import STAFF
from clustr.subscriptions.refusals import InvoiceNotOpen
from clustr.subscriptions.states import InvoiceKind, InvoiceStatus
from clustr.subscriptions.types import Line, LineKind, Period


def void_invoice(*, actor: Actor, invoice_id: UUID, reason: str, now: datetime) -> Invoice:
    """Take back an open invoice by a credit note over all of it that was not given back before. What was paid of it becomes
    the customer's credit, which pays what else they owe.

    For platform staff, of others. Answers the credit note. Refuses `InvoiceNotFound`, `InvoiceNotOpen`, `CreditExceedsInvoice`.
    """
    actor.require(STAFF)
    with tenant(actor.cluster_id), crash_points("subscriptions.void"):
        invoice = lock_invoice(actor=actor, invoice_id=invoice_id)
        if invoice.user_id == actor.user_id:
            raise InvalidValue.of("invoice_id", "own_affair", "Nobody voids an invoice of their own.")
        if invoice.kind != InvoiceKind.INVOICE or invoice.status != InvoiceStatus.OPEN:
            raise InvoiceNotOpen
        refuse_collected_by_stripe(invoice=invoice)
        left = _all_that_is_left(invoice)
        refuse_beyond_period(invoice=invoice, net=(left.total - left.tax).minor)
        take_out_of_period(invoice=invoice, now=now)
        credit_note = take_back(actor=actor, invoice=invoice, reason=reason, now=now)
        pay_what_is_open(user_id=invoice.user_id, currency=invoice.currency, now=now)
        settle_standing(actor=actor, subscription_id=invoice.subscription_id, now=now)
    return credit_note


def take_back(*, actor: Actor, invoice: Invoice, reason: str, now: datetime) -> Invoice:
    """Void an invoice that is locked and open; answers the credit note."""
    subscription = Subscription.objects.get(cluster_id=actor.cluster_id, id=invoice.subscription_id)
    sums, at_stripe = _all_that_is_left(invoice), None
    if invoice.stripe_invoice_id:
        # To the minor unit what stands there, which may round the tax of a line otherwise than we do.
        left = Money(left_of(invoice=invoice), invoice.currency)
        whole = left.minor == invoice.total
        sums, taxes = as_issued(invoice) if whole else sums_of_gross(invoice=invoice, gross=left, reason=reason)
        at_stripe = AtStripe(f"{invoice.stripe_invoice_id}:void", taxes)
    credit_note = issue_credit_note(
        actor=actor, subscription=subscription, sums=sums, corrects_id=invoice.id, at_stripe=at_stripe, now=now
    )
    apply_credit(invoice=invoice, now=now)
    invoice.status, invoice.paid_at, invoice.updated_at = InvoiceStatus.VOID, None, now
    invoice.save()
    audit_document(actor=actor, document=invoice, action="subscriptions.invoice_voided", now=now, reason=reason)
    return credit_note


def as_issued(invoice: Invoice) -> tuple[Totals, tuple[Money, ...]]:
    """The sums of a document as it was issued, its lines net of discounts; and the tax of each."""
    lines = _lines_net(invoice)
    rows = InvoiceLine.objects.filter(cluster_id=invoice.cluster_id, invoice_id=invoice.id).order_by("n")
    taxes = tuple(Money(row.tax, invoice.currency) for row in rows)
    none, net = Money(0, invoice.currency), Money(invoice.total - invoice.tax_amount, invoice.currency)
    tax, total = Money(invoice.tax_amount, invoice.currency), Money(invoice.total, invoice.currency)
    return Totals(tuple(lines), (none,) * len(lines), net, none, (), tax, total), taxes


def _all_that_is_left(invoice: Invoice) -> Totals:
    """The lines less what was given back of them, and exactly the tax that is left."""
    before, lines = given_back(invoice=invoice), _lines_net(invoice)
    for rate, (net, _) in before.items():
        taken = Money(-net, invoice.currency)
        lines.append(
            Line(LineKind.CORRECTION, "Given back before", taken, tax_basis_points=rate, discountable=False),
        )
    sums = totals(lines=lines, currency=invoice.currency)
    given = {rate: Money(tax, invoice.currency) for rate, (_, tax) in before.items()}
    nothing = Money(0, invoice.currency)
    charged = {
        group.basis_points: group.tax for group in totals(lines=_lines_net(invoice), currency=invoice.currency).taxes
    }
    taxes = tuple(
        replace(group, tax=charged[group.basis_points] - given.get(group.basis_points, nothing)) for group in sums.taxes
    )
    tax = sum((group.tax for group in taxes), nothing)
    return replace(sums, taxes=taxes, tax=tax, total=sums.subtotal - sums.discount + tax)


def _lines_net(invoice: Invoice) -> list[Line]:
    """The lines of an invoice as a credit note gives them back: what they came to after discounts."""
    rows = InvoiceLine.objects.filter(cluster_id=invoice.cluster_id, invoice_id=invoice.id).order_by("n")
    return [
        Line(
            LineKind(row.kind),
            row.description,
            Money(row.amount - row.discount, invoice.currency),
            Period(row.period_start, row.period_end) if row.period_start and row.period_end else None,
            row.quantity,
            row.tax_basis_points,
            discountable=False,
        )
        for row in rows
    ]
