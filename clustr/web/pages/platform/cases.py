"""What a person of the platform's staff has to look at about plans by card, and giving back what a card paid."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clustr.kit.money import Money
from clustr.payments.case_queries import CasesFound
from clustr.payments.states import CaseKind
from clustr.people import queries as people
from clustr.subscriptions import commands as subscriptions
from clustr.subscriptions.customer_queries import customers_of_platform
from clustr.subscriptions.staff_queries import staff_cases
from clustr.web.actors import Request
from clustr.web.billing import staff_returns as api
from clustr.web.pages.confirming import Shown
from clustr.web.pages.forms import Attempt, attempt, go, typed, typed_minor
from clustr.web.pages.frame import Context, look
from clustr.web.pages.office.case_words import CASE, facts_of
from clustr.web.pages.office.lists import asked, listed
from clustr.web.pages.platform import words
from clustr.web.pages.platform.frame import customer_page
from clustr.web.pages.platform.searching import SoughtQuery
from clustr.web.pages.platform.staff_acts import act_form, ask_act, document
from clustr.web.paging import by_id, last_id

_MOST_CUSTOMERS = 50


@customer_page(staff=True)
def cases(request: Request) -> HttpResponse:
    """GET /platform/cases/: disputes, refunds that failed, and what no rule decides, newest first. For platform staff."""
    query = asked(request, SoughtQuery)

    def work() -> Context:
        rows = staff_cases(
            actor=request.actor, found=_sought(request, query.q), before=last_id(request, query), limit=query.fetch
        )
        found = listed(request, query, rows, key=lambda row: by_id(row.id))
        found["query"] = query
        found["rows"] = [
            {
                "id": row.id,
                "opened_at": row.opened_at,
                "customer": row.facts.get("customer"),
                "what": words.CASE.get(row.facts.get("what", ""), CASE[CaseKind(row.kind)]),
                "facts": facts_of({name: row.facts[name] for name in row.facts if name not in ("what", "customer")}),
            }
            for row in found["rows"]
        ]
        return found

    return look(request, "pages/platform/cases.html", work, part="pages/platform/parts/cases_rows.html")


def _sought(request: Request, q: str) -> CasesFound | None:
    """What is looked for: what a case is about, as it is called here; whom it concerns; or what else is known of it."""
    if not q.strip():
        return None
    said = q.strip().lower()
    customers = customers_of_platform(actor=request.actor, q=q, limit=_MOST_CUSTOMERS)
    return CasesFound(
        text=q.strip(),
        kinds=[kind for kind, name in CASE.items() if said in str(name).lower()],
        transaction_id=None,
        marks=[
            *(what for what, name in words.CASE.items() if said in str(name).lower()),
            *sorted({str(row.user_id) for row in customers}),
        ],
    )


@customer_page(methods=("POST",), staff=True)
def close(request: Request, case_id: UUID) -> HttpResponse:
    """/platform/cases/{id}/close/: what was done about one of them. For platform staff."""

    def body() -> api.StaffCaseIn:
        return api.StaffCaseIn(case_id=case_id, **typed(request, "note"))

    tried = attempt(request, lambda: api.close_staff_case(request, body()))
    return go(request, "platform:cases", said=_("Closed."), wrong=tried.problem)


@customer_page(methods=("GET", "POST"), staff=True)
def refund(request: Request, invoice_id: UUID) -> HttpResponse:
    """/platform/customers/documents/{id}/refund/: give back what a card paid, whole or in part. For platform staff."""
    found = document(request, invoice_id)
    held = found.invoice
    there = subscriptions.left_to_refund(actor=request.actor, invoice_id=invoice_id)
    left, elsewhere = Money(there.whole, held.currency), Money(there.elsewhere, held.currency)

    def body() -> api.CardRefundIn:
        return api.CardRefundIn(
            invoice_id=invoice_id, **typed_minor(request, "amount", held.currency), **typed(request, "reason")
        )

    def shown() -> Shown:
        sent = body()
        back = left if sent.amount is None else Money(sent.amount, held.currency)
        return Shown(
            title=_("Given back to the card"),
            amount=back,
            lines=[
                (_("Customer"), people.names_of(user_ids=[held.user_id]).get(held.user_id, "")),
                (_("Invoice"), held.invoice_number),
                (_("Left of what was paid, then"), Money(max(0, left.minor - back.minor), held.currency)),
                (_("Why"), sent.reason),
            ],
            button=_("Give it back"),
            notes=(_("A credit note follows, and the customer is told."),),
            short=_("That is more than is left to give back.") if left < back else "",
            bad=True,
        )

    def form(tried: Attempt | None) -> HttpResponse:
        return act_form(request, tried, "refund", lambda: {"invoice": held, "left": left, "elsewhere": elsewhere})

    answer = ask_act(request, body, shown, form)
    if answer is not None:
        return answer
    tried = attempt(request, lambda: api.refund_customer_payment(request, body()))
    if not tried.done:
        return form(tried)
    return go(request, "platform:customer", held.user_id, said=_("Given back: %s.") % held.invoice_number)
