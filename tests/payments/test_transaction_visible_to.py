"""One transaction by its id: for its owner, and for who may see payments."""

from __future__ import annotations

import pytest

from clustr.kit.tenancy import tenant
from clustr.payments.queries import transaction_visible_to
from clustr.payments.refusals import TransactionNotFound
from tests.cast import Cast, Person
from tests.payments.test_transactions import make


def sees(person: Person, cast: Cast) -> bool:
    made = make(cast)
    with tenant(person.cluster_id):
        return transaction_visible_to(actor=person.actor, transaction_id=made.id).id == made.id


def test_it_works(cast: Cast) -> None:
    assert sees(cast.bola, cast)
    assert sees(cast.efe, cast)
    assert sees(cast.ada, cast)


@pytest.mark.parametrize("name", ["neighbour", "dayo", "chidi"])
def test_anybody_elses_is_not_found(cast: Cast, name: str) -> None:
    person = cast.residents[1] if name == "neighbour" else getattr(cast, name)
    with pytest.raises(TransactionNotFound):
        sees(person, cast)
