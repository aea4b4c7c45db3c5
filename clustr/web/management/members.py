"""`/management/payments/members/`: who belongs to the estate, and what they may do."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router
from pydantic import AfterValidator, Field, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from clustr.clusters import commands
from clustr.clusters.member_queries import Presence, member_of, members_of
from clustr.clusters.policies import permissions_of
from clustr.clusters.types import AS_IS, Member, MemberChanges, PaymentsPermissions, Role, RosterResult
from clustr.people.policies import PHONE, is_phone
from clustr.web.door import Request, once, read
from clustr.web.paging import Page, PageQuery, page, position
from clustr.web.refusals import WrongContentType
from clustr.web.schemas import ChangesIn, In, Instant, Out, Text

router = Router(tags=["Members"])


def _phone(text: str) -> str:
    if not is_phone(text):
        raise PydanticCustomError("invalid_phone", "This is not a phone number.")
    return text


Phone = Annotated[
    str,
    Text(40, empty=True),
    AfterValidator(_phone),
    WithJsonSchema(
        {"type": "string", "maxLength": 40, "pattern": f"^{PHONE.pattern}$", "examples": ["+2348030000001"]}
    ),
]

_CSV_TYPES = ("text/csv", "application/csv")
_MEMBER: dict[str, Any] = {
    "id": "01998a4e-6f00-7c00-8000-000000000001",
    "user_id": "01998a4e-6f00-7c00-8000-000000000002",
    "name": "Bola Ade",
    "email": "bola@palmgrove.test",
    "phone": "+2348030000001",
    "unit": "Block B 4",
    "unit_type": "flat",
    "role": "resident",
    "permissions": [],
    "joined_at": "2026-01-31T23:00:00Z",
    "left_at": None,
}
Email = Annotated[str, Text(254), WithJsonSchema({"type": "string", "format": "email", "maxLength": 254})]
Permissions = Annotated[
    frozenset[PaymentsPermissions],
    Field(max_length=len(PaymentsPermissions)),
    PlainSerializer(sorted, return_type=list[PaymentsPermissions]),  # a set has an order of its own in each process
]


class MembersQuery(PageQuery):
    q: Annotated[str, Text(100, empty=True)] = Field("", description="Beginnings of words: name, e-mail, phone, unit.")
    role: Role | None = None
    presence: Presence | None = Field(None, description="`present` or `left`; both when absent.")


class MemberIn(In):
    """Somebody to add and invite. `permissions` are for staff only; an admin has them all."""

    model_config = {
        "json_schema_extra": {
            "examples": [{"email": "bola@palmgrove.test", "name": "Bola Ade", "role": "resident", "unit": "Block B 4"}]
        }
    }

    email: Email
    name: Annotated[str, Text(200, empty=True)] = ""
    phone: Phone = ""
    role: Role = Role.RESIDENT
    permissions: Permissions = frozenset()
    unit: Annotated[str, Text(100, empty=True)] = ""
    unit_type: Annotated[str, Text(100, empty=True)] = ""
    joined_at: Instant | None = Field(None, description="When they came, if before now.")


class MemberChangesIn(ChangesIn):
    """What to change; what is absent stays. A null `unit` takes the unit away, a null `left_at` reopens the membership."""

    model_config = {"json_schema_extra": {"examples": [{"role": "staff", "permissions": ["ViewPayments"]}]}}

    role: Role = Role.RESIDENT
    permissions: Permissions = frozenset()
    unit: Annotated[str, Text(100, empty=True)] | None = None
    unit_type: Annotated[str, Text(100, empty=True)] = ""
    left_at: Instant | None = Field(None, description="When the membership ends or ended.")
    reason: Annotated[str, Text(500, lines=True, empty=True)] = Field("", description="For the trail.")


class MemberOut(Out):
    model_config = {"json_schema_extra": {"examples": [_MEMBER]}}

    id: UUID = Field(description="Of the membership: one person may have several.")
    user_id: UUID
    name: str
    email: str
    phone: str
    unit: str | None
    unit_type: str | None
    role: Role
    permissions: list[PaymentsPermissions] = Field(description="What they may do: for an admin, everything.")
    joined_at: Instant
    left_at: Instant | None


class RosterOut(Out):
    model_config = {
        "json_schema_extra": {
            "examples": [{"rows": 5000, "created": 4990, "updated": 8, "unchanged": 2, "units_created": 4100}]
        }
    }

    rows: int
    created: int = Field(description="New members; they are invited by e-mail.")
    updated: int = Field(description="Members whose unit changed.")
    unchanged: int = Field(description="Members who stand as the roster says.")
    units_created: int


_ROSTER_BODY = {
    "requestBody": {
        "required": True,
        "description": "UTF-8 CSV whose first line names the columns: email, name, phone, unit, unit_type, role,"
        " joined_on (a day, such as 2026-01-31). Only email is needed. At most 10,000 rows and 5 MB.",
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "email,name,phone,unit,unit_type,role,joined_on\n"
                "bola@palmgrove.test,Bola Ade,+2348030000001,Block B 4,flat,resident,2026-02-01\n",
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            },
        },
    }
}


@router.get("members/", response=Page[MemberOut], summary="Members")
def list_members(request: Request, query: Query[MembersQuery]) -> HttpResponse:
    """Every membership, in the order they were made. Needs ManageMembers."""

    def work() -> Page[MemberOut]:
        after = position(request, query, (UUID, UUID))
        rows = members_of(
            actor=request.actor,
            now=request.now,
            q=query.q,
            role=query.role,
            presence=query.presence,
            after=after[1] if after else None,
            limit=query.fetch,
        )
        return page(request, query, rows, key=lambda member: (member.id, member.id), out=member_out)

    return read(request, work)


@router.post("members/", response={201: MemberOut}, summary="Add and invite a member")
def invite_member(request: Request, body: MemberIn) -> HttpResponse:
    """Add somebody, and invite them by e-mail. Who left and comes back gets a new membership. Needs ManageMembers."""

    def work() -> MemberOut:
        membership_id = commands.invite_member(
            actor=request.actor,
            email=body.email,
            name=body.name,
            phone=body.phone,
            role=body.role,
            permissions=body.permissions,
            unit=body.unit,
            unit_type=body.unit_type,
            joined_at=body.joined_at,
            now=request.now,
        )
        return member_out(member_of(actor=request.actor, membership_id=membership_id))

    return once(request, body, 201, work)


@router.patch("members/{uuid:membership_id}/", response=MemberOut, summary="Change a member")
def update_member(request: Request, membership_id: UUID, body: MemberChangesIn) -> HttpResponse:
    """Change role, permissions or unit, or end the membership. A change between resident and management ends one
    membership and begins another: the answer is the one that now stands. Needs ManageMembers."""
    given = body.model_fields_set
    changes = MemberChanges(
        role=body.role if "role" in given else AS_IS,
        permissions=body.permissions if "permissions" in given else AS_IS,
        unit=(body.unit or "") if "unit" in given else AS_IS,
        unit_type=body.unit_type if "unit_type" in given else AS_IS,
        left_at=body.left_at if "left_at" in given else AS_IS,
    )

    def work() -> MemberOut:
        stands = commands.update_member(
            actor=request.actor, membership_id=membership_id, changes=changes, now=request.now, reason=body.reason
        )
        return member_out(member_of(actor=request.actor, membership_id=stands))

    return once(request, body, 200, work)


@router.post("members/import/", response=RosterOut, summary="Import a roster", openapi_extra=_ROSTER_BODY)
def import_roster(request: Request) -> HttpResponse:
    """Add everybody on a roster, or nobody: every error is named as `lines.<number>.<column>`. The same file again
    changes nothing. Needs ManageMembers."""
    content = _roster_of(request)

    def work() -> RosterOut:
        return _roster_out(commands.import_roster(actor=request.actor, content=content, now=request.now))

    return once(request, content, 200, work)


def _roster_of(request: Request) -> bytes:
    if request.content_type in _CSV_TYPES:
        return request.body
    files: list[Any] = list(request.FILES.values()) if request.content_type == "multipart/form-data" else []
    if len(files) != 1:
        raise WrongContentType("Send the roster as text/csv, or as the one file of a multipart form.")
    content: bytes = files[0].read()
    return content


def member_out(member: Member) -> MemberOut:
    return MemberOut(
        id=member.id,
        user_id=member.user_id,
        name=member.name,
        email=member.email,
        phone=member.phone,
        unit=member.unit,
        unit_type=member.unit_type,
        role=member.role,
        permissions=sorted(PaymentsPermissions(held) for held in permissions_of(member.role, member.permissions)),
        joined_at=member.joined_at,
        left_at=member.left_at,
    )


def _roster_out(result: RosterResult) -> RosterOut:
    return RosterOut(
        rows=result.rows,
        created=result.created,
        updated=result.updated,
        unchanged=result.unchanged,
        units_created=result.units_created,
    )
