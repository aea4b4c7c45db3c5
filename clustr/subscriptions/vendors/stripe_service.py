"""StripeService: what ClustR asks of Stripe, over Stripe's own library. A thin adapter: it decides nothing.

Every method is one question, asked between transactions. It answers a noun of `nouns`, or raises

    kit.outbound.NothingSent       nothing left this machine: nothing happened
    kit.outbound.OutcomeUnknown    the request may have been heard: ask for the truth later, assume no failure
    StripeRefused                  Stripe read the request and refused it: nothing happened
    StripeKnowsNot                 the same: there is no such object
    StripeUnreadable               it answered what cannot be understood

`key` is our own reference of the act. The same key does nothing twice at Stripe for at least a day; so what was not heard
is asked again under the same key, never under a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any

import stripe

from clustr.kit.outbound import Outbound
from clustr.payments.providers.nouns import Notice
from clustr.subscriptions.vendors.nouns import (
    Raw,
    StripeInvoice,
    StripeKnowsNot,
    StripeMethod,
    StripeRefused,
    StripeSession,
    StripeSubscription,
    StripeUnreadable,
)
from clustr.subscriptions.vendors.stripe_items import AsksForItems
from clustr.subscriptions.vendors.stripe_notices import read_stripe_notice
from clustr.subscriptions.vendors.stripe_owners import AsksForOwners
from clustr.subscriptions.vendors.stripe_params import (
    BASIL,
    begin_words,
    discount_instead,
    discount_words,
    once,
    schedule_words,
    stamp,
    swap_words,
)
from clustr.subscriptions.vendors.stripe_returns import AsksForReturns
from clustr.subscriptions.vendors.stripe_shapes import (
    id_of,
    is_renewal,
    read_invoice,
    read_method,
    read_session,
    read_subscription,
    subscription_of,
)
from clustr.subscriptions.vendors.stripe_steps import in_part
from clustr.subscriptions.vendors.stripe_wire import stripe_client

_PAGE = 100


class StripeService(AsksForReturns, AsksForItems, AsksForOwners):
    """Stripe, with our keys. `live`: whether money really moves."""

    def __init__(self, *, key: str, version: str, secrets: Sequence[str], outbound: Outbound) -> None:
        self._client = stripe_client(key=key, version=version, outbound=outbound)
        self._version = version or stripe.api_version
        self._secrets = secrets
        self.live = "_live_" in key

    @property
    def _v1(self) -> Any:
        return self._client.v1

    def create_customer(self, *, email: str, name: str, reference: str, address: Mapping[str, str], key: str) -> str:
        """Answers the customer's id at Stripe."""
        params: Raw = {"email": email, "metadata": {"customer": reference}}
        if name:
            params["name"] = name
        if address:
            params["address"] = dict(address)
        return id_of(self._ask(lambda: self._v1.customers.create(params, once(key))))

    def move_customer(self, *, customer_id: str, address: Mapping[str, str], key: str) -> None:
        """Where a customer lives from now on."""
        params = {"address": dict(address) or ""}
        self._ask(lambda: self._v1.customers.update(customer_id, params, once(key)))

    def delete_customer(self, *, customer_id: str) -> None:
        """Let Stripe forget who a customer is. Who is gone is gone."""
        self._ask(lambda: self._v1.customers.delete(customer_id))

    def create_subscription(
        self,
        *,
        customer_id: str,
        price_id: str,
        method_id: str,
        reference: str,
        trial_end: datetime | None,
        tax_rate_id: str,
        coupon_id: str,
        key: str,
    ) -> StripeSubscription:
        """Subscribe a customer with a saved method. A first payment that needs its holder leaves it `incomplete`."""
        params: Raw = {
            "customer": customer_id,
            "items": [{"price": price_id, "quantity": 1}],
            "default_payment_method": method_id,
            "off_session": False,
            "payment_behavior": "allow_incomplete",
            **begin_words(self._version, reference, trial_end, tax_rate_id),
            **discount_words(self._version, coupon_id),
        }
        return read_subscription(self._ask(lambda: self._v1.subscriptions.create(params, once(key))))

    def update_subscription(
        self,
        *,
        subscription_id: str,
        item_id: str = "",
        price_id: str = "",
        proration_date: datetime | None = None,
        anew: bool = False,
        cancel_at_period_end: bool | None = None,
        method_id: str = "",
        coupon_id: str | None = None,
        tax_rate_id: str | None = None,
        quietly: bool = False,
        change: str = "",
        key: str,
    ) -> StripeSubscription:
        """Change what is given. Another price begins now, prorated at `proration_date` and invoiced at once, in the same
        period, or in a new one (`anew`); `quietly`: it counts from the next period on. A coupon takes the place of what is there; empty: nothing does. `change` stays in the metadata: by it we see later that this was heard."""
        params: Raw = {"metadata": {"change": change}} if change else {}
        if price_id:
            params |= swap_words(item_id, price_id, proration_date)
            params["payment_behavior"] = "allow_incomplete"
            params["proration_behavior"] = "none" if quietly else "always_invoice"
            if anew:
                params["billing_cycle_anchor"] = self._anchor_now()
        if cancel_at_period_end is not None:
            params["cancel_at_period_end"] = cancel_at_period_end
        if method_id:
            params["default_payment_method"] = method_id
        if tax_rate_id is not None:
            params |= {"default_tax_rates": [tax_rate_id] if tax_rate_id else "", "proration_behavior": "none"}
        params |= discount_instead(self._version, coupon_id) or {}
        return read_subscription(self._ask(lambda: self._v1.subscriptions.update(subscription_id, params, once(key))))

    def schedule_change(
        self,
        *,
        subscription: StripeSubscription,
        price_id: str,
        tax_rate_id: str,
        interval: str,
        coupon_id: str | None = None,
        change: str,
        key: str,
    ) -> None:
        """Let another price begin when the period under way ends, without proration: by a schedule of two phases. What a
        phase does not name is gone in it, so the discount goes on in both, or another coupon takes its place with the price."""
        made: Raw = {"id": subscription.schedule_id}
        what_follows: AbstractContextManager[None] = nullcontext()
        if not subscription.schedule_id:
            begin = {"from_subscription": subscription.id}
            made = self._ask(lambda: self._v1.subscription_schedules.create(begin, once(f"{key}:schedule")))
            what_follows = in_part()
        params = schedule_words(
            subscription,
            price_id=price_id,
            tax_rate_id=tax_rate_id,
            interval=interval,
            then=discount_instead(self._version, coupon_id),
            change=change,
            version=self._version,
        )
        with what_follows:
            self._ask(lambda: self._v1.subscription_schedules.update(made["id"], params, once(f"{key}:phases")))

    def release_schedule(self, *, schedule_id: str, key: str) -> None:
        """Forget a change that waits; the subscription goes on as it is."""
        self._ask(lambda: self._v1.subscription_schedules.release(schedule_id, {}, once(key)))

    def cancel_subscription(self, *, subscription_id: str, key: str) -> StripeSubscription:
        """End it now; nothing is given back."""
        params = {"invoice_now": False, "prorate": False}
        return read_subscription(self._ask(lambda: self._v1.subscriptions.cancel(subscription_id, params, once(key))))

    def process_payment(self, *, invoice_id: str, off_session: bool = True, key: str) -> StripeInvoice:
        """Try now to take what is open of an invoice. A decline is `StripeRefused`; the invoice says it too. `off_session`: its
        payer is not there to show themself to their bank."""
        self._ask(lambda: self._v1.invoices.pay(invoice_id, {"off_session": off_session}, once(key)))
        return self.fetch_invoice(invoice_id=invoice_id)

    def handle_webhook(self, *, raw_body: bytes, headers: Mapping[str, Any], now: datetime) -> Notice:
        """A delivery, its signature checked. Refuses `NoticeRefused`."""
        return read_stripe_notice(secrets=self._secrets, live=self.live, raw_body=raw_body, headers=headers, now=now)

    def start_checkout(
        self,
        *,
        customer_id: str,
        price_id: str,
        reference: str,
        trial_end: datetime | None,
        tax_rate_id: str,
        coupon_id: str,
        expires_at: datetime,
        back_url: str,
        key: str,
    ) -> StripeSession:
        """Stripe's page on which a customer gives a card and subscribes."""
        params: Raw = {
            "mode": "subscription",
            "customer": customer_id,
            "client_reference_id": reference,
            "line_items": [{"price": price_id, "quantity": 1}],
            "subscription_data": begin_words(self._version, reference, trial_end, tax_rate_id),
            "payment_method_collection": "always",
            "expires_at": stamp(expires_at),
            "success_url": back_url,
            "cancel_url": back_url,
        }
        if coupon_id:
            params["discounts"] = [{"coupon": coupon_id}]
        return read_session(self._ask(lambda: self._v1.checkout.sessions.create(params, once(key))))

    def start_setup(self, *, customer_id: str, currency: str, reference: str, back_url: str, key: str) -> StripeSession:
        """Stripe's page on which a customer gives a card for later."""
        params: Raw = {
            "mode": "setup",
            "customer": customer_id,
            "client_reference_id": reference,
            "currency": currency.lower(),
            "success_url": back_url,
            "cancel_url": back_url,
        }
        return read_session(self._ask(lambda: self._v1.checkout.sessions.create(params, once(key))))

    def fetch_session(self, *, session_id: str) -> StripeSession:
        return read_session(self._ask(lambda: self._v1.checkout.sessions.retrieve(session_id)))

    def find_session(self, *, customer_id: str, reference: str) -> StripeSession | None:
        """The page that was made for this reference of ours, the newest."""
        params = {"customer": customer_id, "limit": _PAGE}
        sessions = map(read_session, self._pages(self._v1.checkout.sessions.list, params))
        return next((session for session in sessions if session.reference == reference), None)

    def expire_session(self, *, session_id: str, key: str) -> None:
        """Let nobody pay on this page any more. Refused where it was completed."""
        self._ask(lambda: self._v1.checkout.sessions.expire(session_id, {}, once(key)))

    def fetch_subscription(self, *, subscription_id: str) -> StripeSubscription:
        return read_subscription(self._ask(lambda: self._v1.subscriptions.retrieve(subscription_id)))

    def list_subscriptions(self, *, customer_id: str = "", since: datetime | None = None) -> list[StripeSubscription]:
        """All of a customer's, or all that were made since; the newest first, ended ones too."""
        params: Raw = {"status": "all", "limit": _PAGE}
        if customer_id:
            params["customer"] = customer_id
        if since is not None:
            params["created"] = {"gte": stamp(since)}
        found = []
        for raw in self._pages(self._v1.subscriptions.list, params):
            try:
                found.append(read_subscription(raw))
            except StripeUnreadable:
                continue  # somebody else's, with more than one item
        return found

    def invoices_of(self, *, subscription_id: str) -> list[str]:
        """The ids of a subscription's invoices that are issued and charge or give back something, the oldest first."""
        params = {"subscription": subscription_id, "limit": _PAGE}
        raws = self._pages(self._v1.invoices.list, params)
        issued = [raw for raw in raws if raw.get("status") != "draft" and (raw.get("subtotal") or raw.get("total"))]
        return [id_of(raw) for raw in sorted(issued, key=lambda raw: (raw["created"], raw["id"]))]

    def draft_of(self, *, subscription_id: str, period_start: datetime) -> str:
        """The id of the renewal for the period that began then, if it is not issued yet; empty if there is none."""
        params = {"subscription": subscription_id, "status": "draft", "limit": 10}
        found = self._ask(lambda: self._v1.invoices.list(params)).get("data") or []
        return next((id_of(raw) for raw in found if is_renewal(raw, period_start)), "")

    def start_invoice(
        self,
        *,
        customer_id: str,
        subscription_id: str,
        currency: str,
        tax_rate_id: str,
        pack: str = "",
        by_itself: bool = False,
        key: str,
    ) -> str:
        """A draft of its own for a subscription, with nothing on it; its id. `by_itself`: Stripe issues it in about an hour, and
        takes it; else neither."""
        params: Raw = {
            "customer": customer_id,
            "subscription": subscription_id,
            "currency": currency.lower(),
            "auto_advance": by_itself,
            "collection_method": "charge_automatically",
            "pending_invoice_items_behavior": "exclude",
            "discounts": "",
        }
        if pack:
            params["metadata"] = {"pack": pack}
        if tax_rate_id:
            params["default_tax_rates"] = [tax_rate_id]
        return id_of(self._ask(lambda: self._v1.invoices.create(params, once(key))))

    def issue_invoice(self, *, invoice_id: str, by_itself: bool = False, key: str) -> StripeInvoice:
        """Issue a draft; nothing is taken yet, but for what the customer's credit pays. `by_itself`: Stripe takes it then."""
        self._ask(lambda: self._v1.invoices.finalize_invoice(invoice_id, {"auto_advance": by_itself}, once(key)))
        return self.fetch_invoice(invoice_id=invoice_id)

    def void_invoice(self, *, invoice_id: str, key: str) -> None:
        """Let nobody pay an open invoice any more. Refused where it was paid."""
        self._ask(lambda: self._v1.invoices.void_invoice(invoice_id, {}, once(key)))

    def invoices_since(self, *, since: datetime) -> list[str]:
        """The subscriptions that had an invoice made since, each once."""
        params = {"created": {"gte": stamp(since)}, "limit": _PAGE}
        raws = self._pages(self._v1.invoices.list, params)
        return list(dict.fromkeys(filter(None, map(subscription_of, raws))))

    def fetch_invoice(self, *, invoice_id: str) -> StripeInvoice:
        """With its lines, all of them, and its payments."""
        new = self._version[:10] >= BASIL
        expand = ["payments.data.payment.payment_intent"] if new else ["payment_intent"]
        raw = self._ask(lambda: self._v1.invoices.retrieve(invoice_id, {"expand": expand}))
        lines = raw.get("lines") or {}
        if lines.get("has_more"):
            listed = self._pages(lambda params: self._v1.invoices.line_items.list(invoice_id, params), {"limit": _PAGE})
            raw["lines"] = {"data": listed}
        return read_invoice(raw)

    def preview_change(
        self,
        *,
        subscription: StripeSubscription,
        price_id: str,
        proration_date: datetime,
        anew: bool,
        coupon_id: str | None = None,
    ) -> StripeInvoice:
        """The invoice that `update_subscription` with the same terms would make."""
        swap = swap_words(subscription.item_id, price_id, proration_date)
        details: Raw = {**swap, "proration_behavior": "always_invoice"}
        if anew:
            details["billing_cycle_anchor"] = self._anchor_now()
        if self._version[:10] >= BASIL:
            params: Raw = {"subscription": subscription.id, "subscription_details": details}
            params |= discount_instead(self._version, coupon_id) or {}
            raw = self._ask(lambda: self._v1.invoices.create_preview(params))
        else:
            old = {f"subscription_{name}": value for name, value in details.items()}
            query = {"subscription": subscription.id, **old, **(discount_instead(self._version, coupon_id) or {})}
            raw = self._ask(lambda: self._raw("get", "/v1/invoices/upcoming", query))
        return read_invoice({"id": "", "created": stamp(proration_date), **raw})

    def list_methods(self, *, customer_id: str) -> list[StripeMethod]:
        """The cards a customer has saved, the newest first. In use is the customer's own, or else that of a plan that runs."""
        customer = self._ask(lambda: self._v1.customers.retrieve(customer_id))
        default_id = id_of((customer.get("invoice_settings") or {}).get("default_payment_method"))
        if not default_id:
            running = self._pages(self._v1.subscriptions.list, {"customer": customer_id, "limit": _PAGE})
            default_id = next(
                (id_of(one["default_payment_method"]) for one in running if one.get("default_payment_method")), ""
            )
        params = {"limit": _PAGE}
        held = self._pages(lambda more: self._v1.customers.payment_methods.list(customer_id, more), params)
        return [read_method(raw, default_id=default_id) for raw in held]

    def methods_in_use(self, *, customer_id: str) -> set[str]:
        """The ids of what something of a customer's is taken from."""
        customer = self._ask(lambda: self._v1.customers.retrieve(customer_id))
        running = self._pages(self._v1.subscriptions.list, {"customer": customer_id, "limit": _PAGE})
        used = [(customer.get("invoice_settings") or {}).get("default_payment_method")]
        return {*map(id_of, [*used, *(one.get("default_payment_method") for one in running)])} - {""}

    def use_method(self, *, customer_id: str, method_id: str, key: str) -> None:
        """Take what comes from this card from now on."""
        params = {"invoice_settings": {"default_payment_method": method_id}}
        self._ask(lambda: self._v1.customers.update(customer_id, params, once(key)))

    def forget_method(self, *, method_id: str, key: str) -> None:
        self._ask(lambda: self._v1.payment_methods.detach(method_id, {}, once(key)))

    def method_of_setup(self, *, setup_intent_id: str) -> str:
        """The card that a page of `start_setup` brought; empty while it did not."""
        raw = self._ask(lambda: self._v1.setup_intents.retrieve(setup_intent_id))
        return id_of(raw.get("payment_method")) if raw.get("status") == "succeeded" else ""

    def ensure_price(self, *, product_id: str, name: str, interval: str, currency: str, minor: int, key: str) -> str:
        """The price of this key, made if there is none; answers its id."""
        found = self._ask(lambda: self._v1.prices.list({"lookup_keys": [key], "limit": 1})).get("data") or []
        if found:
            return id_of(found[0])
        self._ensure(lambda: self._v1.products.create({"id": product_id, "name": name}, once(product_id)))
        params: Raw = {
            "product": product_id,
            "currency": currency.lower(),
            "unit_amount": minor,
            "recurring": {"interval": interval, "interval_count": 1},
            "tax_behavior": "exclusive",
            "lookup_key": key,
        }
        return id_of(self._ask(lambda: self._v1.prices.create(params, once(key))))

    def create_tax_rate(self, *, country: str, basis_points: int, key: str) -> str:
        """A tax that is added to prices; answers its id."""
        percentage = f"{basis_points / 100:.2f}"
        params: Raw = {
            "display_name": "VAT",
            "inclusive": False,
            "percentage": float(percentage),
            "country": country,
            "jurisdiction": country,
        }
        return id_of(self._ask(lambda: self._v1.tax_rates.create(params, once(key))))

    def ensure_coupon(self, *, coupon_id: str, terms: Mapping[str, Any]) -> str:
        """The coupon of this id, made if there is none. Who may use it we decide ourselves."""
        params = {"id": coupon_id, **terms}
        self._ensure(lambda: self._v1.coupons.create(params, once(f"coupon:{coupon_id}")))
        return coupon_id

    def _raw(self, method: str, url: str, params: Raw) -> Any:
        """An address that today's library knows no more."""
        return self._client.deserialize(self._client.raw_request(method, url, **params), api_mode="V1")

    def _anchor_now(self) -> Any:
        return {"type": "now"} if self._version[:10] >= "2026-09-30" else "now"

    def _pages(self, method: Callable[[Raw], Any], params: Raw) -> list[Raw]:
        found: list[Raw] = []
        while True:
            more = {"starting_after": found[-1]["id"]} if found else {}
            page = self._ask(lambda asked={**params, **more}: method(asked))  # type: ignore[misc]
            found += page.get("data") or []
            if not page.get("has_more") or not page.get("data"):
                return found

    def _ensure(self, call: Callable[[], Any]) -> None:
        """Make something of a given id, if it is not there already."""
        try:
            self._ask(call)
        except StripeRefused as error:
            if error.code != "resource_already_exists":
                raise

    def _ask(self, call: Callable[[], Any]) -> Raw:
        try:
            answered = call()
        except stripe.StripeError as error:
            raise _refused(error) from None
        return answered.to_dict() if isinstance(answered, stripe.StripeObject) else dict(answered)


def _refused(error: stripe.StripeError) -> StripeRefused:
    code = str(error.code or type(error).__name__)
    status = int(error.http_status or 0)
    decline = str(getattr(getattr(error, "error", None), "decline_code", "") or "")
    known = StripeKnowsNot if status == 404 or code == "resource_missing" else StripeRefused
    return known(code, str(error.user_message or "")[:500], http_status=status, decline_code=decline)
