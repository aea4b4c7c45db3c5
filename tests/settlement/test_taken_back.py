"""Of a charge that was booked, the difference to what the provider says is gone of it is booked: once, and in any order."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from django.db.models import Max

from clustr.bills import commands as bills
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.crashpoints import watching
from clustr.kit.tenancy import tenant
from clustr.payments.models import Case
from clustr.payments.refusals import PaymentDisputed, RefundExceedsPayment
from clustr.settlement import commands
from clustr.settlement.commands.charging_back import hear_taken_back_of
from clustr.settlement.models import Reconciliation
from sandbox.records import Charge, Dispute, Refund
from tests.cast import Cast
from tests.money import cluster_balance, wallet_balance
from tests.settlement.stage import PROVIDERS, Stage
from tests.settlement.test_chargebacks import complain, decide, hear, owed, said
from tests.settlement.test_reconcile import keep
from tests.settlement.test_refunds import let_it_end, paid_bill, refund, send, status_of, told

pytestmark = pytest.mark.usefixtures("books")


def night(stage: Stage, provider: str = "paystack") -> Reconciliation:
    stage.wait(hours=1)
    span = {"since": stage.now - timedelta(days=3), "until": stage.now, "now": stage.now}
    made = commands.reconcile(**span, cluster_ids=stage.cluster_ids)  # type: ignore[arg-type]
    return next(run for run in made if run.provider == provider)


def give_back_at_the_dashboard(stage: Stage, payment: UUID, minor: int, provider: str = "paystack") -> None:
    if provider == "paystack":
        stage.ask("paystack", "POST", "/refund", {"transaction": stage.attempt(payment).reference, "amount": minor})
    else:
        charge = stage.settlements()[0].provider_id
        stage.ask("flutterwave", "POST", f"/transactions/{charge}/refund", {"amount": minor // 100})
    stage.wait(minutes=1)


def answers(status: int, body: object) -> httpx.Response:
    return httpx.Response(status, stream=httpx.ByteStream(json.dumps(body).encode()))


def charge_of(stage: Stage) -> Charge:
    return stage.sandbox.world.store.known(Charge, int(stage.settlements()[0].provider_id))


@pytest.mark.parametrize("heard", [hear, night])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_part_given_back_at_the_dashboard_is_learnt(
    stage: Stage, cast: Cast, provider: str, heard: Callable[[Stage], None]
) -> None:
    """Its charge is a success still: only the list of refunds tells."""
    stage.dial(webhook__flutterwave_refunds=1.0)
    bill, payment = paid_bill(stage, provider=provider)
    hear(stage)
    give_back_at_the_dashboard(stage, payment, 200_000, provider)
    for _ in range(3):
        heard(stage)
    assert (status_of(stage, bill), owed(stage)) == ("partially_paid", "2000.00")


def test_beside_a_refund_of_ours_that_is_open_anothers_is_learnt(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    hear(stage)
    made = refund(stage, payment, "1000.00")
    give_back_at_the_dashboard(stage, payment, 200_000)
    hear(stage, 2)
    assert (stage.transaction(made).status, owed(stage)) == ("processing", "2000.00")
    send(stage, made)
    let_it_end(stage)
    hear(stage, 3)
    assert (stage.transaction(made).status, owed(stage)) == ("completed", "2000.00")
    assert status_of(stage, bill) == "partially_paid"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_refund_of_ours_that_was_not_heard_is_nobody_elses(stage: Stage, cast: Cast, provider: str) -> None:
    """Its number is not known yet, and the provider has done it."""
    _, payment = paid_bill(stage, provider=provider)
    stage.dial(refund__timeout_after=1.0)
    assert send(stage, refund(stage, payment, "2000.00")) == "unknown"
    stage.heal()
    stage.wait(minutes=10)
    hear_it(stage, payment)
    assert owed(stage) == "0.00"


def test_what_a_refund_of_ours_kept_from_a_lost_dispute_is_taken_when_it_fails(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    stage.dial(refund__failed=1.0)
    send(stage, made := refund(stage, payment, "2000.00"))
    decide(stage, complain(stage, payment))
    hear(stage)
    assert (owed(stage), said(stage)[-1]) == ("3000.00", ("chargeback", "taken_before"))
    let_it_end(stage)
    assert stage.transaction(made).status == "failed"
    assert (owed(stage), status_of(stage, bill)) == ("5000.00", "acknowledged")
    night(stage)
    assert owed(stage) == "5000.00"


def test_a_dispute_that_is_lost_won_and_lost_again(stage: Stage, cast: Cast) -> None:
    """With one and the same number."""
    _, payment = paid_bill(stage)
    dispute = complain(stage, payment)
    for resolution, missing, back in (
        ("auto-accepted", "5000.00", "0.00"),
        ("declined", "5000.00", "5000.00"),
        ("merchant-accepted", "10000.00", "5000.00"),
    ):
        decide(stage, dispute, resolution)
        hear(stage)
        assert (owed(stage), wallet_balance(cast.bola)) == (missing, back)


@pytest.mark.parametrize(("status", "taken"), [("reversed", "5000.00"), ("success", "0.00")])
def test_a_dispute_that_was_dropped_leaves_what_the_charge_says(
    stage: Stage, cast: Cast, status: str, taken: str
) -> None:
    _, payment = paid_bill(stage)
    dispute = complain(stage, payment, reversed=True)
    night(stage)
    assert owed(stage) == "0.00"
    stage.sandbox.world.store.known(Dispute, dispute).status = "archived"
    charge_of(stage).status = status
    for _ in range(2):
        night(stage)
        assert owed(stage) == taken


def test_reversed_right_after_it_was_won_is_not_believed_before_the_night(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    hear(stage)
    dispute = complain(stage, payment, reversed=True)
    decide(stage, dispute, "declined")
    charge_of(stage).status = "reversed"
    hear(stage)
    assert owed(stage) == "0.00"
    night(stage)
    assert owed(stage) == "5000.00"


def test_called_reversed_for_a_part_that_we_gave_back(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    send(stage, refund(stage, payment, "2000.00"))
    let_it_end(stage)
    charge_of(stage).status = "reversed"
    stage.confirm(payment)
    night(stage)
    assert (status_of(stage, bill), owed(stage)) == ("partially_paid", "0.00")
    assert said(stage) == [("chargeback", "reversed_in_part")]


def to_wallet(stage: Stage, bill: UUID, payment: UUID) -> None:
    ada = stage.cast.ada.actor
    commands.refund_to_wallet(actor=ada, transaction_id=payment, amount=None, reason="Paid twice", now=stage.now)


def with_its_bill(stage: Stage, bill: UUID, payment: UUID) -> None:
    ada = stage.cast.ada.actor
    bills.cancel_bill(actor=ada, bill_id=bill, reason="A mistake", refund_payers=True, now=stage.now)


def to_source(stage: Stage, bill: UUID, payment: UUID) -> None:
    refund(stage, payment)


@pytest.mark.parametrize("give_back", [to_source, to_wallet, with_its_bill])
def test_nothing_is_refunded_while_a_dispute_is_not_decided(
    stage: Stage, cast: Cast, give_back: Callable[[Stage, UUID, UUID], None]
) -> None:
    """Nor to the payer's wallet: the bank may take it too."""
    bill, payment = paid_bill(stage)
    dispute = complain(stage, payment)
    hear(stage)
    with pytest.raises(PaymentDisputed):
        give_back(stage, bill, payment)
    decide(stage, dispute, "declined")
    hear(stage)
    give_back(stage, bill, payment)
    assert cluster_balance(cast.cluster_id) == "0.00"


