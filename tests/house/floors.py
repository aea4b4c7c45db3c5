"""Which floor each room stands on. Imports and foreign keys go down, never sideways or up."""

from __future__ import annotations

FLOORS = {
    "kit": 0,
    "ledger": 1,
    "people": 1,
    "audit": 1,
    "clusters": 2,
    "payments": 3,
    "notifications": 3,
    "wallets": 4,
    "bills": 5,
    "utilities": 6,
    "recurring": 7,
    "subscriptions": 7,
    "settlement": 8,
    "web": 9,
}


def may_refer(child: str, parent: str) -> bool:
    """Whether a table of one room may reference a table of the other."""
    return child == parent or FLOORS[parent] < FLOORS[child]
