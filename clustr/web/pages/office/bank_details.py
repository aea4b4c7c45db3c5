"""The estate's own bank account: looked up, its holder's name shown, and only then kept."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import gettext as _

from clustr.clusters.member_queries import names_here
from clustr.wallets.queries import bank_details as kept_details
from clustr.web.actors import Request
from clustr.web.management import bank_details as api
from clustr.web.money_schemas import AccountIn
from clustr.web.pages.banks import banks
from clustr.web.pages.forms import Attempt, attempt, go, typed
from clustr.web.pages.frame import Context, look, page

_ACCOUNT = ("bank_code", "account_number")


@page("office", methods=("GET", "POST"))
def bank_details(request: Request) -> HttpResponse:
    """/office/settings/bank/: two steps, `look` and `keep`. Needs TransferFunds."""
    request.actor.require("TransferFunds")
    offered = banks(request)
    tried: Attempt | None = None
    found: dict[str, Any] | None = None
    if request.POST.get("step") == "keep":
        body = typed(request, *_ACCOUNT, "account_name")
        tried = attempt(request, lambda: api.keep_bank_details(request, api.BankDetailsIn(**body)))
        if tried.done:
            return go(request, "office:bank_details", said=_("Kept. Everybody who may send money is told."))
    elif request.POST:
        account = typed(request, *_ACCOUNT)
        tried = attempt(request, lambda: api.resolve_bank_account(request, AccountIn(**account)), keyed=False)
        found = tried.answer

    def work() -> Context:
        kept = kept_details(actor=request.actor, now=request.now)
        return {
            "tried": tried,
            "found": found,
            "kept": kept,
            "waits": kept is not None and kept.sendable_from > request.now,
            "names": names_here(user_ids=[kept.kept_by] if kept else []),
            "banks": offered,
            "bank_names": dict(offered),
            "hours": settings.ENV.PAYOUT_COOLING_HOURS,
        }

    return look(request, "pages/office/bank_details.html", work, status=tried.status if tried else 200)
