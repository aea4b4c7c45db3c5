"""What became of a card's charge: settlement hands over the money once, or says that none will come. Part of its
transaction, under the lock of the order, which comes before the bills and the transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F

from clustr.audit import commands as audit
from clustr.bills import commands as bills
from clustr.bills.types import BillType
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.payments.models import SavedMethod, Transaction
from clustr.payments.types import PaymentErrorType
from clustr.people import queries as people
from clustr.recurring.commands.noting import note_pauses
from clustr.recurring.figures import tell_runs
from clustr.recurring.models import RecurringPayment, Run, RunBill
from clustr.recurring.notices import ask_to_confirm, tell_of_rest
from clustr.recurring.policies import Open, after_failure, after_success, divide_among_bills, failure_of_charge
from clustr.recurring.types import FINAL, OrderState, Processed, RunFailure, RunState
from clustr.wallets import commands as wallets


@dataclass(frozen=True, slots=True)
class Moved:
    """What a charge moved to the estate: in minor units, and by how many payments of bills."""

    minor: int
    bill_payments: int


def lock_for_settlement(*, transaction: Transaction, now: datetime) -> None:
    """Hold the order a card was charged for, and its bills, before the transaction itself is locked; part of a settlement."""
    order, _ = _locked(transaction)
    if order.bill_type:
        bills.hold_payable_bills(wanted=[(order.user_id, BillType(order.bill_type))], now=now)


def settle_card_charge(*, actor: Actor, transaction: Transaction, provider: str, now: datetime) -> str:
    """Use what a card was charged: as the contribution, or on the member's bills by way of their wallet, where what cannot
    be used stays. Answers "", or why the run does not take it, with no money moved."""
    order, run = _locked(transaction)
    if run.state not in (RunState.CHARGING, RunState.RETRYING) or order.charging_id not in (None, transaction.id):
        return "run_over"
    now_at_most = order.max_minor or order.amount_minor
    most = run.cap_minor if run.state == RunState.CHARGING else min(run.cap_minor, now_at_most)
    if transaction.amount_minor > most:  # late, and more than its member lets be spent since
        return "run_over"
    if not people.contact_of(user_id=order.user_id).reachable:
        _end(order, run, RunState.STOPPED, 0, now)
        return "owner_gone"
    moved = (
        _pay_bills(actor, order, run, transaction, provider, now)
        if order.bill_type
        else _contribute(actor, transaction, run, provider, now)
    )
    state = RunState.COMPLETED if moved.minor else RunState.NOTHING_DUE
    _end(order, run, state, moved.minor, now)
    tell_runs(
        cluster_id=order.cluster_id,
        done=Processed.of([state]),
        contributions=0,
        bill_payments=moved.bill_payments,
        moved={order.currency: moved.minor} if moved.bill_payments else {},
    )
    if moved.minor < transaction.amount_minor:
        rest = Money(transaction.amount_minor - moved.minor, order.currency)
        tell_of_rest(order=order, transaction=transaction, rest=rest, now=now)
    return ""


def fail_card_charge(*, transaction: Transaction, failure: PaymentErrorType | RunFailure, now: datetime) -> None:
    """No money will come of a charge: the run has failed this time, by the ladder of every run; what another try does not
    mend pauses the order. Nothing where the run does not wait for this charge."""
    order, run = _locked(transaction)
    if order.charging_id != transaction.id:
        return
    failed = failure if isinstance(failure, RunFailure) else _failure(order, failure)
    if order.state != OrderState.ACTIVE:
        _end(order, run, RunState.STOPPED, 0, now)
        return
    step = after_failure(
        period=run.period,
        failed_attempts=order.failed_attempts,
        most=1 if failed in FINAL else settings.ENV.RECURRING_MAX_FAILURES,
        first_wait=timedelta(hours=settings.ENV.RECURRING_RETRY_HOURS),
        now=now,
    )
    Run.objects.filter(id=run.id).update(
        state=step.run.value,
        failure=failed.value,
        ended_at=now if step.run is RunState.FAILED else None,
        told_attempts=F("attempts") - 1,
    )
    RecurringPayment.objects.filter(id=order.id).update(
        state=step.order.value,
        stopped_by=step.stopped_by.value,
        stopped_at=now if step.order is OrderState.PAUSED else None,
        next_period=step.next_period,
        next_run_at=step.next_run_at,
        failed_attempts=step.failed_attempts,
        charging_id=None,
    )
    if step.order is OrderState.PAUSED:
        note_pauses(cluster_id=order.cluster_id, paused=[order.id], now=now)
    tell_runs(cluster_id=order.cluster_id, done=Processed.of([step.run]), contributions=0, bill_payments=0, moved={})


def ask_for_confirmation(*, transaction: Transaction, url: str, now: datetime) -> None:
    """A card wants its owner: ask them, with the address of the provider's page. Part of a settlement."""
    order, _ = _locked(transaction)
    ask_to_confirm(order=order, transaction=transaction, url=url, now=now)


