"""`/app/utilities/automations/`: what is bought by itself: set it up, look ahead, see how it went, switch it, change it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from clustr.kit.ids import parse_id
from clustr.recurring.automation_queries import (
    automation_history,
    my_automation,
    my_spending_limits,
)
from clustr.recurring.automation_reading import estimate_of_account
from clustr.recurring.automation_types import AutomationFailure, AutomationRunState, AutomationState
from clustr.recurring.automation_upcoming import automation_looking_ahead, automations_looking_ahead
from clustr.utilities import queries as utilities
from clustr.utilities.refusals import ValidationNotFound
from clustr.utilities.types import AccountView
from clustr.wallets.queries import my_wallet
from clustr.web.actors import Request
from clustr.web.members import utility_automations as api
from clustr.web.pages.forms import Attempt, attempt, go, typed, typed_amount
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.lists import ListQuery, begin_after, listed
from clustr.web.pages.residents.automation_forms import choices_for, first_terms, sent_terms, terms_shown, typed_again
from clustr.web.pages.residents.runs import runs_called
from clustr.web.pages.residents.utilities import SERVICES, keep_number, services_for, validate_number
from clustr.web.refusals import PageNotFound

_KEPT = 50


@page("app")
def list_automations(request: Request) -> HttpResponse:
    """GET /app/utilities/automations/: what is bought by itself, when next, for about how much, and what will be missing."""
    query = ListQuery.of(request)

    def work() -> Context:
        actor, now = request.actor, request.now
        rows, ahead = automations_looking_ahead(
            actor=actor, now=now, q=query.q, before=begin_after(request, query), limit=query.fetch
        )
        return {
            "q": query.q,
            **listed(request, query, rows),
            "ahead": {each.automation_id: each for each in ahead},
            "first": ahead[0] if ahead else None,
            "missing": any(each.shortfall.minor for each in ahead),
        }

    return look(request, "pages/residents/automations.html", work, part="pages/residents/automation_rows.html")


@page("app", methods=("GET", "POST"))
def set_up(request: Request) -> HttpResponse:
    """GET, POST /app/utilities/automations/new/?account=: for a number that is kept: when, how much, from where, within which
    limits. Without one: choose it, or have another number checked and kept. It is off unless its member switches it on."""
    if not request.GET.get("account"):
        return _choose_number(request)
    account_id = _id_of(request, "account")
    tried = None
    if request.method == "POST":
        body = {"account_id": account_id, "is_enabled": request.POST.get("on") == "yes", **sent_terms(request)}
        tried = attempt(request, lambda: api.set_up_automation(request, api.SetUpAutomationIn.model_validate(body)))
        if tried.answer:
            on = tried.answer["status"] == AutomationState.ON
            said = _("It is on. You need do nothing more.") if on else _("Kept, and switched off: it buys nothing yet.")
            return go(request, "app:automation", tried.answer["id"], said=said)
        typed_again(tried, request)

    def work() -> Context:
        actor = request.actor
        account = utilities.account_of_member(actor=actor, account_id=account_id)
        expected = estimate_of_account(actor=actor, account_id=account_id)
        return {
            "account": account,
            "customer": _customer(request, account),
            "expected": expected,
            **choices_for(actor, expected),
            "wallet": my_wallet(actor=actor),
            "start": terms_shown(first_terms(expected, actor.currency), tried, request),
            "tried": tried,
        }

    return look(request, "pages/residents/automation_new.html", work, status=tried.status if tried else 200)


def _choose_number(request: Request) -> HttpResponse:
    tried = None
    if request.method == "POST":
        tried = validate_number(request)
        if tried.done and (tried.answer or {}).get("status") == "pending":
            tried.answer, tried.problem = None, _("The utility is slow to answer. Send this again in a moment.")
        if tried.done:
            checked = (tried.answer or {})["id"]
            tried = keep_number(request)
            if tried.answer:
                return go(request, f"{reverse('app:set_up_automation')}?account={tried.answer['id']}&checked={checked}")

    def work() -> Context:
        wanted = request.GET.get("service", "")
        return {
            "accounts": utilities.my_accounts(actor=request.actor, limit=_KEPT),
            "services": SERVICES,
            **services_for(request, wanted if wanted in SERVICES else SERVICES[0]),
            "tried": tried,
        }

    return look(request, "pages/residents/automation_number.html", work, status=tried.status if tried else 200)


@page("app")
def show_automation(request: Request, automation_id: UUID) -> HttpResponse:
    """GET /app/utilities/automations/{id}/: what it may do, what comes next, and how it went."""
    return _automation(request, automation_id)


@page("app", methods=("GET", "POST"))
def change(request: Request, automation_id: UUID) -> HttpResponse:
    """GET, POST /app/utilities/automations/{id}/change/: its terms, from the next purchase on."""
    tried = None
    if request.method == "POST":
        body = sent_terms(request)
        tried = attempt(
            request,
            lambda: api.edit_automation(request, automation_id, api.EditAutomationIn.model_validate(body)),
        )
        if tried.done:
            return go(request, "app:automation", automation_id, said=_("Changed, from the next purchase on."))
        typed_again(tried, request)

    def work() -> Context:
        actor = request.actor
        one = my_automation(actor=actor, automation_id=automation_id, now=request.now)
        expected = estimate_of_account(actor=actor, account_id=one.account_id)
        return {
            "one": one,
            "expected": expected,
            **choices_for(actor, expected, one.terms),
            "wallet": my_wallet(actor=actor),
            "start": terms_shown(one.terms, tried, request),
            "tried": tried,
        }

    return look(request, "pages/residents/automation_change.html", work, status=tried.status if tried else 200)


@page("app", methods=("POST",))
def switch_on(request: Request, automation_id: UUID) -> HttpResponse:
    """POST /app/utilities/automations/{id}/on/: it buys from its next day on; also after it has paused itself."""
    body = {"is_enabled": True, **typed(request, "pin")}
    tried = attempt(
        request, lambda: api.edit_automation(request, automation_id, api.EditAutomationIn.model_validate(body))
    )
    said = _("It is on. You need do nothing more.")
    return _after(request, automation_id, tried, said)


@page("app", methods=("POST",))
def switch_off(request: Request, automation_id: UUID) -> HttpResponse:
    """POST /app/utilities/automations/{id}/off/: it buys nothing from now on."""
    tried = attempt(
        request, lambda: api.edit_automation(request, automation_id, api.EditAutomationIn(is_enabled=False))
    )
    return _after(request, automation_id, tried, _("It is off. Nothing is bought by itself."))


@page("app", methods=("POST",))
def remove(request: Request, automation_id: UUID) -> HttpResponse:
    """POST /app/utilities/automations/{id}/remove/: it buys nothing any more and is shown no more; what it bought stays."""
    tried = attempt(request, lambda: api.remove_automation(request, automation_id))
    if tried.done:
        return go(request, "app:automations", said=_("Removed. What it bought stays under Payments."))
    return _automation(request, automation_id, tried)


@page("app", methods=("GET", "POST"))
def limits(request: Request) -> HttpResponse:
    """GET, POST /app/utilities/limits/: what all automations of a type together may spend in a month."""
    tried, service = None, request.POST.get("service_type", "")
    if request.method == "POST":
        limit = typed_amount(request, "limit")["limit"] or None
        body = {"service_type": service, "limit": limit, **typed(request, "pin")}
        tried = attempt(request, lambda: api.set_spending_limit(request, api.SpendingLimitIn.model_validate(body)))
        if tried.done:
            said = _("The limit counts from now on.") if limit else _("There is no limit any more.")
            return go(request, "app:spending_limits", said=said)

    def work() -> Context:
        found = {view.service_type.value: view for view in my_spending_limits(actor=request.actor, now=request.now)}
        return {
            "limits": [found[each] for each in SERVICES],
            "wallet": my_wallet(actor=request.actor),
            "tried": tried,
            "tried_service": service,
        }

    return look(request, "pages/residents/spending_limits.html", work, status=tried.status if tried else 200)


def _after(request: Request, automation_id: UUID, tried: Attempt, said: str) -> HttpResponse:
    if tried.done:
        return go(request, "app:automation", automation_id, said=said)
    return _automation(request, automation_id, tried)


def _automation(request: Request, automation_id: UUID, tried: Attempt | None = None) -> HttpResponse:
    query = ListQuery.of(request)

    def work() -> Context:
        actor, now = request.actor, request.now
        one, next_one = automation_looking_ahead(actor=actor, automation_id=automation_id, now=now)
        runs = automation_history(
            actor=actor,
            automation_id=automation_id,
            sought=runs_called(query.q, states=AutomationRunState, failures=AutomationFailure) if query.q else None,
            before=begin_after(request, query),
            limit=query.fetch,
        )
        return {
            "one": one,
            "q": query.q,
            **listed(request, query, runs),
            "next_one": next_one,
            **choices_for(actor, None, one.terms),
            "wallet": my_wallet(actor=actor),
            "tried": tried,
        }

    return look(
        request,
        "pages/residents/automation.html",
        work,
        part="" if tried else "pages/residents/automation_runs.html",
        status=tried.status if tried else 200,
        at=reverse("app:automation", args=[automation_id]),
    )


def _customer(request: Request, account: AccountView) -> str:
    """The name that the utility has just given for this number, where it was asked on the way here."""
    if not request.GET.get("checked"):
        return ""
    try:
        checked = utilities.validation_of_member(
            actor=request.actor, validation_id=_id_of(request, "checked"), now=request.now
        )
    except ValidationNotFound:  # it was a while ago
        return ""
    return checked.customer_name if checked.account_id == account.id else ""


def _id_of(request: Request, name: str) -> UUID:
    try:
        return parse_id(request.GET[name])
    except ValueError as error:
        raise PageNotFound from error
