"""Every decline that a provider documents has a type, and every type something to say to a resident."""

from __future__ import annotations

import re

import pytest

from clustr.payments.providers.declines import (
    CODES,
    EXPLANATIONS,
    OUTCOME_UNKNOWN,
    RECOVERY_TEXTS,
    decline_type,
    failure_of,
    leaves_outcome_unknown,
    purchase_failure_of,
    waiting_of,
)
from clustr.payments.providers.nouns import Outcome
from clustr.payments.providers.paystack_wire import charge_truth
from clustr.payments.types import PaymentErrorType, RecoveryOption
from clustr.web.pages.words import said_of_recovery
from tests.payments.providers.paystack_wire import PaystackWire
from tests.payments.providers.shared import needs_shared, sample
from tests.payments.providers.wires import FakeCharge, ngn, reference

T = PaymentErrorType
FINER = {"DECLINED_CARD": {T.DECLINED_CARD, T.FRAUD_SUSPECTED, T.LIMIT_EXCEEDED}}
"""Where we tell apart what the table of codes has in one category."""
V4 = [
    "already_reversed",
    "blocked_first_use",
    "cannot_complete_violation_of_law",
    "cannot_verify_pin",
    "do_not_honor",
    "error",
    "exceeds_approval_amount_limit",
    "exceeds_withdrawal_limit",
    "expired_card",
    "file_temporarily_not_available",
    "incorrect_pin",
    "insufficient_funds",
    "invalid_account_number",
    "invalid_amount",
    "invalid_cvv",
    "invalid_merchant",
    "invalid_restricted_service_code",
    "invalid_transaction",
    "issuer_unavailable",
    "lost_card_pick_up",
    "negative_cvv_result",
    "no_action_taken",
    "no_checking_account",
    "no_reason_to_decline",
    "no_savings_account",
    "no_such_issuer",
    "partial_approval",
    "pick_up_card_fraud",
    "pick_up_card_no_fraud",
    "pin_data_required",
    "pin_entry_tries_exceeded",
    "reenter_transaction",
    "refer_to_issuer",
    "refer_to_issuer_special_condition",
    "security_violation",
    "stolen_card_pick_up",
    "suspected_fraud",
    "system_error",
    "transaction_does_not_fulfill_aml_req",
    "transaction_not_permitted_card",
    "transaction_not_permitted_terminal",
    "unable_to_locate_record_in_file",
    "unable_to_route_transaction",
    "unsolicited_reversal",
]
TEXTS = {
    "Insufficient Funds": T.INSUFFICIENT_FUNDS,
    "Insufficient funds": T.INSUFFICIENT_FUNDS,
    "Your balance is not enough to fulfil this request": T.INSUFFICIENT_FUNDS,
    "Expired card": T.EXPIRED_CARD,
    "Invalid card number": T.INVALID_CARD,
    "Account Closed": T.INVALID_CARD,
    "No such issuer": T.INVALID_CARD,
    "Token Authorization Not Successful. Kindly contact support": T.INVALID_CARD,
    "Authorization code is invalid": T.INVALID_CARD,
    "Email does not match Authorization code. Authorization may be inactive or belong to a different email.": T.INVALID_CARD,
    "Declined": T.DECLINED_CARD,
    "Transaction declined. Please use the test card.": T.DECLINED_CARD,
    "Incorrect PIN": T.DECLINED_CARD,
    "Incorrect Date of Birth": T.DECLINED_CARD,
    "Do Not Honour": T.DECLINED_CARD,
    "Do not honor": T.DECLINED_CARD,
    "Restricted Card Retain Card": T.DECLINED_CARD,
    "Function Not Permitted to Cardholder": T.DECLINED_CARD,
    "Function Not Permitted to Terminal": T.PROVIDER_ERROR,
    "Card Declined (AVS)": T.DECLINED_CARD,
    "Card Fraudulent": T.FRAUD_SUSPECTED,
    "Payout was made to a blacklisted account number": T.FRAUD_SUSPECTED,
    "Invalid Transaction": T.PROVIDER_ERROR,
    "Transaction Error": T.PROVIDER_ERROR,
    "Error occured while enrolling you for OTP!": T.DECLINED_CARD,
    "An error occurred while processing the request": T.PROVIDER_ERROR,
    "Duplicate Transaction ID": T.PROVIDER_ERROR,
    "Access Denied": T.DECLINED_CARD,
    "Auth Data Error": T.DECLINED_CARD,
    "Received invalid response from remote entity": T.NETWORK_ERROR,
    "An invalid response was received from remote host": T.NETWORK_ERROR,
    "Issuer or switch inoperative": T.NETWORK_ERROR,
    "Transaction in progress": T.TIMEOUT_ERROR,
    "Transaction timed out": T.TIMEOUT_ERROR,
    "Charge attempt cannot be fulfilled until 30 minutes": T.LIMIT_EXCEEDED,
    "DISBURSE FAILED: You can only spend NGN 1000000.00 at once": T.LIMIT_EXCEEDED,
    "DISBURSE FAILED: A fatal error occured while proccesing your request.": T.PROVIDER_ERROR,
    "DISBURSE FAILED: Unable to obtain user details": T.PROVIDER_ERROR,
    "beneficiary_name is required": T.PROVIDER_ERROR,
    "Invalid key": T.AUTHENTICATION_ERROR,
    "Authorization required": T.AUTHENTICATION_ERROR,
    "merchant secret key required": T.AUTHENTICATION_ERROR,
    "something nobody wrote down": T.UNKNOWN,
    "": T.UNKNOWN,
}


