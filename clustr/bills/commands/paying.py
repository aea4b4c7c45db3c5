"""Paying on bills: from the member's wallet, or with money the office received by hand."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection

from clustr.audit import commands as audit
from clustr.audit.types import Claim
from clustr.bills.policies import refuse_amount
from clustr.bills.queries import OWED_COLUMNS, member_bill_of, member_bill_view
from clustr.bills.types import MemberBillView
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.errors import refusals_from_database
from clustr.kit.ids import new_id, reference_of
from clustr.kit.money import Money
from clustr.kit.prepared import fetch_prepared
from clustr.kit.tenancy import refuse_other_tenant, retried, tenant
from clustr.ledger import commands as ledger
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.states import Purpose, TransactionStatus, TransactionType
from clustr.wallets import commands as wallets
from clustr.wallets.policies import refuse_own_affair
from clustr.wallets.queries import RECEIVED_BY
from clustr.wallets.types import OfflineMethod, SpendAuthorization

_OWED = ", ".join(f"(paid.owed).{column.strip()}" for column in OWED_COLUMNS.split(","))

_PAY_ONCE = f"SELECT verdict, facts FROM bills_pay_once({', '.join(['%s'] * 14)})"


def pay_bill(
    *, actor: Actor, bill_id: UUID, amount: Money | None, authorization: SpendAuthorization | None, now: datetime
) -> tuple[Transaction, MemberBillView]:
    """Pay on a bill from the member's wallet, whole (`amount` None) or in part; the cluster's wallet is credited in the
    same instant. `authorization` comes from `wallets.commands.authorize_spend`, None where no PIN came.

    Refuses, in this order, `PinRequired`, `BillNotFound`, `BillCancelled`, `BillAlreadyPaid`, `BillDisputed`,
    `BillNotAcknowledged`, `BillPastDue`, `AmountExceedsRemaining`, `AccountFrozen`, `InsufficientFunds`.
    """
    if amount is not None:
        refuse_amount(amount=amount, currency=actor.currency)
    transaction_id = new_id()
    row = _settle(
        actor,
        "bills.pay",
        "bills_pay_from_wallet(%(bill)s, %(member)s, %(amount)s, %(currency)s, %(pin_checked)s, %(transaction)s,"
        " %(reference)s, %(now)s, %(ip)s, %(agent)s, %(request)s)",
        {
            "bill": bill_id,
            "member": actor.member_id,
            "amount": amount.minor if amount else None,
            "currency": actor.currency,
            "pin_checked": wallets.pin_was_checked(actor=actor, authorization=authorization),
            "transaction": transaction_id,
            "reference": reference_of(transaction_id),
            "now": now,
        },
    )
    return _paid(row, actor.cluster_id, transaction_id, actor.member_id, "wallet", "", now)


def pay_bill_once(
    *,
    actor: Actor,
    bill_id: UUID,
    amount: Money | None,
    authorization: SpendAuthorization | None,
    claim: Claim | None,
    now: datetime,
) -> tuple[str, bool]:
    """Pay as `pay_bill` does, once for this claim, in one statement that is a transaction by itself.

    Answers the facts of the payment, kept beside the claim, for `payment_of` to read; and whether they are those of an
    earlier request with the same claim. Refuses as `pay_bill` and `claim_request`.
    """
    if amount is not None:
        refuse_amount(amount=amount, currency=actor.currency)
    refuse_other_tenant(actor.cluster_id)
    transaction_id, origin = new_id(), actor.origin
    values = [
        actor.cluster_id,
        claim.scope if claim else None,
        claim.body if claim else None,
        bill_id,
        actor.member_id,
        amount.minor if amount else None,
        actor.currency,
        wallets.pin_was_checked(actor=actor, authorization=authorization),
        transaction_id,
        reference_of(transaction_id),
        now,
        origin.ip,
        origin.user_agent,
        origin.request_id,
    ]
    crash_point("bills.pay.before")
    with refusals_from_database():
        ((verdict, facts),) = retried(lambda: fetch_prepared(_PAY_ONCE, values))
    repeated = audit.is_repeat(verdict)
    if not repeated:
        crash_point("bills.pay.after_commit")
        payments.tell_payment(
            transaction=Transaction(
                id=transaction_id,
                cluster_id=actor.cluster_id,
                type=TransactionType.BILL_PAYMENT.value,
                status=TransactionStatus.COMPLETED.value,
                amount_minor=json.loads(facts)[3],
                currency=actor.currency,
                provider="wallet",
            )
        )
    return facts, repeated


def payment_of(facts: str, *, member_id: UUID, cluster_id: UUID) -> tuple[Transaction, MemberBillView]:
    """The payment and the member's bill as they were when these facts were kept."""
    asked_at, owed, transaction_id, paid_minor, paid_at = json.loads(facts)
    bill = member_bill_of(owed, asked_at=datetime.fromisoformat(asked_at))
    paid = (paid_minor, datetime.fromisoformat(paid_at))
    return _transaction(bill, paid, cluster_id, UUID(transaction_id), member_id, "wallet", ""), bill


