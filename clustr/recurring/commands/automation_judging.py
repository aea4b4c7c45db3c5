"""What a member's automations want now, beside what there is: read under the lock of their purchases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery

from clustr.bills.types import BillType
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.recurring.automation_models import AutomationRun, UtilityAutomation
from clustr.recurring.automation_planner import Decision, Wish, plan_automations
from clustr.recurring.automation_policies import amount_to_buy
from clustr.recurring.automation_reading import Cards, cards_of, estimates_for, read_purse
from clustr.recurring.automation_types import AutomationFailure, AutomationRunState
from clustr.recurring.estimation import Estimate, TooLittle
from clustr.recurring.types import PaymentSource
from clustr.utilities import commands as utilities
from clustr.utilities.planning_queries import Sold, sold_for
from clustr.wallets import queries as wallets
from clustr.wallets.types import WalletView


@dataclass(slots=True)
class Judged:
    """A member's waiting runs, decided: what becomes of each that could be bought, and why the others cannot."""

    runs: dict[UUID, AutomationRun]
    automations: dict[UUID, UtilityAutomation]
    sold: dict[UUID, Sold]
    type_limits: dict[BillType, int]
    decisions: list[Decision] = field(default_factory=list)
    unfit: list[tuple[AutomationRun, AutomationFailure]] = field(default_factory=list)

    def of(self, run_id: UUID) -> tuple[AutomationRun, UtilityAutomation, Sold]:
        """A run, its automation, and what is sold for its number."""
        run = self.runs[run_id]
        automation = self.automations[run.automation_id]
        return run, automation, self.sold[automation.account_id]


def judge_runs(*, actor: Actor, runs: Sequence[AutomationRun], now: datetime) -> Judged:
    """Decide about these waiting runs of one member, as if they were all there are. Part of a transaction that holds back
    the member's purchases."""
    automations = UtilityAutomation.objects.filter(cluster_id=actor.cluster_id).in_bulk(
        [run.automation_id for run in runs]
    )
    wallet = wallets.my_wallet(actor=actor)
    purse = read_purse(actor=actor, now=now)
    judged = Judged(
        runs={run.id: run for run in runs},
        automations=automations,
        sold=sold_for(account_ids=[automation.account_id for automation in automations.values()]),
        type_limits=dict(purse.type_limits),
    )
    cards = cards_of(actor=actor, automations=automations.values(), now=now)
    estimates = estimates_for(automations=automations.values())
    wishes = []
    for run in runs:
        wish = _wish(run, automations[run.automation_id], judged.sold, cards, estimates, wallet, now)
        if isinstance(wish, Wish):
            wishes.append(wish)
        else:
            judged.unfit.append((run, wish))
    judged.decisions = plan_automations(wishes=wishes, purse=purse)
    return judged


def _wish(
    run: AutomationRun,
    automation: UtilityAutomation,
    offered: dict[UUID, Sold],
    cards: Cards,
    estimates: dict[UUID, Estimate | TooLittle],
    wallet: WalletView,
    now: datetime,
) -> Wish | AutomationFailure:
    sold = offered[automation.account_id]
    if not sold.is_sold:
        return AutomationFailure.NOT_SOLD
    if wallet.is_frozen:
        return AutomationFailure.ACCOUNT_FROZEN
    estimate = estimates.get(automation.account_id)
    if automation.amount_minor is None and not isinstance(estimate, Estimate):
        return AutomationFailure.TOO_LITTLE_HISTORY
    amount = amount_to_buy(
        asked=automation.amount_minor,
        most=automation.max_minor,
        estimate=estimate if isinstance(estimate, Estimate) else None,
        sold=sold,
    )
    if amount is None:
        return AutomationFailure.AMOUNT_OUT_OF_RANGE
    if amount >= utilities.high_amount(currency=sold.currency).minor and not wallet.has_pin:
        return AutomationFailure.PIN_NEEDED
    by_card = automation.payment_source == PaymentSource.CARD
    if by_card and not run.funded_minor and automation.method_id not in cards:
        return AutomationFailure.CARD_GONE
    beyond = cards.beyond(automation.method_id, Money(amount + sold.fee_minor, automation.currency))
    if by_card and not run.funded_minor and beyond:
        return beyond
    return Wish(
        run_id=run.id,
        automation_id=automation.id,
        type=sold.type,
        priority=automation.priority,
        due_at=run.due_at,
        amount=amount,
        fee=sold.fee_minor,
        least=sold.minimum_minor if automation.allow_partial and sold.allows_parts else None,
        keeps=automation.keeps_minor,
        limit=automation.limit_minor,
        funded=run.funded_minor,
        by_card=by_card,
        backup=automation.method_id in cards and not beyond,
        is_due=run.try_at is not None and run.try_at <= now,
    )


def waiting_runs(*, actor: Actor, up_to: AutomationRun | None = None) -> list[AutomationRun]:
    """The member's runs that are to be tried, locked; of these, that run and those that go before it."""
    waiting = AutomationRun.objects.filter(
        cluster_id=actor.cluster_id, user_id=actor.member_id, state=AutomationRunState.WAITING
    )
    if up_to is not None:
        own = UtilityAutomation.objects.filter(cluster_id=actor.cluster_id)
        priority = own.get(id=up_to.automation_id).priority
        earlier = Q(due_at__lt=up_to.due_at) | Q(due_at=up_to.due_at, id__lte=up_to.id)
        of_run = own.filter(id=OuterRef("automation_id")).values("priority")[:1]
        waiting = waiting.alias(priority=Subquery(of_run)).filter(
            Q(priority__lt=priority) | Q(earlier, priority=priority)
        )
    return list(waiting.select_for_update(no_key=True, of=("self",)).order_by("id"))
