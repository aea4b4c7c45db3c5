"""The office's members: who they are and how they stand, one member's account, invitations, roles, and rosters."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from pydantic import Field

from clustr.bills.arrears import members_in_arrears
from clustr.bills.directory import BillStatusCard, members_with_bill_status
from clustr.bills.member_accounts import account_of_member, bills_of_member
from clustr.clusters.member_queries import Presence, member_of, members_of
from clustr.clusters.roster import COLUMNS
from clustr.clusters.types import Member, Role
from clustr.kit.errors import Refusal
from clustr.payments.queries import TransactionFilter, transactions_of_cluster
from clustr.web.actors import Request
from clustr.web.door import read_value
from clustr.web.management import members as api
from clustr.web.management.users import UsersQuery
from clustr.web.pages.forms import Attempt, attempt, go, typed, typed_day
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office import words
from clustr.web.pages.office.lists import asked, listed
from clustr.web.pages.office.sheets import rows_of
from clustr.web.paging import PageQuery, by_id, last_id
from clustr.web.schemas import Text

_LATEST = 10


class PeopleQuery(UsersQuery):
    """Members by role and presence too, for who manages them."""

    role: Role | None = None
    presence: Presence | None = None


class SearchQuery(PageQuery):
    """A list that may be searched."""

    q: Annotated[str, Text(100, empty=True)] = Field("")


@page("office")
def members(request: Request) -> HttpResponse:
    """GET /office/members/: found by name, e-mail, phone or unit. With ViewPayments each with how they stand; with
    ManageMembers alone who they are, and also who has left."""
    query = asked(request, PeopleQuery)
    with_bills = request.actor.may("ViewPayments") and query.role is None and query.presence is None

    def work() -> Context:
        rows: list[tuple[Member, BillStatusCard | None]]
        if with_bills:
            rows = [
                (row.member, row.bill_status)
                for row in members_with_bill_status(
                    actor=request.actor,
                    now=request.now,
                    q=query.q,
                    status=query.status,
                    after=last_id(request, query),
                    limit=query.fetch,
                )
            ]
        else:
            rows = [
                (member, None)
                for member in members_of(
                    actor=request.actor,
                    now=request.now,
                    q=query.q,
                    role=query.role,
                    presence=query.presence,
                    after=last_id(request, query),
                    limit=query.fetch,
                )
            ]
        return {
            **listed(request, query, rows, key=lambda row: by_id(row[0].id)),
            "query": query,
            "with_bills": with_bills,
            "statuses": words.member_statuses(),
            "roles": words.ROLE,
        }

    return look(request, "pages/office/members.html", work, part="pages/office/parts/members_rows.html")


@page("office")
def arrears(request: Request) -> HttpResponse:
    """GET /office/arrears/: who has not paid, those who left among them. Needs ViewPayments."""
    query = asked(request, SearchQuery)

    def work() -> Context:
        rows = members_in_arrears(
            actor=request.actor, now=request.now, q=query.q, after=last_id(request, query), limit=query.fetch
        )
        return {**listed(request, query, rows, key=lambda row: by_id(row.member.id)), "query": query}

    return look(request, "pages/office/arrears.html", work, part="pages/office/parts/arrears_rows.html")


@page("office")
def member(request: Request, user_id: UUID) -> HttpResponse:
    """GET /office/members/{id}/: a member's account: standing, bills, latest movements. Needs ViewPayments."""
    query = asked(request, SearchQuery)

    def bills() -> Context:
        rows = bills_of_member(
            actor=request.actor,
            user_id=user_id,
            now=request.now,
            q=query.q,
            before=last_id(request, query),
            limit=query.fetch,
        )
        return {**listed(request, query, rows, key=lambda row: by_id(row.id)), "query": query}

    def work() -> Context:
        actor, now = request.actor, request.now
        account = account_of_member(actor=actor, user_id=user_id, now=now)
        latest = transactions_of_cluster(actor=actor, chosen=TransactionFilter(user_id=user_id), limit=_LATEST)
        return {
            **bills(),
            "account": account,
            "transactions": latest,
            "lives_here": any(
                held.role is Role.RESIDENT and (held.left_at is None or held.left_at > now)
                for held in account.memberships
            ),
            "roles": words.ROLE,
            "mine": user_id == actor.user_id,
        }

    return look(request, "pages/office/member.html", work, part="pages/office/parts/member_bills.html", part_work=bills)


