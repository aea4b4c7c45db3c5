"""A language that is made up for a test: French, with a catalogue of the test's own."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.test import override_settings

_HEAD = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n > 1);\n"
_FIELDS = 28


@contextmanager
def speaking_french(folder: Path, words: Mapping[str, str]) -> Iterator[None]:
    """The deployment's language is French, as LANGUAGE_CODE says it, and its catalogue holds these words."""
    compiled = folder / "fr" / "LC_MESSAGES" / "django.mo"
    compiled.parent.mkdir(parents=True, exist_ok=True)
    compiled.write_bytes(_compiled({"": _HEAD, **words}))
    with override_settings(LANGUAGE_CODE="fr", LOCALE_PATHS=[folder]):
        yield


def _compiled(words: Mapping[str, str]) -> bytes:
    """A catalogue as gettext reads it: two tables of lengths and places, then the texts."""
    texts = sorted((said.encode(), translated.encode()) for said, translated in words.items())
    place = _FIELDS + 16 * len(texts)
    tables, body = b"", b""
    for column in (0, 1):
        for pair in texts:
            tables += struct.pack("<2I", len(pair[column]), place + len(body))
            body += pair[column] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(texts), _FIELDS, _FIELDS + 8 * len(texts), 0, place)
    return head + tables + body
