"""What is a stranger's is not there: the answer to it is the answer to an id that nothing has, and nothing happens."""

from __future__ import annotations

from typing import Any

from tests.cast import ApiClient, Person
from tests.web.matrix.row import Ask, Hears, Row
from tests.web.matrix.town import Town
from tests.web.matrix.watch import Watch, asked_of_database, heard, nowhere, said, send


def not_there(watch: Watch, who: Person, client: ApiClient, row: Row, ask: Ask, where: str, id: str) -> Any:
    """Ask for this id and for one that nothing has; both must be told the same, after the same statements: nobody learns
    either from the work an answer took. Answers the first."""
    none, what = nowhere(), f"{row} with a stranger's id at {where}"
    with asked_of_database() as of_strangers:
        answer = watch.note(who, send(client, row, ask.with_id(where, id)), what)
    with asked_of_database() as of_nothing:
        other = send(client, row, ask.with_id(where, none))
    first, second = said(answer, id), said(other, none)
    assert first == second, f"{what} is told from an id that nothing has: {first} {second}"
    assert of_strangers, f"{what}: no statement was seen"
    assert of_strangers == of_nothing, f"{what} costs other statements than an id that nothing has"
    return answer


def expected(answer: Any, hears: Hears, what: str) -> None:
    if hears.empty:
        assert answer.status_code == 200, f"{what}: {heard(answer)}"
        assert answer.json()["results"] == [], what
    else:
        assert heard(answer) == (hears.status, hears.code), f"{what}: {heard(answer)}"


def test_another_estates_ids_are_not_there(town: Town, watch: Watch, id_row: Row) -> None:
    """Everything in the request is one's own, but one id at a time."""
    row = id_row
    (place, ask), (_, theirs) = town.ready(row.good, town.there, used=row.writes), town.ready(row.good, town.here)
    who = place.office if row.is_office else place.member
    client, before = town.client(who), watch.rows()
    for where, hears in row.ids.items():
        answer = not_there(watch, who, client, row, ask, where, theirs.id_at(where))
        expected(answer, hears, f"{row}, another estate's id at {where}")
    assert watch.rows() == before
    assert send(client, row, ask).status_code == row.answer, "the request was wrong in another way too"


def test_who_belongs_to_both_asks_in_the_right_one(town: Town, watch: Watch, office_id_row: Row) -> None:
    """In the one estate what is in the other is not there, and in the other it is."""
    row, client = office_id_row, town.client(town.twin)
    _, ask = town.ready(row.good, town.here, used=row.writes)
    before = watch.rows()
    answer = send(client, row, ask, X_Cluster_ID=str(town.there.id))
    hears = min(row.ids.values(), key=lambda heard: heard.status)
    assert (heard(answer) == (hears.status, hears.code)) or (hears.empty and answer.json()["results"] == []), row
    assert heard(send(client, row, ask)) == (400, "cluster_required")
    assert watch.rows() == before
    assert send(client, row, ask, X_Cluster_ID=str(town.here.id)).status_code == row.answer, row


def test_a_neighbours_ids_are_not_there(town: Town, watch: Watch, member_id_row: Row) -> None:
    """Nor for those who manage the estate: what is a member's own is for them alone, but where the row says otherwise."""
    row = member_id_row
    place, ask = town.ready(row.good, town.here)
    _, theirs = town.ready(row.good, town.here, used=row.writes and bool(row.also), which="a neighbour's")
    asking = {
        "a neighbour": place.member,
        "an administrator": town.here["office"],
        "somebody who left": town.gone["resident"],
        **{f"staff with {name or 'nothing'}": person for name, person in town.staff.items()},
    }
    may = {what for what, who in asking.items() if row.also and who.actor.may(row.also)}
    for what in may:
        answer = send(town.client(asking[what]), row, theirs)
        assert answer.status_code == row.answer, f"{row}, a neighbour's, asked by {what}: {heard(answer)}"
    before = watch.rows()
    for where, hears in row.ids.items():
        for what, who in asking.items():
            if what in may:
                continue
            answer = not_there(watch, who, town.client(who), row, ask, where, theirs.id_at(where))
            left = row.former and what == "somebody who left"
            if who is not place.member:  # no id of the request is theirs: whichever was looked for first
                hears = next((one for one in row.ids.values() if heard(answer) == (one.status, one.code)), hears)
            expected(
                answer,
                Hears(403, row.former) if left else hears,
                f"{row}, a neighbour's id at {where}, asked by {what}",
            )
    assert watch.rows() == before


def test_another_estate_is_not_there(town: Town, watch: Watch, row: Row) -> None:
    """Whoever names an estate in the header that is not theirs hears what they hear of one that is nowhere."""
    here, ask = town.ready(row.good, town.here, used=row.writes and not row.cluster)
    there = town.place(town.there)
    before = watch.rows()
    for who in (town.there["office"], there.member, here.member):
        named, none = str(town.there.id if who is here.member else town.here.id), nowhere()
        client = town.client(who)
        with asked_of_database() as of_strangers:
            answer = watch.note(who, send(client, row, ask, X_Cluster_ID=named), f"{row}, another estate named")
        if row.cluster:
            assert heard(answer) == (404, "cluster_not_found"), (row, heard(answer))
            with asked_of_database() as of_nothing:
                other = send(client, row, ask, X_Cluster_ID=none)
            assert said(answer, named) == said(other, none)
            assert of_strangers == of_nothing, f"{row}: another estate costs other statements than one that is nowhere"
    assert watch.rows() == before


def test_a_search_finds_nothing_of_another_estate(town: Town, watch: Watch, search_row: Row) -> None:
    row = search_row
    place, ask = town.ready(row.good, town.here)
    path = ask.path
    stranger = town.there["office"] if row.is_office else town.place(town.there).member
    client = town.client(stranger)
    for found in (place.tag, place.member.email, place.member.name.split(" ")[0], place.member.unit):
        asked, none = Ask(path, query={"q": found}), Ask(path, query={"q": "nobody of this name"})
        answer = watch.note(stranger, send(client, row, asked), f"{row}, searching for {found}")
        if path:  # what is looked through is another estate's already
            assert answer.status_code == 404, (row, found)
            continue
        assert _listed(answer) == [] or place.tag not in answer.content.decode(), (row, found)
        assert _listed(send(client, row, none)) == []
    answer = send(
        town.client(town.here["office"] if row.is_office else place.member), row, Ask(path, query={"q": place.tag})
    )
    assert _listed(answer), f"{row} finds nothing where there is something"


def _listed(answer: Any) -> list[Any]:
    """The rows of a list's page, which may stand beside sums."""
    body = answer.json()
    return next(part["results"] for part in (body, *body.values()) if isinstance(part, dict) and "results" in part)
