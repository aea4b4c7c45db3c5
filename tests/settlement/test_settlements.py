"""The walls in the database: one transaction of a provider settles once, whatever the program does."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Settlement
from tests.cast import Cast
from tests.settlement.stage import Stage

pytestmark = pytest.mark.usefixtures("books")


def settled(stage: Stage, cast: Cast) -> Settlement:
    checkout = stage.deposit(cast.bola)
    stage.end(checkout)
    stage.confirm(checkout)
    (found,) = stage.settlements()
    return found


def again(one: Settlement, **differs: object) -> bool:
    return payments.record_settlement(
        **{
            "provider": one.provider,
            "provider_id": one.provider_id,
            "asked_id": one.asked_id,
            "amount": one_amount(one),
            "completes": one_amount(one),
            "surplus_id": None,
            "surcharge_minor": 0,
            "fee_minor": 0,
            "paid_at": one.paid_at,
            "now": one.settled_at,
            **differs,
        }  # type: ignore[arg-type]
    )


def one_amount(one: Settlement):  # type: ignore[no-untyped-def]
    from clustr.kit.money import Money

    return Money(one.amount_minor, one.currency)


def test_once_in_its_estate(stage: Stage, cast: Cast) -> None:
    one = settled(stage, cast)
    with tenant(cast.cluster_id):
        assert again(one) is False


def test_once_in_all_estates(stage: Stage, cast: Cast) -> None:
    one = settled(stage, cast)
    theirs = stage.deposit(cast.chidi)
    with tenant(cast.lekki.id):
        assert again(one, asked_id=theirs.transaction.id) is False


def test_what_was_asked_is_completed_once(stage: Stage, cast: Cast) -> None:
    one = settled(stage, cast)
    with pytest.raises(IntegrityError, match="completes_once"), tenant(cast.cluster_id):
        again(one, provider_id=str(new_id()))
