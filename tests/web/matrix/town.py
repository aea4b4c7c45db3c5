"""Two estates that must not know of each other, everybody who may ask, and places where a good request is prepared.

Every name, e-mail address, unit and title of an estate carries its tag: a canary that no answer to the other may hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from django.test.client import ClientHandler

from clustr.bills import commands as bills
from clustr.bills.models import Bill, Dispute
from clustr.bills.types import BillType, NewBill
from clustr.clusters import commands as clusters
from clustr.clusters.commands import enrol_members
from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID, NewMember, PaymentsPermissions, Role
from clustr.kit import clock
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.notifications.commands import create_endpoint, notify
from clustr.notifications.endpoint_queries import calls_of
from clustr.notifications.queries import my_notifications
from clustr.notifications.types import Audience, NotificationEvents
from clustr.payments import commands as payments
from clustr.payments.models import Case, SavedMethod
from clustr.payments.states import CaseKind
from clustr.people.commands import create_platform_staff
from clustr.recurring import commands as recurring
from clustr.recurring.automation_types import AutomationTerms, ScheduleKind, ScheduleTerms
from clustr.recurring.types import Frequency, NewOrder
from clustr.settlement import commands as settlement
from clustr.settlement.types import Checkout
from clustr.subscriptions import commands as subscriptions
from clustr.subscriptions.catalogue import DEFAULT_PLANS, read_catalogue
from clustr.subscriptions.models import Invoice, Subscription
from clustr.subscriptions.queries import customer_actor, offered_plan_named
from clustr.subscriptions.states import Collection, PaymentMethod
from clustr.utilities import commands as utilities
from clustr.utilities.models import UtilityProvider
from clustr.utilities.types import Wanted
from clustr.wallets import commands as wallets
from clustr.wallets.types import Destination, OfflineMethod
from tests.cast import ORIGIN, ApiClient, Estate, Part, Person, _enrol, client_of, make_estate
from tests.money import naira, no_pin
from tests.settlement.stage import Providers
from tests.subscriptions.stripe_stage import StripeWire
from tests.utilities.counter import PREPAID, make_services
from tests.words import reference as a_reference

CARDS = ("4242424242424242", "4000000000000341", "4000000000009995")
"""Numbers of Stripe's test cards that are kept."""
PROVIDERS = Providers(clock.now())
"""The providers' stand-in of the whole matrix; `conftest.py` puts it behind the wire."""
SERVICES = make_services(PROVIDERS)
STRIPE = StripeWire(clock.now())
"""What they sell over the counter."""
PIN = "482915"
LONG_AGO = timedelta(days=90)
_METERS = count(20_000_000_001)


