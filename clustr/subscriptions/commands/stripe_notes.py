"""Stripe's credit notes, each issued here once, and charged again by an invoice where Stripe takes it back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Sum

from clustr.kit.actor import Actor
from clustr.kit.ids import derived_id
from clustr.kit.money import Money
from clustr.ledger import commands as ledger
from clustr.ledger import queries as books
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.subscriptions.commands.correcting import fits, left_of, sums_of_gross
from clustr.subscriptions.commands.crediting import accounts_of, apply_credit
from clustr.subscriptions.commands.invoicing import AtStripe, issue_credit_note, issue_invoice
from clustr.subscriptions.commands.persons import answer_for_a_person, ask_a_person
from clustr.subscriptions.commands.returning import give_again
from clustr.subscriptions.commands.stripe_documents import sums_of_lines
from clustr.subscriptions.commands.stripe_names import rates_at_stripe
from clustr.subscriptions.commands.voiding import as_issued
from clustr.subscriptions.models import Invoice, Payment, Refund, Subscription
from clustr.subscriptions.pricing import Totals
from clustr.subscriptions.types import LineKind
from clustr.subscriptions.vendors.nouns import StripeCreditNote, StripeRefund

WAITS = timedelta(hours=1)
"""How long a credit note waits for the refunds that it names, before a person is asked."""


def follow_credit_note(
    *, actor: Actor, invoice: Invoice, told: StripeCreditNote, refunds: Sequence[StripeRefund], now: datetime
) -> bool:
    """Let a credit note of an invoice stand as Stripe has it, its customer locked. `refunds`: those of the invoice's payments;
    one that names others is for the next time, when they are seen too, and after an hour for a person besides. Answers
    whether nothing of it waits for that."""
    held = Invoice.objects.filter(cluster_id=actor.cluster_id, stripe_invoice_id=told.id).first()
    if held is not None:
        if told.status == "void" and held.stripe_status != "void":
            _charge_again(actor, invoice, held, now)
        return True
    if told.status != "issued":
        return True
    seen = {refund.id for refund in refunds}
    unseen = [name for name, _ in told.refunds if name not in seen]
    if unseen:
        if now - told.created_at >= WAITS:
            _ask_of_unseen(invoice, told, unseen, now)
        return False
    if not _is_booked_beyond(invoice, told):
        _issue(actor, invoice, told, now)
        answer_for_a_person(what="credit_note_waits", about=told.id, note="What it names is known now", now=now)
    return True


def _ask_of_unseen(invoice: Invoice, told: StripeCreditNote, unseen: Sequence[str], now: datetime) -> None:
    facts = {
        "invoice": invoice.invoice_number,
        "customer": invoice.user_id,
        "credit_note": told.id,
        "refund": ", ".join(unseen),
        "amount": Money(told.total, told.currency).for_people(),
    }
    ask_a_person(what="credit_note_waits", about=told.id, facts=facts, now=now)


def _is_booked_beyond(invoice: Invoice, told: StripeCreditNote) -> bool:
    """Whether a note that gives back nothing the invoice still stood for, and so is no document of ours, was booked before."""
    (credit,) = accounts_of(document=invoice, kinds=(AccountKind.CUSTOMER_CREDIT,))
    payments = Payment.objects.filter(cluster_id=invoice.cluster_id, invoice_id=invoice.id)
    paid = list(payments.values_list("id", flat=True))
    made = {derived_id("credited_beyond", told.id), *(derived_id("given_again", told.id, id) for id in paid)}
    return any(line.id in made for line in books.statement(account_id=credit, journals=[invoice.id, *paid], limit=1000))


def _issue(actor: Actor, invoice: Invoice, told: StripeCreditNote, now: datetime) -> None:
    """Over what of it no credit note of ours stands for: a refund may have been seen before Stripe's note named it."""
    before = Refund.objects.filter(
        cluster_id=actor.cluster_id, stripe_refund_id__in=[name for name, _ in told.refunds], note_id__isnull=False
    )
    rest = told.total - int(before.aggregate(all=Sum("note_minor"))["all"] or 0)
    given = min(rest, left_of(invoice=invoice))
    if given <= 0 < rest:
        _give_beyond(invoice, told, rest, now)
        _give_outside(invoice, told, now)
        return
    if rest <= 0:
        first = before.values("note_id")[:1]
        Invoice.objects.filter(cluster_id=actor.cluster_id, id__in=first).update(
            stripe_invoice_id=told.id, stripe_status=told.status
        )
        return
    sums, taxes = _sums(actor, invoice, told, given)
    issue_credit_note(
        actor=actor,
        subscription=Subscription.objects.get(cluster_id=actor.cluster_id, id=invoice.subscription_id),
        sums=sums,
        corrects_id=invoice.id,
        at_stripe=AtStripe(told.id, taxes, status=told.status),
        now=now,
    )
    if given < rest:
        _give_beyond(invoice, told, rest - given, now)
    if told.before_payment:
        apply_credit(invoice=invoice, up_to=told.before_payment, now=now)
        invoice.updated_at = now
        invoice.save()
    _give_outside(invoice, told, now)


