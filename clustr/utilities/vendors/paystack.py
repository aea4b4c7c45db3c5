"""Paystack's bills, by the name the plan of this product gives them: the endpoint `/bill`, which Paystack does not publish.

Off unless PAYSTACK_UTILITIES says otherwise, and then plainly not offered. Amounts in hundredths, as everywhere with Paystack.
"""

from __future__ import annotations

from typing import Any

from clustr.bills.types import BillType
from clustr.kit.money import Money
from clustr.kit.outbound import QUICK_SECONDS, Outbound
from clustr.payments.providers.nouns import Decline, NotFoundYet, Outcome
from clustr.payments.providers.paystack_wire import Envelope, opened, to_wire
from clustr.payments.providers.port import Connect, NotOffered, ProviderRefused
from clustr.payments.providers.reading import (
    NotUnderstood,
    mapping,
    money,
    needed_text,
    record_of,
    rounded_money,
    rows,
    text,
)
from clustr.utilities.vendors.interface import (
    CustomerInfo,
    OfferedUtility,
    PurchaseRequest,
    PurchaseTruth,
    UtilityServiceInterface,
)
from clustr.utilities.vendors.reasons import utility_error_type, utility_refusal

_TYPES = {
    BillType.ELECTRICITY_UTILITY: "electricity",
    BillType.WATER_UTILITY: "water",
    BillType.INTERNET_UTILITY: "internet",
    BillType.CABLE_TV_UTILITY: "cable_tv",
}
_STATES = {
    "success": Outcome.SUCCEEDED,
    **dict.fromkeys(("pending", "processing", "queued", "ongoing"), Outcome.PENDING),
    "failed": Outcome.FAILED,
    "reversed": Outcome.REVERSED,
}
_KEPT = ("id", "reference", "status", "amount", "currency", "fees", "paid_at")
_DECIMALS = 2


class PaystackUtilityService(UtilityServiceInterface):
    """The port, spoken to `/bill`; or handed on to another service, where what members paid in through Paystack is to be
    spent there; or not offered at all."""

    name = "paystack"

    def __init__(self, *, outbound: Outbound | None, vending: UtilityServiceInterface | None = None) -> None:
        """Neither: nothing is offered. `vending`: the service that sells in this one's stead."""
        self._outbound = outbound
        self._vending = vending

    @property
    def sold_by(self) -> str:
        return self._vending.sold_by if self._vending else self.name

    def get_utility_providers(self, *, service_type: BillType) -> tuple[OfferedUtility, ...]:
        if self._vending:
            return self._vending.get_utility_providers(service_type=service_type)
        if service_type not in _TYPES:
            raise NotOffered(service_type.value)
        listed = rows(opened(self._bill().get("bill", query={"type": _TYPES[service_type]})).content(), "data")
        return tuple(_offered(row, service_type) for row in listed)

    def get_customer_info(
        self, *, customer_id: str, provider_code: str, within_seconds: float | None = None
    ) -> CustomerInfo:
        if self._vending:
            return self._vending.get_customer_info(
                customer_id=customer_id, provider_code=provider_code, within_seconds=within_seconds
            )
        answer = self._bill().get(
            "bill",
            "validate",
            query={"code": provider_code, "customer": customer_id},
            within_seconds=within_seconds or QUICK_SECONDS,
        )
        data = mapping(_content(opened(answer)), "data")
        if text(data.get("customer")) != customer_id:
            raise NotUnderstood("customer of another number")
        return CustomerInfo(
            name=needed_text(data.get("name"), "name").strip(),
            address=text(data.get("address")).strip(),
            minimum=_amount(data.get("minimum"), "NGN"),
            maximum=_amount(data.get("maximum"), "NGN"),
            fee=rounded_money(data.get("fee"), "NGN", decimals=_DECIMALS),
        )

    def purchase_utility(self, request: PurchaseRequest) -> PurchaseTruth:
        if self._vending:
            return self._vending.purchase_utility(request)
        body = {
            "reference": request.reference,
            "code": request.provider_code,
            "customer": request.customer_id,
            "amount": to_wire(request.amount),
            "currency": request.amount.currency,
        }
        truth = _truth(_content(opened(self._bill().post("bill", body=body))))
        if truth.reference != request.reference or truth.amount != request.amount:
            raise NotUnderstood("purchase of another reference or amount")
        return truth

    def fetch_purchase(self, *, reference: str) -> PurchaseTruth | NotFoundYet:
        if self._vending:
            return self._vending.fetch_purchase(reference=reference)
        envelope = opened(self._bill().get("bill", reference))
        if not envelope.done and envelope.unknown_reference:
            return NotFoundYet()
        truth = _truth(_content(envelope))
        if truth.reference != reference:
            raise NotUnderstood("purchase of another reference")
        return truth

    def _bill(self) -> Outbound:
        if self._outbound is None:
            raise NotOffered("Paystack offers no utilities here")
        return self._outbound


def make_paystack_utilities(
    settings: Any, connect: Connect, *, vending: UtilityServiceInterface | None = None
) -> PaystackUtilityService | None:
    """Paystack's bills as PAYSTACK_UTILITIES says; None without a key, or where the switch is off."""
    key, switch = settings.PAYSTACK_SECRET_KEY, settings.PAYSTACK_UTILITIES
    if not key or not switch:
        return None
    if switch != "bill":
        return PaystackUtilityService(outbound=None, vending=vending) if vending else None
    headers = {"Authorization": f"Bearer {key}"}
    return PaystackUtilityService(outbound=connect(name="paystack", base_url=settings.PAYSTACK_URL, headers=headers))


def _offered(raw: Any, service_type: BillType) -> OfferedUtility:
    row = mapping(raw, "bill")
    currency = needed_text(row.get("currency"), "currency")
    return OfferedUtility(
        provider_code=needed_text(row.get("code"), "code"),
        name=needed_text(row.get("name"), "name")[:100],
        service_type=service_type,
        currency=currency,
        fixed=_amount(row.get("amount"), currency),
        minimum=_amount(row.get("minimum"), currency),
        maximum=_amount(row.get("maximum"), currency),
        fee=rounded_money(row.get("fee"), currency, decimals=_DECIMALS) or Money(0, currency),
        gives_token=row.get("token") is True,
        number_label=text(row.get("label"))[:60] or "Customer number",
    )


def _truth(raw: Any) -> PurchaseTruth:
    data = mapping(raw, "data")
    currency, said = data.get("currency"), text(data.get("message"))
    outcome = _STATES.get(text(data.get("status")), Outcome.UNKNOWN)
    return PurchaseTruth(
        outcome=outcome,
        reference=needed_text(data.get("reference"), "reference"),
        provider_id=needed_text(data.get("id"), "id"),
        customer_id=text(data.get("customer")),
        amount=money(data.get("amount"), currency, decimals=_DECIMALS),
        fee=rounded_money(data.get("fees"), currency, decimals=_DECIMALS),
        token=text(data.get("token")),
        units=text(data.get("units"))[:60],
        tariff=text(data.get("tariff"))[:60],
        decline=Decline(type=utility_error_type(said=said), message="") if outcome is Outcome.FAILED else None,
        record=record_of(data, kept=_KEPT, told=()),
    )


def _amount(value: Any, currency: str) -> Money | None:
    read = rounded_money(value, currency, decimals=_DECIMALS)
    return read if read is not None and read.minor else None


def _content(envelope: Envelope) -> Any:
    try:
        return envelope.content()
    except ProviderRefused as error:
        raise utility_refusal(error) from error
