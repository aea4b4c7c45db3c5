"""Paystack's wire: its envelope, units (hundredths, also of currencies without any) and states, as nouns of the port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from clustr.kit.money import DECIMALS, Money
from clustr.kit.outbound import Answer
from clustr.payments.providers.declines import decline_type, leaves_outcome_unknown
from clustr.payments.providers.nouns import (
    Balance,
    Channel,
    ChargeTruth,
    Decline,
    Mode,
    Outcome,
    PayoutTruth,
    SavedMethod,
    Settlement,
)
from clustr.payments.providers.port import AlreadyKnown, NotOffered
from clustr.payments.providers.reading import (
    NotUnderstood,
    instant,
    mapping,
    money,
    needed_text,
    optional_mapping,
    record_of,
    redacted,
    rounded_money,
    rows,
    signed_money,
    smaller,
    text,
    whole,
)
from clustr.payments.providers.refusing import refusal_of
from clustr.payments.providers.returns import RefundTruth

Fetch = Callable[[str, int, Mapping[str, str]], tuple[list[Any], bool]]
"""Reads a page of a list: what, its number, and what narrows it; answers its rows, and whether another follows."""

CURRENCIES = frozenset({"NGN", "USD", "GHS", "ZAR", "KES", "XOF"})
_IMPLIED_DECIMALS = 2

CHARGE_STATES = {
    "success": Outcome.SUCCEEDED,
    "failed": Outcome.FAILED,
    # Nobody has paid yet; the page may still be open. Not final.
    "abandoned": Outcome.PENDING,
    **dict.fromkeys(("ongoing", "pending", "processing", "queued", "open_url", "pay_offline"), Outcome.PENDING),
    **dict.fromkeys(("send_pin", "send_otp", "send_phone", "send_birthday", "send_address"), Outcome.PENDING),
    "pending_bank_transfer": Outcome.PENDING,
    "reversed": Outcome.REVERSED,
    # A refund is under way; if it fails, the charge is a success again. Not decided.
    "reversal-pending": Outcome.UNKNOWN,
}
PAYOUT_STATES = {
    "success": Outcome.SUCCEEDED,
    **dict.fromkeys(("pending", "otp", "received", "queued", "processing"), Outcome.PENDING),
    **dict.fromkeys(("failed", "abandoned", "blocked", "rejected"), Outcome.FAILED),
    "reversed": Outcome.REVERSED,
}
REFUND_STATES = {
    "processed": Outcome.SUCCEEDED,
    **dict.fromkeys(("pending", "processing", "needs-attention"), Outcome.PENDING),
    "failed": Outcome.FAILED,
}
CHANNELS = {
    "card": Channel.CARD,
    "apple_pay": Channel.CARD,
    "bank": Channel.BANK_ACCOUNT,
    "bank_transfer": Channel.BANK_TRANSFER,
    "dedicated_nuban": Channel.VIRTUAL_ACCOUNT,
    "direct_debit": Channel.DIRECT_DEBIT,
    "ussd": Channel.USSD,
    "mobile_money": Channel.MOBILE_MONEY,
    "qr": Channel.QR,
}
_KEPT_OF_CHARGE = (
    *("id", "domain", "status", "reference", "amount", "requested_amount", "currency", "fees", "channel"),
    *("gateway_response_code", "response_code", "paid_at", "created_at", "transaction_date", "receipt_number"),
    *("authorization.last4", "authorization.brand", "authorization.bank", "authorization.country_code"),
    *("authorization.reusable",),
)
_KEPT_OF_PAYOUT = (
    *("id", "domain", "status", "reference", "amount", "currency", "transfer_code", "fee_charged", "transferred_at"),
    *("createdAt", "updatedAt", "recipient.details.bank_code", "recipient.details.bank_name"),
)
_KEPT_OF_REFUND = (
    *("id", "domain", "status", "amount", "currency", "deducted_amount", "fully_deducted", "refunded_at"),
    *("expected_at", "createdAt", "updatedAt"),
)
_NOT_OUR_FAULT = ("api_error", "processor_error")


@dataclass(frozen=True, slots=True)
class Envelope:
    """An answer taken out of its envelope. `done` speaks of the call, never of the payment."""

    done: bool
    data: Any
    meta: Mapping[str, Any]
    message: str
    code: str
    type: str
    http_status: int

    def content(self) -> Any:
        """The data, or the refusal it is. What is not the request's fault is no refusal: it may have been done."""
        if self.done:
            return self.data
        said = self.message.lower()
        if self.code == "duplicate_reference" or ("duplicate" in said and "reference" in said):
            raise AlreadyKnown
        raise refusal_of(self.message, http_status=self.http_status, sure=self.type not in _NOT_OUR_FAULT)

    @property
    def unknown_reference(self) -> bool:
        """Whether it says that there is no such thing; not that there is no such address."""
        named = self.code == "transaction_not_found" or "not found" in self.message.lower()
        return self.type not in _NOT_OUR_FAULT and (self.http_status == 404 or (self.http_status == 400 and named))


