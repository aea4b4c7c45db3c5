"""Recording transactions and moving them from state to state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction

from clustr.kit.ids import new_id, reference_of
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.refusals import NotRefundable, ReferenceTaken, RefundExceedsPayment, TransactionNotFound
from clustr.payments.states import STEPS, Purpose, TransactionStatus, TransactionType
from tests.cast import Cast
from tests.money import naira
from tests.races import race

S = TransactionStatus
PAIRS = [(before, after) for before in S for after in S if before is not after]


def make(cast: Cast, *, status: TransactionStatus = S.COMPLETED, id: UUID | None = None, **changes: Any) -> Transaction:
    values: dict[str, Any] = {
        "type": TransactionType.DEPOSIT,
        "amount": naira("10.00"),
        "purpose": Purpose.WALLET,
        "user_id": cast.bola.user_id,
        "now": cast.now,
    }
    with tenant(cast.cluster_id):
        return payments.create_transaction(id=id or new_id(), status=status, **(values | changes))


def stored(cast: Cast, transaction_id: UUID) -> Transaction:
    with tenant(cast.cluster_id):
        return Transaction.objects.get(id=transaction_id)


def state_of(error: pytest.ExceptionInfo[Any]) -> str:
    return str(getattr(error.value.__cause__, "sqlstate", ""))


def test_it_works(cast: Cast) -> None:
    made = make(cast, description="Received")
    kept = stored(cast, made.id)
    assert (kept.amount, kept.status, kept.description) == (naira("10.00"), "completed", "Received")
    assert kept.reference == reference_of(made.id)
    assert kept.completed_at == cast.now


@pytest.mark.parametrize("status", [S.PENDING, S.PROCESSING, S.UNKNOWN])
def test_what_is_under_way_is_not_completed(cast: Cast, status: TransactionStatus) -> None:
    assert stored(cast, make(cast, status=status).id).completed_at is None


def test_a_providers_reference_is_taken_once(cast: Cast) -> None:
    make(cast, provider="cash", provider_reference="R-1")
    with pytest.raises(ReferenceTaken):
        make(cast, provider="cash", provider_reference="R-1")
    make(cast, provider="pos", provider_reference="R-1")


def test_a_providers_reference_is_taken_as_it_is_written(cast: Cast) -> None:
    make(cast, provider="paystack", provider_reference="R-1")
    with pytest.raises(ReferenceTaken):
        make(cast, provider="paystack", provider_reference="R-1")
    make(cast, provider="paystack", provider_reference="r1")


def test_a_reference_of_another_cluster_is_free(cast: Cast) -> None:
    make(cast, provider="cash", provider_reference="R-1")
    with tenant(cast.lekki.id):
        payments.create_transaction(
            id=new_id(),
            type=TransactionType.DEPOSIT,
            status=S.COMPLETED,
            amount=naira("1.00"),
            purpose=Purpose.WALLET,
            provider="cash",
            provider_reference="R-1",
            now=cast.now,
        )


def test_twenty_at_once_take_a_reference_once(cast: Cast) -> None:
    ended = race(lambda: make(cast, provider="cash", provider_reference="R-2")).only(ReferenceTaken)
    assert len(ended.results) == 1


def test_an_id_that_is_known_is_a_bug_not_a_refusal(cast: Cast) -> None:
    made = make(cast)
    with pytest.raises(IntegrityError):
        make(cast, id=made.id)


@pytest.mark.parametrize("minor", [0, -1, 10**15])
def test_an_impossible_amount_is_refused_by_the_database(cast: Cast, minor: int) -> None:
    with pytest.raises(IntegrityError):
        make(cast, amount=Money(minor, "NGN"))


# --- States ------------------------------------------------------------------------------------------------------------


def test_what_is_settled_stays_settled() -> None:
    assert {status: after for status, after in STEPS.items() if status in (S.COMPLETED, S.REFUNDED)} == {
        S.COMPLETED: {S.REFUNDED},
        S.REFUNDED: set(),
    }
    assert [status for status, after in STEPS.items() if S.REFUNDED in after] == [S.COMPLETED]
    assert [status for status, after in STEPS.items() if S.PENDING in after] == []


def test_the_databases_steps_are_the_tables() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT from_status, to_status FROM payments_step")
        steps = set(cursor.fetchall())
    assert steps == {(before.value, after.value) for before, afters in STEPS.items() for after in afters}
    assert set(STEPS) == set(S)


@pytest.fixture(scope="module")
def moved() -> Iterator[dict[tuple[str, str], bool]]:
    """For every pair of states, whether the database let a transaction take that step."""
    from tests.cast import make_cast

    cast = make_cast(residents=1)
    taken: dict[tuple[str, str], bool] = {}
    for before, after in PAIRS:
        transaction_id = _standing_at(cast, before)
        try:
            with tenant(cast.cluster_id), connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE payments_transaction SET status = %(after)s,"
                    " completed_at = CASE WHEN %(done)s THEN now() END,"
                    " refunded_minor = CASE WHEN %(after)s = 'refunded' THEN amount_minor ELSE 0 END"
                    " WHERE id = %(id)s",
                    {"after": after.value, "done": after in (S.COMPLETED, S.REFUNDED), "id": transaction_id},
                )
            taken[before.value, after.value] = True
        except IntegrityError as error:
            assert "no step from" in str(error) or "never change" in str(error)
            taken[before.value, after.value] = False
    yield taken


def _standing_at(cast: Cast, status: TransactionStatus) -> UUID:
    made = make(cast, status=S.PENDING if status is S.REFUNDED else status).id
    if status is S.REFUNDED:
        with tenant(cast.cluster_id):
            payments.complete_transaction(transaction_id=made, now=cast.now)
            payments.count_refund(transaction_id=made, amount=naira("10.00"), now=cast.now)
    return made


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_the_database_takes_exactly_the_tables_steps(
    moved: dict[tuple[str, str], bool], before: TransactionStatus, after: TransactionStatus
) -> None:
    assert moved[before.value, after.value] == (after in STEPS[before])


def test_the_runtime_role_cannot_add_a_step() -> None:
    with pytest.raises(DatabaseError) as raised, connection.cursor() as cursor:
        cursor.execute("INSERT INTO payments_step VALUES ('refunded', 'pending')")
    assert state_of(raised) == "42501"


def test_completing_says_whether_it_changed_anything(cast: Cast) -> None:
    made = make(cast, status=S.PENDING)
    with tenant(cast.cluster_id):
        assert payments.complete_transaction(transaction_id=made.id, now=cast.now)
        assert not payments.complete_transaction(transaction_id=made.id, now=cast.now)
    assert stored(cast, made.id).completed_at == cast.now


def test_a_late_success_settles_what_was_cancelled(cast: Cast) -> None:
    made = make(cast, status=S.PENDING)
    with tenant(cast.cluster_id):
        assert payments.cancel_transaction(transaction_id=made.id, now=cast.now)
        assert not payments.cancel_transaction(transaction_id=made.id, now=cast.now)
        assert payments.complete_transaction(transaction_id=made.id, now=cast.now)
    with pytest.raises(IntegrityError, match="no step from completed to cancelled"), tenant(cast.cluster_id):
        payments.cancel_transaction(transaction_id=made.id, now=cast.now)


def test_another_clusters_transaction_is_not_touched(cast: Cast) -> None:
    made = make(cast, status=S.PENDING)
    with pytest.raises(TransactionNotFound), tenant(cast.lekki.id):
        payments.complete_transaction(transaction_id=made.id, now=cast.now)
    assert stored(cast, made.id).status == S.PENDING


@pytest.mark.parametrize(
    "change",
    [
        "amount_minor = amount_minor + 1",
        "currency = 'USD'",
        "user_id = gen_random_uuid()",
        "user_id = NULL",
        "purpose = 'bill'",
        "type = 'refund'",
        "subject_id = gen_random_uuid()",
        "created_at = now() - interval '1 year'",
        "reference = 'another'",
        "id = gen_random_uuid()",
    ],
)
@pytest.mark.parametrize("alias", ["default", "owner"])
def test_amount_owner_and_purpose_never_change(cast: Cast, alias: str, change: str) -> None:
    made = make(cast)
    with (
        pytest.raises(IntegrityError, match="never change"),
        transaction.atomic(using=alias),
        connections[alias].cursor() as cursor,
    ):
        cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(cast.cluster_id)])
        cursor.execute(f"UPDATE payments_transaction SET {change} WHERE id = %s", [made.id])


def test_the_runtime_role_deletes_none(cast: Cast) -> None:
    with pytest.raises(DatabaseError) as raised, tenant(cast.cluster_id):
        Transaction.objects.filter(id=make(cast).id)._raw_delete("default")
    assert state_of(raised) == "42501"


@pytest.mark.parametrize(
    "change",
    [
        "completed_at = NULL",
        "refunded_minor = amount_minor",
        "refunded_minor = amount_minor + 1",
        "refunded_minor = -1",
        "failure = '{}'",
    ],
)
def test_states_fit_what_is_said_of_them(cast: Cast, change: str) -> None:
    made = make(cast)
    with pytest.raises(IntegrityError), tenant(cast.cluster_id), connection.cursor() as cursor:
        cursor.execute(f"UPDATE payments_transaction SET {change} WHERE id = %s", [made.id])


# --- Refunds -------------------------------------------------------------------------------------------------------------


def refund(cast: Cast, transaction_id: UUID, amount: str) -> Transaction:
    with tenant(cast.cluster_id):
        return payments.count_refund(transaction_id=transaction_id, amount=naira(amount), now=cast.now)


def test_a_refund_in_parts_ends_as_refunded(cast: Cast) -> None:
    made = make(cast)
    refund(cast, made.id, "4.00")
    assert (stored(cast, made.id).status, stored(cast, made.id).refunded_minor) == ("completed", 400)
    assert refund(cast, made.id, "6.00").refunded_minor == 400, "answers it as it was before"
    assert (stored(cast, made.id).status, stored(cast, made.id).refunded_minor) == ("refunded", 1000)


@pytest.mark.parametrize(("first", "then"), [("10.00", "0.01"), ("4.00", "6.01"), (None, "10.01")])
def test_more_than_is_left_is_refused(cast: Cast, first: str | None, then: str) -> None:
    made = make(cast)
    if first:
        refund(cast, made.id, first)
    with pytest.raises(RefundExceedsPayment):
        refund(cast, made.id, then)


@pytest.mark.parametrize("status", [S.PENDING, S.PROCESSING, S.UNKNOWN, S.FAILED, S.CANCELLED])
def test_what_is_not_completed_is_not_refunded(cast: Cast, status: TransactionStatus) -> None:
    with pytest.raises(NotRefundable):
        refund(cast, make(cast, status=status).id, "1.00")


def test_unknown_is_refused(cast: Cast) -> None:
    with pytest.raises(TransactionNotFound):
        refund(cast, uuid4(), "1.00")


def test_another_clusters_is_refused(cast: Cast) -> None:
    made = make(cast)
    with pytest.raises(TransactionNotFound), tenant(cast.lekki.id):
        payments.count_refund(transaction_id=made.id, amount=naira("1.00"), now=cast.now)


def test_twenty_refunds_at_once_never_exceed_the_payment(cast: Cast) -> None:
    made = make(cast)
    ended = race(lambda: refund(cast, made.id, "3.00")).only(RefundExceedsPayment)
    assert len(ended.results) == 3
    assert stored(cast, made.id).refunded_minor == 900


def refund_many(cast: Cast, originals: dict[UUID, UUID]) -> list[tuple[Any, ...]]:
    with tenant(cast.cluster_id):
        return payments.refund_transactions(originals=originals, reason="Cancelled", now=cast.now)


def test_many_at_once_are_refunded_by_what_is_left(cast: Cast) -> None:
    whole, part, done, under_way = make(cast), make(cast), make(cast), make(cast, status=S.PENDING)
    refund(cast, part.id, "4.00")
    refund(cast, done.id, "10.00")
    wanted = {row.id: new_id() for row in (whole, part, done, under_way)}

    rows = refund_many(cast, wanted)

    assert {row[0]: row[1:] for row in rows} == {
        whole.id: (wanted[whole.id], cast.bola.user_id, 1000, "NGN"),
        part.id: (wanted[part.id], cast.bola.user_id, 600, "NGN"),
    }
    assert {stored(cast, row.id).status for row in (whole, part, done)} == {"refunded"}
    assert stored(cast, under_way.id).status == "pending"
    made = stored(cast, wanted[part.id])
    assert (made.type, made.status, made.amount_minor, made.subject_id) == ("refund", "completed", 600, part.id)
    assert made.reference == reference_of(made.id)
    assert refund_many(cast, {row.id: new_id() for row in (whole, part)}) == [], "a repeat refunds nothing"


def test_many_of_another_cluster_are_left_alone(cast: Cast) -> None:
    made = make(cast)
    with tenant(cast.lekki.id):
        assert payments.refund_transactions(originals={made.id: new_id()}, reason="", now=cast.now) == []
    assert stored(cast, made.id).status == "completed"


def test_twenty_sets_at_once_refund_each_once(cast: Cast) -> None:
    rows = [make(cast).id for _ in range(10)]
    ended = race(lambda: refund_many(cast, {row: new_id() for row in rows})).only()
    refunded = [row[0] for result in ended.results for row in result]
    assert sorted(refunded) == sorted(rows)


def test_a_set_beside_single_refunds_never_exceeds(cast: Cast) -> None:
    made = make(cast)

    def single() -> int:
        refund(cast, made.id, "3.00")
        return 300

    def all_of_it() -> int:
        return sum(row[3] for row in refund_many(cast, {made.id: new_id()}))

    ended = race([single, all_of_it] * 10).only(RefundExceedsPayment)
    assert sum(ended.results) <= 1000
    assert sum(ended.results) == stored(cast, made.id).refunded_minor
