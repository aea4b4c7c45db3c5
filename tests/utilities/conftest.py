"""Fixtures of the utilities' tests."""

from tests.utilities.counter import counter, offline

__all__ = ["counter", "offline"]
