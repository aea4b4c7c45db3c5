"""What members are told of their standing orders: each happening, as facts, to the one who ordered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop as _

from clustr.clusters.types import PaymentsPermissions
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant
from clustr.notifications.commands import Notice, notify, notify_each
from clustr.notifications.types import Audience, NotificationEvents
from clustr.payments.models import SavedMethod, Transaction
from clustr.payments.queries import fee_on_top
from clustr.payments.schedule import CHECKOUT_LIFE
from clustr.recurring.fees import fees_borne
from clustr.recurring.models import RecurringPayment, Run
from clustr.recurring.types import BEYOND_CARD, Happening, OrderState, RunFailure, RunState, StoppedBy

EVENTS = {
    Happening.SET_UP: NotificationEvents.RECURRING_PAYMENT_SET_UP,
    Happening.REMINDER: NotificationEvents.RECURRING_PAYMENT_REMINDER,
    Happening.PROCESSED: NotificationEvents.RECURRING_PAYMENT_PROCESSED,
    Happening.FAILED: NotificationEvents.RECURRING_PAYMENT_FAILED,
    Happening.PAUSED: NotificationEvents.RECURRING_PAYMENT_PAUSED,
    Happening.RESUMED: NotificationEvents.RECURRING_PAYMENT_RESUMED,
    Happening.CANCELLED: NotificationEvents.RECURRING_PAYMENT_CANCELLED,
}

_PAUSE = _("Pause the recurring payment")
_OPTIONS = {
    RunFailure.INSUFFICIENT_FUNDS: [_("Add money to your wallet"), _("Pay by hand"), _PAUSE],
    RunFailure.ACCOUNT_FROZEN: [_("Unfreeze your wallet"), _PAUSE],
    RunFailure.CARD_NOT_COVERED: [_("Use another card"), _("Pay by hand"), _PAUSE],
    RunFailure.CARD_DECLINED: [_("Use another card"), _("Ask your bank"), _("Pay by hand")],
    RunFailure.CARD_EXPIRED: [_("Use another card"), _("Pay by hand")],
    RunFailure.CARD_REMOVED: [_("Use another card"), _("Pay by hand")],
    RunFailure.CARD_NOT_CONFIRMED: [_("Confirm it with your bank when you are asked again"), _("Use another card")],
    RunFailure.CARD_TOO_LITTLE: [_("Pay it from your wallet")],
    RunFailure.CARD_TOO_MUCH: [_("Pay it from your wallet, or in parts")],
    RunFailure.CHARGED_IN_PART: [_("Pay by hand from your wallet"), _("Use another card")],
    RunFailure.PROVIDER_TROUBLE: [_("Use another card"), _("Pay by hand"), _PAUSE],
    RunFailure.NONE: [],
}


def tell_of_order(*, order: RecurringPayment, happening: Happening, now: datetime) -> None:
    """Tell the order's member what happened to it; part of an act's transaction."""
    cards = _cards([order])
    more: dict[str, Any] = {}
    if happening is Happening.SET_UP and order.method_id in cards:
        most = Money(order.max_minor or order.amount_minor, order.currency)
        more["fee_minor"] = fee_on_top(provider=cards[order.method_id].provider, amount=most, now=now) or None
    notify(
        event=EVENTS[happening],
        cluster_id=order.cluster_id,
        audience=Audience.one(order.user_id),
        subject_id=order.id,
        facts=_facts(order, cards) | more,
        now=now,
    )


def ask_to_confirm(*, order: RecurringPayment, transaction: Transaction, url: str, now: datetime) -> None:
    """Ask the order's member to confirm a charge of their card at their bank; once for each charge. Part of a settlement."""
    facts = {
        "amount_minor": transaction.amount_minor,
        "link": url,
        "until_at": (now + CHECKOUT_LIFE).isoformat(),
        "next_run_date": None,
    }
    notify(
        event=NotificationEvents.RECURRING_PAYMENT_TO_CONFIRM,
        cluster_id=order.cluster_id,
        audience=Audience.one(order.user_id),
        subject_id=order.id,
        facts=_facts(order, _cards([order])) | facts,
        now=now,
        key=str(transaction.id),
    )


def tell_of_rest(*, order: RecurringPayment, transaction: Transaction, rest: Money, now: datetime) -> None:
    """Tell the order's member that a part of what their card was charged is in their wallet. Part of a settlement."""
    notify(
        event=NotificationEvents.PAYMENT_KEPT_IN_WALLET,
        cluster_id=order.cluster_id,
        audience=Audience.one(order.user_id),
        subject_id=transaction.id,
        facts={
            "what": f"{order.title}: less was left to pay than your card was charged",
            "amount_minor": rest.minor,
            "currency": rest.currency,
            "reference": transaction.reference,
        },
        now=now,
    )


def tell_of_runs(
    *, runs: Sequence[Run], orders: Mapping[UUID, RecurringPayment], asking: set[UUID], now: datetime
) -> int:
    """Tell each run's member of its last attempt, once. `asking`: the orders a bill of whose type waits for an
    acknowledgment. Part of the transaction that notes that they were told; answers how many notices were made."""
    by_happening: dict[Happening, list[Notice]] = {}
    cards = _cards(orders.values())
    fees = fees_borne(run_ids=[run.id for run in runs if orders[run.order_id].method_id])
    for run in runs:
        order = orders[run.order_id]
        happening, more = _attempt(order, run, order.id in asking)
        if happening is not None:
            facts = _facts(order, cards) | {"fee_minor": fees.get(run.id)} | more
            notice = Notice(Audience.one(order.user_id), order.id, facts, f"{run.id}:{run.attempts}")
            if happening is Happening.PROCESSED and not order.bill_type:  # what pays bills is told by the bills
                notice = _shown_to_office(notice, order)
            by_happening.setdefault(happening, []).append(notice)
    return sum(
        notify_each(event=EVENTS[happening], cluster_id=runs[0].cluster_id, notices=notices, now=now)
        for happening, notices in by_happening.items()
    )


