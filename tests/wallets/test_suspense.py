"""Money that nobody could be told for sure waits in suspense, until a person says whose it is."""

from __future__ import annotations

import io
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from clustr.audit.models import AuditEvent
from clustr.clusters.queries import system_actor
from clustr.clusters.refusals import MemberNotFound
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Case, Transaction
from clustr.payments.refusals import RefundExceedsPayment, TransactionNotFound
from clustr.payments.states import CaseKind, Purpose, TransactionStatus, TransactionType
from clustr.people import commands as people
from clustr.people.models import Mail
from clustr.wallets import commands as wallets
from clustr.wallets.refusals import NotInSuspense
from tests.cast import Cast
from tests.money import cluster_balance, fund, naira, wallet_balance
from tests.races import race

pytestmark = [pytest.mark.usefixtures("books"), pytest.mark.early(sweeps=True)]


def set_aside(cast: Cast, amount: str = "1000.00") -> Transaction:
    with tenant(cast.cluster_id):
        arrived = payments.create_transaction(
            id=new_id(),
            type=TransactionType.DEPOSIT,
            status=TransactionStatus.COMPLETED,
            amount=naira(amount),
            purpose=Purpose.SURPLUS,
            provider="paystack",
            description="A deposit of somebody who is gone",
            now=cast.now,
        )
        actor = system_actor(cluster_id=cast.cluster_id)
        wallets.set_arrived_money_aside(actor=actor, transaction=arrived, provider="paystack", now=cast.now)
        settled = payments.record_settlement(
            provider="paystack",
            provider_id=str(arrived.id),
            asked_id=arrived.id,
            amount=arrived.amount,
            completes=arrived.amount,
            surplus_id=None,
            surcharge_minor=0,
            fee_minor=0,
            paid_at=cast.now,
            now=cast.now,
        )
        assert settled
        payments.open_case(
            kind=CaseKind.OWNER_NOT_FOUND, subject=str(arrived.id), transaction_id=arrived.id, now=cast.now
        )
    return arrived


def place(cast: Cast, waiting: Transaction, user_id: UUID | None, amount: str | None = None) -> Transaction:
    return wallets.place_suspense(
        cluster_id=cast.cluster_id,
        transaction_id=waiting.id,
        user_id=user_id,
        amount=naira(amount) if amount else None,
        reason="The bank named the sender",
        placed_by=cast.ada.user_id,
        now=cast.now,
    )


def test_it_works(cast: Cast) -> None:
    waiting = set_aside(cast)
    placed = place(cast, waiting, cast.bola.user_id)
    assert (wallet_balance(cast.bola), placed.type) == ("1000.00", "credit")
    assert wallets.waiting_in_suspense(cluster_id=cast.cluster_id) == []
    with tenant(cast.cluster_id):
        assert Case.objects.get(transaction_id=waiting.id).note == "The bank named the sender"
        trail = AuditEvent.objects.get(action="wallets.suspense_placed")
    assert (trail.changes["by"], trail.reason) == (str(cast.ada.user_id), "The bank named the sender")
    assert Mail.objects.filter(user_id=cast.bola.user_id, subject__contains="in your wallet").count() == 1


def test_a_part_to_the_estate_and_the_rest_to_a_member(cast: Cast) -> None:
    waiting = set_aside(cast)
    place(cast, waiting, None, "300.00")
    assert [row.id for row in wallets.waiting_in_suspense(cluster_id=cast.cluster_id)] == [waiting.id]
    place(cast, waiting, cast.bola.user_id)
    assert (cluster_balance(cast.cluster_id), wallet_balance(cast.bola)) == ("300.00", "700.00")


def test_never_more_than_waits(cast: Cast) -> None:
    waiting, _other = set_aside(cast), set_aside(cast)
    with pytest.raises(RefundExceedsPayment):
        place(cast, waiting, cast.bola.user_id, "1000.01")
    ended = race(lambda: place(cast, waiting, cast.bola.user_id, "400.00")).only(RefundExceedsPayment)
    assert len(ended.results) == 2
    assert wallet_balance(cast.bola) == "800.00"


def test_only_what_waits_in_suspense(cast: Cast) -> None:
    fund(cast, cast.bola, "100.00")
    with tenant(cast.cluster_id):
        deposit = Transaction.objects.get(user_id=cast.bola.user_id)
    with pytest.raises(NotInSuspense):
        place(cast, deposit, cast.ada.user_id)
    deposit.id = uuid4()
    with pytest.raises(TransactionNotFound):
        place(cast, deposit, cast.bola.user_id)


def test_not_to_a_stranger(cast: Cast) -> None:
    with pytest.raises(MemberNotFound):
        place(cast, set_aside(cast), cast.chidi.user_id)


def run(*arguments: str) -> str:
    said = io.StringIO()
    call_command("place_suspense", *arguments, stdout=said)
    return said.getvalue()


def test_at_the_command_line(cast: Cast) -> None:
    waiting = set_aside(cast)
    staff = f"staff-{uuid4()}@clustr.test"
    people.create_platform_staff(email=staff, name="Ngozi", now=cast.now)
    assert waiting.reference in run()
    why = ("--reason", "The bank named the sender")
    for lacking in ((), ("--to-estate",), ("--to-estate", *why), ("--to-member", "nobody@x.test", *why, "--by", staff)):
        with pytest.raises(CommandError):
            run(waiting.reference, *lacking)
    with pytest.raises(CommandError):
        run("01KAV0H2R4N8Z3M5W7Y9B1D2F6", "--to-estate", *why, "--by", staff)
    assert "NGN 1,000.00" in run(waiting.reference, "--to-estate", *why, "--by", staff)
    assert cluster_balance(cast.cluster_id) == "1000.00"
