"""Bills and what members did about them. Money is in the ledger; a bill's status is nowhere: it is derived."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, models

from clustr.bills.states import can_acknowledge, can_pay
from clustr.bills.types import UTILITY_TYPES, BillType, Standing
from clustr.kit.money import Money

if TYPE_CHECKING:
    from clustr.people.models import User


class Bill(models.Model):
    """One bill: for every resident of the cluster (`user` NULL), or for one."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    bill_number = models.TextField()
    title = models.TextField()
    description = models.TextField(default="")
    type = models.TextField()
    category = models.TextField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    due_date = models.DateTimeField()
    allow_payment_after_due = models.BooleanField(default=False)
    members_at_issue_only = models.BooleanField(default=False)
    issued_at = models.DateTimeField()
    created_by = models.UUIDField()
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = models.UUIDField(null=True)
    cancel_reason = models.TextField(default="")
    version = models.PositiveIntegerField(default=1)
    terms_digest = models.BinaryField()
    utility_provider_id = models.UUIDField(null=True)
    metadata = models.JSONField(default=dict)
    is_automated = models.BooleanField(default=False)
    acknowledged_by: models.ManyToManyField[User, Acknowledgment] = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Acknowledgment", related_name="+"
    )

    def __str__(self) -> str:
        return f"{self.bill_number} {self.title}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    def is_cluster_wide(self) -> bool:
        """Whether the bill applies to every resident."""
        return self.user_id is None

    def is_utility_bill(self) -> bool:
        """Whether the member manages it: something bought from a utility."""
        return BillType(self.type) in UTILITY_TYPES

    def can_automate_payment(self) -> bool:
        """Whether a standing order could buy it: a utility bill with a known provider."""
        return self.is_utility_bill() and self.utility_provider_id is not None

    def can_be_acknowledged_by(self, user: User) -> bool:
        """Whether an acknowledgment of the bill's present terms is open to this person."""
        standing = self._standing_of(user)
        return standing is not None and can_acknowledge(standing=standing)

    def can_be_paid_by(self, user: User, *, now: datetime) -> bool:
        """Whether this person could pay on the bill now. What stands for a purchase is paid by that alone."""
        standing = self._standing_of(user)
        return (
            not self.is_utility_bill()
            and standing is not None
            and can_pay(standing=standing, allow_payment_after_due=self.allow_payment_after_due, now=now)
        )

    def _standing_of(self, user: User) -> Standing | None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT cancelled_at IS NOT NULL, due_minor, paid_minor, dispute_id IS NOT NULL, due_date,"
                " acknowledged_at IS NOT NULL FROM bills_owed WHERE cluster_id = %s AND id = %s AND member_id = %s",
                [self.cluster_id, self.id, user.id],
            )
            row = cursor.fetchone()
        return Standing(*row) if row else None


class Acknowledgment(models.Model):
    """A member's consent to one version of a bill's terms: when, to which digest, from where. Append-only."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    bill = models.ForeignKey(Bill, models.PROTECT, related_name="acknowledgments", db_constraint=False, db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    version = models.PositiveIntegerField()
    terms_digest = models.BinaryField()
    at = models.DateTimeField()
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.TextField(default="")

    def __str__(self) -> str:
        return f"version {self.version} acknowledged"


class Dispute(models.Model):
    """A member's objection to a bill, and how it ended."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    bill = models.ForeignKey(Bill, models.PROTECT, related_name="disputes", db_constraint=False, db_index=False)
    user_id = models.UUIDField()
    reason = models.TextField()
    state = models.TextField(default="open")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.UUIDField(null=True)
    note = models.TextField(default="")

    def __str__(self) -> str:
        return f"{self.state} dispute"


class Adjustment(models.Model):
    """By how much the office lowered what one member owes on a bill, and why. Append-only.

    One that `exempts` leaves nothing to owe, whatever the bill's amount becomes.
    """

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    bill = models.ForeignKey(Bill, models.PROTECT, related_name="adjustments", db_constraint=False, db_index=False)
    user_id = models.UUIDField()
    amount_minor = models.BigIntegerField()
    exempts = models.BooleanField(default=False)
    reason = models.TextField()
    by = models.UUIDField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"-{self.amount_minor}"


class MemberBill(models.Model):
    """What one member has paid on one bill; a row only once they pay. Never above what they owe."""

    pk = models.CompositePrimaryKey("cluster_id", "bill_id", "user_id")
    cluster_id = models.UUIDField()
    bill = models.ForeignKey(Bill, models.PROTECT, related_name="member_bills", db_constraint=False, db_index=False)
    user_id = models.UUIDField()
    paid_minor = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.paid_minor} paid"


class BillPayment(models.Model):
    """One movement on a bill: a payment, or a refund of one (negative). Its id is its transaction's. Append-only.

    It refers to the acknowledgment of exactly the version that was paid: the database's wall against payment without
    consent. `settles` is 1 when it paid the bill in full for a member whose amount was not lowered, -1 when it undid
    that.
    """

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    bill = models.ForeignKey(Bill, models.PROTECT, related_name="payments", db_constraint=False, db_index=False)
    user_id = models.UUIDField()
    version = models.PositiveIntegerField()
    amount_minor = models.BigIntegerField()
    settles = models.SmallIntegerField(default=0)
    refunds = models.UUIDField(null=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.amount_minor}"


class Tally(models.Model):
    """A bill's totals over every act of a transaction older than `horizon`; acts since are added when it is read."""

    bill = models.OneToOneField(Bill, models.PROTECT, primary_key=True, related_name="tally", db_constraint=False)
    cluster_id = models.UUIDField()
    horizon = models.BigIntegerField()
    collected_minor = models.BigIntegerField()
    paid_count = models.BigIntegerField()
    version = models.PositiveIntegerField()
    acknowledged_count = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.collected_minor} collected"
