"""Flutterwave v3. Amounts in major units, several attempts for one reference, deliveries that only a secret marks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from clustr.kit.outbound import QUICK_SECONDS, Outbound
from clustr.payments.providers.flutterwave_disputes import about, disputed_charge, disputes
from clustr.payments.providers.flutterwave_notices import read_flutterwave_notice
from clustr.payments.providers.flutterwave_wire import (
    balances,
    charge_truth,
    opened,
    payout_truth,
    refund_truth,
    refunded_charge,
    settlement,
    to_wire,
)
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
from clustr.payments.providers.paging import A_DAY, created_at, days, every_row, newest_first, pages, within
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

Row = TypeVar("Row")

COUNTRIES = {"NGN": "NG", "GHS": "GH", "KES": "KE", "UGX": "UG", "TZS": "TZ", "ZAR": "ZA", "RWF": "RW", "ZMW": "ZM"}
_NOTE = "Please make a bank transfer to "
_NAMED_IN = frozenset({"NGN"})


class Flutterwave:
    """The port, spoken to Flutterwave v3."""

    name = "flutterwave"

    def __init__(self, *, secret_key: str, accepted: Sequence[str], outbound: Outbound) -> None:
        """`accepted`: the webhook secrets that count: the present one, and during a change the one before."""
        self.mode = Mode.TEST if secret_key.startswith("FLWSECK_TEST-") else Mode.LIVE
        self._accepted = [secret.encode() for secret in accepted if secret]
        self._outbound = outbound

    def charge_bounds(self, *, currency: str) -> Bounds:  # noqa: ARG002
        return Bounds()  # it publishes none

    def start_charge(self, request: ChargeRequest) -> CheckoutStarted:
        body = {
            "tx_ref": request.reference,
            "amount": str(to_wire(request.amount)),  # a string here, as in its samples; a number elsewhere
            "currency": request.amount.currency,
            "redirect_url": request.return_url,
            "customer": {"email": request.email},
            "customizations": {"title": request.description},
            "meta": dict(request.metadata),
        }
        data = mapping(
            opened(self._outbound.post("payments", body=body, within_seconds=QUICK_SECONDS)).content(), "data"
        )
        return CheckoutStarted(checkout_url=checkout_address(data.get("link")), provider_reference=None)

    def charge_saved_method(self, request: SavedMethodCharge) -> ChargeTruth | ChallengeRequired:
        body = {
            "token": request.token,
            "email": request.email,
            "currency": request.amount.currency,
            "country": COUNTRIES.get(request.amount.currency, "NG"),
            "amount": to_wire(request.amount),
            "tx_ref": request.reference,
            "narration": request.description,
        }
        envelope = opened(self._outbound.post("tokenized-charges", body=body))
        data = mapping(envelope.content(), "data")
        for meta in (envelope.meta, optional_mapping(data.get("meta"))):
            where = optional_mapping(meta.get("authorization")).get("redirect")
            if where and data.get("status") != "successful":
                return ChallengeRequired(url=checkout_address(where))
        return _about(charge_truth(data, mode=self.mode), request.reference)

    def fetch_charge(self, *, reference: str) -> ChargeTruth | NotFoundYet:
        """One page may see several attempts: before one that failed is believed, a later one that did not is sought."""
        envelope = opened(
            self._outbound.get("transactions", "verify_by_reference", query={"tx_ref": reference}),
        )
        if envelope.not_found:
            return NotFoundYet()
        truth = _about(charge_truth(envelope.content(), mode=self.mode), reference)
        if truth.outcome is not Outcome.FAILED:
            return truth
        paid = self._with("transactions", {"tx_ref": reference, "status": "successful"}, "tx_ref", reference)
        other = next((row for row in paid if row.get("status") == "successful"), None)
        if other is None:
            return truth
        paid_one = self.fetch_charge_by_id(provider_id=needed_text(other.get("id"), "id"))
        if isinstance(paid_one, NotFoundYet):
            raise NotUnderstood("an attempt that is listed and not there")
        return _about(paid_one, reference)

    def fetch_charge_by_id(self, *, provider_id: str) -> ChargeTruth | NotFoundYet:
        envelope = opened(self._outbound.get("transactions", provider_id, "verify"))
        if envelope.not_found:
            return NotFoundYet()
        truth = charge_truth(envelope.content(), mode=self.mode)
        if truth.provider_id != provider_id:
            raise NotUnderstood("id")
        return truth

    def list_charges(self, *, since: datetime, until: datetime) -> Iterator[Page[ChargeTruth]]:
        def read(row: Any) -> ChargeTruth | None:
            truth = charge_truth(row, mode=self.mode)
            return truth if within(truth.created_at, since=since, until=until) else None

        return self._listed("transactions", days(since, until), read)

    def refund_charge(self, request: RefundRequest) -> RefundTruth:
        body = {"amount": to_wire(request.amount), "comments": request.note}
        envelope = opened(self._outbound.post("transactions", request.charge_id, "refund", body=body))
        truth = refund_truth(envelope.content(), currency=request.amount.currency)
        if truth.charge_id != request.charge_id or truth.amount != request.amount:
            raise NotUnderstood("refund of another charge or amount")
        return truth

    def fetch_refund(self, *, provider_id: str) -> RefundTruth | NotFoundYet:
        envelope = opened(self._outbound.get("refunds", provider_id))
        if envelope.not_found:
            return NotFoundYet()
        data = envelope.content()
        return refund_truth(data, currency=self._currency_of(refunded_charge(data)))

    def refunds_of(self, *, charge_id: str) -> tuple[RefundTruth, ...]:
        found = [
            row
            for row in every_row(self._listed("refunds", {"id": charge_id}, lambda row: mapping(row, "refund")))
            if refunded_charge(row) == charge_id
        ]
        currency = self._currency_of(charge_id) if found else ""
        return tuple(refund_truth(row, currency=currency) for row in found)

    def refunded_charges(self, *, since: datetime, until: datetime) -> Iterator[Page[str]]:
        return self._listed("refunds", days(since, until), refunded_charge)

    def _currency_of(self, charge_id: str) -> str:
        charge = self.fetch_charge_by_id(provider_id=charge_id)
        if isinstance(charge, NotFoundYet):
            raise NotUnderstood("refund of a charge that is not there")
        return charge.amount.currency

    def fetch_dispute(self, *, provider_id: str) -> DisputeTruth | NotFoundYet:  # noqa: ARG002
        raise NotOffered("disputes are listed by their charge")

    def disputes_of(self, *, charge_id: str) -> tuple[DisputeTruth, ...]:
        listed = self._listed("chargebacks", {"id": charge_id}, lambda row: mapping(row, "chargeback"))
        found = [row for row in every_row(listed) if about(row) == charge_id]
        charge = self.fetch_charge_by_id(provider_id=charge_id) if found else NotFoundYet()
        if found and isinstance(charge, NotFoundYet):
            raise NotUnderstood("chargeback of a charge that is not there")
        return () if isinstance(charge, NotFoundYet) else disputes(found, charge=charge)

    def disputed_charges(self, *, since: datetime, until: datetime) -> Iterator[Page[str]]:
        return self._listed("chargebacks", days(since, until), disputed_charge)

    def list_banks(self, *, currency: str) -> tuple[Bank, ...]:
        if currency not in COUNTRIES:
            raise NotOffered(f"no banks for {currency}")
        found = rows(
            opened(
                self._outbound.get("banks", COUNTRIES[currency], within_seconds=QUICK_SECONDS, aside=True)
            ).content(),
            "data",
        )
        read = [(text(mapping(row, "bank").get("code")), text(row.get("name"))) for row in found]
        return tuple(Bank(code=code, name=name) for code, name in dict(read).items() if code and name)

    def resolve_account(self, *, bank_code: str, account_number: str, currency: str) -> str:
        if currency not in _NAMED_IN:
            raise NotOffered(f"no names of accounts in {currency}")
        body = {"account_number": account_number, "account_bank": bank_code}
        answer = self._outbound.post(
            "accounts", "resolve", body=body, repeatable=True, within_seconds=QUICK_SECONDS, aside=True
        )
        with asking_about_an_account():
            data = mapping(opened(answer).content(), "data")
        if text(data.get("account_number")) not in ("", account_number):
            raise NotUnderstood("account of somebody else")
        return needed_text(data.get("account_name"), "account_name").strip()

    def pay_out(self, request: PayoutRequest) -> PayoutTruth:
        body = {
            "account_bank": request.bank_code,
            "account_number": request.account_number,
            "amount": to_wire(request.amount),
            "narration": request.narration,
            "currency": request.amount.currency,
            "debit_currency": request.amount.currency,
            "reference": request.reference,
            "beneficiary_name": request.account_name,
        }
        truth = payout_truth(opened(self._outbound.post("transfers", body=body)).content(), mode=self.mode)
        if truth.reference != request.reference or truth.amount != request.amount:
            raise NotUnderstood("payout of another reference or amount")
        return truth

    def fetch_payout(self, *, reference: str) -> PayoutTruth | NotFoundYet:
        """A payout that was tried again stands there twice: one that arrived counts most, one that failed least."""
        found = [
            payout_truth(row, mode=self.mode)
            for row in self._with("transfers", {"reference": reference}, "reference", reference)
        ]
        weight = {Outcome.SUCCEEDED: 0, Outcome.FAILED: 2}
        return min(found, key=lambda truth: weight.get(truth.outcome, 1), default=NotFoundYet())

    def list_payouts(self, *, since: datetime, until: datetime) -> Iterator[Page[PayoutTruth]]:
        """Its list of transfers takes no dates."""
        first, last = since - A_DAY, until + A_DAY

        def read(row: Any) -> PayoutTruth | None:
            asked_for = within(created_at(row), since=first, until=last)
            return payout_truth(row, mode=self.mode) if asked_for else None

        return pages(newest_first(lambda number: self._page("transfers", number, {}), created_at, since=first), read)

    def list_settlements(self, *, since: datetime, until: datetime) -> Iterator[Page[Settlement]]:
        def read(row: Any) -> Settlement | None:
            found = settlement(row)
            return found if within(found.settles_at, since=since, until=until) else None

        return self._listed("settlements", days(since, until), read)

    def balances(self) -> tuple[Balance, ...]:
        return balances(opened(self._outbound.get("balances")).content())

    def open_virtual_account(self, request: VirtualAccountRequest) -> VirtualAccount:
        if not request.identity_number:
            raise NotOffered("a lasting account needs the holder's bank verification number")
        body = {
            "email": request.email,
            "is_permanent": True,
            "currency": "NGN",
            "bvn": request.identity_number,
            "tx_ref": request.reference,
            "phonenumber": request.phone,
            "firstname": request.first_name,
            "lastname": request.last_name,
            "narration": f"{request.first_name} {request.last_name}",
        }
        data = mapping(opened(self._outbound.post("virtual-account-numbers", body=body)).content(), "data")
        note = text(data.get("note"))
        return VirtualAccount(
            provider_id=needed_text(data.get("order_ref"), "order_ref"),
            bank_name=text(data.get("bank_name")),
            account_number=needed_text(data.get("account_number"), "account_number"),
            account_name=note.removeprefix(_NOTE) if note.startswith(_NOTE) else "",
        )

    def read_notice(self, *, raw_body: bytes, headers: Mapping[str, Any]) -> Notice:
        return read_flutterwave_notice(accepted=self._accepted, raw_body=raw_body, headers=headers)

    def _with(self, what: str, query: Mapping[str, str], name: str, value: str) -> list[Mapping[str, Any]]:
        """The rows of a list that carry this value. A list that is not filtered as asked is not proof of absence."""
        listed = self._page(what, 1, query)
        found = [mapping(row, what) for row in listed[0]]
        if listed[1] and any(row.get(name) != value for row in found):
            raise NotUnderstood("the list was not filtered")
        return [row for row in found if row.get(name) == value]

    def _listed(self, what: str, query: Mapping[str, str], read: Callable[[Any], Row | None]) -> Iterator[Page[Row]]:
        return pages(lambda number: self._page(what, number, query), read)

    def _page(self, what: str, number: int, query: Mapping[str, str]) -> tuple[list[Any], bool]:
        envelope = opened(self._outbound.get(what, query={**query, "page": str(number)}))
        found = rows(envelope.content(), "data")
        of_pages = whole(optional_mapping(envelope.meta.get("page_info")).get("total_pages"))
        if of_pages is None and found:
            raise NotUnderstood("page_info")
        return found, number < (of_pages or 0)


def make_flutterwave(settings: Any, connect: Connect) -> Flutterwave | None:
    """Flutterwave as the settings describe it; None without a key."""
    key = settings.FLUTTERWAVE_SECRET_KEY
    if not key:
        return None
    return Flutterwave(
        secret_key=key,
        accepted=[settings.FLUTTERWAVE_WEBHOOK_SECRET, settings.FLUTTERWAVE_PREVIOUS_WEBHOOK_SECRET],
        outbound=connect(
            name="flutterwave", base_url=settings.FLUTTERWAVE_URL, headers={"Authorization": f"Bearer {key}"}
        ),
    )


def _about(truth: ChargeTruth, reference: str) -> ChargeTruth:
    if truth.reference != reference:
        raise NotUnderstood("reference")
    return truth
