"""Who may ask: nobody without signing in, the office by its permission, members about themselves."""

from __future__ import annotations

import pytest

from clustr.clusters.types import PaymentsPermissions, Role
from tests.cast import ApiClient, anonymous
from tests.web.matrix.row import Ask, Row
from tests.web.matrix.rows import ROWS
from tests.web.matrix.tokens import bad_tokens
from tests.web.matrix.town import Town, sharing_middleware
from tests.web.matrix.watch import Watch, heard, nowhere, said, send

NOT_SIGNED_IN, LACKS = (401, "not_signed_in"), (403, "permission_missing")


@pytest.fixture(scope="module")
def nobodies(town: Town) -> dict[str, ApiClient]:
    """Clients by what is wrong with the token they send."""
    wrong = {what: ApiClient(None, Authorization=sent) for what, sent in bad_tokens(town.here["office"]).items()}
    return {what: sharing_middleware(client) for what, client in (wrong | {"that is missing": anonymous()}).items()}


def test_nobody_asks_without_signing_in(town: Town, watch: Watch, nobodies: dict[str, ApiClient], row: Row) -> None:
    _, ask = town.ready(row.good, town.here)
    before = watch.rows()
    for what, client in nobodies.items():
        answer = send(client, row, ask)
        assert heard(answer) == NOT_SIGNED_IN, f"{row} answered {heard(answer)} to a token {what}"
        assert answer["WWW-Authenticate"].startswith("Bearer")
    assert watch.rows() == before


def test_whoever_lacks_the_permission_is_refused(town: Town, watch: Watch, office_row: Row) -> None:
    """And learns nothing of what is there: the same is said of ids that nothing has."""
    row = office_row
    _, ask = town.ready(row.good, town.here)
    missing = ask
    for where in row.ids:
        missing = missing.with_id(where, nowhere())
    others = {f"staff with {name or 'nothing'}": who for name, who in town.staff.items() if name not in row.needs}
    others |= {f"a {what} who has left": who for what, who in town.gone.items()}
    others["a resident"] = town.newcomer(town.here)
    rest = {permission.value for permission in PaymentsPermissions} - row.needs
    others["staff with all else"] = town.newcomer(town.here, Role.STAFF, *sorted(rest))
    before = watch.rows()
    of_nothing = said(send(town.client(town.gone["resident"]), row, missing))
    for what, who in others.items():
        answer = watch.note(who, send(town.client(who), row, ask), f"{row}, asked by {what},")
        assert heard(answer) == LACKS, f"{row} answered {heard(answer)} to {what}"
        assert said(answer) == of_nothing, what
    assert watch.rows() == before


def test_each_permission_that_suffices_does(town: Town, watch: Watch, office_row: Row) -> None:
    row = office_row
    town.ready(row.good, town.there)
    who = {f"staff with {need}": town.staff[need] for need in row.needs} | {"an administrator": town.here["office"]}
    for what, person in who.items():
        _, ask = town.ready(row.good, town.here, used=row.writes)
        answer = send(town.client(person), row, ask)
        watch.note(person, answer, f"{row}, asked by {what},")
        assert answer.status_code == row.answer, f"{row} answered {heard(answer)} to {what}: {answer.content!r}"


def test_a_list_as_csv_tells_no_more(town: Town, watch: Watch) -> None:
    row = next(row for row in ROWS if row.route == "GET /management/payments/transactions/")
    for estate in (town.here, town.there):
        town.ready(row.good, estate)
    for who in (town.here["office"], town.there["office"]):
        answer = send(town.client(who), row, Ask(query={"format": "csv"}))
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
        watch.note(who, answer, "the CSV")


def test_a_member_asks_about_themselves(town: Town, watch: Watch, member_row: Row) -> None:
    row = member_row
    place, ask = town.ready(row.good, town.here, used=row.writes)
    beside, _ = town.ready(row.good, town.here, which="beside")
    town.ready(row.good, town.there)
    answer = watch.note(place.member, send(town.client(place.member), row, ask), str(row))
    assert answer.status_code == row.answer, f"{row} answered {heard(answer)}: {answer.content!r}"
    text = answer.content.decode(errors="replace")
    assert {told for told in watch.of_member(beside.member, place.member) if told in text} == set()


def test_the_platforms_people_belong_to_no_estate(town: Town, watch: Watch, row: Row) -> None:
    (_, ask), client = town.ready(row.good, town.here, used=row.writes and not row.cluster), town.client(town.platform)
    before = watch.rows()
    if row.cluster:
        assert heard(send(client, row, ask)) == (403, "no_membership"), row
        assert heard(send(client, row, ask, X_Cluster_ID=str(town.here.id))) == (404, "cluster_not_found"), row
    elif row.is_platforms:
        assert send(client, row, ask).status_code in (200, 201), row
    else:
        watch.note(town.platform, send(client, row, ask), str(row))
    assert watch.rows() == before
