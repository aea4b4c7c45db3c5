"""PDF: typst documents from a template and plain data. The same data makes the same bytes.

A template holds no word: what it says between the data comes with them, in the language that is active.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, Literal

import segno
import typst
from django.utils import dateformat
from django.utils.translation import get_language

ARCHIVAL: Final = "a-2b"
ATTACHING: Final = "a-3b"
"""PDF/A-2b, and PDF/A-3b where files are to be attached."""


def render_pdf(
    *, template: Path, data: Mapping[str, Any], at: datetime, standard: Literal["a-2b", "a-3b"] = ARCHIVAL
) -> bytes:
    """A template with this data (plain JSON values, read there as `data`), dated `at`, as PDF/A. It uses no font but
    those that come with typst. A name in letters that none of them has is shown as far as it can be, in an ordinary PDF.
    """
    source = template.read_bytes()
    inputs = {"data": json.dumps(data, ensure_ascii=False)}
    moment = int(at.timestamp())
    try:
        made = typst.compile(
            source,
            format="pdf",
            sys_inputs=inputs,
            ignore_system_fonts=True,
            pdf_standards=standard,
            timestamp=moment,
        )
    except typst.TypstError:
        made = typst.compile(source, format="pdf", sys_inputs=inputs, ignore_system_fonts=True, timestamp=moment)
    return bytes(made)


def language() -> str:
    """The language of a document's words, as PDF and typst name it: "en"."""
    return (get_language() or "en").partition("-")[0]


def written(day: date, pattern: str = "j F Y") -> str:
    """A day with its month in words, as Django's `date` writes it: "7 March 2026"."""
    return dateformat.format(day, pattern)


def qr_code(text: str) -> str:
    """A QR code as SVG."""
    return str(segno.make(text, error="m").svg_inline(border=0, scale=4))
