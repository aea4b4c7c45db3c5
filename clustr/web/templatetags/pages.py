"""Tags and filters of the pages: amounts, statuses, icons, days, forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, assert_never

from django import template
from django.contrib.humanize.templatetags.humanize import ordinal
from django.forms import BoundField
from django.middleware.csrf import get_token
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext
from lucide.templatetags.lucide import lucide

from clustr.kit.money import SIGNS, Money
from clustr.kit.sentences import for_people
from clustr.payments.states import TransactionStatus, TransactionType
from clustr.payments.types import TransactionView
from clustr.recurring.automation_types import ScheduleKind, ScheduleTerms
from clustr.wallets.types import is_correction
from clustr.web.pages.forms import ESTATE_FIELD, KEY, fresh_key
from clustr.web.pages.words import STATUS, TYPE, WHY, said_of_recovery, word_of

register = template.Library()

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)
"""What a browser's name of itself holds, the telling ones first: most hold the names of others too."""
_OURS = {
    "Email": gettext_lazy("E-mail"),
    "Current Password": gettext_lazy("Current password"),
    "New Password": gettext_lazy("New password"),
    "New Password (again)": gettext_lazy("New password, once more"),
    "Password (again)": gettext_lazy("Password, once more"),
    "Authenticator code": gettext_lazy("The six digits that it shows"),
    "Remember Me": gettext_lazy("Stay signed in"),
}
"""What allauth calls a field, in English, and what such a field is called here."""


@register.filter
def money(amount: Money | None) -> SafeString | str:
    """An amount to be looked at: the currency's sign, tabular figures, the decimals smaller."""
    if amount is None:
        return ""
    whole, point, minor = amount.with_sign().partition(".")
    if not point:
        return format_html('<span class="amount">{}</span>', whole)
    return format_html('<span class="amount">{}<span class="minor">.{}</span></span>', whole, minor)


@register.filter
def said(value: Any) -> Any:
    """A fact of a page: an amount as money is looked at, anything else as it is."""
    return money(value) if isinstance(value, Money) else value


@register.filter
def plain(amount: Money | None) -> str:
    """An amount within a sentence: "₦5,000.00"."""
    return amount.with_sign() if amount is not None else ""


@register.filter
def sign(currency: str) -> str:
    """The sign of a currency, or its code where none is in use."""
    return SIGNS.get(currency, f"{currency} ")


@register.filter
def grouped(amount: Money | None) -> str:
    """An amount as it stands in a field that people change: "45,000.00"; nothing where there is none."""
    if amount is None:
        return ""
    return amount.for_people().removeprefix(amount.currency).strip()


