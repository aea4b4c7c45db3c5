"""Payees: bank accounts that money goes to. One that was never paid before waits, and everyone concerned is told."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from uuid import UUID

from django.conf import settings

from clustr.clusters import queries as clusters
from clustr.kit.actor import Actor
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.notifications.commands import notify
from clustr.notifications.types import Audience, NotificationEvents
from clustr.wallets.models import Payee
from clustr.wallets.policies import check_name
from clustr.wallets.queries import trusted_since
from clustr.wallets.types import Destination, NameCheck


def meet_payee(
    *, actor: Actor, owner_id: UUID | None, destination: Destination, amount: Money | None, now: datetime
) -> Payee:
    """Find this bank account among those that the owner (None: the cluster) has sent money to, or note it as new; part of a
    payout's transaction. Everyone concerned is told of a new one, and of one that is no more trusted than that. `amount`
    None: nothing is sent there yet."""
    fingerprint = _fingerprint(destination)
    same = Payee.objects.filter(cluster_id=actor.cluster_id, owner_id=owner_id, fingerprint=fingerprint)
    known = same.first()
    if known is not None:
        if trusted_since(payee=known) is None:
            _tell(actor, owner_id, destination, amount, now)
        return known
    made = Payee(
        id=new_id(), cluster_id=actor.cluster_id, owner_id=owner_id, fingerprint=fingerprint, first_used_at=now
    )
    Payee.objects.bulk_create([made], ignore_conflicts=True)
    payee = same.get()
    if payee.id == made.id:
        _tell(actor, owner_id, destination, amount, now)
    return payee


def _tell(actor: Actor, owner_id: UUID | None, destination: Destination, amount: Money | None, now: datetime) -> None:
    concerned = {owner_id} if owner_id else {*clusters.holders_of(permission="TransferFunds", now=now), actor.member_id}
    for user_id in sorted(concerned):
        notify(
            event=NotificationEvents.NEW_PAYEE,
            cluster_id=actor.cluster_id,
            audience=Audience.one(user_id),
            subject_id=None,
            facts={
                "own": owner_id is not None,
                **({"amount_minor": amount.minor, "currency": amount.currency} if amount else {}),
                "ending": destination.account_number[-4:],
                **_names(destination),
                "hours": settings.ENV.PAYOUT_COOLING_HOURS,
            },
            now=now,
        )


def _names(destination: Destination) -> dict[str, str]:
    """Whose account it is, by its bank; and by what was typed, where that is another name."""
    differs = check_name(destination=destination) is NameCheck.DIFFERS
    return {"holder": destination.holder} | ({"typed_name": destination.account_name} if differs else {})


def _fingerprint(destination: Destination) -> bytes:
    key = settings.ENV.derived_key("payee-fingerprint").encode()
    account = f"{destination.bank_code.upper()}\n{destination.account_number}"
    return hmac.new(key, account.encode(), hashlib.sha256).digest()