@dataclass(frozen=True)
class Place:
    """Where one good request is prepared. `office` asks for the office, `member` for themselves, and it is the member's
    money; `clerk` (an administrator too) did what had to be done before, `maker` made what waits for a second person."""

    estate: Estate
    tag: str
    now: datetime
    office: Person
    clerk: Person
    maker: Person
    member: Person

    def text(self, word: str) -> str:
        """A text that carries the estate's canary, and no digits that might pass for a card's beside it."""
        return f"{word} {self.tag} {uuid4().hex[:8].translate(_LETTERS)}"

    def fund(self, amount: str = "5000.00") -> UUID:
        """Money into the member's wallet; the transaction's id."""
        return wallets.receive_offline(
            actor=self.clerk.actor,
            user_id=self.member.user_id,
            amount=naira(amount),
            method=OfflineMethod.CASH,
            reference=self.text("R"),
            now=self.now,
        ).id

    def bill(self) -> Bill:
        """A bill to the member alone."""
        new = self._new(self.member.user_id)
        return bills.create_user_specific_bill(actor=self.clerk.actor, new=new, now=self.now)

    def bill_of_all(self) -> Bill:
        """A bill to every resident."""
        return bills.create_cluster_wide_bill(actor=self.clerk.actor, new=self._new(None), now=self.now)

    def _new(self, user_id: UUID | None) -> NewBill:
        return NewBill(
            title=self.text("Gate"),
            description=self.text("Repair"),
            amount=naira("1000.00"),
            type=BillType.MAINTENANCE,
            due_date=self.now + timedelta(days=10),
            user_id=user_id,
        )

    def acknowledged(self) -> Bill:
        made = self.bill()
        bills.acknowledge_bill(actor=self.member.actor, bill_id=made.id, version=None, now=self.now)
        return made

    def paid(self) -> tuple[Bill, UUID]:
        """A bill the member has paid, and the payment."""
        self.fund()
        made = self.acknowledged()
        paid, _ = bills.pay_bill(
            actor=self.member.actor, bill_id=made.id, amount=None, authorization=no_pin(self.member), now=self.now
        )
        return made, paid.id

    def disputed(self) -> tuple[Bill, UUID]:
        """A bill the member disputes, and the dispute."""
        made = self.bill()
        bills.dispute_bill(actor=self.member.actor, bill_id=made.id, reason=self.text("Why"), now=self.now)
        with tenant(self.estate.id):
            return made, Dispute.objects.get(bill_id=made.id).id

    def rich(self, amount: str = "3000000.00") -> UUID:
        """Money into the cluster's wallet; the operation's id."""
        return wallets.credit_cluster_wallet(
            actor=self.clerk.actor,
            amount=naira(amount),
            description=self.text("Grant"),
            source=self.text("Bank"),
            now=self.now,
        )

    def waiting_transfer(self) -> UUID:
        """A transfer above the limit, which waits for another person than `maker`."""
        self.rich()
        return wallets.transfer_from_cluster_wallet(
            actor=self.maker.actor,
            amount=naira("2000000.00"),
            description=self.text("Diesel"),
            destination=Destination("058", "0123456789", self.text("Fuels")),
            now=self.now,
        )

    def withdrawal(self) -> UUID:
        """A withdrawal of the member's that was not sent yet."""
        self.fund()
        made = wallets.withdraw(
            actor=self.member.actor,
            amount=naira("100.00"),
            destination=Destination("058", "0123456789", ""),
            authorization=None,
            now=self.now,
        )
        return made.id

    def started_deposit(self, provider: str = "paystack") -> Checkout:
        """A deposit of the member's that nobody has paid yet."""
        prepared = settlement.prepare_deposit(
            actor=self.member.actor,
            amount=naira("100.00"),
            provider=provider,
            callback_url="",
            request=None,
            save_card=True,
            now=self.now,
        )
        return settlement.open_checkout(actor=self.member.actor, prepared=prepared, now=self.now)

    def ended_deposit(self, outcome: str = "success", provider: str = "paystack") -> UUID:
        """A deposit of the member's that ended like this; the transaction's id."""
        made = self.started_deposit(provider).transaction
        PROVIDERS.end_reference(provider, made.reference, outcome)
        settlement.confirm_payment(cluster_id=self.estate.id, transaction_id=made.id, now=self.now)
        return made.id

    def saved_card(self, provider: str = "paystack") -> UUID:
        """A card of the member's that its provider keeps."""
        self.ended_deposit(provider=provider)
        with tenant(self.estate.id):
            mine = SavedMethod.objects.filter(cluster_id=self.estate.id, user_id=self.member.user_id)
            return mine.get(provider=provider).id

    def case(self) -> UUID:
        """Something that a person has to look at."""
        with tenant(self.estate.id):
            subject = self.text("case")
            payments.open_case(kind=CaseKind.DOES_NOT_MATCH, subject=subject, facts={"what": subject}, now=self.now)
            return Case.objects.get(cluster_id=self.estate.id, subject=subject).id

    def utility(self) -> UUID:
        """What is sold: a prepaid meter's electricity."""
        if not UtilityProvider.objects.filter(provider_code=PREPAID, is_active=True).exists():
            utilities.sync_utility_providers(now=self.now)
        return UtilityProvider.objects.get(provider_code=PREPAID, api_provider="flutterwave").id

    def number(self) -> dict[str, str]:
        """A meter of nobody else's, with its provider."""
        return {"provider_id": str(self.utility()), "customer_id": str(next(_METERS))}

    def validated(self) -> dict[str, str]:
        """A meter whose owner the utility has just told."""
        number = self.number()
        asked = utilities.prepare_validation(
            actor=self.member.actor,
            provider_id=UUID(number["provider_id"]),
            customer_id=number["customer_id"],
            now=self.now,
        )
        utilities.validate_utility_customer(actor=self.member.actor, validation_id=asked, now=self.now)
        return number

    def validation(self) -> UUID:
        number = self.number()
        return utilities.prepare_validation(
            actor=self.member.actor,
            provider_id=UUID(number["provider_id"]),
            customer_id=number["customer_id"],
            now=self.now,
        )

    def saved_number(self) -> UUID:
        number = self.validated()
        return utilities.save_account(
            actor=self.member.actor,
            provider_id=UUID(number["provider_id"]),
            customer_id=number["customer_id"],
            label=self.text("Flat"),
            now=self.now,
        ).id

    def quoted(self) -> dict[str, str]:
        """A saved meter, what is to be bought for it, and its quote."""
        account = self.saved_number()
        wanted = Wanted(amount=naira("600.00"), account_id=account)
        quote = utilities.quote_utility(actor=self.member.actor, wanted=wanted, now=self.now)
        return {"account_id": str(account), "amount": "600.00", "quote_id": str(quote.id)}

    def bought(self) -> UUID:
        """Electricity that the member bought, and that was delivered."""
        self.fund()
        quoted = self.quoted()
        wanted = Wanted(
            amount=naira("600.00"), account_id=UUID(quoted["account_id"]), quote_id=UUID(quoted["quote_id"])
        )
        actor = self.member.actor
        screened = utilities.screen_purchase(actor=actor, wanted=wanted, pin=None, now=self.now)
        made = utilities.process_one_time_utility_payment(actor=actor, screened=screened, now=self.now)
        utilities.vend_purchase(cluster_id=self.estate.id, purchase_id=made.id, now=self.now)
        return made.id

    def automation(self, *, enable: bool = True, **terms: Any) -> UUID:
        """What the member has bought by itself, for a saved meter."""
        wanted = AutomationTerms(
            **{"schedule": ScheduleTerms(ScheduleKind.EVERY_DAYS, 1), "amount": naira("600.00"), **terms}
        )
        return recurring.setup_recurring_utility_payment(
            actor=self.member.actor,
            account_id=self.saved_number(),
            terms=wanted,
            enable=enable,
            authorization=no_pin(self.member),
            now=self.now,
        )

    def run_automation(self) -> UUID:
        """An automation that has bought once."""
        self.fund()
        made = self.automation()
        recurring.run_automations_of(
            cluster_id=self.estate.id, user_id=self.member.user_id, now=self.now + timedelta(days=2)
        )
        return made

    def limited_automation(self) -> UUID:
        """An automation that was stopped by its limit, twice."""
        made = self.automation(spending_limit=naira("1.00"))
        for days in (2, 4):
            recurring.run_automations_of(
                cluster_id=self.estate.id, user_id=self.member.user_id, now=self.now + timedelta(days=days)
            )
        return made

    @property
    def customer(self) -> Actor:
        """The member as a customer of the platform's plans."""
        return customer_actor(user_id=self.member.user_id, is_platform_staff=False, origin=ORIGIN)

    def subscribed(self, code: str = "pro") -> UUID:
        """The member's subscription, chosen now unless it runs already; its id."""
        with tenant(PLATFORM_CLUSTER_ID):
            plan = offered_plan_named(code=code).id
            running = Subscription.objects.filter(
                cluster_id=PLATFORM_CLUSTER_ID, user_id=self.member.user_id, ended_at=None
            ).first()
        if running:
            return running.id
        return subscriptions.subscribe_user(actor=self.customer, plan_id=plan, interval="month", now=self.now).id

    def card(self) -> str:
        """A card that the member gave on Stripe's page, another than before; its id there."""
        given = len(subscriptions.my_methods(actor=self.customer))
        call = subscriptions.begin_setup(actor=self.customer, now=self.now)
        page = subscriptions.ask_stripe(cluster_id=PLATFORM_CLUSTER_ID, call_id=call.id, now=self.now)
        STRIPE.control("POST", f"/stripe/page/{page.stripe_id}", {"card": CARDS[given]})
        subscriptions.ask_stripe(cluster_id=PLATFORM_CLUSTER_ID, call_id=call.id, now=self.now)
        return subscriptions.my_methods(actor=self.customer)[0].id

    def subscribed_by_card(self) -> None:
        """The member has a plan that is paid by card, and nothing else."""
        with tenant(PLATFORM_CLUSTER_ID):
            mine = Subscription.objects.filter(
                cluster_id=PLATFORM_CLUSTER_ID, user_id=self.member.user_id, ended_at=None
            ).first()
            plan = offered_plan_named(code="basic").id
        if mine and mine.collection == Collection.STRIPE:
            return
        if mine:
            subscriptions.cancel_subscription(
                actor=self.customer, subscription_id=mine.id, at_period_end=False, now=self.now
            )
        call = subscriptions.begin_subscribing(
            actor=self.customer,
            plan_id=plan,
            interval="month",
            currency="USD",
            collection=Collection.STRIPE,
            method_id=self.card(),
            now=self.now,
        )
        assert call
        subscriptions.ask_stripe(cluster_id=PLATFORM_CLUSTER_ID, call_id=call.id, now=self.now)

    def paid_by_card(self) -> UUID:
        """One more invoice that the member's card paid; its id."""
        self.subscribed_by_card()
        with tenant(PLATFORM_CLUSTER_ID):
            mine = Subscription.objects.get(cluster_id=PLATFORM_CLUSTER_ID, user_id=self.member.user_id, ended_at=None)
        bought = subscriptions.begin_buying_pack(
            actor=self.customer, subscription_id=mine.id, code="ai_responses_500", cause=None, now=self.now
        )
        subscriptions.ask_stripe(cluster_id=PLATFORM_CLUSTER_ID, call_id=bought.id, now=self.now)
        with tenant(PLATFORM_CLUSTER_ID):
            theirs = Invoice.objects.filter(cluster_id=PLATFORM_CLUSTER_ID, user_id=self.member.user_id)
            return theirs.exclude(stripe_invoice_id="").order_by("-id").values_list("id", flat=True)[0]

    def platform_case(self) -> UUID:
        """Something that a person of the platform has to look at; its id."""
        with tenant(PLATFORM_CLUSTER_ID):
            about = uuid4().hex
            payments.open_case(kind=CaseKind.AT_STRIPE, subject=about, facts={"what": "price_unknown"}, now=self.now)
            return Case.objects.get(cluster_id=PLATFORM_CLUSTER_ID, subject=about).id

    def invoiced(self) -> UUID:
        """One more invoice of the member's for a plan; its id."""
        for _ in range(2):  # the first may be a trial
            subscription = self.subscribed()
            subscriptions.cancel_subscription(
                actor=self.customer, subscription_id=subscription, at_period_end=False, now=self.now
            )
        with tenant(PLATFORM_CLUSTER_ID):
            theirs = Invoice.objects.filter(cluster_id=PLATFORM_CLUSTER_ID, user_id=self.member.user_id)
            return theirs.order_by("-id").values_list("id", flat=True)[0]

    def paid_for_a_plan(self) -> None:
        """One more payment of such an invoice."""
        staff = customer_actor(user_id=self.clerk.user_id, is_platform_staff=True, origin=ORIGIN)
        subscriptions.process_payment(
            actor=staff,
            invoice_id=self.invoiced(),
            amount=Money(1000, "USD"),
            method=PaymentMethod.BANK_TRANSFER,
            reference=a_reference(),
            paid_at=self.now,
            now=self.now,
        )

    def order(self, **terms: Any) -> UUID:
        """A recurring payment of the member's, due now."""
        new = NewOrder(
            title=self.text("Garden"),
            amount=naira("10.00"),
            frequency=Frequency.MONTHLY,
            start_date=self.now,
            description=self.text("Lawn"),
            **terms,
        )
        return recurring.create_recurring_payment(
            actor=self.member.actor, new=new, authorization=no_pin(self.member), now=self.now
        )

    def paused_order(self) -> UUID:
        made = self.order()
        recurring.pause_recurring_payment(
            actor=self.member.actor, recurring_payment_id=made, reason=self.text("Away"), now=self.now
        )
        return made

    def held_order(self) -> UUID:
        """A recurring payment that the office paused."""
        made = self.order()
        recurring.pause_recurring_payment_of_member(
            actor=self.clerk.actor, recurring_payment_id=made, reason=self.text("Called"), now=self.now
        )
        return made

    def run_order(self, **terms: Any) -> UUID:
        """A recurring payment that has run."""
        self.fund()
        made = self.order(**terms)
        recurring.process_payment(cluster_id=self.estate.id, recurring_payment_id=made, now=self.now)
        return made

    def notice(self) -> str:
        """Something the member was told, and nobody else; its id."""
        notify(
            event=NotificationEvents.RECURRING_PAYMENT_PAUSED,
            cluster_id=self.estate.id,
            audience=Audience.one(self.member.user_id),
            subject_id=None,
            facts={"what": self.text("Gate"), "amount_minor": 100, "currency": self.estate.currency},
            now=self.now,
        )
        return str(my_notifications(actor=self.member.actor, limit=1)[0].id)

    def endpoint(self) -> UUID:
        """Where an estate's system hears of its events."""
        made = create_endpoint(
            actor=self.clerk.actor,
            url="https://estate.example/clustr",
            description=self.text("Hook"),
            events=[],
            now=self.now,
        )
        return made.id

    def bank_details(self) -> None:
        """The estate keeps a bank account of its own."""
        name = self.text("Account")
        bank = Destination("058", "0123456789", name)
        wallets.keep_bank_details(actor=self.clerk.actor, destination=bank, seen_name=name, now=self.now)

    def delivery(self, endpoint_id: str) -> UUID:
        """Something that was sent to an endpoint, or waits."""
        return calls_of(actor=self.clerk.actor, endpoint_id=UUID(endpoint_id))[0].id

    def set_pin(self) -> None:
        wallets.set_pin(actor=self.member.actor, pin=PIN, old_pin=None, now=self.now)


