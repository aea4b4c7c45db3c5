"""Refunds of payments by card, each booked once: asked for here, at Stripe's dashboard, or by whoever.

A refund is paid out of a credit note: that of Stripe's which names it, or one of ours. Before that it takes what stands in the
customer's favour of the same payment: what came back of a refund that failed, and what was paid beyond the invoice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F, QuerySet, Sum

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.ids import derived_id, new_id
from clustr.kit.money import Money
from clustr.ledger import commands as ledger
from clustr.ledger import queries as books
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.payments.states import CaseKind
from clustr.subscriptions import queries
from clustr.subscriptions.commands.correcting import left_of, sums_of_gross
from clustr.subscriptions.commands.crediting import accounts_of
from clustr.subscriptions.commands.invoicing import AtStripe, issue_credit_note
from clustr.subscriptions.commands.persons import answer_for_a_person, ask_a_person
from clustr.subscriptions.models import Invoice, Payment, Refund, Subscription
from clustr.subscriptions.notices import Told, tell_customer
from clustr.subscriptions.states import CAME_BACK, RefundStatus
from clustr.subscriptions.vendors.nouns import StripeCreditNote, StripeRefund
from clustr.wallets.commands import provider_account

_BOOKED = F("note_minor") + F("credit_minor") + F("owed_minor") + F("loss_minor")


def follow_refund(
    *,
    actor: Actor,
    invoice: Invoice,
    payment: Payment,
    told: StripeRefund,
    notes: Sequence[StripeCreditNote],
    now: datetime,
) -> None:
    """Let a refund stand as Stripe has it, its customer locked: booked once when it is first seen on its way, and given up
    once if it comes back. `notes`: the invoice's credit notes there, which may name it."""
    status = RefundStatus(told.status)
    held = Refund.objects.filter(cluster_id=actor.cluster_id, stripe_refund_id=told.id).first()
    if held is None:
        held = Refund(
            id=new_id(),
            cluster_id=actor.cluster_id,
            user_id=payment.user_id,
            invoice_id=invoice.id,
            payment_id=payment.id,
            stripe_refund_id=told.id,
            amount=told.amount,
            currency=told.currency,
            status=status,
            reason=told.why,
            failure_code=told.failure,
            made_at=told.created_at,
            created_at=now,
            updated_at=now,
        )
        if status not in CAME_BACK:
            _pay_out(actor, invoice, payment, held, notes, now)
        elif _named(held, notes):  # what the note gave for it is owed, and stands as nobody's credit
            _take_from(actor, invoice, payment, held, notes, now)
            payment.refunded_minor += held.amount
            _take_in_again(actor, invoice, payment, held, now)
        held.save(force_insert=True)
    elif held.status not in CAME_BACK and held.status != status:
        held.status, held.failure_code, held.updated_at = status, told.failure, now
        held.save(update_fields=["status", "failure_code", "updated_at"])
        if status in CAME_BACK:
            _take_in_again(actor, invoice, payment, held, now)


def _pay_out(
    actor: Actor, invoice: Invoice, payment: Payment, held: Refund, notes: Sequence[StripeCreditNote], now: datetime
) -> None:
    _take_from(actor, invoice, payment, held, notes, now)
    payment.refunded_minor += held.amount
    payment.updated_at = now
    payment.save(update_fields=["refunded_minor", "updated_at"])
    _settle_what_was_owed(payment, held, now)
    _audit(actor, payment, held, "subscriptions.payment_refunded", now)
    facts = {"number": invoice.invoice_number, "amount": _money(held).with_sign(), "reason": _for_people(held)}
    tell_customer(told=Told.REFUNDED, user_id=payment.user_id, facts=facts, now=now)


def _named(held: Refund, notes: Sequence[StripeCreditNote]) -> list[tuple[str, int]]:
    """The credit notes that name it, and how much of each is for it."""
    return [(note.id, amount) for note in notes for id, amount in note.refunds if id == held.stripe_refund_id]