def tell_ahead(*, reminders: Sequence[tuple[RecurringPayment, int, bool]], now: datetime) -> int:
    """Remind of orders of one cluster that run soon: each with what the wallet lacks in minor units, and whether a bill
    waits for an acknowledgment. Once for each period; answers how many notices were made."""
    cards = _cards([order for order, _, _ in reminders])
    notices = [
        Notice(
            Audience.one(order.user_id),
            order.id,
            _facts(order, cards) | {"shortfall_minor": short or None, "to_acknowledge": to_acknowledge or None},
            f"{order.id}:{order.next_period}",
        )
        for order, short, to_acknowledge in reminders
    ]
    if not notices:
        return 0
    return notify_each(
        event=EVENTS[Happening.REMINDER], cluster_id=reminders[0][0].cluster_id, notices=notices, now=now
    )


def _shown_to_office(notice: Notice, order: RecurringPayment) -> Notice:
    """A contribution credits the estate's wallet: the office sees it too, and reads it in the day's digest."""
    credited = (NotificationEvents.CLUSTER_WALLET_CREDITED, PaymentsPermissions.VIEW_WALLET.value)
    return replace(notice, facts={**notice.facts, "member_user_id": str(order.user_id)}, office=credited)


def _attempt(order: RecurringPayment, run: Run, asks: bool) -> tuple[Happening | None, dict[str, Any]]:
    match RunState(run.state):
        case RunState.COMPLETED:
            return Happening.PROCESSED, {"amount_minor": run.amount_minor, "at_most": None}
        case RunState.NOTHING_DUE:
            return (Happening.REMINDER, {"to_acknowledge": True}) if asks else (None, {})
        case RunState.RETRYING:
            retry = order.next_run_at.isoformat() if order.next_run_at else None
            return Happening.FAILED, {
                "failure": _why(run),
                "lacking_minor": run.short_minor or None,
                "retry_at": retry,
                "next_run_date": None,
                "options": _OPTIONS[RunFailure(run.failure)],
            }
        case RunState.FAILED if order.bill_type and run.failure in BEYOND_CARD.values():
            return Happening.FAILED, {"failure": _why(run), "options": _OPTIONS[RunFailure(run.failure)]}
        case RunState.FAILED:
            return Happening.PAUSED, {
                "times": run.attempts if run.attempts > 1 else None,
                "failure": _why(run),
                "lacking_minor": run.short_minor or None,
                "options": [option for option in _OPTIONS[RunFailure(run.failure)] if option != _PAUSE],
            }
        case RunState.STOPPED | RunState.CHARGING:
            return None, {}


def _why(run: Run) -> str:
    match RunFailure(run.failure):
        case RunFailure.ACCOUNT_FROZEN:
            return _("your wallet is frozen.")
        case RunFailure.INSUFFICIENT_FUNDS:
            return _("your wallet does not hold enough.")
        case RunFailure.CARD_NOT_COVERED:
            return _("there is not enough money on your card, or the payment is above its limit.")
        case RunFailure.CARD_DECLINED:
            return _("your bank declined the card.")
        case RunFailure.CARD_EXPIRED:
            return _("your card has expired.")
        case RunFailure.CARD_REMOVED:
            return _("you removed the card it was paid from.")
        case RunFailure.CARD_NOT_CONFIRMED:
            return _("the payment was not confirmed with your bank.")
        case RunFailure.CARD_TOO_LITTLE:
            return _("it is less than the card service takes at once.")
        case RunFailure.CARD_TOO_MUCH:
            return _("it is more than the card service takes at once.")
        case RunFailure.CHARGED_IN_PART:
            return _("your card was charged less than was asked; that money is in your wallet.")
        case RunFailure.PROVIDER_TROUBLE:
            return _("the card could not be charged, because the payment service or the bank could not be reached.")
        case RunFailure.NONE:
            return _("it did not go through.")


def _cards(orders: Iterable[RecurringPayment]) -> dict[UUID | None, SavedMethod]:
    """By its id, each card that these orders are paid from."""
    ids = {order.method_id for order in orders if order.method_id}
    return {method.id: method for method in SavedMethod.objects.filter(cluster_id=current_tenant(), id__in=ids)}


def _card_name(card: SavedMethod) -> str:
    return f"{card.brand.capitalize()} card ending in {card.last_four}".strip()


def _facts(order: RecurringPayment, cards: Mapping[UUID | None, SavedMethod]) -> dict[str, Any]:
    stopped_by = StoppedBy(order.stopped_by)
    running = order.state == OrderState.ACTIVE and order.next_run_at is not None
    return {
        "what": order.title,
        "amount_minor": order.max_minor or order.amount_minor,
        "currency": order.currency,
        "frequency": order.frequency,
        "at_most": bool(order.bill_type) or None,
        "card": _card_name(cards[order.method_id]) if order.method_id in cards else None,
        "next_run_date": order.next_run_at.isoformat() if running and order.next_run_at else None,
        "reason": order.reason or None,
        "held": stopped_by is StoppedBy.OFFICE or None,
        "released": stopped_by is StoppedBy.RELEASED or None,
    }
