"""Flutterwave's wire (v3): its envelope, units (major, with decimals) and states, as nouns of the port."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
from clustr.payments.providers.port import AlreadyKnown
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

CHARGE_STATES = {
    "successful": Outcome.SUCCEEDED,
    "failed": Outcome.FAILED,
    **dict.fromkeys(("pending", "success-pending-validation"), Outcome.PENDING),
}
PAYOUT_STATES = {
    "SUCCESSFUL": Outcome.SUCCEEDED,
    **dict.fromkeys(("NEW", "PENDING"), Outcome.PENDING),
    "FAILED": Outcome.FAILED,
}
REFUND_STATES = {
    **dict.fromkeys(("completed", "completed-bank-transfer", "completed-momo"), Outcome.SUCCEEDED),
    **dict.fromkeys(("completed-mpgs", "completed-offline", "completed-preauth", "successful"), Outcome.SUCCEEDED),
    **dict.fromkeys(("new", "pending", "processing"), Outcome.PENDING),
    "failed": Outcome.FAILED,
}
CHANNELS = {
    "card": Channel.CARD,
    "account": Channel.BANK_ACCOUNT,
    "bank_transfer": Channel.BANK_TRANSFER,
    "ussd": Channel.USSD,
    "qr": Channel.QR,
    "mpesa": Channel.MOBILE_MONEY,
}
_KEPT_OF_CHARGE = (
    *("id", "tx_ref", "flw_ref", "status", "amount", "charged_amount", "amount_settled", "currency", "app_fee"),
    *("merchant_fee", "payment_type", "auth_model", "created_at", "card.last_4digits", "card.type", "card.issuer"),
)
_KEPT_OF_PAYOUT = (
    *("id", "reference", "status", "amount", "currency", "fee", "bank_code", "bank_name", "created_at"),
    *("requires_approval", "is_approved"),
)
_KEPT_OF_REFUND = (
    "id",
    "status",
    "amount_refunded",
    "AmountRefunded",
    "flw_ref",
    "FlwRef",
    "destination",
    "created_at",
)


_NONE_FOUND = re.compile(r"^no \w+ (was |were )?found")


@dataclass(frozen=True, slots=True)
class Envelope:
    """An answer taken out of its envelope. `done` speaks of the call, never of the payment."""

    done: bool
    data: Any
    meta: Mapping[str, Any]
    message: str
    http_status: int

    @property
    def not_found(self) -> bool:
        said = self.message.lower()
        return not self.done and (
            self.http_status == 404 or "not found" in said or _NONE_FOUND.search(said) is not None
        )

    def content(self) -> Any:
        """The data, or the refusal it is."""
        if self.done:
            return self.data
        if self.http_status < 300:
            raise NotUnderstood("an error that was answered as a success")
        said = self.message.lower()
        if "duplicate" in said or "already exist" in said or "already been used" in said:
            raise AlreadyKnown
        raise refusal_of(self.message, http_status=self.http_status)


def opened(answer: Answer) -> Envelope:
    """Take an answer out of its envelope; a refusal by status that the envelope calls a success is not understood."""
    body = mapping(answer.body, "answer")
    status = body.get("status")
    if status not in ("success", "error") or (status == "success" and answer.http_status >= 300):
        raise NotUnderstood("envelope")
    return Envelope(
        done=status == "success",
        data=body.get("data"),
        meta=optional_mapping(body.get("meta")),
        message=text(body.get("message")),
        http_status=answer.http_status,
    )


def to_wire(amount: Money) -> Decimal:
    """Major units, digit for digit."""
    return Decimal(amount.minor).scaleb(-DECIMALS[amount.currency])


def charge_truth(raw: Any, *, mode: Mode) -> ChargeTruth:
    """A transaction as truth. `charged_amount` holds the fee too where the payer bears it; what counts is the smaller.
    The wire tells one instant only, when the attempt was made."""
    data = mapping(raw, "data")
    currency = data.get("currency")
    amount = money(data.get("amount"), currency)
    told = data.get("charged_amount")
    charged = amount if told is None else money(told, currency, name="charged_amount")
    outcome = CHARGE_STATES.get(text(data.get("status")), Outcome.UNKNOWN)
    said = text(data.get("processor_response"))
    doubtful = outcome is Outcome.FAILED and leaves_outcome_unknown(text=said)
    if doubtful:
        outcome = Outcome.UNKNOWN
    made_at = instant(data.get("created_at"))
    channel = text(data.get("payment_type"))
    return ChargeTruth(
        outcome=outcome,
        reference=needed_text(data.get("tx_ref"), "tx_ref"),
        provider_id=needed_text(data.get("id"), "id"),
        amount=smaller(amount, charged),
        charged=charged,
        fee=rounded_money(data.get("app_fee"), currency),
        created_at=made_at,
        paid_at=made_at if outcome is Outcome.SUCCEEDED else None,
        mode=mode,
        channel=Channel.MOBILE_MONEY if channel.startswith("mobilemoney") else CHANNELS.get(channel, Channel.OTHER),
        decline=Decline(type=decline_type(text=said), message=redacted(said)) if outcome is Outcome.FAILED else None,
        saved_method=_saved_method(optional_mapping(data.get("card"))),
        email=text(optional_mapping(data.get("customer")).get("email")) or text(data.get("customer_email")),
        receiving_account="",
        record=record_of(data, kept=_KEPT_OF_CHARGE, told=("processor_response",)),
        said_failed=doubtful,
    )


def _saved_method(card: Mapping[str, Any]) -> SavedMethod | None:
    token = text(card.get("token"))
    if not token:
        return None
    month, _, year = text(card.get("expiry")).partition("/")
    short_year = whole(year)
    return SavedMethod(
        token=token,
        brand=text(card.get("type")).strip().lower(),
        last_four=text(card.get("last_4digits"))[-4:],
        expires_month=whole(month),
        expires_year=None if short_year is None else short_year % 2000 + 2000,
        reusable=True,
        signature="",
    )


def payout_truth(raw: Any, *, mode: Mode) -> PayoutTruth:
    data = mapping(raw, "data")
    outcome = PAYOUT_STATES.get(text(data.get("status")), Outcome.UNKNOWN)
    said = text(data.get("complete_message"))
    if outcome is Outcome.FAILED and leaves_outcome_unknown(text=said):
        outcome = Outcome.UNKNOWN
    waits = data.get("requires_approval") == 1 and data.get("is_approved") == 0
    return PayoutTruth(
        outcome=outcome,
        reference=needed_text(data.get("reference"), "reference"),
        provider_id=needed_text(data.get("id"), "id"),
        amount=money(data.get("amount"), data.get("currency")),
        fee=rounded_money(data.get("fee"), data.get("currency")),
        mode=mode,
        decline=Decline(type=decline_type(text=said), message=redacted(said)) if outcome is Outcome.FAILED else None,
        needs_person=outcome is Outcome.PENDING and waits,
        record=record_of(data, kept=_KEPT_OF_PAYOUT, told=("complete_message",)),
    )


def refunded_charge(raw: Any) -> str:
    """The id of the charge that a refund gives back; the wire spells it in two ways."""
    data = mapping(raw, "refund")
    return needed_text(data.get("tx_id") or data.get("TransactionId"), "tx_id")


def refund_truth(raw: Any, *, currency: str) -> RefundTruth:
    """A refund as truth; the wire does not tell its currency, which is that of the charge."""
    data = mapping(raw, "refund")
    given_back = data.get("amount_refunded", data.get("AmountRefunded"))
    return RefundTruth(
        outcome=REFUND_STATES.get(text(data.get("status")).lower(), Outcome.UNKNOWN),
        provider_id=needed_text(data.get("id"), "id"),
        charge_id=refunded_charge(data),
        amount=money(given_back, currency),
        note=text(data.get("comments")),
        needs_person=False,
        of_dispute=False,
        record=record_of(data, kept=_KEPT_OF_REFUND, told=("comments",)),
    )


def settlement(raw: Any) -> Settlement:
    data = mapping(raw, "settlement")
    currency = data.get("currency")
    net = money(data.get("net_amount"), currency)
    return Settlement(
        provider_id=needed_text(data.get("id"), "id"),
        paid=data.get("status") == "completed",
        to_bank="wallet" not in text(data.get("destination")).lower(),
        gross=money(data.get("gross_amount"), currency),
        fee=rounded_money(data.get("app_fee"), currency) or Money(0, net.currency),
        net=net,
        settles_at=instant(data.get("due_date")) or instant(data.get("transaction_date")),
    )


def balances(raw: Any) -> tuple[Balance, ...]:
    held = [mapping(row, "balance") for row in rows(raw, "data")]
    return tuple(
        Balance(
            available=signed_money(row.get("available_balance"), row["currency"], name="available_balance"),
            collected=signed_money(row["ledger_balance"], row["currency"], name="ledger_balance")
            if row.get("ledger_balance") is not None
            else None,
        )
        for row in held
        if row.get("currency") in DECIMALS
    )
