"""PDF: typst documents from a template and plain data. The same data makes the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import segno
import typst

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


def qr_code(text: str) -> str:
    """A QR code as SVG."""
    return str(segno.make(text, error="m").svg_inline(border=0, scale=4))
