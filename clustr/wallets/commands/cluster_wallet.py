"""What the office does with money: credit and transfer from the cluster's wallet, money received by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.clusters import queries as clusters
from clustr.clusters.types import PaymentsPermissions
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.notifications.commands import notify
from clustr.notifications.types import Audience, NotificationEvents
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.states import Purpose, TransactionStatus, TransactionType
from clustr.wallets.commands.payouts import send_out
from clustr.wallets.commands.trail import record_money_act
from clustr.wallets.commands.wallets import open_wallet
from clustr.wallets.models import Operation
from clustr.wallets.policies import check_name, refuse_own_affair
from clustr.wallets.queries import RECEIVED_BY
from clustr.wallets.transfer_queries import needs_approval
from clustr.wallets.types import Approval, Destination, OfflineMethod, OperationKind


def credit_cluster_wallet(*, actor: Actor, amount: Money, description: str, source: str, now: datetime) -> UUID:
    """Add money from outside to the cluster's wallet, with a reason and its source. Answers the operation's id.

    Needs CreditWallet.
    """
    actor.require("CreditWallet")
    with tenant(actor.cluster_id), crash_points("wallets.credit"):
        transaction = payments.create_transaction(
            id=new_id(),
            type=TransactionType.CREDIT,
            status=TransactionStatus.COMPLETED,
            amount=amount,
            purpose=Purpose.CLUSTER_WALLET,
            description=description,
            now=now,
        )
        _record_operation(actor, transaction, OperationKind.ADJUSTMENT, description, source, now)
        entry = Entry(
            id=transaction.id,
            debit=ledger.open_account(kind=AccountKind.EXTERNAL_FUNDS, currency=amount.currency),
            credit=ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency=amount.currency),
            amount=amount,
            kind=TransferKind.ADJUSTMENT,
            journal=transaction.id,
        )
        ledger.post(entries=[entry], at=now)
        record_money_act(
            actor=actor, action="cluster_wallet.credited", transaction=transaction, reason=description, now=now
        )
        _tell_of_credit(transaction, now)
    return transaction.id


def transfer_from_cluster_wallet(
    *, actor: Actor, amount: Money, description: str, destination: Destination, now: datetime
) -> UUID:
    """Take money out of the cluster's wallet towards a bank account. Answers the operation's id.

    The money waits in the payouts account as `pending`; where it is above the cluster's limit with what was sent in the last
    24 hours without a second person, one approves first. Needs TransferFunds. Refuses `InsufficientFunds`.
    """
    actor.require("TransferFunds")
    with tenant(actor.cluster_id), crash_points("wallets.transfer"):
        _one_at_a_time(actor.cluster_id)
        waits = needs_approval(actor=actor, amount=amount, now=now)
        transaction = send_out(
            actor=actor,
            type=TransactionType.TRANSFER,
            source_account=ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency=amount.currency),
            amount=amount,
            description=description,
            destination=destination,
            approval=Approval.WAITING if waits else Approval.NOT_NEEDED,
            now=now,
        )
        _record_operation(actor, transaction, OperationKind.TRANSFER, description, "", now)
        record_money_act(
            actor=actor,
            action="cluster_wallet.transfer_requested",
            transaction=transaction,
            reason=description,
            facts=_checked(destination),
            now=now,
        )
    return transaction.id


def _one_at_a_time(cluster_id: UUID) -> None:
    """Two transfers at once would each be the only one that counts towards the limit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"transfers:{cluster_id}"])


def _checked(destination: Destination) -> dict[str, str]:
    """For the trail: whether the account is whose it was said to be. The names stand sealed with the payout."""
    return {"ending": destination.account_number[-4:], "name_check": check_name(destination=destination).value}


def receive_offline(
    *, actor: Actor, user_id: UUID, amount: Money, method: OfflineMethod, reference: str, now: datetime
) -> Transaction:
    """Record money received by hand into a member's wallet. `reference` is unique per cluster and method.

    Needs ManageBill; nobody records money for themselves. Refuses `ReferenceTaken`, `SeparationOfDuties`.
    """
    actor.require("ManageBill")
    refuse_own_affair(actor_id=actor.user_id, concerned_id=user_id)
    with tenant(actor.cluster_id), crash_points("wallets.receive_offline"):
        clusters.require_member(user_id=user_id)
        transaction = payments.create_transaction(
            id=new_id(),
            type=TransactionType.DEPOSIT,
            status=TransactionStatus.COMPLETED,
            amount=amount,
            purpose=Purpose.WALLET,
            user_id=user_id,
            provider=method.value,
            provider_reference=reference,
            description=f"Received by {method.value.replace('_', ' ')}",
            now=now,
        )
        entry = Entry(
            id=transaction.id,
            debit=ledger.open_account(kind=RECEIVED_BY[method], currency=amount.currency),
            credit=open_wallet(user_id=user_id, currency=amount.currency, now=now),
            amount=amount,
            kind=TransferKind.OFFLINE_RECEIPT,
            journal=transaction.id,
        )
        ledger.post(entries=[entry], at=now)
        record_money_act(
            actor=actor, action="wallets.offline_payment_recorded", transaction=transaction, reason=reference, now=now
        )
        facts = _facts(transaction) | {"method": method.value}
        _tell(NotificationEvents.WALLET_CREDITED, Audience.one(user_id), transaction, facts, now)
    return transaction


def _tell_of_credit(transaction: Transaction, now: datetime) -> None:
    office = Audience.holders(PaymentsPermissions.VIEW_WALLET)
    _tell(NotificationEvents.CLUSTER_WALLET_CREDITED, office, transaction, _facts(transaction), now)


def _facts(transaction: Transaction) -> dict[str, Any]:
    return {
        "what": transaction.description,
        "amount_minor": transaction.amount_minor,
        "currency": transaction.currency,
        "reference": transaction.reference,
    }


def _tell(
    event: NotificationEvents, audience: Audience, transaction: Transaction, facts: dict[str, Any], now: datetime
) -> None:
    notify(
        event=event,
        cluster_id=transaction.cluster_id,
        audience=audience,
        subject_id=transaction.id,
        facts=facts,
        now=now,
    )


def _record_operation(
    actor: Actor, transaction: Transaction, kind: OperationKind, reason: str, source: str, now: datetime
) -> None:
    Operation.objects.create(
        id=transaction.id,
        cluster_id=actor.cluster_id,
        kind=kind.value,
        actor_id=actor.member_id,
        reason=reason,
        source=source,
        created_at=now,
    )
