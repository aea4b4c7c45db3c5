"""Transactions as people may see them: their own, or with ViewPayments those of the cluster."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connections
from django.db.models import Case as SqlCase
from django.db.models import Exists, Max, OuterRef, Q, QuerySet, Subquery, When

from clustr.clusters import queries as clusters
from clustr.clusters.types import FeeBearer
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant, tenant
from clustr.payments.models import Attempt, Case, SavedMethod, Settlement, StatusChange, Transaction
from clustr.payments.pricing import surcharge_on
from clustr.payments.providers.nouns import REFERENCE
from clustr.payments.providers.returns import DisputeState
from clustr.payments.refusals import PaymentMethodNotFound, TransactionNotFound
from clustr.payments.states import OPEN, CaseKind, Purpose, TransactionStatus, TransactionType
from clustr.payments.types import SavedMethodView, TransactionView

OF_A_BILL = (Purpose.BILL, Purpose.UTILITY)
"""Purposes whose subject is a bill: one that is paid, or one that stands for what a member buys."""

_REFUNDED = Transaction.objects.filter(cluster_id=OuterRef("cluster_id"), id=OuterRef("subject_id"))
_BILL_OF_REFUNDED = _REFUNDED.filter(purpose=Purpose.BILL).values("subject_id")
_WITH_REFUNDED = Transaction.objects.annotate(  # type: ignore[no-redef]  # what the model promises
    refunded_bill_id=SqlCase(When(purpose=Purpose.REFUND, then=Subquery(_BILL_OF_REFUNDED)), default=None),
    refunded_type=SqlCase(When(purpose=Purpose.REFUND, then=Subquery(_REFUNDED.values("type"))), default=None),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search is for: transactions of these people, or the one of this id."""

    user_ids: Sequence[UUID]
    id: UUID | None


@dataclass(frozen=True, slots=True)
class TransactionFilter:
    """Which transactions; each None means any. `since` and `until` bound `created_at`, half-open."""

    type: TransactionType | None = None
    status: TransactionStatus | None = None
    user_id: UUID | None = None
    bill_id: UUID | None = None
    provider: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    found: Found | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Which transaction of which cluster."""

    cluster_id: UUID
    transaction_id: UUID


@dataclass(frozen=True, slots=True)
class SettledPlace:
    """Which settlement of which cluster, what was asked for, and the provider's own id of what it settled."""

    cluster_id: UUID
    settlement_id: UUID
    provider_id: str
    asked_id: UUID


def place_of_reference(*, reference: str) -> Place | None:
    """Whose transaction a provider's news are about, whatever cluster: read through the sweep role, outside any tenant."""
    if not REFERENCE.fullmatch(reference):
        return None
    with connections["sweep"].cursor() as cursor:
        cursor.execute("SELECT cluster_id, id FROM payments_attempt WHERE reference = %s LIMIT 1", [reference])
        found = cursor.fetchone()
    return Place(*found) if found else None


def due_attempts(*, now: datetime, limit: int) -> list[Place]:
    """The attempts that are to be asked about by now, the longest due first: read through the sweep role."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute(
            "SELECT cluster_id, id FROM payments_attempt WHERE next_check_at <= %s ORDER BY next_check_at LIMIT %s",
            [now, limit],
        )
        return [Place(*row) for row in cursor.fetchall()]


def settled_between(*, provider: str, since: datetime, until: datetime) -> list[SettledPlace]:
    """What a provider's money that was paid in this span, half-open, settled, in every cluster: read through the sweep role,
    in one statement, so that estates in which nothing happened cost nothing."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute(
            "SELECT cluster_id, id, provider_id, asked_id FROM payments_settlement"
            " WHERE provider = %s AND paid_at >= %s AND paid_at < %s ORDER BY cluster_id, id",
            [provider, since, until],
        )
        return [SettledPlace(*row) for row in cursor.fetchall()]


