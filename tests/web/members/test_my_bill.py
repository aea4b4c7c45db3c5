"""`GET /members/bills/{id}/`."""

from __future__ import annotations

import pytest

from tests.cast import Cast
from tests.money import acknowledge, issue
from tests.web.asking import MY_BILLS, foreign_id, refused

pytestmark = pytest.mark.usefixtures("books")


def test_it_works(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    mine = cast.client_of(cast.bola).get(f"{MY_BILLS}{bill.id}/").json()
    assert (mine["status"], mine["can_acknowledge"], mine["can_pay"]) == ("acknowledged", False, True)
    assert mine["acknowledged_at"]
    theirs = cast.client_of(cast.residents[1]).get(f"{MY_BILLS}{bill.id}/").json()
    assert (theirs["status"], theirs["acknowledged_at"]) == ("pending_acknowledgment", None)


def test_another_members_bill_is_not_found(cast: Cast) -> None:
    bill = issue(cast, to=cast.residents[1])
    refused(cast.client_of(cast.bola).get(f"{MY_BILLS}{bill.id}/"), 404, "bill_not_found")


def test_an_unknown_bill_is_not_found(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    refused(bola.get(f"{MY_BILLS}{foreign_id()}/"), 404, "bill_not_found")
    assert bola.get(f"{MY_BILLS}1/").status_code == 404


def test_another_estates_bill_is_not_found(cast: Cast) -> None:
    bill = issue(cast)
    for stranger in (cast.chidi, cast.dayo):
        refused(cast.client_of(stranger).get(f"{MY_BILLS}{bill.id}/"), 404, "bill_not_found")


def test_who_only_manages_has_none(cast: Cast) -> None:
    refused(cast.client_of(cast.ada).get(f"{MY_BILLS}{issue(cast).id}/"), 404, "bill_not_found")
