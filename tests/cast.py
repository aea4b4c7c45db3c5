"""The named cast: Ada manages Palm Grove, Efe helps her, Bola lives there; Dayo and Chidi live elsewhere and must see
nothing. Every test gets a fresh cast of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from allauth.headless.tokens.strategies.jwt.internal import create_token, session_key_to_sid
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from clustr.clusters.commands import enrol_members
from clustr.clusters.models import Cluster
from clustr.clusters.policies import permissions_of
from clustr.clusters.types import NewMember, Role
from clustr.kit import clock
from clustr.kit.actor import Actor, Origin
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.people.commands import register_people
from clustr.people.models import User
from clustr.people.tokens import AccessTokens

ORIGIN = Origin(ip="192.0.2.7", user_agent="tests", request_id="test")
JSON = "application/json"


@dataclass(frozen=True)
class Person:
    """Somebody in one cluster: `actor` is how commands and queries meet them."""

    name: str
    email: str
    user_id: UUID
    membership_id: UUID
    actor: Actor
    unit: str

    @property
    def cluster_id(self) -> UUID:
        return self.actor.cluster_id


@dataclass(frozen=True)
class Part:
    """What somebody of the cast plays."""

    name: str
    role: Role
    permissions: tuple[str, ...] = ()
    unit: str = ""


@dataclass
class Estate:
    """One cluster with its people by name."""

    id: UUID
    name: str
    currency: str
    timezone: str
    people: dict[str, Person] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Person:
        return self.people[name]


class ApiClient:
    """An API client signed in as somebody: JSON in, Django's response out (`.json()`, `.status_code`)."""

    def __init__(self, token: str | None, **headers: str) -> None:
        self.headers = ({"Authorization": f"Bearer {token}"} if token else {}) | headers
        self._client = Client()
        for verb in ("get", "post", "put", "patch", "delete"):
            setattr(self, verb, partial(self.request, verb.upper()))

    get: Callable[..., Any]
    post: Callable[..., Any]
    put: Callable[..., Any]
    patch: Callable[..., Any]
    delete: Callable[..., Any]

    def request(self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Any:
        """`key` is the Idempotency-Key; `headers` as `X_Cluster_ID="..."`. A GET's `body` is its query."""
        sent = self.headers | ({"Idempotency-Key": key} if key else {})
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        if method == "GET":
            return self._client.get(path, body or {}, headers=sent)
        content_type = sent.pop("Content-Type", JSON)
        data = body if isinstance(body, bytes | str) else Client()._encode_json({} if body is None else body, JSON)
        return self._client.generic(method, path, data, content_type=content_type, headers=sent)


@dataclass
class Cast:
    """Two estates and those who matter there. `now` is the present of the test; everybody joined 90 days before."""

    now: datetime
    palm_grove: Estate
    lekki: Estate

    @property
    def cluster_id(self) -> UUID:
        return self.palm_grove.id

    @property
    def ada(self) -> Person:
        """Administrator of Palm Grove."""
        return self.palm_grove["Ada"]

    @property
    def efe(self) -> Person:
        """Staff of Palm Grove with ViewPayments only."""
        return self.palm_grove["Efe"]

    @property
    def bola(self) -> Person:
        """Resident of Palm Grove."""
        return self.palm_grove["Bola"]

    @property
    def residents(self) -> list[Person]:
        """Every resident of Palm Grove, Bola first."""
        return [person for person in self.palm_grove.people.values() if person.actor.role == Role.RESIDENT]

    @property
    def dayo(self) -> Person:
        """Administrator of Lekki Gardens: a stranger to Palm Grove."""
        return self.lekki["Dayo"]

    @property
    def chidi(self) -> Person:
        """Resident of Lekki Gardens: a stranger to Palm Grove."""
        return self.lekki["Chidi"]

    def client_of(self, person: Person) -> ApiClient:
        return client_of(person)

    def add(self, estate: Estate, *parts: Part, joined_at: datetime | None = None) -> list[Person]:
        """Let more people join an estate (90 days ago, unless said otherwise)."""
        joined_at = joined_at or self.now - timedelta(days=90)
        added = _enrol(estate.id, estate.currency, estate.timezone, parts, joined_at, self.now)
        estate.people |= {person.name: person for person in added}
        return added

    def add_resident(self, name: str = "Late", *, joined_at: datetime | None = None) -> Person:
        return self.add(self.palm_grove, Part(name, Role.RESIDENT), joined_at=joined_at)[0]

    def manager(self, *permissions: str, name: str = "Manager") -> Person:
        """One more member of staff of Palm Grove, with these permissions."""
        return self.add(self.palm_grove, Part(name, Role.STAFF, permissions))[0]


def client_of(person: Person) -> ApiClient:
    """A client with a real access token of a real session of this person."""
    return client_of_user(person.user_id)


def client_of_user(user_id: UUID) -> ApiClient:
    """The same for somebody who may belong to no estate."""
    user = User.objects.get(id=user_id)
    session = SessionStore()
    session[SESSION_KEY] = str(user.id)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session["account_authentication_methods"] = [{"method": "password", "at": clock.now().timestamp()}]
    session.save()
    token, _ = create_token(
        "access",
        sub=str(user.id),
        sid=session_key_to_sid(session.session_key or ""),
        claims=AccessTokens().get_claims(user),
        expires_in=3600,
    )
    return ApiClient(token)


def anonymous() -> ApiClient:
    return ApiClient(None)


def make_estate(
    name: str, parts: tuple[Part, ...], now: datetime, *, currency: str = "NGN", timezone: str = "Africa/Lagos"
) -> Estate:
    """A new cluster with these people, in a handful of statements."""
    estate = Estate(new_id(), name, currency, timezone)
    joined_at = now - timedelta(days=90)
    with tenant(estate.id):
        Cluster.objects.create(
            id=estate.id,
            name=name,
            currency=currency,
            timezone=timezone,
            transfer_approval_limit_minor=100_000_000,
            created_at=joined_at,
        )
        people = _enrol(estate.id, currency, timezone, parts, joined_at, now)
    estate.people = {person.name: person for person in people}
    return estate


def make_cast(*, residents: int = 3) -> Cast:
    """A fresh cast; Palm Grove has this many residents, of whom Bola is the first."""
    now = clock.now()
    others = tuple(Part(f"Resident {number}", Role.RESIDENT, (), f"B{number}") for number in range(2, residents + 1))
    palm_grove = make_estate(
        "Palm Grove",
        (
            Part("Ada", Role.ADMIN),
            Part("Efe", Role.STAFF, ("ViewPayments",)),
            Part("Bola", Role.RESIDENT, (), "A1"),
            *others,
        ),
        now,
    )
    lekki = make_estate("Lekki Gardens", (Part("Dayo", Role.ADMIN), Part("Chidi", Role.RESIDENT, (), "C1")), now)
    return Cast(now, palm_grove, lekki)


def _enrol(
    cluster_id: UUID, currency: str, timezone: str, parts: tuple[Part, ...], joined_at: datetime, now: datetime
) -> list[Person]:
    tag = uuid4().hex
    emails = [f"{part.name.lower().replace(' ', '')}-{tag}@example.test" for part in parts]
    ids = register_people(
        rows=[(email, part.name, "") for email, part in zip(emails, parts, strict=True)], now=joined_at
    )
    members = [
        NewMember(ids[email], part.role, joined_at, part.permissions, part.unit)
        for email, part in zip(emails, parts, strict=True)
    ]
    membership_ids = enrol_members(cluster_id=cluster_id, members=members, now=now)
    return [
        Person(
            name=part.name,
            email=email,
            user_id=ids[email],
            membership_id=membership_id,
            actor=Actor(
                cluster_id=cluster_id,
                currency=currency,
                timezone=timezone,
                user_id=ids[email],
                role=part.role.value,
                permissions=permissions_of(part.role, part.permissions),
                origin=ORIGIN,
            ),
            unit=part.unit,
        )
        for part, email, membership_id in zip(parts, emails, membership_ids, strict=True)
    ]


@pytest.fixture
def cast() -> Cast:
    return make_cast()
