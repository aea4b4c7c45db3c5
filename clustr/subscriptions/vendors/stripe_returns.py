"""What is given or taken back at Stripe: refunds, disputes and credit notes, asked for and read, in both shapes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from clustr.subscriptions.vendors.nouns import (
    Raw,
    StripeCreditNote,
    StripeDispute,
    StripeLine,
    StripeRefund,
    StripeUnreadable,
)
from clustr.subscriptions.vendors.stripe_params import once, stamp
from clustr.subscriptions.vendors.stripe_shapes import (
    id_of,
    instant,
    known_instant,
    line_rate,
    list_of,
    tax_of,
    text,
    whole,
)

_PAGE = 100


class AsksForReturns:
    """The part of `StripeService` that is about money going back."""

    _v1: Any
    _ask: Callable[[Callable[[], Any]], Raw]
    _pages: Callable[[Callable[[Raw], Any], Raw], list[Raw]]

    def give_back(self, *, payment_id: str, amount: int, request: str, why: str, key: str) -> StripeRefund:
        """Give back some of a payment to where it came from. `request` stays in its metadata: by it we see later that this was
        heard."""
        params: Raw = {**_of(payment_id), "amount": amount, "metadata": {"request": request, "why": why}}
        return read_refund(self._ask(lambda: self._v1.refunds.create(params, once(key))), of=payment_id)

    def refunds_of(self, *, payment_id: str) -> list[StripeRefund]:
        """All refunds of a payment, the oldest first."""
        raws = self._pages(self._v1.refunds.list, {**_of(payment_id), "limit": _PAGE})
        return sorted((read_refund(raw, of=payment_id) for raw in raws), key=_made)

    def disputes_of(self, *, payment_id: str) -> list[StripeDispute]:
        """All disputes of a payment, the oldest first."""
        raws = self._pages(self._v1.disputes.list, {**_of(payment_id), "limit": _PAGE})
        return sorted((read_dispute(raw, of=payment_id) for raw in raws), key=_made)

    def credit_notes_of(self, *, invoice_id: str) -> list[StripeCreditNote]:
        """All credit notes of an invoice, the oldest first, voided ones too."""
        raws = self._pages(self._v1.credit_notes.list, {"invoice": invoice_id, "limit": _PAGE})
        return [self._whole_note(raw) for raw in sorted(raws, key=lambda raw: (raw["created"], raw["id"]))]

    def _whole_note(self, raw: Raw) -> StripeCreditNote:
        if (raw.get("lines") or {}).get("has_more"):
            note_id = raw["id"]
            lines = self._pages(lambda more: self._v1.credit_notes.line_items.list(note_id, more), {"limit": _PAGE})
            raw["lines"] = {"data": lines}
        return read_credit_note(raw)

    def returned_since(self, *, since: datetime) -> list[str]:
        """What to look at of all that was given or taken back since: payments, and invoices, each once."""
        params = {"created": {"gte": stamp(since)}, "limit": _PAGE}
        found = [
            *map(payment_of, self._pages(self._v1.refunds.list, params)),
            *map(payment_of, self._pages(self._v1.disputes.list, params)),
            *(id_of(raw.get("invoice")) for raw in self._pages(self._v1.credit_notes.list, params)),
        ]
        return list(dict.fromkeys(filter(None, found)))


def _of(payment_id: str) -> Raw:
    return {"payment_intent" if payment_id.startswith("pi_") else "charge": payment_id}


def _made(one: StripeRefund | StripeDispute) -> tuple[datetime, str]:
    return one.created_at, one.id


def payment_of(raw: Raw) -> str:
    """The payment that a refund or a dispute is of: its intent, or where it has none its charge."""
    return id_of(raw.get("payment_intent")) or id_of(raw.get("charge"))


def read_refund(raw: Raw, *, of: str) -> StripeRefund:
    """A refund of this payment. Raises `StripeUnreadable`."""
    metadata = raw.get("metadata") or {}
    return StripeRefund(
        id=text(raw.get("id")),
        payment_id=of,
        amount=whole(raw.get("amount")),
        currency=text(raw.get("currency")).upper(),
        status=text(raw.get("status")) or "succeeded",
        request=text(metadata.get("request")),
        why=text(metadata.get("why") or raw.get("reason"))[:200],
        failure=text(raw.get("failure_reason"))[:80],
        created_at=known_instant(raw.get("created")),
    )


def read_dispute(raw: Raw, *, of: str) -> StripeDispute:
    """A dispute of this payment. What was taken and what came back stands in its entries of the balance, in whatever currency that
    is kept, each at the rate of its day: so they are counted, not added up."""
    moved = [whole(entry.get("amount")) for entry in raw.get("balance_transactions") or []]
    return StripeDispute(
        id=text(raw.get("id")),
        payment_id=of,
        amount=whole(raw.get("amount")),
        currency=text(raw.get("currency")).upper(),
        status=text(raw.get("status")),
        reason=text(raw.get("reason")),
        taken=sum(amount < 0 for amount in moved) > sum(amount > 0 for amount in moved),
        due_by=instant((raw.get("evidence_details") or {}).get("due_by")),
        created_at=known_instant(raw.get("created")),
    )


def read_credit_note(raw: Raw) -> StripeCreditNote:
    """A credit note and its lines. Raises `StripeUnreadable` where the sums do not add up."""
    lines = tuple(_read_line(line) for line in list_of(raw.get("lines")))
    subtotal, discount = whole(raw.get("subtotal")), whole(raw.get("discount_amount") or 0)
    tax, total = tax_of(raw), whole(raw.get("total"))
    sums = [sum(getattr(line, name) for line in lines) for name in ("amount", "discount", "tax")]
    if total != subtotal - discount + tax or sums != [subtotal, discount, tax] or total <= 0:
        raise StripeUnreadable("a credit note's lines do not add up to it")
    before = raw.get("pre_payment_amount")
    if before is None:
        before = total if raw.get("type") == "pre_payment" else 0
    linked = [(id_of(one.get("refund")), whole(one.get("amount_refunded"))) for one in raw.get("refunds") or []]
    if not linked and raw.get("refund"):
        linked = [(id_of(raw["refund"]), total - whole(raw.get("out_of_band_amount") or 0))]
    return StripeCreditNote(
        id=text(raw.get("id")),
        invoice_id=id_of(raw.get("invoice")),
        currency=text(raw.get("currency")).upper(),
        status=text(raw.get("status")),
        why=text(raw.get("memo") or raw.get("reason"))[:200],
        subtotal=subtotal,
        discount=discount,
        tax=tax,
        total=total,
        before_payment=whole(before),
        outside=whole(raw.get("out_of_band_amount") or 0),
        created_at=known_instant(raw.get("created")),
        lines=lines,
        refunds=tuple((name, amount) for name, amount in linked if name),
    )


def _read_line(raw: Raw) -> StripeLine:
    """A line of a credit note has no period of its own."""
    amount, discount, tax = whole(raw.get("amount")), whole(raw.get("discount_amount") or 0), tax_of(raw)
    at = datetime.fromtimestamp(0, UTC)
    rate, rate_id = line_rate(raw, amount - discount, tax)
    return StripeLine(
        description=text(raw.get("description"))[:500] or "Given back",
        quantity=max(whole(raw.get("quantity") or 1), 1),
        amount=amount,
        discount=discount,
        tax=tax,
        tax_basis_points=rate,
        tax_rate_id=rate_id,
        proration=False,
        for_plan=False,
        period_start=at,
        period_end=at,
    )
