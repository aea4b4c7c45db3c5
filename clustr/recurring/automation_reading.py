"""What there is to spend and what is expected, read for planning and for showing alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import F, Sum

from clustr.bills.types import BillType
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.payments.models import Attempt, SavedMethod
from clustr.payments.pricing import surcharge_on
from clustr.payments.queries import payers_bear_fees
from clustr.recurring.automation_models import AutomationRun, AutomationStep, SpendingLimit, UtilityAutomation
from clustr.recurring.automation_planner import Purse
from clustr.recurring.automation_types import BEYOND_CARD, AutomationFailure, AutomationRunState
from clustr.recurring.estimation import Bought, Estimate, TooLittle, estimate_next
from clustr.recurring.fees import beyond_card
from clustr.recurring.schedule import anchor_of
from clustr.utilities.planning_queries import deliveries_for
from clustr.utilities.queries import account_of_member
from clustr.wallets import queries as wallets


def month_of(*, now: datetime, timezone: str) -> date:
    """The first day of the month in which limits count now, by the estate's calendar."""
    return anchor_of(start=now, timezone=timezone).date().replace(day=1)


def read_purse(*, actor: Actor, now: datetime) -> Purse:
    """What the member's automations may spend now: of the wallet, and of the month's limits."""
    counted = AutomationRun.objects.filter(
        cluster_id=actor.cluster_id,
        user_id=actor.member_id,
        month=month_of(now=now, timezone=actor.timezone),
    )
    total = Sum(F("amount_minor") + F("fee_minor"))
    limits = SpendingLimit.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id)
    return Purse(
        available=wallets.my_wallet(actor=actor).available.minor - _kept_for_runs(actor),
        spent_by_automation={id: int(sum) for id, sum in counted.values_list("automation_id").annotate(spent=total)},
        spent_by_type={
            BillType(type): int(sum) for type, sum in counted.values_list("bill_type").annotate(spent=total)
        },
        type_limits={BillType(row.bill_type): row.limit_minor for row in limits},
    )


def _kept_for_runs(actor: Actor) -> int:
    """What cards have brought into the wallet, each for one run that has not bought yet."""
    waiting = AutomationRun.objects.filter(
        cluster_id=actor.cluster_id, user_id=actor.member_id, state=AutomationRunState.WAITING.value
    )
    return int(waiting.aggregate(kept=Sum("funded_minor"))["kept"] or 0)


@dataclass(frozen=True, slots=True)
class Cards:
    """Cards that a member has, by the provider of each; and whether the fee of these is the payer's."""

    provider_of: Mapping[UUID | None, str]
    bear_fees: bool = False

    def __contains__(self, method_id: object) -> bool:
        return method_id in self.provider_of

    def fee_on(self, method_id: UUID | None, amount: Money) -> Money:
        """What one of these is charged on top of this amount."""
        minor = surcharge_on(provider=self.provider_of[method_id], amount=amount) if self.bear_fees else 0
        return Money(minor, amount.currency)

    def beyond(self, method_id: UUID | None, amount: Money) -> AutomationFailure:
        """Why one of these cannot be charged so much at once; NONE where it can, and of a card that is not there."""
        if method_id not in self.provider_of:
            return AutomationFailure.NONE
        total = amount + self.fee_on(method_id, amount)
        beyond = beyond_card(provider=self.provider_of[method_id], total=total)
        return BEYOND_CARD[beyond] if beyond else AutomationFailure.NONE


def cards_of(*, actor: Actor, automations: Iterable[UtilityAutomation], now: datetime) -> Cards:
    """Of the cards that these name, those that the member still has."""
    named = {automation.method_id for automation in automations if automation.method_id}
    mine = SavedMethod.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id, removed_at=None)
    kept: dict[UUID | None, str] = dict(mine.filter(id__in=named).values_list("id", "provider")) if named else {}
    return Cards(kept, bear_fees=bool(kept) and payers_bear_fees(now=now))


def declined_cards(*, cluster_id: UUID, runs: Iterable[AutomationRun]) -> dict[UUID, UUID | None]:
    """Of runs that wait since a card was declined, by run: which card."""
    waiting = [run.id for run in runs if run.failure == AutomationFailure.CARD_DECLINED]
    if not waiting:
        return {}
    steps = AutomationStep.objects.filter(cluster_id=cluster_id, run_id__in=waiting).order_by("n")
    run_of = dict(steps.values_list("id", "run_id"))
    charges = Attempt.objects.filter(cluster_id=cluster_id, id__in=run_of).exclude(method_id=None)
    charged = dict(charges.values_list("id", "method_id"))
    return {run_id: charged[id] for id, run_id in run_of.items() if id in charged}


def estimate_of_account(*, actor: Actor, account_id: UUID) -> Estimate | TooLittle:
    """What the history of one of the member's own saved numbers makes expect. Refuses `UtilityAccountNotFound`."""
    account = account_of_member(actor=actor, account_id=account_id)
    return _estimates([account.id])[account.id]


def estimates_for(*, automations: Iterable[UtilityAutomation]) -> dict[UUID, Estimate | TooLittle]:
    """By number: what the history of those makes expect whose automations leave the amount open."""
    return _estimates({automation.account_id for automation in automations if automation.amount_minor is None})


def _estimates(account_ids: Iterable[UUID]) -> dict[UUID, Estimate | TooLittle]:
    return {
        account_id: estimate_next(history=[Bought(each.at, each.amount_minor) for each in delivered])
        for account_id, delivered in deliveries_for(account_ids=account_ids).items()
    }
