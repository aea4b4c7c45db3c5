"""Payments of invoices: money that came, tries that failed, and debts that are given up."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.errors import InvalidValue
from clustr.kit.ids import derived_id, new_id
from clustr.kit.money import CurrencyMismatch, Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.subscriptions.commands.crediting import (
    accounts_of,
    pay_what_is_open,
    put_into_period,
    take_out_of_period,
)
from clustr.subscriptions.commands.dunning import settle_standing
from clustr.subscriptions.commands.invoicing import lock_invoice
from clustr.subscriptions.commands.periods import end_subscription
from clustr.subscriptions.models import Invoice, Payment, Subscription
from clustr.subscriptions.notices import Told, tell_customer
from clustr.subscriptions.queries import STAFF
from clustr.subscriptions.refusals import CollectionNotOffered, InvoiceNotOpen, PaymentReferenceTaken
from clustr.subscriptions.states import InvoiceKind, InvoiceStatus, PaymentMethod, PaymentStatus, SubscriptionStatus

_RECEIVED = {
    PaymentMethod.BANK_TRANSFER: AccountKind.RECEIVED_BANK_TRANSFER,
    PaymentMethod.OTHER: AccountKind.EXTERNAL_FUNDS,
}
"""Where money stands that staff saw arrive. What comes by card comes through a provider, and is not recorded by hand."""


def process_payment(
    *,
    actor: Actor,
    invoice_id: UUID,
    amount: Money,
    method: PaymentMethod,
    reference: str,
    paid_at: datetime,
    now: datetime,
) -> Payment:
    """Record money that came for an invoice. What is more than is due becomes the customer's credit, which pays what else
    they owe: money that came is never turned away, so an invoice that is paid or void takes it too, as credit alone. One
    reference counts once.

    For platform staff, of others. Refuses `InvoiceNotFound`, `PaymentReferenceTaken`, `CurrencyMismatch`.
    """
    actor.require(STAFF)
    if method not in _RECEIVED:
        raise InvalidValue.of("method", "invalid", "A card payment is not recorded by hand.")
    if not reference.strip() or amount.minor <= 0 or paid_at > now:
        raise InvalidValue.of("reference", "invalid", "A payment has a reference, an amount, and was made already.")
    with tenant(actor.cluster_id), crash_points("subscriptions.process_payment"):
        invoice = lock_invoice(actor=actor, invoice_id=invoice_id)
        if invoice.user_id == actor.user_id:
            raise InvalidValue.of("invoice_id", "own_affair", "Nobody records a payment of their own.")
        if amount.currency != invoice.currency:
            raise CurrencyMismatch("The invoice is in {currency}.", currency=invoice.currency)
        if invoice.kind != InvoiceKind.INVOICE:
            raise InvoiceNotOpen("A credit note is not paid.")
        refuse_collected_by_stripe(invoice=invoice)
        payment = _record(invoice, amount, method, reference, paid_at, now)
        received = ledger.open_account(kind=_RECEIVED[method], currency=invoice.currency)
        book_payment(actor=actor, invoice=invoice, payment=payment, received=received, now=now)
        pay_what_is_open(user_id=invoice.user_id, currency=invoice.currency, now=now)
        settle_standing(actor=actor, subscription_id=invoice.subscription_id, now=now)
    return payment


def refuse_collected_by_stripe(*, invoice: Invoice) -> None:
    """What Stripe collects is settled, voided and given up at Stripe, and followed here: done here alone, it would still be
    charged there."""
    if invoice.stripe_invoice_id:
        raise CollectionNotOffered("This invoice is collected by Stripe; settle it there.")


def book_payment(*, actor: Actor, invoice: Invoice, payment: Payment, received: UUID, now: datetime) -> None:
    """Post a payment that succeeded, from the account where it stands, and let the invoice be paid by it. What is more than
    is due stands in the customer's credit; a debt that was given up is taken up again."""
    _audit(actor, payment, "subscriptions.invoice_paid", now)
    if invoice.status == InvoiceStatus.UNCOLLECTIBLE:
        take_up_again(invoice=invoice, journal=payment.id, now=now)
    _post(invoice, payment, received, now)
    invoice.amount_paid += payment.amount - payment.surplus_minor
    if invoice.status == InvoiceStatus.OPEN and not invoice.amount_due.minor:
        invoice.status, invoice.paid_at = InvoiceStatus.PAID, payment.paid_at
    invoice.updated_at = now
    invoice.save()
    tell_customer(told=Told.PAYMENT_RECEIVED, user_id=invoice.user_id, facts=_told(invoice, payment), now=now)


