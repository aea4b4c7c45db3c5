"""What a person has to look at, as the office sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from clustr.kit.actor import Actor
from clustr.payments.models import Case
from clustr.payments.states import CaseKind
from clustr.payments.types import CaseView


@dataclass(frozen=True, slots=True)
class CasesFound:
    """What a search of cases is for: of these kinds, about the transaction of this id, or with this text in their facts or in
    what was done."""

    text: str
    kinds: Sequence[CaseKind]
    transaction_id: UUID | None
    marks: Sequence[str] = ()
    """Values of which one stands in the facts as it is, such as somebody's id."""


def cases_of_cluster(
    *,
    actor: Actor,
    only_open: bool = True,
    case_id: UUID | None = None,
    found: CasesFound | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[CaseView]:
    """What a person has to look at, the newest first, of those that are `found` alone where something is looked for; for who
    asks with ViewWallet, or closes them with TransferFunds."""
    actor.require("TransferFunds" if actor.may("TransferFunds") else "ViewWallet")
    return cases_here(
        cluster_id=actor.cluster_id, only_open=only_open, case_id=case_id, found=found, before=before, limit=limit
    )


def cases_here(
    *,
    cluster_id: UUID,
    only_open: bool,
    case_id: UUID | None = None,
    found: CasesFound | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[CaseView]:
    """The same of the tenant under way, for who was asked already whether they may see them."""
    cases = Case.objects.filter(cluster_id=cluster_id)
    if only_open:
        cases = cases.filter(closed_at=None)
    if case_id:
        cases = cases.filter(id=case_id)
    if found:
        marked = Q()
        for mark in found.marks:
            marked |= Q(facts_text__contains=f'"{mark}"')
        cases = cases.annotate(facts_text=Cast("facts", TextField())).filter(
            Q(kind__in=found.kinds)
            | marked
            | Q(transaction_id=found.transaction_id, transaction_id__isnull=False)
            | Q(note__icontains=found.text)
            | Q(facts_text__icontains=found.text)
        )
    if before:
        cases = cases.filter(id__lt=before)
    return [
        CaseView(
            id=case.id,
            kind=CaseKind(case.kind),
            transaction_id=case.transaction_id,
            facts=case.facts,
            opened_at=case.opened_at,
            owner_id=case.owner_id,
            closed_at=case.closed_at,
            note=case.note,
        )
        for case in cases.order_by("-id")[:limit]
    ]
