"""Tax authorities that clear invoices before they count (Nigeria's, for one). Off unless SUBSCRIPTION_CLEARING names an adapter.

An adapter is a class without arguments that meets `ClearingAuthority`. It reads its own keys from the environment, calls
out through `clustr.kit.outbound`, and knows the vendor's words; nothing of them leaves it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from clustr.subscriptions.sheets import Clearance, Sheet


class NotCleared(Exception):
    """The authority refused an invoice, or was not heard. It is asked again."""


class ClearingAuthority(Protocol):
    """Where invoices are cleared."""

    def clear(self, *, sheet: Sheet, xml: bytes) -> Clearance:
        """Have a document cleared; `xml`: its UBL. Asked again for the same number it answers the same. Raises
        `NotCleared`. Called outside any transaction."""
        ...


def clearing_authority(path: str) -> ClearingAuthority | None:
    """The authority of a setting, `package.module:Class`; None where it is empty."""
    if not path:
        return None
    module, _, name = path.partition(":")
    return cast(ClearingAuthority, getattr(import_module(module), name)())
