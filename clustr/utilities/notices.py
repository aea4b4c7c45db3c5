"""What members are told of what they buy: that it is delivered, delayed, not sold, or was stopped. Of a number its end only."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from clustr.kit.money import Money
from clustr.notifications.commands import notify
from clustr.notifications.queries import was_notified
from clustr.notifications.types import Audience, NotificationEvents
from clustr.payments.models import Transaction
from clustr.payments.types import PaymentErrorType
from clustr.utilities.models import Account, Purchase, UtilityProvider


def tell_of_purchase(
    *,
    event: NotificationEvents,
    transaction: Transaction,
    purchase: Purchase,
    now: datetime,
    once: str = "",
    **more: Any,
) -> None:
    """Tell the buyer, once of each kind, and of each `once` of it; part of the transaction that learnt it. The token is in
    no notice."""
    account = Account.objects.get(cluster_id=purchase.cluster_id, id=purchase.account_id)
    notify(
        event=event,
        cluster_id=purchase.cluster_id,
        audience=Audience.one(purchase.user_id),
        subject_id=purchase.id,
        facts={
            "what": UtilityProvider.objects.values_list("name", flat=True).get(id=purchase.provider_id),
            "ending": account.hint or None,
            "amount_minor": transaction.amount_minor,
            "currency": transaction.currency,
            "reference": transaction.reference,
            "automated": purchase.is_automated or None,
            **more,
        },
        key=f"{purchase.id}:{once}" if once else str(purchase.id),
        now=now,
    )


def tell_of_delay(*, transaction: Transaction, purchase_id: UUID, now: datetime) -> None:
    """Tell the buyer once that it takes longer, and not to buy again meanwhile."""
    purchase = Purchase.objects.get(cluster_id=transaction.cluster_id, id=purchase_id)
    tell_of_purchase(
        event=NotificationEvents.UTILITY_DELAYED,
        transaction=transaction,
        purchase=purchase,
        now=now,
        token_late=purchase.waits_for == PaymentErrorType.TOKEN_DELAYED or None,
    )


def was_told_of_delay(*, purchase: Purchase) -> bool:
    """Whether its buyer was told that it takes longer."""
    return was_notified(event=NotificationEvents.UTILITY_DELAYED, cluster_id=purchase.cluster_id, key=str(purchase.id))


def tell_of_block(*, account: Account, amount: Money, why: str, now: datetime, automated: bool = False) -> None:
    """Tell the member that a purchase from their wallet was stopped: it may not have been theirs. Of what was to be bought by
    itself, once a day for each number."""
    notify(
        event=NotificationEvents.UTILITY_BLOCKED,
        cluster_id=account.cluster_id,
        audience=Audience.one(account.user_id),
        subject_id=account.id,
        facts={
            "amount_minor": amount.minor,
            "currency": amount.currency,
            "ending": account.hint or None,
            "failure": why,
            "automated": automated or None,
        },
        key=f"{account.id}:{now.date()}" if automated else "",
        now=now,
    )


def tell_of_blocked_questions(*, cluster_id: UUID, user_id: UUID, why: str, now: datetime) -> None:
    """Tell the member, once a day, that from their account too many numbers were asked about: it may not have been them."""
    notify(
        event=NotificationEvents.UTILITY_BLOCKED,
        cluster_id=cluster_id,
        audience=Audience.one(user_id),
        subject_id=None,
        facts={"questions": True, "failure": why},
        key=f"{user_id}:{now.date()}",
        now=now,
    )
