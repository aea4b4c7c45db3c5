"""How settlement refuses."""

from __future__ import annotations

from clustr.kit.errors import Conflict, Invalid, NotFound


class PaymentUnderWay(Conflict):
    """What became of an earlier payment for this is not known yet; paying again could pay twice."""

    code = "payment_under_way"


class BankAccountNotFound(Invalid):
    """There is no such account at this bank."""

    code = "bank_account_not_found"
    field = "account_number"


class AccountNameRequired(Invalid):
    """Nobody says whose bank accounts in this currency are: name the holder."""

    code = "account_name_required"
    field = "account_name"


class NoReceipt(Conflict):
    """There is a receipt only of what was completed."""

    code = "no_receipt"


class ReceiptNotFound(NotFound):
    """There is no receipt with this code."""

    code = "receipt_not_found"
