"""The words in which Stripe is asked, in those of its versions that are spoken here. Pure."""

from __future__ import annotations

from datetime import datetime

from clustr.subscriptions.vendors.nouns import Raw, StripeSubscription

BASIL = "2025-03-31"
"""Since this version an invoice has `payments`, a preview has an address of its own, and a coupon is a discount."""
_FLEXIBLE = "2025-06-30"
"""Since this version a subscription has a `billing_mode`."""
_CLOVER = "2025-09-30"
"""Since this version a phase lasts for a `duration`, and a billing mode says whether discounts of prorations are itemized."""


def once(key: str) -> Raw:
    """The key under which something is done once."""
    return {"idempotency_key": key}


def stamp(at: datetime | None) -> int:
    return int(at.timestamp()) if at is not None else 0


def swap_words(item_id: str, price_id: str, proration_date: datetime | None) -> Raw:
    """Another price in the place of what a subscription has."""
    when = {"proration_date": stamp(proration_date)} if proration_date is not None else {}
    return {"items": [{"id": item_id, "price": price_id, "quantity": 1}], **when}


def begin_words(version: str, reference: str, trial_end: datetime | None, tax_rate_id: str) -> Raw:
    """What a subscription and the page on which it begins have in common."""
    terms: Raw = {"metadata": {"subscription": reference}, **_mode_words(version)}
    if trial_end is not None:
        terms["trial_end"] = stamp(trial_end)
    if tax_rate_id:
        terms["default_tax_rates"] = [tax_rate_id]
    return terms


def _mode_words(version: str) -> Raw:
    """That unused time is given back as it was charged, coupon and tax included, whatever the account's default is; and that
    lines show what a coupon took off, by which we see that it was used."""
    if version[:10] < _FLEXIBLE:
        return {}
    itemized = {"flexible": {"proration_discounts": "itemized"}} if version[:10] >= _CLOVER else {}
    return {"billing_mode": {"type": "flexible", **itemized}}


def discount_words(version: str, coupon_id: str) -> Raw:
    """A coupon's discount; nothing is said without one."""
    if not coupon_id:
        return {}
    return {"discounts": [{"coupon": coupon_id}]} if version[:10] >= BASIL else {"coupon": coupon_id}


def discount_instead(version: str, coupon_id: str | None) -> Raw | None:
    """What takes the place of the discount that is there: another coupon's, or none any more (empty). None: it stays."""
    if coupon_id is None:
        return None
    return discount_words(version, coupon_id) or ({"discounts": ""} if version[:10] >= BASIL else {"coupon": ""})


def _discounts_of(version: str, subscription: StripeSubscription) -> Raw:
    """The discounts that are there, as they go on: their months are counted on."""
    if not subscription.discounts:
        return {}
    if version[:10] < BASIL:
        return {"coupon": subscription.discounts[0]}
    return {"discounts": [{"discount": held} for held in subscription.discounts]}


def schedule_words(
    subscription: StripeSubscription,
    *,
    price_id: str,
    tax_rate_id: str,
    interval: str,
    then: Raw | None,
    change: str,
    version: str,
) -> Raw:
    """Two phases: what is now, up to the end of the period, and another price, with its discount (`then`), from there on. What
    a phase does not name is gone in it."""
    rates = {"default_tax_rates": [tax_rate_id] if tax_rate_id else ""}
    kept = _discounts_of(version, subscription)
    for_one = {"duration": {"interval": interval, "interval_count": 1}}
    lasts: Raw = for_one if version[:10] >= _CLOVER else {"iterations": 1}
    # Counted anew only where the length changes: else who began on the 31st would be billed on the 28th for ever.
    anew = {"billing_cycle_anchor": "phase_start"} if interval != subscription.interval else {}
    return {
        "end_behavior": "release",
        "proration_behavior": "none",
        "metadata": {"change": change},
        "phases": [
            {
                "items": [{"price": subscription.price_id, "quantity": 1}],
                "start_date": stamp(subscription.period_start),
                "end_date": stamp(subscription.period_end),
                "proration_behavior": "none",
                **({"trial_end": stamp(subscription.trial_end)} if subscription.status == "trialing" else {}),
                **rates,
                **kept,
            },
            {
                "items": [{"price": price_id, "quantity": 1}],
                "proration_behavior": "none",
                "metadata": {"change": change},
                **anew,
                **lasts,
                **rates,
                **(kept if then is None else then),
            },
        ],
    }
