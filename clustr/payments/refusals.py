"""How the payments room refuses."""

from __future__ import annotations

from clustr.kit.errors import Conflict, NotFound


class TransactionNotFound(NotFound):
    """There is no such transaction, or it is not yours."""

    code = "transaction_not_found"


class ReferenceTaken(Conflict):
    """A payment with this reference was already recorded."""

    code = "reference_taken"


class RefundExceedsPayment(Conflict):
    """The refund is more than what is left of the payment."""

    code = "refund_exceeds_payment"


class NotRefundable(Conflict):
    """Only a completed payment can be refunded."""

    code = "not_refundable"


class TransactionNotRetryable(Conflict):
    """Only a failed payment through a provider can be tried again."""

    code = "transaction_not_retryable"


class ProviderNotAvailable(Conflict):
    """This payment provider is not switched on here."""

    code = "provider_not_available"
