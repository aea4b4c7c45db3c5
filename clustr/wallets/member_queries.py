"""What members see of their own wallet: its movements, and where a withdrawal goes and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.ledger import queries as ledger
from clustr.payments.models import Transaction
from clustr.payments.queries import view_of
from clustr.payments.states import TransactionType
from clustr.payments.types import TransactionView
from clustr.wallets.models import Payout, Pin, Wallet
from clustr.wallets.queries import destination_of, what_it_waits_for

_LEAVES = (TransactionType.WITHDRAWAL, TransactionType.UTILITY_PAYMENT)


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement of a wallet: of which transaction, by how much (signed), and what the wallet held after it."""

    transaction: TransactionView
    amount: Money
    balance: Money
    at: datetime
    position: tuple[int, UUID]
    """Where it stands in the statement, to go on from."""

    @property
    def came_back(self) -> bool:
        """Whether it undoes what had left the wallet."""
        return self.amount.minor > 0 and self.transaction.type in _LEAVES


@dataclass(frozen=True, slots=True)
class WithdrawalView:
    """Where a withdrawal of the member's own goes. `name`: as the bank says, else as it was typed. `sendable_at`: it is not
    sent before. `waits_for`: see `what_it_waits_for`. `note`: why the office stopped it, if it did."""

    bank_code: str
    account_hint: str
    name: str
    sendable_at: datetime
    waits_for: str
    note: str


def my_movements(
    *,
    actor: Actor,
    q: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    before: tuple[int, UUID] | None = None,
    limit: int = 50,
) -> list[Movement]:
    """The movements of the member's wallet, newest first, with what it held after each: read in one instant. `q`: part of the
    description or of the reference. `since` and `until` bound when it moved, half-open. `before`: the last one's position."""
    wallet = Wallet.objects.filter(
        cluster_id=actor.cluster_id, user_id=actor.member_id, currency=actor.currency
    ).first()
    if wallet is None:
        return []
    known = Transaction.objects.filter(cluster_id=actor.cluster_id)
    only: list[UUID] | None = None
    if q:
        mine = known.filter(user_id=actor.member_id)
        only = list(mine.filter(Q(description__icontains=q) | Q(reference__icontains=q)).values_list("id", flat=True))
    lines = ledger.movements(account_id=wallet.id, journals=only, since=since, until=until, before=before, limit=limit)
    behind = {row.id: view_of(row) for row in known.filter(id__in={line.journal for line in lines})}
    return [
        Movement(
            transaction=behind[line.journal],
            amount=Money(line.amount_minor, actor.currency),
            balance=Money(line.holds_minor, actor.currency),
            at=line.at,
            position=(line.xid, line.id),
        )
        for line in lines
    ]


def my_withdrawal(*, actor: Actor, transaction_id: UUID) -> WithdrawalView | None:
    """Where the member's withdrawal of this transaction goes; None where it is none, or another's."""
    payout = Payout.objects.filter(cluster_id=actor.cluster_id, id=transaction_id).first()
    if payout is None:
        return None
    mine = Transaction.objects.filter(cluster_id=actor.cluster_id, id=payout.id, user_id=actor.member_id)
    transaction = mine.filter(type=TransactionType.WITHDRAWAL).first()
    if transaction is None:
        return None
    opened = destination_of(payout=payout)
    return WithdrawalView(
        bank_code=opened.bank_code,
        account_hint=payout.account_hint,
        name=opened.holder or opened.account_name,
        sendable_at=payout.sendable_at,
        waits_for=what_it_waits_for(payout=payout, status=transaction.status),
        note=payout.decision_note,
    )


def withdrawals_rest_until(*, actor: Actor) -> datetime | None:
    """Until when the member cannot withdraw because their PIN was reset; None where it never was. It may have passed."""
    pin = Pin.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id, reset_at__isnull=False).first()
    if pin is None or pin.reset_at is None:
        return None
    return pin.reset_at + timedelta(hours=settings.ENV.PIN_RESET_COOLING_HOURS)
