"""How an attempt to pay can end, in both providers' words, and the documented test cards that decide it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """`pays`: parts of what was asked for, in per cent; 0 for a decline. Codes as in Paystack's table of gateway responses."""

    word: str
    label: str
    paystack: str
    flutterwave: str
    response_code: str | None
    gateway_code: str
    pays: int = 0

    @property
    def is_success(self) -> bool:
        return self.pays > 0


_ALL = (
    Outcome("success", "In full", "Successful", "Approved by Financial Institution", "00", "approved", 100),
    Outcome("partly", "Half", "Successful", "Approved by Financial Institution", "00", "approved", 50),
    Outcome("too_much", "Too much", "Successful", "Approved by Financial Institution", "00", "approved", 150),
    Outcome(
        "insufficient_funds",
        "Insufficient funds",
        "Insufficient Funds",
        "Insufficient Funds",
        "51",
        "insufficient_funds",
    ),
    Outcome("expired_card", "Expired card", "Expired Card", "Expired Card", "54", "expired_card"),
    Outcome("do_not_honour", "Do not honour", "Do Not Honour", "Do Not Honour", "05", "do_not_honor"),
    Outcome("declined", "Declined", "Declined", "Card Declined", "100", "declined"),
    Outcome("incorrect_pin", "Incorrect PIN", "Incorrect PIN", "Incorrect PIN", "55", "invalid_pin"),
    Outcome(
        "invalid_card",
        "Invalid card number",
        "Invalid card number",
        "Invalid card number",
        "14",
        "invalid_account_number",
    ),
    Outcome(
        "restricted_card", "Restricted card", "Restricted Card", "Restricted Card, Retain Card", "62", "restricted_card"
    ),
    Outcome("fraud", "Suspected fraud", "Suspected Fraud", "Card Fraudulent", "59", "suspected_fraud"),
    Outcome(
        "not_permitted",
        "Not permitted",
        "Transaction not permitted to cardholder",
        "Function Not Permitted to Cardholder",
        "57",
        "transaction_not_permitted_cardholder",
    ),
    Outcome(
        "bank_unreachable",
        "Bank cannot be reached",
        "Issuer or switch inoperative",
        "Issuer or Switch Inoperative",
        "91",
        "issuer_or_switch_inoperative",
    ),
    Outcome(
        "invalid_transaction",
        "Invalid transaction",
        "Invalid Transaction",
        "Invalid Transaction",
        "12",
        "invalid_transaction",
    ),
    Outcome("error", "System malfunction", "System malfunction", "Transaction Error", "96", "system_malfunction"),
    Outcome(
        "token_not_generated",
        "Token not generated",
        "Token Authorization Not Successful",
        "Payment token retrieval failed",
        "06",
        "processing_error",
    ),
)
OUTCOMES = {outcome.word: outcome for outcome in _ALL}
DECLINES = tuple(outcome.word for outcome in _ALL if not outcome.is_success)
# Besides: how a checkout can go on without an end.
OPEN_ENDS = ("abandon", "delay", "pending")


@dataclass(frozen=True, slots=True)
class TestCard:
    """A documented number. `asks`: what the holder must enter after it, and `expects` the right entry."""

    number: str
    outcome: str = "success"
    reusable: bool = True
    asks: str = ""
    expects: str = ""
    refund: str = ""


_CARDS = (
    # Paystack, docs/payments/test-payments
    TestCard("4084084084084081"),
    TestCard("507850785078507812", asks="PIN", expects="1111"),
    TestCard("5060666666666666666", asks="PIN and one-time password, without a space", expects="1234123456"),
    TestCard("507850785078507804", asks="PIN and one-time password, without a space", expects="0000123456"),
    TestCard("5192602720584796", asks="bank"),
    TestCard("4084080000005408", outcome="declined"),
    TestCard("507850785078507853", outcome="token_not_generated"),
    TestCard("4084080000670037", outcome="insufficient_funds"),
    TestCard("4084080000671803", refund="failed"),
    TestCard("4084080000671902", refund="needs-attention"),
    # Flutterwave, docs/testing
    TestCard("5531886652142950", asks="PIN and one-time password, without a space", expects="331012345"),
    TestCard("5438898014560229", asks="bank"),
    TestCard("4187427415564246", asks="bank"),
    TestCard("4556052704172643"),
    TestCard("5061460410120223210", asks="PIN", expects="3310"),
    TestCard("5061460166976054667"),
    TestCard("5377283645077450"),
    TestCard("5640003941605320"),
    TestCard("5640007065275380", outcome="insufficient_funds"),
    TestCard("5143010522339965", outcome="do_not_honour"),
    TestCard("5590131743294314", outcome="fraud"),
    TestCard("5258585922666506", outcome="insufficient_funds"),
    TestCard("5551651630381384", outcome="restricted_card"),
    TestCard("5551658157653822", outcome="invalid_transaction"),
    TestCard("5258582054729020", outcome="not_permitted"),
    TestCard("5258588264565682", outcome="not_permitted"),
    TestCard("5258589130149016", outcome="error"),
    TestCard("5399834697894723", outcome="incorrect_pin"),
)
TEST_CARDS = {card.number: card for card in _CARDS}

# What a wrong one-time password means (Flutterwave); everything else that is wrong is a wrong PIN.
WRONG_ENTRIES = {"5548": "incorrect_pin", "6648": "insufficient_funds"}


def brand_of(number: str) -> str:
    """visa, verve, mastercard or afrigo, by the first digits."""
    if number.startswith("4"):
        return "visa"
    if number.startswith(("506", "507")):
        return "verve"
    return "afrigo" if number.startswith("564") else "mastercard"
