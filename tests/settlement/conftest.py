"""Fixtures of settlement's tests."""

from tests.settlement.stage import stage

__all__ = ["stage"]
