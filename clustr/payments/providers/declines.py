"""Why providers decline: their codes and texts as types of ours, and what each type means for a resident."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop

from clustr.payments.types import PaymentErrorType, RecoveryOption

T = PaymentErrorType
R = RecoveryOption

_WORDS: dict[PaymentErrorType, str] = {
    T.INSUFFICIENT_FUNDS: "insufficient_funds",
    T.EXPIRED_CARD: "expired_card",
    T.INVALID_CARD: """
        account_closed card_replaced cvv_verification_failed invalid_account_number invalid_cvv invalid_from_date
        negative_cvv_result no_card_record no_checking_account no_credit_account no_investment_account
        no_savings_account no_such_issuer no_universal_account
    """,
    T.LIMIT_EXCEEDED: """
        daily_limit_exceeded exceeds_approval_amount_limit exceeds_withdrawal_limit withdrawal_frequency_exceeded
    """,
    T.FRAUD_SUSPECTED: """
        call_acquirer_security hard_capture lost_card_pick_up pick_up_card_fraud pickup_lost_card pickup_stolen_card
        security_violation stolen_card_pick_up suspected_fraud transaction_does_not_fulfill_aml_req
    """,
    T.DECLINED_CARD: """
        blocked_by_cardholder blocked_first_use cannot_complete_violation_of_law cannot_verify_pin
        card_blocked_first_use contact_acquirer customer_cancellation customer_dispute declined do_not_honor
        honour_with_identification identification_cross_check_required identification_required incorrect_pin
        invalid_pin invalid_restricted_service_code no_reason_to_decline pick_up_card_no_fraud
        pickup_card pickup_card_special pin_data_required pin_entry_tries_exceeded pin_tries_exceeded refer_to_card_issuer
        refer_to_card_issuer_special refer_to_issuer refer_to_issuer_special_condition restricted_card
        transaction_not_permitted_card transaction_not_permitted_cardholder
    """,
    T.NETWORK_ERROR: """
        bank_not_supported bank_unavailable credit_issuer_unavailable cutoff_in_progress issuer_or_switch_inoperative
        issuer_unavailable routing_destination_not_found unable_to_route_transaction
    """,
    T.TIMEOUT_ERROR: "advice_received_too_late processing response_received_too_late transaction_timeout",
    T.PROVIDER_ERROR: """
        already_reversed approved_update_track_3 completed_partially duplicate_file_update duplicate_transmission error
        file_temporarily_not_available file_temporarily_unavailable file_update_field_edit_error
        file_update_not_successful file_update_not_supported format_error function_not_supported invalid_amount
        invalid_merchant invalid_response invalid_transaction legal_violation no_action_taken original_amount_incorrect
        partial_approval
        pin_cryptographic_error previous_message_inconsistent processing_error reconcile_error reenter_transaction
        suspected_malfunction system_error system_malfunction transaction_not_permitted_terminal
        unable_to_locate_previous_message unable_to_locate_record unable_to_locate_record_in_file
        unable_to_verify_pin unacceptable_transaction_fee unsolicited_reversal unsupported_currency
        verification_no_decline vip_approval
    """,
}
CODES: dict[str, PaymentErrorType] = {code: type for type, codes in _WORDS.items() for code in codes.split()}
"""The decline codes that providers document, in snake case."""

OUTCOME_UNKNOWN = frozenset([*_WORDS[T.TIMEOUT_ERROR].split(), "duplicate_transmission"])
"""Codes that say that the answer came too late: money may have moved, whatever the status beside them says."""

_NUMBERS: dict[PaymentErrorType, str] = {
    T.INSUFFICIENT_FUNDS: "51",
    T.EXPIRED_CARD: "33 54 101",
    T.INVALID_CARD: "14 15 39 42 44 45 52 53 56 82 111 122 125 187 189",
    T.LIMIT_EXCEEDED: "61 65",
    T.FRAUD_SUSPECTED: "34 37 41 43 59 63 66 67",
    T.DECLINED_CARD: "01 02 04 05 07 08 17 18 35 36 38 46 47 55 57 60 62 75 78 9G 001 100 106 117 119 130 200",
    T.NETWORK_ERROR: "31 80 90 91 92 912",
    T.TIMEOUT_ERROR: "09 68 69 97 911",
    T.PROVIDER_ERROR: """
        03 06 10 11 12 13 16 19 20 21 22 23 24 25 26 27 28 29 30 32 40 58 64 76 77 81 83 85 93 94 95 96 002 109 110 115 181 183
    """,
}
NUMBERS: dict[str, PaymentErrorType] = {number: type for type, held in _NUMBERS.items() for number in held.split()}
"""ISO 8583 response codes, and the three-digit ones of one card scheme."""
NUMBERS_UNKNOWN = frozenset([*_NUMBERS[T.TIMEOUT_ERROR].split(), "94"])

TEXTS: tuple[tuple[str, PaymentErrorType], ...] = (
    ("insufficient", T.INSUFFICIENT_FUNDS),
    ("balance is not enough", T.INSUFFICIENT_FUNDS),
    ("expired", T.EXPIRED_CARD),
    ("invalid card", T.INVALID_CARD),
    ("cvv", T.INVALID_CARD),
    ("no such issuer", T.INVALID_CARD),
    ("no such card", T.INVALID_CARD),
    ("invalid account", T.INVALID_CARD),
    ("account closed", T.INVALID_CARD),
    ("wrong token", T.INVALID_CARD),
    ("invalid token", T.INVALID_CARD),
    ("authorization code", T.INVALID_CARD),
    ("authorization may be inactive", T.INVALID_CARD),
    ("token not generated", T.INVALID_CARD),
    ("token authorization not successful", T.INVALID_CARD),
    ("blacklisted", T.FRAUD_SUSPECTED),
    ("fraud", T.FRAUD_SUSPECTED),
    ("stolen", T.FRAUD_SUSPECTED),
    ("lost card", T.FRAUD_SUSPECTED),
    ("security violation", T.FRAUD_SUSPECTED),
    ("charge attempt cannot be fulfilled", T.LIMIT_EXCEEDED),
    ("limit", T.LIMIT_EXCEEDED),
    ("you can only spend", T.LIMIT_EXCEEDED),
    ("timeout", T.TIMEOUT_ERROR),
    ("timed out", T.TIMEOUT_ERROR),
    ("transaction in progress", T.TIMEOUT_ERROR),
    ("pending", T.TIMEOUT_ERROR),
    ("please contact support", T.PROVIDER_ERROR),
    ("inoperative", T.NETWORK_ERROR),
    ("unable to route", T.NETWORK_ERROR),
    ("issuer unavailable", T.NETWORK_ERROR),
    ("invalid response", T.NETWORK_ERROR),
    ("not permitted to terminal", T.PROVIDER_ERROR),
    ("permitted to terminal", T.PROVIDER_ERROR),
    ("do not hono", T.DECLINED_CARD),
    ("declined", T.DECLINED_CARD),
    ("not permitted", T.DECLINED_CARD),
    ("restricted", T.DECLINED_CARD),
    ("incorrect pin", T.DECLINED_CARD),
    ("pick up", T.DECLINED_CARD),
    ("retain card", T.DECLINED_CARD),
    ("access denied", T.DECLINED_CARD),
    ("incorrect date of birth", T.DECLINED_CARD),
    ("otp", T.DECLINED_CARD),
    ("auth data error", T.DECLINED_CARD),
    ("invalid key", T.AUTHENTICATION_ERROR),
    ("authorization required", T.AUTHENTICATION_ERROR),
    ("secret key required", T.AUTHENTICATION_ERROR),
    ("disburse failed", T.PROVIDER_ERROR),
    ("error", T.PROVIDER_ERROR),
    ("malfunction", T.PROVIDER_ERROR),
    ("invalid transaction", T.PROVIDER_ERROR),
    ("duplicate transaction", T.PROVIDER_ERROR),
    ("is required", T.PROVIDER_ERROR),
    ("must be", T.PROVIDER_ERROR),
    ("is invalid", T.PROVIDER_ERROR),
    ("not supported", T.PROVIDER_ERROR),
)
"""What a text contains, in lower case; the first that fits counts."""


def decline_type(*, code: str = "", number: str = "", text: str = "") -> PaymentErrorType:
    """The type of a decline: by its code, else its number, else its text."""
    if code.strip().lower() in CODES:
        return CODES[code.strip().lower()]
    if number.strip().upper() in NUMBERS:
        return NUMBERS[number.strip().upper()]
    said = " ".join(text.lower().replace("_", " ").split())
    return next((type for part, type in TEXTS if part in said), T.UNKNOWN)


def leaves_outcome_unknown(*, code: str = "", number: str = "", text: str = "") -> bool:
    """Whether what was said beside a failure means that nobody knows: then it is no failure."""
    if code.strip().lower() in CODES:
        return code.strip().lower() in OUTCOME_UNKNOWN
    if number.strip().upper() in NUMBERS:
        return number.strip().upper() in NUMBERS_UNKNOWN
    return decline_type(text=text) is T.TIMEOUT_ERROR


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a resident reads, whether the same again can help, and what else can be done, the best first."""

    message: str
    retryable: bool
    recovery_options: tuple[RecoveryOption, ...]


