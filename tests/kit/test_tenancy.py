"""One cluster at a time, and no trace of it left on a connection that others will use."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import OperationalError, connection, transaction
from django.db.utils import ProgrammingError

from clustr.kit.tenancy import TenantMismatch, current_tenant, in_tenant, tenant
from tests.pool import one_connection

__all__ = ["one_connection"]


def seen() -> tuple[int, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), coalesce(current_setting('clustr.cluster', true), '')")
        pid, cluster = cursor.fetchone()
        return int(pid), str(cluster)


def test_it_works() -> None:
    cluster_id = uuid4()
    with tenant(cluster_id):
        assert seen()[1] == str(cluster_id)
        assert current_tenant() == cluster_id
        assert connection.in_atomic_block
    assert seen()[1] == ""


def test_nested_for_the_same_cluster_it_joins() -> None:
    cluster_id = uuid4()
    with tenant(cluster_id), tenant(cluster_id):
        assert seen()[1] == str(cluster_id)


def test_another_cluster_inside_is_refused() -> None:
    with pytest.raises(TenantMismatch), tenant(uuid4()), tenant(uuid4()):
        pass


def test_outside_there_is_no_tenant() -> None:
    with pytest.raises(TenantMismatch):
        current_tenant()


@pytest.mark.usefixtures("one_connection")
def test_nothing_leaks_to_the_next_user_of_the_connection() -> None:
    with tenant(uuid4()):
        pid, _ = seen()
    connection.close()
    assert seen() == (pid, "")


@pytest.mark.usefixtures("one_connection")
def test_nothing_leaks_after_an_error_in_python() -> None:
    with pytest.raises(ZeroDivisionError), tenant(uuid4()):
        pid, _ = seen()
        1 / 0  # noqa: B018
    connection.close()
    assert seen() == (pid, "")
    with pytest.raises(TenantMismatch):
        current_tenant()


@pytest.mark.usefixtures("one_connection")
def test_nothing_leaks_after_an_error_in_the_database() -> None:
    with pytest.raises(ProgrammingError), tenant(uuid4()), connection.cursor() as cursor:
        pid, _ = seen()
        cursor.execute("SELECT nothing FROM nowhere")
    connection.close()
    assert seen() == (pid, "")


def test_it_opens_the_transaction_itself() -> None:
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic(), tenant(uuid4()):
        pass


def raising(state: str, times: int) -> tuple[list[int], object]:
    calls: list[int] = []

    def work() -> int:
        calls.append(1)
        if len(calls) <= times:
            with connection.cursor() as cursor:
                cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '{state}'; END $$")
        return len(calls)

    return calls, work


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_transient_conflict_is_tried_again_from_the_start(state: str) -> None:
    _, work = raising(state, 2)
    assert in_tenant(uuid4(), work) == 3  # type: ignore[arg-type]


def test_a_conflict_that_lasts_is_given_up() -> None:
    calls, work = raising("40001", 99)
    with pytest.raises(OperationalError):
        in_tenant(uuid4(), work)  # type: ignore[arg-type]
    assert len(calls) == 5


def test_inside_a_transaction_only_the_outermost_tries_again() -> None:
    cluster_id = uuid4()
    calls, work = raising("40001", 99)
    with pytest.raises(OperationalError), tenant(cluster_id):
        in_tenant(cluster_id, work)  # type: ignore[arg-type]
    assert len(calls) == 1
