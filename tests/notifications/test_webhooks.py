"""An estate's own systems hear of its events: signed, at least once, and nobody else's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from clustr.clusters.types import PaymentsPermissions
from clustr.kit.crashpoints import Crash, failing, watching
from clustr.kit.errors import NotAllowed
from clustr.kit.tenancy import tenant
from clustr.notifications import commands, endpoint_queries
from clustr.notifications.catalogue import EVENTS
from clustr.notifications.models import Endpoint, Event
from clustr.notifications.refusals import (
    AddressNotPublic,
    DeliveryNotFound,
    EndpointDisabled,
    EndpointNotFound,
    TooManyEndpoints,
)
from clustr.notifications.types import Audience, CallsSought, Face, NotificationEvents
from tests.bills.acts import pay
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue
from tests.notifications.acts import everybody, fan_out, tell, told
from tests.races import race

E = NotificationEvents
URL = "https://estate.example/clustr"
MINUTES = timedelta(minutes=1)
DAY = timedelta(days=1)


class Receiver:
    """The integrator's system, at the wire."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.heard: list[httpx.Request] = []
        self.transport = httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.heard.append(request)
        return httpx.Response(self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.heard]

    @property
    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.heard]


def add(cast: Cast, *events: NotificationEvents, url: str = URL, by: Person | None = None) -> Endpoint:
    return commands.create_endpoint(
        actor=(by or cast.ada).actor, url=url, description="Books", events=events, now=cast.now
    )


def secret_of(cast: Cast, endpoint: Endpoint) -> str:
    made_at = endpoint.secret_made_at.isoformat()
    view = endpoint_queries.endpoint_of(actor=cast.ada.actor, endpoint_id=endpoint.id, secret_made_at=made_at)
    assert view.secret is not None
    return view.secret


def call(cast: Cast, receiver: Receiver, *, after: timedelta = timedelta(0)) -> int:
    fan_out(cast.cluster_id, cast.now)
    return commands.call_endpoints(
        cluster_id=cast.cluster_id, now=cast.now + after, seconds=60, transport=receiver.transport
    )


def calls(cast: Cast, endpoint: Endpoint) -> list[Any]:
    return endpoint_queries.calls_of(actor=cast.ada.actor, endpoint_id=endpoint.id)


def of_events(*names: NotificationEvents, **more: Any) -> CallsSought:
    nothing: dict[str, Any] = {"states": frozenset(), "whys": frozenset(), "http_status": None, "id": None}
    return CallsSought(**nothing | {"events": frozenset(names)} | more)


def verified(request: httpx.Request, secret: str) -> bool:
    """As docs/integrators.md tells receivers to verify."""
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.content
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(given, expected) for given in request.headers["webhook-signature"].split(" "))


def test_it_works(cast: Cast) -> None:
    endpoint, receiver = add(cast), Receiver(204)
    bill = issue(cast, "5000.00", to=cast.bola)
    acknowledge(cast, cast.bola, bill)
    fund(cast, cast.bola, "5000.00")
    payment, _ = pay(cast, cast.bola, bill)
    assert call(cast, receiver) == 4
    told_of = {body["type"]: body for body in receiver.bodies}
    assert set(told_of) == {"payment_due", "bill_acknowledged", "wallet_credited", "payment_confirmed"}
    data = told_of["payment_confirmed"]["data"]
    assert (data["amount"], data["currency"], data["user_id"]) == ("5000.00", "NGN", str(cast.bola.user_id))
    assert (data["subject_id"], data["bill_id"]) == (str(payment.id), str(bill.id))
    assert "Bola" not in receiver.heard[0].content.decode()
    assert all(verified(request, secret_of(cast, endpoint)) for request in receiver.heard)
    assert {row.state for row in calls(cast, endpoint)} == {"sent"}
    assert call(cast, receiver) == 0


def test_an_event_of_all_members_is_one_call(cast: Cast) -> None:
    add(cast)
    receiver = Receiver(200)
    tell(cast, everybody(cast))
    assert call(cast, receiver) == 1
    assert receiver.bodies[0]["data"]["reaches"] == "members"


