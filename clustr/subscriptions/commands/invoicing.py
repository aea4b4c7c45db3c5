"""Documents: invoices and credit notes, numbered without gaps, posted to the platform's books as they are issued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.ids import derived_id, new_id
from clustr.kit.jobs import enqueue
from clustr.kit.money import Money
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.subscriptions import queries
from clustr.subscriptions.commands.crediting import accounts_of, apply_credit, pay_what_is_open
from clustr.subscriptions.commands.recording import lock_customers
from clustr.subscriptions.models import Invoice, InvoiceLine, Redemption, Subscription
from clustr.subscriptions.policies import discount_of
from clustr.subscriptions.pricing import Totals, split_by_sign, tax_of_lines, totals
from clustr.subscriptions.refusals import InvoiceNotFound
from clustr.subscriptions.sheet_queries import buyer_of
from clustr.subscriptions.states import InvoiceKind, InvoiceStatus
from clustr.subscriptions.types import Discount, Line

_NEXT = """
INSERT INTO subscriptions_series AS s (cluster_id, series, last_number) VALUES (kit_tenant(), %s, 1)
ON CONFLICT (cluster_id, series) DO UPDATE SET last_number = s.last_number + 1 RETURNING last_number
"""


@dataclass(frozen=True, slots=True)
class AtStripe:
    """What a document is at Stripe: its id, where it stands, the tax of each line as it stands there, and what of it the customer's credit
    there paid."""

    invoice_id: str
    taxes: tuple[Money, ...]
    from_credit: int = 0
    status: str = ""
    hosted_url: str = ""
    pdf_url: str = ""


_PREFIX = {InvoiceKind.INVOICE: "INV", InvoiceKind.CREDIT_NOTE: "CN"}


def generate_invoice(
    *, actor: Actor, subscription: Subscription, lines: Sequence[Line], now: datetime
) -> Invoice | None:
    """Issue what these lines come to, its customer locked: an invoice, or a credit note where they give back more than
    they charge, both where their tax differs, or nothing where there are none. A coupon lowers the lines it may lower; the
    customer's credit pays first.

    Inside the transaction of what causes it; answers the document, numbered, posted, and told to the customer.
    """
    note = None
    charged, given_back = split_by_sign(lines=lines, currency=subscription.currency)
    if given_back:
        sums = totals(lines=given_back, currency=subscription.currency)
        note = issue_credit_note(actor=actor, subscription=subscription, sums=sums, corrects_id=None, now=now)
    if not charged:
        return note
    lowered = any(line.discountable and line.amount.minor > 0 for line in charged)
    discount = use_coupon(subscription=subscription, now=now) if lowered else None
    sums = totals(lines=charged, currency=subscription.currency, discount=discount)
    return issue_invoice(actor=actor, subscription=subscription, sums=sums, now=now)


def issue_invoice(
    *, actor: Actor, subscription: Subscription, sums: Totals, at_stripe: AtStripe | None = None, now: datetime
) -> Invoice:
    """An invoice over these sums. The customer's credit pays first; of one that Stripe collects, what Stripe says."""
    invoice = _write(actor, subscription, InvoiceKind.INVOICE, sums, None, at_stripe, now)
    _post_invoice(invoice, now)
    apply_credit(invoice=invoice, up_to=at_stripe.from_credit if at_stripe else None, now=now)
    _save_and_tell(actor, invoice, "subscriptions.invoiced", now)
    return invoice


def lock_invoice(*, actor: Actor, invoice_id: UUID) -> Invoice:
    """A document, its customer locked first. Refuses `InvoiceNotFound`."""
    peeked = Invoice.objects.filter(cluster_id=actor.cluster_id, id=invoice_id).first()
    if peeked is None:
        raise InvoiceNotFound
    lock_customers(peeked.user_id)
    return Invoice.objects.select_for_update().get(cluster_id=actor.cluster_id, id=invoice_id)


def send_invoice(*, actor: Actor, invoice: Invoice) -> None:
    """Mail a document to its customer, as PDF, once the transaction under way has committed."""
    enqueue("subscriptions.deliver_invoice", cluster_id=actor.cluster_id, invoice_id=invoice.id)


def use_coupon(*, subscription: Subscription, now: datetime) -> Discount | None:
    """What the coupon in force takes off. One for a single invoice is used up by it."""
    found = queries.redemption_in_force(subscription=subscription, at=now)
    if found is None:
        return None
    redemption = Redemption.objects.filter(cluster_id=subscription.cluster_id, id=found[0].id, used_at=None)
    redemption.update(used_at=now)
    return discount_of(coupon=found[1])