def test_a_dispute_that_is_opened_again_guards_again(stage: Stage, cast: Cast) -> None:
    _, payment = paid_bill(stage)
    dispute = complain(stage, payment)
    hear(stage)
    decide(stage, dispute, "declined")
    hear(stage)
    stage.sandbox.world.store.known(Dispute, dispute).status = "pending"
    night(stage)
    with pytest.raises(PaymentDisputed):
        refund(stage, payment)


@pytest.mark.parametrize("lost", [False, True])
def test_a_refund_that_waited_is_not_sent_beside_what_a_bank_may_take(stage: Stage, cast: Cast, lost: bool) -> None:
    bill, payment = paid_bill(stage)
    made = refund(stage, payment)
    dispute = complain(stage, payment)
    if lost:
        decide(stage, dispute)
    hear(stage)
    assert send(stage, made) == "failed"
    stage.wait(minutes=1)
    stage.sweep()
    assert stage.sandbox.world.store.dump()["refund"] == []
    assert (status_of(stage, bill), owed(stage)) == (("acknowledged", "5000.00") if lost else ("paid", "0.00"))


def test_a_refund_of_ours_that_came_back_and_went_after_all_is_booked(stage: Stage, cast: Cast) -> None:
    bill, payment = paid_bill(stage)
    stage.dial(refund__failed=1.0)
    made = refund(stage, payment, "2000.00")
    send(stage, made)
    let_it_end(stage)
    assert (stage.transaction(made).status, cluster_balance(cast.cluster_id)) == ("failed", "5000.00")
    (row,) = stage.sandbox.world.store.all(Refund)
    row.status = "processed"
    night(stage)
    assert (status_of(stage, bill), owed(stage)) == ("partially_paid", "2000.00")


