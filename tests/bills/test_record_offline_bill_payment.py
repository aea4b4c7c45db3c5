"""Money received by hand for a bill: the same rules, another source."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clustr.bills.types import MemberStatus
from clustr.clusters.commands import enrol_members
from clustr.clusters.types import NewMember, Role
from clustr.kit.money import Money
from clustr.ledger.types import AccountKind
from clustr.wallets import commands as wallets
from clustr.wallets.types import OfflineMethod
from tests.bills import acts
from tests.cast import Cast
from tests.money import acknowledge, cluster_balance, issue, naira

pytestmark = pytest.mark.usefixtures("books")


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        (OfflineMethod.CASH, AccountKind.RECEIVED_CASH),
        (OfflineMethod.BANK_TRANSFER, AccountKind.RECEIVED_BANK_TRANSFER),
        (OfflineMethod.POS, AccountKind.RECEIVED_POS),
    ],
)
def test_it_works(cast: Cast, method: OfflineMethod, kind: AccountKind) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    transaction = acts.offline(cast, cast.bola, bill, "5000.00", method=method, reference="R-1")

    assert (transaction.provider, transaction.provider_reference) == (method.value, "R-1")
    assert transaction.user_id == cast.bola.user_id
    assert acts.status(cast, cast.bola, bill) is MemberStatus.PAID
    assert cluster_balance(cast.cluster_id) == "5000.00"
    assert acts.balance_of(cast.cluster_id, kind) == -500_000
    assert acts.rows_of(cast.cluster_id)["wallets_wallet"] == 0


def test_in_parts_beside_the_wallet(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    acts.offline(cast, cast.bola, bill, "1000.00")
    acts.offline(cast, cast.bola, bill, "1500.00", method=OfflineMethod.POS)
    assert str(acts.seen(cast, cast.bola, bill).amount_remaining) == "2500.00"
    with acts.refused("amount_exceeds_remaining", unchanged=cast.cluster_id):
        acts.offline(cast, cast.bola, bill, "2500.01")


def test_it_obeys_the_rules_of_payment(cast: Cast) -> None:
    bill = issue(cast)
    with acts.refused("bill_not_acknowledged", unchanged=cast.cluster_id):
        acts.offline(cast, cast.bola, bill, "1.00")
    acknowledge(cast, cast.bola, bill)
    with acts.refused("bill_past_due", unchanged=cast.cluster_id):
        acts.offline(cast, cast.bola, bill, "1.00", at=bill.due_date + timedelta(microseconds=1))
    acts.dispute(cast, cast.bola, bill)
    with acts.refused("bill_disputed", unchanged=cast.cluster_id):
        acts.offline(cast, cast.bola, bill, "1.00")
    acts.withdraw(cast, cast.bola, bill)
    acts.offline(cast, cast.bola, bill, "5000.00")
    with acts.refused("bill_already_paid", unchanged=cast.cluster_id):
        acts.offline(cast, cast.bola, bill, "1.00")
    acts.cancel(cast, bill, refund=True)
    with acts.refused("bill_cancelled", unchanged=cast.cluster_id):
        acts.offline(cast, cast.bola, bill, "1.00")


def test_a_reference_counts_once_per_method(cast: Cast) -> None:
    first, second = issue(cast), issue(cast)
    for bill in (first, second):
        acknowledge(cast, cast.bola, bill)
        acknowledge(cast, cast.residents[1], bill)
    acts.offline(cast, cast.bola, first, "1.00", reference="TELLER-1")
    for person, bill in ((cast.bola, first), (cast.bola, second), (cast.residents[1], first)):
        with acts.refused("reference_taken", unchanged=cast.cluster_id):
            acts.offline(cast, person, bill, "2.00", reference="TELLER-1")
    acts.offline(cast, cast.bola, first, "1.00", reference="TELLER-1", method=OfflineMethod.POS)


def test_a_reference_received_into_a_wallet_is_taken(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    wallets.receive_offline(
        actor=cast.ada.actor,
        user_id=cast.bola.user_id,
        amount=naira("1.00"),
        method=OfflineMethod.CASH,
        reference="TELLER-2",
        now=cast.now,
    )
    with acts.refused("reference_taken", unchanged=cast.cluster_id):
        acts.offline(cast, cast.bola, bill, "1.00", reference="TELLER-2")


def test_a_reference_of_another_estate_is_not_in_the_way(cast: Cast) -> None:
    wallets.receive_offline(
        actor=cast.dayo.actor,
        user_id=cast.chidi.user_id,
        amount=naira("1.00"),
        method=OfflineMethod.CASH,
        reference="TELLER-3",
        now=cast.now,
    )
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    acts.offline(cast, cast.bola, bill, "1.00", reference="TELLER-3")


def test_a_bill_that_does_not_apply_is_refused(cast: Cast) -> None:
    own, everybodys = issue(cast, to=cast.bola), issue(cast)
    with acts.refused("bill_not_found", unchanged=cast.cluster_id):
        acts.offline(cast, cast.residents[1], own, "1.00")
    with acts.refused("bill_not_found", unchanged=cast.cluster_id):
        acts.offline(cast, cast.chidi, everybodys, "1.00")
    with acts.refused("bill_not_found", unchanged=cast.cluster_id):
        acts.offline(cast, cast.bola, everybodys, "1.00", by=cast.dayo)


@pytest.mark.parametrize(
    ("amount", "code"),
    [(Money(0, "NGN"), "amount_must_be_positive"), (Money(100, "USD"), "currency_mismatch")],
)
def test_a_wrong_amount_is_refused(cast: Cast, amount: Money, code: str) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    with acts.refused(code, unchanged=cast.cluster_id):
        acts.offline(cast, cast.bola, bill, amount)


def test_nobody_records_for_themselves(cast: Cast) -> None:
    clerk = cast.manager("ManageBill", name="Clerk")
    enrol_members(cluster_id=cast.cluster_id, members=[NewMember(clerk.user_id, Role.RESIDENT, cast.now)], now=cast.now)
    bill = issue(cast)
    acknowledge(cast, clerk, bill)
    with acts.refused("separation_of_duties", unchanged=cast.cluster_id):
        acts.offline(cast, clerk, bill, "1.00", by=clerk)
    acts.offline(cast, clerk, bill, "1.00", by=cast.ada)


def test_it_needs_manage_bill(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    for person in (cast.efe, cast.residents[1]):
        with acts.refused("permission_missing", unchanged=cast.cluster_id):
            acts.offline(cast, cast.bola, bill, "1.00", by=person)
