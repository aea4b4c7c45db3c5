"""Tags and filters of the office's and the platform's pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from clustr.kit.money import SIGNS, Money
from clustr.payments.states import Purpose, TransactionStatus, TransactionType
from clustr.payments.types import TransactionView
from clustr.subscriptions.countries import country_name
from clustr.wallets.types import is_borne_chargeback, is_providers_fee
from clustr.web.pages.office.charts import WIDTH
from clustr.web.pages.platform.frame import plan_address
from clustr.web.pages.platform.words import STANDING, why_not_paid
from clustr.web.templatetags.pages import MOVED, WAITS, icon, money, status

register = template.Library()


@register.filter
def named(names: Mapping[Any, Any], key: Any) -> Any:
    """What stands under a key: a person's name by their id; nothing for one that is not there."""
    return names.get(key, "") if key is not None else ""


@register.simple_tag
def moving(kind: str, stands: str) -> SafeString:
    """How a movement of money stands, as a badge. A transfer waits for people until it is sent: it is not on its way before."""
    return status("unsent" if kind == TransactionType.TRANSFER and stands == TransactionStatus.PENDING else stands)


_T, _P = TransactionType, Purpose
_COMES = frozenset(
    {
        (_T.BILL_PAYMENT, _P.BILL),
        (_T.CREDIT, _P.CHARGEBACK),
        (_T.CREDIT, _P.CLUSTER_WALLET),
        (_T.DEPOSIT, _P.SURPLUS),
        (_T.DEPOSIT, _P.WALLET),
        (_T.RECURRING_PAYMENT, _P.RECURRING_PAYMENT),
    }
)
_GOES = frozenset({(_T.REFUND, _P.CHARGEBACK)})
_TAKEN_AT_ONCE = frozenset({(_T.TRANSFER, _P.PAYOUT), (_T.UTILITY_PAYMENT, _P.UTILITY), (_T.WITHDRAWAL, _P.PAYOUT)})
_REFUND = (_T.REFUND, _P.REFUND)
_RECEIVED = (_T.BILL_PAYMENT, _T.DEPOSIT, _T.RECURRING_PAYMENT)
_GIVEN = (_T.TRANSFER, _T.UTILITY_PAYMENT, _T.WITHDRAWAL)


@register.filter
def passed(one: TransactionView) -> SafeString | str:
    """What a transaction moved, as the office looks at it: received from somebody, by the estate or for a member's wallet, with
    a plus; given to somebody, or on its way to them, with a minus; without a sign what has moved nothing, or has not yet.

    | type, purpose                                 | waits | done |                                                    |
    |-----------------------------------------------|-------|------|----------------------------------------------------|
    | deposit: wallet, surplus                      |       | +    | also what was recorded by hand                     |
    | bill payment: bill                            |       | +    |                                                    |
    | recurring payment: recurring payment          |       | +    |                                                    |
    | credit: cluster wallet                        |       | +    |                                                    |
    | withdrawal, transfer: payout                  | -     | -    | taken from the wallet as soon as it is asked for   |
    | utility payment: utility                      | -     | -    | likewise                                           |
    | refund: refund, of what was received          | -     | -    | likewise                                           |
    | refund: refund, of what was given             |       | +    | a payout that bounced, a purchase that was returned |
    | refund: refund, what was borne of a chargeback |       |      | the chargeback itself has the minus                |
    | refund: chargeback                            |       | -    | taken by the payer's bank                          |
    | credit: chargeback                            |       | +    | it was won                                         |
    | credit: refund                                |       |      | out of suspense: its arrival has the plus          |
    | transfer: fees, kept by a provider            |       | -    |                                                    |
    | transfer: fees, charged back or won           |       |      | the chargeback has the sign                        |

    Anything else has none.
    """
    moved, waits = one.status in MOVED, one.status in WAITS
    if moved and (_what(one) in _COMES or (_what(one) == _REFUND and one.refunded_type in _GIVEN)):
        return format_html('<span class="incoming">+{}</span>', money(one.amount))
    if (moved and _goes_when_done(one)) or ((moved or waits) and _is_taken_at_once(one)):
        return money(Money(-one.amount.minor, one.amount.currency))
    return money(one.amount)


def _what(one: TransactionView) -> tuple[TransactionType, Purpose]:
    return one.type, one.purpose


def _goes_when_done(one: TransactionView) -> bool:
    return _what(one) in _GOES or is_providers_fee(purpose=one.purpose, description=one.description)


def _is_taken_at_once(one: TransactionView) -> bool:
    if _what(one) != _REFUND:
        return _what(one) in _TAKEN_AT_ONCE
    borne = is_borne_chargeback(purpose=one.purpose, provider_reference=one.provider_reference)
    return one.refunded_type in _RECEIVED and not borne


@register.filter
def percent(part: int) -> str:
    """A part of 1,000 in whole percent, rounded; all of it only where nothing is missing."""
    whole = min((part * 100 + WIDTH // 2) // WIDTH, 100 if part >= WIDTH else 99)
    return f"{whole}%" if whole or not part else gettext("less than 1%")


@register.filter
def date_value(instant: datetime | None) -> str:
    """An instant as the day a date field holds, in the estate's time."""
    return timezone.localtime(instant).date().isoformat() if instant else ""


@register.filter
def counted(count: int) -> str:
    """A count with its thousands parted."""
    return f"{count:,}"


@register.filter
def country(code: str) -> str:
    """What a country is called."""
    return country_name(code)


@register.simple_tag(takes_context=True)
def plan_url(context: template.Context, name: str) -> str:
    """The address of a page about the same plan as this one: the one that is shown, or that the address names."""
    held = context.get("held")
    mine = getattr(getattr(held, "subscription", None), "for_cluster_id", None)
    if mine is not None:
        return f"{reverse(name)}?{urlencode({'estate': mine})}"
    return plan_address(context["request"], name)


@register.simple_tag
def standing(value: Any) -> SafeString:
    """Where a subscription, an invoice or its payment stands, as a badge."""
    said, tone, picture = STANDING.get(str(value), (str(value).replace("_", " ").capitalize(), "calm", "circle"))
    return format_html('<span class="badge {}">{}{}</span>', tone, icon(picture, 14), said)


@register.simple_tag
def document_total(document: Any) -> SafeString | str:
    """What an invoice charges; of a credit note what it gives back, with a minus."""
    sign = -1 if document.kind == "credit_note" else 1
    return money(Money(sign * document.total, document.currency))


@register.simple_tag
def document_standing(document: Any) -> SafeString:
    """Where an invoice stands, as a badge; a credit note is only that."""
    if document.kind == "credit_note":
        return format_html('<span class="badge">{}</span>', gettext("Credit note"))
    return standing(document.status)


@register.filter
def unpaid_because(code: str, message: str) -> SafeString:
    """Why a card was not charged, in words; what the bank said, in small, where that has none."""
    said, told = why_not_paid(code, message)
    return format_html('<span class="soft small">{}</span>', told) if told else format_html("{}", said)


@register.filter
def formula(text: str) -> SafeString:
    """A formula of docs/analytics.md, whose figures stand between backticks."""
    pieces = text.split("`")
    return format_html_join(
        "",
        "{}{}",
        ((piece, "") if n % 2 == 0 else ("", format_html("<code>{}</code>", piece)) for n, piece in enumerate(pieces)),
    )


@register.filter
def sign(currency: str) -> str:
    """What stands before an amount of a currency."""
    return SIGNS.get(currency, currency)


@register.filter
def minor(amount: int, currency: str) -> Money:
    """Minor units as money, for what is kept in them."""
    return Money(amount, currency)
