"""What a plan has chosen is bought as a member buys: the utility says whose number it is, a quote is made, and it is bought.

By then the utility may have named another fee, a limit may have been used up, the wallet spent: the plan is made anew for
this run and those before it, under the same lock in which it is bought.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.errors import Refusal
from clustr.kit.money import Money
from clustr.kit.tenancy import in_tenant
from clustr.ledger.refusals import AccountFrozen, InsufficientFunds
from clustr.recurring.automation_models import AutomationRun, UtilityAutomation
from clustr.recurring.automation_notices import Tried, tell_of_run
from clustr.recurring.automation_planner import Decision, Verdict
from clustr.recurring.automation_types import (
    AutomationFailure,
    AutomationOutcome,
    AutomationRunState,
    AutomationState,
)
from clustr.recurring.commands.automation_charging import PURCHASE, add_step, charge_for_run, count, limit_run
from clustr.recurring.commands.automation_judging import Judged, judge_runs, waiting_runs
from clustr.recurring.commands.automation_late import keep_late_charges
from clustr.recurring.commands.automation_noting import (
    end_run,
    note_attempts,
    save_runs,
    short_of,
    stop_at_limits,
    stop_beyond_cards,
    wait_for_utility,
)
from clustr.recurring.commands.automation_returned import release_returned_money
from clustr.recurring.types import PaymentSource
from clustr.utilities import commands as utilities
from clustr.utilities.models import Account, Validation
from clustr.utilities.refusals import (
    AmountOutOfRange,
    PurchaseUnderWay,
    QuoteChanged,
    QuoteExpired,
    UtilityAccountCooling,
    UtilityAccountNotFound,
    UtilityLimitExceeded,
    UtilityProviderNotFound,
    ValidationNeeded,
    ValidationPending,
    VendorNotAvailable,
)
from clustr.utilities.types import PurchaseView, ValidationState, Wanted

F = AutomationFailure
_IN_VAIN: dict[type[Refusal], AutomationFailure] = {
    InsufficientFunds: F.INSUFFICIENT_FUNDS,
    AccountFrozen: F.ACCOUNT_FROZEN,
    UtilityLimitExceeded: F.DAILY_LIMIT,
    UtilityAccountCooling: F.NUMBER_TOO_NEW,
    AmountOutOfRange: F.AMOUNT_OUT_OF_RANGE,
    UtilityAccountNotFound: F.NOT_SOLD,
    UtilityProviderNotFound: F.NOT_SOLD,
}
_SOON = (PurchaseUnderWay, VendorNotAvailable, ValidationNeeded, ValidationPending, QuoteChanged, QuoteExpired)


def buy_for_run(*, actor: Actor, run_id: UUID, outcome: AutomationOutcome, now: datetime) -> None:
    """Buy for one run that a plan has chosen; outside any transaction. Counts in `outcome` what came of it."""
    validation_id = in_tenant(actor.cluster_id, lambda: _ask_again(actor, run_id, now))
    if validation_id is None:
        return
    crash_point("recurring.automation.recorded")
    utilities.ask_customer(cluster_id=actor.cluster_id, validation_id=validation_id)
    crash_point("recurring.automation.validated")
    said = in_tenant(actor.cluster_id, lambda: _buy(actor, run_id, validation_id, now))
    if said is not None:
        setattr(outcome, said, getattr(outcome, said) + 1)


def _ask_again(actor: Actor, run_id: UUID, now: datetime) -> UUID | None:
    """Record that the utility is asked whose number it is; None where there is nothing to buy any more."""
    with crash_points("recurring.ask_automation"):
        run = AutomationRun.objects.get(cluster_id=actor.cluster_id, id=run_id)
        automation = UtilityAutomation.objects.get(cluster_id=actor.cluster_id, id=run.automation_id)
        account = Account.objects.get(cluster_id=actor.cluster_id, id=automation.account_id)
        if run.state != AutomationRunState.WAITING or not account.number:
            return None
        return utilities.ask_again_about(account=account, now=now)


def _buy(actor: Actor, run_id: UUID, validation_id: UUID, now: datetime) -> str | None:
    """Decide anew, and buy. Answers which count of the outcome it is; None: somebody else was at it."""
    with crash_points("recurring.buy_automation"):
        utilities.lock_purchases(cluster_id=actor.cluster_id, user_id=actor.member_id)
        peeked = AutomationRun.objects.get(cluster_id=actor.cluster_id, id=run_id)
        release_returned_money(actor=actor, now=now)
        keep_late_charges(actor=actor, now=now)
        before = waiting_runs(actor=actor, up_to=peeked)
        run = next((one for one in before if one.id == run_id), None)
        if run is None:
            return None
        automation = UtilityAutomation.objects.select_for_update(no_key=True).get(
            cluster_id=actor.cluster_id, id=run.automation_id
        )
        validation = Validation.objects.get(cluster_id=actor.cluster_id, id=validation_id)
        if automation.state != AutomationState.ON:
            end_run(run=run, state=AutomationRunState.STOPPED, failure=AutomationFailure(run.failure), now=now)
            save_runs(runs=[run])
            return None
        judged = judge_runs(actor=actor, runs=before, now=now)
        if validation.state == ValidationState.PENDING:
            return _wait(judged, run_id, now)
        if validation.state == ValidationState.REFUSED:
            return _in_vain(judged, run_id, F.CUSTOMER_UNKNOWN, now)
        for unfit, failure in judged.unfit:
            if unfit.id == run_id:
                return _in_vain(judged, run_id, failure, now)
        decision = next(one for one in judged.decisions if one.wish.run_id == run_id)
        return _carry_out(actor, judged, decision, now)


def _carry_out(actor: Actor, judged: Judged, decision: Decision, now: datetime) -> str | None:
    run, _automation, _sold = judged.of(decision.wish.run_id)
    match decision.verdict:
        case Verdict.BUY | Verdict.CHARGE:
            try:
                with transaction.atomic():
                    return _buy_or_charge(actor, judged, decision, now)
            except _SOON:
                return _wait(judged, run.id, now)
            except tuple(_IN_VAIN) as refusal:
                return _in_vain(judged, run.id, _IN_VAIN[type(refusal)], now)
        case Verdict.SPENDING_LIMIT | Verdict.TYPE_LIMIT:
            stop_at_limits(judged=judged, limited=[decision], now=now)
            return "limited"
        case Verdict.CARD_SHORT:
            stop_beyond_cards(judged=judged, short=[decision], now=now)
            return "failed"
        case Verdict.SHORT:
            note_attempts(tried=[short_of(judged=judged, decision=decision)], now=now)
            return "failed"
        case Verdict.LATER:
            return None


def _buy_or_charge(actor: Actor, judged: Judged, decision: Decision, now: datetime) -> str:
    """Buy, or have the card charged for it first: not for what is known to be refused afterwards."""
    _run, automation, _sold = judged.of(decision.wish.run_id)
    wanted = Wanted(amount=Money(decision.amount, automation.currency), account_id=automation.account_id)
    quote = utilities.make_quote(actor=actor, wanted=wanted, now=now)
    if quote.fee_minor != decision.wish.fee:
        raise QuoteChanged
    if decision.verdict is Verdict.CHARGE:
        utilities.refuse_purchase(actor=actor, quote=quote, now=now)
        charge_for_run(actor=actor, judged=judged, decision=decision, now=now)
        return "charging"
    bought = utilities.buy_quote(actor=actor, quote_id=quote.id, is_automated=True, now=now)
    _note_bought(actor, judged, decision, bought, now)
    return "bought"


def _note_bought(actor: Actor, judged: Judged, decision: Decision, bought: PurchaseView, now: datetime) -> None:
    run, automation, sold = judged.of(decision.wish.run_id)
    add_step(run=run, id=bought.id, kind=PURCHASE)
    count(run=run, amount=bought.amount.minor, fee=bought.fee.minor, actor=actor, now=now)
    limit_run(run=run, automation=automation, judged=judged)
    run.state, run.failure, run.try_at, run.short_minor = AutomationRunState.BUYING.value, F.NONE.value, None, 0
    run.source = PaymentSource.CARD.value if run.funded_minor else PaymentSource.WALLET.value
    save_runs(runs=[run])
    tell_of_run(
        automation=automation, run=run, sold=sold, asked_minor=decision.wish.amount, purchase_id=bought.id, now=now
    )


def _tried(judged: Judged, run_id: UUID, failure: AutomationFailure) -> Tried:
    run, automation, sold = judged.of(run_id)
    amount = next(
        (one.wish.total for one in judged.decisions if one.wish.run_id == run_id),
        automation.amount_minor or automation.max_minor or 0,
    )
    return Tried(automation, run, sold, failure, amount)


def _is_early(judged: Judged, run_id: UUID, now: datetime) -> bool:
    """Tried before its time, because something else was due: that it was in vain counts for nothing."""
    try_at = judged.runs[run_id].try_at
    return try_at is not None and try_at > now


def _wait(judged: Judged, run_id: UUID, now: datetime) -> str | None:
    if _is_early(judged, run_id, now):
        return None
    waits = wait_for_utility(one=_tried(judged, run_id, F.VENDOR_UNAVAILABLE), now=now)
    return "waiting" if waits else "failed"


def _in_vain(judged: Judged, run_id: UUID, failure: AutomationFailure, now: datetime) -> str | None:
    if _is_early(judged, run_id, now):
        return None
    note_attempts(tried=[_tried(judged, run_id, failure)], now=now)
    return "failed"
