"""How transactions, wallets and operations of the cluster's wallet look in requests and answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from clustr.payments.states import TransactionStatus, TransactionType
from clustr.payments.types import TransactionView
from clustr.wallets.policies import check_name
from clustr.wallets.types import Destination, NameCheck, OperationKind, OperationView, WalletView
from clustr.web.schemas import AmountOut, Currency, In, Instant, Out, Text, no_card_number

ACCOUNT_EXAMPLE: dict[str, Any] = {"bank_code": "058", "account_number": "0123456789"}
DESTINATION_EXAMPLE: dict[str, Any] = {
    "bank_code": "058",
    "account_number": "0123456789",
    "account_name": "Bola Adeyemi",
}


class FailureOut(Out):
    """Why a transaction failed, and what can be done."""

    type: str
    message: str
    retryable: bool = Field(
        description="Whether the same again can help: a payment by `retry/`, a purchase from a utility by buying it again."
    )
    recovery_options: list[str]


class TransactionOut(Out):
    """One movement of money."""

    id: UUID
    reference: str = Field(description="What to quote to the office.")
    type: TransactionType
    status: TransactionStatus = Field(description="`unknown`: the outcome was not heard yet; it is not a failure.")
    amount: AmountOut
    currency: Currency
    provider: str = Field(examples=["wallet"], description="By whom or what the money moved.")
    provider_reference: str
    user_id: UUID | None = Field(description="Whose money; null: the cluster's.")
    bill_id: UUID | None = Field(description="The bill it paid on, if any.")
    description: str
    failure: FailureOut | None
    refunded_amount: AmountOut
    created_at: Instant
    completed_at: Instant | None


def transaction_out(view: TransactionView) -> TransactionOut:
    """A transaction as its owner and the office see it."""
    return TransactionOut(
        id=view.id,
        reference=view.reference,
        type=view.type,
        status=view.status,
        amount=str(view.amount),
        currency=view.amount.currency,
        provider=view.provider,
        provider_reference=view.provider_reference,
        user_id=view.user_id,
        bill_id=view.bill_id,
        description=view.description,
        failure=failure_out(view.failure),
        refunded_amount=str(view.refunded),
        created_at=view.created_at,
        completed_at=view.completed_at,
    )


def failure_out(failure: dict[str, Any] | None) -> FailureOut | None:
    """Why a transaction failed, as clients read it."""
    if failure is None:
        return None
    return FailureOut(
        type=str(failure.get("type", "unknown")),
        message=str(failure.get("message", "")),
        retryable=bool(failure.get("retryable", False)),
        recovery_options=[str(option) for option in failure.get("recovery_options", [])],
    )


class WalletOut(Out):
    """A member's wallet."""

    balance: AmountOut
    available: AmountOut = Field(description="What can be spent now: nothing of a frozen wallet.")
    currency: Currency
    is_frozen: bool
    has_pin: bool = Field(description="Whether every spend needs `pin`.")


def wallet_out(view: WalletView) -> WalletOut:
    """A wallet as its owner sees it."""
    return WalletOut(
        balance=str(view.balance),
        available=str(view.available),
        currency=view.balance.currency,
        is_frozen=view.is_frozen,
        has_pin=view.has_pin,
    )


class AccountIn(In):
    """A bank account by its number."""

    model_config = {"json_schema_extra": {"examples": [ACCOUNT_EXAMPLE]}}

    bank_code: Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9A-Za-z]{3,11}$")] = Field(
        description="The bank's code with the national clearing system, or its BIC."
    )
    account_number: Annotated[
        str, StringConstraints(strict=True, pattern=r"^[0-9]{6,20}$"), AfterValidator(no_card_number)
    ] = Field(description="Digits only; ten of them in Nigeria. Not the number of a card.")


class DestinationIn(AccountIn):
    """A bank account to send money to."""

    model_config = {"json_schema_extra": {"examples": [DESTINATION_EXAMPLE]}}

    account_name: Annotated[str, Text(200, empty=True)] = Field("", description="Whose account it is.")
    seen_name: Annotated[str, Text(200, empty=True)] | None = Field(
        None,
        description="The bank's own name for it as `resolve/` answered it and a person saw it, empty where it could not; another"
        " one by now is refused. Absent: nobody looked, and the answer says how the names compare.",
    )

    def as_destination(self) -> Destination:
        return Destination(self.bank_code, self.account_number, self.account_name)


class DestinationOut(Out):
    """Where money goes: by the end of the number, and by both names."""

    account_number: str = Field(examples=["******6789"])
    account_name: str = Field(description="As it was sent.")
    holder: str = Field(description="As its bank says; empty: nobody could say.")
    name_check: NameCheck = Field(description="`unnamed`: none was sent to compare; `not_checked`: nobody could say.")


def destination_out(destination: Destination) -> DestinationOut:
    """A bank account as the answer to who sends money there says it."""
    return DestinationOut(
        account_number=f"******{destination.account_number[-4:]}",
        account_name=destination.account_name,
        holder=destination.holder,
        name_check=check_name(destination=destination),
    )


class BankAccountOut(Out):
    """A bank account with the name its bank holds it in."""

    bank_code: str
    account_number: str
    account_name: str


class BankOut(Out):
    """A bank that money can be sent to."""

    code: str = Field(examples=["058"], description="Its `bank_code` in a destination.")
    name: str = Field(examples=["Guaranty Trust Bank"])


class BanksOut(Out):
    """Every bank that money of the estate's currency can be sent to, by name."""

    results: list[BankOut]


class PersonOut(Out):
    """Somebody, with what to call them."""

    user_id: UUID
    name: str


class OperationOut(Out):
    """One line of the cluster wallet's trail."""

    id: UUID
    kind: OperationKind
    direction: Literal["in", "out"] = Field(description="Whether it raised or lowered the balance.")
    amount: AmountOut
    currency: Currency
    status: TransactionStatus
    actor: PersonOut | None = Field(description="Who did it; null: the system.")
    reason: str
    reference: str
    metadata: dict[str, Any] = Field(description="Depends on `kind`: the bill's type, a destination, an approval.")
    created_at: Instant


def operation_out(view: OperationView, names: dict[UUID, str]) -> OperationOut:
    """An operation with its actor's name; `names` by user id."""
    actor = PersonOut(user_id=view.actor_id, name=names.get(view.actor_id, "")) if view.actor_id else None
    return OperationOut(
        id=view.id,
        kind=view.kind,
        direction="in" if view.incoming else "out",
        amount=str(view.amount),
        currency=view.amount.currency,
        status=TransactionStatus(view.status),
        actor=actor,
        reason=view.reason,
        reference=view.reference,
        metadata=view.metadata,
        created_at=view.created_at,
    )
