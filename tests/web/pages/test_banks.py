"""The banks people choose from: as the provider lists them, asked for seldom; those of the clearing system while it is silent."""

from __future__ import annotations

import pytest

from clustr.payments.refusals import ProviderUnavailable
from clustr.settlement.commands import list_banks
from clustr.web.pages.banks import CLEARING
from sandbox.banks import BANKS
from tests.cast import Cast, client_of
from tests.payments.providers.shared import needs_shared, sample
from tests.settlement.stage import Stage
from tests.web.asking import MY_WALLET, OFFICE, refused
from tests.web.pages.browsing import Browser

_NOT_DESCRIBED = {"101"}
"""Of this one the descriptions beside the project say nothing."""
_CALLED = {"058": "GTBank Plc", "076": "Skye Bank"}
"""Names they had when the descriptions were written."""


@needs_shared
def test_it_works() -> None:
    """Each code of ours is one the provider lists under this name, and there once."""
    theirs = {row["code"]: row["name"] for row in sample("flutterwave/api/banks__get-all-banks__response.json")["data"]}
    for code, name in CLEARING:
        if code in _NOT_DESCRIBED:
            assert code not in theirs
            continue
        called = theirs[code]
        assert called == _CALLED.get(code) or called[:4].lower() == name[:4].lower(), (code, name, called)
    codes = [code for code, _ in CLEARING]
    assert len(set(codes)) == len(codes)
    assert all(len(code) == 3 for code in codes)


def test_the_provider_is_asked_seldom_and_what_it_said_serves_while_it_is_silent(stage: Stage) -> None:
    def listed() -> int:
        return len(list_banks(currency="NGN", now=stage.now))

    stage.dial(list__timeout_before=1.0)
    with pytest.raises(ProviderUnavailable):
        listed()
    stage.heal()
    with pytest.raises(ProviderUnavailable):
        listed()
    stage.wait(minutes=2)
    assert listed() == len(BANKS)
    stage.dial(list__timeout_before=1.0)
    for _ in range(2):
        stage.wait(hours=13)
        assert listed() == len(BANKS)


@pytest.mark.usefixtures("stage")
def test_both_doors_and_their_forms_list_them(cast: Cast) -> None:
    for path, person in ((OFFICE, cast.ada), (MY_WALLET, cast.bola)):
        rows = client_of(person).get(f"{path}banks/").json()["results"]
        assert {row["code"] for row in rows} == {bank.code for bank in BANKS}
        assert [row["name"].casefold() for row in rows] == sorted(row["name"].casefold() for row in rows)
    refused(client_of(cast.efe).get(f"{OFFICE}banks/"), 403, "permission_missing")
    for path, person in (("/office/wallet/transfer/", cast.ada), ("/app/wallet/withdraw/", cast.bola)):
        browser = Browser(person)
        browser.open(path)
        assert browser.form().values["bank_code"] == "", "no bank is chosen for anybody"
        assert "Kuda Bank" in browser.text


def test_without_a_provider(cast: Cast) -> None:
    refused(client_of(cast.bola).get(f"{MY_WALLET}banks/"), 409, "provider_not_available")
    browser = Browser(cast.bola)
    browser.open("/app/wallet/withdraw/")
    assert "Zenith Bank" in browser.text
