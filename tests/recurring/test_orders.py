"""Setting up, changing, pausing, resuming and cancelling standing orders; one test for each refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from clustr.bills.types import BillType
from clustr.clusters import commands as clusters
from clustr.clusters.refusals import NotAMemberNow
from clustr.kit.actor import PermissionMissing
from clustr.kit.errors import Refusal
from clustr.kit.money import CurrencyMismatch, Money
from clustr.kit.tenancy import tenant
from clustr.recurring import commands, queries
from clustr.recurring.refusals import (
    BillTypeNotPayable,
    MaximumNotNeeded,
    NoPeriodLeft,
    PaymentMethodMissing,
    RecurringPaymentHeld,
    RecurringPaymentNotActive,
    RecurringPaymentNotFound,
    RecurringPaymentNotHeld,
    RecurringPaymentNotPaused,
    RecurringPaymentOver,
    StartDatePassed,
    TooManyRecurringPayments,
)
from clustr.recurring.types import Frequency, OrderChanges, PaymentSource, Processed
from clustr.wallets import commands as wallets
from clustr.wallets.refusals import PinRequired, SeparationOfDuties
from clustr.wallets.types import SpendAuthorization
from tests.cast import Cast, Person
from tests.money import fund, naira, no_pin, wallet_balance
from tests.recurring.acts import cancel, order_of, pause, process, resume, runs, stored

pytestmark = pytest.mark.usefixtures("books")


def pin_of(cast: Cast) -> SpendAuthorization:
    """Bola sets a PIN and brings the right one."""
    wallets.set_pin(actor=cast.bola.actor, pin="482915", old_pin=None, now=cast.now)
    return wallets.authorize_spend(actor=cast.bola.actor, pin="482915", now=cast.now)


def test_it_works(cast: Cast) -> None:
    order = order_of(cast, "1000.00", description="Every month")
    with tenant(cast.cluster_id):
        seen = queries.my_recurring_payment(actor=cast.bola.actor, recurring_payment_id=order)
    assert (str(seen.amount), seen.state, seen.next_run_at) == ("1000.00", "active", cast.now + timedelta(hours=1))


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        ({"amount": Money(0, "NGN")}, Refusal),
        ({"amount": Money(100, "USD")}, CurrencyMismatch),
        ({"bill_type": BillType.WATER_UTILITY}, BillTypeNotPayable),
        ({"max_amount": naira("2000.00")}, MaximumNotNeeded),
        ({"max_amount": naira("999.00"), "bill_type": BillType.SECURITY}, MaximumNotNeeded),
        ({"payment_source": PaymentSource.CARD}, PaymentMethodMissing),
    ],
)
def test_what_cannot_be_ordered_is_refused(cast: Cast, terms: dict[str, Any], refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        order_of(cast, **terms)


def test_it_begins_today_at_the_earliest(cast: Cast) -> None:
    with pytest.raises(StartDatePassed):
        order_of(cast, start_date=cast.now - timedelta(days=1))
    order_of(cast, start_date=cast.now - timedelta(seconds=1))


def test_it_has_at_least_one_period(cast: Cast) -> None:
    start = cast.now + timedelta(days=3)
    with pytest.raises(NoPeriodLeft):
        order_of(cast, start_date=start, end_date=start - timedelta(seconds=1))
    order_of(cast, start_date=start, end_date=start)


def test_a_member_has_so_many_and_no_more(cast: Cast) -> None:
    made = [order_of(cast) for _ in range(50)]
    with pytest.raises(TooManyRecurringPayments):
        order_of(cast)
    cancel(cast, made[0])
    order_of(cast)


def test_who_has_left_sets_up_none_and_resumes_none_but_cancels(cast: Cast) -> None:
    order, other = order_of(cast), order_of(cast)
    pause(cast, other)
    gone = replace(cast.bola, actor=replace(cast.bola.actor, role="former"))
    with pytest.raises(NotAMemberNow):
        order_of(cast, person=gone)
    with pytest.raises(NotAMemberNow):
        resume(cast, other, person=gone)
    cancel(cast, order, person=gone)


def test_the_pin_is_asked_when_one_is_set_up(cast: Cast) -> None:
    authorization = pin_of(cast)
    with pytest.raises(PinRequired):
        order_of(cast, authorization=no_pin(cast.bola))
    order_of(cast, authorization=authorization)


def test_the_pin_is_never_asked_by_a_run(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order_of(cast, authorization=pin_of(cast))
    assert process(cast) == Processed(completed=1)


def test_the_pin_is_asked_when_one_is_resumed(cast: Cast) -> None:
    order = order_of(cast)
    pause(cast, order)
    authorization = pin_of(cast)
    with pytest.raises(PinRequired):
        resume(cast, order)
    commands.resume_recurring_payment(
        actor=cast.bola.actor, recurring_payment_id=order, authorization=authorization, now=cast.now
    )


@pytest.mark.parametrize(
    ("changes", "needs_pin"),
    [
        (OrderChanges(amount=naira("1000.01")), True),
        (OrderChanges(amount=naira("999.99")), False),
        (OrderChanges(title="Lawn", description="Less"), False),
        (OrderChanges(end_date=None), False),
    ],
)
def test_the_pin_is_asked_when_one_is_raised(cast: Cast, changes: OrderChanges, needs_pin: bool) -> None:
    order = order_of(cast)
    authorization = pin_of(cast)
    change = {"actor": cast.bola.actor, "recurring_payment_id": order, "changes": changes, "now": cast.now}
    if needs_pin:
        with pytest.raises(PinRequired):
            commands.edit_recurring_payment(**change, authorization=None)
    commands.edit_recurring_payment(**change, authorization=authorization if needs_pin else None)
    if changes.amount:
        assert stored(cast, order).amount == changes.amount


def test_a_later_end_needs_the_pin_an_earlier_one_does_not(cast: Cast) -> None:
    order = order_of(cast, end_date=cast.now + timedelta(days=100))
    pin_of(cast)

    def end(days: int) -> None:
        commands.edit_recurring_payment(
            actor=cast.bola.actor,
            recurring_payment_id=order,
            changes=OrderChanges(end_date=cast.now + timedelta(days=days)),
            authorization=None,
            now=cast.now,
        )

    end(90)
    with pytest.raises(PinRequired):
        end(91)
    with pytest.raises(NoPeriodLeft):
        end(0)


def test_a_pause_lets_periods_pass(cast: Cast) -> None:
    """Ten days of a daily order; paused after the third, resumed on the eighth: the days between are not paid later."""
    fund(cast, cast.bola, "9000.00")
    order = order_of(cast, frequency=Frequency.DAILY)
    process(cast, after=timedelta(days=2, hours=2))
    pause(cast, order, after=timedelta(days=2, hours=3))
    assert process(cast, after=timedelta(days=6)) == Processed()
    resume(cast, order, after=timedelta(days=6, hours=2))
    assert process(cast, after=timedelta(days=6, hours=3)) == Processed()
    assert process(cast, after=timedelta(days=8)) == Processed(completed=1)
    assert [run.period for run in runs(cast, order)] == [0, 1, 2, 7]
    assert stored(cast, order).skipped_periods == 4
    assert wallet_balance(cast.bola) == "5000.00"


def test_a_pause_ends_what_is_being_retried(cast: Cast) -> None:
    order = order_of(cast, frequency=Frequency.DAILY)
    process(cast)
    pause(cast, order, after=timedelta(hours=3))
    (run,) = runs(cast, order)
    assert (run.state, run.amount_minor) == ("stopped", 0)
    fund(cast, cast.bola, "5000.00")
    resume(cast, order, after=timedelta(hours=4))
    assert process(cast, after=timedelta(days=1, hours=2)) == Processed(completed=1)
    assert [run.period for run in runs(cast, order)] == [0, 1]


def test_only_the_active_is_paused_and_only_the_paused_resumed(cast: Cast) -> None:
    order = order_of(cast)
    with pytest.raises(RecurringPaymentNotPaused):
        resume(cast, order)
    pause(cast, order)
    with pytest.raises(RecurringPaymentNotActive):
        pause(cast, order)


def test_what_is_over_stays_over(cast: Cast) -> None:
    order = order_of(cast)
    cancel(cast, order)
    for act in (pause, resume, cancel):
        with pytest.raises(RecurringPaymentOver):
            act(cast, order)
    assert process(cast) == Processed()


def test_it_ends_after_its_last_period(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    start = cast.now + timedelta(hours=1)
    order = order_of(cast, frequency=Frequency.DAILY, end_date=start + timedelta(days=1))
    assert process(cast, after=timedelta(days=9)) == Processed(completed=2)
    assert stored(cast, order).state == "ended"
    with pytest.raises(RecurringPaymentOver):
        resume(cast, order)


def test_what_paused_after_its_last_period_is_not_resumed(cast: Cast) -> None:
    start = cast.now + timedelta(hours=1)
    order = order_of(cast, frequency=Frequency.DAILY, end_date=start)
    pause(cast, order)
    with pytest.raises(NoPeriodLeft):
        resume(cast, order, after=timedelta(days=2))


@pytest.mark.parametrize("act", [pause, resume, cancel])
def test_nobody_touches_anothers(cast: Cast, act: Any) -> None:
    order = order_of(cast)
    for stranger in (cast.residents[1], cast.ada, cast.chidi):
        with pytest.raises(RecurringPaymentNotFound):
            act(cast, order, person=stranger)


def hold(cast: Cast, order: UUID, person: Person) -> None:
    commands.pause_recurring_payment_of_member(
        actor=person.actor, recurring_payment_id=order, reason="She called", now=cast.now
    )


def let_go(cast: Cast, order: UUID, person: Person) -> None:
    commands.release_recurring_payment_of_member(actor=person.actor, recurring_payment_id=order, now=cast.now)


def test_what_the_office_paused_its_member_resumes_once_the_office_lets_it_go(cast: Cast) -> None:
    order, manager = order_of(cast), cast.manager("ManageRecurring")
    hold(cast, order, manager)
    paused = stored(cast, order)
    assert (paused.state, paused.stopped_by, paused.reason) == ("paused", "office", "She called")
    with pytest.raises(RecurringPaymentHeld):
        resume(cast, order)
    let_go(cast, order, manager)
    assert (stored(cast, order).state, stored(cast, order).stopped_by) == ("paused", "released")
    resume(cast, order)
    assert (stored(cast, order).state, stored(cast, order).stopped_by) == ("active", "")


@pytest.mark.parametrize("act", [hold, let_go])
def test_only_who_may_holds_an_order_or_lets_it_go(cast: Cast, act: Callable[[Cast, UUID, Person], None]) -> None:
    order = order_of(cast)
    if act is let_go:
        hold(cast, order, cast.ada)
    with pytest.raises(PermissionMissing):
        act(cast, order, cast.efe)
    with pytest.raises(RecurringPaymentNotFound):
        act(cast, order, cast.dayo)


def test_what_the_office_paused_its_member_may_cancel(cast: Cast) -> None:
    order = order_of(cast)
    hold(cast, order, cast.ada)
    cancel(cast, order)
    assert (stored(cast, order).state, stored(cast, order).stopped_by) == ("cancelled", "member")
    with pytest.raises(RecurringPaymentNotHeld):
        let_go(cast, order, cast.ada)


def test_only_what_the_office_holds_is_let_go(cast: Cast) -> None:
    order = order_of(cast)
    with pytest.raises(RecurringPaymentNotHeld):
        let_go(cast, order, cast.ada)
    pause(cast, order)
    with pytest.raises(RecurringPaymentNotHeld):
        let_go(cast, order, cast.ada)


def test_the_office_neither_pauses_nor_lets_go_its_own_here(cast: Cast) -> None:
    manager = cast.manager("ManageRecurring")
    order = order_of(cast, person=manager)
    with pytest.raises(SeparationOfDuties):
        hold(cast, order, manager)
    hold(cast, order, cast.ada)
    with pytest.raises(SeparationOfDuties):
        let_go(cast, order, manager)


def test_an_order_stops_when_its_member_leaves(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order = order_of(cast)
    clusters.end_membership(actor=cast.ada.actor, membership_id=cast.bola.membership_id, left_at=cast.now, now=cast.now)
    assert process(cast) == Processed(stopped=1)
    left = stored(cast, order)
    assert (left.state, left.stopped_by, wallet_balance(cast.bola)) == ("cancelled", "departure", "5000.00")


def test_a_frozen_wallet_pays_nothing(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    order = order_of(cast)
    wallets.freeze_wallet(actor=cast.bola.actor, now=cast.now)
    assert process(cast) == Processed(retrying=1)
    assert runs(cast, order)[0].failure == "account_frozen"
    wallets.unfreeze_wallet(actor=cast.bola.actor, authorization=None, now=cast.now)
    assert process(cast, after=timedelta(hours=9)) == Processed(completed=1)
    assert runs(cast, order)[0].attempts == 2
