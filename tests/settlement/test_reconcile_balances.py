"""What providers say they hold, and what all estates together own there by the books, compared."""

from __future__ import annotations

import contextlib
import io
import random
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit import clock
from clustr.kit.ids import derived_id
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Case
from clustr.payments.states import AttemptKind, CaseKind
from clustr.people import commands as people
from clustr.people.models import Mail
from clustr.settlement import commands
from clustr.settlement.balance_policies import Explanation, Going, agreed_at, explain
from clustr.settlement.balance_queries import banked, owed_by_provider, own_funds
from clustr.settlement.commands import reconciling_balances
from clustr.settlement.models import BankedSettlement, HeldByProvider, Reconciliation
from clustr.wallets import commands as wallets
from tests.money import fund, naira, no_pin
from tests.settlement.stage import PROVIDERS, Stage
from tests.settlement.test_chargebacks import complain, decide
from tests.settlement.test_payouts import AFTER_COOLING, BANK, _end_transfer
from tests.settlement.test_reconcile_payouts import paying_by
from tests.settlement.test_refunds import let_it_end, paid_deposit, refund, send
from tests.web.pages.browsing import Browser

pytestmark = [pytest.mark.usefixtures("books"), pytest.mark.early]

HUGE = 10**12
"""More than whatever other tests left on its way."""


@pytest.fixture
def even(stage: Stage) -> Stage:
    """Providers that hold what the books say, long after anything that other tests took; and nobody is asked."""
    with connections["checker"].cursor() as cursor:
        cursor.execute("SELECT max(paid_at) FROM payments_settlement")
        (last,) = cursor.fetchone()
    if last and last > stage.now - timedelta(days=30):
        stage.wait(seconds=(last - stage.now + timedelta(days=30)).total_seconds())
    for half_a_day in range(2):
        stage.wait(hours=12 * half_a_day)
        level(stage)
        commands.reconcile_balances(now=stage.now)
    return stage


def level(stage: Stage, beside: int = 0, *names: str) -> None:
    """Let the providers have begun with what makes their balance what the books say now, and some kobo beside."""
    for name in names or PROVIDERS:
        stage._control("PUT", "/balance", {"provider": name, "amount": 0})
        owed = owed_by_provider(provider=name, taken_since=stage.now).books.get("NGN", 0)
        owed += own_funds(provider=name).get("NGN", 0) - banked(provider=name).get("NGN", 0)
        (held,) = [one for one in stage.registry.named(name).balances() if one.available.currency == "NGN"]
        stage._control("PUT", "/balance", {"provider": name, "amount": owed - held.available.minor + beside})


def fill(stage: Stage, provider: str) -> None:
    """Let the operator have so much of their own there that a provider sends what no estate has with it. Whoever fills takes a
    deposit too: by it the next test finds a day of its own."""
    much = naira("900000000.00")
    commands.note_own_funds(provider=provider, amount=much, reason="From our bank", noted_by=uuid4(), now=stage.now)
    level(stage, 0, provider)


def compare(stage: Stage, provider: str) -> HeldByProvider:
    """What the comparison of now says of the provider's naira."""
    runs = {run.provider: run for run in commands.reconcile_balances(now=stage.now)}
    assert runs[provider].complete
    return HeldByProvider.objects.filter(provider=provider, currency="NGN", at=stage.now).latest("id")


def asked(provider: str, kind: str = "balance_differs") -> list[Case]:
    with tenant(PLATFORM_CLUSTER_ID):
        mine = Case.objects.filter(cluster_id=PLATFORM_CLUSTER_ID, kind=kind, facts__provider=provider, closed_at=None)
        return [case for case in mine if kind != "balance_differs" or case.subject.endswith(":NGN")]


def asked_for(stage: Stage) -> UUID:
    """A withdrawal that may go now."""
    fund(stage.cast, stage.cast.bola, "1000.00")
    person = stage.cast.bola
    made = wallets.withdraw(
        actor=person.actor, amount=naira("400.00"), destination=BANK, authorization=no_pin(person), now=stage.now
    )
    stage.wait(**AFTER_COOLING)
    return made.id


