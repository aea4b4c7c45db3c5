"""Every invariant is alive: one seeded violation makes exactly its own query fire. And `check_books` says so."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.test import Client
from structlog.testing import capture_logs

from clustr.bills import commands as bills
from clustr.bills.types import BillType
from clustr.kit import clock, tasks
from clustr.kit.invariants import BrokenInvariant, Invariant, all_invariants, violations
from clustr.kit.tenancy import tenant
from clustr.ledger import checks
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind
from clustr.payments import commands as payments
from clustr.payments.models import SavedMethod
from clustr.payments.providers import registry
from clustr.payments.refusals import BooksDoNotHold
from clustr.recurring.models import UtilityAutomation
from clustr.recurring.types import PaymentSource
from clustr.settlement import commands as settlement
from clustr.subscriptions import commands as subscriptions
from clustr.subscriptions.types import Discount, Duration
from clustr.wallets import commands as wallets
from clustr.wallets.types import Destination
from tests.cast import Cast, make_cast
from tests.chains import close
from tests.databases import administrator, copied_database, looking_at
from tests.money import acknowledge, fund, issue, naira, no_pin
from tests.recurring.acts import cancel, order_of, process, stored
from tests.recurring.automating import Automations
from tests.settlement.stage import Stage
from tests.subscriptions.shop import Shop
from tests.utilities.counter import Counter, put_behind_the_wire

pytestmark = pytest.mark.early

BANK = Destination("058", "0123456789", "Bola")
Run = Callable[[str], None]


@dataclass(frozen=True)
class World:
    """Palm Grove with a little of everything; ids by which the seeds find it."""

    cast: Cast
    deposit: UUID
    part_payment: UUID
    whole_payment: UUID
    estate_bill: UUID
    own_bill: UUID
    withdrawal: UUID
    taken: UUID
    begun: UUID
    sold: UUID
    undecided: UUID
    returning: UUID

    @property
    def cluster_id(self) -> UUID:
        return self.cast.cluster_id


@pytest.fixture(scope="module")
def world() -> World:
    cast = make_cast()
    fund(cast, cast.bola, "10000.00")
    estate_bill, own_bill = issue(cast, "5000.00"), issue(cast, "1000.00", to=cast.bola)
    paid = {}
    for bill, amount in ((estate_bill, "2000.00"), (own_bill, "1000.00")):
        acknowledge(cast, cast.bola, bill)
        paid[bill.id], _ = bills.pay_bill(
            actor=cast.bola.actor,
            bill_id=bill.id,
            amount=naira(amount),
            authorization=no_pin(cast.bola),
            now=cast.now,
        )
    bills.refund_bill_payment(
        actor=cast.ada.actor,
        transaction_id=paid[estate_bill.id].id,
        amount=naira("300.00"),
        reason="Charged twice",
        now=cast.now,
    )
    sold, undecided = _from_a_utility(cast)
    withdrawal = wallets.withdraw(
        actor=cast.bola.actor, amount=naira("500.00"), destination=BANK, authorization=no_pin(cast.bola), now=cast.now
    )
    _recurring(cast)
    taken, begun, returning = _through_a_provider(cast)
    wallets.set_pin(actor=cast.bola.actor, pin="294817", old_pin=None, now=cast.now)
    _sell(cast)
    _close(cast, estate_bill.id)
    close(cast.cluster_id, now=cast.now)
    with tenant(cast.cluster_id), connections["default"].cursor() as cursor:
        cursor.execute("SELECT id FROM payments_transaction WHERE provider = 'cash'")
        (deposit,) = cursor.fetchone()
    return World(
        cast,
        deposit,
        paid[estate_bill.id].id,
        paid[own_bill.id].id,
        estate_bill.id,
        own_bill.id,
        withdrawal.id,
        taken,
        begun,
        sold,
        undecided,
        returning,
    )


def _recurring(cast: Cast) -> None:
    """A contribution, a payment on a bill, and an order that was cancelled after its run."""
    for bill_type in (None, BillType.SERVICE_CHARGE):
        order_of(cast, "100.00", bill_type=bill_type, start_date=cast.now)
    over = order_of(cast, "100.00", start_date=cast.now, person=cast.residents[1])
    process(cast, after=timedelta())
    process(cast, after=timedelta())
    cancel(cast, over, person=cast.residents[1])


def _through_a_provider(cast: Cast) -> tuple[UUID, UUID, UUID]:
    """A deposit of which more arrived than was asked, one that nobody has paid yet, and a refund that is under way."""
    with pytest.MonkeyPatch.context() as patch:
        stage = Stage(cast)
        patch.setattr(registry, "_registry", lambda: stage.registry)
        taken, begun = stage.deposit(cast.bola), stage.deposit(cast.bola)
        stage.end(taken, "too_much")
        stage.confirm(taken)
        back = stage.deposit(cast.bola, "100.00", "flutterwave", save_card=True)
        stage.end(back)
        stage.confirm(back)
        returning = settlement.refund_to_source(
            actor=cast.ada.actor, transaction_id=back.transaction.id, amount=None, reason="Twice", now=stage.now
        )
        _by_card(stage)
    return taken.transaction.id, begun.transaction.id, returning.id


def _by_card(stage: Stage) -> None:
    """A contribution that a card paid, and one whose charge is not decided."""
    with tenant(stage.cast.cluster_id):
        card = SavedMethod.objects.get(user_id=stage.cast.bola.user_id, provider="flutterwave").id
    for paid in (True, False):
        terms = {"payment_source": PaymentSource.CARD, "payment_method_id": card}
        order = order_of(stage.cast, "100.00", start_date=stage.now, **terms)
        process(stage.cast, now=stage.now)
        charging = stored(stage.cast, order).charging_id
        if paid and charging is not None:
            settlement.charge_saved_card(cluster_id=stage.cast.cluster_id, transaction_id=charging, now=stage.now)
            settlement.refund_to_wallet(
                actor=stage.cast.ada.actor,
                transaction_id=charging,
                amount=naira("30.00"),
                reason="Too much",
                now=stage.now,
            )


def _from_a_utility(cast: Cast) -> tuple[UUID, UUID]:
    """Electricity that was delivered, and some that nobody has asked for yet."""
    with pytest.MonkeyPatch.context() as patch:
        counter = Counter(cast)
        put_behind_the_wire(counter, patch)
        counter.stock()
        sold = counter.vend(counter.buy(cast.bola, "600.00"))
        _automate(Automations(counter))
        return sold.id, counter.buy(cast.bola, "700.00").id


def _automate(automations: Automations) -> None:
    """Electricity that an automation bought, and that was delivered."""
    id = automations.set_up(automations.number("04587654321"), amount="500.00")
    with tenant(automations.cast.cluster_id):
        UtilityAutomation.objects.filter(id=id).update(next_run_at=automations.counter.now)
    automations.run()
    assert automations.states(id) == [("completed", "")]


def _sell(cast: Cast) -> None:
    """A plan with a coupon, part of its invoice paid, something used, and a smaller plan instead; and one paid too well."""
    shop = Shop(cast, cast.now)
    shop.sync()
    terms = {"name": "A tenth", "discount": Discount(1000), "duration": Duration.ONCE}
    subscriptions.create_coupon(actor=shop.staff, code="TENTH", now=shop.now, **terms)
    subscription = shop.subscribe("team", coupon="TENTH")
    shop.pay(shop.last(subscription), 1000)
    shop.use(subscription, 3)
    subscriptions.downgrade_plan(
        actor=shop.bola,
        subscription_id=subscription.id,
        plan_id=shop.plan("basic").id,
        interval="month",
        at_period_end=False,
        now=shop.now,
    )
    shop.end_period(subscription)
    generous = shop.last(shop.subscribe("team", actor=shop.customer()))
    shop.pay(generous, generous.total + 500)


def _close(cast: Cast, bill_id: UUID) -> None:
    """Fold everything in, however long other databases of the server hold the horizon back."""
    with tenant(cast.cluster_id):
        account = ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency="NGN")
    for _ in range(600):
        ledger.close_account(cluster_id=cast.cluster_id, account_id=account, timezone="Africa/Lagos")
        with tenant(cast.cluster_id), connections["default"].cursor() as cursor:
            cursor.execute("SELECT bills_close(%s)", [bill_id])
            cursor.execute(
                "SELECT EXISTS (SELECT FROM ledger_transfer WHERE xid >= (SELECT min(horizon) FROM ledger_checkpoint))"
                " OR EXISTS (SELECT FROM bills_billpayment p JOIN bills_tally t USING (bill_id) WHERE p.xid >= t.horizon)"
            )
            if cursor.fetchone() == (False,):
                return
        time.sleep(0.05)
    raise AssertionError("the horizon does not move")


# --- One violation of each -------------------------------------------------------------------------------------------

SEEDS: dict[str, str] = {
    "kit.clusters_apart": "ALTER TABLE utilities_quote NO FORCE ROW LEVEL SECURITY",
    "kit.append_only": "ALTER TABLE ledger_transfer DISABLE TRIGGER append_only",
    "audit.chain_linked": """UPDATE audit_block b SET total = b.total + 1, digest = (
        SELECT audit_block_digest((b.cluster_id, b.seq, b.first_xid, b.horizon, b.events, b.total + 1, b.previous,
                                   b.digest, b.closed_at)::audit_block,
                                  string_agg(audit_event_digest(e), '' ORDER BY e.xid, e.id))
        FROM audit_event e WHERE e.cluster_id = b.cluster_id AND e.xid < b.horizon)""",
    "audit.chain_digest": "UPDATE audit_event SET reason = 'another'",
    "audit.chain_complete": "DELETE FROM audit_block",
    "ledger.two_accounts": "UPDATE ledger_account SET currency = 'USD' WHERE kind = 'received_cash'",
    "ledger.guarded_balance": "UPDATE ledger_account SET balance = balance + 1 WHERE kind = 'member_wallet'",
    "ledger.not_overdrawn": "UPDATE ledger_account SET open = false WHERE kind = 'received_cash'",
    "ledger.checkpoint": """WITH same AS (
        UPDATE ledger_turnover SET credits = credits + 1 WHERE kind = 'bill_payment' AND label = 'service_charge')
      UPDATE ledger_checkpoint SET balance = balance + 1""",
    "ledger.horizon": "UPDATE ledger_checkpoint SET horizon = '9000000000000000000'",
    "ledger.turnover": "UPDATE ledger_turnover SET credits = credits + 1 WHERE kind = 'bill_payment'",
    "ledger.reversal": "UPDATE ledger_transfer SET reverses = %(deposit)s WHERE id = %(withdrawal)s",
    "clusters.tallies_equal_memberships": "UPDATE clusters_tally SET joiners = joiners + 1 WHERE grain = 'day'",
    "clusters.periods_do_not_overlap": """UPDATE clusters_membership SET previous_left_at = joined_at - interval '1 day'
      WHERE role = 'resident'""",
    "clusters.members_have_a_cluster": "DELETE FROM clusters_cluster",
    "payments.settled_once": "UPDATE payments_transaction SET amount_minor = amount_minor + 1 WHERE id = %(deposit)s",
    "payments.every_transfer_has_one": "DELETE FROM payments_transaction WHERE id = %(deposit)s",
    "payments.every_transfer_is_audited": "UPDATE audit_event SET journal = NULL WHERE journal = %(deposit)s",
    "payments.refunds_within": """UPDATE payments_transaction SET refunded_minor = refunded_minor + 1
      WHERE id = %(part_payment)s""",
    "payments.history": "UPDATE payments_statuschange SET n = n + 7 WHERE transaction_id = %(taken)s",
    "payments.watched": "UPDATE payments_attempt SET next_check_at = NULL WHERE id = %(begun)s",
    "payments.settled_as_asked": """UPDATE payments_transaction SET subject_id = gen_random_uuid()
      WHERE purpose = 'surplus'""",
    "payments.charged_and_settled": "UPDATE payments_settlement SET completes_minor = 0 WHERE asked_id = %(taken)s",
    "payments.clearing": "UPDATE payments_settlement SET surcharge_minor = surcharge_minor + 1 WHERE asked_id = %(taken)s",
    "notifications.no_message_without_a_reader": """INSERT INTO notifications_delivery
      (cluster_id, event_id, channel, user_id, face, state, next_try_at)
      SELECT cluster_id, id, 'email', gen_random_uuid(), 'member', 'queued', now() FROM notifications_event
      WHERE user_id IS NOT NULL ORDER BY id DESC LIMIT 1""",
    "wallets.account": "UPDATE wallets_wallet SET currency = 'USD'",
    "wallets.pin_locked": "UPDATE wallets_pin SET failed_attempts = 5",
    "wallets.refunds_hold": "UPDATE payments_transaction SET purpose = 'wallet' WHERE id = %(returning)s",
    "wallets.payouts_hold": "UPDATE payments_transaction SET purpose = 'wallet' WHERE id = %(withdrawal)s",
    "wallets.two_people": "UPDATE wallets_payout SET decided_by = requested_by",
    "bills.paid_is_sum": "UPDATE bills_memberbill SET paid_minor = paid_minor + 1 WHERE bill_id = %(estate_bill)s",
    "bills.never_overpaid": "UPDATE bills_bill SET amount_minor = 1 WHERE id = %(own_bill)s",
    "bills.payment_is_transaction": """UPDATE payments_transaction SET user_id = gen_random_uuid()
      WHERE id = %(whole_payment)s""",
    "bills.transaction_is_payment": "UPDATE payments_transaction SET purpose = 'bill' WHERE id = %(deposit)s",
    "bills.consent_before_payment": """UPDATE bills_acknowledgment SET at = at + interval '1 day'
      WHERE bill_id = %(own_bill)s""",
    "bills.terms_as_acknowledged": """UPDATE bills_acknowledgment SET terms_digest = sha256('other terms')
      WHERE bill_id = %(own_bill)s""",
    "bills.to_cluster_wallet": "UPDATE ledger_transfer SET kind = 'adjustment' WHERE journal = %(whole_payment)s",
    "bills.tally": "UPDATE bills_tally SET paid_count = paid_count + 1",
    "utilities.held": "UPDATE utilities_purchase SET currency = 'USD' WHERE id = %(undecided)s",
    "utilities.delivered": "UPDATE utilities_purchase SET delivered_at = NULL WHERE id = %(sold)s",
    "utilities.token": "UPDATE utilities_purchase SET token = '' WHERE id = %(sold)s",
    "utilities.bill_of_purchase": "UPDATE utilities_purchase SET amount_minor = amount_minor + 1 WHERE id = %(sold)s",
    "utilities.purchase_of_bill": "DELETE FROM utilities_purchase WHERE id = %(sold)s",
    "subscriptions.documented": "UPDATE ledger_transfer SET kind = 'invoice_paid' WHERE id = %(deposit)s",
    "subscriptions.numbers": "UPDATE subscriptions_series SET last_number = last_number + 1 WHERE series ~ '^CN'",
    "subscriptions.lines": "UPDATE subscriptions_invoiceline SET discount = discount + 1 WHERE discount > 0",
    "subscriptions.credited": """UPDATE subscriptions_invoice n SET corrects_id = (SELECT i.id FROM subscriptions_invoice i
      WHERE i.cluster_id = n.cluster_id AND i.kind = 'invoice' ORDER BY i.total LIMIT 1) WHERE n.kind = 'credit_note'""",
    "subscriptions.posted": "UPDATE ledger_transfer SET kind = 'credited' WHERE kind = 'credited_tax'",
    "subscriptions.paid": """UPDATE subscriptions_payment SET surplus_minor = surplus_minor + 1""",
    "subscriptions.payments": "UPDATE subscriptions_payment SET amount = amount + 1, surplus_minor = surplus_minor + 1",
    "subscriptions.refunds": "UPDATE subscriptions_payment SET refunded_minor = refunded_minor + 1",
    "subscriptions.came_back": """INSERT INTO subscriptions_refund
        (cluster_id, id, user_id, invoice_id, payment_id, stripe_refund_id, amount, currency, status, note_minor,
         made_at, created_at, updated_at)
      SELECT cluster_id, gen_random_uuid(), user_id, invoice_id, id, 're_' || id, 1, currency, 'failed', 1, now(), now(), now()
      FROM subscriptions_payment""",
    "subscriptions.disputes": "UPDATE subscriptions_payment SET disputed_minor = disputed_minor + 1",
    "subscriptions.receivables": """UPDATE subscriptions_invoice SET status = 'uncollectible' WHERE status = 'open'""",
    "subscriptions.credit": """UPDATE subscriptions_invoice SET status = 'open', paid_at = NULL
        WHERE status = 'paid' AND amount_paid = total AND user_id IN (
          SELECT subject_id FROM ledger_account WHERE kind = 'customer_credit' AND balance > 0)""",
    "subscriptions.usage": "UPDATE subscriptions_usage SET used = used + 1",
    "subscriptions.packs": """WITH charged AS (
        UPDATE subscriptions_invoice SET stripe_invoice_id = 'in_' || id WHERE status = 'paid' AND kind = 'invoice'
        RETURNING cluster_id, id, user_id, stripe_invoice_id)
      INSERT INTO subscriptions_stripecall
        (cluster_id, id, user_id, act, state, terms, stripe_id, asked_at, finished_at)
      SELECT cluster_id, id, user_id, 'pack', 'done', '{}', stripe_invoice_id, now(), now() FROM charged""",
    "subscriptions.coupons": "UPDATE subscriptions_coupon SET redeemed = redeemed + 1",
    "subscriptions.history": "UPDATE subscriptions_subscription SET status = 'paused'",
    "recurring.every_period_once": "UPDATE recurring_payment SET skipped_periods = skipped_periods + 1",
    "recurring.run_moved_its_amount": "UPDATE recurring_run SET amount_minor = amount_minor - 1 WHERE amount_minor > 0",
    "recurring.money_has_a_run": "UPDATE recurring_payment SET user_id = gen_random_uuid() WHERE bill_type = ''",
    "recurring.charge_awaited": """UPDATE recurring_payment SET charging_id = gen_random_uuid()
      WHERE charging_id IS NOT NULL""",
    "recurring.charged_once": "UPDATE recurring_run SET cap_minor = 1 WHERE amount_minor > 0",
    "recurring.contributions_given_back": """UPDATE ledger_transfer SET kind = 'adjustment'
      WHERE kind = 'contribution_refund'""",
    "recurring.bills_of_the_member": """UPDATE recurring_payment SET bill_type = 'security'
      WHERE bill_type = 'service_charge'""",
    "recurring.automated_purchase_has_a_run": "UPDATE recurring_automation SET user_id = gen_random_uuid()",
    "recurring.automation_bought_once": "UPDATE recurring_automationrun SET fee_minor = fee_minor + 1",
    "recurring.automation_within_limits": "UPDATE recurring_automationrun SET limit_minor = 1",
    "recurring.none_after_the_end": "UPDATE recurring_payment SET stopped_at = created_at - interval '1 day'",
    "bills.one_settlement": "UPDATE bills_billpayment SET settles = 2 WHERE bill_id = %(own_bill)s",
}

ALSO: dict[str, set[str]] = {
    # An act that says something else is not the act that was chained.
    "payments.every_transfer_is_audited": {"audit.chain_digest"},
}
"""Where a violation cannot help making a second invariant fire: which, with the reason beside it."""

_NO_WALLS = """
CREATE OR REPLACE FUNCTION kit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END; END $$;
CREATE OR REPLACE FUNCTION recurring_keep_automationruns() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE OR REPLACE FUNCTION utilities_keep_purchase() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE OR REPLACE FUNCTION payments_keep_steps() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE OR REPLACE FUNCTION subscriptions_keep_invoices() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE OR REPLACE FUNCTION recurring_keep_runs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
"""
_CONSTRAINTS = """
(SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype IN ('f', 'c', 'u') AND conrelid <> 0
  AND conrelid::regclass::text ~ '^(ledger|payments|wallets|bills|utilities|recurring|clusters|audit|subscriptions)_'
ORDER BY contype = 'u')
UNION ALL
SELECT format('ALTER DOMAIN %s DROP CONSTRAINT %I', contypid::regtype, conname) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype = 'c' AND contypid <> 0
"""


Unwalled = Callable[[], AbstractContextManager[Run]]


@pytest.fixture(scope="module")
def unwalled(world: World) -> Iterator[Unwalled]:
    """A copy of the world in which the owner may write anything: `with unwalled() as run`. Afterwards nothing of it has
    happened."""

    @contextmanager
    def within() -> Iterator[Run]:
        with looking_at(name, "owner"), transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(world.cluster_id)])

            def run(statement: str) -> None:
                cursor.execute(statement, vars(world))
                assert cursor.rowcount != 0, f"changed nothing: {statement}"

            yield run
            transaction.set_rollback(True, using="owner")

    with copied_database() as name:
        with administrator(name) as copy:
            copy.execute(_NO_WALLS)
            for (statement,) in copy.execute(_CONSTRAINTS).fetchall():
                copy.execute(statement)
        yield within


def fired(world: World, using: str = "checker", minutes: int | None = None) -> set[str]:
    since = None if minutes is None else clock.now() - timedelta(minutes=minutes)
    return {found.invariant.name for found in violations(cluster_id=world.cluster_id, since=since, using=using)}


def test_nothing_is_violated_before(world: World, unwalled: Unwalled) -> None:
    assert fired(world) == set()
    with unwalled():
        assert fired(world, "owner") == set()


def test_every_invariant_has_a_seed() -> None:
    names = [invariant.name for invariant in all_invariants()]
    assert sorted(names) == sorted(SEEDS)
    assert len(names) == len(set(names))
    assert all(invariant.says.endswith(".") for invariant in all_invariants())


@pytest.mark.parametrize("name", list(SEEDS))
def test_a_violation_makes_exactly_its_invariant_fire(world: World, unwalled: Unwalled, name: str) -> None:
    with unwalled() as run:
        run(SEEDS[name])
        assert fired(world, "owner") == {name} | ALSO.get(name, set())


# --- What was touched lately -----------------------------------------------------------------------------------------

ALSO_RECENT: dict[str, set[str]] = {
    **ALSO,
    # The recent form of the checkpoint is the sum over all accounts, which these disturb as well.
    "ledger.guarded_balance": {"ledger.checkpoint"},
    "ledger.two_accounts": {"ledger.checkpoint"},
    # The recent form finds a member's payments by their transactions.
    "bills.payment_is_transaction": {"bills.paid_is_sum"},
}
YESTERDAY = """
UPDATE ledger_transfer SET at = at - interval '1 day';
UPDATE clusters_tally SET at = at - interval '1 day' WHERE grain = 'instant'
"""
BY_SIZE = {"kit.clusters_apart", "kit.append_only", "ledger.horizon", "wallets.pin_locked", "wallets.two_people"}
"""Cheap whatever the size: examined whole, however long ago."""


def test_nothing_is_violated_lately(world: World) -> None:
    assert fired(world, minutes=60) == set()


@pytest.mark.parametrize("name", [invariant.name for invariant in all_invariants() if invariant.recent_sql])
def test_a_recent_violation_makes_its_invariant_fire_in_the_recent_form(
    world: World, unwalled: Unwalled, name: str
) -> None:
    with unwalled() as run:
        run(SEEDS[name])
        assert fired(world, "owner", minutes=60) == {name} | ALSO_RECENT.get(name, set())


@pytest.mark.parametrize("name", [invariant.name for invariant in all_invariants() if invariant.recent_sql])
def test_what_was_not_touched_is_left_to_the_full_run(world: World, unwalled: Unwalled, name: str) -> None:
    with unwalled() as run:
        run(SEEDS[name])
        with connections["owner"].cursor() as cursor:
            cursor.execute(YESTERDAY)
        assert fired(world, "owner", minutes=0) <= BY_SIZE


# --- The command -----------------------------------------------------------------------------------------------------


UUID_OID = 2950
OF_NO_ESTATE = {"kit.clusters_apart", "kit.append_only"}
"""Invariants of the tables themselves."""


@contextmanager
def _broken(cluster_id: UUID) -> Iterator[None]:
    """A committed violation, taken back afterwards."""

    def add(minor: int) -> None:
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(cluster_id)])
            cursor.execute("UPDATE ledger_account SET balance = balance + %s WHERE kind = 'member_wallet'", [minor])

    add(1)
    try:
        yield
    finally:
        add(-1)


def check_books(**options: Any) -> tuple[int, str]:
    said = io.StringIO()
    try:
        call_command("check_books", stdout=said, **options)
    except SystemExit as left:
        return int(str(left.code)), said.getvalue()
    except CommandError as error:
        return error.returncode, str(error)
    return 0, said.getvalue()


def test_it_works(world: World) -> None:
    status, said = check_books(cluster=world.cluster_id)
    assert status == 0
    assert said.splitlines()[-1] == f"{len(SEEDS)} invariants hold."
    assert all(any(line.startswith(name) for line in said.splitlines()) for name in SEEDS)


def test_a_violation_is_shown_with_its_rows_and_in_the_exit_status(world: World) -> None:
    with _broken(world.cluster_id):
        status, said = check_books(cluster=world.cluster_id)
    assert status == 1
    assert "ledger.guarded_balance" in said
    assert "VIOLATED" in said
    assert str(world.cluster_id) in said
    assert said.splitlines()[-1] == f"{len(SEEDS) - 1} invariants hold, 1 violated."


def test_without_a_cluster_every_cluster_is_examined(world: World) -> None:
    with _broken(world.cluster_id):
        status, said = check_books(json=True)
    (found,) = [entry for entry in json.loads(said)["invariants"] if entry["name"] == "ledger.guarded_balance"]
    assert status == 1
    assert [str(world.cluster_id)] == [row[0] for row in found["rows"]]


def test_another_clusters_violation_is_not_this_ones(world: World) -> None:
    with _broken(world.cluster_id):
        assert check_books(cluster=world.cast.lekki.id)[0] == 0


def test_as_json(world: World) -> None:
    status, said = check_books(cluster=world.cluster_id, json=True)
    answer = json.loads(said)
    assert (status, answer["holds"]) == (0, True)
    assert {entry["name"] for entry in answer["invariants"]} == set(SEEDS)
    assert all(entry["holds"] and entry["rows"] == [] for entry in answer["invariants"])
    with _broken(world.cluster_id):
        status, said = check_books(cluster=world.cluster_id, json=True)
    assert (status, json.loads(said)["holds"]) == (1, False)


def test_only_what_was_touched_lately(world: World) -> None:
    assert check_books(cluster=world.cluster_id, recent=60)[0] == 0
    with _broken(world.cluster_id):
        status, said = check_books(cluster=world.cluster_id, recent=60)
        assert (status, "ledger.guarded_balance" in said) == (1, True)
        assert check_books(cluster=world.cluster_id, recent=0)[0] == 0


def test_a_query_that_cannot_run_is_an_error(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Invariant("ledger.nonsense", "Cannot be asked.", "SELECT nonsense")
    monkeypatch.setattr(checks, "INVARIANTS", [*checks.INVARIANTS, broken])
    status, said = check_books(cluster=world.cluster_id)
    assert status == 2
    assert "ledger.nonsense" in said


def test_an_unknown_cluster_is_an_error(world: World) -> None:
    status, said = check_books(cluster=uuid4())
    assert (status, "no cluster" in said) == (2, True)


def test_nothing_to_examine_is_an_error(world: World, settings: Any) -> None:
    settings.ROOMS = []
    assert check_books()[0] == 2


def test_the_checker_can_write_nothing(world: World) -> None:
    """Whatever an invariant's query says, it runs read-only, as a role without a single privilege to write."""
    with connections["checker"].cursor() as cursor, pytest.raises(Exception, match="permission denied"):
        cursor.execute("UPDATE ledger_account SET balance = 0")