def _locked(transaction: Transaction) -> tuple[RecurringPayment, Run]:
    if transaction.subject_id is None:
        raise AssertionError(f"{transaction.reference} is for no run")
    run = Run.objects.get(cluster_id=transaction.cluster_id, id=transaction.subject_id)
    order = RecurringPayment.objects.select_for_update(no_key=True).get(
        cluster_id=transaction.cluster_id, id=run.order_id
    )
    return order, Run.objects.get(cluster_id=transaction.cluster_id, id=run.id)


def _failure(order: RecurringPayment, type: PaymentErrorType) -> RunFailure:
    cards = SavedMethod.objects.filter(cluster_id=order.cluster_id, user_id=order.user_id, removed_at=None)
    kept = order.method_id in set(cards.values_list("id", flat=True))
    return failure_of_charge(type=type) if kept else RunFailure.CARD_REMOVED


def _end(order: RecurringPayment, run: Run, state: RunState, moved_minor: int, now: datetime) -> None:
    """End the run, and let its order go on as it stands: an active one with its next period."""
    Run.objects.filter(id=run.id).update(
        state=state.value, amount_minor=moved_minor, failure="", ended_at=now, told_attempts=F("attempts") - 1
    )
    order.charging_id, order.next_period = None, run.period + 1
    if order.state == OrderState.ACTIVE:
        step = after_success(schedule=order.schedule, period=run.period, run=state)
        order.state, order.next_run_at, order.failed_attempts = step.order.value, step.next_run_at, 0
    order.save(update_fields=["charging_id", "next_period", "state", "next_run_at", "failed_attempts"])


def _contribute(actor: Actor, transaction: Transaction, run: Run, provider: str, now: datetime) -> Moved:
    entry = Entry(
        id=transaction.id,
        debit=wallets.provider_account(provider=provider, currency=transaction.currency),
        credit=ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency=transaction.currency),
        amount=transaction.amount,
        kind=TransferKind.CONTRIBUTION,
        journal=transaction.id,
        label=TransferKind.CONTRIBUTION.value,
    )
    ledger.post(entries=[entry], at=now)
    audit.record(
        actor=actor,
        action="recurring.contributed",
        subject_kind="recurring_run",
        subject_id=run.id,
        at=now,
        facts={"amount_minor": transaction.amount_minor, "currency": transaction.currency},
        journal=transaction.id,
    )
    return Moved(transaction.amount_minor, 0)


def _pay_bills(
    actor: Actor, order: RecurringPayment, run: Run, transaction: Transaction, provider: str, now: datetime
) -> Moved:
    """Into the wallet, and from there on what is open now of the bills: never more than came."""
    wallets.credit_arrived_money(actor=actor, transaction=transaction, provider=provider, now=now)
    wallet = wallets.open_wallet(user_id=order.user_id, currency=order.currency, now=now)
    held = bills.hold_payable_bills(wanted=[(order.user_id, BillType(order.bill_type))], now=now)
    owed = [Open(bill_id, remaining) for bill_id, remaining in held.get(order.user_id, [])]
    shares = divide_among_bills(cap_minor=transaction.amount_minor, owed=owed)
    parts = [
        bills.part_to_pay(bill_id=bill_id, user_id=order.user_id, wallet_id=wallet, amount_minor=minor)
        for bill_id, minor in shares
    ]
    verdicts = bills.pay_held_bills(parts=parts, currency=order.currency, action="recurring.bill_paid", now=now)
    if not parts or verdicts[wallet][0] != "posted":  # a wallet that was frozen meanwhile keeps it
        return Moved(0, 0)
    RunBill.objects.bulk_create(
        [RunBill(id=part.transaction_id, cluster_id=order.cluster_id, run_id=run.id) for part in parts]
    )
    return Moved(sum(part.amount_minor for part in parts), len(parts))