def test_only_what_was_asked_for(cast: Cast) -> None:
    add(cast, E.BILL_CANCELLED)
    receiver = Receiver(200)
    tell(cast, everybody(cast))
    tell(cast, everybody(cast), E.BILL_CANCELLED)
    call(cast, receiver)
    assert [body["type"] for body in receiver.bodies] == ["bill_cancelled"]


def test_the_safety_of_people_is_no_webhook(cast: Cast) -> None:
    add(cast)
    receiver = Receiver(200)
    tell(cast, Audience.one(cast.bola.user_id), E.PIN_LOCKED, attempts=5)
    assert call(cast, receiver) == 0


def test_another_estates_events_stay_there(cast: Cast) -> None:
    endpoint = commands.create_endpoint(actor=cast.dayo.actor, url=URL, description="", events=[], now=cast.now)
    receiver = Receiver(200)
    tell(cast, everybody(cast))
    call(cast, receiver)
    fan_out(cast.lekki.id, cast.now)
    assert commands.call_endpoints(cluster_id=cast.lekki.id, now=cast.now, transport=receiver.transport) == 0
    assert receiver.heard == []
    with pytest.raises(EndpointNotFound):
        endpoint_queries.endpoint_of(actor=cast.ada.actor, endpoint_id=endpoint.id)


def test_what_is_not_taken_is_tried_again_under_the_same_id(cast: Cast) -> None:
    endpoint, receiver = add(cast), Receiver(500, 302, 200)
    tell(cast, everybody(cast))
    assert call(cast, receiver) == 0
    assert call(cast, receiver) == 0, "not before its time"
    assert call(cast, receiver, after=MINUTES) == 0
    assert call(cast, receiver, after=10 * MINUTES) == 1
    assert len(receiver.heard) == 3
    assert len(set(receiver.ids)) == 1
    (row,) = calls(cast, endpoint)
    assert (row.state, row.attempts, row.http_status) == ("sent", 3, 200)
    assert endpoint_queries.endpoint_of(actor=cast.ada.actor, endpoint_id=endpoint.id).failing_since is None


@pytest.mark.parametrize("place", ["claimed", "made"])
def test_who_dies_in_the_middle_calls_again_under_the_same_id(cast: Cast, place: str) -> None:
    add(cast)
    receiver = Receiver(200)
    tell(cast, everybody(cast))
    with pytest.raises(Crash), watching(failing(f"notifications.call.{place}:raise")):
        call(cast, receiver)
    assert call(cast, receiver, after=2 * MINUTES) == 1
    assert len(set(receiver.ids)) == 1


def test_an_endpoint_that_never_takes_anything_is_switched_off_and_the_office_told(cast: Cast) -> None:
    endpoint, receiver = add(cast), Receiver(503)
    tell(cast, everybody(cast))
    tell(cast, everybody(cast))
    for hours in range(0, 24 * 5, 4):
        call(cast, receiver, after=timedelta(hours=hours))
    view = endpoint_queries.endpoint_of(actor=cast.ada.actor, endpoint_id=endpoint.id)
    assert view.disabled_at is not None
    assert {row.state for row in calls(cast, endpoint)} <= {"failed", "skipped"}
    (alert,) = told(cast.ada, E.ADMIN_ALERT)
    assert URL in alert.body
    tell(cast, everybody(cast))
    heard = len(receiver.heard)
    call(cast, receiver, after=6 * DAY)
    assert len(receiver.heard) == heard, "nothing more is sent"

    commands.enable_endpoint(actor=cast.ada.actor, endpoint_id=endpoint.id, now=cast.now)
    taking = Receiver(200)
    tell(cast, everybody(cast))
    assert call(cast, taking) == 1


def test_an_endpoint_that_is_gone_is_switched_off_at_once(cast: Cast) -> None:
    endpoint = add(cast)
    tell(cast, everybody(cast))
    call(cast, Receiver(410))
    assert endpoint_queries.endpoint_of(actor=cast.ada.actor, endpoint_id=endpoint.id).disabled_at == cast.now


