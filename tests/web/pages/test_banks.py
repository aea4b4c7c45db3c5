"""The banks people choose from, against what the providers themselves say of them."""

from __future__ import annotations

import pytest
from django.conf import settings

from clustr.web.pages.banks import BY_PROVIDER, CLEARING, banks
from tests.payments.providers.shared import SHARED, needs_shared, sample

_NOT_DESCRIBED = {"101", "50515"}
"""Of these the descriptions beside the project say nothing."""
_NOT_NAMED = {"999991"}
"""This one stands there without a name."""
_CALLED = {"058": "GTBank Plc", "076": "Skye Bank", "305": "Paycom", "999992": "Paycom"}
"""Names they had when the descriptions were written."""


@needs_shared
def test_it_works() -> None:
    """Each code is one the provider lists under this name; those that nobody describes are known as such."""
    theirs = {row["code"]: row["name"] for row in sample("flutterwave/api/banks__get-all-banks__response.json")["data"]}
    paystack = sample("paystack/api/miscellaneous__bank.json")["200"]["data"]["data"]
    paystack_names = {row["code"]: row["name"] for row in paystack} | {"50211": "Kuda Bank"}
    assert '"50211"' in (SHARED / "payloads/paystack/api/transfer-recipient__bulk.json").read_text()
    for described, ours in (
        (theirs, (*CLEARING, *BY_PROVIDER["flutterwave"])),
        (paystack_names, BY_PROVIDER["paystack"]),
    ):
        for code, name in ours:
            if code in _NOT_DESCRIBED | _NOT_NAMED:
                assert code not in described
                continue
            called = described[code]
            assert called == _CALLED.get(code) or called[:4].lower() == name[:4].lower(), (code, name, called)


def test_codes_are_those_of_who_pays_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "ENV", settings.ENV.model_copy(update={"PAYOUT_PROVIDER": "nobody"}))
    assert [code for code, _ in banks()] == [code for code, _ in sorted(CLEARING, key=lambda bank: bank[1])]
    codes = [code for code, _ in CLEARING]
    assert len(set(codes)) == len(codes)
    assert all(len(code) == 3 for code in codes)
