"""Every test of this folder may ask for `ledger`."""

from tests.ledger.books import ledger

__all__ = ["ledger"]
