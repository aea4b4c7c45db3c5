"""Nobody decides about money of their own, whatever they may do with others'."""

from __future__ import annotations

from tests.web.matrix.row import Row
from tests.web.matrix.town import Town
from tests.web.matrix.watch import Watch, heard, send


def test_nobody_decides_about_their_own(town: Town, watch: Watch, own_row: Row) -> None:
    row = own_row
    ask = row.good(town.own_place())
    before = watch.rows()
    answer = send(town.client(town.landlord), row, ask)
    assert heard(answer) == (403, row.own), f"{row} let somebody decide about their own: {heard(answer)}"
    assert watch.rows() == before
    colleague = send(town.client(town.here["office"]), row, row.good(town.place(town.here)))
    assert colleague.status_code == row.answer, "the request was wrong in another way too"