def sent(stage: Stage) -> None:
    stage.send(asked_for(stage))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_works(even: Stage, provider: str) -> None:
    """Money that came, went, went back and was taken back: the books follow the balance to the kobo."""
    paid, taken = paid_deposit(even, provider=provider), paid_deposit(even, "700.00", provider)
    send(even, refund(even, paid))
    let_it_end(even)
    decide(even, complain(even, taken))
    even.hooks()
    with paying_by(provider):
        sent(even)
    even.wait(minutes=1)
    even.sweep()
    held = compare(even, provider)
    assert (held.exact, held.difference_minor, held.unsettled_minor, held.going_minor) == (True, 0, 0, 0)
    assert held.held_minor == held.books_minor + held.own_minor - held.banked_minor
    assert asked(provider) == []
    last = Reconciliation.objects.filter(provider=provider, compares="balances").latest("at")
    assert (last.at, last.complete) == (even.now, True)
    assert last.listed >= 1


def test_a_case_ends_where_nothing_is_left_on_either_side(even: Stage) -> None:
    """Cedis of which the books know nothing, and a day later none."""

    def after_two_nights(amount: int) -> list[Case]:
        even._control("PUT", "/balance", {"provider": "flutterwave", "currency": "GHS", "amount": amount})
        for _ in range(2):
            even.wait(hours=12)
            commands.reconcile_balances(now=even.now)
        with tenant(PLATFORM_CLUSTER_ID):
            about = {"cluster_id": PLATFORM_CLUSTER_ID, "subject": "flutterwave:balance:GHS"}
            return list(Case.objects.filter(**about, kind="balance_differs", closed_at=None))

    assert [case.facts["found"] for case in after_two_nights(50_000_000)] == ["more"]
    assert after_two_nights(0) == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_payout_that_bounces_brings_its_fee_back(even: Stage, provider: str) -> None:
    fill(even, provider)
    with paying_by(provider):
        sent(even)
    even.wait(minutes=1)
    even.sweep()
    assert compare(even, provider).difference_minor == 0
    _end_transfer(even, "reversed")
    even.hooks()
    even.sweep()
    assert compare(even, provider).difference_minor == 0
    assert asked(provider) == []


def test_an_estates_office_sees_that_it_was_compared_and_not_what(even: Stage) -> None:
    commands.reconcile_balances(now=even.now)
    office = even.cast.client_of(even.cast.ada)
    runs = office.get("/management/payments/reconciliation/").json()["runs"]
    (run,) = [one for one in runs if (one["provider"], one["compares"]) == ("paystack", "balances")]
    assert run.keys() == {"provider", "compares", "since", "until", "at", "complete"}
    page = Browser(even.cast.ada)
    page.open("/office/reconciliation/")
    assert "balances" in page.text


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_not_settled_yet_is_what_was_taken_last(even: Stage, provider: str) -> None:
    even.dial(settlement__next_day=1.0)
    paid_deposit(even, provider=provider)
    even.wait(days=1)
    paid_deposit(even, "700.00", provider)
    held = compare(even, provider)
    (latest,) = [settled for settled in even.settlements() if settled.amount_minor == 70_000]
    assert (held.exact, held.unsettled_minor) == (True, 70_000 - latest.fee_minor)
    even.wait(days=1)
    held = compare(even, provider)
    assert (held.exact, held.unsettled_minor, asked(provider)) == (True, 0, [])


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_was_sent_and_is_not_known_to_have_gone(even: Stage, provider: str) -> None:
    fill(even, provider)
    paid_deposit(even, provider=provider)
    even.dial(transfer__pending=1.0)
    with paying_by(provider):
        sent(even)
    held = compare(even, provider)
    assert (held.exact, held.difference_minor) == (True, 0)
    assert held.going_minor == 40_000 + {"paystack": 1_000, "flutterwave": 1_075}[provider], "with the provider's fee"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_payout_that_cannot_be_asked_about_hinders_no_comparison(even: Stage, provider: str) -> None:
    """It is a case once; what it took may be what is missing, and its fee, which nobody tells, is no difference either."""
    fill(even, provider)
    paid_deposit(even, provider=provider)
    even.dial(transfer__pending=1.0)
    with paying_by(provider):
        payout = asked_for(even)
        even.send(payout)
    even.dial(verify__error_before=1.0)
    runs = {run.provider: run for run in commands.reconcile_balances(now=even.now)}
    assert (runs[provider].complete, runs[provider].listed >= 1) == (False, True), "it will be asked about again"
    even.wait(days=1)
    held = compare(even, provider)
    assert (held.exact, held.difference_minor, asked(provider)) == (False, 0, [])
    going = owed_by_provider(provider=provider).going["NGN"]
    most = sum(one.amount_minor * (2 if one.kind == AttemptKind.PAYOUT else 1) for one in going)
    assert held.going_minor == most, "of a payout as much again for a fee; what other tests left has none"
    subject = f"{provider}:payout:{even.attempt(payout).reference}"
    cases = asked(provider, "never_answered")
    assert [case.subject for case in cases].count(subject) == 1
    with tenant(PLATFORM_CLUSTER_ID):
        for case in cases:
            payments.settle_case_about(kind=CaseKind.NEVER_ANSWERED, subject=case.subject, note="Over", now=even.now)
    even.heal()
    assert compare(even, provider).exact


