"""Stripe's invoices and payments as documents of ours: each booked once, as it stands there, under a number of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.subscriptions import queries
from clustr.subscriptions.commands.crediting import apply_credit
from clustr.subscriptions.commands.invoicing import (
    AtStripe,
    issue_credit_note,
    issue_invoice,
    use_coupon,
)
from clustr.subscriptions.commands.paying import book_payment, give_up, surplus_of, take_up_again
from clustr.subscriptions.commands.stripe_names import rates_at_stripe
from clustr.subscriptions.commands.voiding import take_back
from clustr.subscriptions.models import Invoice, Payment, Subscription
from clustr.subscriptions.notices import Told, tell_customer
from clustr.subscriptions.pricing import Totals
from clustr.subscriptions.states import ASKS_ITS_HOLDER, InvoiceStatus, PaymentStatus
from clustr.subscriptions.types import Line, LineKind, Period
from clustr.subscriptions.vendors.nouns import StripeInvoice, StripeLine, StripePayment, StripeUnreadable
from clustr.wallets.commands import provider_account

_ISSUED = ("open", "paid", "uncollectible")
SETTLED = ("paid", "void")
"""Where an invoice stands at Stripe for good."""


def follow_invoice(*, actor: Actor, subscription: Subscription, told: StripeInvoice, now: datetime) -> None:
    """Bring our document of one of Stripe's invoices to where it stands there, its customer locked. What was never issued,
    or was voided before we saw it, is none. Harmless to repeat: a payment is booked once, by the id of its intent."""
    if told.currency != subscription.currency:
        raise StripeUnreadable("an invoice is in the subscription's currency")
    invoice = Invoice.objects.filter(cluster_id=actor.cluster_id, stripe_invoice_id=told.id).first()
    if invoice is None:
        if told.status not in _ISSUED or (told.pack and told.status != "paid"):  # nobody owes for units
            return
        invoice = _issue(actor, subscription, told, now)
        if told.total < 0:
            pay_small_rests(invoice, now)
            return
    invoice.stripe_status = told.status
    _take_up(invoice, told, now)
    for payment in told.payments:
        _follow_payment(actor, invoice, payment, told, now)
    if told.attempt_count > invoice.attempt_count:
        invoice.attempt_count = told.attempt_count
    invoice.hosted_invoice_url, invoice.invoice_pdf_url = told.hosted_url, told.pdf_url
    invoice.save(update_fields=["stripe_status", "attempt_count", "hosted_invoice_url", "invoice_pdf_url"])
    if told.status == "paid" and invoice.status == InvoiceStatus.OPEN:
        apply_credit(invoice=invoice, now=now)
        invoice.save()
    elif told.status == "void" and invoice.status == InvoiceStatus.OPEN:
        take_back(actor=actor, invoice=invoice, reason="Voided at Stripe", now=now)
        pay_small_rests(invoice, now)  # what was charged again of it is paid by what is taken back
    elif told.status == "uncollectible" and invoice.status == InvoiceStatus.OPEN:
        for lost in (invoice, *_charged_again(invoice)):
            if lost.status == InvoiceStatus.OPEN:
                give_up(actor=actor, invoice=lost, reason="Given up at Stripe", now=now)


def _take_up(invoice: Invoice, told: StripeInvoice, now: datetime) -> None:
    """What was given up is owed again for as long as it takes to take it back, or to pay what was charged again of it. By its
    own payment an invoice is taken up itself."""
    void = [invoice] if told.status == "void" else []
    for lost in (*void, *_charged_again(invoice)):
        if told.status in SETTLED and lost.status == InvoiceStatus.UNCOLLECTIBLE:
            take_up_again(invoice=lost, journal=invoice.id, now=now)
            lost.save()


def _charged_again(invoice: Invoice) -> list[Invoice]:
    """What is open or given up of an invoice by invoices of our own, because Stripe took credit notes of it back."""
    notes = Invoice.objects.filter(cluster_id=invoice.cluster_id, corrects_id=invoice.id, stripe_status="void")
    names = [f"{name}:void" for name in notes.values_list("stripe_invoice_id", flat=True)]
    mine = Invoice.objects.filter(cluster_id=invoice.cluster_id, stripe_invoice_id__in=names)
    return list(mine.filter(status__in=(InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)).order_by("id"))


def totals_of(told: StripeInvoice, rates: Mapping[str, int]) -> tuple[Totals, tuple[Money, ...]]:
    """The sums of an invoice as ours are, and the tax of each line, at the rates that have these ids. What gives back more than it charges has its signs
    turned. A negative discount, on time that is given back, lowers what is given back."""
    sums, taxes = sums_of_lines(
        told.lines,
        currency=told.currency,
        rates=rates,
        turned=told.total < 0,
        as_kind=LineKind.USAGE_PACK if told.pack else None,
    )
    if sums.total.minor != abs(told.total):
        raise StripeUnreadable("an invoice's lines do not add up to it")
    return sums, taxes


def sums_of_lines(
    told: Sequence[StripeLine],
    *,
    currency: str,
    rates: Mapping[str, int],
    turned: bool = False,
    as_kind: LineKind | None = None,
) -> tuple[Totals, tuple[Money, ...]]:
    """The sums of a document of Stripe's, and the tax of each line; `turned`: with its signs turned."""
    sign = -1 if turned else 1
    lines, discounts, taxes = [], [], []
    for line in told:
        keeps = sign > 0 and line.discount >= 0
        amount = sign * (line.amount if keeps else line.amount - line.discount)
        lines.append(_line(line, Money(amount, currency), rates, as_kind))
        discounts.append(Money(line.discount if keeps else 0, currency))
        taxes.append(Money(sign * line.tax, currency))
    none = Money(0, currency)
    subtotal = sum((line.amount for line in lines), none)
    discount, tax = sum(discounts, none), sum(taxes, none)
    total = subtotal - discount + tax
    return Totals(tuple(lines), tuple(discounts), subtotal, discount, (), tax, total), tuple(taxes)


