"""Reading Stripe's objects, in the shape of 2023-10-16 and in today's: one function for each thing that moved. Pure.

What moved in 2025-03-31 (basil): a subscription's period went to its items; an invoice's subscription, payment, tax and a
line's proration and price went into `parent`, `payments`, `total_taxes` and `pricing`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from clustr.subscriptions.vendors.nouns import (
    Raw,
    StripeInvoice,
    StripeItem,
    StripeLine,
    StripeMethod,
    StripePayment,
    StripeSession,
    StripeSubscription,
    StripeUnreadable,
)

_FAILED = frozenset({"requires_payment_method"})
_WAITING = frozenset({"requires_action", "requires_confirmation", "processing", "requires_capture"})


def read_subscription(raw: Raw) -> StripeSubscription:
    """A subscription of one item. Raises `StripeUnreadable`."""
    items = list_of(raw.get("items"))
    if len(items) != 1:
        raise StripeUnreadable("a subscription has one item")
    item = items[0]
    price = item.get("price") or item.get("plan") or {}
    recurring = price.get("recurring") or price
    start, end = period_of(raw)
    metadata = raw.get("metadata") or {}
    cancel_at = instant(raw.get("cancel_at"))
    at_period_end = bool(raw.get("cancel_at_period_end")) or (cancel_at is not None and cancel_at == end)
    status = text(raw.get("status"))
    return StripeSubscription(
        id=text(raw.get("id")),
        customer_id=id_of(raw.get("customer")),
        status=status,
        reference=text(metadata.get("subscription")),
        change=text(metadata.get("change")),
        item_id=text(item.get("id")),
        price_id=text(price.get("id")),
        price_minor=whole(price.get("unit_amount", price.get("amount"))),
        currency=text(raw.get("currency") or price.get("currency")).upper(),
        interval=text(recurring.get("interval")),
        anchor_at=known_instant(raw.get("billing_cycle_anchor")),
        period_start=start,
        period_end=end,
        trial_end=instant(raw.get("trial_end")),
        cancel_at_period_end=at_period_end,
        canceled_at=instant(raw.get("canceled_at")),
        ended_at=instant(raw.get("ended_at")),
        schedule_id=id_of(raw.get("schedule")),
        discounts=_discounts_of(raw),
        tax_rates=tuple(map(id_of, raw.get("default_tax_rates") or [])),
    )


def _discounts_of(subscription: Raw) -> tuple[str, ...]:
    """Today a list of discounts, before one with its coupon in it."""
    if "discounts" in subscription:
        return tuple(filter(None, map(id_of, subscription["discounts"] or [])))
    old = subscription.get("discount") or {}
    return tuple(filter(None, (id_of(old.get("coupon")),)))


def period_of(subscription: Raw) -> tuple[datetime, datetime]:
    """The period under way: of the item today, of the subscription before."""
    for holder in (*list_of(subscription.get("items"))[:1], subscription):
        start, end = instant(holder.get("current_period_start")), instant(holder.get("current_period_end"))
        if start is not None and end is not None:
            return start, end
    raise StripeUnreadable("a subscription has a period")


def subscription_of(invoice: Raw) -> str:
    """The id of the subscription that an invoice is of; empty for one of its own."""
    parent = (invoice.get("parent") or {}).get("subscription_details") or {}
    return id_of(parent.get("subscription")) or id_of(invoice.get("subscription"))


def is_renewal(invoice: Raw, period_start: datetime) -> bool:
    """Whether an invoice renews a subscription for the period that began then: one of its lines charges it."""
    starts = {(line.get("period") or {}).get("start") for line in list_of(invoice.get("lines"))}
    return invoice.get("billing_reason") == "subscription_cycle" and int(period_start.timestamp()) in starts


def tax_of(raw: Raw) -> int:
    """The tax of an invoice or a line, all rates together."""
    for name in ("total_taxes", "taxes", "total_tax_amounts", "tax_amounts"):
        if raw.get(name) is not None:
            return sum(whole(tax.get("amount")) for tax in raw[name])
    return whole(raw.get("tax") or 0)


def payments_of(invoice: Raw) -> tuple[StripePayment, ...]:
    """The payments of an invoice: a list today, one intent before."""
    if "payments" in invoice and invoice["payments"] is not None:
        held = list_of(invoice["payments"])
        return tuple(filter(None, (_invoice_payment(one) for one in held)))
    intent = invoice.get("payment_intent")
    return (read_intent(intent),) if isinstance(intent, dict) else ()


def read_intent(raw: Raw) -> StripePayment:
    """A payment intent, as a try to pay."""
    status = text(raw.get("status"))
    error = raw.get("last_payment_error") or {}
    if status == "succeeded":
        state = "succeeded"
    elif status == "canceled":
        state = "canceled"
    else:
        state = "failed" if status in _FAILED and error else "pending"
    charge = raw.get("latest_charge")
    paid_at = instant(charge.get("created")) if isinstance(charge, dict) else None
    received = whole(raw.get("amount_received") or 0)
    kinds = raw.get("payment_method_types") or ["card"]
    return StripePayment(
        id=text(raw.get("id")),
        amount=received if state == "succeeded" else whole(raw.get("amount")),
        currency=text(raw.get("currency")).upper(),
        status=state,
        method="card" if "card" in kinds else "other",
        paid_at=(paid_at or instant(raw.get("created"))) if state == "succeeded" else None,
        failure_code=text(error.get("decline_code") or error.get("code")) if state == "failed" else "",
        failure_message=text(error.get("message"))[:500] if state == "failed" else "",
    )


def _invoice_payment(raw: Raw) -> StripePayment | None:
    """One entry of `payments`. Its own instant of payment counts before its intent's."""
    payment = raw.get("payment") or {}
    intent = payment.get("payment_intent")
    read = read_intent(intent) if isinstance(intent, dict) else None
    paid_at = instant((raw.get("status_transitions") or {}).get("paid_at"))
    if raw.get("status") != "paid":
        return read if read is not None and read.status != "succeeded" else None
    name = id_of(intent) or id_of(payment.get("charge"))
    if not name:
        return None  # it was marked as received outside Stripe
    return StripePayment(
        id=name,
        amount=whole(raw.get("amount_paid")),
        currency=text(raw.get("currency")).upper(),
        status="succeeded",
        method=read.method if read else "card",
        paid_at=paid_at or (read.paid_at if read else None) or instant(raw.get("created")),
        failure_code="",
        failure_message="",
    )


