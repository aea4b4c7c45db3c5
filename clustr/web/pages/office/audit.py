"""The trail: who did what, when, from where."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.http import HttpResponse

from clustr.audit import queries
from clustr.clusters.member_queries import names_here
from clustr.web.actors import Request
from clustr.web.management.audit import AuditQuery
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office import trail_words, words
from clustr.web.pages.office.lists import asked, listed
from clustr.web.paging import position

_ABOUT = {"bill": "office:bill", "transaction": "office:transaction", "dispute": "office:dispute"}
"""Where what an act was done to is looked at."""


@page("office")
def audit(request: Request) -> HttpResponse:
    """GET /office/audit/: newest first, by who did it, what was done, or what it was done to. Needs ViewPayments."""
    query = asked(request, AuditQuery)

    def work() -> Context:
        rows = queries.audit_events(
            actor=request.actor,
            matching=query.as_filter(request),
            after=position(request, query, (datetime, UUID)),
            limit=query.fetch,
        )
        found = listed(request, query, rows, key=lambda row: (row.at, row.id))
        concerned = {row.id: words.user_of(row.facts) for row in rows}
        named = {row.actor_id for row in rows if row.actor_id} | {one for one in concerned.values() if one}
        names = names_here(user_ids=named)
        found["rows"] = [
            {
                "event": row,
                "done": trail_words.done(row.action),
                "facts": words.facts(row.facts, names, currency=request.actor.currency),
                "about": _ABOUT.get(row.subject_kind, ""),
            }
            for row in found["rows"]
        ]
        return {
            **found,
            "query": query,
            "actions": sorted(trail_words.ACTION.items(), key=lambda item: str(item[1])),
            "names": names,
        }

    return look(request, "pages/office/audit.html", work, part="pages/office/parts/audit_rows.html")
