"""What happens to subscriptions by itself: trials end, periods turn, invoices are issued, taken, tried again and given up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sandbox.records import StripeRow
from sandbox.stripe import paying
from sandbox.stripe.objects import Doc, blank, children, find, instant, keep, known, make, new_key, refusal, stamp, tell
from sandbox.stripe.reckoning import balanced, boundary, line, period_at, sums
from sandbox.world import World

DRAFT = timedelta(hours=1)
FIRST_PAYMENT = timedelta(hours=23)
TRIAL_WARNING = timedelta(days=3)


def happen(world: World, row: StripeRow, *, word: str) -> None:
    """One thing whose time has come; nothing if it is no longer so."""
    what, _, of = word.partition(":")
    match what:
        case "turn":
            if row.doc["status"] in ("trialing", "active", "past_due", "unpaid") and of == str(_period(row.doc)[1]):
                turn(world, row)
        case "warn":
            if row.doc["status"] == "trialing":
                tell(world, "customer.subscription.trial_will_end", row.doc)
        case "expire_first":
            if row.doc["status"] == "incomplete":
                give_up_first(world, row)
        case "finalize":
            if row.doc["status"] == "draft":
                issue(world, row)
        case "retry":
            if row.doc["status"] == "open" and str(row.doc["next_payment_attempt"]) == of:
                paying.collect(world, row)
        case "expire_page":
            if row.doc["status"] == "open":
                row.doc |= {"status": "expired", "url": None}
                keep(world, row)
                tell(world, "checkout.session.expired", row.doc)
        case "late_3ds":
            paying.authenticate(world, row, agreed=True)
        case _:
            raise ValueError(f"nothing is known about {word}")


def begin(world: World, *, customer: StripeRow, price: Doc, wanted: Doc) -> StripeRow:
    """A new subscription: in a trial, or with its first invoice, taken at once."""
    now = world.now
    trial_end = wanted.get("trial_end")
    trial = int(trial_end) if trial_end else 0
    if wanted.get("trial_period_days"):
        trial = stamp(now + timedelta(days=int(wanted["trial_period_days"])))
    anchor = instant(trial) if trial else now.replace(microsecond=0)
    ends = trial or stamp(boundary(anchor, price["recurring"]["interval"], 1))
    row = _make(world, customer, price, wanted, trial=trial, anchor=anchor, ends=ends)
    for discount in wanted.get("discounts") or []:
        discount_by(world, row, str(discount["coupon"]))
    tell(world, "customer.subscription.created", row.doc)
    words = "Trial period for" if trial else "1 x"
    amount = 0 if trial else price["unit_amount"]
    first = line(
        world,
        row.doc,
        amount=amount,
        description=f"{words} {price['nickname'] or price['id']}",
        start=now,
        end=instant(ends),
        price=price,
    )
    draft(world, row, [first], reason="subscription_create", wait=timedelta(0))
    set_clock(world, row)
    if row.doc["status"] == "incomplete":
        world.later(after=FIRST_PAYMENT, act="stripe", target_id=row.id, word="expire_first")
    return row


def _make(
    world: World, customer: StripeRow, price: Doc, wanted: Doc, *, trial: int, anchor: datetime, ends: int
) -> StripeRow:
    """The subscription and its item, before anything is invoiced."""
    now = world.now
    key = new_key(world, "subscription")
    item = blank(
        "subscription_item",
        id=new_key(world, "subscription_item"),
        created=stamp(now),
        price=price,
        plan=plan_of(price),
        quantity=1,
        subscription=key,
        discounts=[],
        tax_rates=[],
        current_period_start=stamp(now),
        current_period_end=ends,
    )
    return make(
        world,
        "subscription",
        key=key,
        parent=customer.key,
        status="trialing" if trial else "incomplete",
        customer=customer.key,
        currency=price["currency"],
        billing_cycle_anchor=stamp(anchor),
        billing_mode=_mode(wanted, now),
        automatic_tax={"enabled": False, "liability": None, "disabled_reason": None},
        cancel_at_period_end=False,
        cancellation_details={"comment": None, "feedback": None, "reason": None},
        collection_method="charge_automatically",
        default_payment_method=wanted.get("default_payment_method"),
        default_tax_rates=[known(world, "tax_rate", rate).doc for rate in wanted.get("default_tax_rates", [])],
        discounts=[],
        invoice_settings={"account_tax_ids": None, "issuer": {"type": "self"}},
        items={
            "object": "list",
            "data": [item],
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={key}",
        },
        metadata=wanted.get("metadata") or {},
        payment_settings={"save_default_payment_method": "off", "payment_method_options": None},
        start_date=stamp(now),
        trial_end=trial or None,
        trial_start=stamp(now) if trial else None,
        trial_settings={"end_behavior": {"missing_payment_method": "create_invoice"}},
    )


def _mode(wanted: Doc, now: datetime) -> Doc:
    """How it is reckoned: what is unused is given back as it was debited. The older mode is not played."""
    asked = wanted.get("billing_mode") or {}
    if asked.get("type", "flexible") != "flexible":
        raise refusal(400, "The sandbox reckons flexibly only.", code="parameter_invalid", param="billing_mode[type]")
    shown = (asked.get("flexible") or {}).get("proration_discounts", "included")
    return {"type": "flexible", "flexible": {"proration_discounts": shown}, "updated_at": stamp(now)}


def plan_of(price: Doc) -> Doc:
    """The old form of a price, which still stands beside it."""
    return {
        **dict.fromkeys(("billing_scheme", "meter", "tiers_mode", "transform_usage", "trial_period_days")),
        "id": price["id"],
        "object": "plan",
        "active": True,
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": price["recurring"]["interval"],
        "interval_count": 1,
        "livemode": False,
        "metadata": {},
        "nickname": price["nickname"],
        "product": price["product"],
        "usage_type": "licensed",
    }


def discount_by(world: World, subscription: StripeRow, coupon_id: str) -> None:
    """The coupon that counts from now on; it takes the place of another."""
    coupon = known(world, "coupon", coupon_id, param="discounts[0][coupon]").doc
    end = None
    if coupon["duration"] == "repeating":
        end = stamp(boundary(world.now, "month", int(coupon["duration_in_months"])))
    held = make(
        world,
        "discount",
        parent=subscription.key,
        customer=subscription.doc["customer"],
        start=stamp(world.now),
        end=end,
        source={"type": "coupon", "coupon": coupon_id},
        subscription=subscription.key,
    )
    subscription.doc["discounts"] = [held.key]
    coupon["times_redeemed"] = (coupon["times_redeemed"] or 0) + 1


def discounts_by(world: World, subscription: StripeRow, given: Any) -> list[str]:
    """The discounts that these words stand for: one that is there already, a coupon's, or none. They count from now on."""
    held: list[str] = []
    for one in given or []:
        if one.get("discount"):
            held.append(known(world, "discount", one["discount"], param="discounts[0][discount]").key)
        else:
            discount_by(world, subscription, str(one["coupon"]))
            held += subscription.doc["discounts"]
    subscription.doc["discounts"] = held
    return held


