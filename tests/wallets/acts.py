"""Short ways to do what wallets do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from clustr.kit.tenancy import tenant
from clustr.payments.models import Case, Transaction
from clustr.payments.states import CaseKind
from clustr.people.commands import erase_person
from clustr.wallets import commands as wallets
from clustr.wallets import queries
from clustr.wallets.types import Destination, OfflineMethod, OperationView, WalletView
from tests.cast import Cast, Person
from tests.money import naira, no_pin

BANK = Destination("058", "0123456789", "Mama Put Enterprises")


def wallet_of(person: Person) -> WalletView:
    with tenant(person.cluster_id):
        return queries.my_wallet(actor=person.actor)


def receive(cast: Cast, person: Person, amount: str = "100.00", **changes: Any) -> Transaction:
    values: dict[str, Any] = {
        "actor": cast.ada.actor,
        "user_id": person.user_id,
        "amount": naira(amount),
        "method": OfflineMethod.CASH,
        "reference": f"R-{uuid4()}",
        "now": cast.now,
    }
    return wallets.receive_offline(**(values | changes))


def credit(cast: Cast, amount: str = "1000.00", person: Person | None = None) -> UUID:
    return wallets.credit_cluster_wallet(
        actor=(person or cast.ada).actor,
        amount=naira(amount),
        description="Grant for the gate",
        source="Lagos State",
        now=cast.now,
    )


def transfer(
    cast: Cast,
    amount: str,
    person: Person | None = None,
    *,
    to: Destination = BANK,
    after: timedelta = timedelta(),
) -> UUID:
    return wallets.transfer_from_cluster_wallet(
        actor=(person or cast.ada).actor,
        amount=naira(amount),
        description="Diesel",
        destination=to,
        now=cast.now + after,
    )


def withdraw(cast: Cast, person: Person, amount: str) -> Transaction:
    return wallets.withdraw(
        actor=person.actor, amount=naira(amount), destination=BANK, authorization=no_pin(person), now=cast.now
    )


def operations(cast: Cast, **page: Any) -> list[OperationView]:
    with tenant(cast.cluster_id):
        return queries.cluster_wallet_operations(actor=cast.ada.actor, **page)


def status_of(cast: Cast, transaction_id: UUID) -> str:
    with tenant(cast.cluster_id):
        return Transaction.objects.get(id=transaction_id).status


def erase(cast: Cast) -> None:
    """Bola asks to be forgotten."""
    erase_person(user_id=cast.bola.user_id, reason="asked", by=None, now=cast.now)


def owner_not_found(cast: Cast) -> list[UUID | None]:
    """The transactions whose money somebody has to say the owner of."""
    with tenant(cast.cluster_id):
        asked = Case.objects.filter(cluster_id=cast.cluster_id, kind=CaseKind.OWNER_NOT_FOUND, closed_at=None)
        return list(asked.order_by("id").values_list("transaction_id", flat=True))
