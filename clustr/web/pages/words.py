"""What people read on pages: the words for statuses and types, and refusals in sentences for people, not for programs."""

from __future__ import annotations

import re

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clustr.kit.actor import PermissionMissing
from clustr.kit.errors import Refusal
from clustr.kit.sentences import for_people

Word = str | Promise

STATUS: dict[str, tuple[Word, str, str]] = {
    # a word, a tone (good, wait, warn, bad, calm), an icon
    "pending_acknowledgment": (_("To read"), "info", "book-open"),
    "acknowledged": (_("Ready to pay"), "info", "circle-check"),
    "partially_paid": (_("Part paid"), "wait", "circle-dashed"),
    "paid": (_("Paid"), "good", "circle-check"),
    "disputed": (_("In dispute"), "warn", "message-circle-question-mark"),
    "overdue": (_("Overdue"), "bad", "clock-alert"),
    "cancelled": (_("Cancelled"), "calm", "ban"),
    "unused": (_("Not paid"), "calm", "ban"),
    "kept": (_("In your wallet"), "good", "wallet"),
    "pending": (_("On its way"), "wait", "hourglass"),
    "unsent": (_("Not sent yet"), "wait", "hourglass"),
    "processing": (_("In progress"), "wait", "hourglass"),
    "unknown": (_("Being confirmed"), "wait", "hourglass"),
    "completed": (_("Done"), "good", "circle-check"),
    "failed": (_("Did not go through"), "bad", "circle-x"),
    "refunded": (_("Refunded"), "calm", "undo-2"),
    "active": (_("Active"), "good", "circle-play"),
    "paused": (_("Paused"), "wait", "circle-pause"),
    "ended": (_("Ended"), "calm", "circle-stop"),
    "retrying": (_("Trying again"), "wait", "refresh-cw"),
    "nothing_due": (_("Nothing was due"), "calm", "circle-check"),
    "unread": (_("Not paid"), "warn", "book-open"),
    "stopped": (_("Stopped"), "calm", "circle-stop"),
    "on": (_("On"), "good", "circle-play"),
    "off": (_("Off"), "calm", "power-off"),
    "waiting": (_("Trying again"), "wait", "refresh-cw"),
    "charging": (_("Charging the card"), "wait", "hourglass"),
    "buying": (_("Being bought"), "wait", "hourglass"),
    "skipped": (_("At its limit"), "warn", "gauge"),
    "open": (_("Open"), "warn", "message-circle-question-mark"),
    "withdrawn": (_("Withdrawn"), "calm", "undo-2"),
    "upheld": (_("Upheld"), "good", "circle-check"),
    "rejected": (_("Rejected"), "calm", "circle-x"),
}
"""Every status a page can show."""

TYPE: dict[str, tuple[Word, str]] = {
    "security": (_("Security"), "shield-check"),
    "maintenance": (_("Maintenance"), "wrench"),
    "service_charge": (_("Service charge"), "building-2"),
    "waste_management": (_("Waste"), "recycle"),
    "electricity": (_("Electricity"), "zap"),
    "water": (_("Water"), "droplets"),
    "electricity_utility": (_("Electricity"), "zap"),
    "water_utility": (_("Water"), "droplets"),
    "internet_utility": (_("Internet"), "wifi"),
    "cable_tv_utility": (_("Television"), "tv"),
    "other": (_("Other"), "receipt-text"),
    "deposit": (_("Deposit"), "arrow-down-left"),
    "bill_payment": (_("Bill payment"), "receipt-text"),
    "withdrawal": (_("Withdrawal"), "arrow-up-right"),
    "utility_payment": (_("Utility"), "zap"),
    "recurring_payment": (_("Recurring payment"), "repeat"),
    "refund": (_("Refund"), "undo-2"),
    "credit": (_("Credit"), "plus"),
    "transfer": (_("Transfer"), "arrow-left-right"),
    "daily": (_("Every day"), "repeat"),
    "weekly": (_("Every week"), "repeat"),
    "monthly": (_("Every month"), "repeat"),
    "quarterly": (_("Every quarter"), "repeat"),
    "yearly": (_("Every year"), "repeat"),
    "paystack": ("Paystack", "credit-card"),
    "flutterwave": ("Flutterwave", "credit-card"),
    "wallet": (_("Wallet"), "wallet"),
}
"""Types of bills and transactions, frequencies, and by whom money moves."""

