"""Bills from a sheet: whom they reach before they are issued, and every error by its line."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from clustr.bills import commands as bills
from clustr.bills.models import Bill
from clustr.bills.previews import members_after_change, preview_bills
from clustr.bills.refusals import SheetInvalid
from clustr.bills.types import BillType, NewBill
from clustr.kit.tenancy import tenant
from tests.bills import acts
from tests.cast import Cast
from tests.money import issue, naira

pytestmark = pytest.mark.usefixtures("books")

HEADER = "email,title,amount,type,due_date,description\n"


def sheet(*lines: str) -> bytes:
    return (HEADER + "\n".join(lines)).encode()


def errors(cast: Cast, content: bytes) -> dict[str, str]:
    """The errors of a sheet by place, which preview and issue name alike; nothing is billed."""
    before = count(cast)
    with pytest.raises(SheetInvalid) as shown:
        bills.preview_sheet(actor=cast.ada.actor, content=content, now=cast.now)
    with pytest.raises(SheetInvalid) as refused:
        bills.create_bills_of_sheet(actor=cast.ada.actor, content=content, now=cast.now)
    assert refused.value.errors == shown.value.errors
    assert count(cast) == before
    return {error.field: error.code for error in refused.value.errors}


def count(cast: Cast) -> int:
    with tenant(cast.cluster_id):
        return Bill.objects.filter(cluster_id=cast.cluster_id).count()


def test_it_works(cast: Cast) -> None:
    content = sheet(
        "everyone,Service charge,5000.00,service_charge,2190-01-31,Gate and pool",
        f"{cast.bola.email.upper()},Gate repair,70.50,maintenance,2190-02-28,",
        "",
    )
    seen = bills.preview_sheet(actor=cast.ada.actor, content=content, now=cast.now)
    assert (seen.bills, seen.members, str(seen.total)) == (2, 4, "15070.50")
    assert count(cast) == 0
    wide, own = bills.create_bills_of_sheet(actor=cast.ada.actor, content=content, now=cast.now)
    assert (wide.user_id, str(wide.amount), wide.description) == (None, "5000.00", "Gate and pool")
    assert (own.user_id, own.type) == (cast.bola.user_id, BillType.MAINTENANCE)
    zone = ZoneInfo(cast.palm_grove.timezone)
    assert wide.due_date == datetime(2190, 1, 31, 23, 59, 59, tzinfo=zone)
    assert acts.managed(cast, wide).totals.members_billed == 3


def test_every_error_is_named_by_its_line(cast: Cast) -> None:
    assert errors(
        cast,
        sheet(
            ",No one,1.00,water,2190-01-31,",
            f"{cast.chidi.email},Stranger,1.00,water,2190-01-31,",
            f"{cast.ada.email},Not a resident,1.00,water,2190-01-31,",
            "everyone,,0,electricity_utility,31/01/2190,",
            "everyone,Late,1.00,water,2001-01-31,",
            "everyone,Float,1e3,water,2190-01-31,",
            "everyone,Much,1.00,water,2190-01-31,a,b",
        ),
    ) == {
        "lines.2.email": "invalid_email",
        "lines.3.email": "member_not_found",
        "lines.4.email": "member_not_found",
        "lines.5.title": "required",
        "lines.5.type": "unknown_choice",
        "lines.5.amount": "amount_is_zero",
        "lines.5.due_date": "invalid_date",
        "lines.6.due_date": "due_date_not_ahead",
        "lines.7.amount": "invalid_amount",
        "lines.8.row": "too_many_cells",
    }


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        HEADER.encode(),
        b"email,title\n",
        b"email,email,title,amount,type,due_date\n",
        b"x" * 3_000_000,
    ],
)
def test_a_file_that_is_no_sheet(cast: Cast, content: bytes) -> None:
    assert errors(cast, content) == {}


def test_who_left_is_not_billed(cast: Cast) -> None:
    acts.leave(cast, cast.bola)
    assert errors(cast, sheet(f"{cast.bola.email},Late,1.00,water,2190-01-31,")) == {
        "lines.2.email": "member_not_found"
    }


def test_only_with_manage_bill(cast: Cast) -> None:
    content = sheet("everyone,Service charge,5000.00,service_charge,2190-01-31,")
    for read in (bills.preview_sheet, bills.create_bills_of_sheet):
        with acts.refused("permission_missing"):
            read(actor=cast.efe.actor, content=content, now=cast.now)


def test_a_preview_counts_as_the_bill_will(cast: Cast) -> None:
    due = issue(cast).due_date
    late = cast.add_resident("Late", joined_at=due)
    new = NewBill("Pool", naira("10.00"), BillType.MAINTENANCE, due)
    spared = NewBill("Pool", naira("10.00"), BillType.MAINTENANCE, due, members_at_issue_only=True)
    with tenant(cast.cluster_id):
        seen = preview_bills(actor=cast.ada.actor, bills=[new, spared], now=cast.now)
        made = [bills.create_cluster_wide_bill(actor=cast.ada.actor, new=each, now=cast.now) for each in (new, spared)]
    totals = [acts.managed(cast, bill).totals for bill in made]
    assert [each.members_billed for each in totals] == [4, 3]
    assert (seen.members, seen.total.minor) == (7, sum(each.billed_minor for each in totals))
    with tenant(cast.cluster_id):
        view = acts.managed(cast, made[0])
        assert members_after_change(actor=cast.ada.actor, bill=view, due_date=due - (due - cast.now) / 2) == 3
        with acts.refused("permission_missing"):
            preview_bills(actor=cast.efe.actor, bills=[new], now=cast.now)
        with acts.refused("due_date_not_ahead"):
            preview_bills(
                actor=cast.ada.actor, bills=[NewBill("x", naira("1"), BillType.WATER, cast.now)], now=cast.now
            )
        with acts.refused("member_not_found"):
            to = NewBill("x", naira("1"), BillType.WATER, due, user_id=cast.chidi.user_id)
            preview_bills(actor=cast.ada.actor, bills=[to], now=cast.now)
    assert late
