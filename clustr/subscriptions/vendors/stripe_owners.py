"""Whose something at Stripe is: asked for, and nothing else of it read, because it may be somebody else's, in any shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clustr.subscriptions.vendors.nouns import Raw
from clustr.subscriptions.vendors.stripe_shapes import id_of, subscription_of, text


class AsksForOwners:
    """The part of `StripeService` that is about whose something is."""

    _v1: Any
    _ask: Callable[[Callable[[], Any]], Raw]

    def owner_of_subscription(self, *, subscription_id: str) -> tuple[str, str]:
        """Our own id of a subscription, empty where it is not ours; and its customer."""
        raw = self._ask(lambda: self._v1.subscriptions.retrieve(subscription_id))
        return text((raw.get("metadata") or {}).get("subscription")), id_of(raw.get("customer"))

    def subscription_of_invoice(self, *, invoice_id: str) -> str:
        """The id of the subscription that an invoice is of; empty for one of its own."""
        return subscription_of(self._ask(lambda: self._v1.invoices.retrieve(invoice_id)))

    def invoice_of_credit_note(self, *, note_id: str) -> str:
        """The id of the invoice that a credit note gives back of."""
        return id_of(self._ask(lambda: self._v1.credit_notes.retrieve(note_id)).get("invoice"))

    def customer_of_payment(self, *, payment_id: str) -> str:
        """Whose payment it is; empty where nobody is named."""
        asked = self._v1.payment_intents if payment_id.startswith("pi_") else self._v1.charges
        return id_of(self._ask(lambda: asked.retrieve(payment_id)).get("customer"))