EXPLANATIONS: dict[PaymentErrorType, Explanation] = {
    T.INSUFFICIENT_FUNDS: Explanation(
        "There is not enough money on the card or account.", True, (R.RETRY, R.ANOTHER_CARD, R.WALLET)
    ),
    T.INVALID_CARD: Explanation(
        "The card or account details were not accepted.", False, (R.ANOTHER_CARD, R.OTHER_PROVIDER, R.WALLET)
    ),
    T.EXPIRED_CARD: Explanation("The card has expired.", False, (R.ANOTHER_CARD, R.WALLET)),
    T.DECLINED_CARD: Explanation(
        "The bank declined the payment.", False, (R.CONTACT_BANK, R.ANOTHER_CARD, R.OTHER_PROVIDER, R.WALLET)
    ),
    T.NETWORK_ERROR: Explanation("The bank could not be reached.", True, (R.RETRY, R.OTHER_PROVIDER, R.WALLET)),
    T.PROVIDER_ERROR: Explanation(
        "The payment service had a problem.", True, (R.RETRY, R.OTHER_PROVIDER, R.CONTACT_OFFICE)
    ),
    T.TIMEOUT_ERROR: Explanation(
        "The bank has not answered yet. Do not pay again before this payment is decided.", False, (R.CONTACT_OFFICE,)
    ),
    T.AUTHENTICATION_ERROR: Explanation(
        "The payment service is not set up correctly.", False, (R.OTHER_PROVIDER, R.CONTACT_OFFICE)
    ),
    T.LIMIT_EXCEEDED: Explanation(
        "The payment is above a limit of the card or bank.", True, (R.CONTACT_BANK, R.RETRY, R.ANOTHER_CARD, R.WALLET)
    ),
    T.FRAUD_SUSPECTED: Explanation(
        "The bank stopped the payment to protect the card's owner.", False, (R.CONTACT_BANK, R.ANOTHER_CARD)
    ),
    T.NAME_NEEDED: Explanation(
        "Nobody could say whose bank account this is. Send it again with the name of the account's holder.",
        False,
        (R.CONTACT_OFFICE,),
    ),
    T.INVALID_CUSTOMER: Explanation(
        "The utility does not know this customer number.", False, (R.CHECK_NUMBER, R.CONTACT_OFFICE)
    ),
    T.METER_NOT_FOUND: Explanation("The utility does not know this meter.", False, (R.CHECK_NUMBER, R.CONTACT_OFFICE)),
    T.VENDOR_UNAVAILABLE: Explanation("The utility could not sell this.", False, (R.BUY_AGAIN, R.CONTACT_OFFICE)),
    T.VENDOR_PENDING: Explanation(
        "The utility has not answered yet. Do not buy again before this purchase is decided.", False, (R.WAIT,)
    ),
    T.AMOUNT_OUT_OF_RANGE: Explanation(
        "The utility does not sell for this amount.", False, (R.CHANGE_AMOUNT, R.BUY_AGAIN)
    ),
    T.TOKEN_DELAYED: Explanation(
        "The utility has sold it, and its token is late. It comes by itself.", False, (R.WAIT, R.CONTACT_OFFICE)
    ),
    T.UNKNOWN: Explanation(
        "The payment did not go through.", True, (R.RETRY, R.ANOTHER_CARD, R.OTHER_PROVIDER, R.CONTACT_OFFICE)
    ),
}