def read_invoice(raw: Raw) -> StripeInvoice:
    """An invoice and its lines. Raises `StripeUnreadable` where the sums do not add up."""
    lines = tuple(_read_line(line) for line in list_of(raw.get("lines")))
    subtotal, total = whole(raw.get("subtotal")), whole(raw.get("total"))
    discount = sum(whole(one.get("amount")) for one in raw.get("total_discount_amounts") or [])
    tax = tax_of(raw)
    sums = [sum(getattr(line, name) for line in lines) for name in ("amount", "discount", "tax")]
    if total != subtotal - discount + tax or sums != [subtotal, discount, tax]:
        raise StripeUnreadable("an invoice's lines do not add up to it")
    before, after = raw.get("starting_balance") or 0, raw.get("ending_balance")
    transitions = raw.get("status_transitions") or {}
    return StripeInvoice(
        id=text(raw.get("id")),
        subscription_id=subscription_of(raw),
        customer_id=id_of(raw.get("customer")),
        pack=text((raw.get("metadata") or {}).get("pack")),
        status=text(raw.get("status")),
        currency=text(raw.get("currency")).upper(),
        subtotal=subtotal,
        discount=discount,
        tax=tax,
        total=total,
        amount_due=whole(raw.get("amount_due") or 0),
        from_balance=0 if after is None else whole(after) - whole(before),
        credited=sum(whole(raw.get(f"{when}_payment_credit_notes_amount") or 0) for when in ("pre", "post")),
        attempt_count=whole(raw.get("attempt_count") or 0),
        hosted_url=text(raw.get("hosted_invoice_url")),
        pdf_url=text(raw.get("invoice_pdf")),
        created_at=known_instant(raw.get("created")),
        finalized_at=instant(transitions.get("finalized_at")),
        next_attempt_at=instant(raw.get("next_payment_attempt")),
        lines=lines,
        payments=payments_of(raw),
    )


