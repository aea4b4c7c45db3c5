"""A shop in which plans are on offer; when the test ends, its books and its documents are proved."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.cast import Cast
from tests.money import prove
from tests.subscriptions.schematron import check_documents
from tests.subscriptions.shop import Shop
from tests.subscriptions.stripe_stage import stripe_shop

__all__ = ["shop", "stripe_shop"]


@pytest.fixture
def shop(cast: Cast) -> Iterator[Shop]:
    """It is 15 June 2026, 10 o'clock in Lagos."""
    made = Shop(cast, datetime(2026, 6, 15, 9, 0, tzinfo=UTC))
    made.sync()
    yield made
    prove(cast)
    check_documents(made)
