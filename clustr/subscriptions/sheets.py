"""All that a document shows, as plain data: what its PDF and its XML are made of. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from clustr.kit.money import Money
from clustr.subscriptions.pricing import TaxGroup
from clustr.subscriptions.sellers import Seller
from clustr.subscriptions.states import InvoiceKind, InvoiceStatus


@dataclass(frozen=True, slots=True)
class Buyer:
    """Whom a document is addressed to, as of when it was issued."""

    name: str
    country: str
    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    tax_id: str = ""


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One line, net of tax: `amount` is the line's before the `discount`. `first_day` and `last_day`: of what it is for, in
    the seller's time zone; the day on which the next period begins is the next one's."""

    n: int
    description: str
    quantity: int
    amount: Money
    discount: Money
    tax_basis_points: int
    tax: Money
    first_day: date | None
    last_day: date | None

    @property
    def net(self) -> Money:
        return self.amount - self.discount

    @property
    def counted(self) -> tuple[int, Money]:
        """How many, and what each costs; one of the whole amount, where that does not divide."""
        many = 1 if self.amount.minor % self.quantity else self.quantity
        return many, Money(self.amount.minor // many, self.amount.currency)


@dataclass(frozen=True, slots=True)
class Clearance:
    """What a tax authority that clears invoices gave this one; empty where none is asked. `irn`: the invoice's reference
    there, `csid`: its cryptographic stamp, `qr_payload`: what the QR code says."""

    irn: str = ""
    csid: str = ""
    qr_payload: str = ""


@dataclass(frozen=True, slots=True)
class Credited:
    """Where what a credit note gives went: taken off what was still to be paid of the invoice it corrects, back to the card,
    given by other means, or into the customer's favour. Together all of it, unless a refund of it came back."""

    taken_off: Money
    to_card: Money
    outside: Money
    in_favour: Money


@dataclass(frozen=True, slots=True)
class Sheet:
    """An invoice or credit note as it stands. `settled`: paid or credited so far; `corrects`: the number and day of the
    invoice that a credit note takes back, `credited`: where it went; `taken_back_by`: the credit notes of a void invoice; `pay_at`: the
    page on which it can be paid by card."""

    kind: InvoiceKind
    number: str
    status: InvoiceStatus
    currency: str
    seller: Seller
    buyer: Buyer
    issued_on: date
    due_on: date
    paid_on: date | None
    lines: tuple[SheetLine, ...]
    discount: Money
    tax: Money
    total: Money
    credit_applied: Money
    paid: Money
    due: Money
    corrects: tuple[str, date] | None
    clearance: Clearance
    pay_at: str = ""
    credited: Credited | None = None
    taken_back_by: tuple[str, ...] = ()

    @property
    def is_credit_note(self) -> bool:
        return self.kind is InvoiceKind.CREDIT_NOTE

    @property
    def net(self) -> Money:
        """All lines less their discounts, before tax."""
        return self.total - self.tax

    @property
    def settled(self) -> Money:
        return self.total - self.due

    @property
    def period(self) -> tuple[date, date] | None:
        """From the first to the last day of what the lines are for."""
        first = [line.first_day for line in self.lines if line.first_day]
        last = [line.last_day for line in self.lines if line.last_day]
        return (min(first), max(last)) if first and last else None

    @property
    def taxes(self) -> list[TaxGroup]:
        """What is taxed, rate by rate."""
        return taxes_of(self.lines, self.currency)


def taxes_of(lines: Sequence[SheetLine], currency: str) -> list[TaxGroup]:
    """The lines added up by rate, the lowest first."""
    nothing = Money(0, currency)
    groups = []
    for rate in sorted({line.tax_basis_points for line in lines}):
        at_rate = [line for line in lines if line.tax_basis_points == rate]
        taxable = sum((line.net for line in at_rate), nothing)
        groups.append(TaxGroup(rate, taxable, sum((line.tax for line in at_rate), nothing)))
    return groups