WHY: dict[str, Word] = {
    "insufficient_funds": _("the wallet did not cover it"),
    "account_frozen": _("the wallet was frozen"),
    "spending_limit": _("its own limit was reached"),
    "type_limit": _("your limit for this type was reached"),
    "daily_limit": _("it was more than may be bought in a day"),
    "too_little_history": _("there were too few purchases to expect an amount"),
    "amount_out_of_range": _("the utility does not sell for this amount"),
    "customer_unknown": _("the utility does not know the number any more"),
    "not_sold": _("it is not sold any more, or the number was forgotten"),
    "vendor_unavailable": _("the utility could not be reached"),
    "vendor_refused": _("the utility refused; the money is back in your wallet"),
    "number_too_new": _("the number is too new for so much"),
    "pin_needed": _("so much needs a wallet with a PIN"),
    "card_declined": _("the card was declined"),
    "card_gone": _("the card was forgotten"),
    "card_refunded": _("what the card had paid for it was given back"),
    "card_short": _("it cost more than the card had paid for it; that is in your wallet"),
    "card_expired": _("the card has expired"),
    "card_not_covered": _("the card's account did not cover it"),
    "card_removed": _("the card was forgotten"),
    "card_not_confirmed": _("your bank asked you to confirm, and heard nothing"),
    "card_too_little": _("it is less than the card service takes: pay it from your wallet"),
    "card_too_much": _("it is more than the card service takes at once: pay it from your wallet"),
    "charged_in_part": _("the card paid a part only; it is in your wallet"),
    "provider_trouble": _("the payment service had trouble"),
}
"""Why something that runs by itself did not, as the end of a sentence."""

_RECOVERY: dict[str, Word] = {
    "retry": _("Try again, perhaps a little later."),
    "another_card": _("Use another card."),
    "other_provider": _("Pay through the other payment service."),
    "wallet": _("Pay from your wallet."),
    "contact_bank": _("Ask your bank why."),
    "contact_office": _("Ask the office of your estate."),
    "buy_again": _("Buy it again."),
    "check_number": _("Check the number."),
    "change_amount": _("Choose another amount."),
    "wait": _("Wait; nothing has to be done."),
}
"""What somebody can do about a payment that failed."""