def _period(doc: Doc) -> tuple[int, int]:
    item = doc["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def set_clock(world: World, row: StripeRow) -> None:
    """When its period ends, and when its trial is spoken of."""
    start, end = _period(row.doc)
    world.later_at(at=instant(end), act="stripe", target_id=row.id, word=f"turn:{end}")
    if row.doc["status"] == "trialing" and row.doc["trial_start"] == start:
        warned = max(instant(end) - TRIAL_WARNING, world.now)
        world.later_at(at=warned, act="stripe", target_id=row.id, word="warn")


def turn(world: World, row: StripeRow) -> None:
    """A period, or a trial, has ended: the next begins, or the subscription ends with it."""
    doc = row.doc
    if doc["cancel_at_period_end"]:
        end_now(world, row)
        return
    _, ended = _period(doc)
    at, was = instant(ended), doc["status"]
    item = doc["items"]["data"][0]
    before: Doc = {"items": {"data": [dict(item)]}, "status": was}
    _next_phase(world, row, ended)
    if was == "trialing":
        doc["status"] = "active"
    anchor = instant(doc["billing_cycle_anchor"])
    start, end = period_at(anchor, item["price"]["recurring"]["interval"], at)
    item["current_period_start"], item["current_period_end"] = stamp(start), stamp(end)
    keep(world, row)
    tell(world, "customer.subscription.updated", doc, before=before)
    price = item["price"]
    whole = line(
        world,
        doc,
        amount=price["unit_amount"],
        description=f"1 x {price['nickname'] or price['id']}",
        start=start,
        end=end,
        price=price,
    )
    draft_with_waiting(world, row, [whole], reason="subscription_cycle", wait=DRAFT)
    set_clock(world, row)


def waiting_for(world: World, row: StripeRow) -> list[StripeRow]:
    """What the subscription's next invoice charges besides."""
    items = [item for item in children(world, "invoiceitem", row.key) if not item.doc.get("deleted")]
    return [item for item in items if item.doc["invoice"] is None]


def draft_with_waiting(world: World, row: StripeRow, lines: list[Doc], *, reason: str, wait: timedelta) -> None:
    """An invoice that Stripe makes for a subscription by itself takes up all that waits."""
    waiting = waiting_for(world, row)
    taken = [line_of_item(world, row, item.doc) for item in waiting]
    made = draft(world, row, [*taken, *lines], reason=reason, wait=wait)
    for held in waiting:
        held.doc["invoice"] = made.key
        keep(world, held)


def _next_phase(world: World, row: StripeRow, ended: int) -> None:
    """What was scheduled for this end; a schedule that is through lets go of the subscription."""
    schedule = find(world, "subscription_schedule", row.doc["schedule"]) if row.doc["schedule"] else None
    if schedule is None:
        return
    phases = schedule.doc["phases"]
    following = next((phase for phase in phases if phase["start_date"] == ended), None)
    if following is None:
        if all(phase["end_date"] <= ended for phase in phases):
            schedule.doc |= {"status": "released", "released_subscription": row.key, "subscription": None}
            row.doc["schedule"] = None
        return
    price = known(world, "price", following["items"][0]["price"]).doc
    item = row.doc["items"]["data"][0]
    item["price"], item["plan"] = price, plan_of(price)
    enter_phase(world, row, following)
    if following.get("billing_cycle_anchor") == "phase_start":
        row.doc["billing_cycle_anchor"] = ended
    row.doc["metadata"] |= following.get("metadata") or {}
    schedule.doc["current_phase"] = {"start_date": following["start_date"], "end_date": following["end_date"]}


def enter_phase(world: World, row: StripeRow, phase: Doc) -> None:
    """A phase has its own discounts and taxes: what it does not name, the subscription has no longer."""
    discounts_by(world, row, phase["discounts"])
    row.doc["default_tax_rates"] = [known(world, "tax_rate", rate).doc for rate in phase["default_tax_rates"]]


def line_of_item(world: World, row: StripeRow, item: Doc) -> Doc:
    made = line(
        world,
        row.doc,
        amount=item["amount"],
        description=item["description"],
        start=instant(item["period"]["start"]),
        end=instant(item["period"]["end"]),
        price=None,
        whole=False,
    )
    made["parent"]["invoice_item_details"]["invoice_item"] = item["id"]
    made["quantity"] = item["quantity"]
    return made


def draft(
    world: World, subscription: StripeRow, lines: list[Doc], *, reason: str, wait: timedelta | None, **known_too: Any
) -> StripeRow:
    """An invoice, issued after `wait`; None: when it is asked for, and then it is no renewal of the subscription's."""
    doc = subscription.doc
    key = new_key(world, "invoice")
    for one in lines:
        one["invoice"] = key
    row = make(
        world,
        "invoice",
        key=key,
        parent=subscription.key,
        status="draft",
        currency=doc["currency"],
        customer=doc["customer"],
        billing_reason=reason,
        collection_method="charge_automatically",
        attempt_count=0,
        attempted=False,
        amount_paid=0,
        amount_shipping=0,
        auto_advance=doc["status"] != "unpaid",
        automatic_tax={"enabled": False, "liability": None, "status": None, "disabled_reason": None, "provider": None},
        default_tax_rates=[],
        discounts=list(doc["discounts"]),
        issuer={"type": "self"},
        customer_tax_ids=[],
        parent_={},
        period_start=stamp(world.now),
        period_end=stamp(world.now),
        starting_balance=0,
        status_transitions=dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")),
        payments={"object": "list", "data": [], "has_more": False, "url": "/v1/invoices/payments"},
        payment_settings={"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        **known_too,
    )
    del row.doc["parent_"]
    row.doc["parent"] = {
        "type": "subscription_details",
        "quote_details": None,
        "subscription_details": {"metadata": dict(doc["metadata"]), "subscription": doc["id"]},
    }
    set_lines(row, lines)
    tell(world, "invoice.created", row.doc)
    if wait is None:
        row.doc["auto_advance"] = False
        keep(world, row)
        return row
    doc["latest_invoice"] = key
    keep(world, subscription)
    if wait:
        world.later(after=wait, act="stripe", target_id=row.id, word="finalize")
    else:
        issue(world, row)
    return row


def set_lines(row: StripeRow, lines: list[Doc]) -> None:
    row.doc["lines"] = {
        "object": "list",
        "data": lines,
        "has_more": False,
        "url": f"/v1/invoices/{row.key}/lines",
    }
    row.doc |= sums(lines)
    row.doc["amount_due"] = row.doc["amount_remaining"] = max(row.doc["total"], 0)


def issue(world: World, row: StripeRow) -> None:
    """Number it, let the customer's balance pay first, and take the rest."""
    doc = row.doc
    subscription = known(world, "subscription", row.parent)
    if subscription.doc["status"] == "unpaid" and doc["billing_reason"] == "subscription_cycle":
        return  # it stays a draft until the debt before it is paid
    customer = known(world, "customer", doc["customer"])
    customer.doc["next_invoice_sequence"] += 1
    doc["number"] = f"{customer.doc['invoice_prefix']}-{customer.doc['next_invoice_sequence'] - 1:04d}"
    doc["starting_balance"] = customer.doc["balance"]
    due, after = balanced(doc["total"], customer.doc["balance"], doc["currency"])
    customer.doc["balance"], doc["ending_balance"] = after, after
    keep(world, customer)
    doc |= {"status": "open", "amount_due": due, "amount_remaining": due, "effective_at": stamp(world.now)}
    doc["status_transitions"]["finalized_at"] = stamp(world.now)
    doc["hosted_invoice_url"] = f"{world.base_url}/invoice/stripe/{row.key}"
    doc["invoice_pdf"] = f"{world.base_url}/invoice/stripe/{row.key}/pdf"
    for discount in doc["total_discount_amounts"]:
        held = known(world, "discount", discount["discount"])
        if known(world, "coupon", held.doc["source"]["coupon"]).doc["duration"] == "once":
            held.doc["used"] = True
            keep(world, held)
    keep(world, row)
    tell(world, "invoice.finalized", doc)
    if doc["billing_reason"] != "manual" or doc["auto_advance"] or not due:
        paying.collect(world, row)


def give_up_first(world: World, row: StripeRow) -> None:
    """The first payment never came: it is over, and its invoice void."""
    row.doc |= {"status": "incomplete_expired", "ended_at": stamp(world.now)}
    keep(world, row)
    _void_open(world, row)
    tell(world, "customer.subscription.updated", row.doc, before={"status": "incomplete"})


def _void_open(world: World, row: StripeRow) -> None:
    for invoice in children(world, "invoice", row.key):
        if invoice.doc["status"] in ("open", "draft"):
            void(world, invoice)


def void(world: World, invoice: StripeRow) -> None:
    invoice.doc |= {"status": "void", "amount_remaining": 0, "next_payment_attempt": None, "auto_advance": False}
    invoice.doc["status_transitions"]["voided_at"] = stamp(world.now)
    for entry in invoice.doc["payments"]["data"]:
        intent = find(world, "payment_intent", entry["payment"]["payment_intent"])
        if intent is not None and intent.doc["status"] != "succeeded":
            intent.doc |= {"status": "canceled", "canceled_at": stamp(world.now)}
            entry["status"] = "canceled"
            keep(world, intent)
    if invoice.doc["status_transitions"]["finalized_at"]:
        customer = known(world, "customer", invoice.doc["customer"])
        customer.doc["balance"] += invoice.doc["starting_balance"] - invoice.doc["ending_balance"]
        keep(world, customer)
    keep(world, invoice)
    tell(world, "invoice.voided", invoice.doc)


def end_now(world: World, row: StripeRow) -> None:
    """It ends; what is open stays open, but is not tried again."""
    row.doc |= {
        "status": "canceled",
        "ended_at": stamp(world.now),
        "canceled_at": row.doc["canceled_at"] or stamp(world.now),
        "cancel_at": None,
        "cancel_at_period_end": False,
    }
    for invoice in children(world, "invoice", row.key):
        if invoice.doc["status"] == "draft":
            void(world, invoice)
        elif invoice.doc["status"] == "open":
            invoice.doc |= {"next_payment_attempt": None, "auto_advance": False}
            keep(world, invoice)
    keep(world, row)
    tell(world, "customer.subscription.deleted", row.doc)
