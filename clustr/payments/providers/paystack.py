"""Paystack. Amounts in hundredths, one transaction for each reference, deliveries signed with the secret key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from clustr.kit.exact_json import write_json
from clustr.kit.money import Money
from clustr.kit.outbound import QUICK_SECONDS, NothingSent, Outbound, OutcomeUnknown
from clustr.payments.providers.nouns import (
    Balance,
    Bank,
    Bounds,
    ChallengeRequired,
    ChargeRequest,
    ChargeTruth,
    CheckoutStarted,
    Mode,
    NotFoundYet,
    Notice,
    Outcome,
    Page,
    PayoutRequest,
    PayoutTruth,
    SavedMethodCharge,
    Settlement,
    VirtualAccount,
    VirtualAccountRequest,
)
from clustr.payments.providers.paging import every_row, pages, within
from clustr.payments.providers.paystack_accounts import list_paystack_banks, open_paystack_account
from clustr.payments.providers.paystack_disputes import (
    disputed_charge,
    fetch_paystack_dispute,
    paystack_disputes_of,
)
from clustr.payments.providers.paystack_notices import read_paystack_notice
from clustr.payments.providers.paystack_wire import (
    balances,
    charge_truth,
    opened,
    payout_truth,
    refund_truth,
    refunded_charge,
    settlement,
    to_wire,
)
from clustr.payments.providers.port import Connect, NotOffered
from clustr.payments.providers.reading import (
    NotUnderstood,
    checkout_address,
    mapping,
    needed_text,
    optional_mapping,
    rows,
    text,
    whole,
)
from clustr.payments.providers.refusing import asking_about_an_account
from clustr.payments.providers.returns import DisputeTruth, RefundRequest, RefundTruth

_RECIPIENTS = {"NGN": "nuban", "GHS": "ghipss", "ZAR": "basa", "KES": "kepss"}
_LEAST_MINOR = {"NGN": 50_00, "USD": 2_00, "GHS": 10, "ZAR": 1_00, "KES": 3_00, "XOF": 1}
_MOST_MINOR = {"NGN": 10_000_000_00}
"""Of one charge, as its documents say."""
_PAGE_ROWS = 50
_NAMED_IN = frozenset({"NGN", "GHS"})


class Paystack:
    """The port, spoken to Paystack."""

    name = "paystack"

    def __init__(self, *, secret_key: str, accepted: Sequence[str], outbound: Outbound) -> None:
        """`accepted`: the secret keys whose signatures count: this one, and during a change the one before."""
        self.mode = Mode.TEST if secret_key.startswith("sk_test_") else Mode.LIVE
        self._accepted = [key.encode() for key in accepted if key]
        self._outbound = outbound

    def charge_bounds(self, *, currency: str) -> Bounds:
        least, most = _LEAST_MINOR.get(currency), _MOST_MINOR.get(currency)
        return Bounds(
            least=None if least is None else Money(least, currency),
            most=None if most is None else Money(most, currency),
        )

    def start_charge(self, request: ChargeRequest) -> CheckoutStarted:
        envelope = opened(
            self._outbound.post(
                "transaction",
                "initialize",
                body={
                    "email": request.email,
                    "amount": to_wire(request.amount),
                    "currency": request.amount.currency,
                    "reference": request.reference,
                    "callback_url": request.return_url,
                    "metadata": {**request.metadata, "description": request.description},
                },
                within_seconds=QUICK_SECONDS,
            )
        )
        data = mapping(envelope.content(), "data")
        if text(data.get("reference")) != request.reference:
            raise NotUnderstood("reference")
        return CheckoutStarted(
            checkout_url=checkout_address(data.get("authorization_url")),
            provider_reference=text(data.get("access_code")) or None,
        )

    def charge_saved_method(self, request: SavedMethodCharge) -> ChargeTruth | ChallengeRequired:
        envelope = opened(
            self._outbound.post(
                "transaction",
                "charge_authorization",
                body={
                    "email": request.email,
                    "amount": to_wire(request.amount),
                    "authorization_code": request.token,
                    "reference": request.reference,
                    "currency": request.amount.currency,
                    "metadata": write_json({**request.metadata, "description": request.description}),
                },
            )
        )
        data = optional_mapping(envelope.data)
        if not envelope.done and "status" not in data:
            envelope.content()
        if data.get("paused") is True and "authorization_url" in data:
            return ChallengeRequired(url=checkout_address(data["authorization_url"]))
        truth = _about(charge_truth(data, asked=request.amount, mode=self.mode), request.reference)
        if not envelope.done and truth.outcome is not Outcome.FAILED:
            raise NotUnderstood("a refusal that tells of no failure")
        return truth

    def fetch_charge(self, *, reference: str) -> ChargeTruth | NotFoundYet:
        envelope = opened(self._outbound.get("transaction", "verify", reference))
        if not envelope.done and envelope.unknown_reference:
            return NotFoundYet()
        return _about(charge_truth(envelope.content()), reference)

    def fetch_charge_by_id(self, *, provider_id: str) -> ChargeTruth | NotFoundYet:
        envelope = opened(self._outbound.get("transaction", provider_id))
        if not envelope.done and envelope.unknown_reference:
            return NotFoundYet()
        truth = charge_truth(envelope.content())
        if truth.provider_id != provider_id:
            raise NotUnderstood("id")
        return truth

    def list_charges(self, *, since: datetime, until: datetime) -> Iterator[Page[ChargeTruth]]:
        def read(row: Any) -> ChargeTruth | None:
            truth = charge_truth(row)
            return truth if within(truth.created_at, since=since, until=until) else None

        return pages(lambda number: self._page("transaction", number, _window(since, until)), read)

    def refund_charge(self, request: RefundRequest) -> RefundTruth:
        envelope = opened(
            self._outbound.post(
                "refund",
                body={
                    "transaction": request.charge_id,
                    "amount": to_wire(request.amount),
                    "currency": request.amount.currency,
                    "merchant_note": request.note,
                },
            )
        )
        truth = refund_truth(envelope.content())
        if truth.charge_id != request.charge_id or truth.amount != request.amount:
            raise NotUnderstood("refund of another charge or amount")
        return truth

    def fetch_refund(self, *, provider_id: str) -> RefundTruth | NotFoundYet:
        envelope = opened(self._outbound.get("refund", provider_id))
        return NotFoundYet() if not envelope.done and envelope.unknown_reference else refund_truth(envelope.content())

    def refunds_of(self, *, charge_id: str) -> tuple[RefundTruth, ...]:
        listed = pages(lambda number: self._page("refund", number, {"transaction": charge_id}), refund_truth)
        return tuple(refund for refund in every_row(listed) if refund.charge_id == charge_id)

    def refunded_charges(self, *, since: datetime, until: datetime) -> Iterator[Page[str]]:
        return pages(lambda number: self._page("refund", number, _window(since, until)), refunded_charge)

    def fetch_dispute(self, *, provider_id: str) -> DisputeTruth | NotFoundYet:
        return fetch_paystack_dispute(self._outbound, provider_id=provider_id)

    def disputes_of(self, *, charge_id: str) -> tuple[DisputeTruth, ...]:
        return paystack_disputes_of(self._page, charge_id=charge_id)

    def disputed_charges(self, *, since: datetime, until: datetime) -> Iterator[Page[str]]:
        return pages(lambda number: self._page("dispute", number, _window(since, until)), disputed_charge)

    def list_banks(self, *, currency: str) -> tuple[Bank, ...]:
        return list_paystack_banks(self._outbound, currency=currency)

    def resolve_account(self, *, bank_code: str, account_number: str, currency: str) -> str:
        if currency not in _NAMED_IN:
            raise NotOffered(f"no names of accounts in {currency}")
        query = {"account_number": account_number, "bank_code": bank_code}
        answer = self._outbound.get("bank", "resolve", query=query, within_seconds=QUICK_SECONDS, aside=True)
        with asking_about_an_account():
            data = mapping(opened(answer).content(), "data")
        if text(data.get("account_number")) not in ("", account_number):
            raise NotUnderstood("account of somebody else")
        return needed_text(data.get("account_name"), "account_name").strip()

    def pay_out(self, request: PayoutRequest) -> PayoutTruth:
        recipient = self._recipient(request)
        envelope = opened(
            self._outbound.post(
                "transfer",
                body={
                    "source": "balance",
                    "amount": to_wire(request.amount),
                    "recipient": recipient,
                    "reference": request.reference,
                    "reason": request.narration,
                    "currency": request.amount.currency,
                },
                repeatable=True,  # the provider's own rule: send again with the same reference
            )
        )
        truth = payout_truth(envelope.content(), mode=self.mode)
        if truth.reference != request.reference or truth.amount != request.amount:
            raise NotUnderstood("payout of another reference or amount")
        return truth

    def _recipient(self, request: PayoutRequest) -> str:
        """The provider's name for the account. Asking twice answers the same, and no money moves here."""
        if request.amount.currency not in _RECIPIENTS:
            raise NotOffered(f"no payouts in {request.amount.currency}")
        try:
            answer = self._outbound.post(
                "transferrecipient",
                body={
                    "type": _RECIPIENTS[request.amount.currency],
                    "name": request.account_name,
                    "account_number": request.account_number,
                    "bank_code": request.bank_code,
                    "currency": request.amount.currency,
                },
                repeatable=True,
            )
            return needed_text(mapping(opened(answer).content(), "data").get("recipient_code"), "recipient_code")
        except OutcomeUnknown as error:
            raise NothingSent("no_recipient", http_status=error.http_status) from None

    def fetch_payout(self, *, reference: str) -> PayoutTruth | NotFoundYet:
        envelope = opened(self._outbound.get("transfer", "verify", reference))
        if not envelope.done and envelope.unknown_reference:
            return NotFoundYet()
        truth = payout_truth(envelope.content())
        if truth.reference != reference:
            raise NotUnderstood("reference")
        return truth

    def list_payouts(self, *, since: datetime, until: datetime) -> Iterator[Page[PayoutTruth]]:
        return pages(lambda number: self._page("transfer", number, _window(since, until)), payout_truth)

    def list_settlements(self, *, since: datetime, until: datetime) -> Iterator[Page[Settlement]]:
        def read(row: Any) -> Settlement | None:
            found = settlement(row)
            return found if within(found.settles_at, since=since, until=until) else None

        return pages(lambda number: self._page("settlement", number, _window(since, until)), read)

    def balances(self) -> tuple[Balance, ...]:
        return balances(opened(self._outbound.get("balance")).content())

    def open_virtual_account(self, request: VirtualAccountRequest) -> VirtualAccount:
        return open_paystack_account(self._outbound, request, mode=self.mode)

    def read_notice(self, *, raw_body: bytes, headers: Mapping[str, Any]) -> Notice:
        return read_paystack_notice(accepted=self._accepted, raw_body=raw_body, headers=headers)

    def _page(self, what: str, number: int, query: Mapping[str, str]) -> tuple[list[Any], bool]:
        """A page of a list, and whether another follows: by the count of pages if told, else if this one is full."""
        envelope = opened(self._outbound.get(what, query={**query, "page": str(number)}))
        found = rows(envelope.content(), "data")
        of_pages = whole(envelope.meta.get("pageCount"))
        return found, number < of_pages if of_pages is not None else len(found) >= _PAGE_ROWS


def make_paystack(settings: Any, connect: Connect) -> Paystack | None:
    """Paystack as the settings describe it; None without a key."""
    key = settings.PAYSTACK_SECRET_KEY
    if not key:
        return None
    return Paystack(
        secret_key=key,
        accepted=[key, settings.PAYSTACK_PREVIOUS_SECRET_KEY],
        outbound=connect(name="paystack", base_url=settings.PAYSTACK_URL, headers={"Authorization": f"Bearer {key}"}),
    )


def _about(truth: ChargeTruth, reference: str) -> ChargeTruth:
    if truth.reference != reference:
        raise NotUnderstood("reference")
    return truth


def _window(since: datetime, until: datetime) -> dict[str, str]:
    return {"from": _stamp(since), "to": _stamp(until + timedelta(seconds=1))}


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