RECOVERY_TEXTS: dict[RecoveryOption, str] = {
    R.RETRY: gettext_noop("Try again in ClustR."),
    R.ANOTHER_CARD: gettext_noop("Use another card."),
    R.OTHER_PROVIDER: gettext_noop("Pay through the other payment provider."),
    R.WALLET: gettext_noop("Pay from your wallet."),
    R.CONTACT_BANK: gettext_noop("Ask your bank."),
    R.CONTACT_OFFICE: gettext_noop("Ask the office of your estate."),
    R.BUY_AGAIN: gettext_noop("Buy it again, perhaps a little later."),
    R.CHECK_NUMBER: gettext_noop("Check the number, and buy for the right one."),
    R.CHANGE_AMOUNT: gettext_noop("Buy for another amount."),
    R.WAIT: gettext_noop("Wait; nothing has to be done."),
}
"""What can be done, as notices say it."""


_OF_PAYOUTS: dict[PaymentErrorType, str] = {
    T.INVALID_CARD: gettext_noop(
        "There is no such bank account, or it takes no transfers. Check the bank and the number."
    ),
    T.INSUFFICIENT_FUNDS: gettext_noop("The transfer could not be paid out at the moment."),
    T.DECLINED_CARD: gettext_noop("The bank declined the transfer."),
    T.LIMIT_EXCEEDED: gettext_noop("The transfer is above a limit of the bank."),
}
"""What is said of money that was to go to a bank account, where no card is concerned."""


