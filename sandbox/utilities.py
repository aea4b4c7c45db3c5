"""What the sandbox sells: billers and their items, and who stands behind a number."""

from __future__ import annotations

import hashlib
from typing import NamedTuple


class Item(NamedTuple):
    """One thing a biller sells. `amount` 0: any. Whole kobo."""

    code: str
    name: str
    label: str
    fee: int
    amount: int = 0
    prepaid: bool = False
    minimum: int = 0
    maximum: int = 0


class Biller(NamedTuple):
    code: str
    name: str
    short_name: str
    category: str
    items: tuple[Item, ...]


_FEE = 100_00
_LEAST, _MOST = 500_00, 500_000_00

CATEGORIES = (
    ("AIRTIME", "Airtime"),
    ("MOBILEDATA", "Mobile data"),
    ("CABLEBILLS", "Cable bills"),
    ("INTSERVICE", "Internet service"),
    ("UTILITYBILLS", "Utility bills"),
)
BILLERS = (
    Biller(
        "BIL110",
        "Eko Electric",
        "EKEDC",
        "UTILITYBILLS",
        (
            Item("UB134", "EKEDC PREPAID TOPUP", "Meter Number", _FEE, prepaid=True, minimum=_LEAST, maximum=_MOST),
            Item("UB135", "EKEDC POSTPAID TOPUP", "Account Number", _FEE, minimum=_LEAST, maximum=_MOST),
        ),
    ),
    Biller(
        "BIL113",
        "Ikeja Electric",
        "IKEDC",
        "UTILITYBILLS",
        (
            Item("UB159", "IKEDC PREPAID", "Meter Number", _FEE, prepaid=True, minimum=_LEAST, maximum=_MOST),
            Item("UB160", "IKEDC POSTPAID", "Account Number", _FEE, minimum=_LEAST, maximum=_MOST),
        ),
    ),
    Biller(
        "BIL131",
        "Lagos State Water Corporation",
        "LSWC",
        "UTILITYBILLS",
        (Item("UB201", "WATER BILL", "Customer Number", _FEE),),
    ),
    Biller(
        "BIL126",
        "Smile Communications",
        "SMILE",
        "INTSERVICE",
        (
            Item("IN101", "SMILE RECHARGE", "Account Number", 0),
            Item("IN102", "SMILE 10 GB", "Account Number", 0, 5_000_00),
        ),
    ),
    Biller(
        "BIL119",
        "DSTV",
        "DSTV",
        "CABLEBILLS",
        (Item("CB141", "DSTV", "SmartCard Number", _FEE), Item("CB140", "DSTV BOX OFFICE", "SmartCard Number", _FEE)),
    ),
    Biller("BIL122", "GOTV", "GOTV", "CABLEBILLS", (Item("CB181", "GOTV MAX", "IUC Number", _FEE, 8_500_00),)),
)
BY_CODE = {biller.code: biller for biller in BILLERS}
WITHDRAWN = "BIL113"
"""What the dial `bill.withdrawn` takes from the shelf."""

_FIRST = ("ADA", "BOLA", "CHIDI", "DAYO", "EFE", "FEMI", "GRACE", "HALIMA")
_LAST = ("OKAFOR", "ADEYEMI", "EZE", "BELLO", "IBRAHIM", "LAWAL", "NWOSU", "PETERS")
_KNOWN = {"0025401100": "Test DSTV Account"}


def item_of(*, biller: str, item: str) -> Item | None:
    found = BY_CODE.get(biller)
    return next((one for one in found.items if one.code == item), None) if found else None


def name_behind(*, item: Item, number: str) -> str | None:
    """Who has this number; None for nobody: a number that ends in 0000, or a meter's of another length than 11 or 13."""
    if number in _KNOWN:
        return _KNOWN[number]
    if not number.isalnum() or number.endswith("0000") or (item.prepaid and len(number) not in (11, 13)):
        return None
    digest = hashlib.sha256(number.encode()).digest()
    return f"{_FIRST[digest[0] % len(_FIRST)]} {_LAST[digest[1] % len(_LAST)]}"
