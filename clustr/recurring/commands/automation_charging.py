"""The card of an automation: charged into the wallet, for this purchase alone. Recorded here; settlement asks the provider."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.ids import new_id
from clustr.kit.jobs import enqueue
from clustr.kit.money import Money
from clustr.payments import commands as payments
from clustr.payments.models import SavedMethod, Transaction
from clustr.payments.queries import fee_on_top
from clustr.payments.schedule import CHECKOUT_LIFE
from clustr.payments.states import AttemptKind, Purpose, TransactionStatus, TransactionType
from clustr.recurring.automation_models import AutomationRun, AutomationStep, UtilityAutomation
from clustr.recurring.automation_planner import Decision
from clustr.recurring.automation_reading import month_of
from clustr.recurring.automation_types import AutomationFailure, AutomationRunState
from clustr.recurring.commands.automation_judging import Judged
from clustr.recurring.commands.automation_noting import save_runs
from clustr.recurring.types import PaymentSource

CHARGE, PURCHASE = "charge", "purchase"


def charge_for_run(*, actor: Actor, judged: Judged, decision: Decision, now: datetime) -> None:
    """Record that the run's card is charged for the whole purchase, and have it done: the money goes into the wallet, where
    it is kept for this run. Part of the transaction that decided it.

    A definite no is one attempt in vain; what is not known is waited for, and never charged again.
    """
    run, automation, sold = judged.of(decision.wish.run_id)
    method = _card(automation)
    amount = Money(decision.amount + decision.wish.fee, automation.currency)
    transaction = _record(actor, method, amount, f"For {sold.name}", now)
    add_step(run=run, id=transaction.id, kind=CHARGE)
    count(run=run, amount=decision.amount, fee=decision.wish.fee, actor=actor, now=now)
    limit_run(run=run, automation=automation, judged=judged)
    run.state, run.source, run.try_at = AutomationRunState.CHARGING.value, PaymentSource.CARD.value, None
    run.failure = AutomationFailure.NONE.value
    save_runs(runs=[run])


def _card(automation: UtilityAutomation) -> SavedMethod:
    """The card that pays always, or the wallet's backup."""
    if automation.method_id is None:
        raise AssertionError("what is charged has a card")
    return SavedMethod.objects.get(cluster_id=automation.cluster_id, id=automation.method_id)


def add_step(*, run: AutomationRun, id: UUID, kind: str) -> None:
    """Tie a transaction to its run. The database refuses a second of a kind while the first may have taken money."""
    before = AutomationStep.objects.filter(cluster_id=run.cluster_id, run_id=run.id, kind=kind).count()
    AutomationStep.objects.create(id=id, cluster_id=run.cluster_id, run_id=run.id, kind=kind, n=before + 1)


def count(*, run: AutomationRun, amount: int, fee: int, actor: Actor, now: datetime) -> None:
    """From now on this counts against the limits of the present month."""
    if run.amount_minor + run.fee_minor != amount + fee:
        run.counted_at = now
    run.amount_minor, run.fee_minor = amount, fee
    if run.month is None:
        run.month, run.counted_at = month_of(now=now, timezone=actor.timezone), now


def limit_run(*, run: AutomationRun, automation: UtilityAutomation, judged: Judged) -> None:
    """Note the limits that were asked, so that the books can prove that they held."""
    _run, _automation, sold = judged.of(run.id)
    run.limit_minor, run.type_limit_minor = automation.limit_minor, judged.type_limits.get(sold.type)


def _record(actor: Actor, method: SavedMethod, amount: Money, what: str, now: datetime) -> Transaction:
    transaction = payments.create_transaction(
        id=new_id(),
        type=TransactionType.DEPOSIT,
        status=TransactionStatus.PENDING,
        amount=amount,
        purpose=Purpose.WALLET,
        user_id=actor.member_id,
        subject_id=None,
        provider=method.provider,
        description=what,
        now=now,
    )
    payments.open_attempt(
        transaction=transaction,
        kind=AttemptKind.CHARGE,
        payable_until=now + CHECKOUT_LIFE,
        surcharge_minor=fee_on_top(provider=method.provider, amount=amount, now=now),
        method_id=method.id,
        callback_url=f"{settings.ENV.base_url}/",
        now=now,
    )
    audit.record(
        actor=actor,
        action="payments.started",
        subject_kind="transaction",
        subject_id=transaction.id,
        at=now,
        facts={
            "amount": str(amount),
            "currency": amount.currency,
            "provider": method.provider,
            "purpose": Purpose.WALLET.value,
        },
    )
    enqueue("settlement.charge_saved_card", cluster_id=actor.cluster_id, transaction_id=transaction.id)
    return transaction