def test_one_in_trouble_does_not_hold_up_another(cast: Cast) -> None:
    broken, sound = add(cast, url="https://broken.example/"), add(cast, url="https://sound.example/")
    heard: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(request.url.host)
        return httpx.Response(500 if request.url.host == "broken.example" else 200)

    for _time in range(3):
        tell(cast, everybody(cast))
    fan_out(cast.cluster_id, cast.now)
    commands.call_endpoints(cluster_id=cast.cluster_id, now=cast.now, seconds=60, transport=httpx.MockTransport(answer))
    assert (heard.count("broken.example"), heard.count("sound.example")) == (1, 3)
    assert {row.state for row in calls(cast, sound)} == {"sent"}
    assert {row.state for row in calls(cast, broken)} == {"queued"}


def test_a_new_secret_and_for_a_day_the_one_before(cast: Cast) -> None:
    endpoint, receiver = add(cast), Receiver(200)
    before = secret_of(cast, endpoint)
    changed = commands.rotate_secret(actor=cast.ada.actor, endpoint_id=endpoint.id, now=cast.now)
    after = secret_of(cast, changed)
    assert before != after
    tell(cast, everybody(cast))
    call(cast, receiver)
    assert verified(receiver.heard[0], before) and verified(receiver.heard[0], after)
    tell(cast, everybody(cast))
    call(cast, receiver, after=2 * DAY)
    assert not verified(receiver.heard[1], before)
    assert verified(receiver.heard[1], after)


def test_a_secret_is_sealed_and_shown_to_its_maker_only(cast: Cast) -> None:
    endpoint = add(cast)
    secret = secret_of(cast, endpoint)
    with tenant(cast.cluster_id):
        kept = Endpoint.objects.get(id=endpoint.id)
    assert secret.encode() not in bytes(kept.secret) and base64.b64decode(secret[6:]) not in bytes(kept.secret)
    assert endpoint_queries.endpoint_of(actor=cast.ada.actor, endpoint_id=endpoint.id).secret is None
    assert [row.secret for row in endpoint_queries.endpoints_of(actor=cast.ada.actor)] == [None]
    made_at = endpoint.secret_made_at.isoformat()
    commands.rotate_secret(actor=cast.ada.actor, endpoint_id=endpoint.id, now=cast.now + MINUTES)
    view = endpoint_queries.endpoint_of(actor=cast.ada.actor, endpoint_id=endpoint.id, secret_made_at=made_at)
    assert view.secret is None, "of a secret that has been changed, the earlier answer shows nothing"


@pytest.mark.parametrize("url", ["http://estate.example/", "https://127.0.0.1/", "https://localhost/", "https://x"])
def test_an_address_that_is_not_public(cast: Cast, url: str) -> None:
    with pytest.raises(AddressNotPublic):
        add(cast, url=url)


def test_a_name_that_leads_inside_is_not_called(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    from clustr.kit import calling_out

    endpoint = add(cast)
    inside = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]
    monkeypatch.setattr(calling_out.socket, "getaddrinfo", lambda *_, **__: inside)
    tell(cast, everybody(cast))
    fan_out(cast.cluster_id, cast.now)
    assert commands.call_endpoints(cluster_id=cast.cluster_id, now=cast.now) == 0
    (row,) = calls(cast, endpoint)
    assert (row.state, row.why) == ("queued", "not_public")


def test_at_most_ten(cast: Cast) -> None:
    for _time in range(10):
        add(cast)
    with pytest.raises(TooManyEndpoints):
        add(cast)


def test_at_most_ten_also_of_those_made_at_once(cast: Cast) -> None:
    for _time in range(8):
        add(cast)
    outcome = race(lambda: add(cast), runners=6)
    assert len(outcome.results) == 2
    assert {type(error) for error in outcome.errors} == {TooManyEndpoints}


def test_what_was_removed_hears_nothing(cast: Cast) -> None:
    endpoint, receiver = add(cast), Receiver(200)
    tell(cast, everybody(cast))
    fan_out(cast.cluster_id, cast.now)
    commands.remove_endpoint(actor=cast.ada.actor, endpoint_id=endpoint.id, now=cast.now)
    assert call(cast, receiver) == 0
    with pytest.raises(EndpointNotFound):
        calls(cast, endpoint)


