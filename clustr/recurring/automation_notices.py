"""What members are told of their automations, as they chose; of a number its end only. Parts of an act's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop as _

from clustr.kit.tenancy import current_tenant
from clustr.notifications.commands import Notice, notify_each
from clustr.notifications.types import Audience, NotificationEvents
from clustr.recurring.automation_models import AutomationRun, UtilityAutomation
from clustr.recurring.automation_planner import Decision, Verdict
from clustr.recurring.automation_types import AutomationFailure, AutomationNotices, AutomationRunState, UpcomingView
from clustr.recurring.types import PaymentSource
from clustr.utilities.planning_queries import Sold, sold_for

F = AutomationFailure
WHY: dict[AutomationFailure, str] = {
    F.INSUFFICIENT_FUNDS: _("your wallet does not cover it, with what it is to keep."),
    F.ACCOUNT_FROZEN: _("your wallet is frozen."),
    F.SPENDING_LIMIT: _("its spending limit is reached."),
    F.TYPE_LIMIT: _("your limit for this type of utility is reached."),
    F.DAILY_LIMIT: _("it is more than may be bought within a day."),
    F.TOO_LITTLE_HISTORY: _("too few purchases were made to estimate the amount."),
    F.AMOUNT_OUT_OF_RANGE: _("the utility does not sell for this amount."),
    F.CUSTOMER_UNKNOWN: _("the utility does not know the number any more."),
    F.NOT_SOLD: _("it is not sold any more, or the number was removed."),
    F.VENDOR_UNAVAILABLE: _("the utility could not be reached."),
    F.VENDOR_REFUSED: _("the utility refused, and the money is back in your wallet."),
    F.NUMBER_TOO_NEW: _("so much is not bought yet for a number that is new."),
    F.PIN_NEEDED: _("so large a purchase needs a wallet with a PIN."),
    F.CARD_DECLINED: _("the card was declined."),
    F.CARD_GONE: _("the card was removed."),
    F.CARD_TOO_LITTLE: _("it is less than the card service takes at once."),
    F.CARD_TOO_MUCH: _("it is more than the card service takes at once."),
    F.CARD_REFUNDED: _("what your card had paid for it was given back."),
    F.CARD_SHORT: _("it costs more than your card had paid for it, and that is in your wallet now."),
}
_BEYOND = {F.CARD_TOO_LITTLE: "less", F.CARD_TOO_MUCH: "more"}
_OPTIONS: dict[AutomationFailure, list[str]] = {
    F.INSUFFICIENT_FUNDS: [
        _("Add money to your wallet"),
        _("Name a card as its backup"),
        _("Buy by hand"),
        _("Lower the amount"),
    ],
    F.ACCOUNT_FROZEN: [_("Unfreeze your wallet")],
    F.CARD_DECLINED: [_("Use another card"), _("Let the wallet pay")],
    F.CARD_GONE: [_("Use another card"), _("Let the wallet pay")],
    F.CARD_REFUNDED: [_("Buy by hand")],
    F.CARD_SHORT: [_("Buy by hand from your wallet"), _("Let the wallet pay")],
    F.CARD_TOO_LITTLE: [_("Buy by hand from your wallet"), _("Let the wallet pay"), _("Raise the amount")],
    F.CARD_TOO_MUCH: [_("Buy by hand from your wallet"), _("Let the wallet pay"), _("Lower the amount")],
    F.DAILY_LIMIT: [_("Buy by hand tomorrow"), _("Lower the amount")],
    F.TOO_LITTLE_HISTORY: [_("Name an amount")],
    F.AMOUNT_OUT_OF_RANGE: [_("Change the amount")],
    F.CUSTOMER_UNKNOWN: [_("Check the number with the utility"), _("Save the right number")],
    F.NOT_SOLD: [_("Choose another utility"), _("Remove the automation")],
    F.VENDOR_UNAVAILABLE: [_("Wait; it is tried again by itself"), _("Buy by hand later")],
    F.VENDOR_REFUSED: [_("Buy by hand"), _("Ask the office of your estate")],
    F.NUMBER_TOO_NEW: [_("Lower the amount"), _("Buy by hand for a smaller amount")],
    F.PIN_NEEDED: [_("Set a PIN for your wallet"), _("Lower the amount")],
}


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt in vain, to be told: the run as it stands now, what it is of, and why."""

    automation: UtilityAutomation
    run: AutomationRun
    sold: Sold | None
    failure: AutomationFailure
    amount_minor: int


def tell_of_automation(
    *, automation: UtilityAutomation, event: NotificationEvents, now: datetime, why: str | None = None
) -> None:
    """Tell the automation's member what happened to it, by them or by the estate: set up, on, off or ended, and why."""
    sold = sold_for(account_ids=[automation.account_id])[automation.account_id]
    facts = _facts(automation, sold, _asked(automation, sold)) | {
        "at_most": automation.amount_minor is None or None,
        "payer": _payer(automation),
        "failure": why,
    }
    _tell_each(event, [_notice(automation, facts, "")], now)


