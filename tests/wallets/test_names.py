"""Whether the name that was typed for a bank account is the one that its bank gives."""

from __future__ import annotations

import pytest

from clustr.wallets.policies import check_name
from clustr.wallets.types import Destination


@pytest.mark.parametrize(
    ("typed", "holder", "check"),
    [
        ("Bola Adeyemi", "ADEYEMI BOLA OLUWASEUN", "same"),
        ("Mrs. Bola Ngozi Adeyemi", "BOLA ADEYEMI", "same"),
        ("Adéyẹmí, Bọ́lá", "ADEYEMI BOLA", "same"),
        ("Island Fuels Ltd", "ISLAND FUELS LIMITED", "same"),
        ("Palm Grove Residents' Association", "PALM GROVE RESIDENTS ASSOC", "same"),
        ("Shoprite", "SHOPRITE NIGERIA LTD", "same"),
        ("Island Fuels", "ADA OKAFOR", "differs"),
        ("Bola Adeyemi", "TUNDE ADEYEMI", "differs"),
        ("Bola Adeyemi", "BOLA TUNDE ADE", "differs"),
        ("Bola", "BOLA ADEYEMI", "differs"),
        ("Ada Ada", "ADA OKAFOR", "differs"),
        ("Ltd", "ISLAND FUELS LTD", "differs"),
        ("--", "ADA OKAFOR", "differs"),
        ("", "ADA OKAFOR", "unnamed"),
        ("Bola Adeyemi", "", "not_checked"),
    ],
)
def test_it_works(typed: str, holder: str, check: str) -> None:
    assert check_name(destination=Destination("058", "0123456789", typed, holder)) == check
