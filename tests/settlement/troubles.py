"""What may go wrong in a simulated life of payments: at the providers, on the wire, in our own process; and how payers end."""

from __future__ import annotations

FAULTS = (
    "charge.timeout_before", "charge.timeout_after", "charge.reset_before", "charge.reset_after", "charge.error_before",
    "charge.error_after", "charge.html_after", "charge.truncated_after", "charge.empty_after", "charge.slow_503_after",
    "charge.decline", "charge.challenge", "charge.pending",
    "verify.timeout_before", "verify.timeout_after", "verify.reset_after", "verify.error_after", "verify.html_after",
    "verify.truncated_after", "verify.empty_after", "transfer.timeout_before", "transfer.timeout_after",
    "transfer.reset_after", "transfer.error_before", "transfer.error_after", "transfer.failed", "transfer.reversed",
    "refund.timeout_before", "refund.timeout_after", "refund.reset_before", "refund.reset_after", "refund.error_before",
    "refund.error_after", "refund.html_after", "refund.truncated_after", "refund.empty_after", "refund.slow_503_after",
    "refund.failed", "refund.needs_attention", "refund.stuck",
    "webhook.drop", "webhook.duplicate", "webhook.reorder", "webhook.bad_signature", "webhook.flat",
    "webhook.flutterwave_refunds", "charge.payer_bears_fees", "checkout.abandoned_then_success",
    "list.timeout_before", "list.truncated_after",
)  # fmt: skip
FORMS = ("charge.payer_bears_fees", "webhook.flat", "webhook.flutterwave_refunds")
"""Dials of how a provider works, which its health does not turn back."""

OUTCOMES = ("success",) * 8 + ("partly", "too_much", "insufficient_funds", "do_not_honour", "abandon", "delay")

CRASHES, LAST_PLACE = 0.2, 10
"""How often the process dies in an act, and after how many of the named places it passes at most."""
