"""How the utilities room refuses."""

from __future__ import annotations

from clustr.kit.errors import Conflict, Invalid, Locked, NotFound, TooMany


class UtilityProviderNotFound(NotFound):
    """There is no such utility here, or it is not sold any more."""

    code = "utility_provider_not_found"


class UtilityAccountNotFound(NotFound):
    """There is no such saved number, or it is not yours."""

    code = "utility_account_not_found"


class ValidationNotFound(NotFound):
    """There is no such validation, or it is not yours."""

    code = "validation_not_found"


class QuoteNotFound(NotFound):
    """There is no such quote, or it is not yours."""

    code = "quote_not_found"


class PurchaseNotFound(NotFound):
    """There is no such purchase, or it is not yours."""

    code = "purchase_not_found"


class InvalidCustomer(Invalid):
    """The utility does not know this customer number."""

    code = "invalid_customer"
    field = "customer_id"


class MeterNotFound(Invalid):
    """The utility does not know this meter."""

    code = "meter_not_found"
    field = "customer_id"


class TokenNeeded(Invalid):
    """This utility delivers by token: type the token it told."""

    code = "token_needed"
    field = "token"


class AmountOutOfRange(Invalid):
    """The utility does not sell for this amount."""

    code = "amount_out_of_range"
    field = "amount"


class VendorNotAvailable(Conflict):
    """The service that sells this is not switched on here."""

    code = "vendor_not_available"


class ValidationNeeded(Conflict):
    """The number was not validated in the last minutes: validate it, and look at the name that is shown."""

    code = "validation_needed"


class ValidationPending(Conflict):
    """The utility has not yet said whose number this is."""

    code = "validation_pending"


class QuoteExpired(Conflict):
    """The quote has expired: ask for another."""

    code = "quote_expired"


class QuoteChanged(Conflict):
    """What was quoted is not what is bought now, or its price changed: ask for another quote."""

    code = "quote_changed"


class QuoteUsed(Conflict):
    """This quote was bought already."""

    code = "quote_used"


class PurchaseUnderWay(Conflict):
    """A purchase for this number is not decided yet."""

    code = "purchase_under_way"


class TokenNotReady(Conflict):
    """There is no token to be sent: the purchase has none, or is not delivered yet."""

    code = "token_not_ready"


class PurchaseNotOpen(Conflict):
    """This purchase is decided, or no person was asked about it: it goes on by itself."""

    code = "purchase_not_open"


class TokenGivenOut(Conflict):
    """This token was given out before, for another purchase for the same number: it is worth nothing now."""

    code = "token_given_out"


class UtilityLimitExceeded(Conflict):
    """This is more than may be bought within a day."""

    code = "utility_limit_exceeded"


class UtilityPinNeeded(Conflict):
    """So large a purchase needs a PIN: set one first."""

    code = "utility_pin_needed"


class UtilityAccountCooling(Locked):
    """The number was never used before: until some time has passed, nothing so large is bought for it."""

    code = "utility_account_cooling"


class UtilityTooFast(TooMany):
    """Too many purchases or validations in a short time; try again later."""

    code = "utility_too_fast"
