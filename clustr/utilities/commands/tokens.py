"""Tokens: one that comes late, one that was given out before, and one once more by mail, which is written when it is sent and
kept in no table on its way."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.audit import commands as audit
from clustr.clusters.queries import locale_of
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.errors import refusals_from_database
from clustr.kit.jobs import enqueue
from clustr.kit.locales import amount_for_people
from clustr.kit.tenancy import tenant
from clustr.kit.vault import seal
from clustr.notifications.types import NotificationEvents
from clustr.payments.models import Transaction
from clustr.people import commands as people
from clustr.people import queries as people_queries
from clustr.utilities.models import Account, Purchase, UtilityProvider
from clustr.utilities.notices import tell_of_purchase
from clustr.utilities.policies import is_same_token, token_place
from clustr.utilities.queries import purchase_of_member, token_of
from clustr.utilities.refusals import TokenNotReady
from clustr.utilities.types import PurchaseView
from clustr.utilities.vendors.interface import PurchaseTruth

_COMPARED = 100
"""With how many tokens of the same number a new one is compared, the latest first."""


def resend_token(*, actor: Actor, purchase_id: UUID, now: datetime) -> PurchaseView:
    """Have the token of one's own delivered purchase mailed to its buyer. Refuses `PurchaseNotFound`, `TokenNotReady`."""
    with tenant(actor.cluster_id), crash_points("utilities.resend_token"):
        purchase = purchase_of_member(actor=actor, purchase_id=purchase_id)
        if not purchase.token:
            raise TokenNotReady
        enqueue(
            "utilities.send_token",
            once_key=f"utilities.send_token:{purchase_id}",
            cluster_id=actor.cluster_id,
            purchase_id=purchase_id,
        )
        audit.record(
            actor=actor,
            action="utilities.token_resent",
            subject_kind="transaction",
            subject_id=purchase_id,
            at=now,
        )
    return purchase


def keep_late_token(
    *, actor: Actor, transaction: Transaction, purchase: Purchase, truth: PurchaseTruth, now: datetime
) -> None:
    """What was delivered without a token has one after all: it is its buyer's, who is told; part of the transaction that
    learnt it, with the purchase locked. Of somebody who was erased none is kept."""
    contact = people_queries.contacts_of(user_ids={purchase.user_id}).get(purchase.user_id)
    if contact is None or not contact.reachable:
        return
    purchase.token = seal(truth.token, bound_to=token_place(purchase.id))
    purchase.save(update_fields=["token"])
    keep_details(purchase=purchase, truth=truth)
    audit.record(actor=actor, action="utilities.token_came", subject_kind="transaction", subject_id=purchase.id, at=now)
    tell_of_purchase(
        event=NotificationEvents.UTILITY_DELIVERED,
        transaction=transaction,
        purchase=purchase,
        now=now,
        once="token",
        has_token=True,
    )


def keep_details(*, purchase: Purchase, truth: PurchaseTruth) -> None:
    """The units and the tariff of what was delivered, as the service told them first; with the purchase locked."""
    told = purchase.units or truth.units, purchase.tariff or truth.tariff
    if told != (purchase.units, purchase.tariff):
        purchase.units, purchase.tariff = told
        purchase.save(update_fields=["units", "tariff"])


def is_given_out(*, purchase: Purchase, token: str) -> bool:
    """Whether a service's token was given out before, for another purchase for the same number, by whomever: then it is
    worth nothing now. Others for this number wait until the transaction under way has given it out, or not."""
    account = Account.objects.get(cluster_id=purchase.cluster_id, id=purchase.account_id)
    number = f"token:{account.cluster_id}:{account.provider_id}:{bytes(account.fingerprint).hex()}"
    with refusals_from_database(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [number])
    same = Account.objects.filter(
        cluster_id=purchase.cluster_id, provider_id=account.provider_id, fingerprint=account.fingerprint
    )
    given = Purchase.objects.filter(cluster_id=purchase.cluster_id, account_id__in=same.values("id")).exclude(token=b"")
    latest = given.exclude(id=purchase.id).order_by("-id")[:_COMPARED]
    return any(is_same_token(token_of(purchase=each), token) for each in latest)


def send_token(*, cluster_id: UUID, purchase_id: UUID) -> None:
    """Mail the token to its buyer, at once and outside any transaction. Run twice, it is mailed twice."""
    with tenant(cluster_id):
        purchase = Purchase.objects.get(cluster_id=cluster_id, id=purchase_id)
        account = Account.objects.get(cluster_id=cluster_id, id=purchase.account_id)
        token, locale = token_of(purchase=purchase), locale_of(cluster_id=cluster_id)
    if not token:
        return
    provider = UtilityProvider.objects.get(id=purchase.provider_id)
    people.write_at_once(
        user_id=purchase.user_id,
        template="utilities/mail/token",
        context={
            "provider": provider.name,
            "ending": account.hint,
            "amount": amount_for_people(purchase.amount, locale=locale),
            "token": token,
            "units": purchase.units,
        },
    )
