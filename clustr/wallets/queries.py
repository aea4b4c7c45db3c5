"""What wallets hold, and what happened to the cluster's."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, connections
from django.db.models import Min, Q

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant, tenant
from clustr.kit.vault import unseal
from clustr.ledger import queries as ledger
from clustr.ledger.models import Account
from clustr.ledger.types import AccountKind, TransferKind
from clustr.payments.models import Transaction
from clustr.payments.queries import Place
from clustr.payments.states import TransactionStatus
from clustr.wallets.models import BankDetails, Operation, Payee, Payout
from clustr.wallets.refusals import PayoutNotFound
from clustr.wallets.types import (
    Approval,
    BankDetailsView,
    Collections,
    Destination,
    OfflineMethod,
    OperationKind,
    OperationsFound,
    OperationView,
    Revenue,
    WalletView,
)

_WENT = (
    TransactionStatus.PROCESSING,
    TransactionStatus.UNKNOWN,
    TransactionStatus.COMPLETED,
    TransactionStatus.REFUNDED,
)
RECEIVED_BY = {
    OfflineMethod.CASH: AccountKind.RECEIVED_CASH,
    OfflineMethod.BANK_TRANSFER: AccountKind.RECEIVED_BANK_TRANSFER,
    OfflineMethod.POS: AccountKind.RECEIVED_POS,
}
"""The account of the books that stands for money received by each method."""

_SHOWN_AS = {
    TransferKind.BILL_PAYMENT: OperationKind.BILL_PAYMENT,
    TransferKind.BILL_REFUND: OperationKind.REFUND,
    TransferKind.PAYOUT: OperationKind.TRANSFER,
    TransferKind.PAYOUT_RETURN: OperationKind.TRANSFER,
    TransferKind.ADJUSTMENT: OperationKind.ADJUSTMENT,
    TransferKind.REVERSAL: OperationKind.ADJUSTMENT,
    TransferKind.PAYOUT_BOUNCED: OperationKind.TRANSFER,
    TransferKind.FEE_CHARGED: OperationKind.FEE,
    TransferKind.REFUND_TO_SOURCE: OperationKind.REFUND,
    TransferKind.REFUND_RETURNED: OperationKind.REFUND,
    TransferKind.SUSPENSE_PLACED: OperationKind.ADJUSTMENT,
    TransferKind.CHARGEBACK_ADVANCE: OperationKind.ADJUSTMENT,
    TransferKind.CHARGEBACK_CHARGED: OperationKind.FEE,
    TransferKind.CHARGEBACK_CREDITED: OperationKind.FEE,
    TransferKind.CONTRIBUTION: OperationKind.CONTRIBUTION,
    TransferKind.CONTRIBUTION_REFUND: OperationKind.REFUND,
}

_CAME_BACK = (TransferKind.PAYOUT_RETURN, TransferKind.REFUND_RETURNED)
"""Lines that undo what did not happen in the end: that undoing is done, whatever became of the transaction."""

FROM_BILLS = frozenset(
    {
        TransferKind.BILL_PAYMENT,
        TransferKind.BILL_REFUND,
        TransferKind.REFUND_TO_SOURCE,
        TransferKind.REFUND_RETURNED,
    }
)
CONTRIBUTIONS = frozenset({TransferKind.CONTRIBUTION, TransferKind.CONTRIBUTION_REFUND})
REVENUE = FROM_BILLS | CONTRIBUTIONS
"""The transfers by which the cluster's wallet earns; both the money and what was given back. What goes back to its source
tells by its label what it was paid for."""


def my_wallet(*, actor: Actor) -> WalletView:
    """The member's wallet in this cluster; empty if none was opened yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(a.balance), 0), bool_or(a.frozen_at IS NOT NULL),"
            " EXISTS (SELECT 1 FROM wallets_pin p WHERE p.cluster_id = %(cluster)s AND p.user_id = %(user)s)"
            " FROM wallets_wallet w JOIN ledger_account a ON a.cluster_id = w.cluster_id AND a.id = w.id"
            " WHERE w.cluster_id = %(cluster)s AND w.user_id = %(user)s AND w.currency = %(currency)s",
            {"cluster": actor.cluster_id, "user": actor.member_id, "currency": actor.currency},
        )
        balance, frozen, has_pin = cursor.fetchone()
    held = Money(int(balance), actor.currency)
    return WalletView(held, Money(0, actor.currency) if frozen else held, bool(frozen), has_pin)