def issue_credit_note(
    *,
    actor: Actor,
    subscription: Subscription,
    sums: Totals,
    corrects_id: UUID | None,
    at_stripe: AtStripe | None = None,
    now: datetime,
) -> Invoice:
    """A credit note over these sums, into the customer's credit; `corrects_id`: the invoice it takes back, which the caller
    lets it pay first. One that corrects none pays what the customer owes."""
    document = _write(actor, subscription, InvoiceKind.CREDIT_NOTE, sums, corrects_id, at_stripe, now)
    revenue, tax, credit = accounts_of(
        document=document,
        kinds=(AccountKind.SUBSCRIPTION_REVENUE, AccountKind.TAX_PAYABLE, AccountKind.CUSTOMER_CREDIT),
    )
    _post(
        document,
        now,
        (TransferKind.CREDITED, revenue, credit, document.total - document.tax_amount),
        (TransferKind.CREDITED_TAX, tax, credit, document.tax_amount),
    )
    _save_and_tell(actor, document, "subscriptions.credit_note_issued", now)
    if corrects_id is None and at_stripe is None:
        pay_what_is_open(user_id=document.user_id, currency=document.currency, now=now)
    return document


def _write(
    actor: Actor,
    subscription: Subscription,
    kind: InvoiceKind,
    sums: Totals,
    corrects_id: UUID | None,
    at_stripe: AtStripe | None,
    now: datetime,
) -> Invoice:
    """The document and its lines, with the next number of its series."""
    is_note = kind is InvoiceKind.CREDIT_NOTE
    nothing_due = is_note or sums.total.minor == 0
    invoice = Invoice.objects.create(
        id=new_id(),
        cluster_id=actor.cluster_id,
        kind=kind.value,
        user_id=subscription.user_id,
        subscription_id=subscription.id,
        corrects_id=corrects_id,
        stripe_invoice_id=at_stripe.invoice_id if at_stripe else "",
        stripe_status=at_stripe.status if at_stripe else "",
        hosted_invoice_url=at_stripe.hosted_url if at_stripe else "",
        invoice_pdf_url=at_stripe.pdf_url if at_stripe else "",
        invoice_number=_next_number(kind, actor.timezone, now),
        status=InvoiceStatus.PAID if nothing_due else InvoiceStatus.OPEN,
        currency=sums.total.currency,
        subtotal=sums.subtotal.minor,
        discount_amount=sums.discount.minor,
        tax_amount=sums.tax.minor,
        total=sums.total.minor,
        amount_paid=sums.total.minor if is_note else 0,
        seller=settings.SUBSCRIPTION_SELLER.as_data(),
        buyer=asdict(buyer_of(user_id=subscription.user_id)),
        issued_at=now,
        due_date=now if is_note or at_stripe else now + timedelta(days=settings.ENV.SUBSCRIPTION_INVOICE_DUE_DAYS),
        paid_at=now if nothing_due else None,
        created_at=now,
        updated_at=now,
    )
    taxes = at_stripe.taxes if at_stripe and at_stripe.taxes else tax_of_lines(sums=sums)
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            cluster_id=actor.cluster_id,
            invoice_id=invoice.id,
            n=n,
            kind=line.kind.value,
            description=line.description,
            quantity=line.quantity,
            amount=line.amount.minor,
            discount=discount.minor,
            tax_basis_points=line.tax_basis_points,
            tax=tax.minor,
            period_start=line.period.start if line.period else None,
            period_end=line.period.end if line.period else None,
        )
        for n, (line, discount, tax) in enumerate(zip(sums.lines, sums.discounts, taxes, strict=True), 1)
    )
    return invoice


def _next_number(kind: InvoiceKind, zone: str, now: datetime) -> str:
    """The next of this kind and year, whose row stays locked until the document stands: none is given twice or lost."""
    series = f"{_PREFIX[kind]}{now.astimezone(ZoneInfo(zone)).year}"
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [series])
        (number,) = cursor.fetchone()
    return f"{series}{number:06d}"


def _post_invoice(invoice: Invoice, now: datetime) -> None:
    owed, revenue, tax = accounts_of(
        document=invoice,
        kinds=(AccountKind.RECEIVABLES, AccountKind.SUBSCRIPTION_REVENUE, AccountKind.TAX_PAYABLE),
    )
    _post(
        invoice,
        now,
        (TransferKind.INVOICED, owed, revenue, invoice.total - invoice.tax_amount),
        (TransferKind.INVOICED_TAX, owed, tax, invoice.tax_amount),
    )


def _post(document: Invoice, now: datetime, *legs: tuple[TransferKind, UUID, UUID, int]) -> None:
    """A leg of less than nothing goes the other way: a document may give back more tax than it charges, or more net."""
    entries = [
        Entry(
            id=derived_id(kind, document.id),
            debit=debit if minor > 0 else credit,
            credit=credit if minor > 0 else debit,
            amount=Money(abs(minor), document.currency),
            kind=kind,
            journal=document.id,
        )
        for kind, debit, credit, minor in legs
        if minor
    ]
    ledger.post(entries=entries, at=now)


def _save_and_tell(actor: Actor, document: Invoice, action: str, now: datetime) -> None:
    document.save()
    audit_document(actor=actor, document=document, action=action, now=now)
    send_invoice(actor=actor, invoice=document)


def audit_document(*, actor: Actor, document: Invoice, action: str, now: datetime, reason: str = "") -> None:
    """Write what was done to a document into the trail."""
    audit.record(
        actor=actor,
        action=action,
        subject_kind="invoice",
        subject_id=document.id,
        at=now,
        reason=reason,
        facts={"number": document.invoice_number, "total_minor": document.total, "currency": document.currency},
        journal=document.id,
    )