def test_who_may_not_manage_members(cast: Cast) -> None:
    for person in (cast.efe, cast.bola):
        with pytest.raises(NotAllowed):
            add(cast, by=person)


def test_over_http_the_secret_is_in_the_first_answer_and_not_beside_the_key(cast: Cast) -> None:
    from django.db import connections

    ada = cast.client_of(cast.ada)
    sent = {"url": URL, "events": ["payment_confirmed"]}
    first = ada.post("/management/payments/webhook_endpoints/", sent, key="one")
    assert first.status_code == 201
    secret = first.json()["secret"]
    assert secret.startswith("whsec_")
    assert ada.post("/management/payments/webhook_endpoints/", sent, key="one").json() == first.json()
    with connections["owner"].cursor() as cursor, tenant(cast.cluster_id):
        cursor.execute("SELECT set_config('clustr.cluster', %s, false)", [str(cast.cluster_id)])
        cursor.execute("SELECT string_agg(k::text, ' ') FROM audit_idempotency_key k")
        assert secret not in cursor.fetchone()[0]
        cursor.execute("SELECT set_config('clustr.cluster', '', false)")
    listed = ada.get("/management/payments/webhook_endpoints/").json()["results"]
    assert "secret" not in listed[0]
    id = UUID(first.json()["id"])
    assert ada.get(f"/management/payments/webhook_endpoints/{id}/deliveries/").json() == {"results": [], "next": None}
    assert ada.delete(f"/management/payments/webhook_endpoints/{id}/").json() == {"results": [], "next": None}


def test_what_was_sent_is_sent_again_under_the_same_id(cast: Cast) -> None:
    endpoint, receiver = add(cast), Receiver(204, 500, 204)
    tell(cast, everybody(cast))
    assert call(cast, receiver) == 1
    (sent,) = calls(cast, endpoint)
    again(cast, endpoint, sent.id)
    assert call(cast, receiver) == 0
    again(cast, endpoint, sent.id)
    assert call(cast, receiver) == 1, "one that waits is sent at once"
    assert len(set(receiver.ids)) == 1
    (row,) = calls(cast, endpoint)
    assert (row.state, row.http_status) == ("sent", 204)


def test_nothing_is_sent_again_to_another_or_one_switched_off(cast: Cast) -> None:
    first, second, receiver = add(cast), add(cast), Receiver(204)
    tell(cast, everybody(cast))
    call(cast, receiver)
    (sent,) = calls(cast, first)
    with pytest.raises(DeliveryNotFound):
        again(cast, second, sent.id)
    commands.disable_endpoint(actor=cast.ada.actor, endpoint_id=first.id, now=cast.now)
    with pytest.raises(EndpointDisabled):
        again(cast, first, sent.id)
    with pytest.raises(EndpointNotFound):
        commands.send_again(actor=cast.dayo.actor, endpoint_id=first.id, delivery_id=sent.id, now=cast.now)


def test_one_switched_off_hears_nothing_until_it_is_on(cast: Cast) -> None:
    endpoint, receiver = add(cast), Receiver(204)
    tell(cast, everybody(cast))
    fan_out(cast.cluster_id, cast.now)
    commands.disable_endpoint(actor=cast.ada.actor, endpoint_id=endpoint.id, now=cast.now)
    tell(cast, everybody(cast))
    assert call(cast, receiver) == 0
    assert {(row.state, row.why) for row in calls(cast, endpoint)} == {("skipped", "endpoint_disabled")}
    commands.enable_endpoint(actor=cast.ada.actor, endpoint_id=endpoint.id, now=cast.now)
    tell(cast, everybody(cast))
    assert call(cast, receiver) == 1


def again(cast: Cast, endpoint: Endpoint, delivery_id: UUID) -> None:
    commands.send_again(actor=cast.ada.actor, endpoint_id=endpoint.id, delivery_id=delivery_id, now=cast.now)


NOTHING = {"fee_minor": None, "shortfall_minor": None, "lacking_minor": None, "reason": None}