def _line(line: StripeLine, amount: Money, rates: Mapping[str, int], as_kind: LineKind | None) -> Line:
    if as_kind is not None:
        kind = as_kind
    elif line.proration:
        kind = LineKind.UNUSED_TIME if line.amount < 0 else LineKind.REMAINING_TIME
    else:
        kind = LineKind.PLAN if line.for_plan else LineKind.OVERAGE
    period = Period(line.period_start, line.period_end) if line.period_start < line.period_end else None
    return Line(
        kind,
        line.description,
        amount,
        period,
        line.quantity,
        tax_basis_points=rates.get(line.tax_rate_id, line.tax_basis_points),
        discountable=False,
    )


def _issue(actor: Actor, subscription: Subscription, told: StripeInvoice, now: datetime) -> Invoice:
    sums, taxes = totals_of(told, rates_at_stripe(cluster_id=actor.cluster_id))
    at_stripe = AtStripe(
        invoice_id=told.id,
        taxes=taxes,
        from_credit=max(told.from_balance, 0),
        status=told.status,
        hosted_url=told.hosted_url,
        pdf_url=told.pdf_url,
    )
    if any(line.discount > 0 for line in told.lines):  # not the sum: what is given back has a discount too
        use_coupon(subscription=subscription, now=now)
    if told.total < 0:
        return issue_credit_note(
            actor=actor, subscription=subscription, sums=sums, corrects_id=None, at_stripe=at_stripe, now=now
        )
    return issue_invoice(actor=actor, subscription=subscription, sums=sums, at_stripe=at_stripe, now=now)


def _follow_payment(actor: Actor, invoice: Invoice, told: StripePayment, of: StripeInvoice, now: datetime) -> None:
    """One row for each intent: it fails, perhaps often, and may succeed; then it is booked, and stays."""
    if told.currency != invoice.currency:
        raise StripeUnreadable("a payment is in the invoice's currency")
    payment = Payment.objects.filter(cluster_id=actor.cluster_id, stripe_payment_intent_id=told.id).first()
    if payment is not None and (payment.status == PaymentStatus.SUCCEEDED or payment.invoice_id != invoice.id):
        return
    if told.amount <= 0:
        return
    failed_again = told.status == PaymentStatus.FAILED and (
        payment is None or payment.status != PaymentStatus.FAILED or of.attempt_count > invoice.attempt_count
    )
    payment = payment or Payment(
        id=new_id(),
        cluster_id=actor.cluster_id,
        user_id=invoice.user_id,
        subscription_id=invoice.subscription_id,
        invoice_id=invoice.id,
        stripe_payment_intent_id=told.id,
        currency=invoice.currency,
        created_at=now,
    )
    payment.amount, payment.status, payment.payment_method = told.amount, told.status, told.method
    if told.status == PaymentStatus.FAILED:  # else Stripe tells of no failure, also where there was one
        payment.failure_code, payment.failure_message = told.failure_code, told.failure_message
        payment.failed_at = now if failed_again else payment.failed_at
    if told.status == PaymentStatus.SUCCEEDED:
        payment.paid_at = told.paid_at or now
        payment.surplus_minor = surplus_of(invoice=invoice, amount=told.amount)
    payment.updated_at = now
    payment.save()
    if told.status == PaymentStatus.SUCCEEDED:
        received = provider_account(provider="stripe", currency=invoice.currency)
        book_payment(actor=actor, invoice=invoice, payment=payment, received=received, now=now)
        if payment.surplus_minor:
            pay_small_rests(invoice, now)
    elif failed_again:
        _tell_of_failure(actor, invoice, payment, of, now)


def pay_small_rests(invoice: Invoice, now: datetime) -> None:
    """What was too little to be charged by itself, Stripe calls paid, and takes with the next invoice: it came here as a
    surplus. What Stripe calls open it goes on charging itself, and keeps the credit."""
    mine = Invoice.objects.filter(
        cluster_id=invoice.cluster_id,
        user_id=invoice.user_id,
        currency=invoice.currency,
        status=InvoiceStatus.OPEN,
        stripe_status="paid",
    )
    for other in mine.exclude(stripe_invoice_id="").exclude(id=invoice.id).order_by("id"):
        apply_credit(invoice=other, now=now)
        other.save()


def _tell_of_failure(actor: Actor, invoice: Invoice, payment: Payment, of: StripeInvoice, now: datetime) -> None:
    audit.record(
        actor=actor,
        action="subscriptions.payment_failed",
        subject_kind="invoice",
        subject_id=invoice.id,
        at=now,
        facts={"payment": str(payment.id), "code": payment.failure_code, "attempt": of.attempt_count},
    )
    facts = {
        "number": invoice.invoice_number,
        "amount": Money(payment.amount, payment.currency).with_sign(),
        "message": payment.failure_message,
        "pay_at": of.hosted_url,
        "to_confirm": payment.failure_code in ASKS_ITS_HOLDER,
    }
    tell_customer(told=Told.PAYMENT_FAILED, user_id=invoice.user_id, facts=facts, now=now)


def credit_at_stripe(*, subscription: Subscription) -> Money:
    """What stands in the customer's favour at Stripe."""
    holder = queries.stripe_credit_holder(user_id=subscription.user_id)
    return queries.credit_of(user_id=holder, currency=subscription.currency)
