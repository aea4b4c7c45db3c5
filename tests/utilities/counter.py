"""Utilities with their service's stand-in behind the wire, on a clock of their own: find, validate, quote, buy, ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx
import pytest

from clustr.bills.models import Bill
from clustr.kit.outbound import Outbound
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger import queries as books_of
from clustr.ledger.types import AccountKind
from clustr.payments.providers import registry as payment_registry
from clustr.settlement import commands as settlement
from clustr.utilities import commands
from clustr.utilities.models import Account, Purchase, UtilityProvider
from clustr.utilities.queries import UNDECIDED, purchase_of_member
from clustr.utilities.types import PurchaseView, ValidationView, Wanted
from clustr.utilities.vendors import registry
from tests.cast import Cast, Person
from tests.money import naira
from tests.settlement.stage import KEYS, Providers, Stage

PREPAID, POSTPAID, CABLE, WATER, GOTV = "BIL110.UB134", "BIL110.UB135", "BIL119.CB141", "BIL131.UB201", "BIL122.CB181"
METER, SMART_CARD = "04512345678", "0025401100"


def make_services(providers: Providers, *, switch: str = "") -> registry.Services:
    """What the stand-ins of these providers sell; `switch`: PAYSTACK_UTILITIES."""
    connect = partial(
        Outbound, timeout_seconds=20, transport=httpx.MockTransport(providers._carry), sleep=lambda _seconds: None
    )
    return registry.Services(SimpleNamespace(**vars(KEYS), PAYSTACK_UTILITIES=switch), connect)


class Counter(Stage):
    """The cast's estates, both payment providers, and what is sold over the counter."""

    def __init__(self, cast: Cast, *, seed: int = 7, **dials: float) -> None:
        super().__init__(cast, seed=seed, **dials)
        self.services = make_services(self)

    def stock(self) -> None:
        """Read the catalogue, unless a test before did."""
        if not UtilityProvider.objects.filter(is_active=True, provider_code=WATER).exists():
            commands.sync_utility_providers(now=self.now)

    def provider(self, code: str = PREPAID) -> UtilityProvider:
        return UtilityProvider.objects.get(provider_code=code, api_provider="flutterwave")

    def validate(self, person: Person, number: str = METER, code: str = PREPAID) -> ValidationView:
        asked = commands.prepare_validation(
            actor=person.actor, provider_id=self.provider(code).id, customer_id=number, now=self.now
        )
        return commands.validate_utility_customer(actor=person.actor, validation_id=asked, now=self.now)

    def wanted(self, amount: str = "2000.00", number: str = METER, code: str = PREPAID, **more: Any) -> Wanted:
        return Wanted(amount=naira(amount), provider_id=self.provider(code).id, customer_id=number, **more)

    def confirm_quote(self, person: Person, wanted: Wanted, *, pin: str | None = None) -> PurchaseView:
        screened = commands.screen_purchase(actor=person.actor, wanted=wanted, pin=pin, now=self.now)
        return commands.process_one_time_utility_payment(actor=person.actor, screened=screened, now=self.now)

    def buy(self, person: Person, amount: str = "2000.00", number: str = METER, code: str = PREPAID) -> PurchaseView:
        """Validate and confirm; the worker has not asked yet."""
        self.validate(person, number, code)
        return self.confirm_quote(person, self.wanted(amount, number, code))

    def vend(self, purchase: PurchaseView | UUID) -> PurchaseView:
        """What the worker does with a purchase just confirmed."""
        id = purchase if isinstance(purchase, UUID) else purchase.id
        commands.vend_purchase(cluster_id=self.cast.cluster_id, purchase_id=id, now=self.now)
        return self.view(id)

    def ask(self, purchase: PurchaseView | UUID) -> PurchaseView:  # type: ignore[override]
        """Ask the service what became of it, as the sweep does."""
        id = purchase if isinstance(purchase, UUID) else purchase.id
        settlement.confirm_payment(cluster_id=self.cast.cluster_id, transaction_id=id, now=self.now)
        return self.view(id)

    def view(self, id: UUID) -> PurchaseView:
        with tenant(self.cast.cluster_id):
            row = Purchase.objects.get(cluster_id=self.cast.cluster_id, id=id)
            buyer = next(person for person in self.cast.palm_grove.people.values() if person.user_id == row.user_id)
            return purchase_of_member(actor=buyer.actor, purchase_id=id)

    def held(self, person: Person) -> str:
        with tenant(person.cluster_id):
            hold = ledger.open_account(kind=AccountKind.UTILITY_HOLD, currency="NGN", subject_id=person.user_id)
            return str(books_of.balance(account_id=hold, currency="NGN"))

    def bill(self, id: UUID) -> Bill:
        with tenant(self.cast.cluster_id):
            return Bill.objects.get(cluster_id=self.cast.cluster_id, id=id)

    def account(self, person: Person) -> Account:
        with tenant(person.cluster_id):
            return Account.objects.get(cluster_id=person.cluster_id, user_id=person.user_id)

    def undecided(self) -> list[UUID]:
        with tenant(self.cast.cluster_id):
            mine = Purchase.objects.filter(UNDECIDED, cluster_id=self.cast.cluster_id)
            return list(mine.order_by("id").values_list("id", flat=True))

    def refuse_purchases(self, said: str = "This meter is not known any more") -> None:
        """Have the service refuse whatever is bought, for good."""
        healthy = self._answer

        def answer(request: httpx.Request) -> httpx.Response:
            if request.method == "POST" and request.url.path.endswith("/payment"):
                body = {"status": "error", "message": said, "data": None}
                return httpx.Response(400, stream=httpx.ByteStream(json.dumps(body).encode()))
            return healthy(request)

        self._answer = answer  # type: ignore[method-assign]

    def cut_off(self) -> None:
        """No way to the service: not a byte leaves."""

        def answer(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("no way there", request=request)

        self._answer = answer  # type: ignore[method-assign]

    def vends(self) -> list[dict[str, Any]]:
        """What the service remembers to have been asked for."""
        rows: list[dict[str, Any]] = self._control("GET", "/state")["vend"]
        return rows


@pytest.fixture
def counter(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    made = Counter(cast)
    put_behind_the_wire(made, monkeypatch)
    made.stock()
    yield made


def put_behind_the_wire(made: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payment_registry, "_registry", lambda: made.registry)
    monkeypatch.setattr(registry, "_registry", lambda: made.services)


class Offline:
    """The way to the service, cut off before a byte of it leaves."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._healthy = counter._answer

    def on(self) -> None:
        self._counter.cut_off()

    def off(self) -> None:
        self._counter._answer = self._healthy  # type: ignore[method-assign]


@pytest.fixture
def offline(counter: Counter) -> Offline:
    return Offline(counter)
