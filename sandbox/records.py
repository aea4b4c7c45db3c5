"""What the providers remember. Amounts are whole minor units; `provider` is `paystack` or `flutterwave`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Person:
    """A customer: whoever pays, known by e-mail."""

    id: int
    provider: str
    code: str
    email: str
    created_at: datetime
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    metadata: Any = None


@dataclass(slots=True)
class Card:
    """A card that paid once. `code` is Paystack's authorization code or Flutterwave's token."""

    id: int
    provider: str
    code: str
    email: str
    number: str
    brand: str
    exp_month: str
    exp_year: str
    reusable: bool
    signature: str
    person_id: int
    created_at: datetime
    active: bool = True


@dataclass(slots=True)
class Link:
    """Flutterwave's hosted page: one `tx_ref`, several attempts."""

    id: int
    token: str
    reference: str
    amount: int
    currency: str
    person_id: int
    redirect_url: str
    created_at: datetime
    expires_at: datetime | None
    title: str = ""
    description: str = ""
    options: str = ""
    meta: Any = None
    active: bool = True


@dataclass(slots=True)
class Charge:
    """One attempt to take money (Flutterwave) or one reference with all its attempts (Paystack).

    `status`: open, pending, success, failed, reversing, reversed.
    """

    id: int
    provider: str
    reference: str
    requested: int
    currency: str
    person_id: int
    created_at: datetime
    origin: str
    status: str = "open"
    paid: int = 0
    fee: int = 0
    payer_bears: bool = False
    paid_at: datetime | None = None
    channel: str = "card"
    outcome: str = ""
    card_id: int | None = None
    attempts: list[dict[str, str]] = field(default_factory=list)
    metadata: Any = None
    callback_url: str = ""
    access_code: str = ""
    channels: list[str] = field(default_factory=list)
    link_id: int | None = None
    account_id: int | None = None
    narration: str = ""

    @property
    def net(self) -> int:
        """What the merchant has of it."""
        return self.paid - (0 if self.payer_bears else self.fee)


@dataclass(slots=True)
class Refund:
    """`status`: pending, processing, processed, failed, needs-attention. `fate` is where it is going."""

    id: int
    provider: str
    charge_id: int
    amount: int
    currency: str
    status: str
    fate: str
    created_at: datetime
    updated_at: datetime
    customer_note: str = ""
    merchant_note: str = ""


@dataclass(slots=True)
class Recipient:
    """Paystack's transfer recipient."""

    id: int
    code: str
    name: str
    account_number: str
    bank_code: str
    currency: str
    kind: str
    created_at: datetime
    description: str | None = None
    metadata: Any = None


@dataclass(slots=True)
class Transfer:
    """A payout. `status`: otp, pending, success, failed, reversed, abandoned. `fate` is where it is going."""

    id: int
    provider: str
    code: str
    reference: str
    amount: int
    fee: int
    currency: str
    account_number: str
    bank_code: str
    name: str
    status: str
    fate: str
    created_at: datetime
    updated_at: datetime
    recipient_id: int | None = None
    narration: str | None = None
    message: str = ""
    meta: Any = None


@dataclass(slots=True)
class Account:
    """A virtual account: whoever pays into it pays the merchant."""

    id: int
    provider: str
    account_number: str
    account_name: str
    bank_name: str
    bank_slug: str
    person_id: int
    currency: str
    created_at: datetime
    reference: str = ""
    order_ref: str = ""
    flw_ref: str = ""
    permanent: bool = True
    amount: int | None = None
    active: bool = True


@dataclass(slots=True)
class Dispute:
    """A chargeback. `status`: awaiting-merchant-feedback, resolved."""

    id: int
    provider: str
    charge_id: int
    amount: int
    status: str
    created_at: datetime
    updated_at: datetime
    resolution: str | None = None


@dataclass(slots=True)
class Vend:
    """Something bought from a utility. `status`: pending, sold, failed, reversed. `fate` is where it is going; `token_at`:
    when its token is there."""

    id: int
    provider: str
    reference: str
    biller: str
    item: str
    customer: str
    amount: int
    fee: int
    status: str
    fate: str
    created_at: datetime
    updated_at: datetime
    token: str = ""
    token_at: datetime | None = None
    units: str = ""
    message: str = ""


@dataclass(slots=True)
class Due:
    """Something that will happen by itself."""

    id: int
    at: datetime
    act: str
    target_id: int
    word: str = ""
    done: bool = False


@dataclass(slots=True)
class Hook:
    """A webhook on its way. `attempts` holds what each attempt came to."""

    id: int
    provider: str
    event: str
    body: str
    created_at: datetime
    next_at: datetime | None
    bad_signature: bool = False
    attempts: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class StripeRow:
    """An object of Stripe's, as it answers it, but for what it belongs to (`parent`)."""

    id: int
    kind: str
    key: str
    parent: str
    created_at: datetime
    doc: dict[str, Any]


Record = (
    StripeRow | Person | Card | Link | Charge | Refund | Recipient | Transfer | Account | Dispute | Vend | Due | Hook
)

KINDS: dict[str, type[Record]] = {
    "person": Person,
    "card": Card,
    "link": Link,
    "charge": Charge,
    "refund": Refund,
    "recipient": Recipient,
    "transfer": Transfer,
    "account": Account,
    "dispute": Dispute,
    "vend": Vend,
    "due": Due,
    "hook": Hook,
    "stripe": StripeRow,
}
NAMES: dict[type, str] = {record: name for name, record in KINDS.items()}
