"""What the notes for upgrading say of utilities that were booked from the wrong provider's balance."""

from __future__ import annotations

import re
from pathlib import Path

from django.db import connections

from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.wallets import commands as wallets
from tests.cast import Cast
from tests.money import naira

_OPERATING = Path(__file__).resolve().parents[2] / "docs" / "operating.md"


def booked_from_paystack() -> int:
    (query,) = re.findall(r'--database checker -- -c "(SELECT [^"]+)"', _OPERATING.read_text())
    with connections["checker"].cursor() as cursor:
        cursor.execute(query)
        return dict(cursor.fetchall()).get("NGN", 0)


def test_the_command_says_how_much_was_booked_from_paystack(cast: Cast) -> None:
    before = booked_from_paystack()
    with tenant(cast.cluster_id):
        hold = ledger.open_account(kind=AccountKind.PROVIDER_FEES, currency="NGN")
        for provider, amount, kind in (
            ("paystack", "100.00", TransferKind.UTILITY_VENDED),
            ("flutterwave", "70.00", TransferKind.UTILITY_VENDED),
            ("paystack", "30.00", TransferKind.UTILITY_FEE_DIFFERENCE),
        ):
            clearing = wallets.provider_account(provider=provider, currency="NGN")
            id = new_id()
            debit, credit = (hold, clearing) if kind is TransferKind.UTILITY_VENDED else (clearing, hold)
            entry = Entry(id=id, debit=debit, credit=credit, amount=naira(amount), kind=kind, journal=id)
            ledger.post(entries=[entry], at=cast.now)
    assert booked_from_paystack() - before == 7_000