def opened(answer: Answer) -> Envelope:
    """Take an answer out of its envelope; one whose status and envelope contradict each other is not understood."""
    body = mapping(answer.body, "answer")
    accepted = answer.http_status < 300
    if not isinstance(body.get("status"), bool) or body["status"] is not accepted:
        raise NotUnderstood("envelope")
    return Envelope(
        done=accepted,
        data=body.get("data"),
        meta=optional_mapping(body.get("meta")),
        message=text(body.get("message")),
        code=text(body.get("code")),
        type=text(body.get("type")),
        http_status=answer.http_status,
    )


def to_wire(amount: Money) -> int:
    """Hundredths of the major unit, whatever the currency's own digits."""
    if amount.currency not in CURRENCIES:
        raise NotOffered(f"{amount.currency} is not taken here")
    return int(Decimal(amount.minor).scaleb(_IMPLIED_DECIMALS - DECIMALS[amount.currency]))


def to_money(value: Any, currency: Any) -> Money:
    """An amount of the wire, in hundredths whatever the currency's own digits."""
    return money(value, currency, decimals=_IMPLIED_DECIMALS)


def _fee(value: Any, currency: Any) -> Money | None:
    return rounded_money(value, currency, decimals=_IMPLIED_DECIMALS)


def read_mode(data: Mapping[str, Any], otherwise: Mode | None = None) -> Mode:
    """Whether real money moved: as told, or `otherwise` where it is not told."""
    said = text(data.get("domain"))
    if said in tuple(Mode):
        return Mode(said)
    if said or otherwise is None:
        raise NotUnderstood("domain")
    return otherwise


def charge_truth(raw: Any, *, asked: Money | None = None, mode: Mode | None = None) -> ChargeTruth:
    """A transaction as truth. `asked` and `mode` stand in where an answer to our own charge leaves them out.

    `amount` on the wire holds the fee too where the payer bears it; `requested_amount` does not. What counts is the
    smaller of what was taken and what was asked."""
    data = mapping(raw, "data")
    currency = data.get("currency", asked.currency if asked else None)
    charged = asked if asked and data.get("amount") is None else to_money(data.get("amount"), currency)
    requested = to_money(data["requested_amount"], currency) if data.get("requested_amount") is not None else asked
    outcome = CHARGE_STATES.get(text(data.get("status")), Outcome.UNKNOWN)
    said = text(data.get("gateway_response")) or text(data.get("message"))
    code, number = text(data.get("gateway_response_code")), text(data.get("response_code"))
    doubtful = outcome is Outcome.FAILED and leaves_outcome_unknown(code=code, number=number, text=said)
    if doubtful:
        outcome = Outcome.UNKNOWN
    created_at = instant(data.get("created_at") or data.get("createdAt") or data.get("transaction_date"))
    paid_at = instant(data.get("paid_at") or data.get("paidAt"))
    authorization = optional_mapping(data.get("authorization"))
    received_at = authorization.get("receiver_bank_account_number") or optional_mapping(data.get("metadata")).get(
        "receiver_account_number"
    )
    return ChargeTruth(
        outcome=outcome,
        reference=needed_text(data.get("reference"), "reference"),
        provider_id=text(data.get("id")),
        amount=smaller(charged, requested) if requested else charged,
        charged=charged,
        fee=_fee(data.get("fees"), currency),
        created_at=created_at,
        paid_at=paid_at or (created_at if outcome is Outcome.SUCCEEDED else None),
        mode=read_mode(data, mode),
        channel=CHANNELS.get(text(data.get("channel")), Channel.OTHER),
        decline=Decline(type=decline_type(code=code, number=number, text=said), message=redacted(said))
        if outcome is Outcome.FAILED
        else None,
        saved_method=_saved_method(authorization),
        email=text(optional_mapping(data.get("customer")).get("email")),
        receiving_account=text(received_at),
        record=record_of(data, kept=_KEPT_OF_CHARGE, told=("gateway_response", "message")),
        not_tried=data.get("status") == "abandoned",
        said_failed=doubtful,
    )


