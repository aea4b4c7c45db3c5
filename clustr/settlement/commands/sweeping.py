"""Sweeps over what is due: attempts to ask about, notices to act on, payouts to send. What a job forgot is found here."""

from __future__ import annotations

from datetime import datetime

from clustr.clusters import queries as clusters
from clustr.kit.jobs import enqueue
from clustr.kit.tenancy import tenant
from clustr.ledger import queries as ledger
from clustr.ledger.models import Account
from clustr.ledger.types import AccountKind
from clustr.payments.models import Notice
from clustr.payments.queries import due_attempts
from clustr.payments.states import NoticeState
from clustr.settlement.queries import payout_provider
from clustr.wallets.queries import sendable_payouts

_AT_ONCE = 500


def charge_waiting_fees(*, now: datetime) -> int:  # noqa: ARG001 - as the other sweeps
    """Have the worker charge every cluster that owes providers' fees or chargebacks, because its wallet held too little when
    they were taken; answers how many."""
    asked = 0
    for cluster_id in clusters.all_cluster_ids():
        with tenant(cluster_id):
            owed = Account.objects.filter(
                cluster_id=cluster_id, kind__in=[AccountKind.PROVIDER_FEES, AccountKind.CHARGEBACKS]
            )
            if any(_is_owed(account) for account in owed):
                enqueue(
                    "settlement.charge_fees", once_key=f"settlement.charge_fees:{cluster_id}", cluster_id=cluster_id
                )
                asked += 1
    return asked


def _is_owed(account: Account) -> bool:
    balance = ledger.balance(account_id=account.id, currency=account.currency).minor
    return balance < 0 or (balance > 0 and account.kind == AccountKind.CHARGEBACKS)


def ask_about_due(*, now: datetime) -> int:
    """Have the worker ask about every attempt whose time has come; answers how many. One job for each at a time."""
    due = due_attempts(now=now, limit=_AT_ONCE)
    for place in due:
        enqueue(
            "settlement.confirm",
            once_key=f"settlement.confirm:{place.transaction_id}",
            cluster_id=place.cluster_id,
            transaction_id=place.transaction_id,
        )
    return len(due)


def handle_due_notices(*, now: datetime) -> int:
    """Have the worker act on every notice whose time has come; answers how many."""
    due = Notice.objects.filter(state=NoticeState.WAITING, next_attempt_at__lte=now).order_by("next_attempt_at")
    ids = list(due.values_list("id", flat=True)[:_AT_ONCE])
    for notice_id in ids:
        enqueue("settlement.handle_notice", once_key=f"settlement.handle_notice:{notice_id}", notice_id=notice_id)
    return len(ids)


def send_waiting_payouts(*, now: datetime) -> int:
    """Have the worker send every payout that may go and was not; answers how many. Without a provider they wait."""
    if payout_provider() is None:
        return 0
    due = sendable_payouts(now=now, limit=_AT_ONCE)
    for place in due:
        enqueue(
            "settlement.send_payout",
            once_key=f"settlement.send_payout:{place.transaction_id}",
            cluster_id=place.cluster_id,
            transaction_id=place.transaction_id,
        )
    return len(due)