def test_no_more_than_so_many_payouts_are_asked_about(even: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(even, "paystack")
    paid_deposit(even)
    even.dial(transfer__pending=1.0)
    sent(even)
    sent(even)
    monkeypatch.setattr(reconciling_balances, "ASKED_AT_MOST", 1)
    answer, asked_about = even._answer, []

    def counting(request: httpx.Request) -> httpx.Response:
        if "/transfer/verify/" in request.url.path:
            asked_about.append(request.url.path)
        return answer(request)

    monkeypatch.setattr(even, "_answer", counting)
    held = compare(even, "paystack")
    assert (held.exact, held.difference_minor, len(asked_about)) == (False, 0, 1)


def test_what_a_provider_says_of_a_payout_counts(even: Stage) -> None:
    """Two went out at once, and only one arrived: what is missing is that one, however many ways there are."""
    fill(even, "paystack")
    paid_deposit(even)
    even.dial(transfer__pending=1.0)
    for status in ("success", "failed"):
        sent(even)
        transfer = max(even._control("GET", "/state")["transfer"], key=lambda one: one["id"])
        even._control("POST", f"/transfer/{transfer['id']}", {"status": status})
    held = compare(even, "paystack")
    assert (held.exact, held.going_minor) == (True, 40_000 + 1_000)
    level(even, 0, "paystack")
    even.wait(days=1)
    held = compare(even, "paystack")
    assert (held.exact, held.difference_minor) == (False, 41_000), "and is not the other one"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_has_arrived_and_is_not_booked_is_no_difference(even: Stage, provider: str) -> None:
    checkout = even.deposit(even.cast.bola, provider=provider)
    even.end(checkout)
    held = compare(even, provider)
    assert (held.exact, held.difference_minor, asked(provider)) == (True, 0, [])


@pytest.mark.parametrize("moved", ["sent", "returned"])
def test_what_moves_while_the_provider_is_asked_is_no_difference(
    even: Stage, monkeypatch: pytest.MonkeyPatch, moved: str
) -> None:
    fill(even, "paystack")
    paid_deposit(even)
    even.dial(transfer__pending=1.0)
    payout, answer = asked_for(even), even._answer
    if moved == "returned":
        even.send(payout)

    def moving(request: httpx.Request) -> httpx.Response:
        told = answer(request) if moved == "returned" else None
        if request.url.path.endswith("/balance"):
            if moved == "sent":
                even.send(payout)
            else:
                _end_transfer(even, "failed")
                even.confirm(payout)
        return told or answer(request)

    monkeypatch.setattr(even, "_answer", moving)
    held = compare(even, "paystack")
    assert even.transaction(payout).status == {"sent": "processing", "returned": "failed"}[moved]
    assert (held.exact, held.difference_minor) == (True, 0)


def test_a_kobo_too_much_is_one_case_that_follows_it_and_ends_by_itself(even: Stage) -> None:
    level(even, 1, "paystack")
    compare(even, "paystack")
    (first,) = asked("paystack")
    since = f"{even.now:%Y-%m-%d}"
    assert first.facts == {"provider": "paystack", "found": "more", "amount": "NGN 0.01", "since": since}
    even.wait(days=1)
    level(even, 700, "paystack")
    compare(even, "paystack")
    (later,) = asked("paystack")
    assert (later.id, later.opened_at) == (first.id, first.opened_at)
    assert later.facts == {**first.facts, "amount": "NGN 7.00"}
    level(even)
    for _ in range(2):
        assert compare(even, "paystack").exact
        assert asked("paystack") == [later], "once may be by chance"
    even.wait(days=1)
    assert compare(even, "paystack").exact
    assert asked("paystack") == []
    with tenant(PLATFORM_CLUSTER_ID):
        ended = Case.objects.get(cluster_id=PLATFORM_CLUSTER_ID, id=first.id)
    assert (ended.closed_at, ended.closed_by) == (even.now, None)


def test_less_than_estates_own_is_told_to_the_staff_once_a_day(even: Stage) -> None:
    staff = f"staff-{uuid4()}@clustr.test"
    people.create_platform_staff(email=staff, name="Ngozi", now=even.now)

    def written() -> int:
        return Mail.objects.filter(address=staff, subject__contains="holds less").count()

    run("note_own_funds", "flutterwave", "1.00", "--reason", "From our bank", "--by", staff)
    level(even, -HUGE, "flutterwave")
    held = compare(even, "flutterwave")
    assert -HUGE <= held.difference_minor < 0
    (case,) = asked("flutterwave")
    assert case.facts["found"] == "less"
    assert written() == 1
    compare(even, "flutterwave")
    assert written() == 1, "and not twice on a day"
    even.wait(days=1)
    compare(even, "flutterwave")
    assert written() == 2
    assert [case.id for case in asked("flutterwave")] == [case.id]
    closed = run("platform_cases", str(case.id), "--close", "It is at court", "--by", staff)
    assert "closed" in closed
    even.wait(days=1)
    compare(even, "flutterwave")
    assert (asked("flutterwave"), written()) == ([], 2), "a person has decided about this difference"
    for _ in range(2):
        even.wait(days=1)
        level(even)
        assert compare(even, "flutterwave").exact
    even.wait(days=1)
    level(even, -HUGE, "flutterwave")
    compare(even, "flutterwave")
    (again,) = asked("flutterwave")
    assert again.facts == {**case.facts, "since": f"{even.now:%Y-%m-%d}"}
    assert written() == 3, "and not about a second one of the same size"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_was_paid_to_a_bank_is_a_case_once_and_explains(even: Stage, provider: str) -> None:
    even.dial(settlement__to_bank=1.0)
    paid_deposit(even, provider=provider)
    assert (compare(even, provider).exact, asked(provider, "paid_to_bank")) == (True, []), "it is not settled yet"
    even.wait(days=1)
    for _ in range(2):
        held = compare(even, provider)
        assert (held.exact, held.difference_minor) == (True, 0)
    (settled,) = even.settlements()
    case = asked(provider, "paid_to_bank")[-1]
    assert (case.facts["gross"], case.facts["net"]) == ("NGN 1,000.00", settled_net(settled))
    noted = BankedSettlement.objects.get(provider=provider, provider_id=case.facts["provider_id"])
    assert noted.net_minor == 100_000 - settled.fee_minor
    assert asked(provider) == []


def settled_net(settled: Any) -> str:
    return f"NGN {(settled.amount_minor - settled.fee_minor) / 100:,.2f}"


def test_on_purpose_it_is_no_case_and_what_is_put_back_is_noted(even: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update={"SETTLES_TO_BANK": "flutterwave, paystack"}))
    even.dial(settlement__to_bank=1.0)
    before = len(asked("paystack", "paid_to_bank"))
    paid_deposit(even)
    even.wait(days=1)
    assert compare(even, "paystack").exact
    assert len(asked("paystack", "paid_to_bank")) == before
    staff = f"staff-{uuid4()}@clustr.test"
    people.create_platform_staff(email=staff, name="Ngozi", now=even.now)
    why = ("--reason", "From our bank", "--by", staff)
    for lacking in (("paystack",), ("paystack", "5.00"), ("paystack", "0.00", *why), ("paystack", "x", *why)):
        with pytest.raises(CommandError):
            run("note_own_funds", *lacking)
    opened = own_funds(provider="paystack").get("NGN", 0)
    run("note_own_funds", "paystack", "500.00", *why)
    assert compare(even, "paystack").difference_minor <= 0, "noted, and not there"
    run("note_own_funds", "paystack", "200.00", "--taken-out", *why)
    assert "Noted before." in run("note_own_funds", "paystack", "500.00", "--once", *why)
    assert own_funds(provider="paystack") == {"NGN": opened + 30_000}
    assert "paystack" in run("note_own_funds")
    level(even)
    assert compare(even, "paystack").exact


