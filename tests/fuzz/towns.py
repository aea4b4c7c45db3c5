"""Estates with everything in them for strangers and members to ask about: who asks, and which ids exist."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest

from clustr.bills import commands as bills
from clustr.bills.models import Bill
from clustr.clusters.commands import end_membership, enrol_members
from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID, NewMember, PaymentsPermissions, Role
from clustr.kit import clock
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.notifications.commands import create_endpoint, fan_out
from clustr.notifications.endpoint_queries import calls_of
from clustr.payments import commands as payments
from clustr.payments.models import Case
from clustr.payments.providers.nouns import SavedMethod
from clustr.payments.states import CaseKind
from clustr.people.commands import create_platform_staff
from clustr.subscriptions import commands as subscriptions
from clustr.subscriptions.catalogue import DEFAULT_PLANS, read_catalogue
from clustr.subscriptions.document_queries import my_invoices
from clustr.subscriptions.queries import customer_actor
from clustr.subscriptions.states import PaymentMethod
from clustr.utilities import commands as utilities
from clustr.wallets import commands as wallets
from clustr.wallets.types import Destination
from tests.cast import ORIGIN, Cast, Person, client_of, client_of_user, make_cast
from tests.money import acknowledge, fund, issue, naira, no_pin
from tests.recurring.acts import cancel as end
from tests.recurring.acts import order_of, process
from tests.recurring.acts import pause as stop
from tests.recurring.automating import Automations
from tests.utilities.counter import METER, Counter, put_behind_the_wire
from tests.web.asking import approval_limit, cancel, dispute, overdue

SECRET_OF_PALM_GROVE = "a matter of Palm Grove alone"
"""Stands in titles and descriptions there; no stranger's answer may hold it."""

MANAGERS = tuple(f"only {permission.value}" for permission in PaymentsPermissions)
ROLES = ("anonymous", "resident", "admin", *MANAGERS, "neighbour's admin", "platform staff", "former", "twofold")
STRANGERS = ("anonymous", "neighbour's admin", "platform staff")
"""Who must never be told anything of Palm Grove."""


