"""Who asks here: a signed-in person as the platform's customer."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.http import HttpRequest

from clustr.audit.types import Claim
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.actor import Actor
from clustr.kit.ids import derived_id
from clustr.subscriptions.queries import customer_actor
from clustr.web.door import Request


def cause_of(claim: Claim | None) -> UUID | None:
    """What a request asks for, by its key and its input: the same again asks for what it has begun."""
    return derived_id("request", claim.scope, claim.body.hex()) if claim else None


def as_customer(request: Request) -> Request:
    """Let the request be one of the platform's customer; X-Cluster-ID plays no part."""
    who = request.signed_in
    request.actor = customer_actor(user_id=who.user_id, is_platform_staff=who.is_platform_staff, origin=request.origin)
    return request


def as_anybody(request: HttpRequest) -> Request:
    """Let the request be that of somebody who need not be signed in, at the platform."""
    asked = cast(Request, request)
    asked.actor = Actor(cluster_id=PLATFORM_CLUSTER_ID, currency="USD", timezone="UTC")
    return asked
