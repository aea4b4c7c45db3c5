"""Somebody who reads every line that the tests make ClustR log, as production would write it, for what was told in confidence."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import structlog

TOLD = (
    *("0123456789", "0690000031", "0690000040"),  # bank accounts
    *("5399830000000008", "4000056655665556", "4000 0566 5566 5556"),  # cards
    *("a-long-enough-secret", "canary"),
)
"""What tests tell in confidence, word for word."""
_SHAPES = re.compile(
    r"eyJ[\w-]{8,}\."  # tokens
    r"|(?i:bearer|basic) [\w.~+/=-]{8,}"
    r"|sk_(?:test|live)_\w+|FLWSECK\w*-\w+|whsec_\w+"
    r"|[\w.+-]+@[\w-]+\.\w+"  # e-mail addresses
    r"|(?<![\w.-])(?:482915|483920|748205)(?![\w-])"  # PINs of the tests; an instant's or an id's digits may be the same
    r"|(?<![\w.-])\d{9,19}(?![\w-])"  # numbers of accounts, cards, telephones
)


def secrets_in(text: str) -> list[str]:
    """What in this text was told in confidence, or looks as if it had been."""
    return [told for told in TOLD if told in text] + _SHAPES.findall(text)


class Listener(logging.Handler):
    """Heard every line; `heard` has those that tell what they should not."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[str] = []
        self.lines = 0

    def emit(self, record: logging.LogRecord) -> None:
        if self.formatter is None or not record.name.startswith(
            ("clustr", "django", "procrastinate", "httpx", "allauth")
        ):
            return  # other tests' own loggers
        line = self.format(record)
        self.lines += 1
        if secrets_in(" ".join(_texts(json.loads(line)))):
            self.heard.append(line)

    def attach(self) -> None:
        """Listen from now on, also if the logs were set up anew; as production writes."""
        root = logging.getLogger()
        if self in root.handlers:
            return
        formatter: Any = next((handler.formatter for handler in root.handlers if handler.formatter), None)
        self.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(),
                ],
                foreign_pre_chain=formatter.foreign_pre_chain,
            )
            if isinstance(formatter, structlog.stdlib.ProcessorFormatter)
            else None
        )
        root.addHandler(self)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield str(name)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
