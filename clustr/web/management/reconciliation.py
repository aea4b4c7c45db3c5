"""`/management/payments/reconciliation/`: what providers hold for the estate, the last comparisons, and what a person must
look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.clusters.member_queries import names_here
from clustr.kit.ids import id_of_reference
from clustr.payments import commands as payments
from clustr.payments.case_queries import CasesFound, cases_of_cluster
from clustr.payments.states import CaseKind
from clustr.payments.types import CaseView
from clustr.settlement.queries import positions_with_providers, reconciliation_runs
from clustr.web.door import Request, once, read
from clustr.web.money_schemas import PersonOut
from clustr.web.paging import Page, PageQuery, by_id, last_id, page
from clustr.web.schemas import AmountOut, Currency, In, Instant, Out, Text

router = Router(tags=["Reconciliation"])


class PositionOut(Out):
    """What one provider holds for the estate, by our books."""

    provider: str
    held: AmountOut = Field(description="Taken for the estate and not yet paid out, less the provider's fees.")
    currency: Currency


class ComparisonOut(Out):
    """One comparison with a provider, of all estates together: of a list of its, or of what it holds (`balances`)."""

    provider: str
    compares: Literal["charges", "payouts", "balances"]
    since: Instant
    until: Instant
    at: Instant
    complete: bool = Field(description="Whether the whole list could be read, or the balance.")


class CaseOut(Out):
    """Something a person has to look at."""

    id: UUID
    kind: CaseKind
    transaction_id: UUID | None
    facts: dict[str, Any]
    opened_at: Instant
    age_days: int
    owner: PersonOut | None = Field(description="Who took it; null: nobody yet.")
    closed_at: Instant | None
    note: str


class CaseQuery(PageQuery):
    open: bool = Field(True, description="Only cases that are open.")
    q: Annotated[str, Text(100, empty=True)] = Field(
        "", description="Part of a case's kind, facts or note, or the reference of its transaction."
    )

    def found(self, called: Mapping[CaseKind, str]) -> CasesFound | None:
        """What to look for; `called`: what each kind is called where it is shown."""
        if not self.q:
            return None
        kinds = [kind for kind, name in called.items() if self.q.lower() in name.lower()]
        return CasesFound(self.q, kinds, id_of_reference(self.q))


class ReconciliationOut(Out):
    """How the estate's books stand beside its providers'."""

    positions: list[PositionOut]
    fees_unpaid: AmountOut = Field(
        description="What providers kept and the estate's wallet has not borne yet; below zero where payers paid more on"
        " top than was kept, which counts against the next fees."
    )
    currency: Currency
    runs: list[ComparisonOut]
    cases: Page[CaseOut]


class CloseIn(In):
    """What was done about a case."""

    model_config = {"json_schema_extra": {"examples": [{"note": "The bank confirmed it; booked by hand."}]}}

    note: Annotated[str, Text(1_000, lines=True)]


@router.get("reconciliation/", response=ReconciliationOut, summary="Reconciliation")
def show_reconciliation(request: Request, query: Query[CaseQuery]) -> HttpResponse:
    """Positions, the last comparisons with the providers, and the cases page by page, newest first. Needs ViewWallet."""

    def work() -> ReconciliationOut:
        positions = positions_with_providers(actor=request.actor)
        cases = cases_of_cluster(
            actor=request.actor,
            only_open=query.open,
            found=query.found({kind: kind.value for kind in CaseKind}),
            before=last_id(request, query),
            limit=query.fetch,
        )
        names = names_here(user_ids={case.owner_id for case in cases if case.owner_id})
        return ReconciliationOut(
            positions=[
                PositionOut(provider=name, held=str(held), currency=held.currency)
                for name, held in positions.held.items()
            ],
            fees_unpaid=str(positions.fees_unpaid),
            currency=positions.fees_unpaid.currency,
            runs=[
                ComparisonOut(
                    provider=run.provider,
                    compares=run.compares,
                    since=run.since,
                    until=run.until,
                    at=run.at,
                    complete=run.complete,
                )
                for run in reconciliation_runs(actor=request.actor)
            ],
            cases=page(
                request, query, cases, key=lambda case: by_id(case.id), out=lambda case: _case_out(request, case, names)
            ),
        )

    return read(request, work)


@router.post("reconciliation/cases/{case_id}/take/", response=CaseOut, summary="Take a case")
def take_case(request: Request, case_id: UUID) -> HttpResponse:
    """Become its owner. Needs TransferFunds. Refuses with `case_not_found`, `case_closed`."""

    def work() -> CaseOut:
        payments.take_case(actor=request.actor, case_id=case_id, now=request.now)
        return _one(request, case_id)

    return once(request, None, 200, work)


@router.post("reconciliation/cases/{case_id}/close/", response=CaseOut, summary="Close a case")
def close_case(request: Request, case_id: UUID, body: CloseIn) -> HttpResponse:
    """Say what was done. Needs TransferFunds. Refuses with `case_not_found`, `case_closed`."""

    def work() -> CaseOut:
        payments.close_case(actor=request.actor, case_id=case_id, note=body.note, now=request.now)
        return _one(request, case_id)

    return once(request, body, 200, work)


def _one(request: Request, case_id: UUID) -> CaseOut:
    (case,) = cases_of_cluster(actor=request.actor, only_open=False, case_id=case_id)
    names = names_here(user_ids=[case.owner_id]) if case.owner_id else {}
    return _case_out(request, case, names)


def _case_out(request: Request, case: CaseView, names: dict[UUID, str]) -> CaseOut:
    return CaseOut(
        id=case.id,
        kind=case.kind,
        transaction_id=case.transaction_id,
        facts=case.facts,
        opened_at=case.opened_at,
        age_days=max(0, (request.now - case.opened_at).days),
        owner=PersonOut(user_id=case.owner_id, name=names.get(case.owner_id, "")) if case.owner_id else None,
        closed_at=case.closed_at,
        note=case.note,
    )
