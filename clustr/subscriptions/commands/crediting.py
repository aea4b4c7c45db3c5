"""A customer's credit: it pays what is open, the oldest first, before it pays anything new."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from clustr.kit.ids import derived_id
from clustr.kit.jobs import enqueue
from clustr.kit.money import Money
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.subscriptions import queries
from clustr.subscriptions.models import Invoice, InvoiceLine, Subscription
from clustr.subscriptions.pricing import rounded
from clustr.subscriptions.refusals import CreditExceedsInvoice
from clustr.subscriptions.states import ENDED, InvoiceKind, InvoiceStatus
from clustr.subscriptions.types import OF_PLAN, LineKind, Period


def accounts_of(*, document: Invoice, kinds: Sequence[AccountKind]) -> list[UUID]:
    """The accounts that a document moves: receivables and credit are its customer's, the rest is the house's."""
    whose = {
        AccountKind.RECEIVABLES: document.user_id,
        AccountKind.CUSTOMER_CREDIT: queries.credit_holder(document=document),
    }
    return [ledger.open_account(kind=kind, currency=document.currency, subject_id=whose.get(kind)) for kind in kinds]


def apply_credit(*, invoice: Invoice, up_to: int | None = None, now: datetime) -> None:
    """Pay from the customer's credit what it covers of what is due; no more than `up_to`, in minor units."""
    there = queries.credit_of(user_id=queries.credit_holder(document=invoice), currency=invoice.currency)
    amount = min(there.minor, invoice.amount_due.minor, invoice.total if up_to is None else up_to)
    if amount <= 0:
        return
    credit, owed = accounts_of(
        document=invoice,
        kinds=(AccountKind.CUSTOMER_CREDIT, AccountKind.RECEIVABLES),
    )
    entry = Entry(
        id=derived_id("credit_applied", invoice.id, invoice.credit_applied),
        debit=credit,
        credit=owed,
        amount=Money(amount, invoice.currency),
        kind=TransferKind.CREDIT_APPLIED,
        journal=invoice.id,
    )
    ledger.post(entries=[entry], at=now)
    invoice.credit_applied += amount
    if not invoice.amount_due.minor:
        invoice.status, invoice.paid_at = InvoiceStatus.PAID, now


def pay_what_is_open(*, user_id: UUID, currency: str, now: datetime) -> None:
    """Let a customer's new credit pay their open invoices, the oldest first, the customer locked: nothing can be spent while
    something is owed. Of a subscription whose invoice is paid by it, a job sees where it now stands. What Stripe collects
    is paid at Stripe."""
    for invoice in queries.open_invoices(user_id=user_id, currency=currency).order_by("issued_at", "id"):
        before = invoice.credit_applied
        apply_credit(invoice=invoice, now=now)
        if invoice.credit_applied == before:
            return
        invoice.updated_at = now
        invoice.save()
        if invoice.status == InvoiceStatus.PAID:
            enqueue(
                "subscriptions.settle_standing",
                once_key=f"subscriptions.settle_standing:{invoice.subscription_id}",
                cluster_id=invoice.cluster_id,
                subscription_id=invoice.subscription_id,
            )


def notes_of(*, invoice: Invoice) -> QuerySet[Invoice]:
    """The credit notes of an invoice, without those that Stripe took back."""
    return Invoice.objects.filter(cluster_id=invoice.cluster_id, corrects_id=invoice.id).exclude(stripe_status="void")


def take_out_of_period(*, invoice: Invoice, net: int | None = None, now: datetime) -> None:
    """An invoice is taken back or given up, before a credit note says so: what it charged of the period under way is not given
    back by a change of plan. All that no credit note gave back yet, or the share of it that `net` of minor units is."""
    _change_worth(invoice, -1, net, now)


def refuse_beyond_period(*, invoice: Invoice, net: int) -> None:
    """Refuse `CreditExceedsInvoice` where so much, net, is more than what is left of all that was charged for the periods of an
    invoice: a change of plan may have given back some of it, by a credit note that names no invoice."""
    if invoice.stripe_invoice_id:
        return
    mine = {"cluster_id": invoice.cluster_id, "subscription_id": invoice.subscription_id}
    its = InvoiceLine.objects.filter(cluster_id=invoice.cluster_id, invoice_id=invoice.id, kind__in=OF_PLAN)
    ends = set(its.exclude(period_end=None).values_list("period_end", flat=True))
    if not ends:
        return
    of_them = InvoiceLine.objects.filter(cluster_id=invoice.cluster_id, kind__in=OF_PLAN, period_end__in=ends)
    charging = Invoice.objects.filter(**mine, kind=InvoiceKind.INVOICE, id__in=of_them.values("invoice_id"))
    notes = Invoice.objects.filter(**mine, kind=InvoiceKind.CREDIT_NOTE)
    given = notes.filter(
        Q(corrects_id__in=charging.values("id")) | Q(corrects_id=None, id__in=of_them.values("invoice_id"))
    )
    charged, back = (
        int(documents.aggregate(net=Sum("total") - Sum("tax_amount"))["net"] or 0) for documents in (charging, given)
    )
    if net > charged - back:
        raise CreditExceedsInvoice("A change of plan gave back some of it. Credit no more than is left.")


def put_into_period(*, invoice: Invoice, now: datetime) -> None:
    """The opposite: what was given up is owed again."""
    _change_worth(invoice, 1, None, now)


def _change_worth(invoice: Invoice, sign: int, net: int | None, now: datetime) -> None:
    subscription = Subscription.objects.select_for_update().get(
        cluster_id=invoice.cluster_id, id=invoice.subscription_id
    )
    if subscription.status in ENDED or invoice.stripe_invoice_id:
        return
    charged = invoice.total - invoice.tax_amount
    given = int(notes_of(invoice=invoice).aggregate(net=Sum("total") - Sum("tax_amount"))["net"] or 0)
    whole, after = _worth(invoice, subscription), charged if net is None else given + net
    worth = sign * (rounded(whole * after / (charged or 1)) - rounded(whole * given / (charged or 1)))
    if worth:
        subscription.period_price_minor = max(subscription.period_price_minor + worth, 0)
        subscription.updated_at = now
        subscription.save(update_fields=["period_price_minor", "updated_at"])


def _worth(invoice: Invoice, subscription: Subscription) -> Fraction:
    """What an invoice's net for the plan comes to for the whole of the period under way, of which it may charge only a rest."""
    lines = list(
        InvoiceLine.objects.filter(
            cluster_id=invoice.cluster_id,
            invoice_id=invoice.id,
            kind__in=OF_PLAN,
        )
    )
    ends = subscription.current_period_end
    for line in lines:
        if line.kind != LineKind.UNUSED_TIME and line.period_start and line.period_end == ends:
            net = sum(each.amount - each.discount for each in lines)
            part = Period(line.period_start, ends)
            return Fraction(net * subscription.period.seconds, max(part.seconds, 1))
    return Fraction(0)
