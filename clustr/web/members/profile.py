"""`/members/profile/`: a person's own data."""

from __future__ import annotations

import json
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse
from ninja import Router

from clustr.people.queries import export_person
from clustr.web.door import Request, json_answer, take_turn
from clustr.web.openapi import WITHOUT_CLUSTER

router = Router(tags=["My profile"])


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
