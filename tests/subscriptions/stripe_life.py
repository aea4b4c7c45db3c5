"""One simulated life of customers whose plans Stripe collects: every kind of act and fault, a process that dies here and
there, the books proved after every act, and what must be so when the faults have healed."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.crashpoints import Crash, watching
from clustr.kit.errors import Refusal
from clustr.kit.money import Money
from clustr.kit.outbound import OutboundError
from clustr.kit.tenancy import tenant
from clustr.ledger import queries as books
from clustr.subscriptions import commands
from clustr.subscriptions.models import Payment, StripeCall, Subscription, UsagePack
from clustr.subscriptions.types import Discount, Duration
from clustr.subscriptions.vendors import registry
from clustr.subscriptions.vendors.nouns import StripeRefused, StripeUnreadable
from tests.cast import Cast, make_cast
from tests.lives import Ended, written
from tests.proofs import broken_books
from tests.subscriptions.stripe_stage import StripeShop, buy_units

CARDS = ("4242424242424242", "4242424242424242", "4000002760003184", "4000000000000341", "4000000000009995")
GROUPS = ("charge", "plan", "verify", "list", "customer", "refund")
FAULTS = ("timeout_before", "timeout_after", "error_after", "reset_after", "truncated_after", "too_many", "html_after")
PLANS = ("basic", "pro", "team")
_EXPECTED = (Refusal, Crash, OutboundError, StripeRefused, StripeUnreadable)


def live(seed: int, *, steps: int = 30) -> Ended:
    """Live, in an estate of its own, heal, and look."""
    return _Life(make_cast(), seed).run(steps)


class _Life:
    def __init__(self, cast: Cast, seed: int) -> None:
        self.ended = Ended(seed)
        self.chance = random.Random(seed)
        self.codes = count(1)
        self.shop = StripeShop(cast, datetime(2026, 6, 15, 9, tzinfo=UTC))
        self.broken_before = {name for name, _ in broken_books(PLATFORM_CLUSTER_ID)}
        self.customers = [self.shop.customer() for _ in range(2)]

    def run(self, steps: int) -> Ended:
        kept = registry._holder
        registry._holder = lambda: self.shop.holder  # type: ignore[assignment]
        try:
            self.shop.sync()
            for _ in range(steps):
                self._step()
                if self.ended.wrong:
                    return self.ended
            self._heal()
            self._look()
        finally:
            registry._holder = kept
        return self.ended

    def _step(self) -> None:
        shop, chance = self.shop, self.chance
        shop.move(hours=chance.choice((0.1, 3, 30, 24 * 8)))
        shop.heal()
        if chance.random() < 0.5:
            group, fault = chance.choice(GROUPS), chance.choice(FAULTS)
            shop.dial(**{f"stripe__{group}__{fault}": chance.choice((0.3, 1.0))})
        if chance.random() < 0.3:
            shop.dial(stripe__charge__decline=0.5, stripe__webhook__drop=0.3, stripe__webhook__duplicate=0.3)
        dies = chance.random() < 0.25
        at = chance.randrange(1, 40)
        passed = count(1)

        def reached(_place: str) -> None:
            if dies and next(passed) == at:
                raise Crash("it dies here")

        act = chance.choice(
            (
                *(self._begin, self._page, self._change, self._cancel, self._keep, self._hear, self._hear, self._card),
                *(self._refund, self._at_dashboard, self._at_bank, self._credit),
                *(self._coupon, self._use, self._units, self._night, self._move),
            )
        )
        self.ended.done[act.__name__.strip("_")] += 1
        before = written()
        with suppress(*_EXPECTED), watching(reached):
            act()
        with suppress(*_EXPECTED):
            shop.ask_due()
        if written() != before:
            self._prove(f"after {act.__name__.strip('_')}: ")

    def _prove(self, when: str) -> None:
        """The books of the estate whose plans these are, and the platform's, which other lives of the same database share:
        what was broken there before is not said of this one."""
        for cluster_id in (self.shop.cluster_id, PLATFORM_CLUSTER_ID):
            for name, rows in broken_books(cluster_id):
                if name not in self.broken_before:
                    self.ended.wrong.append(f"{when}{name}: {str(rows[0])[:300]}")

    def _running(self) -> list[Subscription]:
        with tenant(self.shop.cluster_id):
            return list(Subscription.objects.filter(cluster_id=self.shop.cluster_id, ended_at=None).order_by("id"))

    def _begin(self) -> None:
        actor = self.chance.choice(self.customers)
        self.shop.begin(self.chance.choice(PLANS), actor=actor)

    def _page(self) -> None:
        pages = [doc for doc in self.shop.rows("checkout.session") if doc["status"] == "open"]
        if pages:
            page = self.chance.choice(pages)["id"]
            self.shop.control("POST", f"/stripe/page/{page}", {"card": self.chance.choice(CARDS)})

    def _card(self) -> None:
        call = commands.begin_setup(actor=self.chance.choice(self.customers), now=self.shop.now)
        self.shop.ask(call)

    def _change(self) -> None:
        for held in self._running()[:1]:
            plan, interval = self.chance.choice(PLANS), self.chance.choice(("month", "month", "year"))
            later = self.chance.choice((None, False))
            self.shop.change(held, plan, interval=interval, at_period_end=later)

    def _move(self) -> None:
        """A customer moves to a country with tax, or to one without."""
        address = commands.NewAddress(line1="1 Ring Road", city="Town", country=self.chance.choice(("NG", "GH")))
        owner = self.chance.choice(self.customers)
        commands.set_billing_address(actor=owner, address=address, now=self.shop.now)

    def _cancel(self) -> None:
        for held in self._running()[-1:]:
            self.shop.cancel(held, at_period_end=self.chance.random() < 0.7)

    def _keep(self) -> None:
        for held in self._running():
            self.shop.keep(held)

    def _coupon(self) -> None:
        """Staff make a coupon, and a customer uses it."""
        chance = self.chance
        until = chance.choice((Duration.ONCE, Duration.REPEATING, Duration.FOREVER))
        off = (
            Discount(chance.choice((1000, 5000, 10_000)))
            if chance.random() < 0.7
            else Discount(amount=Money(700, "USD"))
        )
        code = f"C{next(self.codes)}"
        commands.create_coupon(
            actor=self.shop.staff,
            code=code,
            name="Chance",
            discount=off,
            duration=until,
            duration_months=3 if until is Duration.REPEATING else None,
            now=self.shop.now,
        )
        for held in self._running()[:1]:
            owner = self.shop.owner(held)
            self.shop.ask(commands.begin_coupon(actor=owner, subscription_id=held.id, code=code, now=self.shop.now))

    def _use(self) -> None:
        for held in self._running():
            self.shop.use(held, self.chance.choice((1, 400, 6_000)))

    def _units(self) -> None:
        for held in self._running()[-1:]:
            buy_units(self.shop, held)

    def _night(self) -> None:
        self.shop.night()

    def _refund(self) -> None:
        """Staff give back some of a payment."""
        with tenant(self.shop.cluster_id):
            paid = Payment.objects.filter(cluster_id=self.shop.cluster_id, status="succeeded").order_by("id")
            ids = list(paid.values_list("invoice_id", flat=True))
        if ids:
            amount = Money(self.chance.choice((1, 333, 2150)), "USD") if self.chance.random() < 0.7 else None
            terms = {"invoice_id": self.chance.choice(ids), "amount": amount, "reason": "Chance", "now": self.shop.now}
            self.shop.ask(commands.begin_refund(actor=self.shop.staff, **terms))

    def _at_stripe(self, kind: str, act: str, **more: object) -> None:
        rows = self.shop.rows(kind)
        if rows:
            asked = {"act": act, **more}
            self.shop.sandbox.handle(
                "POST", f"/_sandbox/stripe/return/{self.chance.choice(rows)['id']}", {}, json.dumps(asked).encode()
            )

    def _at_dashboard(self) -> None:
        """Somebody gives back some of a payment there, or it fails."""
        if self.chance.random() < 0.7:
            self._at_stripe("payment_intent", "refund", amount=self.chance.choice((1, 700, 2000)))
        else:
            self._at_stripe("refund", "fail_refund")

    def _at_bank(self) -> None:
        """A payer complains, or a complaint is decided."""
        if self.chance.random() < 0.5:
            self._at_stripe("payment_intent", "dispute", question=self.chance.random() < 0.3)
        else:
            status = self.chance.choice(("won", "lost", "needs_response", "under_review"))
            self._at_stripe("dispute", "decide", status=status)

    def _credit(self) -> None:
        """A credit note at the dashboard, or one is taken back there."""
        if self.chance.random() < 0.7:
            how = self.chance.choice(("refund", "balance", "outside"))
            amount = {} if self.chance.random() < 0.3 else {"amount": self.chance.choice((100, 1075))}
            self._at_stripe("invoice", "credit", **{"as": how}, **amount)
        else:
            self._at_stripe("credit_note", "void_credit")

    def _hear(self) -> None:
        deliveries = self.shop.events()
        self.chance.shuffle(deliveries)
        for delivery in deliveries:
            with suppress(*_EXPECTED):
                self.shop.take_in(delivery.body, delivery.headers)

    def _heal(self) -> None:
        """No fault any more: what waits is asked, what Stripe tells is heard, and a night passes, and another."""
        shop = self.shop
        shop.heal()
        for _ in range(3):
            shop.move(hours=25)
            with suppress(*_EXPECTED):
                self._hear()
            shop.ask_due()
            self._follow_all()
            shop.night()

    def _follow_all(self) -> None:
        for held in self._running():
            commands.follow_ours(cluster_id=held.cluster_id, subscription_id=held.id, now=self.shop.now)

    def _look(self) -> None:
        shop, wrong = self.shop, self.ended.wrong
        with tenant(shop.cluster_id):
            mine = list(Subscription.objects.filter(cluster_id=shop.cluster_id))
            open_calls = StripeCall.objects.filter(cluster_id=shop.cluster_id, state="recorded").count()
        if open_calls:
            wrong.append(f"{open_calls} requests are not known")
        known = {held.stripe_subscription_id for held in mine}
        for held in mine:
            if held.stripe_subscription_id:
                try:
                    shop.agrees(held)
                except AssertionError as error:
                    wrong.append(f"{held.stripe_subscription_id} does not stand as at Stripe: {str(error)[:200]}")
        for doc in shop.rows("subscription"):
            if doc["id"] not in known and doc["status"] not in ("canceled", "incomplete_expired"):
                wrong.append(f"{doc['id']} runs at Stripe alone")
        running = Counter(
            doc["customer"]
            for doc in shop.rows("subscription")
            if doc["status"] in ("active", "trialing", "past_due", "unpaid")
        )
        wrong += [f"{customer} is charged twice" for customer, times in running.items() if times > 1]
        self._look_at_units(mine)
        self._look_at_returns()
        # No period of a subscription is invoiced twice.
        periods = Counter(
            (doc["parent"]["subscription_details"]["subscription"], line["period"]["start"])
            for doc in shop.rows("invoice")
            if doc["billing_reason"] == "subscription_cycle"
            for line in doc["lines"]["data"]
            if not line["parent"]["invoice_item_details"]
        )
        wrong += [f"{period} is invoiced twice" for period, times in periods.items() if times > 1]
        self._prove("in the end: ")

    def _look_at_units(self, mine: list[Subscription]) -> None:
        """Units bought in advance are there once for each time they were paid."""
        paid = Counter(
            doc["parent"]["subscription_details"]["subscription"]
            for doc in self.shop.rows("invoice")
            if doc["metadata"].get("pack") and doc["status"] == "paid"
        )
        for held in mine:
            with tenant(self.shop.cluster_id):
                here = UsagePack.objects.filter(cluster_id=self.shop.cluster_id, subscription_id=held.id).count()
            if here != paid[held.stripe_subscription_id]:
                self.ended.wrong.append(
                    f"{here} packs of units are there, and {paid[held.stripe_subscription_id]} were paid"
                )

    def _look_at_returns(self) -> None:
        """What went back at Stripe, counted from its own rows: so much stands at each payment, and no more of our money is there
        than Stripe holds."""
        shop, wrong = self.shop, self.ended.wrong
        held: Counter[str] = Counter()
        refunded, disputed = Counter[str](), Counter[str]()
        for doc in shop.rows("charge"):
            held[doc["currency"].upper()] += doc["amount"]
        for doc in shop.rows("refund"):
            if doc["status"] != "failed":
                refunded[doc["payment_intent"]] += doc["amount"]
                held[doc["currency"].upper()] -= doc["amount"]
        for doc in shop.rows("dispute"):
            gone = -sum(entry["amount"] for entry in doc["balance_transactions"])
            held[doc["currency"].upper()] -= gone
            if gone or doc["status"] not in ("won", "lost", "warning_closed"):
                disputed[doc["payment_intent"]] += doc["amount"]
        with tenant(shop.cluster_id):
            paid = list(Payment.objects.filter(cluster_id=shop.cluster_id, status="succeeded"))
            clearing = {
                row.currency: -row.balance_minor for row in books.trial_balance() if row.kind == "provider_clearing"
            }
        for one in paid:
            name = one.stripe_payment_intent_id
            stands, wanted = (one.refunded_minor, one.disputed_minor), (refunded[name], disputed[name])
            if stands != wanted:
                wrong.append(f"{name} has {stands} given back and disputed, at Stripe {wanted}")
        if {code: minor for code, minor in clearing.items() if minor} != {c: m for c, m in held.items() if m}:
            wrong.append(f"our books say {clearing} is at Stripe, which holds {dict(held)}")