def _take_from(
    actor: Actor, invoice: Invoice, payment: Payment, held: Refund, notes: Sequence[StripeCreditNote], now: datetime
) -> None:
    """Find what it is paid from, and book that."""
    named = _named(held, notes)
    held.note_minor = min(sum(amount for _, amount in named), held.amount)
    held.owed_minor = min(held.amount - held.note_minor, owed_of(payment))
    held.credit_minor = min(held.amount - held.note_minor - held.owed_minor, free_credit(invoice, payment))
    rest = held.amount - held.note_minor - held.owed_minor - held.credit_minor
    if named:
        found = Invoice.objects.filter(cluster_id=actor.cluster_id, stripe_invoice_id=named[0][0])
        held.note_id = found.values_list("id", flat=True).first()
    elif given := min(rest, left_of(invoice=invoice)):
        held.note_id = _issue_note(actor, invoice, held, given, now).id
        held.note_minor = given
    held.loss_minor = held.amount - held.note_minor - held.owed_minor - held.credit_minor
    _post(invoice, held, now)


def owed_of(payment: Payment) -> int:
    """What came back of a payment's refunds that failed, and was given again since neither by a refund nor by a credit note."""
    mine = Refund.objects.filter(cluster_id=payment.cluster_id, payment_id=payment.id)
    back = mine.filter(status__in=CAME_BACK).aggregate(all=Sum(_BOOKED))["all"] or 0
    return int(back) - int(mine.aggregate(all=Sum("owed_minor"))["all"] or 0) - given_again_of(payment)


def given_again_of(payment: Payment) -> int:
    """What of a payment's refunds that failed credit notes gave again, into the customer's credit."""
    owed = ledger.open_account(kind=AccountKind.REFUNDS, currency=payment.currency)
    return -sum(line.amount_minor for line in books.statement(account_id=owed, journals=[payment.id]))


def give_again(*, invoice: Invoice, note_id: str, most: int, now: datetime) -> int:
    """Let a credit note of Stripe's give again what came back of the invoice's refunds, as far as its charge is given back by
    others already, its customer locked; answers how much, in minor units. For each note once."""
    given = 0
    for payment in Payment.objects.filter(cluster_id=invoice.cluster_id, invoice_id=invoice.id).order_by("id"):
        part = min(owed_of(payment), most - given)
        if part <= 0:
            continue
        (credit,) = accounts_of(document=invoice, kinds=(AccountKind.CUSTOMER_CREDIT,))
        entry = Entry(
            id=derived_id("given_again", note_id, payment.id),
            debit=ledger.open_account(kind=AccountKind.REFUNDS, currency=invoice.currency),
            credit=credit,
            amount=Money(part, invoice.currency),
            kind=TransferKind.INVOICE_REFUNDED,
            journal=payment.id,
        )
        ledger.post(entries=[entry], at=now)
        given += part
        if not owed_of(payment):
            _nobody_has_to(payment, now)
    return given


def free_credit(invoice: Invoice, payment: Payment) -> int:
    """What of the payment was more than was due, and still stands in its customer's credit."""
    used = _running(payment).aggregate(all=Sum("credit_minor"))["all"] or 0
    there = queries.credit_of(user_id=queries.credit_holder(document=invoice), currency=invoice.currency)
    return max(min(payment.surplus_minor - int(used), there.minor), 0)


def _running(payment: Payment) -> QuerySet[Refund]:
    mine = Refund.objects.filter(cluster_id=payment.cluster_id, payment_id=payment.id)
    return mine.exclude(status__in=CAME_BACK)


