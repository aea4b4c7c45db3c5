"""What the office's first page is drawn from: ageing, the collection curve, who has not paid; and one member's account."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from clustr.bills import member_accounts
from clustr.bills.arrears import Debtor, members_in_arrears
from clustr.bills.dashboard import Figures, figures_of_cluster
from clustr.bills.types import MemberStatus
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind
from tests.bills import acts
from tests.cast import Cast
from tests.money import acknowledge, fund, issue, naira

pytestmark = pytest.mark.usefixtures("books")


def office(cast: Cast, *, days: int = 0) -> Figures:
    with tenant(cast.cluster_id):
        return figures_of_cluster(actor=cast.efe.actor, now=cast.now + timedelta(days=days))


def debtors(cast: Cast, *, days: int, **chosen: object) -> list[Debtor]:
    with tenant(cast.cluster_id):
        return members_in_arrears(actor=cast.efe.actor, now=cast.now + timedelta(days=days), **chosen)  # type: ignore[arg-type]


def test_it_works(cast: Cast) -> None:
    """Arrears are told apart by how long they are due, and sum to what is overdue."""
    issue(cast, "100.00")  # 3 residents, due in 10 days
    paid = issue(cast, "50.00", to=cast.bola, due_date=cast.now + timedelta(days=60))
    issue(cast, "7.00", to=cast.bola, due_date=cast.now + timedelta(days=75))
    gone = issue(cast, "9.00")
    acknowledge(cast, cast.bola, paid)
    acts.offline(cast, cast.bola, paid, "20.00")
    acts.cancel(cast, gone)
    seen = office(cast, days=80)
    assert [(band.upto_days, band.bills, str(band.amount)) for band in seen.ageing] == [
        (30, 2, "37.00"),
        (60, 0, "0.00"),
        (90, 1, "300.00"),
        (None, 0, "0.00"),
    ]
    assert sum(band.amount.minor for band in seen.ageing) == seen.sums.overdue.minor
    assert [band.bills for band in office(cast, days=101).ageing] == [1, 1, 0, 1]
    assert [band.bills for band in office(cast).ageing] == [0, 0, 0, 0]


def test_the_curve_is_billed_and_collected_day_by_day(cast: Cast) -> None:
    bill = issue(cast, "100.00")
    acts.cancel(cast, issue(cast, "900.00"))
    acknowledge(cast, cast.bola, bill)
    payment = acts.offline(cast, cast.bola, bill, "80.00", at=cast.now + timedelta(days=2))
    with tenant(cast.cluster_id):
        wallet = ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency="NGN")
    ledger.close_account(cluster_id=cast.cluster_id, account_id=wallet, timezone=cast.palm_grove.timezone)
    acts.refund(cast, payment, "30.00")
    curve = {point.day: (str(point.billed), str(point.collected)) for point in office(cast, days=3).curve}
    today = cast.now.astimezone(ZoneInfo(cast.palm_grove.timezone)).date()
    assert len(curve) == 90
    assert curve[today - timedelta(days=1)] == ("0.00", "0.00")
    assert curve[today] == ("300.00", "-30.00")
    assert curve[today + timedelta(days=1)] == ("300.00", "-30.00")
    assert curve[today + timedelta(days=2)] == ("300.00", "50.00") == curve[today + timedelta(days=3)]
    assert max(curve) == today + timedelta(days=3)
    assert office(cast, days=200).curve[-1].billed == naira("0.00")


def test_who_has_not_paid(cast: Cast) -> None:
    wide, own = issue(cast, "100.00"), issue(cast, "40.00", to=cast.bola, due_date=cast.now + timedelta(days=5))
    second, third = cast.residents[1], cast.residents[2]
    acknowledge(cast, second, wide)
    acts.offline(cast, second, wide, "100.00")
    acts.dispute(cast, third, wide)
    assert debtors(cast, days=1) == []
    (bola,) = debtors(cast, days=11)
    assert (bola.member.user_id, bola.bills, str(bola.overdue)) == (cast.bola.user_id, 2, "140.00")
    assert bola.oldest_due_date == own.due_date
    assert [row.bills for row in debtors(cast, days=6)] == [1]


def test_who_left_still_owes_and_is_listed_once(cast: Cast) -> None:
    issue(cast, "100.00")
    acts.leave(cast, cast.bola, at=cast.now + timedelta(days=1))
    cast.add_resident("Other")
    owing = [row.member.user_id for row in debtors(cast, days=11)]
    assert owing.count(cast.bola.user_id) == 1
    found = debtors(cast, days=11, q="bola")
    assert [row.member.user_id for row in found] == [cast.bola.user_id]


def test_pages_of_debtors_are_complete(cast: Cast) -> None:
    issue(cast, "100.00")
    first = debtors(cast, days=11, limit=2)
    rest = debtors(cast, days=11, limit=2, after=first[-1].member.id)
    assert [row.member.name for row in [*first, *rest]] == ["Bola", "Resident 2", "Resident 3"]


def test_one_members_account(cast: Cast) -> None:
    fund(cast, cast.bola, "100.00")
    wide, own = issue(cast, "100.00"), issue(cast, "40.00", to=cast.bola)
    issue(cast, "1.00", to=cast.residents[1])
    acknowledge(cast, cast.bola, wide)
    acts.pay(cast, cast.bola, wide, "60.00")
    ask = {"actor": cast.efe.actor, "user_id": cast.bola.user_id, "now": cast.now}
    with tenant(cast.cluster_id):
        account = member_accounts.account_of_member(**ask)  # type: ignore[arg-type]
        rows = member_accounts.bills_of_member(**ask)  # type: ignore[arg-type]
        later = member_accounts.bills_of_member(**ask, before=own.id)  # type: ignore[arg-type]
        with acts.refused("member_not_found"):
            member_accounts.account_of_member(actor=cast.efe.actor, user_id=cast.chidi.user_id, now=cast.now)
        assert member_accounts.bills_of_member(actor=cast.efe.actor, user_id=cast.chidi.user_id, now=cast.now) == []
    assert account.member.unit == "A1"
    assert str(account.bill_status.outstanding) == "80.00"
    assert [(row.id, row.status) for row in rows] == [
        (own.id, MemberStatus.PENDING_ACKNOWLEDGMENT),
        (wide.id, MemberStatus.PARTIALLY_PAID),
    ]
    assert [row.id for row in later] == [wide.id]


def test_only_with_view_payments(cast: Cast) -> None:
    for actor in (cast.bola.actor, cast.manager("ManageBill").actor):
        with tenant(cast.cluster_id):
            with acts.refused("permission_missing"):
                members_in_arrears(actor=actor, now=cast.now)
            with acts.refused("permission_missing"):
                member_accounts.account_of_member(actor=actor, user_id=cast.bola.user_id, now=cast.now)
            with acts.refused("permission_missing"):
                member_accounts.bills_of_member(actor=actor, user_id=cast.bola.user_id, now=cast.now)