def settled_with(*, provider: str, provider_ids: Sequence[str]) -> list[SettledPlace]:
    """Where charges of a provider, by its own ids, were settled, in every cluster: read through the sweep role."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute(
            "SELECT cluster_id, id, provider_id, asked_id FROM payments_settlement"
            " WHERE provider = %s AND provider_id = ANY(%s) ORDER BY cluster_id, id",
            [provider, list(provider_ids)],
        )
        return [SettledPlace(*row) for row in cursor.fetchall()]


def payouts_gone(*, provider: str, since: datetime, until: datetime) -> list[tuple[Place, str]]:
    """The payouts that a provider was asked for in this span, half-open, and that went, by our books, in every cluster: whose,
    and their references. Read through the sweep role, in one statement."""
    with connections["sweep"].cursor() as cursor:
        cursor.execute(
            "SELECT cluster_id, id, a.reference FROM payments_attempt a"
            " JOIN payments_transaction t USING (cluster_id, id)"
            " WHERE a.kind = 'payout' AND a.provider = %s AND a.started_at >= %s AND a.started_at < %s"
            " AND t.status IN ('completed', 'refunded') ORDER BY cluster_id, id",
            [provider, since, until],
        )
        return [(Place(cluster_id, id), reference) for cluster_id, id, reference in cursor.fetchall()]


def settlement_behind(*, transaction_id: UUID | None) -> Settlement | None:
    """What a provider took for a transaction of the current cluster: all or a part of one of its charges. None where no
    provider did."""
    found = Settlement.objects.filter(
        Q(asked_id=transaction_id, completes_minor__gt=0) | Q(surplus_id=transaction_id), cluster_id=current_tenant()
    )
    return found.first()


def is_disputed(*, transaction_ids: Collection[UUID]) -> bool:
    """Whether a payer's complaint about a charge that was made for one of these, or brought it as a surplus, waits for an
    answer: its case is open until that is decided, or until a person closes it."""
    charges = Settlement.objects.filter(
        Q(asked_id__in=transaction_ids) | Q(surplus_id__in=transaction_ids), cluster_id=current_tenant()
    )
    complaints = Case.objects.filter(
        cluster_id=current_tenant(),
        kind=CaseKind.CHARGEBACK,
        closed_at=None,
        facts__contains={"state": DisputeState.OPEN.value},
        transaction_id__in=charges.values("asked_id"),
    )
    return complaints.exists()


def open_refunds_of(*, cluster_id: UUID, transaction_id: UUID) -> list[UUID]:
    """The refunds of a payment, or of what was more than was asked for it, that its provider has not decided yet."""
    with tenant(cluster_id):
        surplus = Settlement.objects.filter(cluster_id=cluster_id, asked_id=transaction_id).exclude(surplus_id=None)
        paid = [transaction_id, *surplus.values_list("surplus_id", flat=True)]
        found = Transaction.objects.filter(
            cluster_id=cluster_id, purpose=Purpose.REFUND, subject_id__in=paid, status__in=OPEN
        )
        return list(found.order_by("id").values_list("id", flat=True))


def transactions_of_cluster(
    *, actor: Actor, chosen: TransactionFilter, before: UUID | None = None, limit: int = 50
) -> list[TransactionView]:
    """The cluster's transactions, newest first; needs ViewPayments. `before` is the id of the last one read."""
    actor.require("ViewPayments")
    return _views(_matching(actor, chosen), chosen, before, limit)


def my_transactions(
    *, actor: Actor, chosen: TransactionFilter, q: str = "", before: UUID | None = None, limit: int = 50
) -> list[TransactionView]:
    """The member's own transactions, newest first. `q`: part of the description or of the reference."""
    mine = _matching(actor, chosen).filter(user_id=actor.member_id)
    if q:
        mine = mine.filter(Q(description__icontains=q) | Q(reference__icontains=q))
    return _views(mine, chosen, before, limit)


def transaction_visible_to(*, actor: Actor, transaction_id: UUID) -> TransactionView:
    """One transaction: its owner's, or with ViewPayments any of the cluster. Refuses `TransactionNotFound`."""
    found = _WITH_REFUNDED.filter(cluster_id=actor.cluster_id, id=transaction_id).first()
    if found is None or not (actor.may("ViewPayments") or found.user_id == actor.user_id):
        raise TransactionNotFound
    return view_of(found)


def my_methods(*, actor: Actor) -> list[SavedMethodView]:
    """The member's saved cards, the newest first."""
    kept = SavedMethod.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id, removed_at=None)
    return [
        SavedMethodView(
            id=method.id,
            provider=method.provider,
            brand=method.brand,
            last_four=method.last_four,
            expires_month=method.expires_month,
            expires_year=method.expires_year,
        )
        for method in kept.order_by("-id")
    ]


def method_of(*, actor: Actor, method_id: UUID, provider: str | None = None) -> SavedMethod:
    """A saved card of the member's own, with this provider (None: with any). Refuses `PaymentMethodNotFound`."""
    found = SavedMethod.objects.filter(
        cluster_id=actor.cluster_id, id=method_id, user_id=actor.member_id, removed_at=None
    ).first()
    if found is None or provider not in (None, found.provider):
        raise PaymentMethodNotFound
    return found


def open_checkout_of(*, actor: Actor, transaction_id: UUID, now: datetime) -> str:
    """The provider's page where a payment of the member's own, which is not decided, can still be finished; "" where there is
    none: it was not paid at a page, or the time for it has passed."""
    mine = Transaction.objects.filter(
        cluster_id=actor.cluster_id, id=transaction_id, user_id=actor.member_id, status__in=OPEN
    )
    asked = Attempt.objects.filter(cluster_id=actor.cluster_id, id__in=mine.values("id"), payable_until__gt=now)
    return asked.values_list("checkout_url", flat=True).first() or ""


