"""A document with all that it shows: for its PDF, its XML, and its mail."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import Sum

from clustr.kit.actor import Actor
from clustr.kit.ids import derived_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.people import queries as people
from clustr.subscriptions import queries
from clustr.subscriptions.models import Invoice, InvoiceLine, Refund
from clustr.subscriptions.refusals import InvoiceNotFound
from clustr.subscriptions.sellers import Seller, seller_of
from clustr.subscriptions.sheets import Buyer, Clearance, Credited, Sheet, SheetLine
from clustr.subscriptions.states import CAME_BACK, InvoiceKind, InvoiceStatus

_UNKNOWN = "Customer"
_MOVED = """
SELECT coalesce(sum(amount) FILTER (WHERE kind = 'credit_applied' AND at = %(at)s), 0),
       coalesce(sum(amount) FILTER (WHERE id = %(outside)s), 0)
FROM ledger_transfer WHERE cluster_id = kit_tenant() AND journal = %(corrects)s
"""
"""What an invoice was lowered by in the instant of its credit note, and what was given for that by other means."""


def sheet_of(*, actor: Actor, invoice_id: UUID) -> Sheet:
    """A document of who asks; for platform staff and the system, anybody's. Refuses `InvoiceNotFound`."""
    with tenant(actor.cluster_id):
        found = Invoice.objects.filter(cluster_id=actor.cluster_id, id=invoice_id)
        if actor.user_id is not None and not actor.may(queries.STAFF):
            found = found.filter(user_id=actor.user_id)
        invoice = found.first()
        if invoice is None:
            raise InvoiceNotFound
        lines = InvoiceLine.objects.filter(cluster_id=actor.cluster_id, invoice_id=invoice.id).order_by("n")
        return _sheet(invoice, list(lines), ZoneInfo(actor.timezone))


def buyer_of(*, user_id: UUID) -> Buyer:
    """Whom a document of this customer is addressed to now: as they said, else by their name."""
    address = queries.billing_address(user_id=user_id)
    name = (address.name if address else "") or people.names_of(user_ids=[user_id]).get(user_id, "") or _UNKNOWN
    if address is None:
        return Buyer(name, settings.ENV.SUBSCRIPTION_COUNTRY)
    return Buyer(
        name=name,
        country=address.country,
        line1=address.line1,
        line2=address.line2,
        city=address.city,
        state=address.state,
        postal_code=address.postal_code,
        tax_id=address.tax_id,
    )


def issuer(invoice: Invoice) -> Seller:
    """Who issued a document, as of then."""
    return seller_of(invoice.seller) if invoice.seller else settings.SUBSCRIPTION_SELLER


def _sheet(invoice: Invoice, lines: list[InvoiceLine], zone: ZoneInfo) -> Sheet:
    def money(minor: int) -> Money:
        return Money(minor, invoice.currency)

    return Sheet(
        kind=InvoiceKind(invoice.kind),
        number=invoice.invoice_number,
        status=InvoiceStatus(invoice.status),
        currency=invoice.currency,
        seller=issuer(invoice),
        buyer=Buyer(**{"name": _UNKNOWN, "country": settings.ENV.SUBSCRIPTION_COUNTRY} | _said(invoice.buyer)),
        issued_on=_day(invoice.issued_at, zone),
        due_on=_day(invoice.due_date, zone),
        paid_on=_day(invoice.paid_at, zone) if invoice.paid_at else None,
        lines=tuple(_line(line, invoice.currency, zone) for line in lines),
        discount=money(invoice.discount_amount),
        tax=money(invoice.tax_amount),
        total=money(invoice.total),
        credit_applied=money(invoice.credit_applied),
        paid=money(invoice.amount_paid),
        due=invoice.amount_due,
        corrects=_corrected(invoice, zone),
        clearance=Clearance(invoice.irn, invoice.csid, invoice.qr_payload),
        pay_at=invoice.hosted_invoice_url if invoice.amount_due.minor else "",
        credited=_credited(invoice) if invoice.kind == InvoiceKind.CREDIT_NOTE else None,
        taken_back_by=_taken_back_by(invoice) if invoice.status == InvoiceStatus.VOID else (),
    )


def _said(data: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in data.items() if value}


def _line(line: InvoiceLine, currency: str, zone: ZoneInfo) -> SheetLine:
    first = _day(line.period_start, zone) if line.period_start else None
    ends = _day(line.period_end, zone) - timedelta(days=1) if line.period_end else None
    return SheetLine(
        n=line.n,
        description=line.description,
        quantity=line.quantity,
        amount=Money(line.amount, currency),
        discount=Money(line.discount, currency),
        tax_basis_points=line.tax_basis_points,
        tax=Money(line.tax, currency),
        first_day=first,
        last_day=max(first, ends) if first and ends else None,
    )


def _corrected(invoice: Invoice, zone: ZoneInfo) -> tuple[str, date] | None:
    if invoice.corrects_id is None:
        return None
    corrected = Invoice.objects.get(cluster_id=invoice.cluster_id, id=invoice.corrects_id)
    return corrected.invoice_number, _day(corrected.issued_at, zone)


def _taken_back_by(invoice: Invoice) -> tuple[str, ...]:
    notes = Invoice.objects.filter(cluster_id=invoice.cluster_id, corrects_id=invoice.id).exclude(stripe_status="void")
    return tuple(notes.order_by("issued_at", "id").values_list("invoice_number", flat=True))


def _credited(note: Invoice) -> Credited | None:
    """Where a credit note went, as of now; None of one that Stripe took back, which is charged again."""
    if note.stripe_status == "void":
        return None
    with connection.cursor() as cursor:
        outside_id = derived_id("given_outside", note.stripe_invoice_id)
        cursor.execute(_MOVED, {"at": note.issued_at, "corrects": note.corrects_id, "outside": outside_id})
        taken_off, outside = map(int, cursor.fetchone())
    refunds = Refund.objects.filter(cluster_id=note.cluster_id, note_id=note.id)
    refunded, to_card = (
        int(found.aggregate(all=Sum("note_minor"))["all"] or 0)
        for found in (refunds, refunds.exclude(status__in=CAME_BACK))
    )
    rest = max(note.total - taken_off - outside - refunded, 0)
    return Credited(*(Money(minor, note.currency) for minor in (taken_off, to_card, outside, rest)))


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