@register.filter
def device(user_agent: str) -> str:
    """What somebody signed in with, as they would call it: "Chrome on Android", "Unknown device"."""
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    if browser and system:
        return gettext("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or gettext("Unknown device")


@register.filter
def word(kind: Any) -> str:
    """What a type, a frequency or a provider is called."""
    return str(word_of(str(kind or "")))


@register.filter
def translated(sentence: str | None) -> str:
    """A sentence that the rooms say in English, such as why a payment failed, in the language of the page."""
    return for_people(sentence or "")


@register.filter
def way_out(option: str) -> str:
    """What can be done about a failed payment: one of its `recovery_options`."""
    return said_of_recovery(option)


@register.filter
def kind_icon(kind: Any) -> SafeString:
    """The icon of a type."""
    return icon(TYPE.get(str(kind), ("", "receipt-text"))[1])


@register.filter
def ours(label: Any) -> str:
    """What a field of allauth's is called here, as everywhere else."""
    return str(_OURS.get(str(label), label))


@register.filter
def plainly(bound: BoundField) -> SafeString:
    """A field of allauth's without a placeholder, which would say its label again; a code's asks a phone for its digits."""
    digits = {"inputmode": "numeric"} if bound.name == "code" else {}
    return bound.as_widget(attrs={"placeholder": False, **digits})


@register.filter
def opening(text: str) -> str:
    """The first paragraph of a notice."""
    return text.partition("\n\n")[0]


@register.filter
def further(text: str) -> str:
    """What a notice says after its first paragraph: what to do, and where."""
    return text.partition("\n\n")[2].strip()


@register.filter
def first_name(name: str) -> str:
    """What to call somebody in passing; of an address, what stands before the at."""
    return name.split()[0].split("@")[0] if name.strip() else ""


@register.filter
def standing(one: TransactionView) -> str:
    """How a movement of money stands, as its owner reads it: a withdrawal is stopped, a payment page is left unused."""
    if one.status != TransactionStatus.CANCELLED:
        return str(one.status)
    return "stopped" if one.type == TransactionType.WITHDRAWAL else "unused"


@register.filter
def comes_in(one: Any) -> bool:
    """Whether a transaction brings its owner's wallet money: a refund to the source, or of what was recorded by mistake, does not."""
    return str(one.type) in ("deposit", "credit") or (str(one.type) == "refund" and one.provider == "wallet")


LEAVES_AT_ONCE = (TransactionType.WITHDRAWAL, TransactionType.UTILITY_PAYMENT)
MOVED = (TransactionStatus.COMPLETED, TransactionStatus.REFUNDED)
WAITS = (TransactionStatus.PENDING, TransactionStatus.PROCESSING, TransactionStatus.UNKNOWN)


def _went_out(one: TransactionView) -> bool:
    if comes_in(one) or (
        one.type == TransactionType.REFUND and not is_correction(type=one.type, provider=one.provider)
    ):
        return False
    return one.status in MOVED or (one.status in WAITS and one.type in LEAVES_AT_ONCE)


@register.filter
def token_groups(token: str) -> list[str]:
    """The groups of four in which a token is typed; a token that is not of such is one group."""
    digits = token.replace("-", "").replace(" ", "")
    if not digits.isdecimal() or len(digits) % 4:
        return [token]
    return fours(digits)


@register.filter
def fours(text: str) -> list[str]:
    """Its groups of four, which are copied by hand more easily."""
    return [text[at : at + 4] for at in range(0, len(text), 4)]


@register.filter
def lines(texts: Iterable[str]) -> str:
    """One to a line."""
    return "\n".join(texts)


@register.filter
def moved(one: TransactionView) -> SafeString | str:
    """What a transaction moved, with the sign that a wallet's statement would show: nothing before it where nothing moved."""
    if comes_in(one) and one.status == TransactionStatus.COMPLETED:
        return format_html('<span class="incoming">+{}</span>', money(one.amount))
    return money(Money(-one.amount.minor, one.amount.currency) if _went_out(one) else one.amount)


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, size: int = 20) -> SafeString:
    """An icon of lucide's, which screen readers pass over."""
    return SafeString(lucide(name, size=size, aria_hidden="true", **{"class": "icon", "stroke_width": "1.75"}))


@register.simple_tag
def status(value: Any) -> SafeString:
    """A status as a badge: a word and an icon, the colour only besides."""
    said, tone, picture = STATUS.get(str(value), (str(value).replace("_", " ").capitalize(), "calm", "circle"))
    return format_html('<span class="badge {}">{}{}</span>', tone, icon(picture, 14), said)


@register.filter
def day(instant: datetime | None) -> str:
    """A day in the estate's time: "5 March 2027"."""
    return date_format(timezone.localtime(instant), "j F Y") if instant else ""


@register.filter
def moment(instant: datetime | None) -> str:
    """A day and time in the estate's time: "5 Mar 2027, 14:30"."""
    return date_format(timezone.localtime(instant), "j M Y, H:i") if instant else ""


@register.filter
def zoned(instant: datetime | None) -> str:
    """The same with the name of the zone, where one instant is told alone and counts: "5 Mar 2027, 14:30 WAT"."""
    return date_format(timezone.localtime(instant), "j M Y, H:i T") if instant else ""


@register.filter
def at(found: Mapping[Any, Any], key: Any) -> Any:
    """What a mapping has at this key; nothing where there is no mapping."""
    return found.get(key) if found else None


@register.filter
def why(failure: Any) -> str:
    """Why something that runs by itself did not, as the end of a sentence."""
    return str(WHY.get(str(failure), str(failure).replace("_", " ")))