def test_an_answer_that_was_overtaken_is_asked_for_again(stage: Stage, cast: Cast) -> None:
    """While one asks, it hears that the dispute was won; before it books, another hears that it was lost after all."""
    _, payment = paid_bill(stage)
    hear(stage)
    dispute = complain(stage, payment)
    decide(stage, dispute)
    hear(stage)
    assert owed(stage) == "5000.00"
    decide(stage, dispute, "declined")
    told = []

    def turn(place: str) -> None:
        if place == "settlement.taken_back.answered" and not told:
            told.append(place)
            hear_it(stage, payment)
            decide(stage, dispute)
            hear_it(stage, payment)

    with watching(turn):
        hear_it(stage, payment)
    assert (owed(stage), wallet_balance(cast.bola)) == ("10000.00", "5000.00")


def hear_it(stage: Stage, payment: UUID) -> None:
    provider = stage.attempt(payment).provider
    hear_taken_back_of(cluster_id=stage.cast.cluster_id, transaction_id=payment, provider_name=provider, now=stage.now)


def test_a_charge_that_no_list_has_and_that_is_reversed_is_learnt(stage: Stage, cast: Cast) -> None:
    paid_bill(stage)
    charge_of(stage).status = "reversed"
    stage.wait(hours=1)
    span = {"since": stage.now - timedelta(minutes=90), "until": stage.now, "now": stage.now}
    charge_of(stage).created_at = stage.now - timedelta(days=1)
    commands.reconcile(**span, cluster_ids=stage.cluster_ids)  # type: ignore[arg-type]
    assert owed(stage) == "5000.00"


def test_a_row_that_nobody_hears_is_a_case_and_the_next_night_goes_on(stage: Stage, cast: Cast) -> None:
    checkouts = [stage.deposit(cast.bola) for _ in range(3)]
    for checkout in checkouts:
        stage.end(checkout)
    second = sorted(row["id"] for row in stage.sandbox.world.store.dump()["charge"])[1]
    answer = stage._answer

    def garble(request: httpx.Request) -> httpx.Response:
        if request.url.path == f"/paystack/transaction/{second}":
            return answers(200, {"status": True, "message": "", "data": {"id": second}})
        return answer(request)

    stage._answer = garble  # type: ignore[method-assign]
    first = night(stage)
    assert (first.settled_now, first.complete, wallet_balance(cast.bola)) == (2, False, "2000.00")
    assert [(case.kind, case.facts["error"]) for case in stage.cases()] == [("never_answered", "NotUnderstood")]
    assert night(stage).complete, "a person knows of it"


def test_many_rows_in_a_row_that_nobody_hears_hold_up_one_night_at_most(stage: Stage, cast: Cast) -> None:
    for _ in range(8):
        stage.end(stage.deposit(cast.bola))
    mute = {f"/paystack/transaction/{row['id']}" for row in stage.sandbox.world.store.dump()["charge"][1:7]}
    answer = stage._answer

    def garble(request: httpx.Request) -> httpx.Response:
        return (
            answers(200, {"status": True, "message": "", "data": {}}) if request.url.path in mute else answer(request)
        )

    stage._answer = garble  # type: ignore[method-assign]
    nights = [night(stage) for _ in range(3)]
    assert [run.complete for run in nights] == [False, False, True]
    assert wallet_balance(cast.bola) == "2000.00"
    assert len(stage.cases()) == 6