# --- The worker's watch ----------------------------------------------------------------------------------------------


def figure(name: str) -> float:
    """The sum of a counter's series, as Prometheus would read it now."""
    lines = [line for line in Client().get("/metrics").content.decode().splitlines() if line.startswith(name)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


@pytest.mark.parametrize(("watch", "form"), [(tasks.watch_recent_books, "recent"), (tasks.watch_all_books, "full")])
def test_the_worker_says_what_does_not_hold(cast: Cast, watch: Callable[[int], None], form: str) -> None:
    """In an estate of its own: the recent watch looks ten minutes back, and this file's world may be older by now. Other
    tests of this process leave broken what they broke on purpose, and that is said as well."""
    fund(cast, cast.bola, "100.00")
    broken, examined = "clustr_invariant_violations_total", f'clustr_books_examined_total{{form="{form}"}}'
    before = figure(broken), figure(examined)
    with capture_logs() as others:
        watch(0)
    assert "ledger.guarded_balance" not in {entry["invariant"] for entry in others}
    assert (figure(broken), figure(examined)) == (before[0] + len(others), before[1] + 1)
    before = figure(broken), figure(examined)
    with _broken(cast.cluster_id), capture_logs() as said:
        watch(0)
    found = {entry["invariant"]: entry for entry in said}
    assert {entry["log_level"] for entry in said} == {"critical"}
    assert found["ledger.guarded_balance"]["rows"][0][0] == str(cast.cluster_id)
    assert (figure(broken), figure(examined)) == (before[0] + len(said), before[1] + 1)


def test_what_does_not_hold_keeps_the_estates_money_back_until_it_does(cast: Cast) -> None:
    fund(cast, cast.bola, "100.00")

    def release() -> list[str]:
        return payments.release_outgoing(
            cluster_id=cast.cluster_id, reason="A slip of ours", released_by=cast.ada.user_id, now=cast.now
        )

    with _broken(cast.cluster_id):
        tasks.watch_recent_books(0)
        with tenant(cast.cluster_id):
            assert payments.is_held()
        with pytest.raises(BooksDoNotHold):
            release()
    assert "ledger.guarded_balance" in release()


def test_what_belongs_to_an_estate_is_told_with_it() -> None:
    """The first column of what breaks an invariant is its estate, so that its money can be kept back."""
    asked = {}
    with connections["checker"].cursor() as cursor:
        for invariant in all_invariants():
            cursor.execute(f"SELECT * FROM ({invariant.sql}) AS broken LIMIT 0")
            asked[invariant.name] = cursor.description[0].type_code
    assert {name for name, first in asked.items() if first != UUID_OID} == OF_NO_ESTATE


def test_not_being_able_to_look_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Invariant("ledger.nonsense", "Cannot be asked.", "SELECT nonsense", "SELECT nonsense")
    monkeypatch.setattr(checks, "INVARIANTS", [*checks.INVARIANTS, broken])
    before = figure("clustr_invariant_violations_total")
    with capture_logs() as said, pytest.raises(BrokenInvariant):
        tasks.watch_recent_books(0)
    assert [entry["event"] for entry in said] == ["books_not_examined"]
    assert figure("clustr_invariant_violations_total") == before + 1