def _saved_method(authorization: Mapping[str, Any]) -> SavedMethod | None:
    token = text(authorization.get("authorization_code"))
    if not token:
        return None
    return SavedMethod(
        token=token,
        brand=(text(authorization.get("brand")) or text(authorization.get("card_type"))).strip().lower(),
        last_four=text(authorization.get("last4"))[-4:],
        expires_month=whole(authorization.get("exp_month")),
        expires_year=whole(authorization.get("exp_year")),
        reusable=authorization.get("reusable") is True,
        signature=text(authorization.get("signature")),
    )


def payout_truth(raw: Any, *, mode: Mode | None = None) -> PayoutTruth:
    data = mapping(raw, "data")
    status = text(data.get("status"))
    outcome = PAYOUT_STATES.get(status, Outcome.UNKNOWN)
    said = text(data.get("gateway_response")) or text(data.get("failures")) or status
    return PayoutTruth(
        outcome=outcome,
        reference=needed_text(data.get("reference"), "reference"),
        provider_id=text(data.get("transfer_code")) or text(data.get("id")),
        amount=to_money(data.get("amount"), data.get("currency")),
        fee=_fee(data.get("fee_charged"), data.get("currency")),
        mode=read_mode(data, mode),
        decline=Decline(type=decline_type(text=said), message=redacted(said)) if outcome is Outcome.FAILED else None,
        needs_person=status == "otp",
        record=record_of(data, kept=_KEPT_OF_PAYOUT, told=("gateway_response", "failures")),
    )


def refunded_charge(raw: Any) -> str:
    """The id of the charge that a refund gives back; the wire nests it in some answers."""
    of = mapping(raw, "refund").get("transaction")
    return needed_text(of.get("id") if isinstance(of, dict) else of, "transaction")


def refund_truth(raw: Any) -> RefundTruth:
    data = mapping(raw, "data")
    of = data.get("transaction")
    status = text(data.get("status"))
    return RefundTruth(
        outcome=REFUND_STATES.get(status, Outcome.UNKNOWN),
        provider_id=needed_text(data.get("id"), "id"),
        charge_id=text(of.get("id") if isinstance(of, dict) else of),
        amount=to_money(data.get("amount"), data.get("currency")),
        note=text(data.get("merchant_note")),
        needs_person=status == "needs-attention",
        of_dispute=bool(data.get("dispute")),
        record=record_of(data, kept=_KEPT_OF_REFUND, told=()),
    )


def settlement(raw: Any) -> Settlement:
    data = mapping(raw, "settlement")
    currency = data.get("currency")
    net = to_money(data.get("effective_amount"), currency)
    return Settlement(
        provider_id=needed_text(data.get("id"), "id"),
        paid=data.get("status") == "success",
        to_bank=True,  # what is kept in the balance is settled to nobody
        gross=to_money(data.get("total_processed"), currency),
        fee=_fee(data.get("total_fees"), currency) or Money(0, net.currency),
        net=net,
        settles_at=instant(data.get("settlement_date")),
    )


def balances(raw: Any) -> tuple[Balance, ...]:
    held = [mapping(row, "balance") for row in rows(raw, "data")]
    return tuple(
        Balance(
            available=signed_money(row.get("balance"), row["currency"], decimals=_IMPLIED_DECIMALS, name="balance"),
            collected=None,
        )
        for row in held
        if row.get("currency") in DECIMALS
    )
