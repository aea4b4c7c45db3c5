"""Every service passes the suite of the port; so does one that was added; and Paystack's plainly offers nothing by default."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from clustr.bills.types import BillType
from clustr.payments.providers.port import NotOffered
from clustr.utilities.refusals import VendorNotAvailable
from clustr.utilities.vendors.paystack import PaystackUtilityService, make_paystack_utilities
from clustr.utilities.vendors.registry import SERVICES, Services
from tests.payments.providers.shared import needs_shared, sample
from tests.payments.providers.wires import SETTINGS, ngn
from tests.utilities.vendors.port_suite import CALLS, PortSuite, request_of
from tests.utilities.vendors.shops import FlutterwaveShop, PaystackShop, Shop, ToyShop


class TestFlutterwave(PortSuite):
    @pytest.fixture
    def shop(self) -> Shop:
        return FlutterwaveShop()


class TestPaystack(PortSuite):
    @pytest.fixture
    def shop(self) -> Shop:
        return PaystackShop()


class TestToy(PortSuite):
    @pytest.fixture
    def shop(self) -> Shop:
        return ToyShop()


def services(switch: str, shop: Shop, **keys: str) -> Services:
    return Services(SimpleNamespace(**(vars(SETTINGS) | {"PAYSTACK_UTILITIES": switch} | keys)), shop.connect)


def test_paystack_is_off_unless_it_is_switched_on() -> None:
    made = services("", FlutterwaveShop())
    assert made.available() == ("flutterwave",)
    with pytest.raises(VendorNotAvailable):
        made.named("paystack")


@pytest.mark.parametrize("call", CALLS)
def test_without_an_endpoint_it_plainly_offers_nothing(call: str) -> None:
    with pytest.raises(NotOffered):
        CALLS[call](PaystackUtilityService(outbound=None), PaystackShop())


def test_paystack_may_have_another_service_sell_in_its_stead() -> None:
    shop = FlutterwaveShop()
    made = services("flutterwave", shop)
    assert made.available() == SERVICES
    asked = request_of(shop)
    made.named("paystack").purchase_utility(asked)
    assert shop.known(asked.reference)
    assert made.named("paystack").get_utility_providers(service_type=BillType.ELECTRICITY_UTILITY)


def test_without_keys_nothing_is_sold() -> None:
    shop = FlutterwaveShop()
    assert services("bill", shop, FLUTTERWAVE_SECRET_KEY="", PAYSTACK_SECRET_KEY="").available() == ()
    assert (
        make_paystack_utilities(SimpleNamespace(PAYSTACK_SECRET_KEY="", PAYSTACK_UTILITIES="bill"), shop.connect)
        is None
    )


@needs_shared
def test_the_samples_of_the_documents_are_read() -> None:
    """What Flutterwave's own pages show, and a real answer with a token."""

    def told(content: Any) -> FlutterwaveShop:
        shop = FlutterwaveShop()
        shop.answer = lambda *_: content  # type: ignore[method-assign]
        return shop

    paid = sample("flutterwave/bills/v3-pay-dstv__response.json")
    shop = told(paid)
    truth = shop.service().purchase_utility(request_of(shop, customer_id="0025401100", amount=ngn(180_000)))
    assert (truth.outcome.value, truth.provider_id, truth.token) == ("pending", paid["data"]["tx_ref"], "")
    real = sample("flutterwave/bills/v3-pay-prepaid-electricity__response-data.real-2024.json")
    shop = told({"status": "success", "message": "ok", "data": real})
    truth = shop.service().purchase_utility(request_of(shop, customer_id=real["phone_number"], amount=ngn(100_000)))
    assert (truth.outcome.value, truth.token, truth.fee) == ("succeeded", "1445-2112-4994-5230-5397", ngn(10_000))
    status = sample("flutterwave/bills/v3-status__response.json")
    shop = told(status)
    found = shop.service().fetch_purchase(reference="merchant-reference-1")
    assert (found.outcome.value, found.amount) == ("succeeded", ngn(180_000))  # type: ignore[union-attr]
    validated = sample("flutterwave/bills/billpayments__validate-bill-service__response.json")
    shop = told(validated)
    assert shop.service().get_customer_info(customer_id="08038291822", provider_code="BIL099.AT099").name == "MTN"