def cluster_wallet_balance(*, actor: Actor) -> Money:
    """What the cluster's wallet holds; needs ViewWallet."""
    actor.require("ViewWallet")
    account = _cluster_account(actor)
    if account is None:
        return Money(0, actor.currency)
    return ledger.balance(account_id=account, currency=actor.currency)


def cluster_wallet_revenue(*, actor: Actor, now: datetime) -> Revenue:
    """What bills and contributions brought in net of refunds: today, this month and this year in the cluster's time zone,
    by the bill's type (and `contribution`) this year, and by month over the last twelve; needs ViewWallet."""
    actor.require("ViewWallet")
    today = now.astimezone(ZoneInfo(actor.timezone)).date()
    year_start, month_start = today.replace(month=1, day=1), today.replace(day=1)
    months = _last_months(today)
    sums: dict[str, int] = dict.fromkeys(("today", "month", "year"), 0)
    by_type: dict[str, int] = {}
    by_month = dict.fromkeys(months, 0)
    for line in _takings(actor, since=min(months[0], year_start), today=today):
        net = line.credits - line.debits
        sums["today"] += line.today_net
        sums["month"] += net if line.month >= month_start else 0
        if line.month >= year_start:
            sums["year"] += net
            by_type[line.label] = by_type.get(line.label, 0) + net
        if line.month in by_month:
            by_month[line.month] += net
    return Revenue(
        today=Money(sums["today"], actor.currency),
        this_month=Money(sums["month"], actor.currency),
        this_year=Money(sums["year"], actor.currency),
        by_type={label: Money(minor, actor.currency) for label, minor in sorted(by_type.items())},
        by_month={month: Money(minor, actor.currency) for month, minor in by_month.items()},
    )


def bill_collections(*, actor: Actor, now: datetime) -> Collections:
    """What bills brought in net of refunds, of the last twelve months in the cluster's time zone; needs ViewPayments.
    Contributions are no bills, nor is what goes back of them."""
    actor.require("ViewPayments")
    months = _last_months(now.astimezone(ZoneInfo(actor.timezone)).date())
    account = _cluster_account(actor)
    by_day = {}
    if account is not None:
        by_day = ledger.net_by_day(
            account_id=account,
            kinds=FROM_BILLS,
            without_label=TransferKind.CONTRIBUTION,
            since=months[0],
            timezone=actor.timezone,
        )
    by_month = dict.fromkeys(months, 0)
    for day, minor in by_day.items():
        month = day.replace(day=1)
        if month in by_month:
            by_month[month] += minor
    return Collections(
        by_month={month: Money(minor, actor.currency) for month, minor in by_month.items()},
        by_day={day: Money(minor, actor.currency) for day, minor in by_day.items()},
    )


def _takings(actor: Actor, *, since: date, today: date) -> list[ledger.TurnoverLine]:
    account = _cluster_account(actor)
    if account is None:
        return []
    lines = ledger.turnover_by_month(account_id=account, since=since, today=today, timezone=actor.timezone)
    return [line for line in lines if line.kind in REVENUE]


def _last_months(today: date) -> list[date]:
    """The first days of twelve months, this one last."""
    count = today.year * 12 + today.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(count - 11, count + 1)]


def cluster_wallet_operations(
    *,
    actor: Actor,
    found: OperationsFound | None = None,
    before: tuple[int, UUID] | None = None,
    limit: int = 50,
) -> list[OperationView]:
    """The trail of the cluster's wallet, newest first: every transfer that touched it, with who and why; of those that are
    `found` alone, where something is looked for. Needs ViewWallet."""
    actor.require("ViewWallet")
    account = _cluster_account(actor)
    if account is None:
        return []
    only = None if found is None else _journals_of(actor, found)
    lines = ledger.statement(account_id=account, journals=only, before=before, limit=limit)
    journals = [line.journal for line in lines]
    transactions = {row.id: row for row in Transaction.objects.filter(cluster_id=actor.cluster_id, id__in=journals)}
    operations = {row.id: row for row in Operation.objects.filter(cluster_id=actor.cluster_id, id__in=journals)}
    payouts = {row.id: row for row in Payout.objects.filter(cluster_id=actor.cluster_id, id__in=journals)}
    return [
        _operation(
            line,
            actor.currency,
            transactions[line.journal],
            operations.get(line.journal),
            payouts.get(line.journal),
        )
        for line in lines
    ]


