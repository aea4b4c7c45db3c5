"""Money in suspense: put there where there is nobody to give it back to, and given to whom a person found that it belongs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.audit import commands as audit
from clustr.clusters import queries as clusters
from clustr.clusters.queries import locale_of, system_actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.locales import amount_for_people
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.models import Account, Transfer
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.states import CaseKind, Purpose, TransactionStatus, TransactionType
from clustr.people import commands as people
from clustr.people import queries as people_queries
from clustr.wallets.commands.wallets import open_wallet, open_wallets
from clustr.wallets.refusals import NotInSuspense


def place_suspense(
    *,
    cluster_id: UUID,
    transaction_id: UUID,
    user_id: UUID | None,
    amount: Money | None,
    reason: str,
    placed_by: UUID,
    now: datetime,
) -> Transaction:
    """Give money that was set aside to a member's wallet, or to the estate (`user_id` None), whole (`amount` None) or in
    part. For the platform's staff (`placed_by`), at the command line. Never more than waits of that transaction.

    Refuses `TransactionNotFound`, `NotInSuspense`, `RefundExceedsPayment` (it was placed before), `MemberNotFound`.
    """
    with tenant(cluster_id), crash_points("wallets.place_suspense"):
        original, rest = payments.lock_refundable(transaction_id=transaction_id, amount=amount)
        source = _suspense_of(original)
        if user_id is not None:
            clusters.require_member(user_id=user_id)
        placed = payments.create_transaction(
            id=new_id(),
            type=TransactionType.CREDIT,
            status=TransactionStatus.COMPLETED,
            amount=rest,
            purpose=Purpose.REFUND,
            user_id=user_id,
            subject_id=original.id,
            description=reason,
            now=now,
        )
        payments.count_refund(transaction_id=original.id, amount=rest, now=now)
        entry = Entry(
            id=placed.id,
            debit=source,
            credit=_place(user_id, rest.currency, now),
            amount=rest,
            kind=TransferKind.SUSPENSE_PLACED,
            journal=placed.id,
        )
        ledger.post(entries=[entry], at=now)
        payments.settle_case(kind=CaseKind.OWNER_NOT_FOUND, transaction_id=original.id, note=reason, now=now)
        audit.record(
            actor=system_actor(cluster_id=cluster_id),
            action="wallets.suspense_placed",
            subject_kind="transaction",
            subject_id=placed.id,
            at=now,
            reason=reason,
            facts={"amount": str(rest), "currency": rest.currency, "of": str(original.id), "by": str(placed_by)},
            journal=placed.id,
        )
        if user_id is not None:
            people.write_to(
                user_id=user_id,
                template="wallets/mail/suspense_placed",
                context={"amount": amount_for_people(rest, locale=locale_of(cluster_id=cluster_id)), "reason": reason},
                now=now,
            )
    return placed


def waiting_in_suspense(*, cluster_id: UUID) -> list[Transaction]:
    """The transactions of a cluster of which money waits in suspense, oldest first."""
    with tenant(cluster_id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.id FROM ledger_account a JOIN ledger_transfer t ON t.cluster_id = a.cluster_id AND t.credit = a.id"
            " WHERE a.cluster_id = %s AND a.kind = %s AND t.id = t.journal",
            [cluster_id, AccountKind.SUSPENSE],
        )
        aside = [row[0] for row in cursor.fetchall()]
        kept = Transaction.objects.filter(cluster_id=cluster_id, id__in=aside, status=TransactionStatus.COMPLETED)
        return list(kept.order_by("id"))


def places_of_returned(*, returned: Collection[tuple[UUID, UUID, Money]], now: datetime) -> dict[UUID, UUID]:
    """The account that each of these refunds (its id, whose money, how much; of one currency) goes to: the member's wallet, or
    suspense, where that was erased and nobody could open it; then a person is asked whose it is. Part of a command's
    transaction; answers account by refund."""
    if not returned:
        return {}
    (currency,) = {amount.currency for _, _, amount in returned}
    contacts = people_queries.contacts_of(user_ids={user_id for _, user_id, _ in returned})
    here = {user_id for user_id, contact in contacts.items() if contact.reachable}
    wallet_of = open_wallets(user_ids=here, currency=currency, now=now)
    gone = [(refund_id, amount) for refund_id, user_id, amount in returned if user_id not in here]
    places = {refund_id: wallet_of[user_id] for refund_id, user_id, _ in returned if user_id in here}
    if gone:
        aside = ledger.open_account(kind=AccountKind.SUSPENSE, currency=currency)
        places |= {refund_id: aside for refund_id, _ in gone}
    for refund_id, amount in gone:
        payments.open_case(
            kind=CaseKind.OWNER_NOT_FOUND,
            subject=str(refund_id),
            transaction_id=refund_id,
            facts={"amount": amount.for_people(), "why": "given_back"},
            now=now,
        )
    return places


def _suspense_of(original: Transaction) -> UUID:
    received = Transfer.objects.filter(cluster_id=original.cluster_id, id=original.id).first()
    account = received and Account.objects.get(cluster_id=original.cluster_id, id=received.credit)
    if not account or account.kind != AccountKind.SUSPENSE:
        raise NotInSuspense
    return account.id


def _place(user_id: UUID | None, currency: str, now: datetime) -> UUID:
    if user_id is None:
        return ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency=currency)
    return open_wallet(user_id=user_id, currency=currency, now=now)