def test_what_hides_in_what_may_be_under_way_is_asked_about_in_time(even: Stage) -> None:
    """A difference within a day's takings is not told from what is not settled: until it has lasted longer than settling."""
    paid_deposit(even)
    assert compare(even, "paystack").exact
    level(even, -5, "paystack")
    for day in range(6):
        even.wait(days=1)
        paid_deposit(even)
        held = compare(even, "paystack")
        assert not held.exact
        if held.difference_minor == 0:
            assert bool(asked("paystack")) is (day >= 4), day
    assert asked("paystack") != []
    for agreed in range(2):
        even.wait(days=1)
        level(even)
        assert compare(even, "paystack").exact
        assert (asked("paystack") == []) is bool(agreed)


def test_what_is_explained_on_one_night_only_is_asked_about_in_time_all_the_same(even: Stage) -> None:
    paid_deposit(even)
    assert compare(even, "paystack").exact
    began = even.now + timedelta(days=1)
    for day in range(7):
        even.wait(days=1)
        paid_deposit(even)
        level(even, 0 if day == 3 else -5, "paystack")
        assert compare(even, "paystack").exact is (day == 3)
    (case,) = asked("paystack")
    assert case.facts["since"] == f"{began:%Y-%m-%d}"
    level(even)
    for _ in range(2):
        compare(even, "paystack")
        even.wait(days=1)
    assert asked("paystack") == []


