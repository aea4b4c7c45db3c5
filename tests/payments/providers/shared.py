"""The providers' own descriptions and samples, where somebody laid them beside the project; they are never in it."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from django.conf import settings

from clustr.kit.outbound import Outbound
from clustr.payments.providers.port import PaymentProvider
from clustr.payments.providers.registry import Maker
from tests.payments.providers.wires import SETTINGS, reply

SHARED: Path = settings.PROJECT_ROOT.parent / "shared"
needs_shared = pytest.mark.skipif(
    not (SHARED / "payloads").is_dir(), reason="the providers' own descriptions are not beside this project"
)


def sample(path: str) -> Any:
    """A sample of theirs, numbers exact."""
    return json.loads((SHARED / "payloads" / path).read_text(), parse_float=Decimal)


def samples(pattern: str) -> list[str]:
    folder = SHARED / "payloads"
    return sorted(str(path.relative_to(folder)) for path in folder.glob(pattern)) if folder.is_dir() else []


@cache
def description(path: str) -> Any:
    return yaml.load((SHARED / "specs" / path).read_bytes(), yaml.CSafeLoader)


def provider_told(maker: Maker, *answers: tuple[int, Any]) -> PaymentProvider:
    """A provider whose wire gives these answers, one after the other, then the last for ever."""
    left = list(answers)

    def answer(_request: httpx.Request) -> httpx.Response:
        return reply(*(left.pop(0) if len(left) > 1 else left[0]))

    connect = partial(Outbound, timeout_seconds=20, transport=httpx.MockTransport(answer), sleep=lambda _seconds: None)
    made = maker(SETTINGS, connect)
    assert made is not None
    return made
