"""What is charged at Stripe besides a price: put there, looked for, and taken away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from clustr.subscriptions.vendors.nouns import Raw, StripeItem
from clustr.subscriptions.vendors.stripe_params import once, stamp
from clustr.subscriptions.vendors.stripe_shapes import id_of, read_item


class AsksForItems:
    """The part of `StripeService` that is about what is charged besides a price."""

    _v1: Any
    _ask: Callable[[Callable[[], Any]], Raw]
    _pages: Callable[[Callable[[Raw], Any], Raw], list[Raw]]

    def add_item(
        self,
        *,
        customer_id: str,
        subscription_id: str,
        invoice_id: str,
        amount: int,
        currency: str,
        description: str,
        start: datetime,
        end: datetime,
        quantity: int = 1,
        key: str,
    ) -> str:
        """Charge something besides the price: on this draft, or on the subscription's next invoice; its id. `amount`: of all of
        them, which is so many times what each costs."""
        params: Raw = {
            "customer": customer_id,
            "subscription": subscription_id,
            **_charged(amount, quantity),
            "currency": currency.lower(),
            "description": description,
            "discountable": False,
            "period": {"start": stamp(start), "end": stamp(end)},
        }
        if invoice_id:
            params["invoice"] = invoice_id
        return id_of(self._ask(lambda: self._v1.invoice_items.create(params, once(key))))

    def place_of_item(self, *, item_id: str) -> str:
        """The id of the invoice on which something that was charged besides stands now; empty while it waits for one."""
        return id_of(self._ask(lambda: self._v1.invoice_items.retrieve(item_id)).get("invoice"))

    def remove_item(self, *, item_id: str) -> None:
        """Charge it no more. Refused where its invoice is no draft."""
        self._ask(lambda: self._v1.invoice_items.delete(item_id))

    def waiting_items(self, *, customer_id: str) -> list[StripeItem]:
        """What waits for a customer's next invoice: on no draft yet; the oldest first."""
        params = {"customer": customer_id, "pending": True, "limit": 100}
        return [read_item(raw) for raw in self._pages(self._v1.invoice_items.list, params)][::-1]


def _charged(amount: int, quantity: int) -> Raw:
    if quantity == 1:
        return {"amount": amount}
    return {"quantity": quantity, "unit_amount_decimal": Decimal(amount) / quantity}
