"""How the payments room refuses."""

from __future__ import annotations

from clustr.kit.errors import Conflict, Invalid, NotFound, Unavailable


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
    """This cannot be refunded: it is not completed, or it is no payment to the estate."""

    code = "not_refundable"


class NoSourceToRefund(Conflict):
    """No provider took this payment, or not for us: give it back to the wallet."""

    code = "no_source_to_refund"


class PaymentDisputed(Conflict):
    """The payer's bank has not decided yet whether it takes this payment back: it would be given back twice."""

    code = "payment_disputed"


class NothingHeld(Conflict):
    """Nothing of this estate is held back."""

    code = "nothing_held"


class BooksDoNotHold(Conflict):
    """The estate's books do not hold still."""

    code = "books_do_not_hold"


class RefundUnderWay(Conflict):
    """A refund to the source is under way; what becomes of it must be known first."""

    code = "refund_under_way"


class TransactionNotRetryable(Conflict):
    """Only a failed payment through a provider can be tried again."""

    code = "transaction_not_retryable"


class ProviderNotAvailable(Conflict):
    """This payment provider is not switched on here."""

    code = "provider_not_available"


class ProviderUnavailable(Unavailable):
    """The payment provider could not be reached; nothing was started."""

    code = "provider_unavailable"


class ProviderSilent(Unavailable):
    """The payment provider did not answer in time; what became of it will be found out."""

    code = "provider_silent"


class ProviderWouldNot(Unavailable):
    """The payment provider refused to start this; nothing was started."""

    code = "provider_would_not"


class PaymentMethodNotFound(NotFound):
    """There is no such saved payment method, or it is not yours."""

    code = "payment_method_not_found"


class CallbackNotAllowed(Invalid):
    """Payers are not sent back to that address; only to those an operator allowed."""

    code = "callback_not_allowed"
    field = "callback_url"


class CaseNotFound(NotFound):
    """There is no such case here."""

    code = "case_not_found"


class CaseClosed(Conflict):
    """The case was closed already."""

    code = "case_closed"
