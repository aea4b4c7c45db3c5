"""What changes while a token lives counts from the next request on."""

from __future__ import annotations

from uuid import uuid4

from clustr.clusters import commands as clusters
from clustr.clusters.types import MemberChanges, Role
from clustr.people.models import User
from tests.web.matrix.row import Row
from tests.web.matrix.town import Town
from tests.web.matrix.watch import Watch, heard, send


def test_a_lost_permission_counts_at_once(town: Town, watch: Watch, office_row: Row) -> None:
    row, person = office_row, town.newcomer(town.here, Role.STAFF, *office_row.needs)
    client, key = town.client(person), uuid4().hex
    _, earlier = town.ready(row.good, town.here, used=row.writes)
    assert send(client, row, earlier, Idempotency_Key=key).status_code == row.answer

    changes = MemberChanges(permissions=frozenset())
    clusters.update_member(
        actor=town.here["office"].actor, membership_id=person.membership_id, changes=changes, now=town.now
    )
    _, ask = town.ready(row.good, town.here)
    before = watch.rows()
    assert heard(send(client, row, ask)) == (403, "permission_missing"), row
    assert heard(send(client, row, earlier, Idempotency_Key=key)) == (403, "permission_missing"), f"{row}, repeated"
    assert watch.rows() == before


def test_who_left_the_office_asks_no_more(town: Town, watch: Watch, office_row: Row) -> None:
    row, person = office_row, town.newcomer(town.here, Role.STAFF, *office_row.needs)
    client = town.client(person)
    _, ask = town.ready(row.good, town.here, used=row.writes)
    assert send(client, row, ask).status_code == row.answer

    town.leave(person)
    _, ask = town.ready(row.good, town.here)
    before = watch.rows()
    assert heard(send(client, row, ask)) == (403, "permission_missing"), row
    User.objects.filter(id=person.user_id).update(is_active=False)
    assert heard(send(client, row, ask)) == (401, "not_signed_in"), row
    assert watch.rows() == before


def test_who_moved_out_keeps_what_applied_to_them(town: Town, watch: Watch, member_row: Row) -> None:
    row, place = member_row, town.place(town.here)
    ask, client = row.good(place), town.client(place.member)
    assert heard(client.get("/members/wallet/balance/"))[0] == 200
    town.leave(place.member)
    before = watch.rows()
    answer = watch.note(place.member, send(client, row, ask), f"{row}, after moving out,")
    if row.former:
        assert heard(answer) == (403, row.former), row
        assert watch.rows() == before
    else:
        assert answer.status_code == row.answer, (row, heard(answer))
    before = watch.rows()
    User.objects.filter(id=place.member.user_id).update(is_active=False)
    assert heard(send(client, row, ask)) == (401, "not_signed_in"), row
    assert watch.rows() == before
