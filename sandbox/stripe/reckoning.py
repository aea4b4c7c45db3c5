"""What Stripe charges: periods, prorations, discounts and taxes. Each line rounded by itself, half a unit up."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from sandbox.records import StripeRow
from sandbox.stripe.objects import Doc, blank, children, find, instant, known, new_key, stamp
from sandbox.world import World

SMALLEST = {"usd": 50}
"""What is less is not charged by itself: it is left for the next invoice."""


def rounded(exact: Fraction) -> int:
    whole = (2 * abs(exact) + 1) // 2
    return -int(whole) if exact < 0 else int(whole)


def boundary(anchor: datetime, interval: str, n: int) -> datetime:
    """The start of the period number `n`, counted from the anchor."""
    months = n * (12 if interval == "year" else 1)
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    day = min(anchor.day, calendar.monthrange(year, month + 1)[1])
    return anchor.replace(year=year, month=month + 1, day=day)


def period_at(anchor: datetime, interval: str, at: datetime) -> tuple[datetime, datetime]:
    """The period that holds this instant."""
    n = 0
    while boundary(anchor, interval, n + 1) <= at:
        n += 1
    while boundary(anchor, interval, n) > at:
        n -= 1
    return boundary(anchor, interval, n), boundary(anchor, interval, n + 1)


def price_of(world: World, price_id: str, *, param: str = "items[0][price]") -> Doc:
    return known(world, "price", price_id, param=param).doc


def line(
    world: World,
    subscription: Doc,
    *,
    amount: int,
    description: str,
    start: datetime,
    end: datetime,
    price: Doc | None,
    proration: bool = False,
    whole: bool = True,
) -> Doc:
    """A line with its discount and tax. `whole`: an amount-off coupon may lower it."""
    discounts = discount_on(world, subscription, amount, proration=proration, whole=whole)
    off = sum(one["amount"] for one in discounts)
    details = {
        "invoice_item": None,
        "proration": proration,
        "proration_details": {"credited_items": None},
        "subscription": subscription["id"],
        "subscription_item": subscription["items"]["data"][0]["id"],
    }
    if price is None:
        parent = {"type": "invoice_item_details", "subscription_item_details": None, "invoice_item_details": details}
        del details["subscription_item"]
    else:
        parent = {
            "type": "subscription_item_details",
            "subscription_item_details": details,
            "invoice_item_details": None,
        }
    pricing = {
        "type": "price_details",
        "unit_amount_decimal": None,
        "price_details": {"price": price["id"], "product": price["product"]} if price else None,
    }
    return blank(
        "line_item",
        id=new_key(world, "line_item"),
        amount=amount,
        subtotal=amount,
        currency=subscription["currency"],
        description=description,
        discount_amounts=discounts,
        discountable=whole,
        discounts=[one["discount"] for one in discounts],
        parent=parent,
        period={"start": stamp(start), "end": stamp(end)},
        pretax_credit_amounts=[],
        pricing=pricing,
        quantity=1,
        taxes=taxes_on(world, subscription, amount - off),
    )


def discount_on(world: World, subscription: Doc, amount: int, *, proration: bool, whole: bool) -> list[Doc]:
    held = (subscription.get("discounts") or [None])[0]
    discount = find(world, "discount", held) if held else None
    if discount is None or not (whole or proration) or not amount:
        return []
    coupon = known(world, "coupon", discount.doc["source"]["coupon"]).doc
    ended = discount.doc["end"] is not None and stamp(world.now) >= discount.doc["end"]
    if ended or discount.doc.get("used"):
        return []
    if coupon["percent_off"]:
        off = rounded(Fraction(str(coupon["percent_off"])) * amount / 100)
    else:
        off = min(coupon["amount_off"] or 0, amount) if whole and amount > 0 else 0
    return [{"amount": off, "discount": held}] if off else []


def taxes_on(world: World, subscription: Doc, net: int) -> list[Doc]:
    return taxes_at(world, [rate["id"] for rate in subscription.get("default_tax_rates") or []], net)


def taxes_at(world: World, rates: Sequence[str], net: int) -> list[Doc]:
    """The taxes on a net amount at the rates of these ids."""
    taxes = []
    for rate in rates:
        held = known(world, "tax_rate", rate).doc
        taxes.append(
            {
                "amount": rounded(Fraction(str(held["percentage"])) * net / 100),
                "tax_behavior": "exclusive",
                "tax_rate_details": {"tax_rate": rate},
                "taxability_reason": "standard_rated",
                "taxable_amount": net,
                "type": "tax_rate_details",
            }
        )
    return taxes


def change_lines(world: World, subscription: Doc, new_price: Doc, *, at: datetime, anew: bool) -> list[Doc]:
    """What a change of price at `at` comes to: what is unused of the old one, and the rest of the new one."""
    item = subscription["items"]["data"][0]
    start, end = instant(item["current_period_start"]), instant(item["current_period_end"])
    if subscription["status"] == "trialing":
        return []
    left, total = stamp(end) - stamp(at), stamp(end) - stamp(start)
    share = Fraction(max(min(left, total), 0), total)
    if anew:
        ends = boundary(at, new_price["recurring"]["interval"], 1)
        charge, words, until = new_price["unit_amount"], "1 x", ends
    else:
        charge, words, until = rounded(new_price["unit_amount"] * share), "Remaining time on", end
    lines = [
        *credit_lines(world, subscription, at=at),
        line(
            world=world,
            subscription=subscription,
            amount=charge,
            description=f"{words} {new_price['nickname'] or new_price['id']}",
            start=at,
            end=until,
            price=new_price,
            proration=not anew,
            whole=anew,
        ),
    ]
    return [one for one in lines if one["amount"]]


def credit_lines(world: World, subscription: Doc, *, at: datetime) -> list[Doc]:
    """What is unused of the period under way, given back as it was debited: the same share of the price and of what a
    coupon took off, taxed at the rate it was taxed at. Nothing where nothing was debited, or it was given back."""
    found = _last_debit(world, subscription)
    if found is None:
        return []
    invoice, debit = found
    start, end = debit["period"]["start"], debit["period"]["end"]
    share = Fraction(max(min(end - stamp(at), end - start), 0), end - start)
    off = sum(one["amount"] for one in debit["discount_amounts"])
    amount, net = -rounded(debit["amount"] * share), -rounded((debit["amount"] - off) * share)
    price = price_of(world, debit["pricing"]["price_details"]["price"])
    made = line(
        world,
        {**subscription, "discounts": []},
        amount=amount,
        description=f"Unused time on {price['nickname'] or price['id']}",
        start=at,
        end=instant(end),
        price=price,
        proration=True,
        whole=False,
    )
    made["discounts"] = list(debit["discounts"])
    if off:
        made["discount_amounts"] = [{"amount": amount - net, "discount": debit["discount_amounts"][0]["discount"]}]
    made["taxes"] = taxes_at(world, [one["tax_rate_details"]["tax_rate"] for one in debit["taxes"]], net)
    credited = {"invoice": invoice["id"], "invoice_line_items": [debit["id"]]}
    made["parent"]["subscription_item_details"]["proration_details"]["credited_items"] = credited
    return [made]


def _last_debit(world: World, subscription: Doc) -> tuple[Doc, Doc] | None:
    """The newest line, and its invoice, that charged a price for the period under way and was not given back since.

    What is on a void invoice was neither charged nor given back.
    """
    ends = subscription["items"]["data"][0]["current_period_end"]
    debits: list[tuple[Doc, Doc]] = []
    credited: set[str] = set()
    for row in children(world, "invoice", subscription["id"]):
        if row.doc["status"] == "void":
            continue
        for one in row.doc["lines"]["data"]:
            details = one["parent"]["subscription_item_details"]
            if details is None:
                continue
            credited.update((details["proration_details"]["credited_items"] or {}).get("invoice_line_items", ()))
            if one["amount"] > 0 and one["period"]["end"] == ends:
                debits.append((row.doc, one))
    left = [found for found in debits if found[1]["id"] not in credited]
    return left[-1] if left else None


def sums(lines: list[Doc]) -> Doc:
    """The sums of an invoice of these lines."""
    subtotal = sum(one["amount"] for one in lines)
    by_discount: dict[str, int] = {}
    for one in lines:
        for off in one["discount_amounts"]:
            by_discount[off["discount"]] = by_discount.get(off["discount"], 0) + off["amount"]
    discounts = [{"amount": amount, "discount": held} for held, amount in by_discount.items()]
    taxes: dict[str, Doc] = {}
    for one in lines:
        for tax in one["taxes"]:
            rate = tax["tax_rate_details"]["tax_rate"]
            if rate not in taxes:
                taxes[rate] = {**tax, "amount": 0, "taxable_amount": 0}
            taxes[rate]["amount"] += tax["amount"]
            taxes[rate]["taxable_amount"] += tax["taxable_amount"]
    off, tax = sum(by_discount.values()), sum(one["amount"] for one in taxes.values())
    return {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total_discount_amounts": discounts,
        "total_taxes": list(taxes.values()),
        "total": subtotal - off + tax,
        "total_excluding_tax": subtotal - off,
    }


def balanced(total: int, balance: int, currency: str) -> tuple[int, int]:
    """What is due of a total, and the customer's balance after it: credit (below zero) pays first, and what is too little
    to be charged is left for the next time."""
    due = total + balance
    if due <= 0:
        return 0, due
    if due < SMALLEST.get(currency, 0):
        return 0, due
    return due, 0


def row_of(world: World, doc: Doc) -> StripeRow:
    return known(world, doc["object"], doc["id"])
