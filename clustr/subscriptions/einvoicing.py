"""A document as an electronic invoice of EN 16931: UN/CEFACT CII (which Factur-X embeds) or UBL. Pure.

The keys are the standard's own: BT-1 is the number, BG-25 the lines. A line's coupon is an allowance of that line (BG-27);
what is given back within an invoice is a line of quantity -1, because a price is never negative.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from clustr.kit.money import Money
from clustr.subscriptions.sellers import Seller
from clustr.subscriptions.sheets import Buyer, Sheet, SheetLine

LEVEL = "en16931"
_INVOICE, _CREDIT_NOTE = "380", "381"
_TRANSFER = "30"
_PIECE = "C62"


class Syntax(StrEnum):
    """In which words an electronic invoice is written."""

    CII = "cii"
    UBL = "ubl"


def invoice_xml(sheet: Sheet, syntax: Syntax) -> bytes:
    """The document as XML, checked against the schema of its syntax."""
    from facturx import generate_cii_xml, generate_ubl_xml  # here: loading it would slow the start of every process

    make = generate_cii_xml if syntax is Syntax.CII else generate_ubl_xml
    made: bytes = make(en16931_terms(sheet), level=LEVEL, check_xsd=True, check_schematron=False)
    return made


def en16931_terms(sheet: Sheet) -> dict[str, Any]:
    """What the standard asks, under its own names; amounts as decimal strings in major units."""
    terms: dict[str, Any] = {
        "BT-1": sheet.number,
        "BT-2": sheet.issued_on,
        "BT-3": _CREDIT_NOTE if sheet.is_credit_note else _INVOICE,
        "BT-5": sheet.currency,
        "BT-9": sheet.due_on,
        "BT-72": sheet.issued_on,
        "BG-4": _seller(sheet.seller),
        "BG-7": _buyer(sheet.buyer),
        "BG-23": [
            {
                "BT-116": str(group.taxable),
                "BT-117": str(group.tax),
                "BT-118": _category(group.basis_points),
                "BT-119": _percent(group.basis_points),
            }
            for group in sheet.taxes
        ],
        "BG-25": [_line(line) for line in sheet.lines],
        "BT-106": str(sheet.net),
        "BT-109": str(sheet.net),
        "BT-110": str(sheet.tax),
        "BT-112": str(sheet.total),
        "BT-113": str(sheet.settled),
        "BT-115": str(sheet.due),
    }
    if sheet.period:
        terms["BT-73"], terms["BT-74"] = sheet.period
    if sheet.corrects:
        number, day = sheet.corrects
        terms["BG-3"] = [{"BT-25": number, "BT-26": day}]
    if sheet.due.minor and sheet.seller.account_number and not sheet.pay_at:
        terms |= {
            "BT-81": _TRANSFER,
            "BT-83": sheet.number,
            "BT-84": sheet.seller.account_number,
            "BT-85": sheet.seller.account_name or sheet.seller.name,
        }
    notes = [f"IRN {sheet.clearance.irn}"] if sheet.clearance.irn else []
    if notes:
        terms["BG-1"] = [{"BT-22": note} for note in notes]
    return terms


def _line(line: SheetLine) -> dict[str, Any]:
    gives_back = line.amount.minor < 0
    quantity, each = line.counted
    terms: dict[str, Any] = {
        "BT-126": str(line.n),
        "BT-129": str(-quantity if gives_back else quantity),
        "BT-130": _PIECE,
        "BT-131": str(line.net),
        "BT-146": str(Money(abs(each.minor), each.currency)),
        "BT-149": "1",
        "BT-151": _category(line.tax_basis_points),
        "BT-152": _percent(line.tax_basis_points),
        "BT-153": line.description,
    }
    if line.first_day and line.last_day:
        terms["BT-134"], terms["BT-135"] = line.first_day, line.last_day
    if line.discount.minor:
        terms["BG-27"] = [{"amount": str(line.discount), "reason": "Coupon"}]
    return terms


def _seller(seller: Seller) -> dict[str, Any]:
    party = _party(seller) | {"legal_identifier": seller.legal_id or seller.tax_id}
    party["vat_identifier" if _is_vat_number(seller) else "tax_identifier"] = seller.tax_id
    if seller.email or seller.phone:
        party["contacts"] = [{"name": seller.name, "email": seller.email, "phone": seller.phone}]
    return {name: value for name, value in party.items() if value}


def _buyer(buyer: Buyer) -> dict[str, Any]:
    party = _party(buyer)
    party["vat_identifier" if _is_vat_number(buyer) else "legal_identifier"] = buyer.tax_id
    return {name: value for name, value in party.items() if value}


def _party(party: Seller | Buyer) -> dict[str, Any]:
    return {
        "name": party.name,
        "country_code": party.country,
        "addr_l1": party.line1,
        "addr_l2": party.line2,
        "city": party.city,
        "country_subdivision": party.state,
        "postcode": party.postal_code,
    }


def _is_vat_number(party: Seller | Buyer) -> bool:
    """Whether a tax number begins with its country, as the standard asks of a VAT number (BR-CO-09)."""
    return party.tax_id.startswith(party.country)


def _category(basis_points: int) -> str:
    """S: the standard rate, or another above nothing; Z: nothing, as of what is sold abroad."""
    return "S" if basis_points else "Z"


def _percent(basis_points: int) -> str:
    return f"{basis_points // 100}.{basis_points % 100:02d}"