def _give_beyond(invoice: Invoice, told: StripeCreditNote, minor: int, now: datetime) -> None:
    """More was given back than the invoice charged: what came back of a refund is given again so, and the rest is lost."""
    minor -= give_again(invoice=invoice, note_id=told.id, most=minor, now=now)
    if minor:
        _lose(invoice, told, minor, now)


def _sums(actor: Actor, invoice: Invoice, told: StripeCreditNote, given: int) -> tuple[Totals, tuple[Money, ...]]:
    """Its lines as they stand there, unless they give back what the invoice did not charge, net or tax; then in the invoice's
    own proportion."""
    if given == told.total:
        sums, taxes = sums_of_lines(
            told.lines,
            currency=told.currency,
            rates=rates_at_stripe(cluster_id=actor.cluster_id),
            as_kind=LineKind.CORRECTION,
        )
        if fits(invoice=invoice, sums=sums):
            return sums, taxes
    return sums_of_gross(invoice=invoice, gross=Money(given, invoice.currency), reason=told.why)


def _lose(invoice: Invoice, told: StripeCreditNote, minor: int, now: datetime) -> None:
    """What nothing covers is a loss, and a person looks why."""
    credit, lost = accounts_of(document=invoice, kinds=(AccountKind.CUSTOMER_CREDIT, AccountKind.BAD_DEBTS))
    amount = Money(minor, invoice.currency)
    entry = Entry(
        id=derived_id("credited_beyond", told.id),
        debit=lost,
        credit=credit,
        amount=amount,
        kind=TransferKind.INVOICE_REFUNDED,
        journal=invoice.id,
    )
    ledger.post(entries=[entry], at=now)
    facts = {"invoice": invoice.invoice_number, "customer": invoice.user_id, "amount": amount.for_people()}
    ask_a_person(what="credited_beyond", about=told.id, facts=facts, now=now)


def _give_outside(invoice: Invoice, told: StripeCreditNote, now: datetime) -> None:
    """What the customer was given by other means than Stripe, as somebody noted there."""
    if not told.outside:
        return
    credit, outside = accounts_of(document=invoice, kinds=(AccountKind.CUSTOMER_CREDIT, AccountKind.EXTERNAL_FUNDS))
    entry = Entry(
        id=derived_id("given_outside", told.id),
        debit=credit,
        credit=outside,
        amount=Money(told.outside, invoice.currency),
        kind=TransferKind.INVOICE_REFUNDED,
        journal=invoice.id,
    )
    ledger.post(entries=[entry], at=now)


def _charge_again(actor: Actor, invoice: Invoice, note: Invoice, now: datetime) -> None:
    """Stripe takes a credit note back, and will collect its invoice whole: what the note gave is owed again, by an invoice of
    our own, which is paid by what comes for the first beyond what is due of it here."""
    note.stripe_status = "void"
    note.save(update_fields=["stripe_status"])
    sums, taxes = as_issued(note)
    issue_invoice(
        actor=actor,
        subscription=Subscription.objects.get(cluster_id=actor.cluster_id, id=invoice.subscription_id),
        sums=sums,
        at_stripe=AtStripe(
            f"{note.stripe_invoice_id}:void", taxes, status="paid", hosted_url=invoice.hosted_invoice_url
        ),
        now=now,
    )