def _read_line(raw: Raw) -> StripeLine:
    parent = raw.get("parent") or {}
    details = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    old_kind = raw.get("type")
    period = raw.get("period") or {}
    net = whole(raw.get("amount")) - sum(whole(one.get("amount")) for one in raw.get("discount_amounts") or [])
    tax = tax_of(raw)
    rate, rate_id = line_rate(raw, net, tax)
    return StripeLine(
        description=text(raw.get("description"))[:500] or "Subscription",
        quantity=max(whole(raw.get("quantity") or 1), 1),
        amount=whole(raw.get("amount")),
        discount=sum(whole(one.get("amount")) for one in raw.get("discount_amounts") or []),
        tax=tax,
        tax_basis_points=rate,
        tax_rate_id=rate_id,
        proration=bool(details.get("proration") or raw.get("proration")),
        for_plan=bool(parent.get("subscription_item_details")) or old_kind == "subscription",
        period_start=known_instant(period.get("start")),
        period_end=known_instant(period.get("end")),
    )


def read_item(raw: Raw) -> StripeItem:
    """Something that is charged besides a price."""
    period = raw.get("period") or {}
    return StripeItem(
        id=text(raw.get("id")),
        subscription_id=subscription_of(raw),
        description=text(raw.get("description"))[:500],
        quantity=max(whole(raw.get("quantity") or 1), 1),
        amount=whole(raw.get("amount")),
        currency=text(raw.get("currency")).upper(),
        discountable=bool(raw.get("discountable")),
        period_start=known_instant(period.get("start")),
        period_end=known_instant(period.get("end")),
    )


def line_rate(raw: Raw, net: int, tax: int) -> tuple[int, str]:
    """The tax of a line in basis points, and the id of its rate; empty where it has none or several."""
    return _rate(raw, net, tax), _rate_id(raw)


def _rate(raw: Raw, net: int, tax: int) -> int:
    """The rate of a line's tax in basis points: as the rate says where it is there, else as the amounts come to."""
    for one in (*(raw.get("tax_rates") or []), *(tax.get("tax_rate") for tax in raw.get("tax_amounts") or [])):
        if isinstance(one, dict) and one.get("percentage") is not None:
            return int(Decimal(str(one["percentage"])) * 100)
    return round(abs(Decimal(tax) / net) * 10_000) if net and tax else 0


def _rate_id(raw: Raw) -> str:
    """The one tax rate of a line, by its id; empty where it has none or several."""
    today = [(tax.get("tax_rate_details") or {}).get("tax_rate") for tax in raw.get("taxes") or []]
    rates = {id_of(rate) for rate in (*today, *(tax.get("tax_rate") for tax in raw.get("tax_amounts") or [])) if rate}
    return rates.pop() if len(rates) == 1 else ""


def read_session(raw: Raw) -> StripeSession:
    """A hosted page."""
    return StripeSession(
        id=text(raw.get("id")),
        url=text(raw.get("url")),
        mode=text(raw.get("mode")),
        status=text(raw.get("status")),
        reference=text(raw.get("client_reference_id")),
        customer_id=id_of(raw.get("customer")),
        subscription_id=id_of(raw.get("subscription")),
        setup_intent_id=id_of(raw.get("setup_intent")),
    )


def read_method(raw: Raw, *, default_id: str) -> StripeMethod:
    """A saved payment method."""
    kind = text(raw.get("type"))
    card = raw.get(kind) or {}
    return StripeMethod(
        id=text(raw.get("id")),
        kind=kind,
        brand=text(card.get("brand")),
        last4=text(card.get("last4")),
        exp_month=whole(card.get("exp_month") or 0),
        exp_year=whole(card.get("exp_year") or 0),
        fingerprint=text(card.get("fingerprint")),
        is_default=raw.get("id") == default_id,
    )


def id_of(value: Any) -> str:
    """The id of something that is expanded or not."""
    return text(value.get("id")) if isinstance(value, dict) else text(value)


def list_of(value: Any) -> list[Raw]:
    found = (value or {}).get("data") if isinstance(value, dict) else value
    return [one for one in found or [] if isinstance(one, dict)]


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise StripeUnreadable("an amount is whole minor units")
    return value


def instant(value: Any) -> datetime | None:
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int) and value > 0 else None


def known_instant(value: Any) -> datetime:
    found = instant(value)
    if found is None:
        raise StripeUnreadable("an instant is missing")
    return found
