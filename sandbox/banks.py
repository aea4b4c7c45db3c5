"""Nigerian banks as both providers list them, and whose account a number is."""

from __future__ import annotations

import hashlib
from typing import NamedTuple


class Bank(NamedTuple):
    id: int
    code: str
    name: str
    slug: str


BANKS = (
    Bank(1, "044", "Access Bank", "access-bank"),
    Bank(3, "023", "Citibank Nigeria", "citibank-nigeria"),
    Bank(4, "050", "Ecobank Nigeria", "ecobank-nigeria"),
    Bank(6, "070", "Fidelity Bank", "fidelity-bank"),
    Bank(7, "011", "First Bank of Nigeria", "first-bank-of-nigeria"),
    Bank(8, "214", "First City Monument Bank", "first-city-monument-bank"),
    Bank(9, "058", "Guaranty Trust Bank", "guaranty-trust-bank"),
    Bank(10, "030", "Heritage Bank", "heritage-bank"),
    Bank(11, "082", "Keystone Bank", "keystone-bank"),
    Bank(13, "076", "Polaris Bank", "polaris-bank"),
    Bank(14, "221", "Stanbic IBTC Bank", "stanbic-ibtc-bank"),
    Bank(15, "068", "Standard Chartered Bank", "standard-chartered-bank"),
    Bank(16, "232", "Sterling Bank", "sterling-bank"),
    Bank(17, "032", "Union Bank of Nigeria", "union-bank-of-nigeria"),
    Bank(18, "033", "United Bank For Africa", "united-bank-for-africa"),
    Bank(19, "215", "Unity Bank", "unity-bank"),
    Bank(20, "035", "Wema Bank", "wema-bank"),
    Bank(21, "057", "Zenith Bank", "zenith-bank"),
    Bank(22, "063", "Access Bank (Diamond)", "access-bank-diamond"),
    Bank(67, "50211", "Kuda Bank", "kuda-bank"),
    Bank(171, "999992", "OPay Digital Services Limited (OPay)", "paycom"),
    Bank(258, "50515", "Moniepoint MFB", "moniepoint-mfb-ng"),
)
BY_CODE = {bank.code: bank for bank in BANKS}

_KNOWN = {
    ("063", "0022728151"): "WES GIBBONS",
    ("044", "0690000032"): "Pastor Bright",
    ("044", "0690000040"): "Alexis Sanchez",
    ("057", "0000000000"): "TEST ACCOUNT",
}
_FIRST = ("ADA", "BOLA", "CHIDI", "DAYO", "EFE", "FUNKE", "HALIMA", "IFEOMA", "KEMI", "MUSA", "NGOZI", "TUNDE")
_LAST = ("ABUBAKAR", "ADEYEMI", "BELLO", "EZE", "LAWAL", "MOHAMMED", "NWOSU", "OKAFOR", "OKORO", "USMAN")


def holder_of(*, bank_code: str, account_number: str) -> str | None:
    """Whose account it is; None if there is no such account. Numbers that end in 0000 do not exist, but for the
    providers' documented ones."""
    if bank_code not in BY_CODE or len(account_number) != 10 or not account_number.isdigit():
        return None
    known = _KNOWN.get((bank_code, account_number))
    if known or account_number.endswith("0000"):
        return known
    digest = hashlib.sha256(f"{bank_code}:{account_number}".encode()).digest()
    return f"{_FIRST[digest[0] % len(_FIRST)]} {_LAST[digest[1] % len(_LAST)]}"
