"""Providers' notices (webhooks): stored first, acted on later by asking the provider about what they name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from clustr.kit.crashpoints import crash_point
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Notice
from clustr.payments.providers.nouns import NotFoundYet, NoticeKind
from clustr.payments.providers.registry import provider_named
from clustr.payments.queries import Place, place_of_reference
from clustr.payments.states import CaseKind, NoticeState
from clustr.settlement.commands.asking import UNHEARD, confirm_charge, confirm_payment


def accept_notice(
    *, provider: str, raw_body: bytes, headers: Mapping[str, Any], source: str | None, now: datetime
) -> UUID:
    """Check the signature over the raw bytes and store the notice, in one commit. Answers its id.

    Refuses `ProviderNotAvailable`, and with `providers.port.NoticeRefused` what is not rightly signed: nothing of it is kept.
    """
    read = provider_named(name=provider).read_notice(raw_body=raw_body, headers=headers)
    return payments.receive_notice(provider=provider, read=read, body=raw_body, source=source, now=now)


def handle_notice(*, notice_id: UUID, now: datetime) -> None:
    """Act on a stored notice; outside any transaction. It proves nothing: the provider is asked. What cannot be done yet is
    tried again later. Harmless to repeat."""
    notice = Notice.objects.filter(id=notice_id, state=NoticeState.WAITING).first()
    if notice is None:
        return
    try:
        place = _place(notice)
        if place is not None:
            _act(notice, place, now)
    except UNHEARD:
        payments.postpone_notice(notice_id=notice.id, attempts=notice.attempts, now=now)
        return
    crash_point("settlement.notice.acted")
    state = NoticeState.IGNORED if place is None else NoticeState.DONE
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
        case NoticeKind.PAYOUT | NoticeKind.REFUND | NoticeKind.VIRTUAL_ACCOUNT | NoticeKind.PURCHASE:
            confirm_payment(cluster_id=place.cluster_id, transaction_id=place.transaction_id, now=now)
        case NoticeKind.DISPUTE:
            _open_dispute(notice, place, now)
        case NoticeKind.OTHER:
            pass
        case _ as never:
            assert_never(never)


def _place(notice: Notice) -> Place | None:
    """Whose money it is about: by our reference, or by asking which reference the provider's own id belongs to."""
    place = place_of_reference(reference=notice.reference) if notice.reference else None
    if place is not None or notice.kind == NoticeKind.OTHER or not notice.provider_id:
        return place
    if notice.kind not in (NoticeKind.CHARGE, NoticeKind.DISPUTE):
        return None
    truth = provider_named(name=notice.provider).fetch_charge_by_id(provider_id=notice.provider_id)
    return None if isinstance(truth, NotFoundYet) else place_of_reference(reference=truth.reference)


def _open_dispute(notice: Notice, place: Place, now: datetime) -> None:
    with tenant(place.cluster_id):
        payments.open_case(
            kind=CaseKind.CHARGEBACK,
            subject=str(place.transaction_id),
            transaction_id=place.transaction_id,
            facts={"provider": notice.provider, "notice": str(notice.id)},
            now=now,
        )
