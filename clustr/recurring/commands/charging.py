"""Asking for the charge of saved cards: for each due order one transaction, recorded with its run, which waits for what
becomes of it. The charge itself is settlement's, outside any transaction; `charged` hears how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F

from clustr.audit import commands as audit
from clustr.bills import commands as bills
from clustr.bills.types import BillType
from clustr.clusters import queries as clusters
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.jobs import enqueue
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant
from clustr.ledger.models import Account
from clustr.payments import commands as payments
from clustr.payments.models import SavedMethod, Transaction
from clustr.payments.queries import fee_on_top
from clustr.payments.schedule import CHECKOUT_LIFE
from clustr.payments.states import AttemptKind, Purpose, TransactionStatus, TransactionType
from clustr.recurring.commands.claiming import claim_due, stop_for_departure
from clustr.recurring.commands.moving import Due, Outcome, charged_meanwhile
from clustr.recurring.commands.noting import note_attempts, note_waits
from clustr.recurring.fees import beyond_card
from clustr.recurring.figures import tell_runs
from clustr.recurring.models import RecurringPayment, Run
from clustr.recurring.policies import Open, card_has_expired, divide_among_bills
from clustr.recurring.types import BEYOND_CARD, OrderState, PaymentSource, Processed, RunFailure, RunState


@dataclass(frozen=True, slots=True)
class Asked:
    """What a card is to be charged."""

    amount: Money
    method: SavedMethod
    surcharge_minor: int


def charge_cards(*, cluster_id: UUID, limit: int, only: UUID | None, now: datetime) -> Processed:
    """Ask for the charge of each card whose order is due, so many at most; part of a sweep's transaction, as the job that
    charges is. Nothing has moved yet."""
    with crash_points("recurring.charge"):
        claimed = claim_due(cluster_id=cluster_id, source=PaymentSource.CARD, limit=limit, only=only, now=now)
        gone = [due for due in claimed if not due.is_member]
        for due in gone:
            stop_for_departure(due=due, now=now)
        here = list({due.user_id: due for due in reversed(claimed) if due.is_member}.values())  # one of each member
        wanted = _wanted(here, now)
        charged = [(due, asked) for due in here if isinstance(asked := wanted[due.id], Asked)]
        for due, asked in charged:
            _charge(due, asked, now)
        waiting = [due.id for due in here if wanted[due.id] is None]
        note_waits(cluster_id=cluster_id, waiting=waiting, now=now)
        outcomes = {id: outcome for id, outcome in wanted.items() if isinstance(outcome, Outcome)}
        ended = [due for due in here if due.id in outcomes]
        steps = note_attempts(cluster_id=cluster_id, here=ended, outcomes=outcomes, now=now)
        states = [step.run for step in steps] + [RunState.CHARGING] * len(charged)
        done = Processed.of(states, stopped=len(gone), waiting=len(waiting))
        if done.total:
            tell_runs(cluster_id=cluster_id, done=done, contributions=0, bill_payments=0, moved={})
    return done


def _wanted(here: Sequence[Due], now: datetime) -> dict[UUID, Asked | Outcome | None]:
    """By order what its card is to be charged; or how its run ends without a charge; or None: another charge has to be
    decided first, because it may pay the same bills."""
    paying = [due for due in here if due.bill_type]
    types = [(due.user_id, BillType(due.bill_type)) for due in paying]
    held = bills.hold_payable_bills(wanted=types, now=now) if paying else {}
    waiting = charged_meanwhile(paying=paying, held=held)
    methods = SavedMethod.objects.filter(cluster_id=current_tenant()).in_bulk([due.method_id for due in here])
    frozen = Account.objects.filter(
        cluster_id=current_tenant(), id__in=[due.wallet_id for due in here if due.wallet_id], frozen_at__isnull=False
    )
    frozen_ids = set(frozen.values_list("id", flat=True))
    wanted: dict[UUID, Asked | Outcome | None] = {}
    for due in here:
        method = methods.get(due.method_id)
        if method is None or method.removed_at is not None:
            wanted[due.id] = Outcome(failure=RunFailure.CARD_REMOVED)
        elif card_has_expired(month=method.expires_month, year=method.expires_year, now=now):
            wanted[due.id] = Outcome(failure=RunFailure.CARD_EXPIRED)
        elif due.bill_type and due.wallet_id in frozen_ids:  # what a card pays on bills goes by way of the wallet
            wanted[due.id] = Outcome(failure=RunFailure.ACCOUNT_FROZEN)
        else:
            wanted[due.id] = None if due.id in waiting else _asked(due, method, held.get(due.user_id, []), now)
    return wanted


def _asked(due: Due, method: SavedMethod, owed: Sequence[tuple[UUID, int]], now: datetime) -> Asked | Outcome:
    amount = Money(due.amount_minor, due.currency)
    if due.bill_type:
        parts = divide_among_bills(cap_minor=due.most_minor, owed=[Open(bill_id, left) for bill_id, left in owed])
        amount = Money(sum(minor for _, minor in parts), due.currency)
        if not amount.minor:
            return Outcome()
    surcharge = fee_on_top(provider=method.provider, amount=amount, now=now)
    beyond = beyond_card(provider=method.provider, total=Money(amount.minor + surcharge, amount.currency))
    return Outcome(failure=BEYOND_CARD[beyond]) if beyond else Asked(amount, method, surcharge)


def _charge(due: Due, asked: Asked, now: datetime) -> None:
    """Record the charge and its run, and have it made."""
    cluster_id, amount, method = current_tenant(), asked.amount, asked.method
    actor = clusters.system_actor(cluster_id=cluster_id)
    transaction = payments.create_transaction(
        id=new_id(),
        type=TransactionType.RECURRING_PAYMENT,
        status=TransactionStatus.PENDING,
        amount=amount,
        purpose=Purpose.RECURRING_PAYMENT,
        user_id=due.user_id,
        subject_id=due.run_id,
        provider=method.provider,
        description=due.title,
        now=now,
    )
    payments.open_attempt(
        transaction=transaction,
        kind=AttemptKind.CHARGE,
        payable_until=now + CHECKOUT_LIFE,
        surcharge_minor=asked.surcharge_minor,
        method_id=method.id,
        now=now,
    )
    _note_charging(due, transaction, now)
    audit.record(
        actor=actor,
        action="recurring.card_charged",
        subject_kind="recurring_run",
        subject_id=due.run_id,
        at=now,
        facts={"amount": str(amount), "currency": amount.currency, "transaction_id": str(transaction.id)},
    )
    enqueue("settlement.charge_saved_card", cluster_id=cluster_id, transaction_id=transaction.id)


def _note_charging(due: Due, transaction: Transaction, now: datetime) -> None:
    """The run waits, as a new one or as another attempt of the one that is retried; and its order with it. There is nothing
    to tell its member yet."""
    if due.failed_attempts:
        retried = Run.objects.filter(id=due.run_id, state=RunState.RETRYING).update(
            state=RunState.CHARGING.value,
            cap_minor=due.most_minor,
            failure="",
            short_minor=0,
            attempts=F("attempts") + 1,
            told_attempts=F("attempts") + 1,
        )
        if retried != 1:
            raise AssertionError("a period that has run would run again")
    else:
        Run.objects.create(
            id=due.run_id,
            cluster_id=transaction.cluster_id,
            order_id=due.id,
            period=due.period,
            due_at=due.schedule.due_at(due.period),
            state=RunState.CHARGING.value,
            cap_minor=due.most_minor,
            attempts=1,
            told_attempts=1,
            started_at=now,
        )
    RecurringPayment.objects.filter(cluster_id=transaction.cluster_id, id=due.id, state=OrderState.ACTIVE).update(
        charging_id=transaction.id, next_run_at=None
    )