def payout_failure_of(*, type: PaymentErrorType) -> dict[str, Any]:
    """The `failure` of a payout: its money is back where it came from, and can be sent again."""
    fixed = type in (T.INVALID_CARD, T.AUTHENTICATION_ERROR, T.FRAUD_SUSPECTED, T.NAME_NEEDED)
    ours = type in (T.AUTHENTICATION_ERROR, T.NAME_NEEDED)
    options = (R.CONTACT_OFFICE,) if ours else (R.CONTACT_BANK, R.CONTACT_OFFICE)
    return {
        "type": type.value,
        "message": _OF_PAYOUTS.get(type, EXPLANATIONS[type].message),
        "retryable": not fixed,
        "recovery_options": [option.value for option in (options if fixed else (R.RETRY, *options))],
    }


_NOT_SOLD = Explanation("The utility could not sell this.", True, (R.BUY_AGAIN, R.CONTACT_OFFICE))
_OF_PURCHASES: dict[PaymentErrorType, Explanation] = {
    T.LIMIT_EXCEEDED: Explanation(
        "It is more than the utility sells at once, or within a day.", True, (R.CHANGE_AMOUNT, R.BUY_AGAIN)
    ),
    T.FRAUD_SUSPECTED: Explanation(
        "The utility stopped the purchase to protect its customer.", False, (R.CHECK_NUMBER, R.CONTACT_OFFICE)
    ),
    T.AUTHENTICATION_ERROR: Explanation(
        "The service that sells utilities is not set up correctly.", False, (R.CONTACT_OFFICE,)
    ),
} | {type: EXPLANATIONS[type] for type in (T.INVALID_CUSTOMER, T.METER_NOT_FOUND, T.AMOUNT_OUT_OF_RANGE)}
"""What is said of what a utility refused to sell, where no card is concerned; of the rest, that it could not sell."""

_WAITING: dict[PaymentErrorType, Explanation] = {
    T.VENDOR_PENDING: EXPLANATIONS[T.VENDOR_PENDING],
    T.VENDOR_UNAVAILABLE: Explanation(
        "The utility cannot be reached. It is tried again by itself, and given up after half an hour.", False, (R.WAIT,)
    ),
    T.TOKEN_DELAYED: EXPLANATIONS[T.TOKEN_DELAYED],
}
"""What is said of a purchase that is not decided yet."""


def purchase_failure_of(*, type: PaymentErrorType) -> dict[str, Any]:
    """The `failure` of a purchase from a utility: its money is back in the wallet. Where it is `retryable`, buying the same
    again can help."""
    return _shown(type, _OF_PURCHASES.get(type, _NOT_SOLD))


def waiting_of(*, type: PaymentErrorType) -> dict[str, Any]:
    """Why a purchase from a utility is not decided yet, shaped as a failure is, which it is not."""
    return _shown(type, _WAITING.get(type, EXPLANATIONS[T.VENDOR_PENDING]))


def _shown(type: PaymentErrorType, explanation: Explanation) -> dict[str, Any]:
    return {
        "type": type.value,
        "message": explanation.message,
        "retryable": explanation.retryable,
        "recovery_options": [option.value for option in explanation.recovery_options],
    }


def failure_of(*, type: PaymentErrorType, into_wallet: bool = False) -> dict[str, Any]:
    """The `failure` of a transaction, for a decline or a refusal of this type. What the provider said is not in it. Money
    that was to go `into_wallet` cannot be paid from there instead."""
    explanation = EXPLANATIONS[type]
    options = [option for option in explanation.recovery_options if not (into_wallet and option is R.WALLET)]
    return {
        "type": type.value,
        "message": explanation.message,
        "retryable": explanation.retryable,
        "recovery_options": [option.value for option in options],
    }
