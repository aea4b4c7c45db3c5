"""Who works here, and what each of them may do."""

from __future__ import annotations

from django.http import HttpResponse

from clustr.clusters.member_queries import Presence, members_of
from clustr.clusters.policies import permissions_of
from clustr.clusters.types import Role
from clustr.web.actors import Request
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office import words

_MOST = 100
"""Of each role; who is beyond is found in the list of members."""


@page("office")
def roles(request: Request) -> HttpResponse:
    """GET /office/settings/roles/: administrators and staff with their permissions. Needs ManageMembers."""

    def work() -> Context:
        of_role = [
            members_of(actor=request.actor, now=request.now, role=role, presence=Presence.PRESENT, limit=_MOST + 1)
            for role in (Role.ADMIN, Role.STAFF)
        ]
        found = [member for members in of_role for member in members[:_MOST]]
        people = []
        for member in found:
            held = permissions_of(member.role, member.permissions)
            marks = [(name, permission.value in held) for permission, (name, _) in words.PERMISSION.items()]
            people.append({"member": member, "marks": marks})
        return {
            "people": people,
            "roles": words.ROLE,
            "permissions": list(words.PERMISSION.values()),
            "most": _MOST,
            "more": any(len(members) > _MOST for members in of_role),
        }

    return look(request, "pages/office/roles.html", work)
