"""Who bears a provider's fee, where a payer pays something else than was asked: never the estate, if it was the payer's."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from django.conf import settings

from clustr.bills import commands as bills
from clustr.clusters.commands import update_settings
from clustr.clusters.queries import system_actor
from clustr.clusters.types import FeeBearer, SettingsChanges
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments.models import Settlement, Transaction
from clustr.payments.pricing import fee_rules
from clustr.payments.providers.nouns import Mode
from clustr.settlement.commands.applying import apply_charge_truth
from clustr.settlement.policies import divide, what_arrived
from clustr.settlement.types import Checkout
from sandbox.charging import fee_of
from tests.cast import Cast
from tests.money import acknowledge, issue, naira, wallet_balance
from tests.settlement.stage import PROVIDERS, Stage
from tests.settlement.test_limbo import truth_of

pytestmark = pytest.mark.usefixtures("books")


def kobo(minor: int) -> Money:
    return Money(minor, "NGN")


def payers_bear(cast: Cast) -> None:
    update_settings(actor=cast.ada.actor, changes=SettingsChanges(fee_bearer=FeeBearer.PAYER), now=cast.now)


def paid(stage: Stage, checkout: Checkout, outcome: str = "success") -> tuple[Transaction, Settlement, int]:
    """The transaction, how it was settled, and what its payer paid."""
    stage.end(checkout, outcome)
    transaction = stage.confirm(checkout)
    (settled,) = (row for row in stage.settlements() if row.asked_id == transaction.id)
    (charge,) = (row for row in stage.sandbox.world.store.dump()["charge"] if str(row["id"]) == settled.provider_id)
    return transaction, settled, charge["paid"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_works(stage: Stage, cast: Cast, provider: str) -> None:
    payers_bear(cast)
    transaction, settled, took = paid(stage, stage.deposit(cast.bola, "10000.00", provider))
    assert transaction.status == "completed"
    assert wallet_balance(cast.bola) == "10000.00"
    assert took == 1_000_000 + settled.surcharge_minor
    assert 0 <= settled.surcharge_minor - settled.fee_minor <= 1
    assert stage.charge_fees() == "0.00"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("outcome", ["too_much", "partly"])
def test_the_fee_of_what_was_not_asked_is_the_payers_too(stage: Stage, cast: Cast, provider: str, outcome: str) -> None:
    payers_bear(cast)
    transaction, settled, took = paid(stage, stage.deposit(cast.bola, "10000.00", provider), outcome)
    assert transaction.status == {"too_much": "completed", "partly": "cancelled"}[outcome]
    assert settled.surcharge_minor >= settled.fee_minor > 0
    assert wallet_balance(cast.bola) == str(kobo(took - settled.surcharge_minor))
    assert settled.surcharge_minor - settled.fee_minor <= 1
    assert stage.charge_fees() == "0.00"
    with_fee = [row for row in _transactions(stage) if "less the provider's fee of ₦" in row.description]
    assert [row.purpose for row in with_fee] == ["surplus"]


def test_a_bill_that_closed_meanwhile_leaves_the_payer_what_they_meant_to_pay(stage: Stage, cast: Cast) -> None:
    payers_bear(cast)
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    checkout = stage.pay_bill(cast.bola, bill.id)
    bills.cancel_bill(actor=cast.ada.actor, bill_id=bill.id, reason="Wrong", refund_payers=True, now=stage.now)
    transaction, settled, took = paid(stage, checkout)
    assert transaction.status == "cancelled"
    assert took - settled.fee_minor == naira(wallet_balance(cast.bola)).minor >= 500_000
    assert stage.charge_fees() == "0.00"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_where_the_estate_bears_it_the_payer_has_all_they_paid(stage: Stage, cast: Cast, provider: str) -> None:
    _, settled, took = paid(stage, stage.deposit(cast.bola, "10000.00", provider), "too_much")
    assert (settled.surcharge_minor, wallet_balance(cast.bola)) == (0, str(kobo(took)))
    assert settled.fee_minor > 0


def test_a_little_too_much_is_no_fee(stage: Stage, cast: Cast) -> None:
    """Paystack tells only what was charged: five naira on top are not taken for a part of a fee of 250."""
    checkout = stage.deposit(cast.bola, "10000.00")
    stage.end(checkout)
    said = truth_of(stage, checkout.transaction.id)
    more = replace(said, charged=said.amount + naira("5.00"))
    apply_charge_truth(
        actor=system_actor(cluster_id=cast.cluster_id),
        transaction_id=checkout.transaction.id,
        truth=more,
        mode=Mode.TEST,
        now=stage.now,
    )
    assert wallet_balance(cast.bola) == "10005.00"
    assert [row.fee_minor for row in stage.settlements()] == [25_000]


@pytest.mark.parametrize(("on_top", "arrived", "fee"), [(0, 0, 100), (99, 0, 1), (100, 0, 0), (101, 0, 0)])
def test_a_fee_beside_what_was_asked_to_the_minor_unit(
    stage: Stage, cast: Cast, on_top: int, arrived: int, fee: int
) -> None:
    checkout = stage.deposit(cast.bola, "1000.00")
    stage.end(checkout)
    said = truth_of(stage, checkout.transaction.id)
    told = replace(said, charged=said.amount + kobo(on_top), fee=kobo(100))
    assert what_arrived(truth=told) == (said.amount + kobo(arrived), kobo(fee))


def test_all_of_it_is_divided() -> None:
    arrivals, fees = (1, 2, 99, 100, 101, 1_000, 1_014, 1_015, 1_016, 5_000), (0, 14, 15, 16, 600, 10_000)
    for arrived, fee, surcharge, may_complete in product(arrivals, fees, (0, 15), (True, False)):
        divided = divide(
            arrived=kobo(arrived),
            fee=kobo(fee),
            asked=kobo(1_000),
            surcharge_minor=surcharge,
            may_complete=may_complete,
        )
        assert divided.completes + divided.surcharge + divided.surplus == kobo(arrived)
        assert min(divided.completes.minor, divided.surcharge.minor, divided.surplus.minor) >= 0
        assert divided.completes.minor == (1_000 if may_complete and arrived >= 1_000 + surcharge else 0)
        assert divided.completes + divided.surplus >= kobo(1)  # a settlement is of something
        if not surcharge:
            assert divided.surcharge.minor == 0
        elif divided.surplus.minor > 1:
            assert divided.surcharge.minor >= fee


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_stand_in_takes_what_the_price_list_says(provider: str) -> None:
    """Ours is rounded up, so that it suffices."""
    rule = fee_rules(settings.ENV.PROVIDER_FEES)[provider, "NGN"]
    for minor in (1, 99, 10_000, 249_999, 250_000, 250_001, 1_000_000, 12_345_678, 14_285_714, 99_999_999_99):
        assert 0 <= rule.on(minor) - fee_of(provider=provider, amount=minor) <= 1


def _transactions(stage: Stage) -> list[Transaction]:
    with tenant(stage.cast.cluster_id):
        return list(Transaction.objects.filter(cluster_id=stage.cast.cluster_id))
