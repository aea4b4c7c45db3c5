"""Setting up automations, changing them, switching them on and off, and what they may spend on a type of utility."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop as _

from clustr.audit import commands as audit
from clustr.bills.policies import refuse_amount
from clustr.bills.types import BillType
from clustr.clusters.refusals import NotAMemberNow
from clustr.clusters.types import FORMER
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.notifications.types import NotificationEvents
from clustr.payments.models import SavedMethod
from clustr.payments.refusals import PaymentMethodNotFound
from clustr.recurring.automation_models import AutomationRun, SpendingLimit, UtilityAutomation
from clustr.recurring.automation_notices import tell_of_automation
from clustr.recurring.automation_policies import AUTOMATIONS_OF_A_MEMBER, allows_more, refuse_terms
from clustr.recurring.automation_queries import terms_of
from clustr.recurring.automation_reading import estimates_for
from clustr.recurring.automation_refusals import AutomationNotFound, TooLittleHistory, TooManyAutomations
from clustr.recurring.automation_types import AutomationChanges, AutomationState, AutomationTerms
from clustr.recurring.commands.automation_running import switch_off
from clustr.recurring.estimation import TooLittle
from clustr.recurring.schedule import anchor_of
from clustr.recurring.types import StoppedBy
from clustr.utilities import commands as utilities
from clustr.utilities.planning_queries import Sold, sold_for
from clustr.utilities.queries import account_of_member
from clustr.utilities.refusals import UtilityPinNeeded, UtilityProviderNotFound
from clustr.wallets import commands as wallets
from clustr.wallets import queries as wallet_queries
from clustr.wallets.types import SpendAuthorization


def setup_recurring_utility_payment(
    *,
    actor: Actor,
    account_id: UUID,
    terms: AutomationTerms,
    enable: bool,
    authorization: SpendAuthorization | None,
    now: datetime,
) -> UUID:
    """Set up an automation for one of the member's saved numbers; answers its id. It is off unless the member opts in here
    or later. The PIN, where one is set, is asked now and never by a run.

    Refuses `PinRequired`, `NotAMemberNow`, `TooManyAutomations`, `UtilityAccountNotFound`, `UtilityProviderNotFound`,
    `UtilityPinNeeded`, `TooLittleHistory`, `PaymentMethodNotFound`, and as `automation_policies.refuse_terms`.
    """
    if actor.role == FORMER:
        raise NotAMemberNow
    with tenant(actor.cluster_id), crash_points("recurring.set_up_automation"):
        utilities.lock_purchases(cluster_id=actor.cluster_id, user_id=actor.member_id)
        wallets.require_authorization(actor=actor, authorization=authorization)
        mine = UtilityAutomation.objects.filter(
            cluster_id=actor.cluster_id, user_id=actor.member_id, removed_at__isnull=True
        )
        if mine.count() >= AUTOMATIONS_OF_A_MEMBER:
            raise TooManyAutomations
        account = account_of_member(actor=actor, account_id=account_id)
        made = UtilityAutomation(
            id=new_id(),
            cluster_id=actor.cluster_id,
            user_id=actor.member_id,
            provider_id=account.provider_id,
            account_id=account.id,
            currency=actor.currency,
            timezone=actor.timezone,
            state=AutomationState.OFF.value,
            created_at=now,
        )
        _set_terms(actor, made, terms, now)
        _refuse_unfit(actor, made, terms)
        if enable:
            _switch_on(actor, made, now)
        made.save(force_insert=True)
        _audit(actor, "recurring.automation_set_up", made, now, {**_facts(terms), "on": enable})
        tell_of_automation(automation=made, event=NotificationEvents.UTILITY_AUTOMATION_SET_UP, now=now)
    return made.id


def edit_automation(
    *,
    actor: Actor,
    automation_id: UUID,
    changes: AutomationChanges,
    enable: bool | None,
    authorization: SpendAuthorization | None,
    now: datetime,
) -> None:
    """Change an automation of one's own, and switch it on or off (None: neither). What lets more be spent, more often or
    from elsewhere, and switching it on, needs the PIN as a new one does. Switched off, it buys nothing from now on.

    Refuses `AutomationNotFound`, `NotAMemberNow`, and as `setup_recurring_utility_payment`.
    """
    with tenant(actor.cluster_id), crash_points("recurring.edit_automation"):
        utilities.lock_purchases(cluster_id=actor.cluster_id, user_id=actor.member_id)
        automation = _own(actor, automation_id)
        before, was = terms_of(automation), automation.state
        after = replace(before, **changes)
        if enable or allows_more(before=before, after=after):
            wallets.require_authorization(actor=actor, authorization=authorization)
        if after != before:
            _set_terms(actor, automation, after, now)
        if enable or after != before:
            _refuse_unfit(actor, automation, after)
        if enable:
            if actor.role == FORMER:
                raise NotAMemberNow
            _switch_on(actor, automation, now)
        if automation.state == AutomationState.ON and after.schedule != before.schedule:
            automation.next_run_at = _next_time(automation, now)
        automation.save()
        if enable is False and automation.state != AutomationState.OFF:
            switch_off(automation=automation, by=StoppedBy.MEMBER, now=now)
        _audit_changes(actor, automation, before, after, enable, now)
        _tell_of_switch(automation, was, now)


def remove_automation(*, actor: Actor, automation_id: UUID, now: datetime) -> None:
    """Remove an automation of one's own: it buys nothing from now on and is shown no more. What it bought stays, and what is
    being bought or charged is seen to its end. Refuses `AutomationNotFound`."""
    with tenant(actor.cluster_id), crash_points("recurring.remove_automation"):
        utilities.lock_purchases(cluster_id=actor.cluster_id, user_id=actor.member_id)
        automation = _own(actor, automation_id)
        if automation.state != AutomationState.OFF:
            switch_off(automation=automation, by=StoppedBy.MEMBER, now=now)
        automation.removed_at = now
        automation.save(update_fields=["removed_at"])
        _audit(actor, "recurring.automation_removed", automation, now, {})
        ended = NotificationEvents.UTILITY_AUTOMATION_CANCELLED
        tell_of_automation(automation=automation, event=ended, now=now, why=_("you removed it."))


def set_spending_limit(
    *,
    actor: Actor,
    service_type: BillType,
    limit: Money | None,
    authorization: SpendAuthorization | None,
    now: datetime,
) -> None:
    """Set what the member's automations may spend on this type of utility in a calendar month, fees included; None: no limit
    any more. A higher limit, or none, needs the PIN. Refuses `PinRequired`, `CurrencyMismatch`."""
    if limit is not None:
        refuse_amount(amount=limit, currency=actor.currency)
    with tenant(actor.cluster_id), crash_points("recurring.set_spending_limit"):
        utilities.lock_purchases(cluster_id=actor.cluster_id, user_id=actor.member_id)
        mine = SpendingLimit.objects.filter(
            cluster_id=actor.cluster_id, user_id=actor.member_id, bill_type=service_type.value
        )
        known = mine.first()
        if known is not None and (limit is None or limit.minor > known.limit_minor):
            wallets.require_authorization(actor=actor, authorization=authorization)
        if limit is None:
            mine.delete()
        elif known is not None:
            mine.update(limit_minor=limit.minor, set_at=now)
        else:
            SpendingLimit.objects.create(
                id=new_id(),
                cluster_id=actor.cluster_id,
                user_id=actor.member_id,
                bill_type=service_type.value,
                limit_minor=limit.minor,
                set_at=now,
            )
        audit.record(
            actor=actor,
            action="recurring.spending_limit_set",
            subject_kind="user",
            subject_id=actor.member_id,
            at=now,
            facts={"type": service_type.value, "limit": str(limit) if limit else None, "currency": actor.currency},
        )


def _tell_of_switch(automation: UtilityAutomation, was: str, now: datetime) -> None:
    """Tell that it was switched on or off, where it was not so before."""
    if automation.state == was:
        return
    if automation.state == AutomationState.ON:
        tell_of_automation(automation=automation, event=NotificationEvents.UTILITY_AUTOMATION_RESUMED, now=now)
    elif was == AutomationState.ON:
        off = NotificationEvents.UTILITY_AUTOMATION_PAUSED
        tell_of_automation(automation=automation, event=off, now=now, why=_("you switched it off."))


def _own(actor: Actor, automation_id: UUID) -> UtilityAutomation:
    found = (
        UtilityAutomation.objects.select_for_update(no_key=True)
        .filter(cluster_id=actor.cluster_id, id=automation_id, user_id=actor.member_id, removed_at__isnull=True)
        .first()
    )
    if found is None:
        raise AutomationNotFound
    return found


def _set_terms(actor: Actor, automation: UtilityAutomation, terms: AutomationTerms, now: datetime) -> None:
    today = anchor_of(start=now, timezone=actor.timezone).date()
    when = (terms.schedule.kind.value, terms.schedule.every, terms.schedule.at)
    if when != (automation.schedule_kind, automation.schedule_every, automation.schedule_at):
        automation.schedule_kind, automation.schedule_every, automation.schedule_at = when
        automation.starts_on, automation.timezone = today, actor.timezone
    automation.amount_minor = terms.amount.minor if terms.amount else None
    automation.max_minor = terms.max_amount.minor if terms.max_amount else None
    automation.payment_source = terms.payment_source.value
    automation.method_id = terms.payment_method_id
    automation.limit_minor = terms.spending_limit.minor if terms.spending_limit else None
    automation.keeps_minor = terms.minimum_balance.minor if terms.minimum_balance else 0
    automation.priority, automation.allow_partial = terms.priority, terms.allow_partial
    automation.notify = sorted(notice.value for notice in terms.notify)


def _refuse_unfit(actor: Actor, automation: UtilityAutomation, terms: AutomationTerms) -> None:
    sold: Sold = sold_for(account_ids=[automation.account_id])[automation.account_id]
    if not sold.is_sold or sold.currency != actor.currency:
        raise UtilityProviderNotFound
    if terms.payment_method_id is not None:
        mine = SavedMethod.objects.filter(
            cluster_id=actor.cluster_id, id=terms.payment_method_id, user_id=actor.member_id, removed_at=None
        )
        if not mine.exists():
            raise PaymentMethodNotFound
    refuse_terms(terms=terms, sold=sold)
    ceiling = terms.amount or terms.max_amount
    high = ceiling is not None and ceiling >= utilities.high_amount(currency=actor.currency)
    if high and not wallet_queries.my_wallet(actor=actor).has_pin:
        raise UtilityPinNeeded
    if terms.amount is None and isinstance(estimates_for(automations=[automation])[automation.account_id], TooLittle):
        raise TooLittleHistory


def _switch_on(actor: Actor, automation: UtilityAutomation, now: datetime) -> None:
    """What is on already keeps the day that comes next, at its hour of where the estate is now."""
    before, automation.timezone = automation.schedule, actor.timezone
    if automation.next_run_at is not None:
        automation.next_run_at = automation.schedule.time_of(before.day_of(due_at=automation.next_run_at))
    else:
        automation.state, automation.next_run_at = AutomationState.ON.value, _next_time(automation, now)
    automation.stopped_at, automation.stopped_by, automation.reason = None, StoppedBy.NOBODY.value, ""


def _next_time(automation: UtilityAutomation, now: datetime) -> datetime:
    """When it buys next, never again on a day for which it did."""
    runs = AutomationRun.objects.filter(cluster_id=automation.cluster_id, automation_id=automation.id)
    last = runs.order_by("-period").first()
    day = None
    if last is not None:
        day = last.due_on or anchor_of(start=last.due_at, timezone=automation.timezone).date()
    return automation.schedule.next_after(now=now, bought_until=day)


def _facts(terms: AutomationTerms) -> dict[str, Any]:
    """An automation's terms for the trail: amounts and days, no number and no card."""
    return {
        "schedule": f"{terms.schedule.kind} {terms.schedule.every} {terms.schedule.at:%H:%M}",
        "amount": str(terms.amount) if terms.amount else None,
        "max_amount": str(terms.max_amount) if terms.max_amount else None,
        "payment_source": terms.payment_source.value,
        "has_card": terms.payment_method_id is not None,
        "spending_limit": str(terms.spending_limit) if terms.spending_limit else None,
        "minimum_balance": str(terms.minimum_balance) if terms.minimum_balance else None,
        "priority": terms.priority,
        "allow_partial": terms.allow_partial,
    }


def _audit_changes(
    actor: Actor,
    automation: UtilityAutomation,
    before: AutomationTerms,
    after: AutomationTerms,
    enable: bool | None,
    now: datetime,
) -> None:
    was, is_now = _facts(before), _facts(after)
    changed = {name: [was[name], is_now[name]] for name in is_now if was[name] != is_now[name]}
    if changed or after != before:
        _audit(actor, "recurring.automation_edited", automation, now, changed)
    if enable is not None:
        action = "recurring.automation_enabled" if enable else "recurring.automation_disabled"
        _audit(actor, action, automation, now, {})


def _audit(actor: Actor, action: str, automation: UtilityAutomation, now: datetime, facts: dict[str, Any]) -> None:
    audit.record(actor=actor, action=action, subject_kind="automation", subject_id=automation.id, at=now, facts=facts)