@pytest.mark.parametrize("event", [event for event in E if EVENTS[event].webhooks])
def test_every_event_is_told_whatever_of_its_figures_is_missing(cast: Cast, event: NotificationEvents) -> None:
    endpoint, receiver = add(cast), Receiver(200)
    confided = {"reason": "My neighbour's dog", "note": "It is quiet now", "card": "Visa card ending in 4081"}
    office = Audience.holders(PaymentsPermissions.VIEW_PAYMENTS)
    audience = Audience.one(cast.bola.user_id) if EVENTS[event].told(Face.MEMBER) else office
    tell(cast, audience, event, **NOTHING | confided | {"ending": "0031"})
    assert call(cast, receiver) == 1
    data = receiver.bodies[0]["data"]
    assert (data["fee"], data["amount"], data["currency"]) == (None, "5000.00", "NGN")
    assert data.keys().isdisjoint({*confided, "ending"})
    assert [row.state for row in calls(cast, endpoint)] == ["sent"]


def test_what_cannot_be_made_stands_before_nothing_else(cast: Cast) -> None:
    """A defect of ours costs the one call, and is nothing against the endpoint."""
    endpoint, receiver = add(cast), Receiver(200)
    tell(cast, Audience.one(cast.bola.user_id), E.PAYMENT_FAILED, amount_minor="no figure")
    tell(cast, everybody(cast), E.BILL_CANCELLED)
    assert call(cast, receiver) == 1
    assert [body["type"] for body in receiver.bodies] == ["bill_cancelled"]
    after = timedelta(0)
    for _ in range(12):
        after += DAY
        assert call(cast, receiver, after=after) == 0
    assert {(row.state, row.why) for row in calls(cast, endpoint)} == {("sent", ""), ("failed", "not_made")}
    with tenant(cast.cluster_id):
        stored = Endpoint.objects.get(cluster_id=cast.cluster_id, id=endpoint.id)
    assert (stored.failing_since, stored.disabled_at) == (None, None)


def test_a_search_looks_through_the_newest_calls(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_queries, "LOOKED_THROUGH", 3)
    endpoint = add(cast)
    for event in (E.BILL_CANCELLED, E.BILL_CANCELLED, E.PAYMENT_DUE, E.PAYMENT_DUE, E.BILL_CANCELLED):
        tell(cast, everybody(cast), event)
    call(cast, Receiver(200))
    every = calls(cast, endpoint)

    def found(sought: CallsSought, after: UUID | None = None) -> list[int]:
        rows = endpoint_queries.calls_of(actor=cast.ada.actor, endpoint_id=endpoint.id, sought=sought, after=after)
        return [every.index(row) for row in rows]

    def more(after: UUID | None = None) -> bool:
        return endpoint_queries.goes_further(actor=cast.ada.actor, endpoint_id=endpoint.id, after=after)

    assert (found(of_events(E.BILL_CANCELLED)), found(of_events(states=frozenset({"sent"})))) == ([0], [0, 1, 2])
    assert (found(of_events(E.BILL_CANCELLED), every[1].event_id), more()) == ([3, 4], True)
    assert more(every[1].event_id) is False
    assert found(of_events(id=every[4].id)) == found(of_events(id=every[4].event_id)) == [4], "an id, of all"
    assert found(of_events(id=endpoint.id)) == []


def test_a_call_is_found_by_the_name_it_is_shown_under(cast: Cast) -> None:
    endpoint = add(cast)
    with tenant(cast.cluster_id):
        event = Event.objects.create(
            cluster_id=cast.cluster_id, event=E.DISPUTE_RESOLVED, user_id=cast.bola.user_id,
            office_event=E.BILL_DISPUTED, permission="ManageBill", at=cast.now,
        )  # fmt: skip
    fan_out(cast.cluster_id, cast.now)

    def found(name: NotificationEvents) -> list[UUID]:
        rows = endpoint_queries.calls_of(actor=cast.ada.actor, endpoint_id=endpoint.id, sought=of_events(name))
        return [row.event_id for row in rows]

    assert (found(E.DISPUTE_RESOLVED), found(E.BILL_DISPUTED)) == ([event.id], [])
