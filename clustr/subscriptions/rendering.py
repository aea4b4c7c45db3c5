"""A document as PDF/A-3 for people, with the same as XML inside for their systems (Factur-X, profile EN 16931)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from facturx import generate_from_binary

from clustr.kit.money import Money
from clustr.kit.pdf import ATTACHING, qr_code, render_pdf
from clustr.subscriptions.einvoicing import LEVEL, Syntax, invoice_xml
from clustr.subscriptions.sellers import Seller
from clustr.subscriptions.sheets import Buyer, Sheet, SheetLine
from clustr.subscriptions.states import InvoiceStatus

_TEMPLATE = Path(__file__).with_name("documents") / "invoice.typ"
_NAMES = (
    "NG Nigeria;GH Ghana;KE Kenya;ZA South Africa;TZ Tanzania;UG Uganda;RW Rwanda;EG Egypt;ZM Zambia;BJ Benin;TG Togo;"
    "CM Cameroon;SN Senegal;CI Côte d'Ivoire;GB United Kingdom;IE Ireland;US United States;CA Canada;DE Germany;FR France"
)
_COUNTRIES = dict(entry.split(" ", 1) for entry in _NAMES.split(";"))
"""Countries by name; others are shown by their code."""


def invoice_pdf(sheet: Sheet) -> bytes:
    """The document as PDF/A-3 with `factur-x.xml` embedded."""
    at = datetime.combine(sheet.issued_on, time(), UTC)
    pdf = render_pdf(template=_TEMPLATE, data=sheet_data(sheet), at=at, standard=ATTACHING)
    title = f"{_title(sheet)} {sheet.number}"
    said = {"author": sheet.seller.name, "title": title, "subject": title, "keywords": "Factur-X, EN 16931"}
    xml = invoice_xml(sheet, Syntax.CII)
    made: bytes = generate_from_binary(
        pdf, xml, flavor="factur-x", level=LEVEL, check_xsd=False, pdf_metadata=said, lang="en", afrelationship="data"
    )
    return made


def sheet_data(sheet: Sheet) -> dict[str, Any]:
    """What the template shows: texts, and nothing to calculate with."""
    return {
        "title": _title(sheet),
        "number": sheet.number,
        "seller": sheet.seller.name,
        "seller_lines": _address(sheet.seller) + _registration(sheet.seller),
        "contact": [text for text in (sheet.seller.email, sheet.seller.phone) if text],
        "buyer": sheet.buyer.name,
        "buyer_lines": _address(sheet.buyer) + ([f"Tax no. {sheet.buyer.tax_id}"] if sheet.buyer.tax_id else []),
        "facts": [[label, value] for label, value in _facts(sheet) if value],
        "discounted": bool(sheet.discount.minor),
        "lines": [_line(line) for line in sheet.lines],
        "sums": [[label, value] for label, value in _sums(sheet)],
        "total_label": "Total credited" if sheet.is_credit_note else f"Total {sheet.currency}",
        "total": sheet.total.with_sign(),
        "after": [[label, value] for label, value in _after(sheet)],
        "due_label": "" if sheet.is_credit_note else "Amount due",
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


def _title(sheet: Sheet) -> str:
    if sheet.is_credit_note:
        return "Credit note"
    return "Tax invoice" if sheet.tax.minor else "Invoice"


def _facts(sheet: Sheet) -> list[tuple[str, str]]:
    period = sheet.period
    return [
        ("Number", sheet.number),
        ("Issued", _day(sheet.issued_on)),
        ("Due", _day(sheet.due_on) if sheet.due.minor else ""),
        ("Period", f"{_day(period[0])} to {_day(period[1])}" if period else ""),
        ("Corrects", f"{sheet.corrects[0]} of {_day(sheet.corrects[1])}" if sheet.corrects else ""),
        ("Currency", sheet.currency),
    ]


def _line(line: SheetLine) -> dict[str, str]:
    for_days = ""
    if line.first_day and line.last_day:
        for_days = f"{_day(line.first_day)} to {_day(line.last_day)}"
    return {
        "description": line.description,
        "days": for_days,
        "quantity": str(line.quantity),
        "amount": line.amount.with_sign(),
        "discount": Money(-line.discount.minor, line.discount.currency).with_sign() if line.discount.minor else "",
        "rate": percent(line.tax_basis_points),
        "net": line.net.with_sign(),
    }


def _sums(sheet: Sheet) -> list[tuple[str, str]]:
    sums = []
    if sheet.discount.minor:
        sums.append(("Lines", (sheet.net + sheet.discount).with_sign()))
        sums.append(("Discount", Money(-sheet.discount.minor, sheet.currency).with_sign()))
    sums.append(("Net", sheet.net.with_sign()))
    sums += [
        (f"VAT {percent(group.basis_points)} on {group.taxable.with_sign()}", group.tax.with_sign())
        for group in sheet.taxes
    ]
    return sums


def _after(sheet: Sheet) -> list[tuple[str, str]]:
    if sheet.is_credit_note or sheet.status is InvoiceStatus.VOID:
        return []
    rows = (("Paid from credit", sheet.credit_applied), ("Paid", sheet.paid))
    return [(label, Money(-amount.minor, amount.currency).with_sign()) for label, amount in rows if amount.minor]


def _stamp(sheet: Sheet) -> str:
    if sheet.is_credit_note:
        return ""
    match sheet.status:
        case InvoiceStatus.PAID if sheet.paid_on:
            return f"Paid on {_day(sheet.paid_on)}"
        case InvoiceStatus.VOID:
            return "Void: taken back by a credit note"
        case _:
            return ""


def _pay(sheet: Sheet) -> list[list[str]]:
    if sheet.pay_at:
        return [["By card", sheet.pay_at]]
    if sheet.is_credit_note or not sheet.due.minor or not sheet.seller.account_number:
        return []
    rows = (
        ("Bank", sheet.seller.bank),
        ("Account", sheet.seller.account_number),
        ("In the name of", sheet.seller.account_name or sheet.seller.name),
        ("Reference", sheet.number),
    )
    return [[label, value] for label, value in rows if value]


def _notes(sheet: Sheet) -> list[str]:
    notes = []
    if sheet.is_credit_note:
        notes.append("This amount stands in your favour and pays what you are invoiced next.")
    if any(not group.basis_points for group in sheet.taxes):
        notes.append("No VAT is charged at the rate of 0 %.")
    return notes


def _address(party: Seller | Buyer) -> list[str]:
    place = " ".join(part for part in (party.city, party.postal_code) if part)
    region = party.state if party.state != party.city else ""
    rows = (party.line1, party.line2, ", ".join(filter(None, (place, region))))
    return [text for text in (*rows, _COUNTRIES.get(party.country, party.country)) if text]


def _registration(seller: Seller) -> list[str]:
    rows = (("Tax no.", seller.tax_id), ("Registered as", seller.legal_id))
    return [f"{label} {value}" for label, value in rows if value]


def percent(basis_points: int) -> str:
    """750 is "7.5 %"."""
    text = f"{basis_points // 100}.{basis_points % 100:02d}".rstrip("0").rstrip(".")
    return f"{text} %"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
