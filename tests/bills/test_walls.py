"""What the database refuses of bills to the runtime role itself, whatever the code above it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, connections, transaction

from clustr.bills import commands as bills
from clustr.bills.commands.issuing import BillChanges
from clustr.bills.models import Bill
from clustr.bills.refusals import BillNotFound
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.payments.models import Transaction
from tests.bills import acts
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue

pytestmark = pytest.mark.usefixtures("books")

TABLES = ("bill", "acknowledgment", "dispute", "adjustment", "memberbill", "billpayment", "tally")
APPEND_ONLY = ("bills_acknowledgment", "bills_adjustment", "bills_billpayment")


@contextmanager
def wall(name: str) -> Iterator[None]:
    """Expect the database to refuse, naming this constraint or privilege."""
    with pytest.raises(DatabaseError, match=name):
        yield


def run(cluster_id: UUID, statement: str, **values: object) -> int:
    with tenant(cluster_id), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def insert_payment(
    cast: Cast, bill: Bill, person: Person, *, version: int = 1, cluster_id: UUID | None = None, amount: int = 100
) -> None:
    """What a payment's rows would be, written past every rule."""
    run(
        cluster_id or cast.cluster_id,
        """
        INSERT INTO payments_transaction (cluster_id, id, reference, type, status, amount_minor, currency, user_id,
          purpose, subject_id, created_at, completed_at)
        VALUES (%(cluster)s, %(id)s, %(id)s::text, 'bill_payment', 'completed', %(amount)s, 'NGN', %(user)s, 'bill',
          %(bill)s, %(now)s, %(now)s);
        INSERT INTO bills_memberbill VALUES (%(cluster)s, %(bill)s, %(user)s, %(amount)s);
        INSERT INTO bills_billpayment (cluster_id, id, bill_id, user_id, version, amount_minor, at)
        VALUES (%(cluster)s, %(id)s, %(bill)s, %(user)s, %(version)s, %(amount)s, %(now)s)
        """,
        cluster=cluster_id or cast.cluster_id,
        id=new_id(),
        user=person.user_id,
        bill=bill.id,
        version=version,
        amount=amount,
        now=cast.now,
    )


def paid_bill(cast: Cast) -> tuple[Bill, Transaction]:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)
    return bill, acts.pay(cast, cast.bola, bill, "100.00")[0]


def test_no_payment_without_acknowledgment(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.residents[1], bill)
    with wall("bills_billpayment_needs_acknowledgment"):
        insert_payment(cast, bill, cast.bola)


@pytest.mark.parametrize("version", [1, 3])
def test_no_payment_of_a_version_that_was_not_acknowledged(cast: Cast, version: int) -> None:
    bill = issue(cast)
    acts.edit(cast, bill, title="Other")
    acknowledge(cast, cast.bola, bill)
    with wall("bills_billpayment_needs_acknowledgment"):
        insert_payment(cast, bill, cast.bola, version=version)


def test_no_payment_from_another_estate(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    with wall("bills_memberbill_bill_id_in_cluster"):
        insert_payment(cast, bill, cast.bola, cluster_id=cast.lekki.id)
    with wall("row-level security"):
        run(
            cast.lekki.id,
            "INSERT INTO bills_memberbill VALUES (%(cluster)s, %(bill)s, %(user)s, 1)",
            cluster=cast.cluster_id,
            bill=bill.id,
            user=cast.bola.user_id,
        )


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO bills_acknowledgment (cluster_id, id, bill_id, user_id, version, terms_digest, at)"
        " VALUES (kit_tenant(), %(id)s, %(bill)s, %(user)s, 1, sha256(''), now())",
        "INSERT INTO bills_dispute (cluster_id, id, bill_id, user_id, reason, opened_at)"
        " VALUES (kit_tenant(), %(id)s, %(bill)s, %(user)s, 'why', now())",
        "INSERT INTO bills_adjustment (cluster_id, id, bill_id, user_id, amount_minor, reason, by, at)"
        " VALUES (kit_tenant(), %(id)s, %(bill)s, %(user)s, 1, 'why', %(user)s, now())",
        "INSERT INTO bills_tally VALUES (kit_tenant(), %(bill)s, '0', 0, 0, 1, 0)",
    ],
    ids=["acknowledgment", "dispute", "adjustment", "tally"],
)
def test_nothing_about_another_estates_bill(cast: Cast, statement: str) -> None:
    bill = issue(cast)
    with wall("bill_id_in_cluster"):
        run(cast.lekki.id, statement, id=new_id(), bill=bill.id, user=cast.chidi.user_id)


