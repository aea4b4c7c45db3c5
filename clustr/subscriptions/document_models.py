"""Invoices, credit notes, and payments of invoices."""

from __future__ import annotations

from django.db import models

from clustr.kit.money import Money


class Series(models.Model):
    """The last number given in a series of documents. Its row is locked until the document stands, so none is missing."""

    pk = models.CompositePrimaryKey("cluster_id", "series")
    cluster_id = models.UUIDField()
    series = models.TextField()
    last_number = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.series}{self.last_number}"


class Invoice(models.Model):
    """An invoice, or a credit note. What it charges never changes once it has a number.

    `total` = `subtotal` - `discount_amount` + `tax_amount`, in minor units. `credit_applied` was paid from the customer's
    credit, `amount_paid` by payments. `seller` and `buyer`: who issued it to whom, as of then. The last four fields are for a tax
    authority that clears invoices (Nigeria's IRN, CSID and QR code). `stripe_status`: where it stood at Stripe when it was seen last.
    `returns_asked`: how often Stripe was asked what went back of it, `returns_seen`: which of these times brought what stands here.
    """

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    kind = models.TextField()
    user_id = models.UUIDField()
    subscription_id = models.UUIDField()
    corrects_id = models.UUIDField(null=True)
    stripe_invoice_id = models.TextField(default="")
    stripe_status = models.TextField(default="")
    invoice_number = models.TextField()
    status = models.TextField()
    currency = models.CharField(max_length=3)
    subtotal = models.BigIntegerField()
    discount_amount = models.BigIntegerField()
    tax_amount = models.BigIntegerField()
    total = models.BigIntegerField()
    credit_applied = models.BigIntegerField(default=0)
    amount_paid = models.BigIntegerField(default=0)
    seller = models.JSONField(default=dict)
    buyer = models.JSONField(default=dict)
    invoice_pdf_url = models.TextField(default="")
    hosted_invoice_url = models.TextField(default="")
    attempt_count = models.PositiveIntegerField(default=0)
    returns_asked = models.BigIntegerField(default=0)
    returns_seen = models.BigIntegerField(default=0)
    issued_at = models.DateTimeField()
    due_date = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    irn = models.TextField(default="")
    csid = models.TextField(default="")
    qr_payload = models.TextField(default="")
    clearance_status = models.TextField(default="")

    def __str__(self) -> str:
        return self.invoice_number

    @property
    def amount_due(self) -> Money:
        return Money(self.total - self.credit_applied - self.amount_paid, self.currency)


class InvoiceLine(models.Model):
    """One line of a document, net of tax. Append-only."""

    pk = models.CompositePrimaryKey("cluster_id", "invoice_id", "n")
    cluster_id = models.UUIDField()
    invoice_id = models.UUIDField()
    n = models.PositiveSmallIntegerField()
    kind = models.TextField()
    description = models.TextField()
    quantity = models.PositiveIntegerField()
    amount = models.BigIntegerField()
    discount = models.BigIntegerField()
    tax_basis_points = models.PositiveIntegerField()
    tax = models.BigIntegerField()
    period_start = models.DateTimeField(null=True)
    period_end = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.description

    @property
    def each_minor(self) -> int:
        """What each of several costs; 0 of one, and where the amount does not divide."""
        return 0 if self.quantity == 1 or self.amount % self.quantity else self.amount // self.quantity


class Payment(models.Model):
    """One payment of an invoice, which may be tried more than once. `failure_code`, `failure_message` and `failed_at` are of the
    last try that failed; they stay when a later one succeeds. `surplus_minor`: what of it was more than was due, and stands in the customer's credit.
    `refunded_minor`: what of it went back to where it came from; `disputed_minor`: of what its payer's bank has, or may yet take."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    subscription_id = models.UUIDField()
    invoice_id = models.UUIDField()
    stripe_payment_intent_id = models.TextField(default="")
    amount = models.BigIntegerField()
    surplus_minor = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    status = models.TextField()
    payment_method = models.TextField()
    reference = models.TextField(default="")
    failure_code = models.TextField(default="")
    failure_message = models.TextField(default="")
    refunded_minor = models.BigIntegerField(default=0)
    disputed_minor = models.BigIntegerField(default=0)
    failed_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.status} {Money(self.amount, self.currency).with_sign()}"


class Refund(models.Model):
    """Some of a payment that was given back to where it came from, as Stripe has it. What it came from, in minor units, together
    its amount once it was booked: `note_minor` from the credit note (`note_id`), `credit_minor` from what stood in the
    customer's favour, `owed_minor` from a refund that came back, `loss_minor` from nothing that was there."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    invoice_id = models.UUIDField()
    payment_id = models.UUIDField()
    note_id = models.UUIDField(null=True)
    stripe_refund_id = models.TextField()
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.TextField()
    reason = models.TextField(default="")
    failure_code = models.TextField(default="")
    note_minor = models.BigIntegerField(default=0)
    credit_minor = models.BigIntegerField(default=0)
    owed_minor = models.BigIntegerField(default=0)
    loss_minor = models.BigIntegerField(default=0)
    made_at = models.DateTimeField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.status} {Money(self.amount, self.currency).with_sign()}"


class Dispute(models.Model):
    """A payer's complaint to their bank about a payment. `place`: where its money stands now; `moves`: how often that changed."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    subscription_id = models.UUIDField()
    payment_id = models.UUIDField()
    stripe_dispute_id = models.TextField()
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.TextField()
    reason = models.TextField(default="")
    place = models.TextField()
    moves = models.PositiveIntegerField(default=0)
    due_by = models.DateTimeField(null=True)
    made_at = models.DateTimeField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.status} {Money(self.amount, self.currency).with_sign()}"
