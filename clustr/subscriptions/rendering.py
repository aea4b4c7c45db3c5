"""A document as PDF/A-3 for people, with the same as XML inside for their systems (Factur-X, profile EN 16931)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from clustr.kit.money import Money
from clustr.kit.pdf import ATTACHING, language, qr_code, render_pdf, written
from clustr.subscriptions.countries import country_name
from clustr.subscriptions.einvoicing import LEVEL, Syntax, invoice_xml
from clustr.subscriptions.sellers import Seller
from clustr.subscriptions.sheets import Buyer, Credited, Sheet, SheetLine
from clustr.subscriptions.states import InvoiceStatus

_TEMPLATE = Path(__file__).with_name("documents") / "invoice.typ"


def invoice_pdf(sheet: Sheet) -> bytes:
    """The document as PDF/A-3 with `factur-x.xml` embedded."""
    from facturx import generate_from_binary  # here: loading it would slow the start of every process

    at = datetime.combine(sheet.issued_on, time(), UTC)
    pdf = render_pdf(template=_TEMPLATE, data=sheet_data(sheet), at=at, standard=ATTACHING)
    title = f"{_title(sheet)} {sheet.number}"
    said = {"author": sheet.seller.name, "title": title, "subject": title, "keywords": "Factur-X, EN 16931"}
    xml = invoice_xml(sheet, Syntax.CII)
    made: bytes = generate_from_binary(
        pdf,
        xml,
        flavor="factur-x",
        level=LEVEL,
        check_xsd=False,
        pdf_metadata=said,
        lang=language(),
        afrelationship="data",
    )
    return made


def sheet_data(sheet: Sheet) -> dict[str, Any]:
    """What the template shows: texts, and nothing to calculate with."""
    return {
        "language": language(),
        "words": _words(),
        "title": _title(sheet),
        "number": sheet.number,
        "seller": sheet.seller.name,
        "seller_lines": _address(sheet.seller) + _registration(sheet.seller),
        "contact": [text for text in (sheet.seller.email, sheet.seller.phone) if text],
        "buyer": sheet.buyer.name,
        "buyer_lines": _address(sheet.buyer) + ([_("Tax no. %s") % sheet.buyer.tax_id] if sheet.buyer.tax_id else []),
        "facts": [[label, value] for label, value in _facts(sheet) if value],
        "discounted": bool(sheet.discount.minor),
        "priced": bool(sheet.discount.minor) or any(line.counted[0] > 1 for line in sheet.lines),
        "lines": [_line(line) for line in sheet.lines],
        "sums": [[label, value] for label, value in _sums(sheet)],
        "total_label": _("Total credited") if sheet.is_credit_note else _("Total %s") % sheet.currency,
        "total": sheet.total.with_sign(),
        "after": [[label, value] for label, value in _after(sheet)],
        "due_label": "" if sheet.is_credit_note else _("Amount due"),
        "due": sheet.due.with_sign(),
        "stamp": _stamp(sheet),
        "pay": _pay(sheet),
        "notes": _notes(sheet),
        "qr": qr_code(sheet.clearance.qr_payload) if sheet.clearance.qr_payload else "",
        "cleared": [
            [label, value] for label, value in (("IRN", sheet.clearance.irn), ("CSID", sheet.clearance.csid)) if value
        ],
        "date": [sheet.issued_on.year, sheet.issued_on.month, sheet.issued_on.day],
    }


def _words() -> dict[str, str]:
    """What the template says whatever the document."""
    return {
        "page": _("Page {page} of {pages}"),
        "buyer": _("Billed to"),
        "description": _("Description"),
        "quantity": _("Quantity"),
        "price": _("Price"),
        "discount": _("Discount"),
        "tax": _("VAT"),
        "net": _("Net"),
        "pay": _("How to pay"),
    }


def _title(sheet: Sheet) -> str:
    if sheet.is_credit_note:
        return _("Credit note")
    return _("Tax invoice") if sheet.tax.minor else _("Invoice")


def _facts(sheet: Sheet) -> list[tuple[str, str]]:
    period = sheet.period
    return [
        (_("Number"), sheet.number),
        (_("Issued"), written(sheet.issued_on)),
        (_("Due"), written(sheet.due_on) if sheet.due.minor else ""),
        (_("Period"), _span(*period) if period else ""),
        (_("Corrects"), _corrected(*sheet.corrects) if sheet.corrects else ""),
        (_("Currency"), sheet.currency),
    ]


def _line(line: SheetLine) -> dict[str, str]:
    many, each = line.counted
    for_days = ""
    if line.first_day and line.last_day:
        for_days = _span(line.first_day, line.last_day)
    return {
        "description": line.description,
        "days": for_days,
        "quantity": f"{many:,}",
        "price": each.with_sign(),
        "discount": Money(-line.discount.minor, line.discount.currency).with_sign() if line.discount.minor else "",
        "rate": percent(line.tax_basis_points),
        "net": line.net.with_sign(),
    }


def _sums(sheet: Sheet) -> list[tuple[str, str]]:
    sums = []
    if sheet.discount.minor:
        sums.append((_("Lines"), (sheet.net + sheet.discount).with_sign()))
        sums.append((_("Discount"), Money(-sheet.discount.minor, sheet.currency).with_sign()))
    sums.append((_("Net"), sheet.net.with_sign()))
    sums += [
        (
            _("VAT {rate} on {amount}").format(rate=percent(group.basis_points), amount=group.taxable.with_sign()),
            group.tax.with_sign(),
        )
        for group in sheet.taxes
    ]
    return sums


def _after(sheet: Sheet) -> list[tuple[str, str]]:
    if sheet.is_credit_note or sheet.status is InvoiceStatus.VOID:
        return []
    rows = ((_("Paid from credit"), sheet.credit_applied), (_("Paid"), sheet.paid))
    return [(label, Money(-amount.minor, amount.currency).with_sign()) for label, amount in rows if amount.minor]


def _stamp(sheet: Sheet) -> str:
    if sheet.is_credit_note:
        return ""
    match sheet.status:
        case InvoiceStatus.PAID if sheet.paid_on:
            return _("Paid on %s") % written(sheet.paid_on)
        case InvoiceStatus.VOID:
            return _("Void: taken back by %s") % ", ".join(sheet.taken_back_by)
        case _:
            return ""


def _pay(sheet: Sheet) -> list[list[str]]:
    if sheet.pay_at:
        return [[_("By card"), sheet.pay_at]]
    if sheet.is_credit_note or not sheet.due.minor or not sheet.seller.account_number:
        return []
    rows = (
        (_("Bank"), sheet.seller.bank),
        (_("Account"), sheet.seller.account_number),
        (_("In the name of"), sheet.seller.account_name or sheet.seller.name),
        (_("Reference"), sheet.number),
    )
    return [[label, value] for label, value in rows if value]


def _notes(sheet: Sheet) -> list[str]:
    notes = []
    if sheet.credited is not None:
        notes += _went(sheet.credited, sheet.corrects[0] if sheet.corrects else "")
    if any(not group.basis_points for group in sheet.taxes):
        notes.append(_("0 %: no VAT is charged in the buyer's country."))
    return notes


def _went(credited: Credited, number: str) -> list[str]:
    """Where a credit note went, part by part."""
    parts = (
        (credited.taken_off, _("{amount} is taken off invoice {number} and is no longer to be paid.")),
        (credited.to_card, _("{amount} goes back to the card that paid it.")),
        (credited.outside, _("{amount} was given back by other means.")),
        (credited.in_favour, _("{amount} stands in your favour and pays what you are invoiced next.")),
    )
    return [text.format(amount=part.with_sign(), number=number) for part, text in parts if part.minor]


def _address(party: Seller | Buyer) -> list[str]:
    place = " ".join(part for part in (party.city, party.postal_code) if part)
    region = party.state if party.state != party.city else ""
    rows = (party.line1, party.line2, ", ".join(filter(None, (place, region))))
    return [text for text in (*rows, country_name(party.country)) if text]


def _registration(seller: Seller) -> list[str]:
    rows = ((_("Tax no. %s"), seller.tax_id), (_("Registered as %s"), seller.legal_id))
    return [text % value for text, value in rows if value]


def percent(basis_points: int) -> str:
    """750 is "7.5 %"."""
    text = f"{basis_points // 100}.{basis_points % 100:02d}".rstrip("0").rstrip(".")
    return f"{text} %"


def _span(first: date, last: date) -> str:
    return _("{first} to {last}").format(first=written(first), last=written(last))


def _corrected(number: str, day: date) -> str:
    return _("{number} of {day}").format(number=number, day=written(day))