@pytest.mark.parametrize("minor", [0, -1])
def test_an_adjustment_lowers(cast: Cast, minor: int) -> None:
    bill = issue(cast)
    with wall("bills_adjustment_lowers"):
        run(
            cast.cluster_id,
            "INSERT INTO bills_adjustment (cluster_id, id, bill_id, user_id, amount_minor, reason, by, at)"
            " VALUES (kit_tenant(), %(id)s, %(bill)s, %(user)s, %(minor)s, 'why', %(user)s, now())",
            id=new_id(),
            bill=bill.id,
            user=cast.bola.user_id,
            minor=minor,
        )


def test_another_estates_rows_are_not_there(cast: Cast) -> None:
    bill, _ = paid_bill(cast)
    acts.dispute(cast, cast.residents[1], bill)
    acts.uphold(cast, acts.dispute(cast, cast.residents[2], bill), "1.00")
    acts.close_tally(bill)
    for table in TABLES:
        assert acts.scalar(cast.cluster_id, f"SELECT count(*) FROM bills_{table}")
        assert acts.scalar(cast.lekki.id, f"SELECT count(*) FROM bills_{table}") == 0
    assert acts.scalar(cast.lekki.id, "SELECT count(*) FROM bills_owed") == 0
    for table in ("bill", "dispute", "memberbill", "tally"):
        assert run(cast.lekki.id, f"UPDATE bills_{table} SET cluster_id = cluster_id") == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM bills_owed")
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["UPDATE {} SET user_id = user_id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_was_written_stays(cast: Cast, table: str, change: str) -> None:
    with wall("permission denied"):
        run(cast.cluster_id, change.format(table))


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["UPDATE {} SET user_id = user_id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_what_was_written_stays_for_the_owner_too(cast: Cast, table: str, change: str) -> None:
    bill, _ = paid_bill(cast)
    acts.uphold(cast, acts.dispute(cast, cast.residents[1], bill), "1.00")
    with connections["owner"].cursor() as cursor:
        cursor.execute("BEGIN")
        try:
            cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(cast.cluster_id)])
            with wall("append-only"):
                cursor.execute(change.format(table))
        finally:
            cursor.execute("ROLLBACK")


@pytest.mark.parametrize("table", ["bill", "dispute", "memberbill", "tally"])
def test_nothing_is_deleted(cast: Cast, table: str) -> None:
    with wall("permission denied"):
        run(cast.cluster_id, f"DELETE FROM bills_{table}")
    with wall("permission denied"):
        run(cast.cluster_id, f"TRUNCATE bills_{table} CASCADE")


def test_paid_is_never_below_nothing(cast: Cast) -> None:
    bill, _ = paid_bill(cast)
    with wall("paid_minor_check"):
        run(
            cast.cluster_id,
            "UPDATE bills_memberbill SET paid_minor = paid_minor - 10001 WHERE bill_id = %(bill)s",
            bill=bill.id,
        )


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("amount_minor = 0", "amount_minor_check"),
        ("amount_minor = 1000000000000000", "amount_minor_check"),
        ("due_date = issued_at", "due_after_issue"),
        ("cancelled_at = now()", "cancelled_by_someone"),
        ("title = ''", "title_check"),
        ("type = 'rent'", "type_check"),
        ("category = 'user_managed'", "members_manage_their_own"),
        ("category = 'nobody_managed'", "category_check"),
        ("version = 0", "version_check"),
        ("terms_digest = ''", "terms_digest_check"),
    ],
)
def test_a_bill_that_makes_no_sense(cast: Cast, change: str, name: str) -> None:
    bill = issue(cast)
    with wall(name):
        run(cast.cluster_id, f"UPDATE bills_bill SET {change} WHERE id = %(bill)s", bill=bill.id)


