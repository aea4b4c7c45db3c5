"""What any provider's adapter must do, whatever its wire: subclass `PortSuite` and give it the wire."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from django.db import transaction

from clustr.kit.money import Money
from clustr.kit.outbound import NetworkInTransaction, NothingSent, OutboundError, OutcomeUnknown
from clustr.payments.providers.nouns import (
    ChallengeRequired,
    ChargeRequest,
    ChargeTruth,
    Mode,
    NotFoundYet,
    NoticeKind,
    Outcome,
    PayoutRequest,
    PayoutTruth,
    SavedMethodCharge,
    VirtualAccountRequest,
)
from clustr.payments.providers.port import AlreadyKnown, NoticeRefused, NotOffered, PaymentProvider, ProviderRefused
from clustr.payments.providers.returns import RefundRequest
from clustr.payments.types import PaymentErrorType
from tests.payments.providers.wires import (
    CARD,
    EMAIL,
    SETTINGS,
    TOKEN,
    FakeCharge,
    FakeMove,
    Wire,
    answered,
    dropped,
    ngn,
    reference,
    streamed,
    strings_in,
    written,
)

SINCE, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC)
UNSENT = {
    "connect error": dropped(httpx.ConnectError),
    "connect timeout": dropped(httpx.ConnectTimeout),
    "no connection free": dropped(httpx.PoolTimeout),
}
UNHEARD = {
    "read timeout": dropped(httpx.ReadTimeout),
    "write timeout": dropped(httpx.WriteTimeout),
    "reset while reading": dropped(httpx.ReadError),
    "reset while writing": dropped(httpx.WriteError),
    "closed without an answer": dropped(httpx.RemoteProtocolError),
    "503 with JSON": answered(503, '{"status": "error", "message": "An error occurred. Please contact support"}'),
    "502 with HTML": answered(502, "<html>Bad Gateway</html>"),
    "500 with a refusal": answered(500, '{"status": false, "message": "Insufficient funds"}'),
    "HTML with 200": answered(200, "<html>Maintenance</html>"),
    "HTML with 404": answered(404, "<html>Not found</html>"),
    "empty": answered(200, ""),
    "truncated": answered(200, '{"status": true, "data": {"status": "failed", "refe'),
    "redirect": answered(302, "", location="http://169.254.169.254/"),
    "too many": answered(429, '{"status": false, "message": "Rate limited"}'),
    "too large": answered(200, '{"status": true, "data": "' + "x" * 4_200_000 + '"}'),
    "packed": answered(200, "{}", **{"content-encoding": "br"}),
    "not a number": answered(200, '{"status": true, "data": {"amount": NaN}}'),
    "a key twice": answered(200, '{"status": true, "status": false}'),
    "a list": answered(200, "[]"),
    "null": answered(200, "null"),
    "no data": answered(200, '{"status": true, "message": "ok"}'),
    "data of another type": answered(200, '{"status": "success", "data": "failed"}'),
    "empty data": answered(200, '{"status": true, "data": {}}'),
    "contradiction": answered(200, '{"status": false, "message": "Declined", "data": {"status": "failed"}}'),
    "refusal that says success": answered(400, '{"status": "success", "data": {"status": "failed"}}'),
}


FIVE_THOUSAND = ngn(500_000)


def charge_request(amount: Money = FIVE_THOUSAND, **more: Any) -> ChargeRequest:
    return ChargeRequest(
        **{
            "reference": reference(),
            "amount": amount,
            "email": EMAIL,
            "return_url": "https://estates.example/back",
            "description": "Security",
            "metadata": {"cluster": "palm-grove"},
            **more,
        }
    )


def saved_charge(amount: Money = FIVE_THOUSAND, token: str = TOKEN) -> SavedMethodCharge:
    return SavedMethodCharge(reference=reference(), amount=amount, email=EMAIL, token=token, description="Security")


def payout_request(amount: Money = FIVE_THOUSAND) -> PayoutRequest:
    return PayoutRequest(
        reference=reference(),
        amount=amount,
        bank_code="057",
        account_number="0000000000",
        account_name="ADA OKAFOR",
        narration="Palm Grove",
    )


def account_request() -> VirtualAccountRequest:
    return VirtualAccountRequest(
        reference=reference(),
        email=EMAIL,
        first_name="Bola",
        last_name="Ade",
        phone="+2348000000000",
        identity_number="22222222222",
    )


MONEY_CALLS: dict[str, Any] = {
    "start_charge": lambda provider: provider.start_charge(charge_request()),
    "charge_saved_method": lambda provider: provider.charge_saved_method(saved_charge()),
    "fetch_charge": lambda provider: provider.fetch_charge(reference=reference()),
    "fetch_charge_by_id": lambda provider: provider.fetch_charge_by_id(provider_id="77"),
    "refund_charge": lambda provider: provider.refund_charge(
        RefundRequest(reference="01kav0h2r4n8z3m5w7y9b1d2f6", charge_id="77", amount=ngn(1))
    ),
    "fetch_refund": lambda provider: provider.fetch_refund(provider_id="78"),
    "pay_out": lambda provider: provider.pay_out(payout_request()),
    "fetch_payout": lambda provider: provider.fetch_payout(reference=reference()),
}
OTHER_CALLS: dict[str, Any] = {
    "refunds_of": lambda provider: provider.refunds_of(charge_id="77"),
    "list_charges": lambda provider: list(provider.list_charges(since=SINCE, until=UNTIL)),
    "list_payouts": lambda provider: list(provider.list_payouts(since=SINCE, until=UNTIL)),
    "list_settlements": lambda provider: list(provider.list_settlements(since=SINCE, until=UNTIL)),
    "balances": lambda provider: provider.balances(),
    "list_banks": lambda provider: provider.list_banks(currency="NGN"),
    "resolve_account": lambda provider: provider.resolve_account(
        bank_code="057", account_number="0000000000", currency="NGN"
    ),
    "open_virtual_account": lambda provider: provider.open_virtual_account(account_request()),
}


def raised_by(call: Any, provider: PaymentProvider) -> Exception | None:
    """What a question raised; None if it was answered."""
    try:
        call(provider)
    except (OutboundError, ProviderRefused, AlreadyKnown) as error:
        return error
    return None


class PortSuite:
    """Subclass, and make the fixture `wire`."""

    @pytest.fixture
    def wire(self) -> Wire:
        raise NotImplementedError

    @pytest.fixture
    def provider(self, wire: Wire) -> PaymentProvider:
        return wire.provider()

    def test_it_works(self, wire: Wire, provider: PaymentProvider) -> None:
        request = charge_request()
        started = provider.start_charge(request)
        assert started.checkout_url.startswith("https://")
        charge = wire.charge(request.reference)
        assert charge is not None
        assert charge.amount == request.amount
        charge.state = "paid"
        truth = provider.fetch_charge(reference=request.reference)
        assert isinstance(truth, ChargeTruth)
        assert (truth.outcome, truth.amount, truth.mode) == (Outcome.SUCCEEDED, request.amount, Mode.TEST)
        assert truth == provider.fetch_charge_by_id(provider_id=truth.provider_id)
        assert truth.paid_at is not None
        assert truth.paid_at.tzinfo is not None
        assert truth.decline is None
        assert truth.email == EMAIL

    def test_the_adapter_is_a_provider(self, provider: PaymentProvider) -> None:
        for name in MONEY_CALLS | OTHER_CALLS | {"read_notice": None}:
            assert callable(getattr(provider, name))
        assert provider.name
        assert provider.mode is Mode.TEST

    def test_a_saved_method_is_told_without_the_number(self, wire: Wire, provider: PaymentProvider) -> None:
        charge = wire.add(FakeCharge(reference(), ngn(500_000), "paid"))
        truth = provider.fetch_charge(reference=charge.reference)
        assert isinstance(truth, ChargeTruth)
        assert truth.saved_method is not None
        assert (truth.saved_method.token, truth.saved_method.brand) == (TOKEN, "visa")
        assert truth.saved_method.last_four == CARD[-4:]
        assert (truth.saved_method.expires_month, truth.saved_method.expires_year) == (12, 2030)
        assert truth.saved_method.reusable

    def test_the_record_holds_no_secret_and_no_person(self, wire: Wire, provider: PaymentProvider) -> None:
        said = f"Declined for {EMAIL}, card {CARD}, {SETTINGS.PAYSTACK_SECRET_KEY}"
        for state in ("paid", "declined"):
            charge = wire.add(FakeCharge(reference(), ngn(500_000), state, said=said))
            truth = provider.fetch_charge(reference=charge.reference)
            assert isinstance(truth, ChargeTruth)
            held = " ".join(
                [*strings_in(dict(truth.record)), repr(truth), truth.decline.message if truth.decline else ""]
            )
            for secret in (TOKEN, CARD, CARD[:6], EMAIL, "canary", "08012345678"):
                assert secret not in held

    def test_an_unknown_reference_is_not_found_yet(self, provider: PaymentProvider) -> None:
        assert provider.fetch_charge(reference=reference()) == NotFoundYet()
        assert provider.fetch_charge_by_id(provider_id="1") == NotFoundYet()
        assert provider.fetch_payout(reference=reference()) == NotFoundYet()
        assert provider.fetch_refund(provider_id="1") == NotFoundYet()

    @pytest.mark.parametrize(
        ("state", "outcome"),
        [
            ("waiting", Outcome.PENDING),
            ("paid", Outcome.SUCCEEDED),
            ("a new word", Outcome.UNKNOWN),
            ("", Outcome.UNKNOWN),
        ],
    )
    def test_outcomes(self, wire: Wire, provider: PaymentProvider, state: str, outcome: Outcome) -> None:
        charge = wire.add(FakeCharge(reference(), ngn(500_000), state))
        truth = provider.fetch_charge(reference=charge.reference)
        assert isinstance(truth, ChargeTruth)
        assert truth.outcome is outcome

    def test_a_decline_has_a_type(self, wire: Wire, provider: PaymentProvider) -> None:
        charge = wire.add(FakeCharge(reference(), ngn(500_000), "declined", said="Insufficient Funds"))
        truth = provider.fetch_charge(reference=charge.reference)
        assert isinstance(truth, ChargeTruth)
        assert truth.outcome is Outcome.FAILED
        assert truth.decline is not None
        assert truth.decline.type is PaymentErrorType.INSUFFICIENT_FUNDS

    def test_a_fee_that_the_payer_bears_does_not_count(self, wire: Wire, provider: PaymentProvider) -> None:
        charge = wire.add(FakeCharge(reference(), ngn(500_000), "paid", fee=ngn(7_613), payer_bears_fee=True))
        truth = provider.fetch_charge(reference=charge.reference)
        assert isinstance(truth, ChargeTruth)
        assert (truth.amount, truth.charged, truth.fee) == (ngn(500_000), ngn(507_613), ngn(7_613))

    def test_an_answer_about_another_reference_is_not_believed(self, wire: Wire, provider: PaymentProvider) -> None:
        asked = wire.add(FakeCharge(reference(), ngn(500_000), "paid"))
        other = FakeCharge(reference(), ngn(500_000), "paid", id=99)
        wire.charges = [dataclasses.replace(other, reference=asked.reference)]
        wire.spoil = lambda content: _replaced(content, asked.reference, other.reference)
        with pytest.raises(OutcomeUnknown):
            provider.fetch_charge(reference=asked.reference)

    def test_a_saved_method_pays(self, wire: Wire, provider: PaymentProvider) -> None:
        request = saved_charge()
        truth = provider.charge_saved_method(request)
        assert isinstance(truth, ChargeTruth)
        assert (truth.outcome, truth.amount, truth.reference) == (Outcome.SUCCEEDED, request.amount, request.reference)

    def test_a_saved_method_may_need_the_payer(self, provider: PaymentProvider) -> None:
        challenge = provider.charge_saved_method(saved_charge(ngn(500_001)))
        assert isinstance(challenge, ChallengeRequired)
        assert challenge.url == challenge.url.strip() != ""

    def test_a_saved_method_may_be_declined(self, provider: PaymentProvider) -> None:
        truth = provider.charge_saved_method(saved_charge(ngn(500_002)))
        assert isinstance(truth, ChargeTruth)
        assert truth.outcome is Outcome.FAILED
        assert truth.decline is not None
        assert truth.decline.type is PaymentErrorType.INSUFFICIENT_FUNDS

    def test_a_token_nobody_knows_is_refused(self, provider: PaymentProvider) -> None:
        with pytest.raises(ProviderRefused) as raised:
            provider.charge_saved_method(saved_charge(token="canary-other"))
        assert raised.value.type is PaymentErrorType.INVALID_CARD

    def test_a_refund(self, wire: Wire, provider: PaymentProvider) -> None:
        charge = wire.add(FakeCharge(reference(), ngn(500_000), "paid"))
        assert provider.refunds_of(charge_id=str(charge.id)) == ()
        request = RefundRequest(reference="01kav0h2r4n8z3m5w7y9b1d2f6", charge_id=str(charge.id), amount=ngn(123_450))
        made = provider.refund_charge(request)
        assert (made.outcome, made.amount, made.charge_id) == (Outcome.PENDING, ngn(123_450), str(charge.id))
        for state, outcome in (
            ("arrived", Outcome.SUCCEEDED),
            ("failed", Outcome.FAILED),
            ("new word", Outcome.UNKNOWN),
        ):
            wire.refunds[0].state = state
            found = provider.fetch_refund(provider_id=made.provider_id)
            assert not isinstance(found, NotFoundYet)
            assert (found.outcome, found.amount) == (outcome, ngn(123_450))
        assert [refund.provider_id for refund in provider.refunds_of(charge_id=str(charge.id))] == [made.provider_id]

    def test_a_payout(self, wire: Wire, provider: PaymentProvider) -> None:
        request = payout_request()
        made = provider.pay_out(request)
        assert (made.outcome, made.amount, made.reference) == (Outcome.PENDING, request.amount, request.reference)
        for state, outcome in (
            ("arrived", Outcome.SUCCEEDED),
            ("failed", Outcome.FAILED),
            ("new word", Outcome.UNKNOWN),
        ):
            wire.payouts[0].state = state
            found = provider.fetch_payout(reference=request.reference)
            assert isinstance(found, PayoutTruth)
            assert (found.outcome, found.amount) == (outcome, request.amount)
            assert (found.decline is not None) == (outcome is Outcome.FAILED)

    def test_a_payout_beyond_the_balance_is_refused(self, provider: PaymentProvider) -> None:
        with pytest.raises(ProviderRefused) as raised:
            provider.pay_out(payout_request(ngn(90_000_001)))
        assert raised.value.type is PaymentErrorType.INSUFFICIENT_FUNDS

    def test_banks_and_names(self, provider: PaymentProvider) -> None:
        banks = provider.list_banks(currency="NGN")
        assert [(bank.code, bank.name) for bank in banks] == [("057", "Bank of Palms")]
        assert provider.resolve_account(bank_code="057", account_number="0000000000", currency="NGN") == "ADA OKAFOR"
        with pytest.raises(ProviderRefused):
            provider.resolve_account(bank_code="057", account_number="1111111111", currency="NGN")
        with pytest.raises(NotOffered):
            provider.resolve_account(bank_code="057", account_number="0000000000", currency="XAF")

    def test_a_virtual_account(self, provider: PaymentProvider) -> None:
        assert provider.open_virtual_account(account_request()).account_number == "1230001644"

    def test_every_charge_of_a_window_is_listed_once(self, wire: Wire, provider: PaymentProvider) -> None:
        for number in range(120):
            wire.add(FakeCharge(reference(), ngn(100 + number), "paid"))
        wire.add(FakeCharge(reference(), ngn(1), "paid", created_at="2026-02-27T10:00:00.000Z"))
        listed = list(provider.list_charges(since=SINCE, until=UNTIL))
        rows = [truth for page in listed for truth in page.rows]
        assert len(listed) == 3
        assert [truth.amount.minor for truth in rows] == list(range(100, 220))
        assert [page.unreadable for page in listed] == [(), (), ()]

    def test_a_row_that_cannot_be_read_is_reported(self, wire: Wire, provider: PaymentProvider) -> None:
        wire.add(FakeCharge(reference(), ngn(100), "paid"))
        bad = wire.add(FakeCharge(reference(), ngn(200), "paid"))
        wire.spoil = lambda content: _replaced(content, bad.reference, None)
        (page,) = provider.list_charges(since=SINCE, until=UNTIL)
        assert [truth.amount for truth in page.rows] == [ngn(100)]
        assert page.unreadable == (str(bad.id),)

    def test_the_same_page_for_ever_ends(self, wire: Wire, provider: PaymentProvider) -> None:
        wire.charges = [FakeCharge(reference(), ngn(100), "paid", id=number) for number in range(1, 101)]
        first: list[str] = []

        def stuck(request: httpx.Request) -> httpx.Response | None:
            if not first:
                wire.fault = None
                first.append(wire.handle(request).read().decode())
                wire.fault = stuck
            return streamed(200, first[0])

        wire.fault = stuck
        with pytest.raises(OutcomeUnknown):
            list(provider.list_charges(since=SINCE, until=UNTIL))

    def test_payouts_are_listed(self, wire: Wire, provider: PaymentProvider) -> None:
        references = [reference(), reference()]
        wire.payouts = [FakeMove(name, ngn(100), id=number) for number, name in enumerate(references, start=1)]
        (page,) = provider.list_payouts(since=SINCE, until=UNTIL)
        assert [(truth.reference, truth.amount) for truth in page.rows] == [(name, ngn(100)) for name in references]

    def test_settlements_add_up(self, wire: Wire, provider: PaymentProvider) -> None:
        wire.settlements = [FakeMove("", ngn(1_000_000), fee=15_050, id=5)]
        (page,) = provider.list_settlements(since=SINCE, until=UNTIL)
        (found,) = page.rows
        assert (found.gross, found.fee, found.net, found.other) == (ngn(1_000_000), ngn(15_050), ngn(984_950), ngn(0))
        assert found.paid
        assert found.to_bank

    def test_balances(self, wire: Wire, provider: PaymentProvider) -> None:
        assert provider.balances() == ()
        wire.held = [ngn(123_456_789), Money(-5_000, "USD"), Money(7_500, "XOF")]
        assert [held.available for held in provider.balances()] == wire.held, "also what is below zero"
        assert {held.collected for held in provider.balances()} == {None}

    @pytest.mark.parametrize("call", MONEY_CALLS | OTHER_CALLS)
    def test_inside_a_transaction_nothing_is_asked(self, wire: Wire, provider: PaymentProvider, call: str) -> None:
        with pytest.raises(NetworkInTransaction), transaction.atomic():
            (MONEY_CALLS | OTHER_CALLS)[call](provider)
        assert wire.seen == []

    @pytest.mark.parametrize("fault", UNSENT)
    def test_what_was_not_sent_is_told_apart(self, wire: Wire, provider: PaymentProvider, fault: str) -> None:
        wire.fault = UNSENT[fault]
        for name, call in (MONEY_CALLS | OTHER_CALLS).items():
            raised = raised_by(call, provider)
            assert isinstance(raised, NothingSent), name
            assert "canary" not in str(raised)

    @pytest.mark.parametrize("fault", UNHEARD)
    def test_what_was_not_heard_is_never_a_failure(self, wire: Wire, provider: PaymentProvider, fault: str) -> None:
        """Nor a refusal: `OutcomeUnknown`, or `NothingSent` where the fault came before the step that moves money."""
        wire.fault = UNHEARD[fault]
        for name, call in (MONEY_CALLS | OTHER_CALLS).items():
            wire.seen.clear()
            raised = raised_by(call, provider)
            assert isinstance(raised, OutcomeUnknown | NothingSent), name
            assert "canary" not in str(raised)
            if name in ("start_charge", "charge_saved_method", "refund_charge"):
                assert isinstance(raised, OutcomeUnknown), name
                assert len(wire.seen) == 1, "what may have been heard is not said twice"

    def test_the_first_notice_and_every_repeat_have_one_key(self, wire: Wire, provider: PaymentProvider) -> None:
        charge = wire.add(FakeCharge(reference(), ngn(500_000), "paid"))
        body = written(wire.news_of(charge)).encode()
        headers = wire.headers_for(body)
        notice = provider.read_notice(raw_body=body, headers=headers)
        assert (notice.kind, notice.reference, notice.provider_id) == (
            NoticeKind.CHARGE,
            charge.reference,
            str(charge.id),
        )
        assert provider.read_notice(raw_body=body, headers={k.lower(): v for k, v in headers.items()}) == notice
        other = wire.add(FakeCharge(charge.reference, ngn(500_000), "paid"))
        again = written(wire.news_of(other)).encode()
        assert provider.read_notice(raw_body=again, headers=wire.headers_for(again)).key != notice.key

    @pytest.mark.parametrize(
        "spoilt",
        [
            lambda name, value: {},
            lambda name, value: {name: ""},
            lambda name, value: {name: value.swapcase()},
            lambda name, value: {name: value + " "},
            lambda name, value: {name: value[:-1]},
            lambda name, value: {name: f"{value}, {value}"},
            lambda name, value: {name: [value]},
            lambda name, value: {name: None},
            lambda name, value: {name: value, name.lower(): value},
            lambda name, value: {name: value[:-1] + "\u00e9"},
            lambda name, value: {"X-Other": value},
        ],
    )
    def test_a_wrong_signature_is_refused(self, wire: Wire, provider: PaymentProvider, spoilt: Any) -> None:
        body = written(wire.news_of(wire.add(FakeCharge(reference(), ngn(500_000), "paid")))).encode()
        ((name, value),) = wire.headers_for(body).items()
        with pytest.raises(NoticeRefused):
            provider.read_notice(raw_body=body, headers=spoilt(name, value))

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b"null", b'{"event": 1}', b'{"data": {}}', b"\xff", b'{"event":"new.thing"}']
    )
    def test_signed_nonsense_is_some_other_notice(self, wire: Wire, provider: PaymentProvider, body: bytes) -> None:
        notice = provider.read_notice(raw_body=body, headers=wire.headers_for(body))
        assert notice.kind is NoticeKind.OTHER
        assert notice.key.startswith("sha256:")


def _replaced(content: Any, old: str, new: str | None) -> Any:
    """The same answer with one text changed everywhere."""
    if isinstance(content, dict):
        return {name: _replaced(held, old, new) for name, held in content.items()}
    if isinstance(content, list):
        return [_replaced(held, old, new) for held in content]
    return new if content == old else content