def _issue_note(actor: Actor, invoice: Invoice, held: Refund, given: int, now: datetime) -> Invoice:
    sums, taxes = sums_of_gross(invoice=invoice, gross=Money(given, invoice.currency), reason=_for_people(held))
    subscription = Subscription.objects.get(cluster_id=actor.cluster_id, id=invoice.subscription_id)
    return issue_credit_note(
        actor=actor,
        subscription=subscription,
        sums=sums,
        corrects_id=invoice.id,
        at_stripe=AtStripe(held.stripe_refund_id, taxes),
        now=now,
    )


def _post(invoice: Invoice, held: Refund, now: datetime) -> None:
    (credit,) = accounts_of(document=invoice, kinds=(AccountKind.CUSTOMER_CREDIT,))
    owed, lost = (
        ledger.open_account(kind=kind, currency=held.currency) for kind in (AccountKind.REFUNDS, AccountKind.BAD_DEBTS)
    )
    legs = (
        ("credit", credit, held.note_minor + held.credit_minor),
        ("owed", owed, held.owed_minor),
        ("loss", lost, held.loss_minor),
    )
    entries = [
        Entry(
            id=derived_id(TransferKind.INVOICE_REFUNDED, held.id, of),
            debit=account,
            credit=provider_account(provider="stripe", currency=held.currency),
            amount=Money(minor, held.currency),
            kind=TransferKind.INVOICE_REFUNDED,
            journal=held.id,
        )
        for of, account, minor in legs
        if minor
    ]
    ledger.post(entries=entries, at=now)


def _take_in_again(actor: Actor, invoice: Invoice, payment: Payment, held: Refund, now: datetime) -> None:
    """It did not arrive: Stripe has the money again, the customer is still to be given it, and a person sees to that."""
    entry = Entry(
        id=derived_id(TransferKind.INVOICE_REFUND_RETURNED, held.id),
        debit=provider_account(provider="stripe", currency=held.currency),
        credit=ledger.open_account(kind=AccountKind.REFUNDS, currency=held.currency),
        amount=_money(held),
        kind=TransferKind.INVOICE_REFUND_RETURNED,
        journal=held.id,
    )
    ledger.post(entries=[entry], at=now)
    payment.refunded_minor -= held.amount
    payment.updated_at = now
    payment.save(update_fields=["refunded_minor", "updated_at"])
    _audit(actor, payment, held, "subscriptions.refund_failed", now)
    ask_a_person(
        what="refund_failed",
        about=held.id,
        kind=CaseKind.REFUND_FAILED,
        facts={
            "invoice": invoice.invoice_number,
            "customer": held.user_id,
            "refund": held.stripe_refund_id,
            "amount": _money(held).for_people(),
            "code": held.failure_code,
        },
        now=now,
    )


def _settle_what_was_owed(payment: Payment, held: Refund, now: datetime) -> None:
    """What failed before was given back now: nobody has to see to it any more. `held` is not saved yet."""
    if held.owed_minor and owed_of(payment) <= held.owed_minor:
        _nobody_has_to(payment, now)


def _nobody_has_to(payment: Payment, now: datetime) -> None:
    failed = Refund.objects.filter(cluster_id=payment.cluster_id, payment_id=payment.id, status__in=CAME_BACK)
    for id in failed.values_list("id", flat=True):
        answer_for_a_person(
            what="refund_failed", about=id, kind=CaseKind.REFUND_FAILED, note="Given back again", now=now
        )


def _money(held: Refund) -> Money:
    return Money(held.amount, held.currency)


def _for_people(held: Refund) -> str:
    """Why it was given back, as its customer reads it: Stripe's own words for a reason are not for them."""
    return "" if held.reason in _STRIPES_OWN else held.reason


_STRIPES_OWN = frozenset({"duplicate", "fraudulent", "requested_by_customer", "expired_uncaptured_charge"})


def _audit(actor: Actor, payment: Payment, held: Refund, action: str, now: datetime) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_kind="invoice",
        subject_id=held.invoice_id,
        at=now,
        reason=held.reason,
        facts={"payment": str(payment.id), "amount_minor": held.amount, "currency": held.currency},
        journal=held.id,
    )
