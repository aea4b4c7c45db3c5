"""Whose plan a page is about: one's own, or that of an estate one administers. It stands in the address as `estate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from clustr.clusters.queries import estates_of
from clustr.clusters.types import EstateOf, Role
from clustr.kit.ids import parse_id
from clustr.subscriptions.catalogue import CURRENCY
from clustr.subscriptions.document_queries import CurrentSubscription, PlanOf, my_subscription
from clustr.subscriptions.refusals import SubscriptionNotFound
from clustr.web.actors import Request

ME = "me"
_AT_HOME = "NGN"


@dataclass(frozen=True)
class Whose:
    """`named`: as the address says it, "" where it does not. `estates`: those that who asks may subscribe for."""

    named: str
    cluster_id: UUID | None
    estates: tuple[EstateOf, ...]

    @property
    def of_plan(self) -> PlanOf | None:
        """The plan that the address names; None: it names none."""
        return PlanOf(self.cluster_id) if self.named else None

    def currency_among(self, offered: Sequence[str]) -> str:
        """In which of these prices are shown at first: that of the estate it is about, or of another one of theirs; where
        there is none, of a country where the platform sells."""
        ours = sorted(self.estates, key=lambda estate: estate.cluster_id != self.cluster_id)
        known = [estate.currency for estate in ours if estate.currency in offered]
        return next(iter(known), _AT_HOME if _AT_HOME in offered else next(iter(offered), CURRENCY))

    def name_of(self, cluster_id: UUID | None) -> str:
        """What an estate of theirs is called; "" of none."""
        return next((estate.name for estate in self.estates if estate.cluster_id == cluster_id), "")


def whose_plan(request: Request) -> Whose:
    """Of whom this request is. What the address names and is no estate of theirs does not count. Asked outside any tenant."""
    found = estates_of(user_id=request.signed_in.user_id, now=request.now)
    estates = tuple(estate for estate in found if estate.role == Role.ADMIN and not estate.invited)
    named = request.POST.get("estate") or request.GET.get("estate", "")
    if named == ME:
        return Whose(ME, None, estates)
    cluster_id = asked_estate(request)
    if cluster_id not in {estate.cluster_id for estate in estates}:
        return Whose("", None, estates)
    return Whose(named, cluster_id, estates)


def asked_estate(request: Request) -> UUID | None:
    """The estate that a form or an address names; None: one's own."""
    named = request.POST.get("estate") or request.GET.get("estate", "")
    try:
        return parse_id(named) if named else None
    except ValueError:
        return None


def held_by(request: Request, whose: Whose) -> CurrentSubscription | None:
    """What they have; None if nothing. Inside a transaction of the platform."""
    try:
        found = my_subscription(actor=request.actor, for_cluster_id=whose.cluster_id, now=request.now)
    except SubscriptionNotFound:
        return None
    return None if whose.named == ME and found.subscription.for_cluster_id is not None else found
