"""Giving back some of an invoice that stands: by a credit note, never by a change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from itertools import accumulate, pairwise
from uuid import UUID

from django.db.models import QuerySet, Sum

from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.errors import InvalidValue
from clustr.kit.money import CurrencyMismatch, Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions.commands.crediting import (
    apply_credit,
    notes_of,
    pay_what_is_open,
    refuse_beyond_period,
    take_out_of_period,
)
from clustr.subscriptions.commands.dunning import settle_standing
from clustr.subscriptions.commands.invoicing import issue_credit_note, lock_invoice
from clustr.subscriptions.commands.paying import refuse_collected_by_stripe
from clustr.subscriptions.models import Invoice, InvoiceLine, Subscription
from clustr.subscriptions.pricing import TaxGroup, Totals, rounded, tax_on, totals
from clustr.subscriptions.queries import STAFF
from clustr.subscriptions.refusals import CreditExceedsInvoice, InvoiceNotOpen
from clustr.subscriptions.states import InvoiceKind, InvoiceStatus
from clustr.subscriptions.types import Line, LineKind


def credit_invoice(
    *, actor: Actor, invoice_id: UUID, amount: Money, tax_basis_points: int, reason: str, now: datetime
) -> Invoice:
    """Give back some of an invoice that is open or paid by a credit note: `amount` net of tax, of what was charged at this
    rate, with the tax on it. It stands in the customer's credit, and pays the invoice itself first if that is open, then what else is; a
    change of plan gives back so much less of the period under way.

    For platform staff, of others. Answers the credit note. Refuses `InvoiceNotFound`, `InvoiceNotOpen`,
    `CreditExceedsInvoice`, `CurrencyMismatch`.
    """
    actor.require(STAFF)
    if amount.minor <= 0 or not reason.strip():
        raise InvalidValue.of("amount", "invalid", "A credit note gives back something, for a reason.")
    with tenant(actor.cluster_id), crash_points("subscriptions.credit_invoice"):
        invoice = lock_invoice(actor=actor, invoice_id=invoice_id)
        if invoice.user_id == actor.user_id:
            raise InvalidValue.of("invoice_id", "own_affair", "Nobody credits an invoice of their own.")
        if amount.currency != invoice.currency:
            raise CurrencyMismatch("The invoice is in {currency}.", currency=invoice.currency)
        if invoice.kind != InvoiceKind.INVOICE or invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.PAID):
            raise InvoiceNotOpen
        refuse_collected_by_stripe(invoice=invoice)
        line = Line(
            LineKind.CORRECTION,
            reason.strip(),
            amount,
            tax_basis_points=tax_basis_points,
            discountable=False,
        )
        subscription = Subscription.objects.get(cluster_id=actor.cluster_id, id=invoice.subscription_id)
        sums = _sums(invoice, line)
        refuse_beyond_period(invoice=invoice, net=amount.minor)
        take_out_of_period(invoice=invoice, net=amount.minor, now=now)
        note = issue_credit_note(actor=actor, subscription=subscription, sums=sums, corrects_id=invoice.id, now=now)
        if invoice.status == InvoiceStatus.OPEN:
            apply_credit(invoice=invoice, now=now)
            invoice.updated_at = now
            invoice.save()
        pay_what_is_open(user_id=invoice.user_id, currency=invoice.currency, now=now)
        if invoice.status == InvoiceStatus.PAID:
            settle_standing(actor=actor, subscription_id=subscription.id, now=now)
    return note


def given_back(*, invoice: Invoice) -> dict[int, tuple[int, int]]:
    """What credit notes gave back of an invoice by now: net and tax in minor units, by rate of tax."""
    notes = notes_of(invoice=invoice).values("id")
    return _by_rate(InvoiceLine.objects.filter(cluster_id=invoice.cluster_id, invoice_id__in=notes))


def left_of(*, invoice: Invoice) -> int:
    """What of an invoice's total no credit note gave back, in minor units."""
    return invoice.total - int(notes_of(invoice=invoice).aggregate(all=Sum("total"))["all"] or 0)