def surplus_of(*, invoice: Invoice, amount: int) -> int:
    """How much of so much money is more than is due of an invoice."""
    takes = invoice.status in (InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)
    return max(amount - (invoice.amount_due.minor if takes else 0), 0)


def handle_failed_payment(
    *, actor: Actor, invoice_id: UUID, amount: Money, method: PaymentMethod, code: str, message: str, now: datetime
) -> Payment:
    """Note that a try to pay an open invoice failed, and tell the customer. Nothing moves; the invoice stays open, and
    what happens to the subscription follows from its due date.

    For platform staff; what Stripe tries is followed. Refuses `InvoiceNotFound`, `InvoiceNotOpen`, `CurrencyMismatch`,
    `CollectionNotOffered`.
    """
    actor.require(STAFF)
    with tenant(actor.cluster_id), crash_points("subscriptions.handle_failed_payment"):
        invoice = lock_invoice(actor=actor, invoice_id=invoice_id)
        if invoice.status != InvoiceStatus.OPEN:
            raise InvoiceNotOpen
        if amount.currency != invoice.currency:
            raise CurrencyMismatch("The invoice is in {currency}.", currency=invoice.currency)
        refuse_collected_by_stripe(invoice=invoice)
        payment = Payment.objects.create(
            id=new_id(),
            cluster_id=invoice.cluster_id,
            user_id=invoice.user_id,
            subscription_id=invoice.subscription_id,
            invoice_id=invoice.id,
            amount=amount.minor,
            currency=amount.currency,
            status=PaymentStatus.FAILED,
            payment_method=method.value,
            failure_code=code,
            failure_message=message,
            failed_at=now,
            created_at=now,
            updated_at=now,
        )
        _audit(actor, payment, "subscriptions.payment_failed", now)
        facts = {"number": invoice.invoice_number, "amount": amount.with_sign(), "message": message}
        facts |= settings.SUBSCRIPTION_SELLER.to_pay_to()
        tell_customer(told=Told.PAYMENT_FAILED, user_id=invoice.user_id, facts=facts, now=now)
    return payment


def write_off_invoice(*, actor: Actor, invoice_id: UUID, reason: str, now: datetime) -> Invoice:
    """Give up what is due of an open invoice, and with it a subscription that has lapsed. Should it be paid after all, the
    debt is taken up again.

    For platform staff, of others. Refuses `InvoiceNotFound`, `InvoiceNotOpen`.
    """
    actor.require(STAFF)
    with tenant(actor.cluster_id), crash_points("subscriptions.write_off"):
        invoice = lock_invoice(actor=actor, invoice_id=invoice_id)
        if invoice.user_id == actor.user_id:
            raise InvalidValue.of("invoice_id", "own_affair", "Nobody gives up a debt of their own.")
        if invoice.kind != InvoiceKind.INVOICE or invoice.status != InvoiceStatus.OPEN:
            raise InvoiceNotOpen
        refuse_collected_by_stripe(invoice=invoice)
        give_up(actor=actor, invoice=invoice, reason=reason, now=now)
        take_out_of_period(invoice=invoice, now=now)
        held = Subscription.objects.select_for_update().get(cluster_id=actor.cluster_id, id=invoice.subscription_id)
        if held.status == SubscriptionStatus.UNPAID:
            end_subscription(actor=actor, subscription=held, at=now, reason=reason, now=now)
        settle_standing(actor=actor, subscription_id=invoice.subscription_id, now=now)
    return invoice