_LETTERS = str.maketrans("0123456789", "ghijklmnop")


@dataclass
class Town:
    """Palm Grove (`here`), Lekki Gardens (`there`), and everybody of the matrix by what they are."""

    now: datetime
    here: Estate
    there: Estate
    tags: dict[UUID, str]
    platform: Person
    twin: Person
    landlord: Person
    gone: dict[str, Person]
    staff: dict[str, Person]
    held: dict[UUID, set[str]] = field(default_factory=dict)
    """The ids that each estate is known to hold, as far as answers named any."""
    _clients: dict[UUID, ApiClient] = field(default_factory=dict)
    _ready: dict[tuple[Any, ...], tuple[Place, Any]] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def client(self, person: Person) -> ApiClient:
        if person.user_id not in self._clients:
            self._clients[person.user_id] = sharing_middleware(client_of(person))
        return self._clients[person.user_id]

    def newcomer(self, estate: Estate, role: Role = Role.RESIDENT, *permissions: str) -> Person:
        """One more member, who has been there all along."""
        number, tag = next(self._numbers), self.tags[estate.id]
        part = Part(f"{role.value}{number} {tag}", role, permissions, f"U{number} {tag}")
        return make_people(estate, (part,), self.now)[0]

    def place(self, estate: Estate) -> Place:
        """A place about a member of its own."""
        office, clerk = estate["office"], estate["clerk"]
        return Place(estate, self.tags[estate.id], self.now, office, clerk, clerk, self.newcomer(estate))

    def ready(
        self, good: Callable[[Place], Any], estate: Estate, *, used: bool = False, which: str = "", times: int = 1
    ) -> tuple[Place, Any]:
        """A place where a row's good request is prepared, and the request. What only looks, or is refused, leaves it as it
        was: the next test is given the same. One that does it is given another (`used`), and so is who wants one beside it
        (`which`), or more than one thing there (`times`)."""
        key = (good, estate.id, which, times)
        if used or key not in self._ready:
            place = self.place(estate)
            ask, *_ = (good(place) for _ in range(times))
            if used:
                return place, ask
            self._ready[key] = place, ask
        return self._ready[key]

    def own_place(self) -> Place:
        """A place of somebody who both administers the estate and lives there, and decides about themselves."""
        return replace(self.place(self.here), office=self.landlord, maker=self.landlord, member=self.landlord)

    def leave(self, person: Person) -> None:
        clusters.end_membership(
            actor=self.here["office"].actor, membership_id=person.membership_id, left_at=self.now, now=self.now
        )