def test_a_bill_number_is_given_once(cast: Cast) -> None:
    first, second = issue(cast), issue(cast)
    with wall("bills_bill_number"):
        run(
            cast.cluster_id,
            "UPDATE bills_bill SET bill_number = %(number)s WHERE id = %(bill)s",
            number=first.bill_number,
            bill=second.id,
        )


@pytest.mark.parametrize(
    ("amount", "settles", "refunds", "name"),
    [
        (0, 0, False, "amount_minor_check"),
        (-5, 0, False, "refund_is_negative"),
        (5, 0, True, "refund_is_negative"),
        (5, -1, False, "settles_with_its_sign"),
        (-5, 1, True, "settles_with_its_sign"),
    ],
)
def test_a_movement_that_makes_no_sense(cast: Cast, amount: int, settles: int, refunds: bool, name: str) -> None:
    bill, payment = paid_bill(cast)
    with wall(name):
        run(
            cast.cluster_id,
            "INSERT INTO bills_billpayment (cluster_id, id, bill_id, user_id, version, amount_minor, settles, refunds, at)"
            " VALUES (kit_tenant(), %(id)s, %(bill)s, %(user)s, 1, %(amount)s, %(settles)s, %(refunds)s, now())",
            id=new_id(),
            bill=bill.id,
            user=cast.bola.user_id,
            amount=amount,
            settles=settles,
            refunds=payment.id if refunds else None,
        )


def test_one_open_dispute_per_member(cast: Cast) -> None:
    bill = issue(cast)
    acts.dispute(cast, cast.bola, bill)
    with wall("bills_dispute_one_open"):
        run(
            cast.cluster_id,
            "INSERT INTO bills_dispute (cluster_id, id, bill_id, user_id, reason, opened_at)"
            " VALUES (kit_tenant(), %(id)s, %(bill)s, %(user)s, 'again', now())",
            id=new_id(),
            bill=bill.id,
            user=cast.bola.user_id,
        )


def test_a_payment_stands_on_its_transaction(cast: Cast) -> None:
    bill, _ = paid_bill(cast)
    with wall("bills_billpayment_id_in_cluster"):
        run(
            cast.cluster_id,
            "INSERT INTO bills_billpayment (cluster_id, id, bill_id, user_id, version, amount_minor, at)"
            " VALUES (kit_tenant(), %(id)s, %(bill)s, %(user)s, 1, 5, now())",
            id=new_id(),
            bill=bill.id,
            user=cast.bola.user_id,
        )


@contextmanager
def held(cluster_id: UUID, call: str, *values: object) -> Iterator[None]:
    """Somebody of this estate holds a lock meanwhile, on a connection of their own."""
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(cluster_id)])
        cursor.execute(f"SELECT {call}", values)
        yield


def test_another_estates_bill_is_not_waited_for(cast: Cast) -> None:
    """It would tell that somebody acts on it; after the lock timeout with 503 where one that is nowhere is 404."""
    bill = issue(cast)
    with held(cast.cluster_id, "bills_lock(%s)", bill.id), pytest.raises(BillNotFound):
        bills.edit_bill(actor=cast.dayo.actor, bill_id=bill.id, changes=BillChanges(title="x"), now=cast.now)


def test_another_estates_bill_is_not_held_up(cast: Cast) -> None:
    bill, _ = paid_bill(cast)
    with held(cast.lekki.id, "bills_lock(%s)", bill.id):
        assert acts.pay(cast, cast.bola, bill, "10.00")


def test_a_refund_is_of_a_payment_of_this_estate(cast: Cast) -> None:
    bill, _ = paid_bill(cast)
    funding = acts.scalar(cast.cluster_id, "SELECT id FROM payments_transaction WHERE purpose <> 'bill' LIMIT 1")
    with wall("bills_billpayment_refunds_in_cluster"):
        run(
            cast.cluster_id,
            "INSERT INTO bills_billpayment (cluster_id, id, bill_id, user_id, version, amount_minor, refunds, at)"
            " VALUES (kit_tenant(), %(id)s, %(bill)s, %(user)s, 1, -5, %(unknown)s, now())",
            id=funding,
            bill=bill.id,
            user=cast.bola.user_id,
            unknown=new_id(),
        )