def give_up(*, actor: Actor, invoice: Invoice, reason: str, now: datetime) -> None:
    """Write off what is due of an invoice that is locked and open."""
    lost, owed = accounts_of(document=invoice, kinds=(AccountKind.BAD_DEBTS, AccountKind.RECEIVABLES))
    entry = Entry(
        id=_written_off(invoice),
        debit=lost,
        credit=owed,
        amount=invoice.amount_due,
        kind=TransferKind.WRITTEN_OFF,
        journal=invoice.id,
    )
    ledger.post(entries=[entry], at=now)
    invoice.status, invoice.updated_at = InvoiceStatus.UNCOLLECTIBLE, now
    invoice.save()
    audit.record(
        actor=actor,
        action="subscriptions.invoice_written_off",
        subject_kind="invoice",
        subject_id=invoice.id,
        at=now,
        reason=reason,
        facts={"amount_minor": entry.amount.minor, "currency": invoice.currency},
        journal=invoice.id,
    )


def _written_off(invoice: Invoice) -> UUID:
    """An invoice is written off once for what is paid of it: each time that it is taken up again, more is."""
    return derived_id("written_off", invoice.id, invoice.credit_applied + invoice.amount_paid)


def take_up_again(*, invoice: Invoice, journal: UUID, now: datetime) -> None:
    """Let what was given up of an invoice that is locked be owed again, by what is paid or taken back of it now (`journal`)."""
    ledger.reverse(transfer_id=_written_off(invoice), journal=journal, at=now, kind=TransferKind.WRITTEN_OFF)
    invoice.status = InvoiceStatus.OPEN
    put_into_period(invoice=invoice, now=now)


def _record(
    invoice: Invoice, amount: Money, method: PaymentMethod, reference: str, paid_at: datetime, now: datetime
) -> Payment:
    try:
        with transaction.atomic():
            return Payment.objects.create(
                id=new_id(),
                cluster_id=invoice.cluster_id,
                user_id=invoice.user_id,
                subscription_id=invoice.subscription_id,
                invoice_id=invoice.id,
                amount=amount.minor,
                surplus_minor=surplus_of(invoice=invoice, amount=amount.minor),
                currency=amount.currency,
                status=PaymentStatus.SUCCEEDED,
                payment_method=method.value,
                reference=reference.strip(),
                paid_at=paid_at,
                created_at=now,
                updated_at=now,
            )
    except IntegrityError as error:
        if "subscriptions_payment_reference" not in str(error):
            raise
        raise PaymentReferenceTaken from error


def _post(invoice: Invoice, payment: Payment, received: UUID, now: datetime) -> None:
    owed, credit = accounts_of(
        document=invoice,
        kinds=(AccountKind.RECEIVABLES, AccountKind.CUSTOMER_CREDIT),
    )
    legs = (
        (TransferKind.INVOICE_PAID, owed, payment.amount - payment.surplus_minor),
        (TransferKind.INVOICE_OVERPAID, credit, payment.surplus_minor),
    )
    entries = [
        Entry(
            id=derived_id(kind, payment.id),
            debit=received,
            credit=account,
            amount=Money(minor, payment.currency),
            kind=kind,
            journal=payment.id,
        )
        for kind, account, minor in legs
        if minor
    ]
    ledger.post(entries=entries, at=now)


def _told(invoice: Invoice, payment: Payment) -> dict[str, str]:
    surplus = Money(payment.surplus_minor, payment.currency)
    return {
        "number": invoice.invoice_number,
        "amount": Money(payment.amount, payment.currency).with_sign(),
        "surplus": surplus.with_sign() if surplus.minor else "",
        "amount_due": invoice.amount_due.with_sign() if invoice.amount_due.minor else "",
    }


def _audit(actor: Actor, payment: Payment, action: str, now: datetime) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject_kind="invoice",
        subject_id=payment.invoice_id,
        at=now,
        facts={"payment": str(payment.id), "amount_minor": payment.amount, "currency": payment.currency},
        journal=payment.id if payment.status == PaymentStatus.SUCCEEDED else None,
    )
