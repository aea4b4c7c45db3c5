"""What only one provider does: references used twice, several attempts, sending again, keys that change."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.payments.providers.nouns import ChargeTruth, NotFoundYet, Outcome, PayoutTruth
from clustr.payments.providers.paystack_wire import charge_truth, payout_truth
from clustr.payments.providers.port import AlreadyKnown, NotOffered, ProviderRefused
from tests.payments.providers.flutterwave_wire import FlutterwaveWire
from tests.payments.providers.paystack_wire import PaystackWire, transfer
from tests.payments.providers.port_suite import (
    MONEY_CALLS,
    account_request,
    charge_request,
    payout_request,
    saved_charge,
)
from tests.payments.providers.wires import FakeCharge, FakeMove, Wire, ngn, reference, reply, streamed, written


def failing_once(wire: Wire, at: str, then: httpx.Response | type[httpx.TransportError]) -> None:
    """The next request to `at` reaches the provider, and its answer is lost in this way."""

    def fault(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith(at):
            return None
        wire.fault = None
        wire.handle(request)
        wire.seen.pop()
        if isinstance(then, httpx.Response):
            return then
        raise then("lost", request=request)

    wire.fault = fault


class TestPaystack:
    def test_a_reference_used_twice_is_known_already(self) -> None:
        provider, request = PaystackWire().provider(), charge_request()
        provider.start_charge(request)
        with pytest.raises(AlreadyKnown):
            provider.start_charge(request)

    def test_abandoned_is_not_final(self) -> None:
        wire = PaystackWire()
        charge = wire.add(FakeCharge(reference(), ngn(100), "abandoned"))
        for state, outcome in (("abandoned", Outcome.PENDING), ("success", Outcome.SUCCEEDED)):
            charge.state = state
            truth = wire.provider().fetch_charge(reference=charge.reference)
            assert isinstance(truth, ChargeTruth)
            assert truth.outcome is outcome

    @pytest.mark.parametrize(
        ("state", "outcome"), [("reversed", Outcome.REVERSED), ("reversal-pending", Outcome.UNKNOWN)]
    )
    def test_money_on_its_way_back_is_not_decided(self, state: str, outcome: Outcome) -> None:
        shape = PaystackWire().shape(FakeCharge(reference(), ngn(100), state, id=1))
        assert charge_truth(shape).outcome is outcome

    def test_a_charge_of_the_other_mode_says_so(self) -> None:
        shape = PaystackWire().shape(FakeCharge(reference(), ngn(100), "paid", id=1))
        assert charge_truth({**shape, "domain": "live"}).mode == "live"
        with pytest.raises(OutcomeUnknown):
            charge_truth({**shape, "domain": "staging"})

    @pytest.mark.parametrize("kind", ["", 0, None, "text", [], {"receiver_account_number": "1230001644"}])
    def test_metadata_of_any_kind(self, kind: Any) -> None:
        shape = PaystackWire().shape(FakeCharge(reference(), ngn(100), "paid", id=1))
        assert charge_truth({**shape, "metadata": kind}).receiving_account == (
            "1230001644" if kind and isinstance(kind, dict) else ""
        )

    def test_a_payout_that_was_not_heard_is_sent_again_with_its_reference(self) -> None:
        wire = PaystackWire()
        failing_once(wire, "/transfer", httpx.ReadTimeout)
        request = payout_request()
        assert wire.provider().pay_out(request).reference == request.reference
        sent = [json.loads(seen.content)["reference"] for seen in wire.seen if seen.url.path == "/transfer"]
        assert sent == [request.reference] * 2
        assert len(wire.payouts) == 1
        assert len(wire.slept) == 1

    def test_a_refusal_of_the_repeat_proves_nothing(self) -> None:
        """The first may have been heard, and have taken the balance that the second misses."""
        wire = PaystackWire()
        refusal = reply(400, {"status": False, "message": "Your balance is not enough to fulfil this request"})
        left = [httpx.ReadTimeout, refusal]

        def fault(request: httpx.Request) -> httpx.Response | None:
            if request.url.path != "/transfer":
                return None
            first = left.pop(0)
            if isinstance(first, httpx.Response):
                return first
            raise first("lost", request=request)

        wire.fault = fault
        with pytest.raises(OutcomeUnknown):
            wire.provider().pay_out(payout_request())

    def test_a_recipient_that_is_not_known_means_that_no_money_moved(self) -> None:
        wire = PaystackWire()
        wire.fault = lambda request: streamed(503, "") if request.url.path == "/transferrecipient" else None
        with pytest.raises(NothingSent):
            wire.provider().pay_out(payout_request())
        assert wire.payouts == []

    @pytest.mark.parametrize(
        ("state", "outcome"),
        [
            ("otp", Outcome.PENDING),
            ("received", Outcome.PENDING),
            ("abandoned", Outcome.FAILED),
            ("blocked", Outcome.FAILED),
            ("rejected", Outcome.FAILED),
            ("reversed", Outcome.REVERSED),
        ],
    )
    def test_states_of_a_payout(self, state: str, outcome: Outcome) -> None:
        truth = payout_truth(transfer(FakeMove(reference(), ngn(100), state, id=1)))
        assert (truth.outcome, truth.needs_person) == (outcome, state == "otp")

    def test_a_decline_with_a_client_error_is_a_decline(self) -> None:
        """Seen for a wrong PIN, against its own documentation."""
        wire, request = PaystackWire(), saved_charge()
        data = {"status": "failed", "reference": request.reference, "message": "Incorrect PIN"}
        wire.fault = lambda _request: reply(400, {"status": False, "message": "Charge attempted", "data": data})
        truth = wire.provider().charge_saved_method(request)
        assert isinstance(truth, ChargeTruth)
        assert (truth.outcome, truth.amount) == (Outcome.FAILED, request.amount)

    def test_a_client_error_that_tells_of_success_is_not_believed(self) -> None:
        wire, request = PaystackWire(), saved_charge()
        charge = wire.add(FakeCharge(request.reference, request.amount, "paid"))
        wire.fault = lambda _request: reply(400, {"status": False, "message": "", "data": wire.shape(charge)})
        with pytest.raises(OutcomeUnknown):
            wire.provider().charge_saved_method(request)

    def test_no_such_address_does_not_mean_no_such_charge(self) -> None:
        wire = PaystackWire()
        said = {"status": False, "message": "Endpoint not found", "type": "api_error", "code": "not_found"}
        wire.fault = lambda _request: reply(404, said)
        with pytest.raises(OutcomeUnknown):
            wire.provider().fetch_charge(reference=reference())

    @pytest.mark.parametrize("name", ["", ".", ".."])
    def test_a_name_that_is_none_is_not_sent(self, name: str) -> None:
        wire = PaystackWire()
        for ask in (wire.provider().fetch_charge, wire.provider().fetch_payout):
            with pytest.raises(NothingSent):
                ask(reference=name)
        assert wire.seen == []

    def test_a_reference_cannot_lead_elsewhere(self) -> None:
        wire = PaystackWire()
        assert wire.provider().fetch_charge(reference="../../balance?x=1#") == NotFoundYet()
        assert wire.seen[0].url.raw_path == b"/transaction/verify/..%2F..%2Fbalance%3Fx%3D1%23"

    def test_a_refund_is_asked_for_by_its_charge_where_no_id_is_told(self) -> None:
        wire = PaystackWire()
        data = {"status": "processed", "transaction_reference": "ours", "refund_reference": "TRF_1"}
        body = written({"event": "refund.processed", "data": data}).encode()
        notice = wire.provider().read_notice(raw_body=body, headers=wire.headers_for(body))
        assert (notice.reference, notice.provider_id, notice.key) == ("ours", "", "refund.processed:TRF_1:processed")

    @pytest.mark.parametrize(
        ("http_status", "status"), [(200, False), (400, True), (200, "true"), (200, None), (200, 1)]
    )
    def test_an_envelope_that_contradicts_its_status_is_not_believed(self, http_status: int, status: Any) -> None:
        """Whatever full and final truth is inside."""
        wire = PaystackWire()
        charge = wire.add(FakeCharge(reference(), ngn(100), "declined", said="Declined"))
        wire.fault = lambda _request: reply(http_status, {"status": status, "message": "", "data": wire.shape(charge)})
        with pytest.raises(OutcomeUnknown):
            wire.provider().fetch_charge(reference=charge.reference)

    def test_two_refunds_without_ids_are_two_pieces_of_news(self) -> None:
        wire = PaystackWire()
        keys = set()
        for amount in ("100", "200"):
            data = {"status": "pending", "transaction_reference": "t1", "refund_reference": None, "amount": amount}
            body = written({"event": "refund.pending", "data": data}).encode()
            keys.add(wire.provider().read_notice(raw_body=body, headers=wire.headers_for(body)).key)
        assert len(keys) == 2


class TestFlutterwave:
    def test_an_attempt_that_failed_does_not_hide_one_that_paid(self) -> None:
        wire, name = FlutterwaveWire(), reference()
        wire.add(FakeCharge(name, ngn(100), "declined", said="Insufficient Funds"))
        paid = wire.add(FakeCharge(name, ngn(100), "paid"))
        truth = wire.provider().fetch_charge(reference=name)
        assert isinstance(truth, ChargeTruth)
        assert (truth.outcome, truth.provider_id) == (Outcome.SUCCEEDED, str(paid.id))

    def test_a_failure_that_cannot_be_checked_is_not_believed(self) -> None:
        wire, name = FlutterwaveWire(), reference()
        wire.add(FakeCharge(name, ngn(100), "declined", said="Declined"))
        wire.fault = lambda request: streamed(503, "{}") if request.url.path == "/v3/transactions" else None
        with pytest.raises(OutcomeUnknown):
            wire.provider().fetch_charge(reference=name)

    def test_a_list_that_was_not_filtered_proves_no_absence(self) -> None:
        wire = FlutterwaveWire()
        page = {"page_info": {"total_pages": 9}}
        wire.fault = lambda _request: reply(
            200, {"status": "success", "data": [{"id": 1, "reference": "another"}], "meta": page}
        )
        with pytest.raises(OutcomeUnknown):
            wire.provider().fetch_payout(reference=reference())

    def test_of_two_payouts_with_one_reference_the_one_that_arrived_counts(self) -> None:
        wire, name = FlutterwaveWire(), reference()
        wire.payouts = [
            FakeMove(name, ngn(100), state, id=id) for id, state in enumerate(["failed", "arrived", "waiting"])
        ]
        truth = wire.provider().fetch_payout(reference=name)
        assert isinstance(truth, PayoutTruth)
        assert truth.outcome is Outcome.SUCCEEDED

    def test_a_payout_is_sent_once(self) -> None:
        wire = FlutterwaveWire()
        failing_once(wire, "/transfers", httpx.ReadTimeout)
        request = payout_request()
        with pytest.raises(OutcomeUnknown):
            wire.provider().pay_out(request)
        assert len(wire.payouts) == len(wire.seen) == 1
        with pytest.raises(AlreadyKnown):
            wire.provider().pay_out(request)

    def test_chargebacks_are_listed_by_their_charge(self) -> None:
        """As the reference shows them (https://developer.flutterwave.com/reference/endpoints/charge-backs/)."""
        wire = FlutterwaveWire()
        charge = wire.add(FakeCharge(reference(), ngn(10_000), "paid"))
        row = {
            "id": 1390,
            "amount": 99.5,
            "flw_ref": "URF_1600800139900_3999635",
            "status": "lost",
            "stage": "new",
            "comment": "This is the payment",
            "meta": {"uploaded_proof": None, "history": []},
            "due_date": "2020-09-23T15:59:59.000Z",
            "settlement_id": "N/A",
            "created_at": "2020-09-22T19:01:28.000Z",
            "transaction_id": charge.id,
            "tx_ref": charge.reference,
        }
        provider = wire.provider()
        assert provider.disputes_of(charge_id=str(charge.id)) == ()
        states = ("lost", "accepted", "won", "initiated", "declined", "a new word")
        wire.chargebacks = [row | {"id": number, "status": state} for number, state in enumerate(states, start=1)]
        found = provider.disputes_of(charge_id=str(charge.id))
        assert [truth.state for truth in found] == ["lost", "lost", "won", "open", "open", "open"]
        assert {(truth.amount, truth.reference, truth.charge_id, truth.mode) for truth in found} == {
            (ngn(9_950), charge.reference, str(charge.id), provider.mode)
        }
        day = datetime(2020, 9, 22, tzinfo=UTC)
        listed = provider.disputed_charges(since=day, until=day + timedelta(days=1))
        assert {charge_id for page in listed for charge_id in page.rows} == {str(charge.id)}
        with pytest.raises(NotOffered):
            provider.fetch_dispute(provider_id="1")

    @pytest.mark.parametrize(
        "body",
        [
            {"event": "chargeback", "data": {"id": 3, "transaction_id": 77, "tx_ref": "01kav0", "status": "lost"}},
            {"event": "chargeback.lost", "data": {"id": 3, "transaction_id": 77, "tx_ref": "01kav0"}},
            {"event.type": "Chargeback", "TransactionId": 77, "txRef": "01kav0", "id": 3, "status": "initiated"},
        ],
    )
    def test_a_notice_of_a_chargeback_names_its_transaction(self, body: dict[str, Any]) -> None:
        wire = FlutterwaveWire()
        raw = json.dumps(body).encode()
        notice = wire.provider().read_notice(raw_body=raw, headers=wire.headers_for(raw))
        assert (notice.kind, notice.provider_id, notice.reference) == ("dispute", "77", "01kav0")

    def test_a_lasting_account_needs_an_identity(self) -> None:
        wire, request = FlutterwaveWire(), account_request()
        object.__setattr__(request, "identity_number", "")
        with pytest.raises(NotOffered):
            wire.provider().open_virtual_account(request)
        assert wire.seen == []

    @pytest.mark.parametrize(("http_status", "status"), [(200, "error"), (400, "success"), (200, "ok"), (200, True)])
    def test_an_envelope_that_contradicts_its_status_is_not_believed(self, http_status: int, status: Any) -> None:
        """Whatever full and final truth is inside."""
        wire = FlutterwaveWire()
        charge = wire.add(FakeCharge(reference(), ngn(100), "declined", said="Declined"))
        wire.fault = lambda _request: reply(http_status, {"status": status, "message": "", "data": wire.shape(charge)})
        with pytest.raises(OutcomeUnknown):
            wire.provider().fetch_charge(reference=charge.reference)

    def test_both_shapes_of_a_delivery_are_the_same_news(self) -> None:
        wire = FlutterwaveWire()
        nested = {"event": "charge.completed", "data": {"id": 5, "tx_ref": "ours", "status": "successful"}}
        flat = {"id": 5, "txRef": "ours", "status": "successful", "event.type": "CARD_TRANSACTION"}
        read = [
            wire.provider().read_notice(raw_body=body, headers=wire.headers_for(body))
            for body in (written(nested).encode(), written(flat).encode())
        ]
        assert read[0] == read[1]

    def test_the_newer_versions_signature_is_not_accepted(self) -> None:
        from clustr.payments.providers.port import NoticeRefused

        wire = FlutterwaveWire()
        ((_, secret),) = wire.headers_for(b"{}").items()
        with pytest.raises(NoticeRefused):
            wire.provider().read_notice(raw_body=b"{}", headers={"flutterwave-signature": secret})


@pytest.mark.parametrize("wire", [PaystackWire(), FlutterwaveWire()], ids=["paystack", "flutterwave"])
def test_while_a_key_changes_both_are_accepted(wire: Wire) -> None:
    body = written(wire.news_of(FakeCharge(reference(), ngn(100), "paid", id=3))).encode()
    new, old = (
        wire.provider().read_notice(raw_body=body, headers=wire.headers_for(body, rotated=r)) for r in (False, True)
    )
    assert new == old


@pytest.mark.parametrize("wire", [PaystackWire(), FlutterwaveWire()], ids=["paystack", "flutterwave"])
def test_a_wrong_key_is_ours_to_put_right(wire: Wire) -> None:
    no: dict[str, Any] = {"status": False if isinstance(wire, PaystackWire) else "error", "message": "Invalid key"}
    wire.fault = lambda _request: reply(401, no)
    with pytest.raises(ProviderRefused, match="AUTHENTICATION_ERROR"):
        wire.provider().fetch_charge(reference=reference())


ACCIDENTS = [
    (PaystackWire, {"status": False, "message": "An error occurred"}),
    (PaystackWire, {"status": False, "message": "Cannot do this now", "type": "api_error", "code": "unknown"}),
    (PaystackWire, {"status": False, "message": "Request timed out"}),
    (FlutterwaveWire, {"status": "error", "message": "An error occured. Please contact support", "data": None}),
    (FlutterwaveWire, {"status": "error", "message": "Transaction in progress", "data": None}),
]


@pytest.mark.parametrize(("kind", "said"), ACCIDENTS)
@pytest.mark.parametrize("call", ["charge_saved_method", "refund_charge", "pay_out"])
def test_an_accident_that_is_blamed_on_the_request_is_no_refusal(
    kind: type[Wire], said: dict[str, Any], call: str
) -> None:
    """A card was debited by a call that answered so."""
    wire = kind()
    wire.fault = lambda request: None if request.url.path == "/transferrecipient" else reply(400, said)
    with pytest.raises(OutcomeUnknown):
        MONEY_CALLS[call](wire.provider())
