"""Setting up, changing, pausing, resuming and cancelling standing orders."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.audit import commands as audit
from clustr.bills.policies import refuse_amount
from clustr.clusters.refusals import NotAMemberNow
from clustr.clusters.types import FORMER, PaymentsPermissions
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments.providers.registry import provider_named
from clustr.payments.queries import method_of
from clustr.recurring.commands.stopping import stop_order
from clustr.recurring.models import RecurringPayment
from clustr.recurring.notices import tell_of_order
from clustr.recurring.policies import ORDERS_OF_A_MEMBER, card_has_expired, refuse_order
from clustr.recurring.refusals import (
    CardExpired,
    MaximumNotNeeded,
    NoPeriodLeft,
    PaymentMethodMissing,
    RecurringPaymentHeld,
    RecurringPaymentNotActive,
    RecurringPaymentNotFound,
    RecurringPaymentNotHeld,
    RecurringPaymentNotPaused,
    RecurringPaymentOver,
    RecurringPaymentUnderWay,
    TooManyRecurringPayments,
)
from clustr.recurring.schedule import anchor_of, first_period_after, occurrence
from clustr.recurring.types import (
    Happening,
    NewOrder,
    OrderChanges,
    OrderState,
    PaymentSource,
    StoppedBy,
)
from clustr.wallets import commands as wallets
from clustr.wallets.policies import refuse_own_affair
from clustr.wallets.types import SpendAuthorization

_OPEN = (OrderState.ACTIVE.value, OrderState.PAUSED.value)


def create_recurring_payment(
    *, actor: Actor, new: NewOrder, authorization: SpendAuthorization | None, now: datetime
) -> UUID:
    """Set up a standing order of the member's own; answers its id. The PIN, where one is set, is asked now and never by a
    run.

    Refuses `PinRequired`, `NotAMemberNow`, `TooManyRecurringPayments`, and as `policies.refuse_order`; from a card also
    `PaymentMethodNotFound`, `CardExpired`, `ProviderNotAvailable`.
    """
    if actor.role == FORMER:
        raise NotAMemberNow
    refuse_order(new=new, currency=actor.currency, timezone=actor.timezone, now=now)
    anchor = anchor_of(start=new.start_date, timezone=actor.timezone)
    first = occurrence(anchor=anchor, frequency=new.frequency, period=0, timezone=actor.timezone)
    if new.end_date is not None and new.end_date < first:
        raise NoPeriodLeft
    with tenant(actor.cluster_id), crash_points("recurring.create"):
        wallets.require_authorization(actor=actor, authorization=authorization)
        _refuse_too_many(actor)
        if new.payment_method_id is not None:
            _refuse_card(actor, new.payment_method_id, now)
        order = RecurringPayment.objects.create(
            id=new_id(),
            cluster_id=actor.cluster_id,
            user_id=actor.member_id,
            title=new.title,
            description=new.description,
            amount_minor=new.amount.minor,
            max_minor=new.max_amount.minor if new.max_amount else None,
            currency=actor.currency,
            frequency=new.frequency.value,
            bill_type=new.bill_type.value if new.bill_type else "",
            payment_source=new.payment_source.value,
            method_id=new.payment_method_id,
            anchor_on=anchor.date(),
            anchor_at=anchor.time(),
            timezone=actor.timezone,
            end_at=new.end_date,
            state=OrderState.ACTIVE.value,
            next_run_at=first,
            created_at=now,
        )
        _audit(actor, "recurring.created", order, now, facts=_terms(order))
        tell_of_order(order=order, happening=Happening.SET_UP, now=now)
    return order.id


def edit_recurring_payment(
    *,
    actor: Actor,
    recurring_payment_id: UUID,
    changes: OrderChanges,
    authorization: SpendAuthorization | None,
    now: datetime,
) -> None:
    """Change a standing order of one's own. More money, a later end, or another card needs the PIN as a new one does.

    Refuses `RecurringPaymentNotFound`, `RecurringPaymentOver`, `PinRequired`, `MaximumNotNeeded`, `NoPeriodLeft`; a card as
    a new order does, and `PaymentMethodMissing` where the wallet pays.
    """
    for amount in (changes.amount, changes.max_amount):
        if amount is not None:
            refuse_amount(amount=amount, currency=actor.currency)
    with tenant(actor.cluster_id), crash_points("recurring.edit"):
        order = _own(actor, recurring_payment_id)
        _refuse_over(order)
        before = _terms(order)
        most, end = order.max_minor or order.amount_minor, order.end_at
        order.title = changes.title if changes.title is not None else order.title
        order.description = changes.description if changes.description is not None else order.description
        order.amount_minor = changes.amount.minor if changes.amount else order.amount_minor
        order.max_minor = changes.max_amount.minor if changes.max_amount else order.max_minor
        order.end_at = changes.end_date or order.end_at
        if order.max_minor is not None and (not order.bill_type or order.max_minor < order.amount_minor):
            raise MaximumNotNeeded
        if not order.schedule.has(order.next_period):
            raise NoPeriodLeft
        longer = end is not None and order.end_at is not None and order.end_at > end
        other_card = changes.payment_method_id not in (None, order.method_id)
        if (order.max_minor or order.amount_minor) > most or longer or other_card:
            wallets.require_authorization(actor=actor, authorization=authorization)
        if changes.payment_method_id is not None and other_card:
            if order.payment_source != PaymentSource.CARD:
                raise PaymentMethodMissing
            _refuse_card(actor, changes.payment_method_id, now)
            order.method_id = changes.payment_method_id
        order.save(update_fields=["title", "description", "amount_minor", "max_minor", "end_at", "method_id"])
        after = _terms(order)
        changed = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
        _audit(actor, "recurring.edited", order, now, facts=changed)


def pause_recurring_payment(*, actor: Actor, recurring_payment_id: UUID, reason: str = "", now: datetime) -> None:
    """Stop a standing order of one's own until it is resumed; what is due meanwhile is not paid, also not later.

    Refuses `RecurringPaymentNotFound`, `RecurringPaymentNotActive`.
    """
    with tenant(actor.cluster_id), crash_points("recurring.pause"):
        _pause(actor, _own(actor, recurring_payment_id), StoppedBy.MEMBER, reason, now)


def pause_recurring_payment_of_member(*, actor: Actor, recurring_payment_id: UUID, reason: str, now: datetime) -> None:
    """Stop a member's standing order, as the office; its member is told, may cancel it, and resumes it only once the office
    lets it go. Needs ManageRecurring, and nobody does it to their own. Refuses as `pause_recurring_payment`, and
    `SeparationOfDuties`."""
    with tenant(actor.cluster_id), crash_points("recurring.pause_of_member"):
        order = _of_member(actor, recurring_payment_id)
        _pause(actor, order, StoppedBy.OFFICE, reason, now)


def release_recurring_payment_of_member(*, actor: Actor, recurring_payment_id: UUID, now: datetime) -> None:
    """Let the member of a standing order that the office paused resume it; it stays paused until they do. Needs
    ManageRecurring, and nobody does it to their own. Refuses `RecurringPaymentNotFound`, `RecurringPaymentNotHeld`,
    `SeparationOfDuties`."""
    with tenant(actor.cluster_id), crash_points("recurring.release"):
        order = _of_member(actor, recurring_payment_id)
        if (order.state, order.stopped_by) != (OrderState.PAUSED, StoppedBy.OFFICE):
            raise RecurringPaymentNotHeld
        order.stopped_by = StoppedBy.RELEASED.value
        order.save(update_fields=["stopped_by"])
        _audit(actor, "recurring.released", order, now)
        tell_of_order(order=order, happening=Happening.PAUSED, now=now)


def resume_recurring_payment(
    *, actor: Actor, recurring_payment_id: UUID, authorization: SpendAuthorization | None, now: datetime
) -> None:
    """Let a paused standing order of one's own run again, from the next period that lies ahead. Needs the PIN.

    Refuses `RecurringPaymentNotFound`, `PinRequired`, `RecurringPaymentNotPaused`, `RecurringPaymentHeld`,
    `NotAMemberNow`, `NoPeriodLeft`, `RecurringPaymentUnderWay`.
    """
    if actor.role == FORMER:
        raise NotAMemberNow
    with tenant(actor.cluster_id), crash_points("recurring.resume"):
        order = _own(actor, recurring_payment_id)
        wallets.require_authorization(actor=actor, authorization=authorization)
        _refuse_over(order)
        if order.state != OrderState.PAUSED:
            raise RecurringPaymentNotPaused
        if order.stopped_by == StoppedBy.OFFICE:
            raise RecurringPaymentHeld
        if order.charging_id is not None:
            raise RecurringPaymentUnderWay
        schedule = order.schedule
        period = first_period_after(
            anchor=schedule.anchor,
            frequency=schedule.frequency,
            timezone=actor.timezone,
            at_least=order.next_period,
            now=now,
        )
        order.timezone = actor.timezone
        if not order.schedule.has(period):
            raise NoPeriodLeft
        order.skipped_periods += period - order.next_period
        order.next_period, order.next_run_at = period, order.schedule.due_at(period)
        order.state, order.failed_attempts = OrderState.ACTIVE.value, 0
        order.stopped_at, order.stopped_by, order.reason = None, StoppedBy.NOBODY.value, ""
        order.save()
        _audit(actor, "recurring.resumed", order, now, facts={"next_run_at": order.next_run_at.isoformat()})
        tell_of_order(order=order, happening=Happening.RESUMED, now=now)


def cancel_recurring_payment(*, actor: Actor, recurring_payment_id: UUID, reason: str = "", now: datetime) -> None:
    """End a standing order of one's own for good; also for who has left. Refuses `RecurringPaymentNotFound`,
    `RecurringPaymentOver`."""
    with tenant(actor.cluster_id), crash_points("recurring.cancel"):
        order = _own(actor, recurring_payment_id)
        _refuse_over(order)
        stop_order(order=order, state=OrderState.CANCELLED, by=StoppedBy.MEMBER, reason=reason, now=now)
        _audit(actor, "recurring.cancelled", order, now, reason=reason)
        tell_of_order(order=order, happening=Happening.CANCELLED, now=now)


def _pause(actor: Actor, order: RecurringPayment, by: StoppedBy, reason: str, now: datetime) -> None:
    _refuse_over(order)
    if order.state != OrderState.ACTIVE:
        raise RecurringPaymentNotActive
    stop_order(order=order, state=OrderState.PAUSED, by=by, reason=reason, now=now)
    _audit(actor, "recurring.paused", order, now, reason=reason)
    tell_of_order(order=order, happening=Happening.PAUSED, now=now)


def _own(actor: Actor, recurring_payment_id: UUID) -> RecurringPayment:
    order = _locked(actor.cluster_id, recurring_payment_id)
    if order.user_id != actor.member_id:
        raise RecurringPaymentNotFound
    return order


def _of_member(actor: Actor, recurring_payment_id: UUID) -> RecurringPayment:
    actor.require(PaymentsPermissions.MANAGE_RECURRING)
    order = _locked(actor.cluster_id, recurring_payment_id)
    refuse_own_affair(actor_id=actor.user_id, concerned_id=order.user_id)
    return order


def _locked(cluster_id: UUID, recurring_payment_id: UUID) -> RecurringPayment:
    found = (
        RecurringPayment.objects.select_for_update(no_key=True)
        .filter(cluster_id=cluster_id, id=recurring_payment_id)
        .first()
    )
    if found is None:
        raise RecurringPaymentNotFound
    return found


def _refuse_over(order: RecurringPayment) -> None:
    if order.state not in _OPEN:
        raise RecurringPaymentOver


def _refuse_card(actor: Actor, method_id: UUID, now: datetime) -> None:
    """Refuse a card that is not the member's own, has expired, or is with a provider that is off."""
    method = method_of(actor=actor, method_id=method_id)
    if card_has_expired(month=method.expires_month, year=method.expires_year, now=now):
        raise CardExpired
    provider_named(name=method.provider)


def _refuse_too_many(actor: Actor) -> None:
    """Counted one member at a time, so that two new ones do not both find room for the last."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(uuid_hash_extended(%s, uuid_hash_extended(kit_tenant(), 3)))",
            [actor.member_id],
        )
    mine = RecurringPayment.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id, state__in=_OPEN)
    if mine.count() >= ORDERS_OF_A_MEMBER:
        raise TooManyRecurringPayments


def _terms(order: RecurringPayment) -> dict[str, Any]:
    return {
        "amount": str(order.amount),
        "max_amount": str(Money(order.max_minor, order.currency)) if order.max_minor else None,
        "currency": order.currency,
        "frequency": order.frequency,
        "bill_type": order.bill_type or None,
        "end_at": order.end_at.isoformat() if order.end_at else None,
        "payment_method_id": str(order.method_id) if order.method_id else None,
    }


def _audit(
    actor: Actor,
    action: str,
    order: RecurringPayment,
    now: datetime,
    *,
    reason: str = "",
    facts: dict[str, Any] | None = None,
) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_kind="recurring_payment",
        subject_id=order.id,
        at=now,
        reason=reason,
        facts=facts or {},
    )