def _journals_of(actor: Actor, found: OperationsFound) -> list[UUID]:
    """The events that are looked for: each is a transaction, of which the office's own have an operation too."""
    transactions = Transaction.objects.filter(cluster_id=actor.cluster_id).filter(
        Q(user_id__in=found.user_ids) | Q(id=found.id)
    )
    office = Operation.objects.filter(cluster_id=actor.cluster_id)
    office = office.filter(Q(reason__icontains=found.text) | Q(source__icontains=found.text))
    return list(transactions.values_list("id", flat=True).union(office.values_list("id", flat=True)))


def operation_of(*, actor: Actor, operation_id: UUID) -> OperationView:
    """One operation of the office (a transfer or a credit), as it stands now."""
    operation = Operation.objects.filter(cluster_id=actor.cluster_id, id=operation_id).first()
    if operation is None:
        raise PayoutNotFound
    transaction = Transaction.objects.get(cluster_id=actor.cluster_id, id=operation_id)
    payout = Payout.objects.filter(cluster_id=actor.cluster_id, id=operation_id).first()
    return OperationView(
        id=operation.id,
        transaction_id=operation.id,
        kind=OperationKind(operation.kind),
        incoming=operation.kind == OperationKind.ADJUSTMENT,
        amount=transaction.amount,
        status=transaction.status,
        actor_id=operation.actor_id,
        reason=operation.reason,
        reference=transaction.reference,
        metadata=_metadata(operation, payout, transaction.status),
        created_at=operation.created_at,
        position=(0, operation.id),
    )


def account_hint_of(*, payout_id: UUID) -> str:
    """The end of the number of the account that a payout goes to; "" for a payout that is none."""
    hint = (
        Payout.objects.filter(cluster_id=current_tenant(), id=payout_id).values_list("account_hint", flat=True).first()
    )
    return hint or ""


def destination_of(*, payout: Payout) -> Destination:
    """Open a payout's sealed bank account; for the one who sends the money."""
    named = unseal(bytes(payout.destination), bound_to=destination_place(payout.id)).split("\n")
    sealed = payout.holder
    holder = unseal(bytes(sealed), bound_to=holder_place(payout.id)) if sealed is not None else ""
    return replace(Destination(*named), holder=holder)


def bank_details(*, actor: Actor, now: datetime) -> BankDetailsView | None:
    """The estate's own bank account; None where none is kept. Needs TransferFunds."""
    actor.require("TransferFunds")
    with tenant(actor.cluster_id):
        kept = BankDetails.objects.filter(cluster_id=actor.cluster_id).order_by("-id").first()
        if kept is None:
            return None
        payee = Payee.objects.get(cluster_id=actor.cluster_id, id=kept.payee_id)
    parts = unseal(bytes(kept.destination), bound_to=bank_details_place(kept.id)).split("\n")
    return BankDetailsView(
        destination=Destination(*parts),
        sendable_from=sendable_from(payee=payee, now=now),
        kept_by=kept.kept_by,
        kept_at=kept.kept_at,
    )


def trusted_since(*, payee: Payee) -> datetime | None:
    """Since when a bank account stands unquestioned: since it was first named. Where no money has gone there, and a payout to
    it was stopped, rejected or taken back, since the oldest that still waits; None where none does: it is as a new one."""
    asked = Payout.objects.filter(cluster_id=payee.cluster_id, payee_id=payee.id)
    theirs = Transaction.objects.filter(cluster_id=payee.cluster_id, id__in=asked.values("id"))
    called_back = theirs.filter(status=TransactionStatus.CANCELLED).exists()
    if not called_back or theirs.filter(status__in=_WENT).exists():
        return payee.first_used_at
    waiting = theirs.filter(status=TransactionStatus.PENDING)
    oldest: datetime | None = waiting.aggregate(oldest=Min("created_at"))["oldest"]
    return oldest


