"""Helpers for tests of money: fund a member, issue a bill, prove the books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from clustr.bills import commands as bills
from clustr.bills.models import Bill
from clustr.bills.types import BillType, NewBill
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger_commands
from clustr.ledger import queries as ledger
from clustr.ledger.models import Transfer
from clustr.ledger.types import AccountKind
from clustr.wallets import commands as wallets
from clustr.wallets import queries as wallet_queries
from clustr.wallets.types import OfflineMethod, SpendAuthorization
from tests.cast import Cast, Person
from tests.proofs import broken_books


def naira(text: str) -> Money:
    return Money.parse(text, "NGN")


def fund(cast: Cast, person: Person, amount: str) -> None:
    """Put money into a member's wallet, as the office would: received in cash."""
    manager = cast.palm_grove["Ada"] if person.cluster_id == cast.palm_grove.id else cast.lekki["Dayo"]
    wallets.receive_offline(
        actor=manager.actor,
        user_id=person.user_id,
        amount=naira(amount),
        method=OfflineMethod.CASH,
        reference=f"CASH-{uuid4()}",
        now=cast.now,
    )


def issue(cast: Cast, amount: str = "5000.00", *, to: Person | None = None, **terms: object) -> Bill:
    """A bill for all of Palm Grove, or for one resident, due in ten days."""
    new = NewBill(
        **{
            "title": "Service charge",
            "amount": naira(amount),
            "type": BillType.SERVICE_CHARGE,
            "due_date": cast.now + timedelta(days=10),
            "user_id": to.user_id if to else None,
            **terms,
        }  # type: ignore[arg-type]
    )
    create = bills.create_user_specific_bill if to else bills.create_cluster_wide_bill
    return create(actor=cast.ada.actor, new=new, now=cast.now)


def acknowledge(cast: Cast, person: Person, bill: Bill) -> None:
    bills.acknowledge_bill(actor=person.actor, bill_id=bill.id, version=None, now=cast.now)


def no_pin(person: Person) -> SpendAuthorization:
    """The authorization of a member without a PIN."""
    return SpendAuthorization(person.user_id, person.cluster_id, pin_checked=False)


def wallet_balance(person: Person) -> str:
    with tenant(person.cluster_id):
        return str(wallet_queries.my_wallet(actor=person.actor).balance)


def cluster_balance(cluster_id: UUID) -> str:
    with tenant(cluster_id):
        account = ledger_commands.open_account(kind=AccountKind.CLUSTER_WALLET, currency="NGN")
        return str(ledger.balance(account_id=account, currency="NGN"))


@pytest.fixture
def cover(settings: Any) -> None:
    """Nothing leaves a provider beyond what it holds for the estate, as where ClustR runs for people."""
    settings.ENV = settings.ENV.model_copy(update={"PAYOUTS_BEYOND_COVER": False})


@pytest.fixture
def books(cast: Cast) -> Iterator[None]:
    """Ends the test with the books of both estates proved."""
    yield
    prove(cast)


def prove(cast: Cast) -> None:
    """Each estate alone, as the application sees it: its policy finds an estate's rows by index, where the checker's reads
    those of every estate the test process has made."""
    with tenant(cast.lekki.id):
        money_moved_there = Transfer.objects.filter(cluster_id=cast.lekki.id).exists()
    for estate in (cast.palm_grove, cast.lekki) if money_moved_there else (cast.palm_grove,):
        assert broken_books(estate.id) == []
