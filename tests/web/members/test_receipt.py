"""`GET /members/transactions/{id}/receipt/` and `GET /verify/{code}`."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from pypdf import PdfReader

from clustr.bills import commands as bills
from clustr.kit.tenancy import tenant
from clustr.settlement.models import Receipt
from tests.cast import Cast, anonymous
from tests.money import acknowledge, fund, issue, no_pin
from tests.settlement.stage import Stage
from tests.web.asking import foreign_id, refused

pytestmark = pytest.mark.usefixtures("books")


def address(transaction_id: object) -> str:
    return f"/members/transactions/{transaction_id}/receipt/"


@pytest.fixture
def paid(cast: Cast) -> UUID:
    fund(cast, cast.bola, "9000.00")
    bill = issue(cast, "5000.00", title="Àgbàrá waste & *security*, Ɓala’s gate #1 [₦]")
    acknowledge(cast, cast.bola, bill)
    made, _ = bills.pay_bill(
        actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=no_pin(cast.bola), now=cast.now
    )
    return made.id


def kept(cast: Cast, id: UUID) -> Receipt:
    with tenant(cast.cluster_id):
        return Receipt.objects.get(cluster_id=cast.cluster_id, id=id)


def test_it_works(cast: Cast, paid: UUID) -> None:
    answer = cast.client_of(cast.bola).get(address(paid))
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-1.7")
    assert b"pdfaid:part>2<" in answer.content
    said = PdfReader(BytesIO(answer.content)).pages[0].extract_text()
    assert "Unit" in said
    assert "A1" in said
    again = cast.client_of(cast.bola).get(address(paid))
    assert again.content == answer.content
    assert bytes(kept(cast, paid).digest) == hashlib.sha256(answer.content).digest()
    assert answer["ETag"] == again["ETag"]


def test_the_office_sees_it_and_strangers_do_not(cast: Cast, paid: UUID) -> None:
    assert cast.client_of(cast.efe).get(address(paid)).status_code == 200
    for stranger in (cast.chidi, cast.dayo, cast.palm_grove["Resident 2"]):
        refused(cast.client_of(stranger).get(address(paid)), 404, "transaction_not_found")
    refused(anonymous().get(address(paid)), 401, "not_signed_in")
    refused(cast.client_of(cast.bola).get(address(foreign_id())), 404, "transaction_not_found")


def test_there_is_none_before_it_is_completed(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola)
    refused(cast.client_of(cast.bola).get(address(checkout.transaction.id)), 409, "no_receipt")


def test_letters_no_font_has_do_not_stop_it(cast: Cast) -> None:
    fund(cast, cast.bola, "100.00")
    bill = issue(cast, "100.00", title="الأمن 警備 🏠")
    acknowledge(cast, cast.bola, bill)
    made, _ = bills.pay_bill(
        actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=no_pin(cast.bola), now=cast.now
    )
    assert cast.client_of(cast.bola).get(address(made.id)).content.startswith(b"%PDF")


def checked(code: str) -> Any:
    return Client().get(f"/verify/{code}")


def test_anybody_can_check_its_code_and_learns_little(cast: Cast, paid: UUID) -> None:
    cast.client_of(cast.bola).get(address(paid))
    code = kept(cast, paid).code
    page = checked(code)
    text = page.content.decode()
    assert page.status_code == 200
    assert "₦5,000.00" in text
    assert "Palm Grove" in text
    for secret in ("Bola", cast.bola.email, str(paid), str(cast.bola.user_id), "waste", "A1"):
        assert secret not in text
    dashed = "-".join(code[start : start + 4] for start in range(0, 16, 4)).lower()
    assert checked(dashed).status_code == 200


def test_its_code_can_be_typed(cast: Cast, paid: UUID) -> None:
    cast.client_of(cast.bola).get(address(paid))
    code = kept(cast, paid).code
    asked = Client().get("/verify/")
    assert (asked.status_code, b'name="code"' in asked.content, b"No receipt" in asked.content) == (200, True, False)
    typed = Client().get("/verify/", {"code": f" {code[:4].lower()}-{code[4:]} "}, follow=True)
    assert (typed.status_code, "₦5,000.00" in typed.content.decode()) == (200, True)
    for what, again in (("../x?a=b//" + "A" * 500, b'value="..xab'), ("???", b'value=""')):
        wrong = Client().get("/verify/", {"code": what}, follow=True)
        assert wrong.status_code == 404
        assert b"No receipt has this code" in wrong.content and b'name="code"' in wrong.content
        assert again.replace(b"..", b"") in wrong.content


@pytest.mark.parametrize("code", ["0000000000000000", "x", "%00", "..", "A" * 500])
def test_a_code_that_is_none(code: str) -> None:
    page = checked(code)
    assert page.status_code == 404
    assert b"No receipt has this code" in page.content or page.status_code == 404
