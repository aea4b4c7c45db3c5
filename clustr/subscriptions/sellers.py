"""Who sells, as the setting SUBSCRIPTION_SELLER says: what a tax invoice must say of its seller, and where to pay. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from clustr.subscriptions.countries import COUNTRIES


class SellerWrong(ValueError):
    """SUBSCRIPTION_SELLER does not say who sells."""


@dataclass(frozen=True, slots=True)
class Seller:
    """The party that issues invoices. `tax_id`: the number under which it pays the tax (in Nigeria the TIN); `legal_id`:
    that of its registration. `bank`, `account_number` and `account_name`: where transfers go; empty: nowhere is said."""

    name: str
    country: str
    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    tax_id: str = ""
    legal_id: str = ""
    email: str = ""
    phone: str = ""
    bank: str = ""
    account_number: str = ""
    account_name: str = ""

    def to_pay_to(self) -> dict[str, str]:
        """Where a transfer goes, for a mail: `bank`, `account_number`, `account_name`; nothing where nowhere is said."""
        if not self.account_number:
            return {}
        name = self.account_name or self.name
        return {"bank": self.bank, "account_number": self.account_number, "account_name": name}

    def as_data(self) -> dict[str, str]:
        """As it is kept with a document: only what is said."""
        return {name: value for name, value in asdict(self).items() if value}


_KNOWN = {field.name for field in fields(Seller)}
_DEMONSTRATION = {
    "name": "ClustR",
    "line1": "1 Demonstration Close",
    "city": "Lagos",
    "tax_id": "00000000-0001",
    "email": "billing@clustr.test",
    "bank": "Demonstration Bank",
    "account_number": "0000000000",
    "account_name": "ClustR",
}
"""Until the setting says who really sells. Nothing that costs money is put on sale in production before it does."""


def read_seller(text: str, *, country: str) -> Seller:
    """The seller of a setting's JSON, in this country unless it says another. Raises SellerWrong and says what."""
    try:
        said: Any = json.loads(text) if text else _DEMONSTRATION
    except ValueError as error:
        raise SellerWrong("SUBSCRIPTION_SELLER is not JSON") from error
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise SellerWrong("SUBSCRIPTION_SELLER is an object of texts")
    unknown = set(said) - _KNOWN
    if unknown:
        raise SellerWrong(f"SUBSCRIPTION_SELLER: nothing is known of {', '.join(sorted(unknown))}")
    missing = [name for name in ("name", "line1", "city", "tax_id") if not said.get(name, "").strip()]
    if missing:
        raise SellerWrong(f"SUBSCRIPTION_SELLER: an invoice needs the seller's {', '.join(missing)}")
    seller = seller_of({"country": country, **said})
    if seller.country not in COUNTRIES:
        raise SellerWrong("SUBSCRIPTION_SELLER: `country` is two capitals, such as NG")
    return seller


def seller_of(data: Mapping[str, str]) -> Seller:
    """The seller that a document was issued by, from what is kept with it."""
    return Seller(**{name: value for name, value in data.items() if name in _KNOWN})
