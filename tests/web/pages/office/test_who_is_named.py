"""Whom an estate has billed before they accepted it, it sees as it wrote them itself, on every page and in every file."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

from pypdf import PdfReader

from clustr.bills import commands as bills
from clustr.bills.types import BillType, NewBill
from clustr.clusters.commands import enter_cluster, invite_member
from clustr.clusters.types import Role
from clustr.wallets import commands as wallets
from clustr.wallets.types import OfflineMethod
from tests.cast import ORIGIN, Cast, client_of
from tests.money import naira
from tests.web.pages.browsing import Browser


def test_it_works(cast: Cast) -> None:
    dayo, bola = cast.dayo, cast.bola
    invite_member(actor=dayo.actor, email=bola.email, name="Somebody", role=Role.RESIDENT, now=cast.now)
    new = NewBill(
        title="Gate",
        amount=naira("500.00"),
        type=BillType.OTHER,
        due_date=cast.now + timedelta(days=10),
        user_id=bola.user_id,
    )
    bill = bills.create_user_specific_bill(actor=dayo.actor, new=new, now=cast.now)
    money = wallets.receive_offline(
        actor=dayo.actor,
        user_id=bola.user_id,
        amount=naira("700.00"),
        method=OfflineMethod.CASH,
        reference=str(bill.id),
        now=cast.now,
    )
    pages = (
        *("/office/", "/office/bills/", f"/office/bills/{bill.id}/", f"/office/bills/{bill.id}/members/"),
        *("/office/transactions/", f"/office/transactions/{money.id}/", "/office/audit/"),
    )

    def seen() -> dict[str, str]:
        desk = Browser(dayo)
        told = {page: desk.client.get(page).content.decode() for page in pages}
        receipt = client_of(dayo).get(f"/members/transactions/{money.id}/receipt/")
        assert receipt.status_code == 200, receipt.content
        told["receipt"] = PdfReader(BytesIO(receipt.content)).pages[0].extract_text()
        return told

    told = seen()
    assert [page for page, text in told.items() if "Bola" in text] == []
    assert all("Somebody" in told[page] for page in (f"/office/bills/{bill.id}/", "/office/transactions/", "receipt"))
    enter_cluster(user_id=bola.user_id, cluster_id=cast.lekki.id, origin=ORIGIN, now=cast.now)
    assert "Bola" in seen()["/office/transactions/"]
