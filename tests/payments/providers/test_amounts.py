"""An amount comes back from each wire as it went, in every currency: an error by a hundred cannot pass."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustr.kit.money import DECIMALS, MAX_MINOR, Money
from clustr.kit.outbound import OutcomeUnknown
from clustr.payments.providers import flutterwave_wire as flutterwave
from clustr.payments.providers import paystack_wire as paystack
from clustr.payments.providers.nouns import ChargeRequest, ChargeTruth, Mode, Outcome
from clustr.payments.providers.port import NotOffered
from clustr.payments.providers.reading import NotUnderstood, rounded_money
from tests.payments.providers.flutterwave_wire import FlutterwaveWire
from tests.payments.providers.paystack_wire import PaystackWire
from tests.payments.providers.port_suite import charge_request, payout_request
from tests.payments.providers.wires import FakeCharge, Wire, ngn, reference

minors = st.integers(min_value=1, max_value=MAX_MINOR // 1000)
WIRES = [(PaystackWire, sorted(paystack.CURRENCIES)), (FlutterwaveWire, sorted(DECIMALS))]


@pytest.mark.parametrize(("kind", "currencies"), WIRES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_it_works(kind: type[Wire], currencies: list[str], data: st.DataObject) -> None:
    """Out by a request and back by the truth; the fake reads the wire by a table of its own."""
    amount = Money(data.draw(minors), data.draw(st.sampled_from(currencies)))
    wire = kind()
    request = charge_request(amount)
    wire.provider().start_charge(request)
    charge = wire.charge(request.reference)
    assert charge is not None
    assert charge.amount == amount
    charge.state = "paid"
    truth = wire.provider().fetch_charge(reference=request.reference)
    assert isinstance(truth, ChargeTruth)
    assert truth.amount == amount
    assert '"currency":"' + amount.currency + '"' in wire.seen[0].content.decode()


@pytest.mark.parametrize(
    ("amount", "hundredths", "major"),
    [
        (Money(500_000, "NGN"), "500000", "5000.00"),
        (Money(1, "NGN"), "1", "0.01"),
        (Money(1999, "USD"), "1999", "19.99"),
        (Money(2000, "XOF"), "200000", "2000"),
        (Money(1, "XOF"), "100", "1"),
    ],
)
def test_the_bytes_on_the_wire(amount: Money, hundredths: str, major: str) -> None:
    first, second = PaystackWire(), FlutterwaveWire()
    first.provider().start_charge(charge_request(amount))
    assert f'"amount":{hundredths},' in first.seen[0].content.decode()
    second.provider().start_charge(charge_request(amount))
    assert f'"amount":"{major}",' in second.seen[0].content.decode()
    second.provider().pay_out(payout_request(amount))
    assert f'"amount":{major},' in second.seen[1].content.decode()


@pytest.mark.parametrize("currency", sorted(set(DECIMALS) - paystack.CURRENCIES))
def test_a_currency_that_is_not_taken_is_not_sent(currency: str) -> None:
    wire = PaystackWire()
    with pytest.raises(NotOffered):
        wire.provider().start_charge(charge_request(Money(100, currency)))
    assert wire.seen == []


def charge(**changed: Any) -> dict[str, Any]:
    return {**PaystackWire().shape(FakeCharge(reference(), ngn(100), "paid", id=1)), **changed}


@pytest.mark.parametrize(
    "amount",
    [
        None,
        True,
        "",
        "1e3",
        "100.5",
        "NaN",
        "Infinity",
        "٣",
        Decimal("100.5"),
        -100,
        [100],
        {"amount": 100},
        10**16,
        "1 00",
    ],
)
def test_an_amount_that_is_none_is_not_understood(amount: Any) -> None:
    for changed in ({"amount": amount}, {"requested_amount": amount}):
        if changed != {"requested_amount": None}:
            with pytest.raises(NotUnderstood):
                paystack.charge_truth(charge(**changed))


@pytest.mark.parametrize("currency", [None, "", "ngn", "NAIRA", "BTC", 566, ["NGN"]])
def test_a_currency_that_is_none_is_not_understood(currency: Any) -> None:
    with pytest.raises(NotUnderstood):
        paystack.charge_truth(charge(currency=currency))


def test_hundredths_of_a_currency_without_any_are_not_understood() -> None:
    assert paystack.charge_truth(charge(currency="XOF", amount=200_000, requested_amount=200_000)).amount == Money(
        2000, "XOF"
    )
    with pytest.raises(NotUnderstood):
        paystack.charge_truth(charge(currency="XOF", amount=200_050, requested_amount=200_050))


@pytest.mark.parametrize(
    ("amount", "requested", "counts"), [(40_333, 30_050, 30_050), (20_000, 30_050, 20_000), (100, 100, 100)]
)
def test_what_counts_is_the_smaller_of_asked_and_taken(amount: int, requested: int, counts: int) -> None:
    """The payer may bear the fee (more was taken), or the bank may give a part (less was)."""
    assert paystack.charge_truth(charge(amount=amount, requested_amount=requested)).amount == ngn(counts)


@pytest.mark.parametrize(
    ("amount", "charged", "counts"),
    [(100, 101.5, 10_000), (100, 60, 6_000), ("100.00", "100", 10_000), ("0.1", None, 10)],
)
def test_what_counts_in_major_units(amount: Any, charged: Any, counts: int) -> None:
    exact = {
        name: Decimal(str(held)) if isinstance(held, float) else held for name, held in (("a", amount), ("c", charged))
    }
    shape = FlutterwaveWire().shape(FakeCharge(reference(), ngn(100), "paid", id=1))
    truth = flutterwave.charge_truth({**shape, "amount": exact["a"], "charged_amount": exact["c"]}, mode=Mode.TEST)
    assert (truth.amount, truth.outcome) == (ngn(counts), Outcome.SUCCEEDED)


def test_a_fee_is_told_to_the_nearest_kobo() -> None:
    assert rounded_money(Decimal("26.875"), "NGN") == ngn(2_688)
    assert rounded_money(Decimal("0.02"), "NGN") == ngn(2)
    assert rounded_money(None, "NGN") is None


@pytest.mark.parametrize("name", ["reference", "amount"])
def test_a_payout_answered_otherwise_is_not_believed(name: str) -> None:
    for wire in (PaystackWire(), FlutterwaveWire()):
        wire.spoil = lambda content: {
            **content,
            "data": {**content["data"], name: reference() if name == "reference" else 1},
        }
        with pytest.raises(OutcomeUnknown):
            wire.provider().pay_out(payout_request())


def test_a_request_that_moves_nothing_is_a_bug() -> None:
    with pytest.raises(ValueError, match="more than nothing"):
        charge_request(ngn(0))


@pytest.mark.parametrize(
    "bad", ["short", "a" * 51, "With-Capitals-0000", "under_score_000000", "semi;colon-000000", ""]
)
def test_a_reference_that_a_provider_refuses_is_a_bug(bad: str) -> None:
    with pytest.raises(ValueError, match="a reference is"):
        ChargeRequest(reference=bad, amount=ngn(1), email="", return_url="", description="")


def test_a_number_is_written_as_it_is() -> None:
    wire = FlutterwaveWire()
    wire.provider().pay_out(payout_request(ngn(10_000_001)))
    body = json.loads(wire.seen[0].content, parse_float=Decimal)
    assert body["amount"] == Decimal("100000.01")