def waiting_payment_of_bill(*, actor: Actor, bill_id: UUID) -> bool:
    """Whether the member has paid on a bill in a way of which it is not known what became. Paying again could pay twice."""
    return bool(parts_being_paid(parts={(actor.member_id, bill_id)}))


def parts_being_paid(*, parts: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Those of these members' parts of bills (member, bill) on which they have paid in a way of which it is not known what
    became: a start that was not heard, or a card that was charged and is not decided."""
    if not parts:
        return set()
    payments = Transaction.objects.filter(
        cluster_id=current_tenant(),
        purpose=Purpose.BILL,
        user_id__in={user_id for user_id, _ in parts},
        subject_id__in={bill_id for _, bill_id in parts},
    )
    being_paid = set(undecided(payments).values_list("user_id", "subject_id"))
    return {part for part in parts if part in being_paid}


def undecided(payments: QuerySet[Transaction]) -> QuerySet[Transaction]:
    """Those of these payments with a provider of which it is not known what became, and that nobody can decide by paying at
    a page."""
    charged = Attempt.objects.filter(
        cluster_id=OuterRef("cluster_id"), id=OuterRef("id"), method_id__isnull=False, checkout_url=""
    )
    return payments.filter(status__in=OPEN).filter(Q(status=TransactionStatus.UNKNOWN) | Exists(charged))


def view_of(transaction: Transaction) -> TransactionView:
    """A transaction as people see it; also for one that a command has just made."""
    return TransactionView(
        id=transaction.id,
        reference=transaction.reference,
        type=TransactionType(transaction.type),
        purpose=Purpose(transaction.purpose),
        status=TransactionStatus(transaction.status),
        amount=transaction.amount,
        refunded=Money(transaction.refunded_minor, transaction.currency),
        provider=transaction.provider,
        provider_reference=transaction.provider_reference,
        user_id=transaction.user_id,
        bill_id=transaction.subject_id if transaction.purpose in OF_A_BILL else transaction.refunded_bill_id,
        description=transaction.description,
        failure=transaction.failure,
        created_at=transaction.created_at,
        completed_at=transaction.completed_at,
        refunded_type=TransactionType(transaction.refunded_type) if transaction.refunded_type else None,
    )


def _matching(actor: Actor, chosen: TransactionFilter) -> QuerySet[Transaction]:
    found = _WITH_REFUNDED.filter(cluster_id=actor.cluster_id)
    if chosen.type:
        found = found.filter(type=chosen.type)
    if chosen.status:
        found = found.filter(status=chosen.status)
    if chosen.user_id:
        found = found.filter(user_id=chosen.user_id)
    if chosen.provider:
        found = found.filter(provider=chosen.provider)
    if chosen.since:
        found = found.filter(created_at__gte=chosen.since)
    if chosen.until:
        found = found.filter(created_at__lt=chosen.until)
    if chosen.found:
        found = found.filter(Q(user_id__in=chosen.found.user_ids) | Q(id=chosen.found.id))
    return found


def _views(
    found: QuerySet[Transaction], chosen: TransactionFilter, before: UUID | None, limit: int
) -> list[TransactionView]:
    """The newest of these. Payments on a bill and their refunds are read apart, each along its own index."""
    if before:
        found = found.filter(id__lt=before)
    parts = [found]
    if chosen.bill_id:
        payments = Transaction.objects.filter(purpose__in=OF_A_BILL, subject_id=chosen.bill_id)
        parts = [
            found.filter(purpose__in=OF_A_BILL, subject_id=chosen.bill_id),
            found.filter(purpose=Purpose.REFUND, subject_id__in=payments.filter(refunded_minor__gt=0).values("id")),
        ]
    rows = [row for part in parts for row in part.order_by("-id")[:limit]]
    return [view_of(row) for row in sorted(rows, key=lambda row: row.id, reverse=True)[:limit]]


def stands_since(*, transaction: Transaction) -> datetime:
    """Since when a transaction has its status."""
    steps = StatusChange.objects.filter(cluster_id=transaction.cluster_id, transaction_id=transaction.id)
    return steps.aggregate(last=Max("at"))["last"] or transaction.created_at


def fee_on_top(*, provider: str, amount: Money, now: datetime) -> int:
    """Minor units that a payer is charged on top of this amount; 0 where the estate bears the provider's fee."""
    return surcharge_on(provider=provider, amount=amount) if payers_bear_fees(now=now) else 0


def payers_bear_fees(*, now: datetime) -> bool:
    """Whether the current estate lets payers bear the provider's fee."""
    actor = clusters.system_actor(cluster_id=current_tenant())
    return clusters.settings_of(actor=actor, now=now).fee_bearer is FeeBearer.PAYER