@register.filter
def days_of(schedule: ScheduleTerms) -> str:
    """When an automation buys: "every Friday at 08:00"."""
    time = f"{schedule.at:%H:%M}"
    match schedule.kind:
        case ScheduleKind.DAY_OF_MONTH:
            return gettext("every month on the %(day)s at %(time)s") % {"day": ordinal(schedule.every), "time": time}
        case ScheduleKind.WEEKDAY:
            return gettext("every %(weekday)s at %(time)s") % {"weekday": WEEKDAYS[schedule.every - 1], "time": time}
        case ScheduleKind.EVERY_DAYS:
            said = ngettext("every day at %(time)s", "every %(days)d days at %(time)s", schedule.every)
            return said % {"days": schedule.every, "time": time}
        case _:
            assert_never(schedule.kind)


@register.simple_tag(takes_context=True)
def due(context: template.Context, instant: datetime) -> str:
    """How far off a due date is, in days of the estate's calendar: "due in 3 days", "2 days overdue"."""
    now = context["request"].now
    days = (timezone.localtime(instant).date() - timezone.localtime(now).date()).days
    if instant < now:
        late = max(0, -days)
        return ngettext("%d day overdue", "%d days overdue", late) % late if late else gettext("overdue since today")
    if days == 0:
        return gettext("due today")
    if days == 1:
        return gettext("due tomorrow")
    return gettext("due in %d days") % days if days <= 30 else gettext("due %s") % day(instant)


@register.simple_tag(takes_context=True)
def hidden(context: template.Context) -> SafeString:
    """What every form of a page carries: the CSRF token, its key, and the estate it is about."""
    request = context["request"]
    tried = context.get("tried")
    actor = request.__dict__.get("actor")
    return format_html(
        '<input type="hidden" name="csrfmiddlewaretoken" value="{}">'
        '<input type="hidden" name="{}" value="{}"><input type="hidden" name="{}" value="{}">',
        get_token(request),
        KEY,
        (tried.key if tried else "") or fresh_key(),
        ESTATE_FIELD,
        actor.cluster_id if actor else "",
    )


@register.inclusion_tag("pages/parts/field.html", takes_context=True)
def field(context: template.Context, name: str, label: str, **more: Any) -> dict[str, Any]:
    """A labelled field with its help, its error, and what was typed before: `{% field "amount" label kind="money" %}`.
    `kind`: text, money (with the estate's `sign`, if no other is named), pin, day, lines, number, code; `choices`: pairs of value
    and label make a list."""
    tried, actor = context.get("tried"), context["request"].__dict__.get("actor")
    if more.get("kind") == "money" and actor:
        more.setdefault("sign", SIGNS.get(actor.currency, actor.currency))
    typed, value = (tried.values.get(name) if tried else None), more.pop("value", "")
    return {
        "name": name,
        "id": more.pop("id", f"id_{name}"),
        "label": label,
        "value": value if typed is None else typed,
        "error": tried.errors.get(name, "") if tried else "",
        "kind": more.pop("kind", "text"),
        "required": more.pop("required", True),
        **more,
    }


@register.inclusion_tag("pages/parts/field.html", takes_context=True)
def bank_field(context: template.Context, label: str, value: str = "") -> dict[str, Any]:
    """A bank: one of the page's `banks`, of which none is chosen beforehand; its code, where there is no list of them."""
    banks, tried = context.get("banks"), context.get("tried")
    if not banks:
        says = gettext("Its code, three digits or more.")
        return field(context, "bank_code", label, limit=11, value=value, help=says)
    chosen = (tried.values.get("bank_code") if tried else None) or value
    other = [(chosen, chosen)] if chosen and chosen not in dict(banks) else []
    choices = [("", gettext("Choose a bank")), *other, *banks]
    return field(context, "bank_code", label, value=value, choices=choices)


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: Any) -> str:
    """This page's address with some of its parameters changed; None or "" takes one away."""
    request = context["request"]
    query, here = request.GET.copy(), request.path if request.method == "POST" else ""
    for name, value in changes.items():
        if value in (None, ""):
            query.pop(name, None)
        else:
            query[name] = value
    return f"{here}?{query.urlencode()}" if query else request.path
