"""How the notifications room refuses."""

from __future__ import annotations

from clustr.kit.errors import Conflict, Invalid, NotFound


class NotificationNotFound(NotFound):
    """There is no such notification, or it is not yours."""

    code = "notification_not_found"


class AlwaysTold(Conflict):
    """This notice cannot be switched off on this channel."""

    code = "always_told"


class NotOffered(Invalid):
    """This channel is not offered here, or the event never uses it."""

    code = "channel_not_offered"
    field = "preferences"


class EndpointNotFound(NotFound):
    """There is no such webhook endpoint, or it is not yours."""

    code = "webhook_endpoint_not_found"


class EndpointDisabled(Conflict):
    """The webhook endpoint is switched off."""

    code = "webhook_endpoint_disabled"


class DeliveryNotFound(NotFound):
    """Nothing of this id was sent to this endpoint."""

    code = "webhook_delivery_not_found"


class AddressNotPublic(Invalid):
    """A webhook goes to an https address on the public internet."""

    code = "address_not_public"
    field = "url"


class TooManyEndpoints(Conflict):
    """An estate has at most ten webhook endpoints."""

    code = "too_many_endpoints"