def sendable_from(*, payee: Payee, now: datetime) -> datetime:
    """From when on money may go there: at once, or when it has been trusted for PAYOUT_COOLING_HOURS."""
    since = trusted_since(payee=payee) or now
    return max(now, since + timedelta(hours=settings.ENV.PAYOUT_COOLING_HOURS))


def bank_details_place(id: UUID) -> str:
    """The place an estate's bank account is sealed for."""
    return f"wallets_bankdetails:{id}"


def destination_place(payout_id: UUID) -> str:
    """The place a payout's destination is sealed for."""
    return f"wallets_payout:{payout_id}"


def holder_place(payout_id: UUID) -> str:
    """The place the name of a payout's destination's holder is sealed for."""
    return f"wallets_payout:{payout_id}:holder"


def _cluster_account(actor: Actor) -> UUID | None:
    return (
        Account.objects.filter(
            cluster_id=actor.cluster_id, kind=AccountKind.CLUSTER_WALLET, currency=actor.currency, subject_id=None
        )
        .values_list("id", flat=True)
        .first()
    )


def _operation(
    line: ledger.Line, currency: str, transaction: Transaction, operation: Operation | None, payout: Payout | None
) -> OperationView:
    return OperationView(
        id=line.id,
        transaction_id=transaction.id,
        kind=_SHOWN_AS[TransferKind(line.kind)],
        incoming=line.amount_minor > 0,
        amount=Money(abs(line.amount_minor), currency),
        status=TransactionStatus.COMPLETED if line.kind in _CAME_BACK else transaction.status,
        actor_id=operation.actor_id if operation else transaction.user_id,
        reason=operation.reason if operation else transaction.description,
        reference=transaction.reference,
        metadata=_metadata(operation, payout, transaction.status)
        | ({"bill_type": line.label} if line.label and line.kind in FROM_BILLS else {}),
        created_at=line.at,
        position=(line.xid, line.id),
    )


WAITS_FOR = {
    "cover": "Payment providers do not hold enough of the estate's money yet.",
    "books": "The estate's books are being looked at; no money is sent out meanwhile.",
}
"""Why a payout that may go is not sent, in words."""


def what_it_waits_for(*, payout: Payout, status: str) -> str:
    """Why a payout that may go is not sent (a key of `WAITS_FOR`); "" where it was sent, or nothing keeps it."""
    return payout.waits_for if status == TransactionStatus.PENDING else ""


def _metadata(operation: Operation | None, payout: Payout | None, status: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if operation and operation.source:
        found["source"] = operation.source
    if payout:
        found |= {
            "destination": _destination(payout),
            "approval": payout.approval,
            "decided_by": str(payout.decided_by) if payout.decided_by else None,
            "decision_note": payout.decision_note,
        }
        if waits_for := what_it_waits_for(payout=payout, status=status):
            found["waits_for"] = WAITS_FOR[waits_for]
    return found


def _destination(payout: Payout) -> dict[str, str]:
    """Where a transfer goes, as those who see the wallet may know it: by both names, and the end of the number."""
    opened = destination_of(payout=payout)
    return {
        "account_number": f"******{payout.account_hint}",
        "account_name": opened.account_name,
        "holder": opened.holder,
        "name_check": payout.name_check,
    }


def sendable_payouts(*, now: datetime, limit: int) -> list[Place]:
    """The payouts that may go by now and were not sent, in every cluster, the oldest first, and last those that something kept:
    of each cluster in turn, so that nobody's waiting keeps others from being looked at. Read through the sweep role, in one
    statement."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute(
            "SELECT cluster_id, id FROM payments_transaction t JOIN wallets_payout p USING (cluster_id, id)"
            " WHERE t.status = 'pending' AND t.purpose = 'payout' AND p.sendable_at <= %s AND p.approval = ANY(%s)"
            " AND NOT EXISTS (SELECT FROM payments_attempt a WHERE (a.cluster_id, a.id) = (t.cluster_id, t.id))"
            " ORDER BY p.waits_for <> '', CASE p.waits_for WHEN '' THEN 0"
            " ELSE row_number() OVER (PARTITION BY cluster_id, p.waits_for <> '' ORDER BY p.sendable_at, id) END,"
            " p.sendable_at, id LIMIT %s",
            [now, [Approval.NOT_NEEDED.value, Approval.APPROVED.value], limit],
        )
        return [Place(*row) for row in cursor.fetchall()]