def test_what_a_provider_does_not_say_proves_nothing(even: Stage) -> None:
    level(even, 3, "paystack")
    compare(even, "paystack")
    opened = asked("paystack")
    even.dial(paystack__list__error_before=1.0)
    runs = {one.provider: one for one in commands.reconcile_balances(now=even.now + timedelta(hours=1))}
    assert (runs["paystack"].complete, runs["paystack"].listed) == (False, 0)
    assert runs["flutterwave"].complete
    assert asked("paystack") == opened


def test_the_command_line_compares_and_says_what(even: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: even.now)
    level(even, 1, "paystack")
    with pytest.raises(SystemExit):
        run("reconcile", "--days", "1")
    said = run("reconcile", "--days", "1", "--cluster", str(even.cast.cluster_id))
    assert "holds" not in said, "what is held is of all estates"
    level(even, 1, "paystack")
    said = ran("reconcile", "--days", "1")
    (line,) = [line for line in said.splitlines() if line.startswith("paystack") and "NGN" in line]
    assert "not explained NGN 0.01" in line
    even.dial(list__error_before=1.0)
    assert "did not say what it holds" in ran("reconcile", "--days", "1")
    assert "could not be read whole" in ran("reconcile", "--days", "1")


def test_nobody_is_asked_where_no_provider_is_on(even: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(even.registry, "available", list)
    assert "No provider is switched on." in run("reconcile")


def test_the_staff_take_and_close_the_platforms_cases(even: Stage) -> None:
    level(even, 11, "paystack")
    compare(even, "paystack")
    (case,) = asked("paystack")
    staff = f"staff-{uuid4()}@clustr.test"
    user_id = people.create_platform_staff(email=staff, name="Ngozi", now=even.now)
    (line,) = [line for line in run("platform_cases").splitlines() if line.startswith(str(case.id))]
    assert "balance_differs" in line
    assert "nobody" in line
    for lacking in ((), ("--take",), ("--take", "--close", "x", "--by", staff), ("--take", "--by", "nobody@x.test")):
        with pytest.raises(CommandError):
            run("platform_cases", str(case.id), *lacking)
    run("platform_cases", str(case.id), "--take", "--by", staff)
    assert "Ngozi" in next(line for line in run("platform_cases").splitlines() if line.startswith(str(case.id)))
    assert asked("paystack")[0].owner_id == user_id
    run("platform_cases", str(case.id), "--close", "A gift", "--by", staff)
    with pytest.raises(CommandError):
        run("platform_cases", str(case.id), "--close", "Again", "--by", staff)
    compare(even, "paystack")
    assert asked("paystack") == [], "they decided about this very difference"
    level(even, 12, "paystack")
    compare(even, "paystack")
    assert [case.facts["amount"] for case in asked("paystack")] == ["NGN 0.12"]


def test_the_books_of_every_estate_count(even: Stage) -> None:
    """Of both casts' estates and the platform, read in one snapshot; and as the accounts say it one by one."""

    def owed() -> int:
        return owed_by_provider(provider="paystack", taken_since=even.now).books["NGN"]

    before = owed()
    for person in (even.cast.bola, even.cast.chidi):
        checkout = even.deposit(person)
        even.end(checkout)
        commands.confirm_payment(
            cluster_id=person.actor.cluster_id, transaction_id=checkout.transaction.id, now=even.now
        )
    with connections["checker"].cursor() as cursor:
        cursor.execute(
            "SELECT sum(CASE WHEN t.debit = a.id THEN t.amount ELSE -t.amount END) FROM ledger_account a"
            " JOIN ledger_transfer t ON a.id IN (t.debit, t.credit)"
            " WHERE a.kind = 'provider_clearing' AND a.currency = 'NGN' AND a.subject_id = %s",
            [derived_id("provider", "paystack")],
        )
        (by_hand,) = cursor.fetchone()
    assert owed() - before == 2 * (100_000 - 1_500)
    assert owed() == by_hand


EXPLAINED = [
    # owed, held, taken (the latest first), pending, what may have gone -> unsettled, going, difference, exact; in thousands of naira
    ((100, 100, [], 0, []), (0, 0, 0, True)),
    ((100, 99, [], 0, []), (0, 0, -1, False)),
    ((100, 101, [40], 0, [10]), (40, 10, 1, False)),
    ((100, 60, [40, 30], 0, []), (40, 0, 0, True)),
    ((100, 30, [40, 30], 0, []), (70, 0, 0, True)),
    ((100, 70, [40, 30], 0, []), (70, 0, 0, False)),  # what was taken before is settled before
    ((100, 75, [40, 30], 25, []), (25, 0, 0, True)),
    ((100, 90, [], 0, [20, 30, 10]), (0, 10, 0, True)),
    ((100, 70, [], 0, [20, 30, 10]), (0, 30, 0, True)),
    ((100, 85, [], 0, [10, 5]), (0, 15, 0, True)),
    ((100, 84, [], 0, [10, 5]), (0, 15, -1, False)),
    ((100, 25, [70], 0, [10, 50, 5]), (70, 5, 0, True)),
    ((-20, -20, [], 0, []), (0, 0, 0, True)),
    ((0, 5, [], 0, []), (0, 0, 5, False)),
    ((100, 100, [-3], 0, []), (0, 0, 0, True)),
]


def explained(owed: int, held: int, taken: list[int], pending: int, going: list[Going]) -> Explanation:
    return explain(owed=owed, held=held, taken=taken, pending=pending, going=going, whole=100)


@pytest.mark.parametrize(("given", "said"), EXPLAINED)
def test_what_explains_a_balance(given: Any, said: Any) -> None:
    def minor(thousands: list[int]) -> list[int]:
        return [one * 100_000 for one in thousands]

    owed, held, taken, pending, going = given
    found = explained(*minor([owed, held]), minor(taken), pending * 100_000, [Going(one) for one in minor(going)])
    unsettled, gone, difference, exact = said
    assert (found.unsettled, found.going, found.difference) == tuple(minor([unsettled, gone, difference]))
    assert found.exact is exact


def test_four_sums_within_a_hundred_naira_fit_too_easily() -> None:
    assert not explained(10**6, 10**6 - 10_000, [9_000], 0, [Going(1_000)]).exact


def test_what_has_gone_is_not_what_may_have() -> None:
    going = [Going(50_000, gone=True), Going(70_000, gone=False), Going(90_000)]
    for missing, said in ((50_000, True), (140_000, True), (90_000, False), (120_000, False)):
        found = explained(10**6, 10**6 - missing, [], 0, going)
        assert (found.exact, found.going) == (said, missing if said else 140_000), missing
    assert explained(10**6, 10**6 - 141_000, [], 0, going).difference == -1_000
    vague = [*going, Going(30_000, fee_told=False)]
    assert explained(10**6, 10**6 - 171_000, [], 0, vague).difference == 0, "it may be a fee"


def test_too_many_ways_are_not_all_gone_through() -> None:
    going = [Going(2**power) for power in range(40)]
    whole = sum(one.minor for one in going)
    assert explained(0, -whole, [], 0, going).exact
    found = explained(0, -5, [], 0, going)
    assert (found.exact, found.difference, found.going) == (False, 0, whole)


def test_a_loss_is_explained_by_chance_only_seldom() -> None:
    """Five days of a busy operator: many takings, and payouts of which the provider says nothing, all in thousands of naira, as
    the loss is."""
    dice = random.Random(600)
    taken = [dice.randrange(1, 12) * 5_000_00 * 985 // 1000 - 100_00 for _ in range(600)]
    for payouts in (0, 3, 12, 14):
        going = [Going(dice.randrange(10, 200) * 5_000_00 + 50_00) for _ in range(payouts)]
        believed = 0
        for _ in range(1_000):
            loss = dice.randrange(1, 10) * 100_000_00
            hidden = sum(taken[: dice.randrange(100)]) + sum(one.minor for one in going if dice.random() < 0.5)
            believed += explained(10**12, 10**12 - loss - hidden, taken, 0, going).exact
        assert believed <= 10, payouts
        assert explained(10**12, 10**12 - sum(taken[:7]), taken, 0, going).exact
        assert explained(10**12, 10**12 - sum(taken[:7]) - sum(one.minor for one in going), taken, 0, going).exact


NIGHT = timedelta(days=1)


@pytest.mark.parametrize(
    ("nights", "agreed"),
    [
        ([], None),
        ([(0, False)], None),
        ([(0, True)], 0),
        ([(0, True), (1, True)], 1),
        ([(0, True), (1, False)], 0),
        ([(0, True), (1, False), (2, True)], 0),
        ([(0, True), (1, False), (2, True), (2.1, True)], 0),  # the same night
        ([(0, True), (1, False), (2, True), (3, True)], 3),
        ([(0, True), (1, False), (2, True), (3, False), (4, True)], 0),
        ([(0, False), (1, True), (2, True), (3, False)], 2),
    ],
)
def test_two_nights_in_a_row_agree(even: Stage, nights: Any, agreed: float | None) -> None:
    found = agreed_at([(even.now + night * NIGHT, exact) for night, exact in nights])
    assert found == (None if agreed is None else even.now + agreed * NIGHT)


def run(*arguments: str) -> str:
    said = io.StringIO()
    call_command(*arguments, stdout=said)
    return said.getvalue()


def ran(*arguments: str) -> str:
    """What a command says that may end with a status."""
    said = io.StringIO()
    with contextlib.suppress(SystemExit):
        call_command(*arguments, stdout=said)
    return said.getvalue()
