"""What other rooms add when a person asks for their data, or to be forgotten.

Rooms above this one hold data about people too. Their `apps.ready()` registers a function here, so that nothing is
left out and nothing is imported upwards. Functions open their own transactions, and may run twice.
Whoever must not be forgotten yet is named by a check, which runs before anything is destroyed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias
from uuid import UUID

Export: TypeAlias = Callable[[UUID], Any]
"""Everything a room holds about this person and nobody else, as plain values that JSON can hold."""
Erase: TypeAlias = Callable[[UUID, datetime], None]
"""Destroy what identifies this person in a room's tables; leave the books."""
ErasureCheck: TypeAlias = Callable[[UUID], None]
"""Raise a refusal if this person cannot be forgotten yet: something of a room still depends on them."""

_exports: dict[str, Export] = {}
_erasures: dict[str, Erase] = {}
_checks: dict[str, ErasureCheck] = {}


def register_export(section: str, function: Export) -> None:
    _register(_exports, section, function)


def register_erasure(section: str, function: Erase) -> None:
    _register(_erasures, section, function)


def register_erasure_check(section: str, function: ErasureCheck) -> None:
    _register(_checks, section, function)


def registered_exports() -> Mapping[str, Export]:
    return MappingProxyType(_exports)


def registered_erasures() -> Mapping[str, Erase]:
    return MappingProxyType(_erasures)


def registered_erasure_checks() -> Mapping[str, ErasureCheck]:
    return MappingProxyType(_checks)


def _register(registry: dict[str, Any], section: str, function: Any) -> None:
    if registry.setdefault(section, function) is not function:
        raise ValueError(f"section {section!r} is registered already")
