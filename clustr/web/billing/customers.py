"""Who asks here: a signed-in person as the platform's customer."""

from __future__ import annotations

from clustr.subscriptions.queries import customer_actor
from clustr.web.door import Request


def as_customer(request: Request) -> Request:
    """Let the request be one of the platform's customer; X-Cluster-ID plays no part."""
    who = request.signed_in
    request.actor = customer_actor(user_id=who.user_id, is_platform_staff=who.is_platform_staff, origin=request.origin)
    return request