@pytest.mark.parametrize(("said", "type"), TEXTS.items())
def test_it_works(said: str, type: PaymentErrorType) -> None:
    assert decline_type(text=said) is type
    assert decline_type(text=said.upper()) is type


@pytest.mark.parametrize("code", V4)
def test_every_code_of_the_newer_list_is_known(code: str) -> None:
    assert decline_type(code=code) is not T.UNKNOWN


@needs_shared
def test_every_documented_code_has_the_type_that_fits() -> None:
    rows = sample("paystack/gateway-response-codes.json")["codes"]
    assert len(rows) > 100
    for row in rows:
        category, code, number = row["suggested_category"], row["gateway_response_code"], row["response_code"]
        if category == "APPROVED":
            continue
        fits = FINER.get(category, {T(category)})
        assert decline_type(code=code) in fits, code
        assert decline_type(number=number) in fits, number
        for read in ({"code": code}, {"number": number}):
            assert leaves_outcome_unknown(**read) == row["outcome_unknown"], row
        assert code in CODES


@pytest.mark.parametrize("code", sorted(OUTCOME_UNKNOWN))
def test_a_failure_that_came_too_late_to_know_is_unknown(code: str) -> None:
    shape = PaystackWire().shape(FakeCharge(reference(), ngn(100), "declined", id=1))
    truth = charge_truth({**shape, "gateway_response_code": code})
    assert (truth.outcome, truth.decline) == (Outcome.UNKNOWN, None)


@pytest.mark.parametrize("type", PaymentErrorType)
def test_every_type_says_something_to_a_resident(type: PaymentErrorType) -> None:
    failure = failure_of(type=type)
    assert failure["type"] == type.value
    assert failure["message"].endswith(".")
    assert failure["recovery_options"]
    assert failure["retryable"] == (RecoveryOption.RETRY in EXPLANATIONS[type].recovery_options)
    assert all(said_of_recovery(option).endswith(".") for option in failure["recovery_options"])


def test_nobody_is_told_to_fill_a_wallet_from_it() -> None:
    for type in PaymentErrorType:
        assert "wallet" not in failure_of(type=type, into_wallet=True)["recovery_options"]
    assert "wallet" in failure_of(type=T.EXPIRED_CARD)["recovery_options"]


OF_UTILITIES = {
    T.INVALID_CUSTOMER: (False, ["check_number", "contact_office"]),
    T.METER_NOT_FOUND: (False, ["check_number", "contact_office"]),
    T.VENDOR_UNAVAILABLE: (True, ["buy_again", "contact_office"]),
    T.AMOUNT_OUT_OF_RANGE: (False, ["change_amount", "buy_again"]),
    T.LIMIT_EXCEEDED: (True, ["change_amount", "buy_again"]),
}
WAITED_FOR = (T.VENDOR_PENDING, T.VENDOR_UNAVAILABLE, T.TOKEN_DELAYED)


@pytest.mark.parametrize("type", list(T))
def test_what_a_utility_refused_is_told_without_a_word_of_cards(type: T) -> None:
    failure = purchase_failure_of(type=type)
    assert failure["type"] == type
    said = failure["message"] + " ".join(
        RECOVERY_TEXTS[RecoveryOption(option)] for option in failure["recovery_options"]
    )
    assert not {"card", "bank", "wallet", "provider"} & set(re.findall(r"[a-z]+", said.lower())), said
    if type in OF_UTILITIES:
        assert (failure["retryable"], failure["recovery_options"]) == OF_UTILITIES[type]
        assert len({purchase_failure_of(type=other)["message"] for other in OF_UTILITIES}) == len(OF_UTILITIES)


@pytest.mark.parametrize("type", WAITED_FOR)
def test_what_is_waited_for_is_told_in_words_of_its_own(type: T) -> None:
    waiting = waiting_of(type=type)
    assert (waiting["retryable"], waiting["recovery_options"][0]) == (False, "wait")
    assert len({waiting_of(type=other)["message"] for other in WAITED_FOR}) == len(WAITED_FOR)
