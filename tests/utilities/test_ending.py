"""A purchase whose service never ends it is ended by the platform's staff, once: sold with a token, or its money back."""

from __future__ import annotations

import io
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command

from clustr.audit.models import AuditEvent
from clustr.kit.tenancy import tenant
from clustr.notifications.types import NotificationEvents as Events
from clustr.payments.models import Case, Transaction
from clustr.payments.states import TransactionStatus
from clustr.people import commands as people
from clustr.utilities.commands import end_purchase, purchases_to_end
from clustr.utilities.models import Purchase
from clustr.utilities.refusals import PurchaseNotOpen, TokenGivenOut, TokenNeeded
from clustr.utilities.types import PurchaseView
from tests.cast import Cast
from tests.money import fund, wallet_balance
from tests.notifications.acts import told
from tests.races import race
from tests.utilities.counter import POSTPAID, Counter

pytestmark = [pytest.mark.usefixtures("books"), pytest.mark.early(sweeps=True)]
S = TransactionStatus
TOKEN = "6666-7777-8888-9999-0000"


@pytest.fixture(autouse=True)
def money(cast: Cast) -> None:
    fund(cast, cast.bola, "10000.00")


def end(counter: Counter, id: UUID, token: str | None = TOKEN) -> Transaction:
    return end_purchase(
        cluster_id=counter.cast.cluster_id,
        purchase_id=id,
        token=token,
        reason="The utility was asked by telephone",
        ended_by=counter.cast.ada.user_id,
        now=counter.now,
    )


def given_a_used_token(counter: Counter) -> tuple[PurchaseView, PurchaseView]:
    """Two for the same meter; the second is said to be sold with the token of the first, at every look."""
    bola = counter.cast.bola
    first = counter.vend(counter.buy(bola))
    counter.wait(minutes=10)
    counter.dial(bill__pending=1)
    second = counter.vend(counter.buy(bola, "1000.00"))
    counter._control("POST", f"/vend/{counter.vends()[-1]['id']}", {"status": "sold", "token": first.token})
    counter.wait(minutes=10)
    return first, counter.ask(second)


def case_of(counter: Counter, id: UUID) -> Case:
    with tenant(counter.cast.cluster_id):
        return Case.objects.get(cluster_id=counter.cast.cluster_id, transaction_id=id)


def test_it_works(counter: Counter, cast: Cast) -> None:
    _first, stuck = given_a_used_token(counter)
    counter.wait(days=3)
    assert counter.ask(stuck).status is S.PROCESSING, "the service never ends it"
    assert [row.id for row in purchases_to_end(cluster_id=cast.cluster_id)] == [stuck.id]
    end(counter, stuck.id, "6666 7777  8888 9999 0000")
    sold = counter.view(stuck.id)
    assert (sold.status, sold.token, sold.waits_for) == (S.COMPLETED, "6666 7777 8888 9999 0000", None)
    assert (counter.held(cast.bola), wallet_balance(cast.bola)) == ("0.00", "6800.00")
    with tenant(cast.cluster_id):
        assert b"6666" not in bytes(Purchase.objects.get(cluster_id=cast.cluster_id, id=stuck.id).token)
        kept = AuditEvent.objects.get(cluster_id=cast.cluster_id, action="utilities.ended_by_staff")
    assert (kept.subject_id, kept.changes["by"], kept.changes["ended"]) == (stuck.id, str(cast.ada.user_id), "sold")
    assert "6666" not in str(kept.changes) + kept.reason
    assert all(case.closed_by == cast.ada.user_id for case in counter.cases())
    assert len(told(cast.bola, Events.UTILITY_DELIVERED)) == 2
    assert purchases_to_end(cluster_id=cast.cluster_id) == []
    cases = len(counter.cases())
    counter.wait(days=1)
    assert counter.ask(stuck).token == sold.token, "the service stays at what it said"
    assert len(counter.cases()) == cases, "and nobody is asked again"


