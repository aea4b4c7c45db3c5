"""The demonstration: two estates, their people and money in their wallets, made by set-based inserts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.auth.hashers import make_password

from clustr.audit import commands as audit
from clustr.audit.types import Subject
from clustr.clusters import queries as clusters
from clustr.clusters.commands import enrol_members, found_cluster
from clustr.clusters.types import NewMember, PaymentsPermissions, Role
from clustr.kit.ids import new_id, reference_of
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.payments.models import Transaction
from clustr.payments.states import Purpose, TransactionStatus, TransactionType
from clustr.people import commands as people
from clustr.wallets import commands as wallets

PASSWORD = "clustr-demo"  # noqa: S105 - of people who exist in a demonstration only
CURRENCY, TIMEZONE = "NGN", "Africa/Lagos"
LIVED_HERE_FOR = timedelta(days=365)

ACCOUNTS = f"""\
Sign in with the password {PASSWORD}:
  ada@palmgrove.test      administrator of Palm Grove
  efe@palmgrove.test      staff who may look (ViewPayments)
  bola@palmgrove.test     resident, NGN 250,000.00 in the wallet
  dayo@lekkigardens.test  administrator of Lekki Gardens
  chidi@lekkigardens.test resident of Lekki Gardens
  ngozi@clustr.test       platform staff"""

_FIRST = [
    "Adaeze",
    "Babatunde",
    "Chiamaka",
    "Damilola",
    "Ebele",
    "Folake",
    "Gbenga",
    "Halima",
    "Ifeoma",
    "Jide",
    "Kelechi",
    "Lola",
    "Musa",
    "Nneka",
    "Obinna",
]
_LAST = [
    "Adeyemi",
    "Balogun",
    "Chukwu",
    "Danjuma",
    "Eze",
    "Fashola",
    "Garba",
    "Ibrahim",
    "Johnson",
    "Kalu",
    "Lawal",
    "Mohammed",
    "Nwosu",
    "Okafor",
    "Peters",
]


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person of the demonstration, and what their wallet starts with."""

    email: str
    name: str
    role: Role
    unit: str = ""
    permissions: tuple[str, ...] = ()
    wallet: Money | None = None


def make_demonstration(*, residents: int, now: datetime, say: Callable[[str], None]) -> bool:
    """Make whichever of the two estates is missing, each in one commit; answers whether any was. Does nothing where
    other estates exist.

    `residents` is how many live in Palm Grove, Bola included.
    """
    estates = {"Lekki Gardens": _lekki_gardens(), "Palm Grove": _palm_grove(residents)}
    known = clusters.cluster_names()
    if known - set(estates):
        return False
    missing = {name: cast for name, cast in estates.items() if name not in known}
    if not missing:
        return False
    password_hash = make_password(PASSWORD)
    people.create_platform_staff(email="ngozi@clustr.test", name="Ngozi Umeh", now=now, password_hash=password_hash)
    for name, cast in missing.items():
        _make_estate(name, cast, password_hash, now, say)
    return True


def _make_estate(
    name: str, cast: Sequence[Somebody], password_hash: str, now: datetime, say: Callable[[str], None]
) -> None:
    cluster_id = new_id()
    since = now - LIVED_HERE_FOR
    say(f"Making the demonstration estate {name}:")
    with tenant(cluster_id):
        found_cluster(cluster_id=cluster_id, name=name, currency=CURRENCY, timezone=TIMEZONE, now=since)
        with _step(say, f"{len(cast):,} people"):
            ids = people.register_people(
                rows=[(somebody.email, somebody.name, "") for somebody in cast], now=since, password_hash=password_hash
            )
        with _step(say, "their homes and roles"):
            members = [
                NewMember(ids[somebody.email], somebody.role, since, somebody.permissions, somebody.unit, "flat")
                for somebody in cast
            ]
            enrol_members(cluster_id=cluster_id, members=members, now=now)
        funded = {ids[somebody.email]: somebody.wallet for somebody in cast if somebody.wallet}
        if funded:
            with _step(say, f"money in {len(funded):,} wallets"):
                _fund(cluster_id, funded, since)


def _fund(cluster_id: UUID, amounts: dict[UUID, Money], now: datetime) -> None:
    wallet_of = wallets.open_wallets(user_ids=amounts, currency=CURRENCY, now=now)
    opening = ledger.open_account(kind=AccountKind.OPENING_BALANCES, currency=CURRENCY)
    transactions = [_opening_deposit(cluster_id, user_id, amount, now) for user_id, amount in amounts.items()]
    Transaction.objects.bulk_create(transactions, batch_size=1_000)
    ledger.post(
        entries=[
            Entry(
                id=transaction.id,
                debit=opening,
                credit=wallet_of[transaction.user_id],
                amount=transaction.amount,
                kind=TransferKind.OPENING_BALANCE,
                journal=transaction.id,
            )
            for transaction in transactions
            if transaction.user_id
        ],
        at=now,
    )
    audit.record_batch(
        actor=clusters.system_actor(cluster_id=cluster_id),
        action="wallets.opened_with_balance",
        subject_kind="transaction",
        subjects=[Subject(id=transaction.id, journal=transaction.id) for transaction in transactions],
        at=now,
    )


def _opening_deposit(cluster_id: UUID, user_id: UUID, amount: Money, now: datetime) -> Transaction:
    id_ = new_id()
    return Transaction(
        id=id_,
        cluster_id=cluster_id,
        reference=reference_of(id_),
        type=TransactionType.DEPOSIT.value,
        status=TransactionStatus.COMPLETED.value,
        amount_minor=amount.minor,
        currency=amount.currency,
        provider="opening",
        user_id=user_id,
        purpose=Purpose.WALLET.value,
        description="Opening balance",
        created_at=now,
        completed_at=now,
    )


def _palm_grove(residents: int) -> list[Somebody]:
    stays = [
        Somebody("ada@palmgrove.test", "Ada Nwankwo", Role.ADMIN),
        Somebody("efe@palmgrove.test", "Efe Oghene", Role.STAFF, permissions=(PaymentsPermissions.VIEW_PAYMENTS,)),
        Somebody("bola@palmgrove.test", "Bola Akinwale", Role.RESIDENT, "A-001", wallet=Money(25_000_000, CURRENCY)),
    ]
    others = [
        Somebody(
            f"resident{number:04}@palmgrove.test",
            _name(number),
            Role.RESIDENT,
            f"{chr(ord('A') + number // 200)}-{number % 200 + 1:03}",
            wallet=Money(5_000_000, CURRENCY),
        )
        for number in range(1, residents)
    ]
    return stays + others


def _lekki_gardens() -> list[Somebody]:
    return [
        Somebody("dayo@lekkigardens.test", "Dayo Alabi", Role.ADMIN),
        Somebody("chidi@lekkigardens.test", "Chidi Okonkwo", Role.RESIDENT, "1"),
        *(
            Somebody(f"resident{number:02}@lekkigardens.test", _name(number), Role.RESIDENT, str(number + 1))
            for number in range(1, 50)
        ),
    ]


def _name(number: int) -> str:
    return f"{_FIRST[number % len(_FIRST)]} {_LAST[number // len(_FIRST) % len(_LAST)]}"


@contextmanager
def _step(say: Callable[[str], None], what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    say(f"  {what} ({time.monotonic() - began:.1f} s)")