def tell_ahead(*, upcoming: Iterable[tuple[UtilityAutomation, UpcomingView]], now: datetime) -> int:
    """Remind of what one member's automations buy soon, once for each period; answers how many notices were made."""
    notices = [
        Notice(
            Audience.one(automation.user_id),
            automation.id,
            {
                "what": view.provider_name,
                "ending": view.ending or None,
                "amount_minor": (view.amount + view.fee).minor if view.amount else None,
                "currency": automation.currency,
                "estimated": view.is_estimated or None,
                "too_little": view.amount is None or None,
                "payer": view.paid_by.value,
                "stands_in": view.stands_in or None,
                "card_fee": view.card_fee.minor > 0 or None,
                "next_run_date": view.due_at.isoformat(),
                "shortfall_minor": view.shortfall.minor or None,
                "over_limit": view.over_limit or None,
                "card_missing": view.card_missing or None,
                "card_takes": _BEYOND.get(view.beyond_card),
            },
            f"{automation.id}:{automation.next_period}",
        )
        for automation, view in upcoming
    ]
    if not notices:
        return 0
    event = NotificationEvents.UTILITY_AUTOMATION_REMINDER
    return notify_each(event=event, cluster_id=current_tenant(), notices=notices, now=now)


def tell_of_run(
    *, automation: UtilityAutomation, run: AutomationRun, sold: Sold, asked_minor: int, purchase_id: UUID, now: datetime
) -> None:
    """Tell that it has bought: what becomes of the purchase is told by the purchase."""
    if AutomationNotices.RUN.value not in automation.notify:
        return
    facts = _facts(automation, sold, run.amount_minor + run.fee_minor) | {
        "by_card": run.funded_minor > 0 or None,
        "asked_minor": asked_minor if asked_minor != run.amount_minor else None,
    }
    _tell(NotificationEvents.UTILITY_AUTOMATION_RUN, automation, facts, str(purchase_id), now)


def tell_of_limits(*, limited: Iterable[tuple[UtilityAutomation, Decision, Sold]], now: datetime) -> None:
    """Tell that a limit stopped them; all are of one member."""
    notices = [
        _notice(
            automation,
            _facts(automation, sold, decision.wish.total)
            | {
                "limit_minor": decision.spent + decision.wish.total - decision.missing,
                "spent_minor": decision.spent,
                "of_type": decision.verdict is Verdict.TYPE_LIMIT or None,
            },
            str(decision.wish.run_id),
        )
        for automation, decision, sold in limited
        if AutomationNotices.LIMIT.value in automation.notify
    ]
    _tell_each(NotificationEvents.UTILITY_AUTOMATION_LIMIT, notices, now)


def tell_of_attempts(*, tried: Iterable[Tried], now: datetime) -> None:
    """Tell of attempts in vain, and which automations are paused after them; all are of one member."""
    skipped, paused = [], []
    for one in tried:
        facts = _facts(one.automation, one.sold, one.amount_minor) | {"failure": WHY[one.failure]}
        key = f"{one.run.id}:{one.run.attempts}"
        if one.run.state == AutomationRunState.FAILED:
            times = one.run.attempts if one.run.attempts > 1 else None
            paused.append(_notice(one.automation, facts | {"times": times, "options": _options(one.failure)}, key))
        elif AutomationNotices.SKIPPED.value in one.automation.notify:
            more = {
                "retry_at": one.run.try_at.isoformat() if one.run.try_at else None,
                "options": _OPTIONS.get(one.failure),
            } | ({"next_run_date": None} if one.run.try_at else {})
            skipped.append(_notice(one.automation, facts | more, key))
    _tell_each(NotificationEvents.UTILITY_AUTOMATION_SKIPPED, skipped, now)
    _tell_each(NotificationEvents.UTILITY_AUTOMATION_PAUSED, paused, now)


def _options(failure: AutomationFailure) -> list[str] | None:
    """What can be done about a failure for good: it is not tried again by itself."""
    return [option for option in _OPTIONS.get(failure, []) if not option.startswith("Wait")] or None


def tell_of_page(
    *, automation: UtilityAutomation, run: AutomationRun, sold: Sold, charge_id: UUID, page: str, now: datetime
) -> None:
    """Tell, once for each charge, that the card's bank asks for its owner, and where."""
    facts = _facts(automation, sold, run.amount_minor + run.fee_minor) | {"page": page, "link": page}
    _tell(NotificationEvents.UTILITY_AUTOMATION_CARD, automation, facts, str(charge_id), now)


def _asked(automation: UtilityAutomation, sold: Sold) -> int | None:
    """The most that it pays each time, fee included; None: nobody said."""
    most = automation.amount_minor or automation.max_minor
    return most + sold.fee_minor if most else None


def _payer(automation: UtilityAutomation) -> str:
    return "card" if automation.payment_source == PaymentSource.CARD else "wallet"


def _facts(automation: UtilityAutomation, sold: Sold | None, amount_minor: int | None) -> dict[str, Any]:
    return {
        "what": sold.name if sold else "a utility",
        "ending": (sold.ending or None) if sold else None,
        "amount_minor": amount_minor,
        "currency": automation.currency,
        "next_run_date": automation.next_run_at.isoformat() if automation.next_run_at else None,
    }


def _notice(automation: UtilityAutomation, facts: dict[str, Any], key: str) -> tuple[UUID, Notice]:
    return automation.cluster_id, Notice(Audience.one(automation.user_id), automation.id, facts, key)


def _tell(
    event: NotificationEvents, automation: UtilityAutomation, facts: dict[str, Any], key: str, now: datetime
) -> None:
    _tell_each(event, [_notice(automation, facts, key)], now)


def _tell_each(event: NotificationEvents, notices: list[tuple[UUID, Notice]], now: datetime) -> None:
    if notices:
        notify_each(event=event, cluster_id=notices[0][0], notices=[notice for _, notice in notices], now=now)