def record_offline_bill_payment(
    *,
    actor: Actor,
    user_id: UUID,
    bill_id: UUID,
    amount: Money,
    method: OfflineMethod,
    reference: str,
    now: datetime,
) -> Transaction:
    """Record money received by hand for a member's bill, under the same rules as their own payment.

    Needs ManageBill; nobody records for themselves. `reference` is unique per cluster and method. Refuses as `pay_bill`,
    and `ReferenceTaken`.
    """
    actor.require("ManageBill")
    refuse_own_affair(actor_id=actor.user_id, concerned_id=user_id)
    refuse_amount(amount=amount, currency=actor.currency)
    transaction_id = new_id()
    with tenant(actor.cluster_id):
        row = _settle(
            actor,
            "bills.pay_offline",
            "bills_pay(%(bill)s, %(member)s, %(amount)s, %(from)s, NULL, %(transaction)s, %(number)s, %(method)s,"
            " %(reference)s, %(now)s, %(actor)s, 'bills.offline_payment_recorded', %(ip)s, %(agent)s, %(request)s)",
            {
                "bill": bill_id,
                "member": user_id,
                "amount": amount.minor,
                "from": ledger.open_account(kind=RECEIVED_BY[method], currency=amount.currency),
                "transaction": transaction_id,
                "number": reference_of(transaction_id),
                "method": method.value,
                "reference": reference,
                "now": now,
                "actor": actor.user_id,
            },
        )
    return _paid(row, actor.cluster_id, transaction_id, user_id, method.value, reference, now)[0]


def _settle(actor: Actor, name: str, call: str, parameters: dict[str, Any]) -> tuple[Any, ...]:
    origin = actor.origin
    parameters |= {"ip": origin.ip, "agent": origin.user_agent, "request": origin.request_id}
    try:
        with (
            tenant(actor.cluster_id),
            crash_points(name),
            refusals_from_database(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"SELECT {_OWED}, paid.paid_now, paid.paid_at FROM {call} AS paid", parameters)
            row: tuple[Any, ...] = cursor.fetchone()
            return row
    except IntegrityError as error:
        payments.refuse_taken_reference(error)
        raise


def _paid(
    row: tuple[Any, ...],
    cluster_id: UUID,
    transaction_id: UUID,
    user_id: UUID,
    provider: str,
    provider_reference: str,
    now: datetime,
) -> tuple[Transaction, MemberBillView]:
    *owed, paid_minor, paid_at = row
    bill = member_bill_view(tuple(owed), now=now)
    paid = (paid_minor, paid_at)
    transaction = _transaction(bill, paid, cluster_id, transaction_id, user_id, provider, provider_reference)
    payments.tell_payment(transaction=transaction)
    return transaction, bill


def _transaction(
    bill: MemberBillView,
    paid: tuple[int, datetime],
    cluster_id: UUID,
    transaction_id: UUID,
    user_id: UUID,
    provider: str,
    provider_reference: str,
) -> Transaction:
    paid_minor, paid_at = paid
    return Transaction(
        id=transaction_id,
        cluster_id=cluster_id,
        reference=reference_of(transaction_id),
        type=TransactionType.BILL_PAYMENT.value,
        status=TransactionStatus.COMPLETED.value,
        amount_minor=paid_minor,
        currency=bill.amount.currency,
        provider=provider,
        provider_reference=provider_reference,
        user_id=user_id,
        purpose=Purpose.BILL.value,
        subject_id=bill.id,
        description=bill.title,
        created_at=paid_at,
        completed_at=paid_at,
    )
