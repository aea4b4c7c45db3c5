"""What any service that sells utilities must do, whatever its wire: subclass `PortSuite` and give it the shop."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from clustr.bills.types import BillType
from clustr.kit.outbound import NetworkInTransaction, NothingSent, OutboundError, OutcomeUnknown
from clustr.payments.providers.nouns import NotFoundYet, Outcome
from clustr.payments.providers.port import AlreadyKnown, ProviderRefused
from clustr.payments.types import PaymentErrorType
from clustr.utilities.vendors.interface import PurchaseRequest, PurchaseTruth, UtilityServiceInterface
from tests.payments.providers.port_suite import UNHEARD, UNSENT
from tests.payments.providers.wires import ngn, strings_in
from tests.utilities.vendors.shops import NOBODY, NUMBER, TOKEN, Shop, Sold, reference

T = PaymentErrorType


def request_of(shop: Shop, **more: Any) -> PurchaseRequest:
    return PurchaseRequest(
        **{
            "reference": reference(),
            "provider_code": shop.code,
            "customer_id": NUMBER,
            "amount": ngn(200_050),
            "notify_url": "https://estates.example/hook",
            **more,
        }
    )


CALLS: dict[str, Any] = {
    "get_utility_providers": lambda service, shop: service.get_utility_providers(
        service_type=BillType.ELECTRICITY_UTILITY
    ),
    "get_customer_info": lambda service, shop: service.get_customer_info(customer_id=NUMBER, provider_code=shop.code),
    "purchase_utility": lambda service, shop: service.purchase_utility(request_of(shop)),
    "fetch_purchase": lambda service, shop: service.fetch_purchase(reference=reference()),
}


class PortSuite:
    """Subclass, and make the fixture `shop`."""

    @pytest.fixture
    def shop(self) -> Shop:
        raise NotImplementedError

    @pytest.fixture
    def service(self, shop: Shop) -> UtilityServiceInterface:
        return shop.service()

    def test_it_works(self, shop: Shop, service: UtilityServiceInterface) -> None:
        asked = request_of(shop)
        taken = service.purchase_utility(asked)
        assert (taken.outcome, taken.reference, taken.token) == (Outcome.PENDING, asked.reference, "")
        (sold,) = shop.sold
        assert (sold.number, sold.amount) == (NUMBER, asked.amount)
        sold.state, sold.token = "sold", TOKEN
        truth = service.fetch_purchase(reference=asked.reference)
        assert isinstance(truth, PurchaseTruth)
        assert (truth.outcome, truth.amount, truth.token) == (Outcome.SUCCEEDED, asked.amount, TOKEN)
        assert truth.customer_id == NUMBER
        assert truth.provider_id

    def test_what_is_sold(self, shop: Shop, service: UtilityServiceInterface) -> None:
        offered = service.get_utility_providers(service_type=BillType.ELECTRICITY_UTILITY)
        free, fixed = offered
        assert (free.provider_code, free.fixed, free.fee, free.gives_token) == (shop.code, None, ngn(10_000), True)
        assert fixed.fixed == ngn(75_050)
        assert service.get_utility_providers(service_type=BillType.CABLE_TV_UTILITY) == ()

    def test_whose_number_it_is(self, shop: Shop, service: UtilityServiceInterface) -> None:
        told = service.validate_customer(customer_id=NUMBER, provider_code=shop.code, within_seconds=1)
        assert (told.name, told.minimum, told.maximum, told.fee) == ("ADA OKAFOR", ngn(50_000), None, ngn(10_000))
        assert "OKAFOR" not in repr(told)
        with pytest.raises(ProviderRefused) as refused:
            service.get_customer_info(customer_id=NOBODY, provider_code=shop.code)
        assert refused.value.type in (T.INVALID_CUSTOMER, T.METER_NOT_FOUND)

    def test_an_unknown_reference_is_not_found_yet(self, service: UtilityServiceInterface) -> None:
        assert service.fetch_purchase(reference=reference()) == NotFoundYet()

    def test_a_known_reference_is_no_second_purchase(self, shop: Shop, service: UtilityServiceInterface) -> None:
        asked = request_of(shop)
        service.purchase_utility(asked)
        with pytest.raises(AlreadyKnown):
            service.purchase_utility(asked)
        assert len(shop.sold) == 1

    @pytest.mark.parametrize(
        ("state", "outcome"),
        [
            ("waiting", Outcome.PENDING),
            ("sold", Outcome.SUCCEEDED),
            ("refused", Outcome.FAILED),
            ("back", Outcome.REVERSED),
            ("a new word", Outcome.UNKNOWN),
        ],
    )
    def test_outcomes(self, shop: Shop, service: UtilityServiceInterface, state: str, outcome: Outcome) -> None:
        shop.sold.append(Sold(reference(), NUMBER, ngn(200_000), state, id=9))
        truth = service.fetch_purchase(reference=shop.sold[0].reference)
        assert isinstance(truth, PurchaseTruth)
        assert truth.outcome is outcome
        assert (truth.decline is not None) == (outcome is Outcome.FAILED)

    @pytest.mark.parametrize(
        ("said", "type"),
        [
            ("Meter number does not exist", T.METER_NOT_FOUND),
            ("Invalid customer id", T.INVALID_CUSTOMER),
            ("Amount is below the minimum", T.AMOUNT_OUT_OF_RANGE),
            ("Daily limit reached", T.LIMIT_EXCEEDED),
            ("Insufficient funds in your wallet", T.VENDOR_UNAVAILABLE),
            ("Something nobody expects", T.VENDOR_UNAVAILABLE),
        ],
    )
    def test_a_refusal_has_a_type(
        self, shop: Shop, service: UtilityServiceInterface, said: str, type: PaymentErrorType
    ) -> None:
        shop.refusal = said
        with pytest.raises(ProviderRefused) as refused:
            service.purchase_utility(request_of(shop))
        assert refused.value.type is type
        assert shop.sold == []

    def test_an_accident_is_no_refusal(self, shop: Shop, service: UtilityServiceInterface) -> None:
        shop.refusal = "An error occurred. Please contact support"
        with pytest.raises(OutcomeUnknown):
            service.purchase_utility(request_of(shop))

    def test_nothing_that_must_not_be_kept_is(self, shop: Shop, service: UtilityServiceInterface) -> None:
        shop.at_once = "sold"
        asked = request_of(shop)
        for truth in (service.purchase_utility(asked), service.fetch_purchase(reference=asked.reference)):
            assert isinstance(truth, PurchaseTruth)
            held = " ".join([*strings_in(dict(truth.record)), repr(truth), repr(asked)])
            assert TOKEN not in held
            assert NUMBER not in held

    def test_what_is_told_of_it_is_not_kept(self, shop: Shop, service: UtilityServiceInterface) -> None:
        """Free text names the customer, and their number need be neither long nor of digits."""
        shop.sold.append(
            Sold(reference(), "WTR12345", ngn(200_000), "refused", said="Customer WTR12345 is barred", id=9)
        )
        truth = service.fetch_purchase(reference=shop.sold[0].reference)
        assert isinstance(truth, PurchaseTruth)
        assert truth.decline is not None
        assert "WTR12345" not in " ".join([*strings_in(dict(truth.record)), repr(truth), truth.decline.message])

    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("fault", UNSENT)
    def test_what_was_not_sent(self, shop: Shop, service: UtilityServiceInterface, call: str, fault: str) -> None:
        shop.fault = UNSENT[fault]
        with pytest.raises(NothingSent):
            CALLS[call](service, shop)

    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("fault", UNHEARD)
    def test_what_was_not_heard_is_unknown(
        self, shop: Shop, service: UtilityServiceInterface, call: str, fault: str
    ) -> None:
        shop.fault = UNHEARD[fault]
        try:
            answer = CALLS[call](service, shop)
        except OutboundError as error:
            assert isinstance(error, OutcomeUnknown)
        else:
            raise AssertionError(f"{call} made {answer} of {fault}")

    def test_a_purchase_that_may_have_been_heard_is_sent_once(
        self, shop: Shop, service: UtilityServiceInterface
    ) -> None:
        shop.fault = UNHEARD["read timeout"]
        with pytest.raises(OutcomeUnknown):
            service.purchase_utility(request_of(shop))
        assert len(shop.seen) == 1

    @pytest.mark.parametrize("call", CALLS)
    def test_never_inside_a_transaction(self, shop: Shop, service: UtilityServiceInterface, call: str) -> None:
        with transaction.atomic(), pytest.raises(NetworkInTransaction):
            CALLS[call](service, shop)
        assert shop.seen == []