def test_its_money_is_back(counter: Counter, cast: Cast) -> None:
    _first, stuck = given_a_used_token(counter)
    end(counter, stuck.id, None)
    ended = counter.view(stuck.id)
    assert (ended.status, ended.token) == (S.FAILED, "")
    assert (counter.held(cast.bola), wallet_balance(cast.bola)) == ("0.00", "7900.00")
    assert counter.bill(ended.bill_id).cancelled_at is not None
    assert case_of(counter, stuck.id).closed_by == cast.ada.user_id
    assert len(told(cast.bola, Events.UTILITY_REFUNDED)) + len(told(cast.bola, Events.UTILITY_FAILED)) == 1
    counter.wait(days=1)
    counter.sweep()
    assert case_of(counter, stuck.id).closed_at is not None, "what was decided against is not asked about again"
    again = counter.buy(cast.bola, "1000.00")
    assert again.status is S.PENDING, "the same may be bought again"


def test_not_with_a_token_that_was_given_out(counter: Counter, cast: Cast) -> None:
    first, stuck = given_a_used_token(counter)
    for typed in (first.token, first.token.replace("-", ""), first.token.replace("-", "  ")):
        with pytest.raises(TokenGivenOut):
            end(counter, stuck.id, typed)
    assert (counter.view(stuck.id).status, counter.held(cast.bola)) == (S.PROCESSING, "1100.00")


def test_what_is_delivered_by_token_needs_it(counter: Counter) -> None:
    _first, stuck = given_a_used_token(counter)
    for typed in ("", "  ", "6" * 201):
        with pytest.raises(TokenNeeded):
            end(counter, stuck.id, typed)
    assert counter.view(stuck.id).status is S.PROCESSING


def test_what_has_no_token_is_sold_without(counter: Counter, cast: Cast) -> None:
    bought = counter.buy(cast.bola, "1500.00", "1234567890", POSTPAID)
    counter.dial(bill__wrong_amount=1)
    stuck = counter.ask(counter.vend(bought))
    assert (stuck.status, [case.kind for case in counter.cases()]) == (S.UNKNOWN, ["does_not_match"])
    end(counter, stuck.id, "")
    assert (counter.view(stuck.id).status, counter.held(cast.bola)) == (S.COMPLETED, "0.00")


def test_only_what_is_open_and_was_asked_about(counter: Counter, cast: Cast) -> None:
    under_way = counter.buy(cast.bola, "500.00")
    with pytest.raises(PurchaseNotOpen):
        end(counter, under_way.id, None)
    counter.vend(under_way)
    first, stuck = given_a_used_token(counter)
    end(counter, stuck.id)
    for decided in (first.id, stuck.id):
        for token in (None, TOKEN.replace("6", "5")):
            with pytest.raises(PurchaseNotOpen):
                end(counter, decided, token)
    assert counter.view(stuck.id).token == TOKEN


def test_a_closed_case_is_no_end(counter: Counter) -> None:
    _first, stuck = given_a_used_token(counter)
    with tenant(counter.cast.cluster_id):
        Case.objects.filter(cluster_id=counter.cast.cluster_id).update(closed_at=counter.now, note="Looked at")
    end(counter, stuck.id)
    assert counter.view(stuck.id).status is S.COMPLETED


def test_one_of_many_ends_it(counter: Counter, cast: Cast) -> None:
    _first, stuck = given_a_used_token(counter)
    ended = race([lambda: end(counter, stuck.id), lambda: end(counter, stuck.id, None)] * 5).only(PurchaseNotOpen)
    assert len(ended.results) == 1
    assert counter.held(cast.bola) == "0.00"


def run(*arguments: str) -> str:
    said = io.StringIO()
    call_command("end_purchase", *arguments, stdout=said)
    return said.getvalue()


def test_at_the_command_line(counter: Counter, cast: Cast) -> None:
    first, stuck = given_a_used_token(counter)
    staff = f"staff-{uuid4()}@clustr.test"
    people.create_platform_staff(email=staff, name="Ngozi", now=cast.now)
    assert stuck.reference in run()
    assert first.reference not in run()
    why = ("--reason", "Asked the utility")
    for lacking in (
        (),
        ("--release",),
        ("--release", *why),
        ("--release", *why, "--by", "bola@clustr.test"),
        ("--sold", *why, "--by", staff),
        ("--token", first.token, *why, "--by", staff),
    ):
        with pytest.raises(CommandError):
            run(stuck.reference, *lacking)
    with pytest.raises(CommandError):
        run(first.reference, "--release", *why, "--by", staff)
    assert "NGN 1,100.00" in run(stuck.reference.lower(), "--token", TOKEN, *why, "--by", staff)
    assert counter.view(stuck.id).token == TOKEN
    with pytest.raises(CommandError):
        run(stuck.reference, "--release", *why, "--by", staff)