@dataclass
class Town:
    """Palm Grove in full swing, Lekki Gardens beside it, and what is known of both."""

    cast: Cast = field(default_factory=make_cast)
    known: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Values that mean something, by the name of the field that takes them."""

    def __post_init__(self) -> None:
        self._fund()
        self._bill()
        self._move()
        self._order()
        self._meet_providers()
        self._buy_power()
        self._listen()
        for person in dict.fromkeys([*self.cast.residents, *self.cast.palm_grove.people.values()]):
            self.knows("user_id", person.user_id)
            self.knows("membership_id", person.membership_id)
        for cluster_id in (*[self.cast.palm_grove.id] * 8, self.cast.lekki.id):
            self.knows("X-Cluster-ID", cluster_id)
        for days in (1, 30, 400):
            self.knows("due_date", (self.cast.now + timedelta(days=days)).isoformat())
        platform = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
        subscriptions.sync_plans(actor=platform, catalogue=read_catalogue(DEFAULT_PLANS), now=self.cast.now)
        for code in DEFAULT_PLANS:
            self.knows("plan_id", code)
        self._choose_plans()
        self.knows("table", "cohorts")
        self.knows("card_id", "pm_1PuUqE")
        self.knows("currency", "NGN")
        self.knows("body.status", "cancelled")

    def knows(self, name: str, value: Any) -> None:
        self.known[name].append(str(value))

    def headers_of(self, role: str) -> dict[str, str]:
        """What somebody of this role sends with every request."""
        cast, now = self.cast, self.cast.now
        match role:
            case "anonymous":
                return {}
            case "platform staff":
                email = f"{new_id()}@example.test"
                return client_of_user(create_platform_staff(email=email, name="Ngozi", now=now)).headers
            case "former":
                person = cast.add_resident("Gone")
                _leave(person, cast)
            case "twofold":
                person = cast.add_resident("Twofold")
                _join(person, cast.lekki.id, cast)
            case "resident" | "admin" | "neighbour's admin":
                person = {"resident": cast.bola, "admin": cast.ada, "neighbour's admin": cast.dayo}[role]
            case _:
                person = cast.manager(role.removeprefix("only "), name=role.title())
        return client_of(person).headers

    def _fund(self) -> None:
        cast = self.cast
        for resident in cast.residents:
            fund(cast, resident, "1000000000.00")
        fund(cast, cast.chidi, "5000.00")
        wallets.credit_cluster_wallet(
            actor=cast.ada.actor, amount=naira("1000000000.00"), description="Opening", source="Bank", now=cast.now
        )

    def _bill(self) -> None:
        """Bills in every state a member can meet."""
        cast, told = self.cast, {"title": SECRET_OF_PALM_GROVE, "description": SECRET_OF_PALM_GROVE}
        fresh, consented, partly, disputed, late, gone = (issue(cast, **told) for _ in range(6))
        alone = issue(cast, to=cast.bola, **told)
        for bill in (consented, partly, late, alone):
            acknowledge(cast, cast.bola, bill)
        for resident in cast.residents:
            dispute(cast, resident, disputed)
        self._pay(partly, cast.bola, "1000.00")
        self._pay(alone, cast.bola, None)
        overdue(cast, late)
        cancel(cast, gone)
        for bill in (fresh, consented, partly, disputed, late, gone, alone):
            self.knows("bill_id", bill.id)
        with tenant(cast.cluster_id):
            for id in disputed.disputes.values_list("id", flat=True):
                self.knows("dispute_id", id)

    def _pay(self, bill: Bill, person: Person, amount: str | None) -> None:
        paid, _ = bills.pay_bill(
            actor=person.actor,
            bill_id=bill.id,
            amount=naira(amount) if amount else None,
            authorization=no_pin(person),
            now=self.cast.now,
        )
        self.knows("transaction_id", paid.id)

    def _move(self) -> None:
        """Transfers out that wait for a second person."""
        approval_limit(self.cast, 100)
        maker = self.cast.manager("TransferFunds", "ViewWallet", name="Maker")
        for _ in range(4):
            waiting = wallets.transfer_from_cluster_wallet(
                actor=maker.actor,
                amount=naira("7.00"),
                description=SECRET_OF_PALM_GROVE,
                destination=Destination("058", "0123456789", "Palm Grove"),
                now=self.cast.now,
            )
            self.knows("transfer_id", waiting)

    def _order(self) -> None:
        """Recurring payments in every state: some that have run, one paused, one cancelled."""
        cast, told = self.cast, {"title": SECRET_OF_PALM_GROVE, "description": SECRET_OF_PALM_GROVE}
        made = [order_of(cast, "5.00", start_date=cast.now, **told) for _ in range(4)]
        made.append(order_of(cast, "5.00", start_date=cast.now, person=cast.residents[1], **told))
        process(cast, after=timedelta())
        stop(cast, made[0])
        end(cast, made[1])
        for order in made:
            self.knows("recurring_payment_id", order)

    def _meet_providers(self) -> None:
        """A card that is kept, and what a person has to look at."""
        cast = self.cast
        card = SavedMethod(
            token="AUTH_town",
            brand="visa",
            last_four="4081",
            expires_month=12,
            expires_year=2030,
            reusable=True,
            signature="SIG_town",
        )
        with tenant(cast.cluster_id):
            self.knows(
                "method_id",
                payments.save_method(
                    user_id=cast.bola.user_id,
                    provider="paystack",
                    card=card,
                    email="bola@example.test",
                    asked_for=True,
                    now=cast.now,
                ),
            )
            payments.open_case(kind=CaseKind.DOES_NOT_MATCH, subject="town", now=cast.now)
            self.knows("case_id", Case.objects.get(cluster_id=cast.cluster_id, subject="town").id)

    def _buy_power(self) -> None:
        """A meter that is saved, asked about, quoted and bought for."""
        counter, bola = Counter(self.cast), self.cast.bola
        with pytest.MonkeyPatch.context() as patch:
            put_behind_the_wire(counter, patch)
            counter.stock()
            asked = counter.validate(bola)
            provider = counter.provider()
            saved = utilities.save_account(
                actor=bola.actor, provider_id=provider.id, customer_id=METER, label="Flat", now=counter.now
            )
            quote = utilities.quote_utility(actor=bola.actor, wanted=counter.wanted(), now=counter.now)
            bought = counter.vend(counter.buy(bola))
            automated = Automations(counter).set_up(saved.id)
        for name, id in (
            ("automation_id", automated),
            ("provider_id", provider.id),
            ("account_id", saved.id),
            ("validation_id", asked.id),
            ("quote_id", quote.id),
            ("purchase_id", bought.id),
            ("customer_id", METER),
        ):
            self.knows(name, id)

    def _choose_plans(self) -> None:
        """Bola takes a plan, and two larger ones after it: two invoices, of which a part is paid."""
        cast = self.cast
        client = client_of(cast.bola)
        for person in (cast.bola, cast.chidi):
            free = client_of(person).post("/api/v1/billing/subscribe/", {"plan_id": "free", "interval": "month"})
            assert free.status_code == 201, free.content
        for code in ("basic", "enterprise"):
            changed = client.put("/api/v1/billing/subscription/", {"plan_id": code, "interval": "month"})
            assert changed.status_code == 200, changed.content
        bola = customer_actor(user_id=cast.bola.user_id, is_platform_staff=False, origin=ORIGIN)
        staff = customer_actor(user_id=cast.ada.user_id, is_platform_staff=True, origin=ORIGIN)
        for document in my_invoices(actor=bola, before=None, limit=2):
            self.knows("invoice_id", document.invoice.id)
            subscriptions.process_payment(
                actor=staff,
                invoice_id=document.invoice.id,
                amount=Money(100, "USD"),
                method=PaymentMethod.BANK_TRANSFER,
                reference=str(document.invoice.id),
                paid_at=cast.now,
                now=clock.now(),
            )

    def _listen(self) -> None:
        """Systems of the estate that hear of its events."""
        for number in range(2):
            made = create_endpoint(
                actor=self.cast.ada.actor,
                url=f"https://estate.example/{number}",
                description=SECRET_OF_PALM_GROVE,
                events=[],
                now=self.cast.now,
            )
            self.knows("endpoint_id", made.id)
        issue(self.cast)
        while fan_out(cluster_id=self.cast.cluster_id, now=self.cast.now):
            pass
        for endpoint_id in self.known["endpoint_id"]:
            with tenant(self.cast.cluster_id):
                sent = calls_of(actor=self.cast.ada.actor, endpoint_id=UUID(endpoint_id))
            self.knows("delivery_id", sent[0].id)

    def replace(self, value: Any, name: str, chance: Random, often: float) -> Any:
        """The value, with what its fields' names know put in their place, often."""
        if isinstance(value, dict):
            return {key: self.replace(inner, str(key), chance, often) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.replace(inner, name, chance, often) for inner in value]
        known = self.known.get(name)
        return chance.choice(known) if known and isinstance(value, str) and chance.random() < often else value

    def learn(self, value: Any, name: str) -> None:
        """Remember the ids of an answer, and what was accepted as a PIN."""
        for field_name, found in _leaves(value, name):
            if field_name.endswith("_id") and field_name != "request_id" and found not in self.known[field_name]:
                self.known[field_name] = [*self.known[field_name][-40:], found]


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, name)
    elif isinstance(value, str):
        yield name, value


def _leave(person: Person, cast: Cast) -> None:
    end_membership(
        actor=cast.ada.actor, membership_id=person.membership_id, left_at=cast.now - timedelta(days=1), now=cast.now
    )


def _join(person: Person, cluster_id: UUID, cast: Cast) -> None:
    joined_at = cast.now - timedelta(days=9)
    enrol_members(cluster_id=cluster_id, members=[NewMember(person.user_id, Role.RESIDENT, joined_at)], now=cast.now)
