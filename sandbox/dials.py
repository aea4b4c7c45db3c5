"""The fault dials: their names, what they do, and the values they have now."""

from __future__ import annotations

from collections.abc import Mapping

GROUPS = {
    "charge": "starting or making a charge",
    "verify": "asking for one charge, transfer or purchase",
    "refund": "refunds",
    "transfer": "transfers and their recipients",
    "bill": "buying from a utility",
    "plan": "subscriptions, pages and invoices (Stripe)",
    "customer": "asking whose number it is",
    "list": "lists, settlements, banks, balances, accounts",
    "any": "every request",
}

# The wire faults, in the order in which they are tried; each is a probability, written `<group>.<fault>`.
WIRE_FAULTS = {
    "timeout_before": "no answer, and nothing happened",
    "timeout_after": "no answer, and it did happen",
    "reset_before": "the connection breaks, and nothing happened",
    "reset_after": "the connection breaks, and it did happen",
    "error_before": "HTTP 502, and nothing happened",
    "error_after": "HTTP 502, and it did happen",
    "slow_503_after": "HTTP 503 after 28 s, and it did happen (Flutterwave's documented time-out)",
    "too_many": "HTTP 429, and nothing happened",
    "html_after": "HTTP 200 with a page of HTML, and it did happen",
    "truncated_after": "HTTP 200 with half of the JSON, and it did happen",
    "empty_after": "HTTP 200 with an empty body, and it did happen",
    "drip_after": "the answer comes byte by byte over 20 s, and it did happen",
}

# name: (value at start, what it does)
OTHER = {
    "wait.scale": (1.0, "factor on the seconds a client waits for time-outs, the 503 and the drip"),
    "verify.wrong_amount": (0.0, "the verify answer says one major unit less"),
    "verify.wrong_currency": (0.0, "the verify answer says another currency"),
    "verify.wrong_reference": (0.0, "the verify answer is about another reference"),
    "verify.wrong_domain": (0.0, "the verify answer says live for test, or test for live (Paystack)"),
    "verify.missing_seconds": (0.0, "how many seconds after its creation a charge or transfer is not found"),
    "verify.unknown_is_404": (0.0, "1: an unknown reference or id is 404 instead of 400 (both were seen)"),
    "charge.decline": (0.0, "a saved card is declined, for a reason chosen by the seed"),
    "charge.challenge": (0.0, "a saved card needs its holder (Paystack `paused`, Flutterwave `pending`)"),
    "charge.pending": (0.0, "a saved card's charge stays pending, then succeeds"),
    "charge.pending_seconds": (30.0, "how long it stays pending"),
    "charge.payer_bears_fees": (0.0, "the payer pays the fee on top of the amount"),
    "checkout.abandoned_then_success": (0.0, "a closed checkout succeeds after all"),
    "checkout.late_seconds": (60.0, "how long after it was closed"),
    "refund.failed": (0.0, "a refund ends `failed`"),
    "refund.needs_attention": (0.0, "a refund ends `needs-attention` (Paystack)"),
    "refund.stuck": (0.0, "a refund stays `pending` for ever, as in the providers' own test mode"),
    "refund.seconds": (5.0, "seconds of each step of a refund"),
    "transfer.otp": (0.0, "a transfer asks for a one-time password (Paystack; it is 123456)"),
    "transfer.pending": (0.0, "a transfer stays pending for ever"),
    "transfer.failed": (0.0, "a transfer fails"),
    "transfer.reversed": (0.0, "a transfer succeeds and is reversed (Paystack), or fails (Flutterwave)"),
    "transfer.seconds": (5.0, "seconds until a transfer ends"),
    "settlement.next_day": (0.0, "1: what was taken comes into the balance on the next day, and not at once"),
    "settlement.to_bank": (0.0, "1: what was taken is paid to the merchant's bank on the next day, past the balance"),
    "bill.refused": (0.0, "a purchase is refused at once"),
    "bill.failed": (0.0, "a purchase is taken in, and fails"),
    "bill.pending": (0.0, "a purchase is taken in, and sold later"),
    "bill.pending_seconds": (30.0, "how long until it is sold, or fails"),
    "bill.late_token": (0.0, "a prepaid purchase is sold, and its token comes later"),
    "bill.token_seconds": (60.0, "how much later"),
    "bill.reversed": (0.0, "a purchase is sold, and taken back"),
    "bill.reversed_seconds": (120.0, "how long after it was sold"),
    "bill.wrong_customer": (0.0, "the status of a purchase names another customer"),
    "bill.wrong_amount": (0.0, "the status of a purchase says one naira less"),
    "bill.fee_differs": (0.0, "a purchase costs one naira more on top than was said"),
    "bill.withdrawn": (0.0, "1: Ikeja Electric is sold no more"),
    "webhook.drop": (0.0, "a webhook is lost with all its repetitions"),
    "webhook.duplicate": (0.0, "a webhook is sent twice"),
    "webhook.reorder": (0.0, "a webhook is held back by `webhook.reorder_seconds`, so that later ones pass it"),
    "webhook.reorder_seconds": (30.0, "how long"),
    "webhook.bad_signature": (0.0, "a webhook carries a wrong signature"),
    "webhook.delay_seconds": (0.0, "how long every webhook waits first"),
    "webhook.flat": (0.0, "Flutterwave's legacy flat shape instead of the nested one"),
    "webhook.flutterwave_refunds": (0.0, "1: Flutterwave tells of refunds (off there by default)"),
    "webhook.flutterwave_retries": (1.0, "1: Flutterwave repeats (it does only where that is switched on)"),
    "webhook.live_schedule": (0.0, "1: Paystack repeats as in live mode instead of test mode"),
    "webhook.scale": (1.0, "factor on the providers' pauses between repetitions"),
}

