"""Cases: what only a person can settle. Opened once for each subject, taken, closed with a note."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.ids import new_id
from clustr.kit.tenancy import current_tenant, tenant
from clustr.payments.models import Case
from clustr.payments.refusals import CaseClosed, CaseNotFound
from clustr.payments.states import CaseKind


def open_case(
    *,
    kind: CaseKind,
    subject: str,
    now: datetime,
    transaction_id: UUID | None = None,
    facts: Mapping[str, Any] | None = None,
    once: bool = False,
) -> bool:
    """Ask a person to look, in the transaction under way; answers False if such a case is open already.

    `facts` are small: ids, amounts, what was expected and what was found. `once`: nor if a person closed such a case with
    the same facts, because a comparison that is made again finds again what they decided about.
    """
    made = Case(
        id=new_id(),
        cluster_id=current_tenant(),
        kind=kind.value,
        transaction_id=transaction_id,
        subject=subject,
        facts=dict(facts or {}),
        opened_at=now,
    )
    same = Case.objects.filter(cluster_id=made.cluster_id, kind=made.kind, subject=subject, facts=made.facts)
    if once and same.exclude(closed_by=None).exists():
        return False
    Case.objects.bulk_create([made], ignore_conflicts=True)
    return Case.objects.filter(cluster_id=made.cluster_id, id=made.id).exists()


def keep_case(*, kind: CaseKind, subject: str, facts: Mapping[str, Any], now: datetime) -> bool:
    """Ask a person to look at what is measured again and again: the case that is open gets the facts of now, and keeps its age
    and owner; otherwise one is opened, unless a person closed such a case with the same facts. In the transaction under way;
    answers whether it is new."""
    still = Case.objects.filter(cluster_id=current_tenant(), kind=kind.value, subject=subject, closed_at=None)
    if still.update(facts=dict(facts)):
        return False
    return open_case(kind=kind, subject=subject, facts=facts, once=True, now=now)


def take_case(*, actor: Actor, case_id: UUID, now: datetime) -> None:
    """Become the owner of an open case. Needs TransferFunds. Refuses `CaseNotFound`, `CaseClosed`."""
    actor.require("TransferFunds")
    with tenant(actor.cluster_id):
        _open(actor, case_id)
        Case.objects.filter(cluster_id=actor.cluster_id, id=case_id).update(owner_id=actor.member_id)
        audit.record(actor=actor, action="payments.case_taken", subject_kind="case", subject_id=case_id, at=now)


def close_case(*, actor: Actor, case_id: UUID, note: str, now: datetime) -> None:
    """Close a case, saying what was done. Needs TransferFunds. Refuses `CaseNotFound`, `CaseClosed`."""
    actor.require("TransferFunds")
    with tenant(actor.cluster_id):
        end_case(actor=actor, case_id=case_id, note=note, now=now)
        audit.record(
            actor=actor,
            action="payments.case_closed",
            subject_kind="case",
            subject_id=case_id,
            at=now,
            reason=note,
        )


def end_case(*, actor: Actor, case_id: UUID, note: str, now: datetime) -> None:
    """The same in the transaction under way, for who was asked already whether they may."""
    _open(actor, case_id)
    Case.objects.filter(cluster_id=actor.cluster_id, id=case_id).update(
        closed_at=now, closed_by=actor.member_id, note=note
    )


def settle_case(*, kind: CaseKind, transaction_id: UUID, note: str, now: datetime, **facts: str) -> None:
    """Close what asked a person about a transaction (with these facts), because what it asked for was done; in the
    transaction under way."""
    asked = Case.objects.filter(
        cluster_id=current_tenant(),
        kind=kind.value,
        transaction_id=transaction_id,
        closed_at=None,
        facts__contains=facts,
    )
    asked.update(closed_at=now, note=note)


def settle_case_about(*, kind: CaseKind, subject: str, note: str, now: datetime) -> None:
    """Close what asked a person about a subject, because it is explained; in the transaction under way."""
    asked = Case.objects.filter(cluster_id=current_tenant(), kind=kind.value, subject=subject, closed_at=None)
    asked.update(closed_at=now, note=note)


def answer_cases(
    *, transaction_id: UUID, kinds: Collection[CaseKind], answered_by: UUID, note: str, now: datetime
) -> None:
    """Close what asked a person about a transaction, because they decided it; in the transaction under way."""
    asked = Case.objects.filter(
        cluster_id=current_tenant(), kind__in=kinds, transaction_id=transaction_id, closed_at=None
    )
    asked.update(closed_at=now, closed_by=answered_by, note=note)


def is_asked(*, kind: CaseKind, subject: str) -> bool:
    """Whether a person is asked about a subject and has not answered; in the transaction under way."""
    return Case.objects.filter(cluster_id=current_tenant(), kind=kind.value, subject=subject, closed_at=None).exists()


def _open(actor: Actor, case_id: UUID) -> Case:
    case = Case.objects.select_for_update().filter(cluster_id=actor.cluster_id, id=case_id).first()
    if case is None:
        raise CaseNotFound
    if case.closed_at is not None:
        raise CaseClosed
    return case