@page("office")
def member_card(request: Request, user_id: UUID) -> HttpResponse:
    """GET /office/members/{id}/card/: how a member stands, for who points at their name. Needs ViewPayments."""

    def work() -> Context:
        account = account_of_member(actor=request.actor, user_id=user_id, now=request.now)
        return {"account": account, "card": account.bill_status}

    return look(request, "pages/office/member_card.html", work, part="pages/office/parts/card.html")


@page("office", methods=("GET", "POST"))
def invite_member(request: Request) -> HttpResponse:
    """/office/members/invite/: add somebody and invite them by e-mail. Needs ManageMembers."""
    request.actor.require("ManageMembers")
    tried = attempt(request, lambda: api.invite_member(request, _typed_member(request))) if request.POST else None
    if tried is not None and tried.done and tried.answer:
        said = _("%s is invited by e-mail.") % (tried.answer["name"] or tried.answer["email"])
        return go(request, "office:members", said=said)
    shown = {"tried": tried, "roles": words.roles(), "permissions": _permissions(request, tried, ())}
    return look(request, "pages/office/invite.html", lambda: shown, status=tried.status if tried else 200)


def _typed_member(request: Request) -> api.MemberIn:
    role = request.POST.get("role", "")
    held = request.POST.getlist("permissions") if role == Role.STAFF else []
    return api.MemberIn(
        **typed(request, "email", "name", "phone", "unit", "unit_type", "role"),
        permissions=held,
        **typed_day(request, "joined_at"),
    )


@page("office", methods=("GET", "POST"))
def edit_member(request: Request, membership_id: UUID) -> HttpResponse:
    """/office/memberships/{id}/: role, permissions and unit of a membership, or its end. Needs ManageMembers."""
    request.actor.require("ManageMembers")
    tried = None
    if request.POST:
        held = read_value(request, lambda: member_of(actor=request.actor, membership_id=membership_id))
        tried = attempt(request, lambda: api.update_member(request, membership_id, _typed_changes(request, held)))
        if tried.done and tried.answer:
            said = _("Saved.") if request.POST.get("step") != "end" else _("The membership has ended.")
            return go(request, "office:membership", tried.answer["id"], said=said)

    def work() -> Context:
        held = member_of(actor=request.actor, membership_id=membership_id)
        return {
            "tried": tried,
            "member": held,
            "roles": words.roles(),
            "permissions": _permissions(request, tried, held.permissions),
            "mine": held.user_id == request.actor.user_id,
            "ended": held.left_at is not None and held.left_at <= request.now,
        }

    return look(request, "pages/office/membership.html", work, status=tried.status if tried else 200)


def _typed_changes(request: Request, held: Member) -> api.MemberChangesIn:
    reason = typed(request, "reason")
    if request.POST.get("step") == "end":
        return api.MemberChangesIn(left_at=request.now, **reason)
    sent: dict[str, Any] = {}
    unit = request.POST.get("unit", "").strip()
    if unit != (held.unit or ""):
        sent["unit"] = unit
    if request.POST.get("role"):
        sent["role"] = request.POST["role"]
        sent["permissions"] = request.POST.getlist("permissions") if sent["role"] == Role.STAFF else []
    return api.MemberChangesIn(**sent, **reason)


def _permissions(request: Request, tried: Attempt | None, held: Any) -> list[dict[str, Any]]:
    """What staff may be granted: only what the person who grants it holds."""
    chosen = set(request.POST.getlist("permissions")) if tried is not None else set(held)
    return [
        {
            "value": permission.value,
            "name": name,
            "help": help_,
            "held": permission.value in chosen,
            "open": request.actor.may(permission.value),
        }
        for permission, (name, help_) in words.PERMISSION.items()
    ]


@page("office", methods=("GET", "POST"))
def import_members(request: Request) -> HttpResponse:
    """/office/members/import/: a roster as CSV, all of it or nothing, with every error by its line. Needs ManageMembers."""
    request.actor.require("ManageMembers")
    wrong: list[Any] = []

    def send() -> HttpResponse:
        try:
            return api.import_roster(request)
        except Refusal as refusal:
            wrong.extend(refusal.errors)
            raise

    tried = attempt(request, send) if request.method == "POST" else None
    if tried is not None and wrong:
        tried.problem = _("Nothing was imported. What is wrong stands below, line by line.")
    if tried is not None and tried.done:
        return look(request, "pages/office/imported.html", lambda: {"result": tried.answer})
    shown = {"tried": tried, "wrong": rows_of(wrong), "columns": COLUMNS}
    return look(request, "pages/office/import_members.html", lambda: shown, status=tried.status if tried else 200)