def fits(*, invoice: Invoice, sums: Totals) -> bool:
    """Whether a credit note of these sums gives back no more than is left, neither net nor tax, and only at rates that were charged."""
    before, charged = given_back(invoice=invoice), _charged_by_rate(invoice)
    net = sums.total - sums.tax
    given_net, given_tax = (sum(one[of] for one in before.values()) for of in (0, 1))
    return (
        _is_part(net.minor + given_net, invoice.total - invoice.tax_amount)
        and _is_part(sums.tax.minor + given_tax, invoice.tax_amount)
        and {line.tax_basis_points for line in sums.lines} <= set(charged)
    )


def _is_part(given: int, charged: int) -> bool:
    """Whether so much is some of what was charged, or of what was given back where that is less than nothing."""
    return min(charged, 0) <= given <= max(charged, 0)


def sums_of_gross(*, invoice: Invoice, gross: Money, reason: str) -> tuple[Totals, tuple[Money, ...]]:
    """What giving back so much of an invoice, tax and all, comes to: from each rate of tax as much as is left of it in
    proportion; the sums, and the tax of each line. No more than `left_of`."""
    before, none = given_back(invoice=invoice), (0, 0)
    left = {
        rate: (net - before.get(rate, none)[0], tax - before.get(rate, none)[1])
        for rate, (net, tax) in sorted(_charged_by_rate(invoice).items())
    }
    left = {rate: of for rate, of in left.items() if sum(of)}
    lines, taxes = [], []
    for share, (rate, (net, tax)) in zip(_shares(gross, [sum(of) for of in left.values()]), left.items(), strict=True):
        taxed = Money(rounded(Fraction(share.minor * tax, net + tax)), gross.currency)
        text = reason or "Given back"
        lines.append(Line(LineKind.CORRECTION, text, share - taxed, tax_basis_points=rate, discountable=False))
        taxes.append(taxed)
    nothing = Money(0, gross.currency)
    tax_left = sum(tax for _, tax in left.values())
    beyond = sum(tax.minor for tax in taxes)
    beyond -= min(max(beyond, min(tax_left, 0)), max(tax_left, 0))
    if beyond:  # roundings of rates that charge and rates that give back may add up
        most = max(range(len(lines)), key=lambda n: abs(lines[n].amount.minor))
        taxes[most] -= Money(beyond, gross.currency)
        lines[most] = replace(lines[most], amount=lines[most].amount + Money(beyond, gross.currency))
    tax_in_all = sum(taxes, nothing)
    discounts = (nothing,) * len(lines)
    return Totals(tuple(lines), discounts, gross - tax_in_all, nothing, (), tax_in_all, gross), tuple(taxes)


def _shares(gross: Money, left: Sequence[int]) -> list[Money]:
    """The same share of each of these, which may be less than nothing; together `gross`."""
    whole = sum(left) or 1
    ends = [rounded(Fraction(gross.minor * upto, whole)) for upto in (0, *accumulate(left))]
    return [Money(end - start, gross.currency) for start, end in pairwise(ends)]


def _charged_by_rate(invoice: Invoice) -> dict[int, tuple[int, int]]:
    return _by_rate(InvoiceLine.objects.filter(cluster_id=invoice.cluster_id, invoice_id=invoice.id))


def _by_rate(lines: QuerySet[InvoiceLine]) -> dict[int, tuple[int, int]]:
    sums = lines.values("tax_basis_points").annotate(net=Sum("amount") - Sum("discount"), all_tax=Sum("tax"))
    return {row["tax_basis_points"]: (int(row["net"]), int(row["all_tax"])) for row in sums}


def _sums(invoice: Invoice, line: Line) -> Totals:
    """What giving back this line comes to. Its tax is what the tax given back grows by, so that several credit notes never
    give back more tax than was charged."""
    rate, currency = line.tax_basis_points, invoice.currency
    charged, _ = _by_rate(
        InvoiceLine.objects.filter(cluster_id=invoice.cluster_id, invoice_id=invoice.id, tax_basis_points=rate)
    ).get(rate, (0, 0))
    before, taxed = given_back(invoice=invoice).get(rate, (0, 0))
    after = before + line.amount.minor
    if after > charged:
        raise CreditExceedsInvoice
    tax = tax_on(net=Money(after, currency), basis_points=rate) - Money(taxed, currency)
    sums = totals(lines=[line], currency=currency)
    return replace(sums, taxes=(TaxGroup(rate, line.amount, tax),), tax=tax, total=sums.subtotal + tax)
