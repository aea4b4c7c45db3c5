"""How utilities do in the estate: who buys, how it ends, how much runs by itself, and each purchase without its number."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clustr.clusters.member_queries import names_here
from clustr.recurring.automation_queries import automation_sums_of_cluster
from clustr.recurring.automation_types import AutomationSums
from clustr.utilities.office_queries import utility_payments_of_cluster, utility_sums_of_cluster
from clustr.utilities.types import UtilitySums
from clustr.web.actors import Request
from clustr.web.management.utilities import UtilityPaymentsQuery
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office import words
from clustr.web.pages.office.charts import Count, Rate, amounts_of, counts_of, rate_of
from clustr.web.pages.office.lists import asked, listed
from clustr.web.paging import by_id, last_id


@page("office")
def utilities(request: Request) -> HttpResponse:
    """GET /office/utilities/: the last thirty days in sum, and the purchases, newest first. Needs ViewPayments."""
    query = asked(request, UtilityPaymentsQuery)

    def work() -> Context:
        rows = utility_payments_of_cluster(
            actor=request.actor,
            service_type=query.service_type,
            status=query.status,
            q=query.q,
            now=request.now,
            before=last_id(request, query),
            limit=query.fetch,
        )
        shown = listed(request, query, rows, key=lambda row: by_id(row.id))
        return {
            **shown,
            **({} if request.headers.get("HX-Request") == "true" else _in_sum(request)),
            "query": query,
            "services": words.services(),
            "statuses": words.purchase_statuses(),
            "names": names_here(user_ids={row.user_id for row in rows}),
        }

    return look(request, "pages/office/utilities.html", work, part="pages/office/parts/utilities_rows.html")


def _in_sum(request: Request) -> Context:
    sums = utility_sums_of_cluster(actor=request.actor, now=request.now)
    automations = automation_sums_of_cluster(actor=request.actor, now=request.now)
    by_hand = sums.volume - sums.automated_volume
    return {
        "sums": sums,
        "rates": _rates(sums, automations),
        "outcomes": _outcomes(sums),
        "volumes": amounts_of([(_("By automation"), sums.automated_volume), (_("By hand"), by_hand)], sums.volume),
        "automations": automations,
        "periods": _periods(automations),
    }


def _rates(sums: UtilitySums, automations: AutomationSums) -> dict[str, Rate]:
    return {
        "adoption": rate_of(sums.buyers, sums.residents),
        "success": rate_of(sums.delivered, sums.delivered + sums.failed),
        "recovery": rate_of(sums.recovered, sums.troubled),
        "automated": rate_of(sums.automated_volume.minor, sums.volume.minor),
        "automation_adoption": rate_of(automations.members, sums.residents),
        "automation_success": rate_of(automations.delivered, automations.delivered + automations.failed),
        "automation_recovery": rate_of(automations.recovered, automations.retried),
    }


def _outcomes(sums: UtilitySums) -> list[Count]:
    return counts_of(
        [
            (_("Delivered"), sums.delivered, ""),
            (_("Not decided yet"), sums.undecided, "age-1"),
            (_("Did not go through"), sums.failed, "age-4"),
        ]
    )


def _periods(automations: AutomationSums) -> list[Count]:
    return counts_of(
        [
            (_("Delivered"), automations.delivered, ""),
            (_("Held back by a limit"), automations.limited, "age-1"),
            (_("Did not go through"), automations.failed, "age-4"),
        ]
    )