def test_a_provider_that_is_silent_is_no_case(stage: Stage, cast: Cast) -> None:
    for _ in range(6):
        stage.end(stage.deposit(cast.bola))
    answer = stage._answer

    def fall_silent(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/paystack/transaction/"):
            return answers(503, {})
        return answer(request)

    stage._answer = fall_silent  # type: ignore[method-assign]
    assert not night(stage).complete
    assert stage.cases() == []


def test_a_row_that_cannot_be_read_is_the_platforms_and_holds_up_nothing(stage: Stage, cast: Cast) -> None:
    stage.end(stage.deposit(cast.bola))
    (row,) = stage.sandbox.world.store.dump()["charge"]
    answer = stage._answer

    def garble(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/paystack/transaction":
            listed = json.loads(answer(request).read())
            return answers(200, {**listed, "data": [{"id": row["id"]}]})
        return answer(request)

    stage._answer = garble  # type: ignore[method-assign]
    assert night(stage).complete
    with tenant(PLATFORM_CLUSTER_ID):
        found = Case.objects.filter(cluster_id=PLATFORM_CLUSTER_ID, subject=f"paystack:charges:{row['id']}")
        assert [case.facts["error"] for case in found] == ["unreadable"]


def test_payouts_go_on_from_where_their_own_whole_runs_ended(stage: Stage) -> None:
    latest = Reconciliation.objects.aggregate(at=Max("at"))["at"] or stage.now  # of earlier tests, some in days to come
    ended = stage.now - timedelta(days=9)
    for compares, until in ((Reconciliation.CHARGES, stage.now), (Reconciliation.PAYOUTS, ended)):
        for _ in range(100):
            run = {"compares": compares, "since": ended - timedelta(days=1), "until": until, "at": latest}
            keep("paystack", **run)
    span = {"since": stage.now - timedelta(days=3), "until": stage.now, "now": latest}
    made = commands.reconcile_payouts(**span, go_on=True)  # type: ignore[arg-type]
    assert {run.provider: run.since for run in made}["paystack"] == ended


def test_payouts_that_could_not_be_listed_are_no_whole_run(stage: Stage) -> None:
    stage.dial(list__error_before=1.0, verify__error_before=1.0)
    span = {"since": stage.now - timedelta(days=3), "until": stage.now, "now": stage.now}
    made = commands.reconcile_payouts(**span)  # type: ignore[arg-type]
    assert [(run.compares, run.complete) for run in made] == [("payouts", False)] * 2


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("resolution", ["auto-accepted", "declined"])
def test_a_complaint_that_nobody_told_of_is_not_given_back_beside(
    stage: Stage, cast: Cast, provider: str, resolution: str
) -> None:
    """Made between the refund's request and its sending, its notice lost: the provider would pay for both."""
    bill, payment = paid_bill(stage, provider=provider)
    made = refund(stage, payment)
    stage.dial(webhook__drop=1.0)
    dispute = complain(stage, payment)
    assert send(stage, made) == "failed"
    assert ("chargeback", "open") in said(stage)
    decide(stage, dispute, resolution)
    hear_it(stage, payment)
    lost = resolution != "declined"
    assert (owed(stage), status_of(stage, bill)) == (("5000.00", "acknowledged") if lost else ("0.00", "paid"))


def test_where_it_is_not_heard_who_complained_a_refund_waits(stage: Stage) -> None:
    _, payment = paid_bill(stage)
    made = refund(stage, payment)
    stage.dial(any__error_before=1.0)
    assert send(stage, made) == "pending"
    stage.heal()
    let_it_end(stage)
    assert stage.transaction(made).status == "completed"


def test_a_loss_that_a_refund_kept_out_of_the_books_is_booked_when_it_returns(stage: Stage, cast: Cast) -> None:
    """Lost before the refund was sent, and nobody told: it is not given back, neither now nor by another refund."""
    bill, payment = paid_bill(stage, provider="flutterwave")
    made = refund(stage, payment)
    stage.dial(webhook__drop=1.0)
    decide(stage, complain(stage, payment))
    assert send(stage, made) == "failed"
    assert (owed(stage), status_of(stage, bill)) == ("5000.00", "acknowledged")
    with pytest.raises(RefundExceedsPayment):
        refund(stage, payment)


@pytest.mark.parametrize("resolution", [None, "auto-accepted", "declined"])
def test_a_refund_that_never_arrived_returns_beside_a_complaint(stage: Stage, resolution: str | None) -> None:
    """It is not sent again, and nothing stays held for it; what the bank took is booked."""
    bill, payment = paid_bill(stage)
    made = refund(stage, payment)
    stage.dial(refund__timeout_before=1.0)
    send(stage, made)
    stage.heal()
    stage.dial(webhook__drop=1.0)
    dispute = complain(stage, payment)
    if resolution:
        decide(stage, dispute, resolution)
    for _ in range(4):
        let_it_end(stage)
    if resolution == "declined":
        assert stage.transaction(made).status == "completed"  # it is the estate's again, and goes
        return
    assert (stage.transaction(made).status, told(stage)) == ("failed", [])
    assert "refund_failed" in [case.kind for case in stage.cases()]
    taken = ("5000.00", "acknowledged")
    assert (owed(stage), status_of(stage, bill)) == (taken if resolution else ("0.00", "paid"))


def test_a_refund_that_waits_for_an_answer_too_long_is_told_to_a_person(stage: Stage) -> None:
    _, payment = paid_bill(stage)
    made = refund(stage, payment)
    stage.dial(list__error_before=1.0)
    assert send(stage, made) == "pending"
    stage.wait(hours=25)
    assert send(stage, made) == "pending"
    assert "unknown_too_long" in [case.kind for case in stage.cases()]


def test_a_complaint_that_was_decided_for_us_does_not_stop_a_refund(stage: Stage) -> None:
    """Its opening was heard, its end was not."""
    _, payment = paid_bill(stage)
    made = refund(stage, payment)
    dispute = complain(stage, payment)
    hear(stage)
    stage.dial(webhook__drop=1.0)
    decide(stage, dispute, "declined")
    assert send(stage, made) == "processing"
