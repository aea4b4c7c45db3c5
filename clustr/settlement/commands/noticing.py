"""Providers' notices (webhooks): stored first, acted on later by asking the provider about what they name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from clustr.kit.crashpoints import crash_point
from clustr.payments import commands as payments
from clustr.payments.models import Notice
from clustr.payments.providers.nouns import NotFoundYet, NoticeKind
from clustr.payments.providers.registry import provider_named
from clustr.payments.queries import Place, open_refunds_of, place_of_reference
from clustr.payments.states import NoticeState
from clustr.settlement.commands.asking import UNHEARD, confirm_charge, confirm_payment
from clustr.settlement.commands.charging_back import hear_dispute, hear_taken_back_of
from clustr.settlement.commands.failing import postpone_notice
from clustr.subscriptions import commands as subscriptions


def accept_notice(
    *, provider: str, raw_body: bytes, headers: Mapping[str, Any], source: str | None, now: datetime
) -> UUID:
    """Check the signature over the raw bytes and store the notice, in one commit. Answers its id.

    Refuses `ProviderNotAvailable`, and with `providers.port.NoticeRefused` what is not rightly signed: nothing of it is kept.
    """
    if provider == "stripe":
        read = subscriptions.read_stripe_notice(raw_body=raw_body, headers=headers, now=now)
    else:
        read = provider_named(name=provider).read_notice(raw_body=raw_body, headers=headers)
    return payments.receive_notice(provider=provider, read=read, body=raw_body, source=source, now=now)


def handle_notice(*, notice_id: UUID, now: datetime) -> None:
    """Act on a stored notice; outside any transaction. It proves nothing: the provider is asked. What cannot be done yet is
    tried again later. Harmless to repeat."""
    notice = Notice.objects.filter(id=notice_id, state=NoticeState.WAITING).first()
    if notice is None:
        return
    try:
        if notice.kind == NoticeKind.SUBSCRIPTION:
            concerns_us = subscriptions.hear_stripe(about=notice.provider_id, now=now)
        else:
            place = _place(notice)
            concerns_us = place is not None
            if place is not None:
                _act(notice, place, now)
    except (*UNHEARD, *subscriptions.UNHEARD):
        postpone_notice(notice_id=notice.id, failed=False, now=now)
        return
    crash_point("settlement.notice.acted")
    state = NoticeState.DONE if concerns_us else NoticeState.IGNORED
    payments.finish_notice(notice_id=notice.id, state=state)


def _act(notice: Notice, place: Place, now: datetime) -> None:
    kind = NoticeKind(notice.kind)
    match kind:
        case NoticeKind.CHARGE:
            confirm_payment(cluster_id=place.cluster_id, transaction_id=place.transaction_id, now=now)
            if notice.provider_id:
                confirm_charge(
                    cluster_id=place.cluster_id,
                    transaction_id=place.transaction_id,
                    provider_id=notice.provider_id,
                    now=now,
                )
        case NoticeKind.REFUND:
            asked = open_refunds_of(cluster_id=place.cluster_id, transaction_id=place.transaction_id)
            for transaction_id in [*asked, place.transaction_id]:
                confirm_payment(cluster_id=place.cluster_id, transaction_id=transaction_id, now=now)
            hear_taken_back_of(  # somebody may have given it back at the provider
                cluster_id=place.cluster_id,
                transaction_id=place.transaction_id,
                provider_name=notice.provider,
                now=now,
            )
        case NoticeKind.PAYOUT | NoticeKind.VIRTUAL_ACCOUNT | NoticeKind.PURCHASE:
            confirm_payment(cluster_id=place.cluster_id, transaction_id=place.transaction_id, now=now)
        case NoticeKind.DISPUTE:
            hear_dispute(
                cluster_id=place.cluster_id,
                transaction_id=place.transaction_id,
                provider_name=notice.provider,
                dispute_id=notice.provider_id,
                now=now,
            )
        case NoticeKind.SUBSCRIPTION | NoticeKind.OTHER:
            pass
        case never:
            assert_never(never)


def _place(notice: Notice) -> Place | None:
    """Whose money it is about: by our reference, or by asking which reference the provider's own id belongs to."""
    place = place_of_reference(reference=notice.reference) if notice.reference else None
    if place is not None or notice.kind == NoticeKind.OTHER or not notice.provider_id:
        return place
    provider = provider_named(name=notice.provider)
    charge_id = notice.provider_id
    if notice.kind == NoticeKind.REFUND:
        refund = provider.fetch_refund(provider_id=notice.provider_id)
        charge_id = "" if isinstance(refund, NotFoundYet) else refund.charge_id
    elif notice.kind not in (NoticeKind.CHARGE, NoticeKind.DISPUTE):
        return None
    truth = provider.fetch_charge_by_id(provider_id=charge_id) if charge_id else NotFoundYet()
    return None if isinstance(truth, NotFoundYet) else place_of_reference(reference=truth.reference)