_REFUSAL: dict[str, Word] = {
    "pin_required": _("Type your six-digit PIN to go on."),
    "pin_too_easy": _("This PIN is too easy to guess. Choose another one."),
    "old_pin_required": _("Type your present PIN too."),
    "fresh_sign_in_required": _("For your safety, confirm your password first."),
    "reset_code_invalid": _("The code is wrong, used, or too old. Ask for a new one."),
    "insufficient_funds": _("There is not enough in your wallet. Add money, or pay a part."),
    "account_frozen": _("Your wallet is frozen. Unfreeze it to spend."),
    "amount_exceeds_remaining": _("That is more than what is left to pay."),
    "bill_changed": _("The office changed this bill while you read it. Please read it again."),
    "bill_not_acknowledged": _("Read and acknowledge the bill first."),
    "bill_past_due": _("The due date has passed and this bill no longer takes payments. Ask the office."),
    "payment_under_way": _(
        "An earlier payment for this is still being confirmed. Wait for it, so that you do not pay twice."
    ),
    "request_in_progress": _("This is being done right now. Wait a moment, then look at the result."),
    "idempotency_key_reused": _("This form was sent already. Look at the result before you send it again."),
    "too_many_requests": _("That was a little fast. Wait a moment and try again."),
    "provider_unavailable": _(
        "The payment service did not answer. Nothing was charged; try again, or use another one."
    ),
    "provider_would_not": _("The payment service declined to start this payment. Try another one."),
    "provider_silent": _(
        "We have not heard from the payment service. Do not pay again yet: send this once more, it counts once."
    ),
    "provider_not_available": _("This payment service is not offered here."),
    "validation_needed": _("Check the number first, then buy."),
    "validation_pending": _("The utility has not answered yet. Try again in a moment."),
    "utility_too_fast": _("Too many checks in a short time. Wait a little."),
    "utility_pin_needed": _("For a purchase this large, set a PIN for your wallet first."),
    "too_little_history": _("There are too few purchases yet to expect an amount. Choose the same amount each time."),
    "payment_method_not_found": _("This card is not kept any more. Choose another one."),
    "card_expired": _("This card has expired. Choose another one."),
    "payment_method_missing": _("Choose which of your cards pays."),
    "start_date_passed": _("Choose today or a later day."),
    "no_period_left": _("No payment fits between these days."),
    "maximum_not_needed": _("The most a payment may take goes with paying bills, and is not less than the amount."),
    "card_declined": _("Your card was declined, or your bank wants you to confirm. Nothing was taken."),
    "change_under_way": _("An earlier change is still being confirmed. Wait a moment, then look again."),
    "collection_not_offered": _("This cannot be paid for in that way. Choose another one."),
    "preview_too_old": _("Prices are counted to the second, and this was a while ago. Look at it again."),
    "invoice_overdue": _("An invoice of yours is overdue. Pay it first, then take the plan."),
    "already_subscribed": _("You have a plan already, or Stripe's page is still open. Go on with that one."),
    "coupon_not_valid": _("This coupon is not valid for you: check how it is written."),
    "account_name_required": _("Say whose account this is: in this currency no bank tells us."),
    "bank_account_not_found": _("There is no such account at this bank. Check the bank and the number."),
    "account_name_differs": _("The bank now holds this account in another name. Check it again."),
    "busy": _("Somebody is working on the same thing. Try again in a moment."),
}
"""Sentences that are better for people than the refusal's own, which speak to programs of fields and headers."""

_VALUE: dict[str, Word] = {
    "missing": _("Please fill this in."),
    "required": _("Please fill this in."),
    "string_too_short": _("Please fill this in."),
    "string_too_long": _("This is too long."),
    "string_pattern_mismatch": _("This does not look right. Check it."),
    "int_type": _("Write whole numbers, such as 7, 1."),
    "greater_than_equal": _("This number is too small."),
    "less_than_equal": _("This number is too large."),
    "int_from_float": _("Write whole numbers, such as 7, 1."),
    "invalid_amount": _("Write an amount such as 5,000 or 5000.50."),
    "amount_is_zero": _("Write an amount above zero."),
    "unknown_choice": _("Choose one of these."),
    "enum": _("Choose one of these."),
    "literal_error": _("Choose one of these."),
    "invalid_instant": _("Choose a day."),
    "invalid_time": _("Choose a time of day."),
    "invalid_id": _("Choose one of these."),
}


_PATTERN: dict[str, Word] = {
    "account_number": _("Write the account number: digits alone, at least six."),
    "customer_id": _("Write the number as it stands on the meter or the card: letters and digits, at least four."),
    "quantity": _("Write a number, such as 100."),
}
"""What is expected of a field that has a form of its own."""
_MOST = re.compile(r"equal to ([0-9]{1,4})$")


def said_of(refusal: Refusal) -> str:
    """A refusal as a person reads it."""
    if isinstance(refusal, PermissionMissing):
        return str(_("You may not do this. Ask an administrator of your estate to let you."))
    return str(_REFUSAL.get(refusal.code) or for_people(refusal.detail))


def said_of_value(code: str, message: str, field: str = "") -> str:
    """What is wrong with one field, as a person reads it."""
    most = _MOST.search(message) if code == "less_than_equal" else None
    if most:
        return gettext("Write at most %s.") % most[1]
    if code == "string_pattern_mismatch" and field in _PATTERN:
        return str(_PATTERN[field])
    return str(_VALUE.get(code) or _REFUSAL.get(code) or for_people(message))


def said_of_recovery(option: str) -> str:
    """One of the ways out of a failed payment, as a person reads it."""
    return str(_RECOVERY[option])


def word_of(kind: str) -> Word:
    """What a type is called."""
    return TYPE[kind][0] if kind in TYPE else kind.replace("_", " ").capitalize()
