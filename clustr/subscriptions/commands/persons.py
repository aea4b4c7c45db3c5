"""Asking a person of the platform's staff to look: what no rule decides stands as a case in the platform's own books."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import structlog

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.states import CaseKind
from clustr.subscriptions.queries import STAFF

log = structlog.get_logger(__name__)


def ask_a_person(
    *,
    what: str,
    about: object,
    facts: Mapping[str, object],
    kind: CaseKind = CaseKind.AT_STRIPE,
    now: datetime,
) -> None:
    """Write down that a person must look, once for each `what` and `about` until they did; in the transaction under way."""
    said = {name: value if isinstance(value, int) else str(value) for name, value in facts.items()}
    opened = payments.open_case(kind=kind, subject=f"{what}:{about}", facts={"what": what, **said}, now=now)
    if opened:
        log.error(f"stripe_{what}", about=str(about), **said)


def answer_for_a_person(
    *, what: str, about: object, kind: CaseKind = CaseKind.AT_STRIPE, note: str, now: datetime
) -> None:
    """What a person was asked to look at has settled itself; in the transaction under way."""
    payments.settle_case_about(kind=kind, subject=f"{what}:{about}", note=note, now=now)


def close_staff_case(*, actor: Actor, case_id: UUID, note: str, now: datetime) -> None:
    """Say what was done about something that a person was asked to look at. For platform staff. Refuses `CaseNotFound`,
    `CaseClosed`."""
    actor.require(STAFF)
    with tenant(actor.cluster_id):
        payments.end_case(actor=actor, case_id=case_id, note=note, now=now)
        audit.record(
            actor=actor, action="payments.case_closed", subject_kind="case", subject_id=case_id, at=now, reason=note
        )
