"""`/members/profile/`: a person's own data: what they are called, and everything held about them."""

from __future__ import annotations

import json
from typing import Annotated, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse
from ninja import Router

from clustr.clusters import commands as clusters
from clustr.people.queries import contacts_of, export_person
from clustr.web.door import Request, json_answer, once, take_turn
from clustr.web.openapi import WITHOUT_CLUSTER
from clustr.web.schemas import In, Out, Text

router = Router(tags=["My profile"])


class ProfileIn(In):
    """What I am to be called."""

    model_config = {"json_schema_extra": {"examples": [{"name": "Bola Akinwale"}]}}

    name: Annotated[str, Text(200)]


class ProfileOut(Out):
    """Who I am."""

    name: str
    email: str
    phone: str


@router.patch("", response=ProfileOut, summary="Change my name")
def change_profile(request: Request, body: ProfileIn) -> HttpResponse:
    """In every estate of mine. The trail of this one says that I did, and not what the name was or is."""

    def work() -> ProfileOut:
        clusters.change_own_name(actor=request.actor, name=body.name, now=request.now)
        mine = contacts_of(user_ids=[request.actor.member_id])[request.actor.member_id]
        return ProfileOut(name=mine.name, email=mine.email, phone=mine.phone)

    return once(request, body, 200, work)


@router.get(
    "export/",
    response=dict[str, Any],
    summary="Everything held about me",
    openapi_extra={WITHOUT_CLUSTER: True},
)
def export_my_data(request: Request) -> HttpResponse:
    """By the part of ClustR that holds it, in every cluster I belong or belonged to. Takes a turn of my throttle: it
    reads all there is."""
    take_turn(request)
    held = export_person(user_id=request.signed_in.user_id)
    answer = json_answer(json.dumps(held, cls=DjangoJSONEncoder, ensure_ascii=False))
    answer["Content-Disposition"] = 'attachment; filename="clustr-export.json"'
    return answer
