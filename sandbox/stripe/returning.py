"""What goes back of a payment: refunds, disputes, and credit notes, by the API, by the dashboard, or by the payer's bank."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sandbox.records import StripeRow
from sandbox.stripe import paying
from sandbox.stripe.objects import Doc, blank, children, find, keep, known, listed, make, new_key, refusal, stamp, tell
from sandbox.stripe.subscriptions import _rows
from sandbox.wire import Request
from sandbox.world import World

ANSWER_WITHIN = timedelta(days=9)
_DECIDED = ("won", "lost", "warning_closed")


def create_refund(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    charge = _charge(world, form)
    left = _refundable(charge)
    amount = int(form.get("amount") or left)
    if amount > left:
        raise refusal(400, "The refund is greater than what is left of the charge.", code="", param="amount")
    return refund(world, charge, amount, metadata=form.get("metadata") or {}).doc


def _refundable(charge: StripeRow) -> int:
    """What is left of a charge to give back: nothing while its payer disputes it."""
    left = int(charge.doc["amount"] - charge.doc["amount_refunded"])
    if charge.doc["disputed"]:
        raise refusal(400, "The charge is disputed.", code="charge_disputed")
    if not left:
        raise refusal(400, "The charge has already been refunded.", code="charge_already_refunded")
    return left


def refund(world: World, charge: StripeRow, amount: int, *, metadata: Doc | None = None) -> StripeRow:
    """Give back some of a charge, and tell of it."""
    made = make(
        world,
        "refund",
        parent=charge.doc["payment_intent"],
        amount=amount,
        balance_transaction=new_key(world, "balance_transaction"),
        charge=charge.key,
        currency=charge.doc["currency"],
        metadata=metadata or {},
        payment_intent=charge.doc["payment_intent"],
        status="succeeded",
    )
    _count(world, charge, amount)
    tell(world, "charge.refunded", charge.doc)
    tell(world, "refund.created", made.doc)
    return made


def _count(world: World, charge: StripeRow, amount: int) -> None:
    charge.doc["amount_refunded"] += amount
    charge.doc["refunded"] = charge.doc["amount_refunded"] == charge.doc["amount"]
    keep(world, charge)


def _charge(world: World, form: Doc) -> StripeRow:
    if form.get("charge"):
        return known(world, "charge", form["charge"], param="charge")
    intent = known(world, "payment_intent", form.get("payment_intent"), param="payment_intent")
    if intent.doc["latest_charge"] is None:
        raise refusal(400, "This PaymentIntent does not have a successful charge to refund.", code="")
    return known(world, "charge", intent.doc["latest_charge"])


def refunds(world: World, request: Request, form: Doc) -> Doc:
    return _listed(world, request, form, "refund")


def disputes(world: World, request: Request, form: Doc) -> Doc:
    return _listed(world, request, form, "dispute")


def credit_notes(world: World, request: Request, form: Doc) -> Doc:
    return _listed(world, request, form, "credit_note")


def _listed(world: World, request: Request, form: Doc, kind: str) -> Doc:
    rows = _rows(world, kind, form)
    for name in ("payment_intent", "charge", "invoice"):
        if form.get(name):
            rows = [row for row in rows if row.doc.get(name) == form[name]]
    return listed([row.doc for row in rows], request.path, form)


def fetch_credit_note(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    return known(world, "credit_note", request.params["id"]).doc


def fetch_intent(world: World, request: Request, form: Doc) -> Doc:  # noqa: ARG001
    return known(world, "payment_intent", request.params["id"]).doc


def by_hand(world: World, key: str, body: dict[str, Any]) -> Doc:
    """What somebody did at the dashboard, or a payer at their bank; answers what was made."""
    match body.get("act"):
        case "refund":
            charge = _charge(world, {"payment_intent": key})
            left = _refundable(charge)
            return refund(world, charge, min(int(body.get("amount") or left), left)).doc
        case "fail_refund":
            return _fail(world, known(world, "refund", key)).doc
        case "dispute":
            return _dispute(world, _charge(world, {"payment_intent": key}), body).doc
        case "decide":
            return _decide(world, known(world, "dispute", key), str(body["status"])).doc
        case "credit":
            return _credit(world, known(world, "invoice", key), body).doc
        case "void_credit":
            return _void(world, known(world, "credit_note", key)).doc
        case act:
            raise ValueError(f"nothing is known about {act}")


def _fail(world: World, row: StripeRow) -> StripeRow:
    """The card's bank would not take it: it is Stripe's balance again."""
    if row.doc["status"] == "succeeded":
        row.doc |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
        keep(world, row)
        _count(world, known(world, "charge", row.doc["charge"]), -row.doc["amount"])
        tell(world, "refund.updated", row.doc)
        tell(world, "refund.failed", row.doc)
    return row


def _dispute(world: World, charge: StripeRow, body: dict[str, Any]) -> StripeRow:
    question, left = bool(body.get("question")), _refundable(charge)
    row = make(
        world,
        "dispute",
        parent=charge.doc["payment_intent"],
        amount=min(int(body.get("amount") or left), left),
        balance_transactions=[],
        charge=charge.key,
        currency=charge.doc["currency"],
        evidence={},
        evidence_details={"due_by": stamp(world.now + ANSWER_WITHIN), "has_evidence": False, "past_due": False},
        is_charge_refundable=question,
        payment_intent=charge.doc["payment_intent"],
        reason=str(body.get("reason", "general")),
        status="warning_needs_response" if question else "needs_response",
    )
    charge.doc["disputed"] = not question
    keep(world, charge)
    tell(world, "charge.dispute.created", row.doc)
    if not question:
        _move(world, row, -1, "withdrawn")
    return row


def _move(world: World, row: StripeRow, sign: int, word: str) -> None:
    entry = {"id": new_key(world, "balance_transaction"), "object": "balance_transaction", "type": "adjustment"}
    row.doc["balance_transactions"].append(
        {**entry, "amount": sign * row.doc["amount"], "currency": row.doc["currency"]}
    )
    keep(world, row)
    tell(world, f"charge.dispute.funds_{word}", row.doc)


def _decide(world: World, row: StripeRow, status: str) -> StripeRow:
    """`needs_response` (of a question: now the money is taken), or how it ends."""
    taken = sum(entry["amount"] for entry in row.doc["balance_transactions"]) < 0
    if row.doc["status"] in _DECIDED:
        raise refusal(400, "It is decided.", code="")
    if not taken and status in _DECIDED:
        status = "warning_closed"
    row.doc["status"] = status
    keep(world, row)
    if status == "needs_response" and not taken:
        charge = known(world, "charge", row.doc["charge"])
        charge.doc["disputed"] = True
        keep(world, charge)
        _move(world, row, -1, "withdrawn")
    if status == "won" and taken:
        _move(world, row, 1, "reinstated")
    tell(world, f"charge.dispute.{'closed' if status in _DECIDED else 'updated'}", row.doc)
    return row


def _credit(world: World, invoice: StripeRow, body: dict[str, Any]) -> StripeRow:
    """A credit note over an amount, which has no tax as Stripe makes it, or over all that is left, line by line."""
    doc = invoice.doc
    before = sum(row.doc["total"] for row in _notes(world, invoice) if row.doc["status"] == "issued")
    left = doc["total"] - before
    total = min(int(body.get("amount") or left), left)
    if total <= 0 or doc["status"] not in ("open", "paid"):
        raise refusal(400, "There is nothing left to credit.", code="invoice_amount_too_small")
    if doc["status"] == "open":
        total = min(total, doc["amount_remaining"])
    elif body.get("as") == "refund":
        paid = [entry["payment"]["payment_intent"] for entry in doc["payments"]["data"]]
        total = min(total, _refundable(_charge(world, {"payment_intent": paid[0] if paid else None})))
    whole = total == doc["total"]
    lines = [_line_of(world, line) for line in doc["lines"]["data"]] if whole else [_custom(world, total)]
    row = make(
        world,
        "credit_note",
        parent=invoice.key,
        amount=total,
        amount_shipping=0,
        currency=doc["currency"],
        customer=doc["customer"],
        discount_amount=sum(line["discount_amount"] for line in lines),
        discount_amounts=[],
        effective_at=stamp(world.now),
        invoice=invoice.key,
        lines={"object": "list", "data": lines, "has_more": False, "url": "/v1/credit_notes/lines"},
        memo=body.get("memo"),
        number=f"{doc['number']}-CN-{len(_notes(world, invoice)) + 1:02d}",
        post_payment_amount=0,
        pre_payment_amount=0,
        pretax_credit_amounts=[],
        refunds=[],
        status="issued",
        subtotal=sum(line["amount"] for line in lines),
        total=total,
        total_taxes=[tax for line in lines for tax in line["taxes"]],
    )
    if doc["status"] == "open":
        _before_payment(world, invoice, row, total)
    else:
        _after_payment(world, invoice, row, body, total)
    keep(world, row)
    tell(world, "credit_note.created", row.doc)
    return row


def _notes(world: World, invoice: StripeRow) -> list[StripeRow]:
    return children(world, "credit_note", invoice.key)


def _line_of(world: World, line: Doc) -> Doc:
    off = sum(one["amount"] for one in line["discount_amounts"])
    return blank(
        "credit_note_line_item",
        id=new_key(world, "credit_note_line_item"),
        amount=line["amount"],
        description=line["description"],
        discount_amount=off,
        discount_amounts=line["discount_amounts"],
        invoice_line_item=line["id"],
        pretax_credit_amounts=[],
        quantity=line["quantity"],
        tax_rates=[],
        taxes=line["taxes"],
        type="invoice_line_item",
    )


def _custom(world: World, total: int) -> Doc:
    return blank(
        "credit_note_line_item",
        id=new_key(world, "credit_note_line_item"),
        amount=total,
        description="Refund",
        discount_amount=0,
        discount_amounts=[],
        pretax_credit_amounts=[],
        quantity=1,
        tax_rates=[],
        taxes=[],
        type="custom_line_item",
        unit_amount=total,
        unit_amount_decimal=str(total),
    )


def _before_payment(world: World, invoice: StripeRow, row: StripeRow, total: int) -> None:
    """It lowers what is due; what is due no more is paid."""
    row.doc |= {"type": "pre_payment", "pre_payment_amount": total}
    _lower(world, invoice, total)
    if not invoice.doc["amount_due"]:
        paying.collect(world, invoice)


def _lower(world: World, invoice: StripeRow, by: int) -> None:
    doc = invoice.doc
    doc["pre_payment_credit_notes_amount"] = (doc["pre_payment_credit_notes_amount"] or 0) + by
    doc["amount_due"] -= by
    doc["amount_remaining"] -= by
    for entry in doc["payments"]["data"]:
        intent = find(world, "payment_intent", entry["payment"]["payment_intent"])
        if intent is not None:
            intent.doc["amount"] = entry["amount_requested"] = doc["amount_due"]
            keep(world, intent)
    keep(world, invoice)


def _after_payment(world: World, invoice: StripeRow, row: StripeRow, body: dict[str, Any], total: int) -> None:
    """It goes back to the card, to the customer's balance, or was given outside."""
    doc = invoice.doc
    row.doc |= {"type": "post_payment", "post_payment_amount": total}
    doc["post_payment_credit_notes_amount"] = (doc["post_payment_credit_notes_amount"] or 0) + total
    keep(world, invoice)
    how = body.get("as", "balance")
    if body.get("refund_id"):
        made = known(world, "refund", body["refund_id"])
        row.doc["refunds"] = [_linked(made, min(made.doc["amount"], total))]
    elif how == "refund":
        charge = _charge(world, {"payment_intent": doc["payments"]["data"][0]["payment"]["payment_intent"]})
        row.doc["refunds"] = [_linked(refund(world, charge, total), total)]
    elif how == "outside":
        row.doc["out_of_band_amount"] = total
    else:
        customer = known(world, "customer", doc["customer"])
        customer.doc["balance"] -= total
        row.doc["customer_balance_transaction"] = new_key(world, "balance_transaction").replace("txn_", "cbtxn_")
        keep(world, customer)


def _linked(made: StripeRow, amount: int) -> Doc:
    return {"amount_refunded": amount, "payment_record_refund": None, "refund": made.key, "type": "refund"}


def _void(world: World, row: StripeRow) -> StripeRow:
    """Only while its invoice is open, which is then due whole again."""
    invoice = known(world, "invoice", row.doc["invoice"])
    if row.doc["status"] != "issued" or invoice.doc["status"] != "open":
        raise refusal(400, "Only a credit note of an open invoice can be voided.", code="")
    row.doc |= {"status": "void", "voided_at": stamp(world.now)}
    keep(world, row)
    _lower(world, invoice, -row.doc["total"])
    tell(world, "credit_note.voided", row.doc)
    return row