_PROVIDERS = ("paystack", "flutterwave", "stripe")


class UnknownDial(ValueError):
    """There is no dial of this name, or it cannot have this value."""


def all_dials() -> dict[str, tuple[float, str]]:
    """Every dial with its value at start and its meaning."""
    wire = {
        f"{group}.{fault}": (0.0, f"{where}: {what}")
        for group, where in GROUPS.items()
        for fault, what in WIRE_FAULTS.items()
    }
    return wire | OTHER


class Dials:
    """Values by name. `flutterwave.charge.timeout_after` counts before `charge.timeout_after`, that before
    `any.timeout_after`."""

    def __init__(self, values: Mapping[str, float] | None = None) -> None:
        self._known = all_dials()
        self._set: dict[str, float] = {}
        self.turn(values or {})

    def turn(self, values: Mapping[str, object]) -> None:
        """Set several, all or none."""
        checked: dict[str, float] = {}
        for name, value in values.items():
            plain = name.split(".", 1)[1] if name.split(".", 1)[0] in _PROVIDERS else name
            if plain not in self._known:
                raise UnknownDial(f"there is no dial {name}")
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                raise UnknownDial(f"{name} must be a number")
            try:
                checked[name] = float(value)
            except ValueError:
                raise UnknownDial(f"{name} must be a number") from None
            if not 0 <= checked[name] < 1e9:
                raise UnknownDial(f"{name} must be at least 0")
        self._set |= checked

    def heal(self) -> None:
        """Every fault off; dials that only say how long or in which form are left as they are."""
        self._set = {name: value for name, value in self._set.items() if not _is_fault(name)}

    def value(self, name: str, *, provider: str = "") -> float:
        """What stands for this provider."""
        for candidate in (f"{provider}.{name}", name):
            if candidate in self._set:
                return self._set[candidate]
        return self._known[name][0]

    def wire(self, fault: str, *, group: str, provider: str) -> float:
        """How probable a wire fault is for this group of requests."""
        for candidate in (f"{provider}.{group}.{fault}", f"{group}.{fault}", f"{provider}.any.{fault}"):
            if candidate in self._set:
                return self._set[candidate]
        return self._set.get(f"any.{fault}", 0.0)

    def turned(self) -> dict[str, float]:
        """Only what was set."""
        return dict(self._set)


_FORMS = (
    "scale",
    "seconds",
    "flat",
    "flutterwave_refunds",
    "flutterwave_retries",
    "live_schedule",
    "next_day",
    "to_bank",
    "payer_bears_fees",
    "unknown_is_404",
    "withdrawn",
)


def _is_fault(name: str) -> bool:
    return not name.endswith(_FORMS) or name.endswith("missing_seconds")
