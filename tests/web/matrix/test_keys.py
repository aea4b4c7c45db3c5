"""Cursors and Idempotency-Keys are of one list and one person in one estate."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from tests.web.matrix.routes import routes
from tests.web.matrix.row import Ask, Row
from tests.web.matrix.town import Town
from tests.web.matrix.watch import Watch, heard, said, send

REPLAYED = "Idempotent-Replayed"


def next_of(answer: Any) -> str:
    """The cursor of the next page, wherever in the answer it stands."""
    page = answer.json()
    inner = next((part for part in page.values() if isinstance(part, dict) and "next" in part), page)
    found = page.get("next") or inner["next"]
    assert found, "`good` must make at least two rows of its list"
    return str(found)


def test_a_cursor_leads_nowhere_in_another_estate(town: Town, watch: Watch, list_row: Row) -> None:
    row = list_row
    (here, ask), (there, _) = town.ready(row.good, town.here, times=2), town.ready(row.good, town.there)
    filters = {} if any(hears.empty for hears in row.ids.values()) else ask.query
    page = Ask(path=ask.path, query={**filters, "limit": "1"})
    asker = here.office if row.is_office else here.member
    cursor = next_of(send(town.client(asker), row, page))
    follow = Ask(path=ask.path, query={**page.query, "cursor": cursor})
    assert send(town.client(asker), row, follow).status_code == 200
    strangers = {"another estate's": there.office if row.is_office else there.member}
    for what, who in strangers.items():
        answer = watch.note(who, send(town.client(who), row, follow), f"{row}, with {what} cursor")
        assert heard(answer) == (422, "invalid_cursor"), f"{row} answered {heard(answer)} to {what} cursor"
        garbage = Ask(path=ask.path, query={**page.query, "cursor": "A" * len(cursor)})
        assert said(answer) == said(send(town.client(who), row, garbage))
    twin = send(town.client(town.twin), row, follow, X_Cluster_ID=str(town.there.id))
    assert heard(twin) == (422, "invalid_cursor"), row


def test_a_key_is_one_persons_in_one_estate(town: Town, watch: Watch, write_row: Row) -> None:
    """Repeated, it answers as before. Somebody else's request with it, or one's own in another estate, is another."""
    row, key = write_row, uuid4().hex
    place = town.place(town.here)
    asker, ask = (place.office if row.is_office else place.member), row.good(place)
    assert routes()[row.route].takes_key, f"{row} takes no Idempotency-Key"

    first = watch.note(asker, send(town.client(asker), row, ask, Idempotency_Key=key), str(row))
    assert (first.status_code, REPLAYED in first) == (row.answer, False), first.content
    before = watch.rows()
    again = send(town.client(asker), row, ask, Idempotency_Key=key)
    assert (again.status_code, again.content, again.get(REPLAYED)) == (row.answer, first.content, "true"), row
    assert watch.rows() == before

    there = town.place(town.there)
    theirs, stranger = row.good(there), (there.office if row.is_office else there.member)
    answer = watch.note(
        stranger, send(town.client(stranger), row, theirs, Idempotency_Key=key), f"{row}, with that key"
    )
    assert (answer.status_code, REPLAYED in answer) == (row.answer, False), answer.content

    beside = town.place(town.here)
    other, neighbour = row.good(beside), (town.landlord if row.is_office else beside.member)
    answer = send(town.client(neighbour), row, other, Idempotency_Key=key)
    assert (answer.status_code, REPLAYED in answer) == (row.answer, False), answer.content


def test_a_key_of_one_estate_repeats_nothing_in_another(town: Town, watch: Watch, office_write_row: Row) -> None:
    row, key, client = office_write_row, uuid4().hex, town.client(town.twin)
    ask = row.good(town.place(town.here))
    assert send(client, row, ask, Idempotency_Key=key, X_Cluster_ID=str(town.here.id)).status_code == row.answer
    before = watch.rows()
    answer = send(client, row, ask, Idempotency_Key=key, X_Cluster_ID=str(town.there.id))
    assert REPLAYED not in answer, row
    if row.ids:
        assert answer.status_code >= 400, row
        assert watch.rows() == before
