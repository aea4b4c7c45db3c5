"""Saved payment methods: a provider's token for a card, sealed, and what people recognise the card by."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from uuid import UUID

from django.conf import settings

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.ids import new_id
from clustr.kit.tenancy import current_tenant, tenant
from clustr.kit.vault import seal, unseal
from clustr.payments.models import SavedMethod
from clustr.payments.providers.nouns import SavedMethod as Card
from clustr.payments.refusals import PaymentMethodNotFound


def save_method(*, user_id: UUID, provider: str, card: Card, email: str, asked_for: bool, now: datetime) -> UUID | None:
    """Keep a card that its provider lets us charge again, once for each member and card; part of a settlement's
    transaction. Only where its payer `asked_for` it; of a card that is kept already a newer token replaces the older one.
    Answers its id, or None where it is not kept."""
    if not card.reusable or card.expires_month is None or card.expires_year is None:
        return None
    fingerprint = _fingerprint(provider, card.signature or card.token)
    known = SavedMethod.objects.filter(
        cluster_id=current_tenant(), user_id=user_id, provider=provider, fingerprint=fingerprint, removed_at=None
    ).first()
    if not asked_for and known is None:
        return None
    method_id = known.id if known else new_id()
    values = {
        "token": seal(f"{email}\n{card.token}", bound_to=method_place(method_id=method_id)),
        "brand": card.brand,
        "last_four": card.last_four,
        "expires_month": card.expires_month,
        "expires_year": card.expires_year,
    }
    if known:
        SavedMethod.objects.filter(cluster_id=current_tenant(), id=known.id, removed_at=None).update(**values)
        return known.id
    made = SavedMethod(
        id=method_id,
        cluster_id=current_tenant(),
        user_id=user_id,
        provider=provider,
        fingerprint=fingerprint,
        saved_at=now,
        **values,
    )
    SavedMethod.objects.bulk_create([made], ignore_conflicts=True)
    return method_id


def remove_method(*, actor: Actor, method_id: UUID, now: datetime) -> None:
    """Forget a card of one's own: its token is destroyed. Refuses `PaymentMethodNotFound`."""
    with tenant(actor.cluster_id):
        gone = SavedMethod.objects.filter(
            cluster_id=actor.cluster_id, id=method_id, user_id=actor.member_id, removed_at=None
        ).update(removed_at=now, token=b"")
        if not gone:
            raise PaymentMethodNotFound
        audit.record(
            actor=actor, action="payments.method_removed", subject_kind="payment_method", subject_id=method_id, at=now
        )


def token_of(*, method: SavedMethod) -> tuple[str, str]:
    """Open what is kept of a card, for whoever charges it: the e-mail address it was saved under, and its token."""
    email, _, token = unseal(bytes(method.token), bound_to=method_place(method_id=method.id)).partition("\n")
    return email, token


def method_place(*, method_id: UUID) -> str:
    """The place a method's token is sealed for."""
    return f"payments_method:{method_id}"


def _fingerprint(provider: str, signature: str) -> bytes:
    """What makes the same card the same, and tells nothing about it."""
    key = settings.ENV.derived_key("card-fingerprint").encode()
    return hmac.new(key, f"{provider}\n{signature}".encode(), hashlib.sha256).digest()
