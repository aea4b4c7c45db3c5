"""Documents on their way to customers: cleared by the tax authority where one is asked, then mailed as PDF."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.conf import settings

from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.tenancy import tenant
from clustr.people import commands as people
from clustr.people.refusals import PersonErased, PersonNotFound
from clustr.subscriptions.clearing import clearing_authority
from clustr.subscriptions.commands.invoicing import audit_document
from clustr.subscriptions.einvoicing import Syntax, invoice_xml
from clustr.subscriptions.models import Invoice
from clustr.subscriptions.rendering import invoice_pdf
from clustr.subscriptions.sheet_queries import sheet_of
from clustr.subscriptions.sheets import Clearance, Sheet

CLEARED = "cleared"


def deliver_invoice(*, actor: Actor, invoice_id: UUID, now: datetime) -> None:
    """Mail a document to its customer with the PDF attached; where SUBSCRIPTION_CLEARING names an authority, it has cleared
    the document first. For jobs, outside any transaction; dying between the mail and the job's end mails twice.

    Raises `NotCleared`, or what the mail server says: the job tries again.
    """
    sheet = sheet_of(actor=actor, invoice_id=invoice_id)
    authority = clearing_authority(settings.ENV.SUBSCRIPTION_CLEARING)
    if authority is not None and not sheet.clearance.irn:
        given = authority.clear(sheet=sheet, xml=invoice_xml(sheet, Syntax.UBL))
        sheet = replace(sheet, clearance=_keep(actor, invoice_id, given, now))
    with tenant(actor.cluster_id):
        user_id = Invoice.objects.values_list("user_id", flat=True).get(cluster_id=actor.cluster_id, id=invoice_id)
    try:
        people.write_at_once(
            user_id=user_id,
            template="subscriptions/mail/invoice",
            context=_facts(sheet),
            attachments=[(f"{sheet.number}.pdf", invoice_pdf(sheet), "application/pdf")],
        )
    except (PersonErased, PersonNotFound):
        return


def _keep(actor: Actor, invoice_id: UUID, given: Clearance, now: datetime) -> Clearance:
    """Write down what the authority gave; what was there already stays."""
    with tenant(actor.cluster_id), crash_points("subscriptions.keep_clearance"):
        invoice = Invoice.objects.select_for_update().get(cluster_id=actor.cluster_id, id=invoice_id)
        if not invoice.irn:
            invoice.irn, invoice.csid, invoice.qr_payload = given.irn, given.csid, given.qr_payload
            invoice.clearance_status, invoice.updated_at = CLEARED, now
            invoice.save(update_fields=["irn", "csid", "qr_payload", "clearance_status", "updated_at"])
            audit_document(actor=actor, document=invoice, action="subscriptions.invoice_cleared", now=now)
    return Clearance(invoice.irn, invoice.csid, invoice.qr_payload)


def _facts(sheet: Sheet) -> dict[str, str]:
    return {
        "title": "Credit note" if sheet.is_credit_note else "Invoice",
        "number": sheet.number,
        "total": sheet.total.with_sign(),
        "amount_due": sheet.due.with_sign(),
        "by_card": sheet.pay_at,
        "due": f"{sheet.due_on:%d %B %Y}" if sheet.due.minor else "",
        **({} if sheet.pay_at else sheet.seller.to_pay_to()),
    }