def make_people(estate: Estate, parts: tuple[Part, ...], now: datetime) -> list[Person]:
    return _enrol(estate.id, estate.currency, estate.timezone, parts, now - LONG_AGO, now)


_HANDLER = ClientHandler()


def sharing_middleware(client: ApiClient) -> ApiClient:
    """The client, with the one handler of all: each would set up the middleware anew, and keeps nothing in it."""
    client._client.handler = _HANDLER
    return client


def make_town() -> Town:
    now = clock.now()
    subscriptions.sync_plans(
        actor=system_actor(cluster_id=PLATFORM_CLUSTER_ID), catalogue=read_catalogue(DEFAULT_PLANS), now=now
    )
    here, there = _estate("palm", now), _estate("lekki", now)
    tags = {here.id: here.name, there.id: there.name}
    every = {permission.value: (permission.value,) for permission in PaymentsPermissions}
    parts = [Part(f"{name} {here.name}", Role.STAFF, held) for name, held in {"none": (), **every}.items()]
    staff = dict(zip(["", *every], make_people(here, tuple(parts), now), strict=True))
    gone = make_people(
        here,
        (
            Part(f"mover {here.name}", Role.RESIDENT),
            Part(f"retired {here.name}", Role.STAFF, ("ViewPayments", "ManageBill")),
        ),
        now,
    )
    (landlord,) = make_people(here, (Part(f"landlord {here.name}", Role.ADMIN),), now)
    _also(landlord, here, Role.RESIDENT, now)
    (twin,) = make_people(here, (Part("twin", Role.ADMIN),), now)
    _also(twin, there, Role.ADMIN, now)
    for estate, role in ((here, Role.RESIDENT), (there, Role.RESIDENT)):
        _also(twin, estate, role, now)
    email = f"platform-{uuid4().hex}@example.test"
    platform = create_platform_staff(email=email, name="Ngozi", now=now, password_hash="!")
    nobody = replace(here["office"], user_id=platform, email=email, name="Ngozi")
    town = Town(now, here, there, tags, nobody, twin, landlord, {"resident": gone[0], "staff": gone[1]}, staff)
    for person in gone:
        town.leave(person)
    return town


def _estate(word: str, now: datetime) -> Estate:
    tag = f"{word}{uuid4().hex[:12].translate(_LETTERS)}"
    parts = tuple(Part(f"{name} {tag}", Role.ADMIN) for name in ("office", "clerk"))
    estate = make_estate(tag, parts, now)
    estate.people = {name.split(" ")[0]: person for name, person in estate.people.items()}
    return estate


def _also(person: Person, estate: Estate, role: Role, now: datetime) -> None:
    enrol_members(cluster_id=estate.id, members=[NewMember(person.user_id, role, now - LONG_AGO, (), "")], now=now)
