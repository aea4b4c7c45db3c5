"""How standing orders refuse."""

from __future__ import annotations

from clustr.kit.errors import Conflict, Invalid, NotFound


class RecurringPaymentNotFound(NotFound):
    """There is no such recurring payment, or it is not yours."""

    code = "recurring_payment_not_found"


class RecurringPaymentNotActive(Conflict):
    """The recurring payment is not active."""

    code = "recurring_payment_not_active"


class RecurringPaymentNotPaused(Conflict):
    """The recurring payment is not paused."""

    code = "recurring_payment_not_paused"


class RecurringPaymentHeld(Conflict):
    """The office paused the recurring payment, and has not let it go yet."""

    code = "recurring_payment_held"


class RecurringPaymentNotHeld(Conflict):
    """The office does not hold the recurring payment."""

    code = "recurring_payment_not_held"


class RecurringPaymentOver(Conflict):
    """The recurring payment was cancelled, or its last period has run."""

    code = "recurring_payment_over"


class TooManyRecurringPayments(Conflict):
    """You have as many active and paused recurring payments as one member may have."""

    code = "too_many_recurring_payments"


class StartDatePassed(Invalid):
    """The first date lies before today."""

    code = "start_date_passed"
    field = "start_date"


class NoPeriodLeft(Invalid):
    """The last date lies before the next run."""

    code = "no_period_left"
    field = "end_date"


class BillTypeNotPayable(Invalid):
    """Recurring payments pay the estate's bills; what is bought from a utility is automated under utilities."""

    code = "bill_type_not_payable"
    field = "bill_type"


class MaximumNotNeeded(Invalid):
    """A maximum belongs to paying bills of a type, and is not less than the amount."""

    code = "maximum_not_needed"
    field = "max_amount"


class PaymentMethodMissing(Invalid):
    """A recurring payment from a card names the card; one from the wallet names none."""

    code = "payment_method_missing"
    field = "payment_method_id"


class CardExpired(Invalid):
    """The card has expired."""

    code = "card_expired"
    field = "payment_method_id"


class RecurringPaymentUnderWay(Conflict):
    """Its card is being charged, and what becomes of that is not known yet."""

    code = "recurring_payment_under_way"
