"""A token once more, by mail: written when it is sent, and kept in no table on its way."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.audit import commands as audit
from clustr.clusters.queries import locale_of
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.jobs import enqueue
from clustr.kit.locales import amount_for_people
from clustr.kit.tenancy import tenant
from clustr.people import commands as people
from clustr.utilities.models import Account, Purchase, UtilityProvider
from clustr.utilities.queries import purchase_of_member, token_of
from clustr.utilities.refusals import TokenNotReady
from clustr.utilities.types import PurchaseView


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
